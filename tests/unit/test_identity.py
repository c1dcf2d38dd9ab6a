"""The identity of a step: it changes with whatever can alter a number, and with nothing else."""

import ast
import json
import os
import random
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import identity
from workflow import configuration

ROOT = Path(__file__).resolve().parents[2]
MODULE = '''
"""A module."""

import math
from dataclasses import dataclass


@dataclass
class Settings:
    """How it is done."""

    rate: float = 0.5
    steps: int = 3


class OddError(ValueError):
    """It is odd."""


def total(values: list[float], scale: float = 2.0, *, first: int, power: int = 1) -> float:
    """Return the scaled sum of `values`."""
    if not values:
        raise OddError(f"no values: {values}")
    # the sum of all
    count: int
    count = 0
    result: float = 0.0
    for value in values[first:]:
        result += value**power
        count += 1
    print("so far", result, 'sum')
    return scale * math.sqrt(result) + count


def options(add, require):
    add("--rate", type=float, default=0.5, help="how fast", metavar="RATE")
    require(True, "rate must be positive")
    return {**{"a": 1}, "b": 2}, f"rate {0.5:.3f} of {total}"
'''


def meaning(text):
    return identity.meaning(ast.parse(textwrap.dedent(text)))


def edited(old, new):
    assert MODULE.count(old) == 1, old
    return meaning(MODULE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# the sum of all", "# all of it\n    # together"),
        ('"""A module."""', '"""Another text."""'),
        ('"""A module."""', ""),
        ('"""How it is done."""', ""),
        ('    """Return the scaled sum of `values`."""\n', ""),
        ('    """It is odd."""', "    pass"),
        ("values: list[float]", "values"),
        (" -> float:", " -> int:"),
        ("result: float = 0.0", "result = 0.0"),
        ("    count: int\n", ""),
        ('f"no values: {values}"', '"give some values"'),
        ("'sum'", '"sum"'),
        ('help="how fast", metavar="RATE"', 'help="how quickly"'),
        ('"rate must be positive"', 'f"rate must be above {0}"'),
        ("values[first:]", "(\n        values[ first : ]\n    )"),
        ("default=0.5, help", "default = 0.50, help"),
        ('"b": 2}', '"b": 2,}'),
        ("\n\n\nclass OddError", "\n\nclass OddError"),
    ],
)
def test_what_alters_no_number_leaves_the_meaning(old, new):
    assert edited(old, new) == meaning(MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"so far"', '"until now"'),
        ("rate: float = 0.5", "rate: float = 0.25"),
        ("rate: float = 0.5", "rate: int = 0.5"),
        ("    steps: int = 3\n", "    steps: int\n"),
        ("scale: float = 2.0", "scale: float = 3.0"),
        ("scale: float = 2.0", "scale: float = 2"),
        ("first: int, power: int = 1", "first: int = 1, power: int"),
        ("result += ", "result -= "),
        ("value**power", "value*power"),
        ("scale * math.sqrt(result) + count", "scale * (math.sqrt(result) + count)"),
        ("count = 0", "count = 1"),
        ("count += 1", "count += True"),
        ("import math\n", "import math\nimport cmath\n"),
        ("import math\n", "import cmath as math\n"),
        ("@dataclass\n", "@dataclass(frozen=True)\n"),
        ("(ValueError)", "(KeyError)"),
        ("raise OddError(", "raise KeyError("),
        ("if not values:", "if values:"),
        ("default=0.5, help", "default=0.25, help"),
        ('"--rate"', '"--Rate"'),
        ("require(True,", "require(False,"),
        ('{**{"a": 1}, "b": 2}', '{"b": {"a": 1}, **2}'),
        (":.3f}", ":.4f}"),
        ('f"rate {', 'f"Rate {'),
        ("        count += 1\n", ""),
        ("        count += 1\n", "    count += 1\n"),
    ],
)
def test_what_can_alter_a_number_changes_the_meaning(old, new):
    assert edited(old, new) != meaning(MODULE)


def test_imports_for_type_checkers_do_not_count():
    before, checked = "import a\n", "import a\nif TYPE_CHECKING:\n    from b import c\n"
    assert meaning(checked) == meaning(before)
    assert meaning(f"{checked}else:\n    c = 1\n") != meaning(before)


CONSTANTS = [node.value for node in ast.walk(ast.parse(MODULE)) if isinstance(node, ast.Constant)]
NUMBERS = [value for value in CONSTANTS if type(value) in (int, float)]


