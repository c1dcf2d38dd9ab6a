"""The environment: all files that list it say the same, and none says where packages come from."""

import importlib.metadata
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"


def pins(text: str) -> dict[str, str]:
    """Return the version, with its marker if there is one, of each package pinned in `text`."""
    return dict(re.findall(r"^([\w.-]+)==(.*?) *\\?$", text, re.MULTILINE))


def asked_for(name: str) -> set[str]:
    lines = (ENVS / name).read_text().splitlines()
    return {package for line in lines if (package := line.split("#")[0].strip())}


@pytest.mark.parametrize("name", ["bootstrap", "requirements", "tests"])
def test_lock_holds_all_that_is_asked_for_with_hashes(name):
    entries = re.split(r"\n(?=\S)", (ENVS / f"{name}.lock").read_text().strip())
    assert asked_for(f"{name}.in") <= {entry.split("==")[0] for entry in entries}
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}$", entry), entry


def test_lock_has_one_version_of_each_package():
    lines = re.findall(r"^[\w.-]+(?===)", (ENVS / "requirements.lock").read_text(), re.MULTILINE)
    assert len(lines) == len(set(lines))


def test_conda_file_has_the_versions_of_the_lock():
    (conda,) = (
        part["pip"]
        for part in yaml.safe_load((ENVS / "environment.yml").read_text())["dependencies"]
        if isinstance(part, dict)
    )
    assert pins("\n".join(conda)) == pins((ENVS / "requirements.lock").read_text())


def test_what_is_installed_is_what_is_locked():
    pinned = pins((ENVS / "requirements.lock").read_text() + (ENVS / "tests.lock").read_text())
    for package, version in pinned.items():
        locked = Requirement(f"{package}=={version}")
        if locked.marker is None or locked.marker.evaluate():
            assert importlib.metadata.version(package) in locked.specifier, package


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


@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="set up without make")
def test_make_has_nothing_to_do_once_set_up():
    done = subprocess.run(["make", "--question", "env"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0


def test_help_names_every_target():
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {line.split()[1] for line in done.stdout.splitlines()} == set(phony.split())


def test_no_suitable_python_is_one_line(tmp_path):
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "envs").mkdir()
    for name in ("bootstrap.lock", "requirements.lock", "tests.lock"):
        (tmp_path / "envs" / name).touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python3").chmod(0o755)
    done = subprocess.run(
        [shutil.which("make"), "env"],
        cwd=tmp_path,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith("make: no Python 3.11 or newer")
    assert not (tmp_path / ".venv").exists()
