"""Compile the inner loops with Numba, and cache the compiled code.

Cached code is used only if it is undamaged and was compiled from the current source code.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numba
from numba.core.caching import IndexDataCacheFile

from plasticity import X86
from provenance import identity
from provenance.files import digest

SEAL = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Return the folder of the code that was compiled from the current source code.

    Numba checks only the modification time of the file that contains the outermost function. It
    would use outdated code after a change of a helper function or a constant in another file. The
    name of the folder is therefore a hash of the identity of all code that trains.
    """
    code = digest(identity.code("scripts/plasticity/engine.py"))
    return identity.ROOT / ".cache" / "numba" / code[:16]


class CacheFile(IndexDataCacheFile):
    """Cache of one compiled function: a file for each signature, which ends with its sha256.

    Numba does not check its cache files. A file may be damaged or, if the process was killed at
    the wrong moment, contain the code of another signature. This class ignores such a file. If a
    file cannot be written, for example because the disk is full, the code is not cached.
    """

    def save(self, key: tuple, data: object) -> None:
        """Write the compiled code of a signature, if possible."""
        name, code = self._name(key), self._dump(data)
        with suppress(OSError), self._open_for_write(self._data_path(name)) as file:
            file.write(code + _seal(name, code))

    def load(self, key: tuple) -> object | None:
        """Return the compiled code of a signature; None if there is no valid file."""
        name = self._name(key)
        try:
            content = Path(self._data_path(name)).read_bytes()
        except OSError:
            return None
        whole = content[-SEAL:] == _seal(name, content[:-SEAL])
        return self._load_data(name) if whole else None

    def _name(self, key: tuple) -> str:
        signature = hashlib.sha256(repr((self._version, key)).encode()).hexdigest()[:16]
        return f"{self._index_name.removesuffix('.nbi')}.{signature}.nbc"


def _seal(name: str, code: bytes) -> bytes:
    return hashlib.sha256(name.encode() + code).digest()


def compiled(function: Callable) -> Callable:
    """Compile `function` on its first call, or load the compiled code from the cache."""
    # Reordering of sums (for SIMD) and fused multiply-adds are allowed. NaN and infinity keep
    # their meaning.
    fastmath = {"reassoc", "nsz", "contract"}
    dispatcher = numba.njit(fastmath=fastmath, error_model="numpy", nogil=True)(function)
    if CACHED:
        dispatcher.enable_caching()
        cache = dispatcher._cache
        cache._cache_file = CacheFile(cache.cache_path, cache._impl.filename_base, None)
    return dispatcher


if X86:
    numba.config.CPU_NAME, numba.config.CPU_FEATURES = "haswell", ""
numba.config.CACHE_DIR = str(cache_folder())
with suppress(OSError):
    cache_folder().mkdir(parents=True, exist_ok=True)
CACHED = os.access(cache_folder(), os.W_OK)
