"""What computes is the same whatever the environment asks for, as far as it is pinned."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import arithmetic

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


OPENBLAS = "openblas 0.3.31 {}"
WHEELS = {
    "Linux": "/v/site-packages/{0}.libs/libscipy_openblas64_-6bb3.so",
    "macOS": "/v/site-packages/{0}/.dylibs/libscipy_openblas64_.dylib",
}


def package(name, built="scipy-openblas", version="0.3.31"):
    """A package that was built with this BLAS."""
    config = {"Build Dependencies": {"blas": {"name": built, "version": version}}}
    return SimpleNamespace(__name__=name, __config__=SimpleNamespace(CONFIG=config))


def library(path, kernel):
    """What threadpoolctl reports on a loaded OpenBLAS."""
    names = {"user_api": "blas", "internal_api": "openblas", "version": "0.3.31"}
    return names | {"architecture": kernel, "filepath": path}


@pytest.mark.parametrize("path", WHEELS.values(), ids=WHEELS)
def test_each_package_has_the_library_of_its_wheel(path):
    loaded = [library(path.format("numpy"), "VORTEX"), library(path.format("scipy"), "armv8")]
    named = [arithmetic.blas(package(name), loaded) for name in ("numpy", "scipy")]
    assert named == [OPENBLAS.format("VORTEX"), OPENBLAS.format("armv8")]


@pytest.mark.parametrize("built", ["accelerate", "Accelerate"])
def test_accelerate_is_named_with_the_version_of_macos(built, monkeypatch):
    """NumPy and SciPy write its name differently; threadpoolctl does not know it."""
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.2", ("", "", ""), "arm64"))
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    other = library(WHEELS["macOS"].format("other"), "VORTEX")
    named = arithmetic.blas(package("numpy", built, "unknown"), [other])
    assert named == "accelerate of macOS 15.2 arm64"


def test_a_library_of_the_system_is_named_by_its_kernel():
    loaded = [library("/usr/lib/aarch64-linux-gnu/libopenblas.so.0", "neoversen1")]
    assert arithmetic.blas(package("numpy", "blas"), loaded) == OPENBLAS.format("neoversen1")


def test_a_library_that_is_unknown_here_is_named_as_built():
    assert arithmetic.blas(package("numpy", "flame", "5.2"), []) == "flame 5.2"
