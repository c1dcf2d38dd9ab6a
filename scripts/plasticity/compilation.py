"""How the hot loops are compiled: one decorator, and a cache that knows which sources it was made
from."""

import hashlib
from pathlib import Path

import numba

from plasticity import X86

_PACKAGE = Path(__file__).parent


def cache_folder() -> Path:
    """Folder of the code that was compiled from exactly this package.

    Numba itself looks at the file of the outermost function only, by time: it would go on using a
    loop after a helper, or a constant that was compiled in, has changed in another file. So the
    folder is named by the content of all modules.
    """
    content = b"".join(path.read_bytes() for path in sorted(_PACKAGE.glob("*.py")))
    return _PACKAGE.parents[1] / ".cache" / "numba" / hashlib.sha256(content).hexdigest()[:16]


if X86:
    numba.config.CPU_NAME, numba.config.CPU_FEATURES = "haswell", ""
numba.config.CACHE_DIR = str(cache_folder())

# Sums may be reordered (for SIMD) and multiply-adds fused; nan and infinity keep their meaning.
compiled = numba.njit(
    cache=True, fastmath={"reassoc", "nsz", "contract"}, error_model="numpy", nogil=True
)
