"""Shared parts of command lines: a parser, output files, errors in one line."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from provenance import files


class Parser(argparse.ArgumentParser):
    """The parser of a tool; each error message is one line that starts with the tool's name.

    The description is the first paragraph of the given docstring, which is None with `python -OO`.
    """

    def __init__(self, tool: str, description: str | None, epilog: str = ""):
        first, *_ = (description or "").split("\n\n")
        super().__init__(tool, description=first, epilog=epilog, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Exit with an error message."""
        sys.exit(f"{self.prog}: {message}")


def require_writable(path: str) -> None:
    """Raise OSError if a file cannot be written at `path`; - is standard output."""
    if path == "-":
        return
    folder = next(folder for folder in Path(path).absolute().parents if folder.exists())
    if Path(path).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OSError(f"{path}: cannot write a file here")


def write(path: str, content: bytes) -> None:
    """Write a file completely or not at all; - is standard output."""
    if path == "-":
        sys.stdout.buffer.write(content)
    else:
        files.write(path, content)


def finish(
    tool: str, work: Callable[[], None], *errors: type[Exception], interrupted: str = ""
) -> None:
    """Do the work of a tool; exit with one line on these `errors` and on errors of the system.

    `interrupted` is added to the line after an interrupt by the user.
    """
    expected: tuple[type[Exception], ...] = (*errors, OSError)
    try:
        work()
    except expected as error:
        sys.exit(f"{tool}: {error}")
    except MemoryError as error:
        sys.exit(f"{tool}: not enough memory: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{tool}: interrupted{interrupted}")