class Edit(ast.NodeTransformer):
    """Replaces the number at a position among all numbers."""

    def __init__(self, position, value):
        self.left, self.value, self.before = position, value, None

    def visit_Constant(self, node):
        if type(node.value) in (int, float):
            if self.left == 0:
                self.before, node = node.value, ast.Constant(self.value)
            self.left -= 1
        return node


@given(
    st.integers(0, len(NUMBERS) - 1),
    st.one_of(st.integers(0), st.floats(0, allow_nan=False, allow_infinity=False)),
)
def test_every_other_constant_is_another_meaning(position, value):
    tree = ast.parse(MODULE)
    edit = Edit(position, value)
    tree = edit.visit(tree)
    same = (type(value), value) == (type(edit.before), edit.before)
    assert (identity.meaning(tree) == meaning(MODULE)) == same


@given(st.integers(0, 2**32))
def test_comments_and_blank_lines_are_no_other_meaning(seed):
    chance = random.Random(seed)
    lines = []
    for line in MODULE.splitlines():
        if chance.random() < 0.2:
            lines += [chance.choice(["", "  # why", "# ünder", "\t", "        # deep"])]
        plain = line.strip() and not line.strip().startswith(('"""', "#"))
        lines += [line + chance.choice(["", "  ", "  # a comment"]) * bool(plain)]
    assert meaning("\n".join(lines)) == meaning(MODULE)
    assert meaning(ast.unparse(ast.parse(MODULE))) == meaning(MODULE)


# Modules


@pytest.fixture
def project(tmp_path):
    """Write files of code into scripts/ of a project, and return the code of one's identity."""

    def write_and_ask(script, **files):
        for name, text in files.items():
            path = tmp_path / "scripts" / f"{name}.py"
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        found = identity.code(f"scripts/{script}.py", root=tmp_path)
        return {path.removeprefix("scripts/"): meaning for path, meaning in found.items()}

    return write_and_ask


def test_modules_of_modules_are_found_once(project):
    found = project("a", a="import b\nimport sys, numpy", b="import c", c="import a, b")
    assert found.keys() == {"a.py", "b.py", "c.py"}


def test_imports_within_functions_and_branches_are_found(project):
    found = project("a", a="def f():\n    import b\nif 0:\n    from c import x", b="", c="")
    assert found.keys() == {"a.py", "b.py", "c.py"}


def test_packages_are_found_with_their_init_files(project):
    files = {
        "p/__init__": "import top",
        "p/one": "from . import two",
        "p/two": "from .three import x",
    }
    found = project("a", **{"a": "from p import one", "p/three": "", "top": "", **files})
    assert found.keys() == {
        "a.py",
        "p/__init__.py",
        *(f"p/{n}.py" for n in ("one", "three", "two")),
        "top.py",
    }


def test_a_name_within_a_module_is_not_a_module(project):
    assert project("a", a="from b import c", b="c = 1").keys() == {"a.py", "b.py"}


def test_an_edit_of_a_module_changes_that_of_no_other(project):
    before = project("a", a="import b, c", b="x = 1", c="y = 1")
    after = project("a", b="x = 2")
    assert {name for name in before if before[name] != after[name]} == {"b.py"}


def test_a_module_that_joins_or_leaves_is_seen(project):
    before = project("a", a="import b", b="", c="")
    after = project("a", b="import c")
    assert after.keys() - before.keys() == {"c.py"}
    assert before == project("a", b="")


def test_neutral_packages_do_not_count_nor_what_they_import(project):
    found = project(
        "a",
        a="from workflow import parser\nfrom provenance.files import sha256\nimport b",
        b="",
        c="",
        **{"workflow/parser": "import c", "provenance/files": "import c"},
    )
    assert found.keys() == {"a.py", "b.py"}


# Packages and the real steps


@pytest.mark.parametrize("package", ["numpy", "numba", "scipy", "llvmlite", "threadpoolctl"])
def test_a_pin_of_what_computes_is_another_identity_of_training(package):
    assert package in identity.step("scripts/train.py")["packages"]


@pytest.mark.parametrize(
    "package",
    ["ruff", "jax", "seaborn", "snakemake", "matplotlib", "pandas", "pytest", "pyyaml", "psutil"],
)
def test_a_pin_of_a_tool_is_no_other_identity_of_training(package):
    assert package not in identity.step("scripts/train.py")["packages"]


