"""Compute the identity of a step: everything that can alter its outputs, and nothing else.

A step is a script, or a script with the modules that its command names. Its identity has three
parts:

- `code`: these files and all local modules that they import, directly or indirectly. Each is
  represented by its meaning: the sha256 of its syntax tree without comments, docstrings,
  formatting, annotations and messages;
- `packages`: the versions of the installed packages that these modules import, and of their
  dependencies;
- `arithmetic`: the BLAS kernels, SIMD extensions and compiler target of a job.

Modules of the packages NEUTRAL cannot alter a number. They are left out, with all that they import.
The rules of the workflow, the store of results, the compile cache and the audit use the same
identity. Only the standard library is needed.
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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, NamedTuple

from provenance.files import ROOT, digest, read_bytes, read_json, state, walk, write_json

SCRIPTS = "scripts"
COMPILED = (".pyc", ".so", ".pyd", *EXTENSION_SUFFIXES)  # endings of files that Python can run
NEUTRAL = ("provenance", "workflow")
STEPS = Path(".snakemake/identity")  # one file for each step, an input of its rule
ARITHMETIC = "scripts/arithmetic.py"  # prints the third part of the identity

# Calls whose text arguments are messages, and keyword arguments that are text for people.
SPEAKING = {"exit", "require", "require_choice", "warn"}
DECLARING = {"ArgumentParser", "Parser", "add", "add_argument", "add_argument_group", "parameter"}
# Environment variables that can change the results of Python or NumPy: jobs run without them.
UNWANTED = ("PYTHON", "OPENBLAS_", "NPY_", "NUMBA_", "MKL_", "BLIS_")
FOR_PEOPLE = {"description", "epilog", "help", "meant_for", "metavar", "source", "unit"}


def step(*scripts: str, root: Path = ROOT) -> dict[str, dict[str, str]]:
    """Return the identity of a step: a script, and the modules that its command names.

    Their paths are relative to `root`.
    """
    versions = _packages_of(scripts, root)
    return {
        "code": code(*scripts, root=root),
        "packages": versions,
        "arithmetic": arithmetic(root) if "numpy" in versions else {},
    }


def code(*scripts: str, root: Path = ROOT) -> dict[str, str]:
    """Return the first part of a step's identity: the meaning of each module, by path."""
    return {path: module.meaning for path, module in _closure(scripts, root).items()}


def sources(*scripts: str, root: Path = ROOT) -> dict[str, str]:
    """Return the sha256 of each file in a step's identity, by path."""
    return {path: module.sha256 for path, module in _closure(scripts, root).items()}


@functools.cache  # once for each step while a workflow is read, not once for each job
def write_step(*scripts: str) -> str:
    """Write the identity of a step to its file in STEPS if it has changed; return the path.

    This file, not the code, is an input of the step's rule. Snakemake compares its content.
    """
    name = scripts[-1].removeprefix(f"{SCRIPTS}/").removesuffix(".py").replace("/", ".")
    path = STEPS / f"{name}.json"
    identity = step(*scripts)
    if read_json(path) != identity:
        write_json(path, identity)
    return str(path)


class StrayError(Exception):
    """A file that is not in the recipe could run; the message is one line that names it."""


def require_sources(script: str, root: Path = ROOT) -> None:
    """Make sure that a script runs the sources of the recipe, and packages as installed.

    Bytecode is removed, since Python compares it with the source by size and time, or not at all.
    Raises StrayError for compiled code, and for a module beside the script that would be imported
    in place of a module of Python or of an installed package.
    """
    for name in walk(root, SCRIPTS, str(Path(script).parent)):
        path = root / name
        if path.parent.name == "__pycache__":
            path.unlink(missing_ok=True)
        elif path.name.endswith(COMPILED):
            raise StrayError(f"{name}: compiled code is not allowed here: remove it")
    for path in (root / script).parent.iterdir():
        module = path.name.partition(".")[0]
        if path.suffix == ".py" or (path / "__init__.py").exists():
            if module in sys.stdlib_module_names:
                owner = "a module of Python"
            elif PathFinder.find_spec(module, _site_packages()):
                owner = "an installed package"
            else:
                continue
            raise StrayError(f"{path.relative_to(root)}: it hides {owner}: rename it")


