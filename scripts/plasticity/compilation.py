"""How the hot loops are compiled: one decorator, and a cache that knows which sources it was made
from."""

import hashlib
from pathlib import Path

import numba

_PACKAGE = Path(__file__).parent
_SOURCES = ("compilation.py", "competition.py", "kernels.py")


def cache_folder() -> Path:
    """Folder of the compiled code of exactly these sources.

    Numba itself looks at the file of the outermost function only, by time: it would go on using a
    loop whose helper in another file has changed. A folder named by the sources' content cannot be
    stale.
    """
    content = b"".join((_PACKAGE / name).read_bytes() for name in _SOURCES)
    return _PACKAGE.parents[1] / ".cache" / "numba" / hashlib.sha256(content).hexdigest()[:16]


numba.config.CACHE_DIR = str(cache_folder())

# Sums may be reordered (for SIMD) and multiply-adds fused; nan and infinity keep their meaning.
compiled = numba.njit(
    cache=True, fastmath={"reassoc", "nsz", "contract"}, error_model="numpy", nogil=True
)
