"""Compiled code is never older than the sources that went into it."""

import shutil
import subprocess
import sys
from functools import partial

import pytest

from plasticity import compilation
from provenance import identity


@pytest.mark.parametrize(
    ("module", "edit", "another"),
    [
        ("network.py", "\nEDITED = 1\n", True),
        ("competition.py", "\nEDITED = 1\n", True),
        ("structures/staircase.py", "\nEDITED = 1\n", True),
        ("structures/staircase.py", "\n# edited\n", False),
        ("reference.py", "\nEDITED = 1\n", False),
    ],
)
def test_compiled_code_has_another_folder_after_an_edit_that_counts(
    module, edit, another, tmp_path, monkeypatch
):
    shutil.copytree(identity.ROOT / "scripts", tmp_path / "scripts")
    monkeypatch.setattr(identity, "ROOT", tmp_path)
    monkeypatch.setattr(compilation.identity, "code", partial(identity.code, root=tmp_path))
    before = compilation.cache_folder()
    assert compilation.cache_folder() == before
    with (tmp_path / "scripts" / "plasticity" / module).open("a") as file:
        file.write(edit)
    assert (compilation.cache_folder() != before) == another


TWICE = """
import sys
sys.path.insert(0, sys.argv[1])
from plasticity import compilation

@compilation.compiled
def twice(x):
    return x + x

assert twice(21) == 42 and twice(0.5) == 1.0
print(sum(twice.stats.cache_hits.values()), sum(twice.stats.cache_misses.values()))
"""


@pytest.fixture
def twice(tmp_path):
    """Return what compiles a function for two types in a process of its own, with its cache there.

    It returns how many came from the cache and how many did not.
    """
    for package in ("plasticity", "provenance"):
        shutil.copytree(identity.ROOT / "scripts" / package, tmp_path / "scripts" / package)
    (tmp_path / "twice.py").write_text(TWICE)
    command = [sys.executable, tmp_path / "twice.py", tmp_path / "scripts"]

    def run():
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return tuple(map(int, done.stdout.split()))

    return run


def test_compiled_code_is_kept_and_compiled_anew_when_it_is_damaged(twice, tmp_path):
    assert twice() == (0, 2)
    assert twice() == (2, 0)
    one, other = sorted((tmp_path / ".cache").rglob("*.nbc"))
    whole = one.read_bytes(), other.read_bytes()
    middle = len(whole[1]) // 2
    one.write_bytes(whole[0][:middle])
    other.write_bytes(whole[1][:middle] + bytes([whole[1][middle] ^ 8]) + whole[1][middle + 1 :])
    assert twice() == (0, 2)
    assert twice() == (2, 0)
    whole = one.read_bytes(), other.read_bytes()
    # Each whole, but in the place of the other.
    one.write_bytes(whole[1])
    other.write_bytes(whole[0])
    assert twice() == (0, 2)


def test_a_cache_that_cannot_be_written_is_done_without(twice, tmp_path):
    (tmp_path / ".cache").write_text("not a folder")
    assert twice() == (0, 2)
