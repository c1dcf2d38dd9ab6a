"""Published runs: packing, checks of every byte, restoring, and use while they are up to date."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from archive import packed
from provenance import archive, history
from provenance.archive import of_rules, published, restore, restored, unlike
from provenance.files import digest, sha256, write_json
from provenance.record import RecordError, read, seal
from workflow import restored as restoring
from workflow.asked import Job
from workflow.configuration import Condition, Plan

FIGURES = "figures/smoke"
RUNS = "results/smoke/runs"
STEP = {"code": {"scripts/x.py": "1"}, "packages": {"numpy": "2"}, "arithmetic": {"blas": "Z"}}


def write_record(path, rule, script, outputs, records=(), **parameters):
    """Write a record."""
    content = {
        "recipe": {
            "rule": rule,
            **STEP,
            "parameters": {"program": ["python", script], **parameters},
            "data": {},
        },
        "outputs": {file: sha256(file) for file in outputs},
        "inputs": {},
        "records": {record: read(record)["id"] for record in records},
        "made": {
            **dict.fromkeys(("start", "end", "host", "cpu"), ""),
            **{"python": "3.0", "platform": "abacus", "command": ["python", script]},
            **{"seconds": 1, "from_store": False, "sources": {}, "commit": None, "dirty": None},
        },
    }
    content["id"] = digest(content["recipe"])
    write_json(path, content | {"seal": seal(content)})


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a project, in the current folder, that has published two runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(archive, "_step", lambda script: STEP)
    for file in ("data/d/inputs.npy", f"{RUNS}/a.csv", f"{RUNS}/b.csv", f"{FIGURES}/x.svg"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(f"the content of {file}\n")
    data, figure = "data/d/prepare.record.json", f"{FIGURES}/x.record.json"
    write_record(data, "prepare", "scripts/prepare.py", ["data/d/inputs.npy"])
    for name, width in {"a": 10, "b": 20}.items():
        run = f"{RUNS}/{name}.record.json"
        write_record(run, "train", "scripts/train.py", [f"{RUNS}/{name}.csv"], [data], width=width)
    runs = [f"{RUNS}/a.record.json", f"{RUNS}/b.record.json"]
    write_record(figure, "plot", "scripts/figures/x.py", [f"{FIGURES}/x.svg"], runs)
    history.pack([figure], Path(FIGURES, history.BUNDLE), {})
    write_archive({file: Path(file).read_bytes() for file in (f"{RUNS}/b.csv", f"{RUNS}/a.csv")})
    record_published()
    return tmp_path


def write_archive(files):
    Path(FIGURES, archive.NAME).write_bytes(packed(files))


def record_published():
    """Write the records of the archive and of the bundle."""
    for file in (archive.NAME, history.BUNDLE):
        record = f"{FIGURES}/{file.split('.')[0]}.record.json"
        write_record(record, "archive", "scripts/archive.py", [f"{FIGURES}/{file}"])


def error():
    """Return the error message for the published runs."""
    with pytest.raises((RecordError, OSError)) as refused:
        published(FIGURES)
    line = str(refused.value)
    assert "\n" not in line
    return line


def test_the_same_files_give_the_same_bytes():
    files = {"results/b.csv": b"2", "results/a.csv": b"1"}
    assert packed(files) == packed(dict(reversed(files.items())))


def test_published_runs_are_read(tree):
    shown = published(FIGURES)
    assert shown.files == {
        f"{RUNS}/{name}.csv": Path(f"{RUNS}/{name}.csv").read_bytes() for name in "ab"
    }
    assert list(of_rules(shown.records, ["prepare"])) == ["data/d/prepare.record.json"]


@pytest.mark.parametrize("file", [archive.NAME, history.BUNDLE])
@pytest.mark.parametrize("position", range(0, 300, 59))
def test_a_flipped_byte_is_reported(tree, file, position):
    path = Path(FIGURES, file)
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    assert error().startswith(f"{path}: damaged")


@pytest.mark.parametrize("file", [archive.NAME, history.BUNDLE, "runs.record.json"])
def test_a_missing_file_is_reported(tree, file):
    path = Path(FIGURES, file)
    path.unlink()
    assert str(path) in error()


def test_a_truncated_archive_with_a_matching_record_is_reported(tree):
    path = Path(FIGURES, archive.NAME)
    path.write_bytes(path.read_bytes()[:-30])
    record_published()
    assert error().startswith(f"{path}: damaged")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({f"{RUNS}/a.csv": None}, f"{RUNS}/a.csv: missing"),
        ({f"{RUNS}/c.csv": b"1"}, f"{RUNS}/c.csv: no published record of this file"),
        ({"../../a.csv": b"1"}, "../../a.csv: no published record of this file"),
        ({f"{RUNS}/a.csv": b"1"}, f"{RUNS}/a.csv: content does not match its record"),
    ],
)
def test_a_missing_unknown_or_changed_member_is_reported(tree, change, reason):
    files = dict(published(FIGURES).files) | change
    write_archive({name: content for name, content in files.items() if content is not None})
    record_published()
    assert error() == f"{FIGURES}/{archive.NAME}: {reason}"


def test_a_duplicate_member_is_reported(tree):
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(f"{FIGURES}/{archive.NAME}", "a") as opened,
    ):
        opened.writestr(f"{RUNS}/a.csv", f"the content of {RUNS}/a.csv\n")
    record_published()
    assert f"{RUNS}/a.csv" in error()


def test_a_changed_record_is_reported(tree):
    bundle = Path(FIGURES, history.BUNDLE)
    path = Path(f"{RUNS}/a.record.json")
    path.write_text(path.read_text().replace('"width": 10', '"width": 11'))
    history.pack([f"{FIGURES}/x.record.json"], bundle, {})
    record_published()
    assert error() == f"{bundle}: the record {path} was changed after it was written"


def test_files_are_restored_with_their_records(tree, tmp_path_factory):
    shown = published(FIGURES)
    folder = tmp_path_factory.mktemp("clone")
    written = restore(shown, folder)
    assert sorted(written) == sorted(shown.runs | shown.files)
    for file in written:
        assert (folder / file).read_bytes() == Path(file).read_bytes()
    assert set(restored(folder)) == set(shown.runs)
    assert list(archive.records_of_data(folder)) == ["data/d/prepare.record.json"]
    assert restore(shown, folder) == []


def test_an_existing_file_with_the_same_bytes_does_not_count_as_restored(tree):
    before = {path: path.stat().st_mtime_ns for path in Path(RUNS).iterdir()}
    assert restore(published(FIGURES), Path()) == []
    assert before == {path: path.stat().st_mtime_ns for path in Path(RUNS).iterdir()}
    assert restored() == {}


def test_a_different_file_is_not_overwritten(tree):
    shown = published(FIGURES)
    Path(f"{RUNS}/a.csv").unlink()
    Path(f"{RUNS}/b.csv").write_text("mine\n")
    with pytest.raises(RecordError, match=rf"^{RUNS}/b.csv: .*remove it"):
        restore(shown, Path())
    assert not Path(f"{RUNS}/a.csv").exists()
    assert Path(f"{RUNS}/b.csv").read_text() == "mine\n"


def test_a_run_that_is_made_again_no_longer_counts_as_restored(tree):
    shown = published(FIGURES)
    shutil.rmtree("results")
    restore(shown, Path(), leave_out=[f"{RUNS}/b.record.json"])
    assert set(restored()) == {f"{RUNS}/a.record.json"}
    write_json(f"{RUNS}/a.record.json", json.loads(Path(f"{RUNS}/a.record.json").read_text()))
    assert restored() == {}


def test_files_of_an_interrupted_call_count_as_restored(tree, monkeypatch):
    shown = published(FIGURES)
    shutil.rmtree("results")
    whole = dict(shown.files)
    half = shown._replace(files={f"{RUNS}/a.csv": whole[f"{RUNS}/a.csv"]})
    with pytest.raises(KeyError):
        restore(half, Path())
    assert set(restored()) == {f"{RUNS}/a.record.json"}
    restore(shown, Path())
    assert set(restored()) == set(shown.runs)


def job(name, width):
    command = ["python", "scripts/train.py", "--width", str(width)]
    return Job("train", command, set(), {f"{RUNS}/{name}.csv"})


@pytest.fixture
def asked(tree, monkeypatch):
    """Return the requested runs, which a test may change; the published runs are restored."""
    wanted = {
        f"{RUNS}/{name}.record.json": job(name, width) for name, width in {"a": 10, "b": 20}.items()
    }
    monkeypatch.setattr(restoring, "trained", lambda plan, results: wanted)
    shown = published(FIGURES)
    shutil.rmtree("results")
    restore(shown, Path())
    return wanted


def used():
    """Return the names of the restored conditions that are used."""
    plan = Plan(conditions={name: Condition({}) for name in "ab"})
    return {"a", "b"} - restoring.remaining(plan, "results/smoke").conditions.keys()


def test_an_examination_is_restored_like_a_run(tree, monkeypatch):
    """It is computed here only if it was not restored, whatever becomes of the run."""
    Path("results/smoke/overlaps").mkdir()
    for kind in ("runs", "overlaps"):
        Path(f"results/smoke/{kind}/a.csv").write_text("")
    paths = {kind: f"results/smoke/{kind}/a.record.json" for kind in ("runs", "overlaps")}
    wanted = {
        path: Job("", ["python", "scripts/x.py"], set(), {f"results/smoke/{kind}/a.csv"})
        for kind, path in paths.items()
    }
    monkeypatch.setattr(restoring, "trained", lambda plan, results: wanted)
    plan = Plan(conditions={"a": Condition({})}, examined={"overlaps/a": Condition({})})
    for current, left in {"runs": ([], ["overlaps/a"]), "overlaps": (["a"], [])}.items():
        meanings = {paths[current]: archive.meaning({}, "scripts/x.py")}
        monkeypatch.setattr(archive, "restored", lambda meanings=meanings: meanings)
        remaining = restoring.remaining(plan, "results/smoke")
        assert (list(remaining.conditions), list(remaining.examined)) == left
    Path("results/smoke/overlaps/a.csv").unlink()
    assert list(restoring.remaining(plan, "results/smoke").examined) == ["overlaps/a"]


def test_restored_runs_are_used_until_their_parameters_change(asked):
    assert used() == {"a", "b"}
    asked[f"{RUNS}/a.record.json"] = job("a", 11)
    assert used() == {"b"}


def test_a_restored_run_without_its_file_is_made_again(asked):
    Path(f"{RUNS}/a.csv").unlink()
    assert used() == {"b"}


@pytest.mark.parametrize("part", STEP)
def test_restored_runs_are_used_until_their_step_changes(asked, monkeypatch, part):
    monkeypatch.setattr(archive, "_step", lambda script: STEP | {part: {"other": "1"}})
    assert used() == set()


def test_restored_runs_are_used_after_a_change_of_packages_but_not_of_code(tree, monkeypatch):
    shown = published(FIGURES)
    for part, taken in {"code": False, "packages": True, "arithmetic": True}.items():
        monkeypatch.setattr(archive, "_step", lambda script, part=part: STEP | {part: {"y": "1"}})
        shutil.rmtree("results")
        restore(shown, Path())
        run = f"{RUNS}/a.record.json"
        assert (restored()[run] == archive.meaning({"width": 10}, "scripts/train.py")) == taken
        shutil.rmtree("results")
        restore(shown, Path(), trust=True)
        assert restored()[run] == archive.meaning({"width": 10}, "scripts/train.py")


def test_differences_of_the_environment_are_reported(tree, monkeypatch):
    other = {"code": {"scripts/x.py": "2"}, "packages": {"numpy": "3"}, "arithmetic": {"blas": "Z"}}
    monkeypatch.setattr(archive, "_step", lambda script: other)
    code, packages, python, platform = unlike(published(FIGURES).runs, "they")
    assert "scripts/x.py" in code
    assert "numpy 2, here 3" in packages
    assert "python 3.0" in python
    assert "platform abacus" in platform
