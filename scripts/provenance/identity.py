"""The identity of a step: everything that can alter the bytes of its outputs, and nothing else.

A step is a script. Its identity has three parts:

- `code`: the script and all local modules that it imports, directly or not, each by its meaning:
  the sha256 of its syntax tree without comments, docstrings, formatting, annotations and messages;
- `packages`: the versions of the installed packages that these modules import, and of what those
  packages need;
- `arithmetic`: which kernels of BLAS, SIMD extensions and compiler target compute in a job.

Modules of the packages NEUTRAL can alter no number and are left out, with all that they import.
One mechanism serves the rules of the workflow, the store of results, the compile cache and the
audit. Only the standard library is needed.
"""

import ast
import functools
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, NamedTuple

from provenance.files import ROOT, digest, state, write_json

SCRIPTS = "scripts"
NEUTRAL = ("provenance", "workflow")
STEPS = Path(".snakemake/identity")  # one file a step, which the workflow's rules have as an input
ARITHMETIC = "scripts/arithmetic.py"  # prints the third part of the identity

# Calls whose text arguments are messages, and keywords that hold text for people.
SPEAKING = {"exit", "require", "require_choice", "warn"}
DECLARING = {"ArgumentParser", "Parser", "add", "add_argument", "add_argument_group", "parameter"}
# Variables of the environment that change what Python or NumPy computes: jobs run without them.
ODD = ("PYTHON", "OPENBLAS_", "NPY_", "NUMBA_", "MKL_", "BLIS_")
FOR_PEOPLE = {"description", "epilog", "help", "metavar", "source", "unit"}


def step(script: str, root: Path = ROOT) -> dict[str, dict[str, str]]:
    """Return the identity of the step that the script `script`, relative to `root`, makes."""
    modules = _closure(script, root)
    found = packages(name for module in modules.values() for name in module.packages)
    return {
        "code": code(script, root),
        "packages": found,
        "arithmetic": arithmetic(root) if "numpy" in found else {},
    }


def code(script: str, root: Path = ROOT) -> dict[str, str]:
    """Return the first part of a step's identity: the meaning of each module, by path."""
    return {path: module.meaning for path, module in _closure(script, root).items()}


def sources(script: str, root: Path = ROOT) -> dict[str, str]:
    """Return the plain sha256 of the script's file and of the modules in its identity, by path."""
    return {path: module.sha256 for path, module in _closure(script, root).items()}


@functools.cache  # once for each step while a workflow is read, not once for each job
def write_step(script: str) -> str:
    """Write the identity of a step into its file under STEPS, if it has changed; return the path.

    Rules have this file as an input in place of their code: Snakemake compares it by content.
    """
    path = (
        STEPS / f"{script.removeprefix(SCRIPTS + '/').removesuffix('.py').replace('/', '.')}.json"
    )
    identity = step(script)
    with suppress(OSError, ValueError):
        if json.loads(path.read_bytes()) == identity:
            return str(path)
    write_json(path, identity)
    return str(path)


class Module(NamedTuple):
    """What is known of one file of code."""

    sha256: str  # of its bytes
    meaning: str  # of its syntax tree without what alters no number
    imports: list[str]  # dotted names that its import statements may mean, local or not

    @property
    def packages(self) -> set[str]:
        """The top-level names that it imports, those of the standard library excepted."""
        return {name.split(".")[0] for name in self.imports} - sys.stdlib_module_names


def _closure(script: str, root: Path) -> dict[str, Module]:
    """Return the script and all local modules that it imports, by path relative to `root`, sorted.

    As Python does, a module is looked for in the script's own folder first, then in SCRIPTS.
    """
    folders = list(dict.fromkeys([(root / script).parent, root / SCRIPTS]))
    neutral = [root / SCRIPTS / package for package in NEUTRAL]
    found: dict[Path, Module] = {}
    pending = [root / script]
    while pending:
        path = pending.pop()
        if path in found or any(package in path.parents for package in neutral):
            continue
        found[path] = module = _module(path)
        for name in module.imports:
            pending += _files(name.split("."), folders)
    # Names that local files answer to are no packages.
    local = {
        path.relative_to(folder).parts[0]
        for path in found
        for folder in folders
        if folder in path.parents
    } | set(NEUTRAL)
    local |= {name.removesuffix(".py") for name in local}
    return {
        str(path.relative_to(root)): module._replace(
            imports=[name for name in module.imports if name.split(".")[0] not in local]
        )
        for path, module in sorted(found.items())
    }


