"""How the hot loops are compiled: one decorator, and a cache that knows which sources it was made
from, and is never believed when it is damaged."""

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
    """Folder of the code that was compiled from exactly these loops.

    Numba itself looks at the file of the outermost function only, by time: it would go on using a
    loop after a helper, or a constant that was compiled in, has changed in another file. So the
    folder is named by the identity of all code that trains.
    """
    code = digest(identity.code("scripts/plasticity/engine.py"))
    return identity.ROOT / ".cache" / "numba" / code[:16]


class CacheFile(IndexDataCacheFile):
    """Compiled code of one function: a file for each signature, which ends with a seal (sha256).

    Numba would run whatever is in its files: when they are damaged, or, after a kill at the wrong
    moment, under the name of another signature. Here such a file is as good as none, and one that
    cannot be written (a full disk) is done without.
    """

    def save(self, key: tuple, data: object) -> None:
        name, code = self._name(key), self._dump(data)
        with suppress(OSError), self._open_for_write(self._data_path(name)) as file:
            file.write(code + _seal(name, code))

    def load(self, key: tuple) -> object | None:
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
    """Compile `function` when it is called first, or take it from the cache if that can be kept."""
    # Sums may be reordered (for SIMD) and multiply-adds fused; nan and infinity keep their meaning.
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
