"""What the command lines of all scripts share: a parser, files to write, one line for an error."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from provenance.files import replacing


class Parser(argparse.ArgumentParser):
    """The parser of a tool; each complaint is one line that begins with the tool's name.

    The description is the first paragraph of the one given, a docstring; Python may run without.
    """

    def __init__(self, tool: str, description: str | None, epilog: str = ""):
        first, *_ = (description or "").split("\n\n")
        super().__init__(tool, description=first, epilog=epilog, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """End the process with a complaint."""
        sys.exit(f"{self.prog}: {message}")


def require_writable(path: str) -> None:
    """Raise OSError if a file cannot be written there, before hours of work; - always can."""
    if path == "-":
        return
    folder = next(folder for folder in Path(path).absolute().parents if folder.exists())
    if Path(path).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OSError(f"{path}: not a place where a file can be written")


def write(path: str, content: bytes) -> None:
    """Write a file whole or not at all; - is standard output."""
    if path == "-":
        sys.stdout.buffer.write(content)
        return
    with replacing(path) as partial:
        partial.write_bytes(content)


def finish(
    tool: str, work: Callable[[], None], *errors: type[Exception], interrupted: str = ""
) -> None:
    """Do the work of a tool; one of these `errors`, or what the system refuses, ends it in a line.

    `interrupted` is what the line says after an interrupt by the user.
    """
    foreseen: tuple[type[Exception], ...] = (*errors, OSError)
    try:
        work()
    except foreseen as error:
        sys.exit(f"{tool}: {error}")
    except MemoryError as error:
        sys.exit(f"{tool}: not enough memory: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{tool}: interrupted{interrupted}")
