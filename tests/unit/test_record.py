"""The recorder: records, failures, what an id depends on, and the store."""

import importlib.util
import json
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provenance import record
from provenance.files import digest, sha256

ROOT = Path(__file__).resolve().parents[2]
COPY = """
import sys
import helper
open("ran.txt", "a").write("copy\\n")
words = sys.argv[1:]
given = dict(zip(words[::2], words[1::2]))
open(given["--target"], "w").write(open(given["--source"]).read() * helper.TIMES)
"""
TARGET = ["--source", "results/a.txt", "--target", "results/b.txt"]


class Project:
    """A folder with the recorder, and one output of a rule with its record."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "scripts").mkdir(parents=True)
        (folder / "results").mkdir()
        shutil.copytree(ROOT / "scripts/provenance", folder / "scripts/provenance")
        shutil.copy2(ROOT / "scripts/record.py", folder / "scripts/record.py")
        # The real script takes seconds and has its own tests.
        self.write("scripts/arithmetic.py", "print('{}')")
        self.write("scripts/copying.py", COPY)
        self.write("scripts/helper.py", "TIMES = 1  # once\n")
        self.write("notes.txt", "data that no rule made\n")
        self.write("results/a.txt", "made\n")
        self.write("scripts/first.py", "")
        self.run("first", [], ["results/a.txt"], ["python", "scripts/first.py"])

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def command(self, name, inputs, outputs, command, *options):
        path = f"results/{name}.record.json"
        return [
            *(sys.executable, "scripts/record.py", "--rule", name, "--record", path, *options),
            *("--inputs", "notes.txt", *inputs, "--outputs", *outputs, path, "--", *command),
        ]

    def run(self, name, inputs, outputs, command, *options, **variables):
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        store = {"PATH": path, "RESULT_STORE": str(self.folder / "store")}
        return subprocess.run(
            self.command(name, inputs, outputs, command, *options),
            cwd=self.folder,
            env=os.environ | store | variables,
            capture_output=True,
            text=True,
        )

    def script(self, text, name="second", options=(), **variables):
        """Run a script with this text, which may write results/b.txt; return the process."""
        self.write("scripts/script.py", text)
        command = ["python", "scripts/script.py"]
        return self.run(name, [], ["results/b.txt"], command, *options, **variables)

    def copy(self, *more, **variables):
        """Make b.txt from a.txt; return the process."""
        inputs = ["results/a.txt", "results/first.record.json"]
        command = ["python", "scripts/copying.py", *TARGET, *more]
        return self.run("second", inputs, ["results/b.txt"], command, **variables)

    def read(self, name):
        return record.read(self.folder / f"results/{name}.record.json")

    @property
    def runs(self):
        """Return how often the copying script has run."""
        return (self.folder / "ran.txt").read_text().count("copy")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def test_a_record_has_inputs_outputs_and_recipe(project):
    assert project.copy("--learning-rate", "1e-2", "--seed", "0", "1").returncode == 0
    second = project.read("second")
    recipe = second["recipe"]
    a, notes = (sha256(project.folder / name) for name in ("results/a.txt", "notes.txt"))
    assert second.keys() == {"id", "recipe", "outputs", "inputs", "records", "made", "seal"}
    assert second["outputs"] == {"results/b.txt": sha256(project.folder / "results/b.txt")}
    assert second["inputs"] == {"results/a.txt": a, "notes.txt": notes}
    assert second["records"] == {"results/first.record.json": project.read("first")["id"]}
    assert recipe.keys() == {"rule", "code", "packages", "arithmetic", "parameters", "data"}
    assert recipe["rule"] == "second"
    assert recipe["code"].keys() == {"scripts/copying.py", "scripts/helper.py"}
    assert recipe["packages"] == recipe["arithmetic"] == {}
    assert recipe["parameters"] == {
        "program": ["python", "scripts/copying.py"],
        "source": f"a.txt {a}",
        "target": "output 0",
        "learning_rate": 0.01,
        "seed": [0, 1],
    }
    assert recipe["data"] == {"notes.txt": notes}
    details = second["made"]
    assert details["command"][:2] == ["python", "scripts/copying.py"]
    assert details["start"] <= details["end"]
    assert details["seconds"] > 0 and details["from_store"] is False
    assert details["sources"]["scripts/helper.py"] == sha256(project.folder / "scripts/helper.py")
    assert details.keys() == {
        *("start", "end", "seconds", "host", "cpu", "platform", "python", "commit", "dirty"),
        *("command", "from_store", "sources"),
    }
    assert second["id"] == digest(recipe)
    assert second["seal"] == record.seal(second)


def test_the_command_knows_the_id(project):
    script = "import os; open('results/b.txt', 'w').write(os.environ['RECORD_ID'])"
    assert project.script(script).returncode == 0
    assert (project.folder / "results/b.txt").read_text() == project.read("second")["id"]


def test_the_command_does_not_get_variables_that_alter_its_arithmetic(project):
    script = "import os; open('results/b.txt', 'w').write(' '.join(os.environ))"
    variables = {"NUMBA_OPT": "0", "OPENBLAS_CORETYPE": "Nehalem", "PYTHONHASHSEED": "1"}
    assert project.script(script, **variables).returncode == 0
    seen = (project.folder / "results/b.txt").read_text().split()
    assert "PATH" in seen and not variables.keys() & {*seen}
    assert [name for name in seen if name.startswith("PYTHON")] == ["PYTHONNOUSERSITE"]


def test_an_id_does_not_depend_on_folders_times_zones_locales_or_cores(project, tmp_path):
    other = Project(tmp_path / "elsewhere" / "longer name")
    project.copy()
    other.copy(TZ="Asia/Kathmandu", LC_ALL="tr_TR.UTF-8", OMP_NUM_THREADS="7", HOME="/nowhere")
    assert project.read("second")["id"] == other.read("second")["id"]
    assert project.read("second")["made"] != other.read("second")["made"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("scripts/helper.py", "TIMES = 2"),
        ("scripts/helper.py", "import numpy\nTIMES = 1"),
        ("notes.txt", "other data"),
        ("results/a.txt", "made otherwise\n"),
    ],
)
def test_an_id_depends_on_everything_that_determines_the_outputs(project, file, text):
    project.copy()
    before = project.read("second")["id"]
    project.write(file, text)
    first = ["python", "scripts/first.py"]
    project.run("first", [], ["results/a.txt"], first, RESULT_STORE_FRESH="1")
    assert project.copy().returncode == 0
    assert project.read("second")["id"] != before


def test_an_id_depends_on_the_arithmetic(project):
    project.write("scripts/helper.py", "import numpy\nTIMES = 1")
    ids = []
    for kernel in ("one", "other"):
        project.write("scripts/arithmetic.py", f'print(\'{{"blas": "{kernel}"}}\'.strip())')
        assert project.copy().returncode == 0
        second = project.read("second")
        assert second["recipe"]["arithmetic"] == {"blas": kernel}
        assert second["recipe"]["packages"].keys() == {"numpy"}
        ids.append(second["id"])
    assert ids[0] != ids[1]


def test_an_id_does_not_depend_on_comments(project):
    project.copy()
    before = project.read("second")
    project.write("scripts/helper.py", '"""What helps."""\nTIMES: int = 1\n')
    project.copy()
    after = project.read("second")
    assert after["id"] == before["id"]
    assert after["made"]["sources"] != before["made"]["sources"]
    assert project.runs == 1


def test_an_id_by_content_does_not_depend_on_the_code(project):
    records = []
    for text in ("x = 1", "x = 2"):
        project.write("results/b.txt", "known")
        assert project.script(text, options=["--by-content"]).returncode == 0
        records.append(project.read("second"))
    first, second = records
    assert first["id"] == second["id"]
    assert first["made"]["recipe"]["code"] != second["made"]["recipe"]["code"]
    assert first["recipe"] == {"rule": "second", "content": first["outputs"]}


def test_a_record_that_the_command_reads_is_data(project):
    """A bundle of records changes if a record is written again."""
    first = "results/first.record.json"
    command = ["python", "scripts/copying.py", "--source", first, "--target", "results/b.txt"]
    ids = []
    for _ in range(2):
        project.run("first", [], ["results/a.txt"], ["python", "scripts/first.py"])
        assert project.run("second", [first], ["results/b.txt"], command).returncode == 0
        second = project.read("second")
        assert second["inputs"][first] == sha256(project.folder / first)
        ids.append(second["id"])
        assert (project.folder / "results/b.txt").read_text() == (
            project.folder / first
        ).read_text()
    assert ids[0] != ids[1]


# What computes is what is recorded

HIDING = [
    ("scripts/secrets.py", "a module of Python"),
    ("scripts/secrets/__init__.py", "a module of Python"),
    ("scripts/numpy.py", "an installed package"),
    ("scripts/yaml/__init__.py", "an installed package"),
]


@pytest.mark.parametrize(("file", "owner"), HIDING)
def test_a_module_that_hides_another_is_refused(project, file, owner):
    (project.folder / file).parent.mkdir(exist_ok=True)
    project.write(file, "")
    name = file.removesuffix("/__init__.py")
    assert refused(project, project.copy(), f"{name}: it hides {owner}: rename it")
    assert not (project.folder / "ran.txt").exists()


@pytest.mark.parametrize(
    "file",
    ["helper.so", "helper.cpython-311-x86_64-linux-gnu.so", "helper.pyd", "other.pyc", "sub/x.so"],
)
def test_compiled_code_is_refused(project, file):
    (project.folder / "scripts/sub").mkdir()
    project.write(f"scripts/{file}", "")
    line = f"scripts/{file}: compiled code is not allowed here: remove it"
    assert refused(project, project.copy(), line)


def test_what_cannot_be_imported_is_not_refused(project):
    for name in ("._secrets.py", ".DS_Store", "secrets.txt", "secrets.py~"):
        project.write(f"scripts/{name}", "")
    (project.folder / "scripts/secrets").mkdir()  # no package
    assert project.copy().returncode == 0


@pytest.mark.parametrize(
    "mode", ["TIMESTAMP", "CHECKED_HASH", "UNCHECKED_HASH"], ids=lambda mode: mode.lower()
)
def test_bytecode_of_other_code_is_not_run(project, mode):
    """Bytecode whose size, time or hash is that of the source passes the checks of Python."""
    source, other = project.folder / "scripts/helper.py", project.folder / "other.py"
    other.write_text(source.read_text().replace("1", "3"))
    os.utime(other, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
    bytecode = Path(importlib.util.cache_from_source(str(source)))
    compiled = Path(
        py_compile.compile(
            str(other), str(bytecode), invalidation_mode=py_compile.PycInvalidationMode[mode]
        )
    )
    if mode == "CHECKED_HASH":
        content = bytearray(compiled.read_bytes())
        content[8:16] = importlib.util.source_hash(source.read_bytes())
        compiled.write_bytes(content)
    assert project.copy().returncode == 0
    assert (project.folder / "results/b.txt").read_text() == "made\n"


def test_modules_of_the_caller_are_not_run(project, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.MINE = 1")
    (tmp_path / "helper_of_mine.py").write_text("")
    script = """
