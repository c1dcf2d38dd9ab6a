"""Print the arithmetic of this machine as JSON: BLAS kernels, SIMD extensions and Numba's target.

Results depend on them, because different ones round differently. The key `environment` contains the
environment variables that select them. All jobs run with these variables, so the order of imports
in a job does not matter.
"""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from types import ModuleType

import plasticity.compilation  # noqa: F401  # isort: skip  # selects them, so it comes first

import llvmlite.binding
import numba
import numpy as np
import scipy.linalg  # loads SciPy's BLAS
import threadpoolctl


def arithmetic() -> dict[str, str]:
    """Return the names of the BLAS libraries and kernels, SIMD extensions and Numba's target."""
    loaded = [one for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"]
    libraries = {f"blas_{package.__name__}": blas(package, loaded) for package in (np, scipy)}
    umath = np._core._multiarray_umath  # type: ignore[attr-defined]  # there is no public function
    extensions = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]
    target = numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    return libraries | {"numpy_simd": " ".join(extensions), "numba": target}


def blas(package: ModuleType, loaded: Iterable[Mapping[str, str]]) -> str:
    """Return the BLAS that `package` uses, with version and kernel; `loaded` are all libraries.

    A wheel brings its library along, in a folder beside the package on Linux and in the package on
    macOS. Otherwise, the name is that with which the package was built, such as Apple's Accelerate
    (not in `loaded`), which is a part of macOS and has its version.
    """
    folders = (f"/{package.__name__}.libs/", f"/{package.__name__}/.dylibs/")
    for library in loaded:
        if any(folder in library["filepath"] for folder in folders):
            return "{internal_api} {version} {architecture}".format_map(library)
    built = package.__config__.CONFIG["Build Dependencies"]["blas"]
    if built["name"].lower() == "accelerate":
        return f"accelerate of macOS {platform.mac_ver()[0]} {platform.machine()}"
    kernels = sorted({"{internal_api} {version} {architecture}".format_map(one) for one in loaded})
    return ", ".join(kernels) or f"{built['name']} {built['version']}"


def environment() -> dict[str, str]:
    """Return the environment variables with which `plasticity` selects the arithmetic."""
    prefixes = ("OPENBLAS_", "NPY_")
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes)}


if __name__ == "__main__":
    print(json.dumps(arithmetic() | {"environment": environment()}))
