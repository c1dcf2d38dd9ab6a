"""What computes is the same whatever the environment asks for, as far as it is pinned."""

import json
import os
import platform
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
        {"OPENBLAS_CORETYPE": "SkylakeX", "NUMBA_CPU_NAME": "skylake-avx512"},
    ],
)
def test_kernels_and_target_are_pinned(variables):
    found = asked(**variables)
    assert found["blas_numpy"].endswith(" Haswell")
    assert found["blas_scipy"].endswith(" Haswell")
    assert found["numba"] == "haswell"


def test_it_tells_what_is_in_use():
    """The answer is not just what is wished for: NumPy's extensions can be switched off."""
    fewer = asked(NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL AVX512_SPR")
    assert fewer["numpy_simd"] == "" or platform.machine() not in ("x86_64", "AMD64")