def _packages_of(scripts: Sequence[str], root: Path) -> dict[str, str]:
    """Return the second part of a step's identity: the versions of the packages that it needs."""
    modules = _closure(scripts, root).values()
    names = {name.split(".")[0] for module in modules for name in module.imports}
    return packages(names - sys.stdlib_module_names)


class Module(NamedTuple):
    """A parsed file of code."""

    sha256: str  # of its bytes
    meaning: str  # see `meaning`
    imports: list[str]  # dotted names that its import statements may mean, local or not


def _closure(scripts: Sequence[str], root: Path) -> dict[str, Module]:
    """Return the scripts and all local modules that they import, sorted by path relative to `root`.

    Like Python, look for a module in the folder of the first script, then in SCRIPTS.
    """
    folders = list(dict.fromkeys([(root / scripts[0]).parent, root / SCRIPTS]))
    neutral = [root / SCRIPTS / package for package in NEUTRAL]
    modules: dict[Path, Module] = {}
    pending = [root / script for script in scripts]
    while pending:
        path = pending.pop()
        if path in modules or any(package in path.parents for package in neutral):
            continue
        modules[path] = module = _module(path, state(path))
        for name in module.imports:
            pending += _files(name.split("."), folders)
    # Names of local files are not names of packages.
    local = {
        path.relative_to(folder).parts[0]
        for path in modules
        for folder in folders
        if folder in path.parents
    } | set(NEUTRAL)
    local |= {name.removesuffix(".py") for name in local}
    return {
        str(path.relative_to(root)): module._replace(
            imports=[name for name in module.imports if name.split(".")[0] not in local]
        )
        for path, module in sorted(modules.items())
    }


