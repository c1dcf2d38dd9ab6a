"""What computes is the same whatever the environment asks for, as far as it is pinned."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def asked(**variables):
    """What computes in a process with these variables set."""
    process = subprocess.run(
        [sys.executable, "scripts/arithmetic.py"],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(process.stdout)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="pinned on x86 only")
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OPENBLAS_CORETYPE": "Nehalem", "NUMBA_CPU_NAME": "nehalem"},
        {"NPY_DISABLE_CPU_FEATURES": "X86_V3"},
        {"OPENBLAS_CORETYPE": "SkylakeX", "NUMBA_CPU_NAME": "skylake-avx512"},
    ],
)
def test_kernels_and_target_are_pinned(variables):
    found = asked(**variables)
    assert found["blas_numpy"].endswith(" Haswell")
    assert found["blas_scipy"].endswith(" Haswell")
    assert found["numba"] == "haswell"
    assert found["numpy_simd"] == "X86_V3"


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="no other processor to emulate")
def test_a_processor_of_2013_gives_the_same_bytes(mnist, tmp_path):
    """A Haswell has AVX2 and FMA, but none of what came later."""
    train = "scripts/train.py --rule competitive --fraction 0.1 --width 30 --seed 0 --output -"
    command = [sys.executable, *train.split(), "--goal", "0.5", "--max-epochs", "0.034"]
    tables = [
        subprocess.run(
            [*emulator, *command],
            cwd=ROOT,
            env=os.environ | {"RESULT_STORE": str(tmp_path / str(len(emulator)))},
            capture_output=True,
            check=True,
        ).stdout
        for emulator in ([], ["qemu-x86_64", "-cpu", "Haswell"])
    ]
    assert tables[0].count(b"\n") == 2
    assert tables[0] == tables[1]
