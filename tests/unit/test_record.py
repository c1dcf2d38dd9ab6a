"""The recorder: what it writes of a command, when it writes nothing, and what an id depends on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provenance import record

ROOT = Path(__file__).resolve().parents[2]
COPY = (
    "from pathlib import Path; Path('results/b.txt').write_text(Path('results/a.txt').read_text())"
)
PYTHON = ["python", "-c"]


class Project:
    """A folder with what the recorder needs, and one file that a rule made, with its record."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("envs/requirements.lock", "scripts/record.py", "scripts/arithmetic.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
        # To ask the libraries what computes takes seconds, and is tried elsewhere.
        (folder / "scripts/arithmetic.py").write_text("print('{}')")
        (folder / "code.py").write_text("# code\n")
        (folder / "results").mkdir()
        (folder / "results/a.txt").write_text("made\n")
        self.run("first", [], ["results/a.txt"], [*PYTHON, ""])

    def command(self, name, inputs, outputs, command, *options):
        made = f"results/{name}.record.json"
        return [sys.executable, "scripts/record.py", "--rule", name, "--record", made, *options] + [
            "--inputs",
            "code.py",
            *inputs,
            "--outputs",
            *outputs,
            made,
            "--",
            *command,
        ]

    def run(self, name, inputs, outputs, command, *options, **variables):
        return subprocess.run(
            self.command(name, inputs, outputs, command, *options),
            cwd=self.folder,
            env=os.environ | variables,
            capture_output=True,
            text=True,
        )

    def copy(self, **variables):
        """Make b.txt from a.txt; return the process."""
        inputs = ["results/a.txt", "results/first.record.json"]
        return self.run("second", inputs, ["results/b.txt"], [*PYTHON, COPY], **variables)

    def read(self, name):
        return record.read(self.folder / f"results/{name}.record.json")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def test_a_record_says_what_was_made_from_what(project):
    assert project.copy().returncode == 0
    made = project.read("second")
    recipe, hashes = made["recipe"], record.sha256(project.folder / "results/a.txt")
    assert made["outputs"] == {"results/b.txt": hashes}
    assert recipe["rule"] == "second"
    assert recipe["command"] == [*PYTHON, COPY]
    assert recipe["inputs"].keys() == {"code.py", "results/a.txt"}
    assert recipe["inputs"]["results/a.txt"] == hashes
    assert recipe["records"] == {"results/first.record.json": project.read("first")["id"]}
    assert recipe["environment"]["packages"] == record.packages()
    assert recipe["environment"]["packages"]["numpy"]
    assert {"start", "end", "host", "cpu", "commit", "dirty"} == made["made"].keys()
    assert made["made"]["start"] <= made["made"]["end"]
    assert made["id"] == record.digest(recipe)
    assert made["seal"] == record.seal(made)


def test_the_command_knows_the_id(project):
    tell = "import os; open('results/id.txt', 'w').write(os.environ['RECORD_ID'])"
    project.run("tell", [], ["results/id.txt"], [*PYTHON, tell])
    assert (project.folder / "results/id.txt").read_text() == project.read("tell")["id"]


def test_an_id_does_not_tell_folders_times_zones_locales_or_cores(project, tmp_path):
    other = Project(tmp_path / "elsewhere" / "longer name")
    project.copy()
    other.copy(TZ="Asia/Kathmandu", LC_ALL="tr_TR.UTF-8", OMP_NUM_THREADS="7", HOME="/nowhere")
    assert project.read("second")["id"] == other.read("second")["id"]
    assert project.read("second")["made"] != other.read("second")["made"]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("code.py", "# code", "# edited"),
        ("results/a.txt", "made", "made otherwise"),
        ("envs/requirements.lock", "numpy==", "other=="),  # one package less that counts
        ("scripts/arithmetic.py", "{}", '{"numba": "other"}'),
    ],
)
def test_an_id_tells_whatever_decides_on_the_outputs(project, file, old, new):
    project.copy()
    before = project.read("second")["id"]
    path = project.folder / file
    path.write_text(path.read_text().replace(old, new))
    project.run("first", [], ["results/a.txt"], [*PYTHON, ""])
    project.copy()
    assert project.read("second")["id"] != before


