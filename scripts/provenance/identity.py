"""Which local modules a script imports: what its results depend on beside the script itself.

Snakemake sees a change of a file that a rule declares, not of the modules that this file imports.
The Snakefile declares what is found here, so that an edit of a module remakes exactly what it can
alter.
"""

import ast
from functools import cache
from pathlib import Path


def local_modules(script: str) -> list[str]:
    """Return the files of all modules beside `script` that it imports, directly or not, sorted.

    A module is found in the folder of the script, as Python does, be it imported at the top or
    inside a function. What is not found there (installed packages) is left out.
    """
    root = Path(script).parent
    found: set[Path] = set()
    pending = [Path(script)]
    while pending:
        new = _imported(pending.pop(), root) - found
        found |= new
        pending += new
    return sorted(str(path) for path in found - {Path(script)})


@cache
def _imported(path: Path, root: Path) -> frozenset[Path]:
    """Files under `root` that the statements of the one file `path` import."""
    files: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # `from package import name` may mean a module of the package, or something in it.
            module = _absolute(node, path, root)
            names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            files |= _files(name.split("."), root)
    return frozenset(files)


def _absolute(node: ast.ImportFrom, path: Path, root: Path) -> str:
    """The dotted name after `from`, with leading dots resolved against the package of `path`."""
    if not node.level:
        return node.module or ""
    package = path.relative_to(root).parts[: -node.level]
    return ".".join([*package, *filter(None, [node.module])])


def _files(parts: list[str], root: Path) -> set[Path]:
    """Files that importing the module a.b.c runs: a/__init__.py, a/b/__init__.py and a/b/c.py."""
    candidates = [root.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
    candidates.append(root.joinpath(*parts).with_suffix(".py"))
    return {path for path in candidates if path.is_file()}
