"""Print as JSON what computes here: BLAS with its kernels, NumPy's SIMD extensions, Numba's target.

Different ones round differently, so they are part of what determines a result. `environment` has
the variables that choose them: every job runs with these, whatever it imports first.
"""

import json
import os

import plasticity.compilation  # noqa: F401  # isort: skip  # chooses them, before NumPy is imported

import llvmlite.binding
import numba
import numpy as np
import scipy.linalg  # noqa: F401  # loads SciPy's BLAS
import threadpoolctl


def arithmetic() -> dict[str, str]:
    """Return the names of what computes, in this process."""
    libraries = {
        f"blas_{package}": "{internal_api} {version} {architecture}".format_map(library)
        for package in ("numpy", "scipy")
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas" and f"/{package}.libs/" in library["filepath"]
    }
    umath = np._core._multiarray_umath  # type: ignore[attr-defined]  # there is no public way
    extensions = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]
    target = numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    return libraries | {"numpy_simd": " ".join(extensions), "numba": target}


def environment() -> dict[str, str]:
    """Return the variables with which `plasticity` chooses what computes, in this process."""
    prefixes = ("OPENBLAS_", "NPY_")
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes)}


if __name__ == "__main__":
    print(json.dumps(arithmetic() | {"environment": environment()}))
