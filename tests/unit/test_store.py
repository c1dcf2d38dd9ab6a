"""The store of results: it returns exactly what was stored, or nothing."""

import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from provenance import store

ROOT = Path(__file__).resolve().parents[2]
ID = "ab" + 62 * "0"
OTHER = "cd" + 62 * "1"
FILES = {"output 0": b"numbers " * 40, "output 1": b"", "output 10": b"\x00\xff"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Use an empty store; return its folder."""
    monkeypatch.setenv("RESULT_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("RESULT_STORE_FRESH", raising=False)
    return tmp_path / "store"


def entry(folder, id=ID):
    return folder / id[:2] / f"{id}.zip"


def test_a_stored_entry_is_returned(folder):
    assert store.get(ID) is None
    store.put(ID, FILES, 1.25)
    assert store.get(ID) == store.Entry(FILES, 1.25)
    assert [path for path in folder.rglob("*") if path.is_file()] == [entry(folder)]


def test_an_entry_contains_no_folder_and_no_time():
    assert store.pack(ID, FILES, 1.0) == store.pack(ID, FILES, 1.0)


def test_every_flipped_bit_is_harmless_or_reported():
    """Times and attributes in a zip file do not matter; the content is checked."""
    content = store.pack(ID, FILES, 1.5)
    for i in range(len(content)):
        damaged = bytearray(content)
        damaged[i] ^= 1 << i % 8
        assert store.unpack(bytes(damaged), ID) in (None, store.Entry(FILES, 1.5))


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "foreign", "member", "text"])
def test_a_damaged_entry_is_reported_and_removed(folder, capsys, damage):
    store.put(ID, FILES, 1.0)
    path = entry(folder)
    content = bytearray(path.read_bytes())
    match damage:
        case "flipped":
            content[content.index(b"output 0") + 12] ^= 1
        case "cut":
            del content[len(content) // 2 :]
        case "empty":
            content.clear()
        case "foreign":
            content = store.pack(OTHER, FILES, 1.0)
        case "text":
            content = b"no zip file"
    path.write_bytes(content)
    if damage == "member":
        with zipfile.ZipFile(path) as whole:
            manifest = whole.read(store.MANIFEST)
        with zipfile.ZipFile(path, "w") as part:
            part.writestr(store.MANIFEST, manifest)
    assert store.get(ID) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"store: {path}: ") and line.endswith(": removed, and computed again")
    assert not path.exists()
    store.put(ID, FILES, 2.0)
    assert store.get(ID) == store.Entry(FILES, 2.0)


def test_a_fresh_build_takes_nothing_from_the_store(monkeypatch):
    store.put(ID, FILES, 1.0)
    monkeypatch.setenv("RESULT_STORE_FRESH", "1")
    assert store.get(ID) is None
    store.put(ID, FILES, 3.0)
    monkeypatch.setenv("RESULT_STORE_FRESH", "")
    assert store.get(ID) == store.Entry(FILES, 3.0)


def test_a_folder_that_cannot_be_created_is_ignored(folder, capsys):
    folder.write_text("a file")
    store.put(ID, FILES, 1.0)
    assert store.get(ID) is None
    assert store.size() == (0, 0)
    store.prune()
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_read(folder):
    store.put(ID, FILES, 1.0)
    folder.chmod(0o500)
    entry(folder).parent.chmod(0o500)
    store.put(OTHER, FILES, 1.0)
    assert store.get(OTHER) is None
    assert store.get(ID) == store.Entry(FILES, 1.0)
    entry(folder).parent.chmod(0o700)
    folder.chmod(0o700)


def test_a_large_result_is_not_stored(monkeypatch):
    monkeypatch.setattr(store, "LARGEST", 10)
    store.put(ID, {"output 0": bytes(11)}, 1.0)
    assert store.get(ID) is None


def test_processes_can_write_the_same_entry(folder):
    code = """
import sys
sys.path.insert(0, "scripts")
from provenance import store
for _ in range(50):
    store.put(sys.argv[1], {"output 0": bytes(10**5)}, 1.0)
    assert store.get(sys.argv[1]).files == {"output 0": bytes(10**5)}
"""
    command = [sys.executable, "-c", code, ID]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [process.communicate()[1] for process in processes] == [""] * 4
    assert [process.returncode for process in processes] == [0] * 4
    assert [path.name for path in entry(folder).parent.iterdir()] == [f"{ID}.zip"]


def test_threads_can_prune_while_others_write():
    ids = [f"{i:064x}" for i in range(40)]
    pruning = threading.Thread(target=lambda: [store.prune(1000) for _ in range(40)])
    pruning.start()
    for id in ids:
        store.put(id, FILES, 1.0)
        assert store.get(id) in (None, store.Entry(FILES, 1.0))
    pruning.join()


def test_the_longest_unused_entries_are_removed_first(folder):
    ids = [f"{i:02x}" + 62 * "e" for i in range(4)]
    for age, id in enumerate(ids):
        store.put(id, {"output 0": bytes(1000)}, 1.0)
        os.utime(entry(folder, id), (1e9 + age, 1e9 + age))
    entries, size = store.size()
    assert entries == 4
    assert store.get(ids[0])  # it is used now
    store.prune(size // 2)
    assert [bool(store.get(id)) for id in ids] == [True, False, False, True]
    store.prune(0)
    assert store.size() == (0, 0)


def test_the_folder_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("RESULT_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.folder() == tmp_path / "result-store"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert store.folder() == tmp_path / "home/.cache/result-store"


def test_the_script_prints_the_size_and_clears_the_store(folder):
    store.put(ID, FILES, 1.0)

    def run(*words):
        command = [sys.executable, "scripts/store.py", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert run() == f"{folder}: 1 entries, 0.0 MB\n"
    assert run("--clear") == f"{folder}: 0 entries, 0.0 MB\n"
    assert store.get(ID) is None