def test_a_new_version_is_another_identity(tmp_path, monkeypatch):
    for version in ("2.4.0", "2.4.1"):
        metadata = tmp_path / f"numpy-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Name: numpy\n\n")
        monkeypatch.setattr(identity, "_installed", lambda metadata=metadata: {"numpy": metadata})
        assert identity.packages(["numpy"]) == {"numpy": version}


def test_what_a_package_needs_is_found_with_it():
    found = identity.packages(["matplotlib", "yaml", "no_such_package"])
    assert {"matplotlib", "numpy", "pillow", "pyyaml"} <= found.keys()
    assert "no-such-package" not in found


def test_only_what_a_package_needs_here_is_found_with_it(tmp_path, monkeypatch):
    needs = ["b; python_version < '3.8'", "c; python_version >= '3.8'", "d; extra == 'x'", "e (>1)"]
    folders = {name: tmp_path / f"{name}-1.dist-info" for name in "abcde"}
    for name, folder in folders.items():
        folder.mkdir()
        lines = [f"Requires-Dist: {need}" for need in needs if name == "a"]
        (folder / "METADATA").write_text("\n".join([f"Name: {name}", *lines, "", "text"]))
    monkeypatch.setattr(identity, "_installed", lambda: folders)
    assert identity.packages(["a"]).keys() == {"a", "c", "e"}


STEPS = sorted(
    {*re.findall(r"scripts/[\w/]+\.py", (ROOT / "Snakefile").read_text())}
    - {"scripts/record.py", "scripts/plot.py"}
    | {"scripts/train.py", "scripts/train_found.py", "scripts/arithmetic.py"}
    | {
        f"scripts/plot.py scripts/figures/{figure.get('script', name)}.py"
        for config in ("config.yaml", "beyond.yaml")
        for name, figure in configuration.read(ROOT / config)["figures"].items()
    }
)
NEUTRAL = ("scripts/workflow/", "scripts/provenance/")

# Imports scripts as their processes would, and tells which files imported which.
IMPORT = """
import builtins, importlib.util, json, runpy, sys
from pathlib import Path

root = Path("scripts").resolve()
edges = set()
original = builtins.__import__

def path(file):
    file = Path(file or "/").resolve()
    return str(file.relative_to(root.parent)) if root in file.parents else None

def traced(name, globals=None, locals=None, fromlist=(), level=0):
    module = original(name, globals, locals, fromlist, level)
    given = globals or {}
    if importer := path(given.get("__file__")):
        full = importlib.util.resolve_name("." * level + name, given.get("__package__"))
        parts = full.split(".")
        names = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
        for one in (*names, *(f"{full}.{item}" for item in fromlist or ())):
            if one in sys.modules:
                edges.add((importer, path(getattr(sys.modules[one], "__file__", None))))
    return module

builtins.__import__ = traced
for script in sys.argv[1:]:
    for name, module in list(sys.modules.items()):
        if path(getattr(module, "__file__", None)):
            del sys.modules[name]
    sys.path[0] = str(root)
    runpy.run_path(script, run_name="imported")
print(json.dumps(sorted(edge for edge in edges if None not in edge)))
"""


@pytest.fixture(scope="module")
def imports():
    """Which files under scripts/ each file there imports at run time."""
    found = {}
    command = [sys.executable, "-c", IMPORT, *sorted({*" ".join(STEPS).split()})]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for importer, imported in json.loads(run.stdout):
        found.setdefault(importer, set()).add(imported)
    return found


@pytest.mark.parametrize("step", STEPS)
def test_what_a_step_really_imports_is_in_its_identity(step, imports):
    """Apart from neutral modules, and what only these import."""
    reached, pending = set(), step.split()
    while pending:
        file = pending.pop()
        if file not in reached and not file.startswith(NEUTRAL):
            reached.add(file)
            pending += imports.get(file, ())
    code = identity.code(*step.split()).keys()
    assert reached <= code
    assert not any(file.startswith(NEUTRAL) for file in code)