def _files(parts: list[str], folders: Iterable[Path]) -> list[Path]:
    """Return the files that an import of the module a.b.c runs: a/__init__.py, ..., a/b/c.py."""
    for folder in folders:
        candidates = [folder.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
        candidates.append(folder.joinpath(*parts).with_suffix(".py"))
        if files := [path for path in candidates if path.is_file()]:
            return files
    return []


@functools.cache
def _module(path: Path, state: tuple[int, ...]) -> Module:
    """Return a parsed file; a file is parsed again only if its state has changed."""
    content = read_bytes(path)
    tree = ast.parse(content, str(path))
    imports = sorted(set(_imports(tree, path)))
    return Module(hashlib.sha256(content).hexdigest(), meaning(tree), imports)


def _imports(tree: ast.Module, path: Path) -> Iterator[str]:
    """Yield the dotted names that import statements may mean, without those for type checkers."""
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
    """Return whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING" and not node.orelse


def meaning(tree: ast.Module) -> str:
    """Return the sha256 of a module's syntax tree without the parts that cannot alter a number.

    These parts are left out: comments, formatting, docstrings, annotations of functions and
    variables (but not in the body of a class, since dataclasses read them), arguments of raised
    exceptions, bodies of exception classes, texts that are only shown (SPEAKING, FOR_PEOPLE), and
    imports for type checkers. The digest is the same in every version of Python.
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
    """Return a call without texts that are only shown."""
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
    """Return whether a statement does nothing: docstring, `pass`, type, import for type checkers.

    In the body of a class, a type declares a field.
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
    """Return whether an expression is a text, possibly composed of several texts."""
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
    """Return the last part of a dotted name, or "" for any other expression."""
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
    """Return the versions of the installed packages that provide `imports`, and of dependencies.

    Names and versions are those of the distributions. Packages that are not installed are left out.
    """
    installed = _installed()
    pending: list[str] = []
    for name in set(imports):
        normal = _normal(name)
        pending += [normal] if normal in installed else map(_normal, _providers().get(name, ()))
    versions: dict[str, str] = {}
    while pending:
        name = pending.pop()
        if name in installed and name not in versions:
            versions[name] = installed[name].stem.split("-", 1)[1]
            pending += _requirements(installed[name])
    return dict(sorted(versions.items()))


@functools.cache
def _installed() -> dict[str, Path]:
    """Return the metadata folders of all installed packages, by normalised name."""
    paths = sorted(path for one in _site_packages() for path in Path(one).glob("*.dist-info"))
    return {_normal(path.stem.split("-")[0]): path for path in paths}


def _site_packages() -> list[str]:
    """Return the folders of the installed packages."""
    return sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


_providers = functools.cache(packages_distributions)


def _requirements(metadata: Path) -> list[str]:
    """Return the names of the dependencies of a package that hold here, without optional ones."""
    try:
        from packaging.requirements import Requirement  # not needed to audit
    except ImportError:
        return []
    head, _, _ = (metadata / "METADATA").read_text(encoding="utf-8").partition("\n\n")
    needs = map(Requirement, re.findall(r"^Requires-Dist: *(.*)$", head, re.MULTILINE))
    return [
        _normal(need.name)
        for need in needs
        if need.marker is None or need.marker.evaluate({"extra": ""})
    ]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def arithmetic(root: Path = ROOT) -> dict[str, str]:
    """Return the BLAS kernels, SIMD extensions and compiler target of a job."""
    return {name: value for name, value in _computing(root).items() if name != "environment"}


def job_environment(root: Path = ROOT) -> dict[str, str]:
    """Return the environment of jobs.

    It is without UNWANTED variables and has the variables that select the arithmetic of the
    identity.
    """
    return _plain_environment() | _computing(root).get("environment", {})


def _computing(root: Path) -> dict[str, Any]:
    """Return the output of ARITHMETIC.

    The script takes a second, so its output is cached by everything that it depends on.
    """
    step = [code(ARITHMETIC, root=root), _packages_of([ARITHMETIC], root)]
    system = [platform.python_version(), sysconfig.get_platform(), platform.mac_ver()[0]]
    key = digest([*step, *system, processor()])
    note = root / ".cache" / "arithmetic" / f"{key[:16]}.json"
    answer = read_json(note)
    if not isinstance(answer, dict):
        command = [sys.executable, str(root / ARITHMETIC)]
        answer = json.loads(subprocess.check_output(command, env=_plain_environment()))
        with suppress(OSError):
            write_json(note, answer)
    return answer


def _plain_environment() -> dict[str, str]:
    """Return the caller's environment without UNWANTED variables, and without user packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
    return kept | {"PYTHONNOUSERSITE": "1"}


@functools.cache
def processor() -> dict[str, str]:
    """Return the model and the features of the CPU, as far as the system reports them."""
    return _described(_reported(), platform.processor())


def _described(reported: str, fallback: str) -> dict[str, str]:
    """Return the model and the features of the CPU from the text that the system reports.

    Linux on ARM reports the numbers of implementer and part instead of a name. If there is no
    text, `fallback` is the model.
    """
    first, *_ = reported.split("\n\n")
    lines = (line.partition(":") for line in first.splitlines())
    facts = {key.strip(): value.strip() for key, _, value in lines}
    numbers = [value for key, value in facts.items() if key.startswith("CPU ")]
    return {
        "model name": facts.get("model name") or " ".join(numbers) or fallback,
        "flags": facts.get("flags") or facts.get("Features", ""),
    }


def _reported() -> str:
    """Return what Linux or macOS reports on the first CPU, as lines KEY: VALUE; "" elsewhere."""
    with suppress(OSError):
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    with suppress(OSError, subprocess.CalledProcessError):
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        name = subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL)
        return f"model name: {name}"
    return ""