import builtins, importlib.util, os, site
found = [hasattr(builtins, "MINE"), bool(importlib.util.find_spec("helper_of_mine"))]
open("results/b.txt", "w").write(f"{found} {site.ENABLE_USER_SITE}")
"""
    user = tmp_path / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    user.mkdir(parents=True)
    (user / "usercustomize.py").write_text("import builtins; builtins.MINE = 1")
    done = project.script(script, PYTHONPATH=str(tmp_path), PYTHONUSERBASE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (project.folder / "results/b.txt").read_text() == "[False, False] False"


def test_python_is_the_one_whose_packages_are_recorded(project, tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "python").chmod(0o755)
    assert project.copy(PATH=f"{tmp_path}:{os.environ['PATH']}").returncode == 0


def test_the_commit_is_that_of_the_projects_own_repository(project):
    def git(*words, folder):
        names = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True)

    outer = project.folder.parent
    git("init", folder=outer)
    git("commit", "--allow-empty", "-m", "not of the project", folder=outer)
    project.copy()
    details = project.read("second")["made"]
    assert details["commit"] is None and details["dirty"] is None
    project.copy(GIT_DIR=str(outer / ".git"))
    assert project.read("second")["made"]["commit"] is None

    git("init", folder=project.folder)
    git("commit", "--allow-empty", "-m", "of the project", folder=project.folder)
    project.copy()
    assert len(project.read("second")["made"]["commit"]) == 40


# The store


def test_a_known_recipe_is_not_run_again(project):
    project.copy()
    first = project.read("second")
    (project.folder / "results/b.txt").unlink()
    (project.folder / "results/second.record.json").unlink()
    assert project.copy().returncode == 0
    again = project.read("second")
    assert project.runs == 1
    assert again["id"] == first["id"] and again["outputs"] == first["outputs"]
    assert again["made"]["from_store"] is True
    assert again["made"]["seconds"] == first["made"]["seconds"]
    assert (project.folder / "results/b.txt").read_text() == "made\n"


def test_going_back_takes_from_the_store(project):
    for text, runs in (("TIMES = 1", 1), ("TIMES = 2", 2), ("TIMES = 1", 2)):
        project.write("scripts/helper.py", text)
        assert project.copy().returncode == 0
        assert project.runs == runs
        times = int(text[-1])
        assert (project.folder / "results/b.txt").read_text() == "made\n" * times


def test_other_folders_of_outputs_take_from_the_store(project):
    project.copy()
    (project.folder / "results/mine").mkdir()
    target = "results/mine/c.txt"
    inputs = ["results/a.txt", "results/first.record.json"]
    command = ["python", "scripts/copying.py", "--source", "results/a.txt", "--target", target]
    assert project.run("second", inputs, [target], command).returncode == 0
    assert project.runs == 1
    assert (project.folder / target).read_text() == "made\n"


def test_the_store_can_be_ignored(project):
    project.copy()
    assert project.copy(RESULT_STORE_FRESH="1").returncode == 0
    assert project.runs == 2
    assert project.read("second")["made"]["from_store"] is False


def test_a_damaged_entry_is_reported_and_computed_again(project):
    project.copy()
    (path,) = (
        path
        for path in (project.folder / "store").rglob("*.zip")
        if path.stem == project.read("second")["id"]
    )
    path.write_bytes(path.read_bytes()[:-1])
    process = project.copy()
    assert process.returncode == 0
    assert process.stderr.startswith(f"store: {path}: ") and process.stderr.count("\n") == 1
    assert project.runs == 2
    assert project.copy().stderr == "" and project.runs == 2


def test_many_outputs_keep_their_order(project):
    names = [f"results/{i}.txt" for i in range(12)]
    project.write("scripts/many.py", "import sys\nfor n in sys.argv[1:]: open(n, 'w').write(n)")
    for _ in range(2):
        assert project.run("many", [], names, ["python", "scripts/many.py", *names]).returncode == 0
        for name in names:
            assert (project.folder / name).read_text() == name
            (project.folder / name).unlink()
    assert project.read("many")["made"]["from_store"]


# Errors


def test_a_failing_command_leaves_no_record_and_its_status(project):
    assert project.script("raise SystemExit(7)").returncode == 7
    assert not (project.folder / "results/second.record.json").exists()


def test_a_killed_command_is_reported(project):
    process = project.script("import os; os.kill(os.getpid(), 9)")
    assert process.returncode == 128 + signal.SIGKILL
    assert process.stderr == "record: second was killed: out of memory?\n"


def refused(project, process, line):
    """Return whether the recorder printed only this error and wrote no record."""
    assert process.returncode == 1
    assert process.stderr == f"record: {line}\n"
    return not (project.folder / "results/second.record.json").exists()


def test_an_input_that_does_not_match_its_record_is_refused(project):
    project.write("results/a.txt", "Made\n")
    line = "results/a.txt: content does not match its record: build it again"
    assert refused(project, project.copy(), line)
    assert not (project.folder / "results/b.txt").exists()


def test_an_input_without_its_record_is_refused(project):
    command = ["python", "scripts/copying.py", *TARGET]
    process = project.run("second", ["results/a.txt"], ["results/b.txt"], command)
    assert refused(project, process, "results/a.txt: its record is not an input of the rule")


def test_an_input_that_changes_during_the_run_is_refused(project):
    process = project.script("open('notes.txt', 'a').write('more'); open('results/b.txt', 'w')")
    assert refused(project, process, "notes.txt: changed while second was running: run it again")


def test_code_that_changes_during_the_run_is_refused(project):
    edit = "open('scripts/script.py', 'a').write('x = 1'); open('results/b.txt', 'w')"
    line = "scripts/script.py: code changed while second was running: run it again"
    assert refused(project, project.script(edit + "\n"), line)


def test_a_signal_to_the_recorder_ends_the_command(project):
    wait = "open('results/b.txt', 'w')\nimport time\ntime.sleep(600)"
    project.write("scripts/script.py", wait)
    command = ["python", "scripts/script.py"]
    process = subprocess.Popen(
        project.command("second", [], ["results/b.txt"], command),
        cwd=project.folder,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    while not (project.folder / "results/b.txt").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    assert not (project.folder / "results/second.record.json").exists()


# Parameters


def test_options_are_parameters_with_their_types():
    command = "python train.py --width 100 --learning-rate 0.010 --seed 0 1 --quick --output b.csv"
    assert record.parameters(command.split(), {}, ["b.csv"]) == {
        "program": ["python", "train.py"],
        "width": 100,
        "learning_rate": 0.01,
        "seed": [0, 1],
        "quick": True,
        "output": "output 0",
    }


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *(("1", 1), ("1.0", 1), ("1e3", 1000), ("-0.5", -0.5), ("007", 7)),
        *(("nan", "nan"), ("inf", "inf"), ("mnist", "mnist"), ("", ""), ("0x10", "0x10")),
        ("9007199254740993", 9007199254740993),
    ],
)
def test_numbers_are_recognised_in_every_notation(word, value):
    number = record.number(word)
    assert number == value and type(number) is type(value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"id": "x"}', "\xff", "[" * 100_000])
def test_a_damaged_record_is_refused(tmp_path, content):
    path = tmp_path / "x.record.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(record.RecordError, match="not a provenance record"):
        record.read(path)


# The arithmetic


def test_the_arithmetic_is_determined_once(project):
    project.write("scripts/helper.py", "import numpy\nTIMES = 1")
    project.write("scripts/arithmetic.py", "print('{}')\nopen('asked.txt', 'a').write('x')")
    shutil.rmtree(project.folder / ".cache/arithmetic")  # what was asked with the file before
    project.copy()
    project.copy(OPENBLAS_CORETYPE="Nehalem")  # which jobs do not see
    assert (project.folder / "asked.txt").read_text() == "x"
    (note,) = (project.folder / ".cache/arithmetic").iterdir()
    note.write_text("")  # damaged
    assert project.copy().returncode == 0
    assert note.read_text() == "{}\n"


def test_jobs_get_the_variables_that_select_the_arithmetic(project):
    answer = {"kernel": "old", "environment": {"NPY_CHOICE": "pinned"}}
    project.write("scripts/arithmetic.py", f"print({json.dumps(json.dumps(answer))})")
    script = "import os; open('results/b.txt', 'w').write(str(os.environ.get('NPY_CHOICE')))"
    done = project.script(script, NPY_CHOICE="the caller's", NPY_OTHER="the caller's")
    assert done.returncode == 0, done.stderr
    assert (project.folder / "results/b.txt").read_text() == "pinned"


def test_a_record_is_canonical_json(project):
    project.copy()
    text = (project.folder / "results/second.record.json").read_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n"
