"""Raw files of the image data sets: their checksums and their format.

The files have the IDX format: a big-endian header (two zero bytes, the type 8 for unsigned bytes,
the number of dimensions, and one 32-bit size for each dimension), followed by the data. Training
does not depend on this module.
"""

import hashlib
import math
import struct

from plasticity.data import DataError

# sha256 of the uncompressed files. It is the same for all sources.
SHA256 = {
    "mnist": {
        "train-images.idx": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels.idx": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "test-images.idx": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "test-labels.idx": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        "train-images.idx": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels.idx": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "test-images.idx": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "test-labels.idx": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
# Data sets that prepare.py makes from the raw files of another one.
VARIANTS = {"mnist_rotated": "mnist", "mnist_permuted": "mnist"}
SHA256 |= {variant: SHA256[source] for variant, source in VARIANTS.items()}
DATASETS = tuple(SHA256)


def check(content: bytes, dataset: str, name: str) -> None:
    """Check that `content` is the raw file `name` of a data set, uncompressed.

    Raises DataError with a message that says how the content differs.
    """
    found, expected = hashlib.sha256(content).hexdigest(), SHA256[dataset][name]
    if found == expected:
        return
    if content.lstrip()[:1] == b"<":
        raise DataError("is a web page, not data (perhaps the page of a proxy or of a log-in)")
    shape = header(content)
    length = 4 + 4 * len(shape) + math.prod(shape)
    if len(content) < length:
        raise DataError(f"is cut short: {len(content):,} of {length:,} bytes")
    raise DataError(f"is not {dataset}'s {name}: sha256 {found[:12]}..., not {expected[:12]}...")


def header(content: bytes) -> tuple[int, ...]:
    """Return the sizes of the dimensions, from the header of an IDX file of unsigned bytes.

    Raises DataError if `content` is not such a file.
    """
    known = content[:3] == b"\x00\x00\x08" and len(content) > 3
    if not known or len(content) < 4 + 4 * content[3]:
        raise DataError("is not an IDX file")
    return struct.unpack_from(f">{content[3]}I", content, 4)
