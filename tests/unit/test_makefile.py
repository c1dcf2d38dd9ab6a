"""The environment is set up where it is used, with the settings of pip."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Makes an environment whose programs note how they were called; the first of them is this one.
PYTHON = """#!/bin/sh
printf "%s\\n" "${0##*/} $*" >> "$CALLS"
case "$*" in "-m venv"*)
    mkdir -p .venv/bin .venv/lib/python3.11/site-packages
    cp "$0" .venv/bin/python
    printf '#!/bin/sh\\nprintenv > "$CALLS.uv"\\nexit $UV_STATUS\\n' > .venv/bin/uv
    chmod +x .venv/bin/uv
    echo "command = $0 $1 $2 $3 $PWD/$4" > .venv/pyvenv.cfg
esac
"""


@pytest.fixture
def project(tmp_path):
    """A folder in which an environment has been set up."""
    folder = tmp_path / "a project"
    (folder / "envs").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("bootstrap.lock", "requirements.lock", "tools.lock"):
        (folder / "envs" / name).touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").write_text(PYTHON)
    (tmp_path / "bin/python3").chmod(0o755)
    assert make(folder).returncode == 0
    assert calls(folder) == ["python3"]
    return folder


def make(folder, target="env", **variables):
    """Run make; the commands that it runs are noted."""
    (folder.parent / "calls").write_text("")
    programs = folder.parent / "bin"
    kept = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder.parent)}
    kept |= {"CALLS": str(folder.parent / "calls"), "UV_STATUS": "0"}
    return subprocess.run(
        ["make", target], cwd=folder, env=kept | variables, capture_output=True, text=True
    )


def calls(folder):
    """Return the programs that have made an environment since the last call of make."""
    lines = (folder.parent / "calls").read_text().splitlines()
    return [line.split()[0] for line in lines if "-m venv" in line]


def settings(folder):
    """Return the environment of the last call of uv."""
    lines = (folder.parent / "calls.uv").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_an_environment_is_made_once(project):
    assert make(project).returncode == 0 and calls(project) == []


@pytest.mark.parametrize("place", [shutil.move, shutil.copytree])
def test_a_moved_or_copied_environment_is_set_up_again(project, place):
    there = project.with_name("there")
    place(project, there)
    assert make(there).returncode == 0 and calls(there) == ["python3"]
    assert str(there / ".venv") in (there / ".venv/pyvenv.cfg").read_text()
    assert make(there).returncode == 0 and calls(there) == []


def test_an_environment_has_scripts_on_its_path(project):
    (folder,) = (project / ".venv/lib").glob("python3.*/site-packages")
    path_file = folder / "scripts.pth"
    for _ in "the first time", "if it is missing":
        assert (folder / path_file.read_text().strip()).resolve() == project / "scripts"
        path_file.unlink()
        assert make(project).returncode == 0 and calls(project) == []


def test_an_environment_that_is_found_by_another_path_stays(project):
    """As on a cluster whose machines see one folder at several paths."""
    project.rename(project.with_name("there"))
    project.symlink_to(project.with_name("there"))
    assert make(project).returncode == 0 and calls(project) == []


@pytest.mark.parametrize("target", ["env", ".venv/tools"])
def test_uv_gets_the_settings_of_pip(project, target):
    (project / ".venv/installed").unlink()
    pip = {"PIP_CERT": "/a.pem", "PIP_INDEX_URL": "https://a/simple"}
    assert make(project, target, **pip).returncode == 0
    told = settings(project)
    assert (told["SSL_CERT_FILE"], told["UV_DEFAULT_INDEX"]) == ("/a.pem", "https://a/simple")
    assert told["UV_SYSTEM_CERTS"] == "true" and "UV_INDEX" not in told


def test_without_settings_of_pip_uv_gets_none(project):
    assert not {"SSL_CERT_FILE", "UV_DEFAULT_INDEX", "UV_INDEX"} & settings(project).keys()


@pytest.mark.parametrize("target", ["env", ".venv/tools"])
def test_if_uv_fails_the_settings_are_named(project, target):
    (project / ".venv/installed").unlink()
    done = make(project, target, UV_STATUS="1")
    assert done.returncode != 0
    assert "make: uv cannot install: behind a proxy, set PIP_CERT and PIP_INDEX_URL" in done.stderr


# The make of Macs is 3.81; these came later.
LATER = (
    r"^\s*(define \S+ *[:?+]?=|undefine\b|\.ONESHELL|\.RECIPEPREFIX)"
    r"|\bprivate |::=|!=|&:|\$\((file|guile|let|intcmp) "
)
RECIPES = [line for line in (ROOT / "Makefile").read_text().splitlines() if line[:1] == "\t"]


@pytest.mark.parametrize(
    "line",
    ["a != ls", "a ::= b", "a b &: c", ".ONESHELL:", "define a =", "undefine a", "b: $(file >a,b)"],
)
def test_what_the_make_of_macs_lacks_is_recognised(line):
    assert re.search(LATER, line)


def test_the_make_of_macs_can_read_the_makefile():
    others = set((ROOT / "Makefile").read_text().splitlines()) - set(RECIPES)
    assert [line for line in others if re.search(LATER, line)] == []


def test_programs_of_the_environment_are_called_by_their_paths():
    """The make of Macs looks for a command in the caller's PATH, whatever PATH it exports."""
    programs = r"[@-]?\s*(uv|ruff|mypy|snakefmt|snakemake|pytest|pip|python)\b"
    assert len(RECIPES) > 20
    assert [line for line in RECIPES if re.match(programs, line[1:])] == []
