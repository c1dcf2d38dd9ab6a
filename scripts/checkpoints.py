"""What is kept of a condition's networks while others are being trained, for a run that goes on.

A checkpoint is one network: its row of the table, its learning curve, its update counts. Its name
tells, by a digest, all that it was made from, so that only a run that would make the same takes it.
"""

import hashlib
import io
import json
import platform
from collections.abc import Mapping
from glob import escape
from importlib.metadata import version
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).parent
CODE = [SCRIPTS / "train.py", Path(__file__), *sorted(SCRIPTS.glob("plasticity/*.py"))]
PACKAGES = ["numpy", "numba", "scipy", "threadpoolctl"]


def digest(options: Mapping, data: list[Path]) -> str:
    """Return a digest of all that a network is made from, but for its seed.

    `options` are those of the command line; `data` are files, which are told by size and time.
    """
    made_from = [
        [hashlib.sha256(path.read_bytes()).hexdigest() for path in CODE],
        [platform.python_version(), platform.machine(), *map(version, PACKAGES)],
        [[path.stat().st_size, path.stat().st_mtime_ns] for path in data],
        options,
    ]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]


def place(output: str, digest: str, seed: int) -> Path:
    """Return where the checkpoint of a network lies: hidden, beside the output."""
    return Path(output).with_name(f".{Path(output).name}.{digest}.seed{seed}")


def pack(row: Mapping, curve: list[dict], counts: Mapping[str, np.ndarray]) -> bytes:
    """Return the bytes of a checkpoint: an .npz file with the counts, and the rest as JSON."""
    text = json.dumps([row, curve], default=lambda number: number.item())
    buffer = io.BytesIO()
    arrays = {"text": np.frombuffer(text.encode(), np.uint8), **counts}
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack(path: Path) -> tuple[dict, list[dict], dict[str, np.ndarray]] | None:
    """Return a checkpoint's row, curve and counts; None if there is none, or none that is whole."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
            row, curve = json.loads(arrays.pop("text").tobytes())
    except Exception:  # in whatever way it is damaged: the network is trained again
        return None
    return row, curve, arrays


def clear(output: str) -> None:
    """Remove all checkpoints beside an output, those of other code or options among them."""
    for path in Path(output).parent.glob(f".{escape(Path(output).name)}.*.seed*"):
        path.unlink()
