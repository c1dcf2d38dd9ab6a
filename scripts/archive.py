"""Pack the outputs of all runs, examinations and searches into one zip file to commit.

    python scripts/archive.py --folder results/paper --output figures/runs.zip runs/NAME.csv ...

The files keep their paths. Names are sorted and times are fixed, so equal files give equal bytes.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from workflow.command_line import Parser, finish, write

TIME = (1980, 1, 1, 0, 0, 0)  # of every file in the archive
LEVEL = 9  # of the compression: the smallest result


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file of `files`, which are given by path."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, TIME)
            member.create_system = 3  # Unix, on every system
            member.external_attr = 0o644 << 16
            archive.writestr(member, files[name], zipfile.ZIP_DEFLATED, LEVEL)
    return buffer.getvalue()


def main() -> None:
    """Pack the files on the command line."""
    parser = Parser("archive", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="relative to the folder")
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--output", required=True, metavar="FILE")
    arguments = parser.parse_args()
    paths = [arguments.folder / file for file in arguments.files]

    def work() -> None:
        write(arguments.output, packed({path.as_posix(): path.read_bytes() for path in paths}))

    finish("archive", work)


if __name__ == "__main__":
    main()
