"""The environment: its files are consistent, and set-up installs only what is needed."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"


def pins(text: str) -> dict[str, str]:
    """Return the version, with a marker if it has one, of each package pinned in `text`."""
    return dict(re.findall(r"^([\w.-]+)==(.*?) *\\?$", text, re.MULTILINE))


def locked(name: str) -> dict[str, str]:
    return pins((ENVS / f"{name}.lock").read_text())


def asked_for(name: str) -> set[str]:
    if name == "requirements":
        return set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    lines = (ENVS / f"{name}.in").read_text().splitlines()
    return {package for line in lines if (package := line.split("#")[0].strip())}


@pytest.mark.parametrize("name", ["bootstrap", "requirements", "tools"])
def test_a_lock_has_every_requirement_once_and_with_hashes(name):
    entries = re.split(r"\n(?=\S)", (ENVS / f"{name}.lock").read_text().strip())
    packages = [entry.split("==")[0] for entry in entries]
    assert asked_for(name) <= set(packages)
    assert len(packages) == len(set(packages))
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}$", entry), entry


def test_tools_have_the_versions_of_the_packages_for_figures():
    figures, tools = locked("requirements"), locked("tools")
    assert not asked_for("requirements") & asked_for("tools")
    for package in figures.keys() & tools.keys():
        assert figures[package] == tools[package], package


def imported(path: Path) -> set[str]:
    """Return the top-level names of all modules that a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_scripts_import_no_tools():
    local = {path.stem for path in (ROOT / "scripts").rglob("*")}
    packages = importlib.metadata.packages_distributions()
    for script in (ROOT / "scripts").rglob("*.py"):
        for name in imported(script) - local - sys.stdlib_module_names:
            installed = {re.sub(r"[-_.]+", "-", package).lower() for package in packages[name]}
            assert installed & locked("requirements").keys(), f"{script}: {name}"


def test_conda_file_has_the_versions_of_the_lock():
    (conda,) = (
        part["pip"]
        for part in yaml.safe_load((ENVS / "environment.yml").read_text())["dependencies"]
        if isinstance(part, dict)
    )
    assert pins("\n".join(conda)) == locked("requirements")


def test_installed_versions_are_those_of_the_locks():
    for package, version in (locked("requirements") | locked("tools")).items():
        pinned = Requirement(f"{package}=={version}")
        if pinned.marker is None or pinned.marker.evaluate():
            assert importlib.metadata.version(package) in pinned.specifier, package


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_no_tracked_file_names_a_package_index():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    hosts = re.compile(rb"(pypi|pythonhosted|registry\.[a-z]+js|deb\.debian|conda\.anaconda)\.\w+")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    naming = [path for path in paths if path.is_file() and hosts.search(path.read_bytes())]
    assert naming == []


made_by_make = pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="set up without make")


@made_by_make
@pytest.mark.parametrize("target", ["env", ".venv/tools"])
def test_make_has_nothing_to_do_after_set_up(target):
    done = subprocess.run(["make", "--question", target], cwd=ROOT, capture_output=True)
    assert done.returncode == 0


