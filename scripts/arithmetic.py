"""Print the arithmetic of this machine as JSON: BLAS kernels, SIMD extensions and Numba's target.

Results depend on them, because different ones round differently. The key `environment` contains the
environment variables that select them. All jobs run with these variables, so the order of imports
in a job does not matter.
"""

import json
import os

import plasticity.compilation  # noqa: F401  # isort: skip  # selects them, so it comes first

import llvmlite.binding
import numba
import numpy as np
import scipy.linalg  # noqa: F401  # loads SciPy's BLAS
import threadpoolctl


def arithmetic() -> dict[str, str]:
    """Return the names of the BLAS libraries and kernels, SIMD extensions and Numba's target."""
    libraries = {
        f"blas_{package}": "{internal_api} {version} {architecture}".format_map(library)
        for package in ("numpy", "scipy")
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas" and f"/{package}.libs/" in library["filepath"]
    }
    umath = np._core._multiarray_umath  # type: ignore[attr-defined]  # there is no public function
    extensions = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]
    target = numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    return libraries | {"numpy_simd": " ".join(extensions), "numba": target}


def environment() -> dict[str, str]:
    """Return the environment variables with which `plasticity` selects the arithmetic."""
    prefixes = ("OPENBLAS_", "NPY_")
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes)}


if __name__ == "__main__":
    print(json.dumps(arithmetic() | {"environment": environment()}))
