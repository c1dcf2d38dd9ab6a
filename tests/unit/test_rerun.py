"""Running a recorded command again, and describing differences between files."""

from pathlib import Path

import numpy as np
import pytest

from provenance.files import sha256
from provenance.history import History
from provenance.rerun import differences, rerun


@pytest.fixture
def pair(tmp_path):
    """Two folders, for the old and the new version of a file."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    return tmp_path / "old", tmp_path / "new"


def lines(pair, name):
    return list(differences(pair[0] / name, pair[1] / name, name))


def test_columns_of_a_table(pair):
    (pair[0] / "a.csv").write_text("rule,M0,M1\nx,100,2.0\ny,50,1.0\n")
    (pair[1] / "a.csv").write_text("rule,M0,M1\nx,100,2.5\nz,50,1.0\n")
    assert lines(pair, "a.csv") == [
        "a.csv: column rule differs in 1 of 2 rows, first 'y', now 'z'",
        "a.csv: column M1 differs in 1 of 2 rows, by at most 0.25 of its value (2.0, now 2.5)",
    ]


@pytest.mark.parametrize("content", ["rule\nx\ny\n", "rule,M0\nx,1\n", ""])
def test_a_table_with_different_rows_or_columns(pair, content):
    (pair[0] / "a.csv").write_text("rule\nx\n")
    (pair[1] / "a.csv").write_text(content)
    assert lines(pair, "a.csv") == ["a.csv: different rows or columns"]


def test_arrays(pair):
    np.savez(pair[0] / "a.npz", hidden=np.array([1, 2, 3]), out=np.zeros(2))
    np.savez(pair[1] / "a.npz", hidden=np.array([1, 2, 5]), out=np.zeros(3))
    assert lines(pair, "a.npz") == [
        "a.npz: array hidden differs at 1 of 3, by at most 2",
        "a.npz: array out has shape (3,), not (2,)",
    ]


def test_other_formats(pair):
    for folder, content in zip(pair, (b"1", b"2"), strict=True):
        (folder / "a.bin").write_bytes(content)
    assert lines(pair, "a.bin") == ["a.bin: content differs from its record"]
    (pair[0] / "a.bin").unlink()
    assert lines(pair, "a.bin") == [
        "a.bin: content differs from its record (the recorded file is not here)"
    ]


COMMAND = ["python", "scripts/copying.py", "data/a.txt", "results/b.csv"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a project with one script and, in its history, one record of it."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("number\n7\n")
    (tmp_path / "scripts/arithmetic.py").write_text("print('{}')")
    (tmp_path / "scripts/copying.py").write_text(
        "import os, sys\n"
        "text = open(sys.argv[1]).read()\n"
        "if 'NUMBA_OPT' in os.environ: text += '8\\n'\n"
        "open(sys.argv[2], 'w').write(text)\n"
    )
    monkeypatch.setenv("NUMBA_OPT", "0")

    def history(output):
        (tmp_path / "results").mkdir()
        (tmp_path / "results/b.csv").write_text(output)
        record = {
            "made": {"command": ["python", "-c", "open('/forged', 'w')"]},
            "inputs": {"data/a.txt": sha256(tmp_path / "data/a.txt")},
            "outputs": {"results/b.csv": sha256(tmp_path / "results/b.csv")},
        }
        history = History(tmp_path)
        history.records["b"] = record
        return history

    return history


def test_a_repeated_command_gives_the_same(project):
    assert rerun("b", project("number\n7\n"), COMMAND) == []


def test_a_repeated_command_shows_differences(project):
    (line,) = rerun("b", project("number\n8\n"), COMMAND)
    assert line == (
        "results/b.csv: column number differs in 1 of 1 rows, by at most 0.12 of its value (8.0,"
        " now 7.0)"
    )


def test_a_failing_command_is_reported(project):
    history = project("number\n7\n")
    (history.root / "data/a.txt").unlink()
    (line,) = rerun("b", history, COMMAND)
    assert line.startswith("the command failed: FileNotFoundError")


def test_the_recorded_command_is_not_run(project):
    """A record could name any program."""
    assert rerun("b", project("number\n7\n"), COMMAND) == []
    assert not Path("/forged").exists()


def test_an_output_that_is_not_made_is_a_difference(project):
    history = project("number\n7\n")
    history.records["b"]["outputs"]["results/c.csv"] = "0" * 64
    (line,) = rerun("b", history, COMMAND)
    assert line == "results/c.csv: the command does not make it"


def test_a_stray_module_is_not_run(project):
    history = project("number\n7\n")
    (history.root / "scripts/secrets.py").write_text("")
    (line,) = rerun("b", history, COMMAND)
    assert line == "not run: scripts/secrets.py: it hides a module of Python: rename it"