@made_by_make
@pytest.mark.parametrize("way", ["PYTHONSAFEPATH", "-P"])
@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "scripts").glob("*.py")))
def test_scripts_find_their_modules_if_their_folder_is_not_put_on_the_path(script, way, tmp_path):
    options, variables = (["-P"], {}) if way == "-P" else ([], {way: "1"})
    done = subprocess.run(
        [sys.executable, *options, ROOT / "scripts" / script, "--help"],
        cwd=tmp_path,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@made_by_make
def test_scripts_are_last_on_the_path_and_hide_no_module():
    code = "import sys; print(sys.path[-1])"
    path = subprocess.check_output([sys.executable, "-I", "-c", code], text=True)
    assert Path(path.strip()).samefile(ROOT / "scripts")


class Project:
    """A folder with the Makefile, empty locks, and a .venv that only logs its commands."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "Makefile").write_text((ROOT / "Makefile").read_text())
        (folder / "envs").mkdir()
        for name in (
            "bootstrap.lock",
            "requirements.lock",
            "tools.lock",
            "bench.in",
            "notebook.in",
        ):
            (folder / "envs" / name).touch()

    def set_up(self) -> None:
        for name in ("bin", "lib/python3.11/site-packages"):
            (self.folder / ".venv" / name).mkdir(parents=True)
        for name in ("python", "uv", "ruff", "mypy", "snakefmt"):
            program = self.folder / ".venv/bin" / name
            program.write_text(f'#!/bin/sh\necho "{name} $@" >> {self.folder}/calls\n')
            program.chmod(0o755)

    def make(self, *arguments: str) -> list[str]:
        """Return the commands that `make` runs in the environment."""
        (self.folder / "calls").write_text("")
        variables = {name: os.environ[name] for name in ("PATH", "HOME")}
        subprocess.run(["make", *arguments], cwd=self.folder, env=variables, check=True)
        return (self.folder / "calls").read_text().splitlines()

    def edit(self, lock: str) -> None:
        """Make a lock newer than everything that was installed from it."""
        newest = max(path.stat().st_mtime for path in (self.folder / ".venv").iterdir())
        os.utime(self.folder / "envs" / lock, (newest + 1, newest + 1))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def synced(calls: list[str]) -> list[list[str]]:
    """Return the locks of each installation in these commands."""
    return [re.findall(r"envs/(\w+)\.lock", call) for call in calls if "pip sync" in call]


def test_figures_need_no_tools_and_installed_tools_remain(project):
    project.set_up()
    build = "python -m snakemake --cores all"
    calls = project.make("figures")
    assert synced(calls) == [["requirements"]]
    assert calls[-1] == build
    assert synced(project.make("lint")) == [["requirements", "tools"]]
    assert project.make("figures") == [build]
    assert not synced(project.make("lint"))

    project.edit("requirements.lock")
    assert synced(project.make("figures")) == [["requirements", "tools"]]


@pytest.mark.parametrize("target", ["test", "coverage", "format", "bench"])
def test_targets_that_use_tools_install_them(project, target):
    project.set_up()
    assert synced(project.make(target)) == [["requirements"], ["requirements", "tools"]]


def test_the_tutorial_gets_jupyter_again_after_a_sync_that_removed_it(project):
    project.set_up()
    jupyter, opened = "-m pip install -qq -r envs/notebook.in", "-m jupyterlab docs/tutorial.ipynb"
    assert [call for call in project.make("notebook") if "-m pip" in call][-1].endswith(jupyter)
    assert project.make("notebook") == [f"python {opened}"]
    project.edit("tools.lock")
    project.make("lint")
    assert [call for call in project.make("notebook") if "-m pip" in call] == [f"python {jupyter}"]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ("figures SCALE=smoke CORES=2", "--cores 2 --config scale=smoke"),
        ("figures FRESH=1", "--cores all --config fresh=true"),
        ("figures SCALE=smoke FRESH=1", "--cores all --config scale=smoke fresh=true"),
        ("figures CONFIG=mine.yaml", "--cores all --configfile mine.yaml"),
        ("beyond FRESH=1", "--cores all --config fresh=true --configfile beyond.yaml"),
    ],
)
def test_variables_become_options_of_snakemake(project, arguments, options):
    project.set_up()
    assert project.make(*arguments.split())[-1] == f"python -m snakemake {options}"


def test_clean_keeps_published_figures(project):
    unpublished = ["results/a.csv", "logs/a", "figures/smoke/a.svg", "figures/mine/a.svg"]
    unpublished += ["figures/beyond/smoke/a.svg"]
    published = ["figures/a.svg", "figures/beyond/a.svg", "data/mnist/a"]
    for name in unpublished + published:
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    project.make("clean")
    left = [name for name in unpublished + published if (project.folder / name).exists()]
    assert left == published
    project.make("clean")


def test_help_names_every_target():
    makefile = (ROOT / "Makefile").read_text()
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE))
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {line.split()[1] for line in done.stdout.splitlines()} == set(phony.split())


def test_a_missing_python_is_reported_in_one_line(project):
    programs = project.folder / "bin"
    programs.mkdir()
    (programs / "python3").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python3").chmod(0o755)
    done = subprocess.run(
        [shutil.which("make"), "env"],
        cwd=project.folder,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith("make: no Python 3.11 or newer")
    assert not (project.folder / ".venv").exists()