def _files(parts: list[str], folders: Iterable[Path]) -> list[Path]:
    """Return the files that importing the module a.b.c runs: a/__init__.py, ..., a/b/c.py."""
    for folder in folders:
        candidates = [folder.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
        candidates.append(folder.joinpath(*parts).with_suffix(".py"))
        if files := [path for path in candidates if path.is_file()]:
            return files
    return []


def _module(path: Path) -> Module:
    """Return what is known of a file; it is parsed only if it has changed since it was last."""
    notes = _notes()
    now = state(path)
    known = notes.get(str(path))
    if known and known[0] == now:
        return Module(*known[1:])
    content = path.read_bytes()
    tree = ast.parse(content, str(path))
    module = Module(
        hashlib.sha256(content).hexdigest(), meaning(tree), sorted(set(_imports(tree, path)))
    )
    notes[str(path)] = [now, *module]
    with suppress(OSError):
        write_json(_notes_file(), notes)
    return module


@functools.cache
def _notes() -> dict[str, list]:
    """Files that were parsed before, by path: their state and the parts of their Module."""
    try:
        return dict(json.loads(_notes_file().read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


@functools.cache
def _notes_file() -> Path:
    """The file of the notes that this very code and Python version have written."""
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    return ROOT / ".cache" / "identity" / f"{own}-{sys.implementation.cache_tag}.json"


def _imports(tree: ast.Module, path: Path) -> Iterator[str]:
    """Yield the dotted names that import statements may mean, except those for type checkers."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                package = path.relative_to(
                    ROOT / SCRIPTS if ROOT in path.parents else path.parents[1]
                ).parts
                module = ".".join([*package[: -node.level], *filter(None, [module])])
            # `from package import name` may mean a module of the package, or something in it.
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif not _for_type_checkers(node):
            pending += ast.iter_child_nodes(node)


def _for_type_checkers(node: ast.AST) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING" and not node.orelse


def meaning(tree: ast.Module) -> str:
    """Return the sha256 of a module's syntax tree without what can alter no number.

    Left out are comments, formatting, docstrings, annotations of functions and variables (those in
    the body of a class are kept, since dataclasses read them), arguments of exceptions that are
    raised, bodies of exception classes, texts that are only shown (SPEAKING, FOR_PEOPLE), and
    imports for type checkers. The same in every version of Python.
    """
    return digest(_canonical(tree, in_class=False))


def _canonical(node: Any, in_class: bool) -> Any:
    """Return a node of a syntax tree as lists of plain values; see `meaning`."""
    if isinstance(node, list):
        return [_canonical(part, in_class) for part in node if not _says_nothing(part, in_class)]
    if not isinstance(node, ast.AST):
        return node if isinstance(node, str | int | None) else repr(node)
    match node:
        case ast.Constant():
            return ["Constant", type(node.value).__name__, ascii(node.value)]
        case ast.Raise():
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            return ["Raise", _canonical(raised, False)]
        case ast.ClassDef() if any(
            _name(base).endswith(("Error", "Exception")) for base in node.bases
        ):
            return ["Exception", node.name, _canonical(node.bases, False)]
        case ast.AnnAssign() if not in_class:
            return ["Assign", [_canonical(node.target, False)], _canonical(node.value, False)]
        case ast.Assign():
            return ["Assign", _canonical(node.targets, False), _canonical(node.value, False)]
        case ast.arg():
            return ["arg", node.arg]
        case ast.JoinedStr():
            return ["JoinedStr", _merged(_canonical(node.values, False))]
        case ast.Call():
            return _call(node)
    inside = isinstance(node, ast.ClassDef)
    left_out = {"ctx", "kind", "returns", "type_comment", "type_ignores", "type_params"}
    fields = [
        [field, _canonical(value, inside)]
        for field, value in ast.iter_fields(node)
        if field not in left_out and value is not None and value != []
    ]
    return [type(node).__name__, *fields]


def _call(node: ast.Call) -> list:
    """Return a call without the texts that are only shown."""
    name = _name(node.func)
    arguments = [
        "text" if name in SPEAKING and _is_text(argument) else _canonical(argument, False)
        for argument in node.args
    ]
    keywords = [
        [keyword.arg, _canonical(keyword.value, False)]
        for keyword in node.keywords
        if not (name in DECLARING and keyword.arg in FOR_PEOPLE)
    ]
    return ["Call", _canonical(node.func, False), arguments, keywords]


def _says_nothing(node: Any, in_class: bool) -> bool:
    """Whether a statement does nothing: a docstring, `pass`, a type, an import for type checkers.

    In the body of a class a type declares a field.
    """
    match node:
        case ast.Expr():
            return isinstance(node.value, ast.Constant)
        case ast.AnnAssign():
            return node.value is None and not in_class
        case ast.Pass():
            return True
    return _for_type_checkers(node)


def _is_text(node: ast.AST) -> bool:
    """Whether an expression is a text, put together here."""
    match node:
        case ast.Constant():
            return isinstance(node.value, str)
        case ast.JoinedStr():
            return True
        case ast.BinOp():
            return _is_text(node.left) or _is_text(node.right)
        case ast.IfExp():
            return _is_text(node.body) and _is_text(node.orelse)
    return False


def _name(node: ast.AST) -> str:
    """Return the last part of a dotted name, "" for anything else."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
    return ""


def _merged(parts: list) -> list:
    """Join the constants of an f-string, which versions of Python split differently."""
    merged: list = []
    for part in parts:
        if part[0] == "Constant" and merged and merged[-1][0] == "Constant":
            text = ast.literal_eval(merged[-1][2]) + ast.literal_eval(part[2])
            merged[-1] = ["Constant", "str", ascii(text)]
        elif part != ["Constant", "str", "''"]:
            merged.append(part)
    return merged


def packages(imports: Iterable[str]) -> dict[str, str]:
    """Return the versions of the installed packages that provide `imports`, and of all they need.

    Names and versions are those of the distributions. What is not installed is left out.
    """
    installed = _installed()
    pending: list[str] = []
    for name in set(imports):
        normal = _normal(name)
        pending += [normal] if normal in installed else map(_normal, _providers().get(name, ()))
    found: dict[str, str] = {}
    while pending:
        name = pending.pop()
        if name in installed and name not in found:
            found[name] = installed[name].stem.split("-", 1)[1]
            pending += _requirements(installed[name])
    return dict(sorted(found.items()))


@functools.cache
def _installed() -> dict[str, Path]:
    """The folders with the metadata of all installed packages, by normalised name."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    found = sorted(path for folder in folders for path in Path(folder).glob("*.dist-info"))
    return {_normal(path.stem.split("-")[0]): path for path in found}


@functools.cache
def _providers() -> dict[str, list[str]]:
    """The packages that provide each top-level module whose name is not the package's."""
    return dict(packages_distributions())


def _requirements(metadata: Path) -> list[str]:
    """Return the names of what a package always needs."""
    head, _, _ = (metadata / "METADATA").read_text(encoding="utf-8").partition("\n\n")
    needs = re.findall(r"^Requires-Dist: *([\w.-]+)(.*)$", head, re.MULTILINE)
    return [_normal(name) for name, rest in needs if "extra ==" not in rest]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def arithmetic(root: Path = ROOT) -> dict[str, str]:
    """Return which BLAS kernels, SIMD extensions and compiler target compute in a job."""
    return {name: value for name, value in _computing(root).items() if name != "environment"}


def job_environment(root: Path = ROOT) -> dict[str, str]:
    """Return the environment that jobs run in: without the caller's ODD variables, and with those
    that choose the arithmetic of the identity."""
    return plain_environment() | _computing(root).get("environment", {})


def _computing(root: Path) -> dict[str, Any]:
    """Return what ARITHMETIC prints.

    To ask the libraries takes a second: the answer is kept for all that it depends on.
    """
    modules = _closure(ARITHMETIC, root)
    needs = packages(name for module in modules.values() for name in module.packages)
    known = digest(
        [
            code(ARITHMETIC, root),
            needs,
            platform.python_version(),
            sysconfig.get_platform(),
            processor(),
        ]
    )
    note = root / ".cache" / "arithmetic" / f"{known[:16]}.json"
    try:
        return json.loads(note.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):  # not asked yet, or damaged
        asked = subprocess.run(
            [sys.executable, root / ARITHMETIC],
            stdout=subprocess.PIPE,
            check=True,
            env=plain_environment(),
        )
        answer = json.loads(asked.stdout)
        with suppress(OSError):
            write_json(note, answer)
        return answer


def plain_environment() -> dict[str, str]:
    """Return the caller's environment without the variables ODD."""
    return {name: value for name, value in os.environ.items() if not name.startswith(ODD)}


@functools.cache
def processor() -> dict[str, str]:
    """Return the CPU's model and its abilities, as far as the system tells."""
    try:
        first, *_ = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")
    except OSError:
        return {"model name": platform.processor()}
    lines = (line.partition(":") for line in first.splitlines())
    facts = {key.strip(): value.strip() for key, _, value in lines}
    return {key: facts.get(key, "") for key in ("model name", "flags")}
