"""What archives and platforms read: valid, and equal to its one source."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import metadata
import plasticity

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def problems(schema, *files):
    """Return what a schema finds in these files, as text; empty if they are valid."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("name", metadata.derived())
def test_a_derived_file_follows_from_the_citation(name):
    assert (ROOT / name).read_text() == metadata.derived()[name], "run `make metadata`"


def test_the_citation_is_valid():
    assert problems("citation-file-format", ROOT / "CITATION.cff") == ""


def test_an_invalid_citation_is_noticed(tmp_path):
    path = tmp_path / "CITATION.cff"
    path.write_text((ROOT / "CITATION.cff").read_text().replace("given-names:", "first-name:"))
    assert "first-name" in problems("citation-file-format", path)


def test_the_workflows_of_the_platform_are_valid():
    assert problems("github-workflows", *WORKFLOWS) == ""


def test_a_codecheck_finds_every_output():
    listed = [entry["file"] for entry in metadata.read("codecheck.yml")["manifest"]]
    assert len(listed) == len(set(listed))
    assert [name for name in listed if not (ROOT / name).is_file()] == []
    drawn = {
        path.relative_to(ROOT).as_posix()
        for folder in metadata.MADE
        for path in (ROOT / folder).glob("*.svg")
    }
    assert {name for name in listed if name.endswith(".svg")} == drawn


def test_the_image_has_the_steps_of_the_makefile():
    """No list of packages of its own, and a Python that the project is tested with."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    (base,) = (line.split()[1] for line in lines if line.startswith("FROM "))
    job = metadata.read(".github/workflows/tests.yml")["jobs"]["tests"]
    assert base.removeprefix("python:").split("-")[0] in job["strategy"]["matrix"]["python"]
    assert "RUN make env" in lines


# The tutorial

NOTEBOOK = json.loads((ROOT / "docs/tutorial.ipynb").read_text())
CELLS = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
MEASURED = """
import json
print(json.dumps([*(result.measures for result in results.values()), [int(M0), float(M1)],
                  [int(reference.energy.M0.sum()), float(reference.energy.M1.sum())],
                  *same[["trials", "M0", "M1"]].astype(float).values.tolist()]))
"""


def test_the_tutorial_is_committed_without_outputs():
    assert CELLS
    assert [cell for cell in CELLS if cell["outputs"] or cell["execution_count"]] == []


def test_the_tutorial_runs(mnist, monkeypatch):
    """In a new process, since the first cell must import plasticity before NumPy."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    code = "\n".join("".join(cell["source"]) for cell in CELLS) + MEASURED
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    backprop, competitive, mine, by_hand, reference, published = json.loads(
        done.stdout.splitlines()[-1]
    )
    assert backprop["reached"] and competitive["reached"] and mine["reached"]
    assert mine["M0"] < competitive["M0"] < backprop["M0"] / 5
    assert by_hand == pytest.approx(reference, rel=1e-5)
    trained = [backprop[name] for name in ("trials", "M0", "M1")]
    assert published == pytest.approx(trained, rel=1e-12 if plasticity.X86 else 0.2)