@pytest.mark.parametrize("step", STEPS)
def test_no_step_depends_on_the_tools_for_tests(step):
    lock = (ROOT / "envs/requirements.lock").read_text()
    locked = {identity._normal(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    assert identity.step(*step.split())["packages"].keys() <= locked


def test_every_step_is_looked_at(imports):
    assert {
        "scripts/prepare.py",
        "scripts/search.py",
        "scripts/plot.py scripts/figures/savings.py",
    } <= {*STEPS}
    assert "scripts/plasticity/network.py" in imports["scripts/plasticity/training.py"]


def test_training_depends_on_the_model_and_not_on_the_drawing():
    code = identity.code("scripts/train.py").keys()
    assert {f"scripts/plasticity/{name}.py" for name in ("network", "engine", "rules")} <= code
    assert not any(file.startswith("scripts/figures") for file in code)
    assert "scripts/plasticity/engine.py" not in identity.code("scripts/gallery.py")


def interpreters():
    """Other versions of Python, as far as there are any here."""
    pyenv = Path.home() / ".pyenv/versions"
    for version in ("3.12", "3.13"):
        found = [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"))]
        candidates = filter(None, [*found, shutil.which(f"python{version}")])
        yield version, next(filter(runs, candidates), None)


def runs(python):
    """Whether a file is a Python that works: a shim of pyenv may name a version that is missing."""
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


@pytest.mark.parametrize(("version", "python"), list(interpreters()))
def test_the_meaning_is_the_same_in_other_versions_of_python(version, python, tmp_path):
    if python is None:
        pytest.skip(f"no Python {version} here")
    (tmp_path / "module.py").write_text(MODULE)
    ask = """
import ast, json, sys
sys.path.insert(0, "scripts")
from pathlib import Path
from provenance import identity
print(json.dumps([identity.meaning(ast.parse(Path(path).read_text())) for path in sys.argv[1:]]))
"""
    paths = [str(tmp_path / "module.py"), *map(str, sorted((ROOT / "scripts").rglob("*.py")))]
    run = subprocess.run(
        [python, "-c", ask, *paths],
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [meaning(Path(path).read_text()) for path in paths]


# The file that rules have as an input


@pytest.fixture
def step(tmp_path, monkeypatch):
    """Write the identity of a script into its file; return the file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(identity, "step", lambda script: {"code": {script: "0"}})
    return lambda script: Path(identity.write_step.__wrapped__(script))


def test_the_file_of_a_step_is_written_only_if_it_changes(step, monkeypatch):
    path = step("scripts/figures/savings.py")
    assert path == identity.STEPS / "figures.savings.json"
    before = path.stat().st_mtime_ns, path.stat().st_ino
    step("scripts/figures/savings.py")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    monkeypatch.setattr(identity, "step", lambda script: {"code": {}})
    step("scripts/figures/savings.py")
    assert json.loads(path.read_bytes()) == {"code": {}}


@pytest.mark.parametrize("content", ["", "[", "\x00"])
def test_a_damaged_file_of_a_step_is_written_anew(step, content):
    step("scripts/a.py").write_text(content)
    assert json.loads(step("scripts/a.py").read_bytes()) == {"code": {"scripts/a.py": "0"}}


INTEL = "processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nflags\t: none\n"
NEOVERSE = (
    "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
    "CPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n\nprocessor\t: 1\n"
)


@pytest.mark.parametrize(
    ("reported", "model", "flags"),
    [
        (INTEL, "Xeon", "fpu avx2"),
        (NEOVERSE, "0x41 8 0x3 0xd0c 1", "fp asimd"),
        ("model name: Apple M2 Pro\n", "Apple M2 Pro", ""),
        ("", "arm", ""),
    ],
)
def test_a_processor_is_described_by_what_linux_and_macos_report(reported, model, flags):
    assert identity._described(reported, "arm") == {"model name": model, "flags": flags}


@pytest.fixture
def without_proc(monkeypatch):
    """As on a Mac: there is no /proc, and nothing that an earlier test has asked for."""
    identity.processor.cache_clear()

    def missing(path, **_):
        raise FileNotFoundError(path)

    with monkeypatch.context() as patch:
        patch.setattr(identity.Path, "read_text", missing)
        patch.setattr(identity.platform, "processor", lambda: "arm")
        yield patch
    identity.processor.cache_clear()


def test_a_mac_is_asked_for_its_processor(without_proc):
    """Its name is in the key of the noted arithmetic, so a copied project asks again."""
    asked = []

    def check_output(command, **_):
        asked.append(command)
        return "Apple M4\n"

    without_proc.setattr(identity.subprocess, "check_output", check_output)
    assert identity.processor()["model name"] == "Apple M4"
    assert asked == [["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]]


def test_a_system_that_reports_nothing_still_has_a_processor(without_proc):
    def check_output(command, **_):
        raise FileNotFoundError(command[0])

    without_proc.setattr(identity.subprocess, "check_output", check_output)
    assert identity.processor() == {"model name": "arm", "flags": ""}