def test_the_id_of_known_contents_does_not_tell_how_they_were_got(project):
    ids = []
    for command in ("", "pass"):
        project.run("got", [], ["results/a.txt"], [*PYTHON, command], "--by-content")
        made = project.read("got")
        ids.append(made["id"])
        assert made["made"]["recipe"]["command"] == [*PYTHON, command]
    assert ids[0] == ids[1]


def test_a_failing_command_leaves_no_record_and_its_status(project):
    process = project.run("fails", [], ["results/a.txt"], [*PYTHON, "raise SystemExit(7)"])
    assert process.returncode == 7
    assert not (project.folder / "results/fails.record.json").exists()


def test_a_command_that_the_system_kills_is_told_as_such(project):
    die = "import os; os.kill(os.getpid(), 9)"
    process = project.run("dies", [], ["results/a.txt"], [*PYTHON, die])
    assert process.returncode == 128 + signal.SIGKILL
    assert process.stderr == "record: dies was killed: out of memory?\n"


def refused(project, process, line):
    """Whether the recorder said just this and left no record."""
    assert process.returncode == 1
    assert process.stderr == f"record: {line}\n"
    return not (project.folder / "results/second.record.json").exists()


def test_an_input_that_is_not_what_was_made_is_refused(project):
    (project.folder / "results/a.txt").write_text("Made\n")
    line = "results/a.txt: its bytes are not those of its record: make it again"
    assert refused(project, project.copy(), line)
    assert not (project.folder / "results/b.txt").exists()


def test_an_input_without_its_record_is_refused(project):
    process = project.run("second", ["results/a.txt"], ["results/b.txt"], [*PYTHON, COPY])
    assert refused(project, process, "results/a.txt: its record is no input")


def test_an_input_that_changes_meanwhile_is_refused(project):
    edit = "open('code.py', 'a').write('# more'); open('results/b.txt', 'w')"
    process = project.run("second", [], ["results/b.txt"], [*PYTHON, edit])
    assert refused(project, process, "code.py: it was changed while second ran: run it again")


def test_what_ends_the_recorder_ends_the_command(project):
    wait = "open('results/b.txt', 'w'); import time; time.sleep(600)"
    process = subprocess.Popen(
        project.command("second", [], ["results/b.txt"], [*PYTHON, wait]), cwd=project.folder
    )
    while not (project.folder / "results/b.txt").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    assert not (project.folder / "results/second.record.json").exists()


def test_options_are_parameters_unless_they_name_files():
    command = "python train.py --width 100 --learning-rate 0.01 --seed 0 1 --quick --output b.csv"
    assert record.options(command.split(), ["b.csv"]) == {
        "width": "100",
        "learning_rate": "0.01",
        "seed": ["0", "1"],
        "quick": True,
    }


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"id": "x"}'])
def test_what_is_no_record_is_refused(tmp_path, content):
    path = tmp_path / "x.record.json"
    path.write_text(content)
    with pytest.raises(record.RecordError, match="not a provenance record"):
        record.read(path)


def test_a_damaged_note_of_what_computes_is_asked_for_anew(project):
    [note] = (project.folder / ".cache/arithmetic").iterdir()
    note.write_text("")
    assert project.copy().returncode == 0
    assert note.read_text() == "{}\n"


def test_what_computes_is_asked_once_for_all_it_depends_on(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    cache = project.folder / ".cache/arithmetic"
    before = set(cache.iterdir())
    project.copy()
    assert set(cache.iterdir()) == before
    project.copy(OPENBLAS_CORETYPE="Nehalem")
    assert len(set(cache.iterdir())) == len(before) + 1


def test_a_record_is_canonical_json(project):
    project.copy()
    text = (project.folder / "results/second.record.json").read_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n"
