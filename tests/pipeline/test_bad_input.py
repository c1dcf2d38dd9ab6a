"""Bad configurations, command lines and files: each is refused in one line, and nothing happens.

A case is a command line, the files that it is typed beside, and what is told of it: the key or the
file, its value, and what is allowed. `pytest -m thorough` types them all as a user would.
"""

import ast
import gzip
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import claims
import fetch
import train
from analysis import tables
from analysis.tables import TableError
from plasticity import data
from plasticity.data import DataError
from workflow import builds, configuration, datasets, training_options
from workflow.configuration import ConfigurationError

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "config.yaml").read_text()

# What harms if it runs: it would leave a file behind.
HARM = "touch harm"


class Harm:
    """What a malicious pickle holds."""

    def __reduce__(self):
        return os.system, (HARM,)


def npy(*arrays, **named):
    """Return the bytes of a .npy file of the one array, or of an .npz file of the named ones."""
    buffer = io.BytesIO()
    if named:
        np.savez(buffer, **named)
    else:
        np.save(buffer, *arrays, allow_pickle=True)
    return buffer.getvalue()


PLOT = f"plot {ROOT}/scripts/figures"


def table(kind, **values):
    """Return a table of one network, test or claim in CSV, with the columns that are given."""
    usual = {tables.TEXT: "x", tables.NUMBER: 1, tables.TRUTH: True}
    row = {column: usual[what] for column, what in tables.COLUMNS[kind].items()} | values
    return pd.DataFrame([{key: value for key, value in row.items() if value is not ...}]).to_csv(
        index=False
    )


def mine(text, told):
    """A configuration that is to lie over the paper's."""
    return ("snakemake --configfile mine.yaml", {"mine.yaml": text}, told)


def paper(old, new, told):
    """The paper's configuration with a mistake in it."""
    assert old in CONFIG
    return ("snakemake", {"config.yaml": CONFIG.replace(old, new, 1)}, told)


def plot(figure, kind, content, told):
    """A table that a figure is to be drawn from."""
    options = f"--{kind} table.csv --experiment x --output figure"
    return (f"{PLOT}/{figure}.py {options}", {"table.csv": content}, told)


def entry(text, told):
    """An experiment of its own."""
    return mine(
        f"experiments: {{own: {{question: a, paper: [{{{text}}}]}}}}", f"own.paper[0]{told}"
    )


COMPETITIVE = "rule: competitive, width: 100"
WIDTH = "an integer of at least 1, at most 1000000000"
ENERGY = table("energy")
TURNOVER = (
    f"{PLOT}/turnover.py --energy a.csv --counts c.npz --overlaps o.csv --experiment x"
    " --output figure"
)
TRAIN = "train --rule backprop --width 100 --seed 0 --output -"
SEARCH = (
    "search --search own --minimise M0 --evaluations 1 --best 1 --seed 0 --training goal=0.9"
    " --history history.csv --finalists finalists.csv"
)

CASES = [
    # Files that are no configuration.
    ("snakemake --configfile no.yaml", {}, "no.yaml: cannot be read: No such file or directory"),
    ("snakemake --configfile .", {}, ".: not a file"),
    ("snakemake --configfile /dev/zero", {}, "/dev/zero: not a file"),
    ("snakemake", {"config.yaml": None}, "config.yaml: cannot be read: No such file"),
    paper("scale: paper", "scale: [paper", "config.yaml: line 8: not valid YAML: expected ',' or"),
    paper("scale: paper", "scale: paper\nscale: smoke", "line 7: not valid YAML: the key 'scale'"),
    mine("", "mine.yaml: keys with values are expected, such as 'scale: smoke'"),
    mine("- scale", "mine.yaml: keys with values are expected"),
    mine("scale: smoke\n\tdata: {}", "mine.yaml: line 2: not valid YAML: found character '\\t'"),
    mine(b"\xff\xfe\x00", "mine.yaml: not a text in UTF-8"),
    mine("[" * 5000, "mine.yaml: not valid YAML: maximum recursion depth exceeded"),
    mine("scale: 2024-13-45", "mine.yaml: not valid YAML: month must be in 1..12"),
    mine("scale: !!int x", "mine.yaml: not valid YAML: invalid literal for int()"),
    mine("model: &a {goal: *b}", "mine.yaml: line 1: not valid YAML: found undefined alias"),
    mine("rules: {a: {gate: error}, a: {gate: always}}", "the key 'a' appears twice"),
    # What would run code, or leave the project.
    mine(
        f"scale: !!python/object/apply:os.system ['{HARM}']", "not valid YAML: could not determine"
    ),
    mine("scale: !!python/name:os.system", "not valid YAML: could not determine a constructor"),
    mine(f"__use_yte__: true\nscale: ?__import__('os').system('{HARM}')", "__use_yte__ is not"),
    (
        "snakemake --configfile '; touch harm.yaml'",
        {"; touch harm.yaml": "{a: 1}"},
        "up to 64 small",
    ),
    ("snakemake --configfile paper.yaml", {"paper.yaml": "{}"}, "(not smoke, not paper)"),
    ("snakemake --configfile Mine.yaml", {"Mine.yaml": "{}"}, "'Mine.yaml' is not allowed"),
    mine(
        "figures: {a: {number: 99, title: a, script: ../train}}",
        "script: '../train' is",
    ),
    mine(f"rules: {{$({HARM}): {{gate: always}}}}", "is not allowed: a name of up to 64 small"),
    mine("experiments: {../../a: {question: a}}", "experiments: '../../a' is not allowed: a name"),
    ("snakemake --config 'scale=;touch harm'", {}, "scale: ';touch harm' is not allowed: one of"),
    ("snakemake --config scale=../..", {}, "scale: '../..' is not allowed: one of smoke, paper"),
    # Keys and values.
    mine("modle: {goal: 1}", "modle: {'goal': 1} is not allowed: unknown key, not one of scale"),
    mine("model: {gaol: 1}", "model.gaol: 1 is not allowed: unknown key, not one of learning_rate"),
    mine("model: 5", "model: 5 is not allowed: keys with values"),
    mine("model: {goal: 95}", "model.goal: 95 is not allowed: a number above 0, at most 1"),
    mine(
        "model: {learning_rate: 1e-3}", "learning_rate: '1e-3' is not allowed: a number above 0 (to"
    ),
    mine("model: {max_epochs: .inf}", "max_epochs: inf is not allowed: a number above 0, at most"),
    mine(
        "model: {dataset: cifar}",
        "model.dataset: 'cifar' is not allowed: one of mnist, fashion_mni",
    ),
    mine("scale: null", "scale: None is not allowed: one of smoke, paper"),
    mine(
        "seeds: {paper: [0, 0]}", "seeds.paper: [0, 0] is not allowed: a list of at least 1, none"
    ),
    mine("seeds: {paper: 3}", "seeds.paper: 3 is not allowed: a list of at least 1, none of them"),
    mine("data: {mnist: [a]}", "data.mnist: ['a'] is not allowed: a text or null of some length"),
    mine(
        "rules: {own: {gate: never, eligible: all, select: all}}",
        "rules.own.gate: 'never' is not allowed: one of always",
    ),
    mine(
        "rules: {own: {gate: always, select: all}}", "rules.own.eligible: it is missing: one of all"
    ),
    mine("rules: {1: {gate: always}}", "rules: 1 is not allowed: a name of up to 64 small letters"),
    mine(f"rules: {{{'a' * 65}: {{gate: always}}}}", "is not allowed: a name of up to 64 small"),
    mine(
        "experiments: {own: {paper: []}}", "experiments.own.question: it is missing: a text of some"
    ),
    mine("experiments: {own: {question: a}}", "own.paper: it is missing: a list of grids"),
    entry("rule: bakprop, width: 9", ".rule: 'bakprop' is not allowed: one of backprop"),
    entry("rule: backprop, width: 0", f".width: 0 is not allowed: {WIDTH}"),
    entry("rule: backprop, width: [9, ten]", f".width[1]: 'ten' is not allowed: {WIDTH}"),
    entry(
        "rule: backprop, width: 9, fraction: 0.1", ".fraction: 0.1 is not allowed: it is meant for"
    ),
    entry(COMPETITIVE, ".fraction: None is not allowed: a value is needed with"),
    entry(
        "rule: backprop, width: 9, record: [overlap]",
        ".record: overlap: select: 'all' is not allowed: synapses must compete (rule backprop)",
    ),
    entry(
        "rule: backprop, width: 9, caching_threshold: 0.1, record: [floor]",
        ".record: ['floor'] is not allowed: only for networks without synaptic caching",
    ),
    entry(f"{COMPETITIVE}, fraction: 0.1, record: [counts]", ".record[0]: 'counts' is not"),
    mine(
        "figures: {own: {number: 99, title: a, script: turnover, experiment: subnet_size,"
        " reads: [overlaps]}}",
        "overlaps need experiments.subnet_size.record to have overlap",
    ),
    entry(f"{COMPETITIVE}, fraction: [0.1, 0.1]", ": {'fraction': [0.1, 0.1], 'rule': 'comp"),
    entry(
        "rule: subnet, width: 9, plastic_units: 10",
        ".plastic_units: 10 is not allowed: at most the",
    ),
    mine(
        "figures: {own: {number: 99, title: a}}",
        "own.script: 'own' is not allowed: there",
    ),
    mine(
        "figures: {own: {number: 99, title: a, script: turnover}}",
        "figures.own.experiment: 'own' is not allowed: one of energy_vs_width",
    ),
    # Command lines of Snakemake.
    (
        "snakemake --config scale=tiny",
        {},
        "config.yaml: scale: 'tiny' is not allowed: one of smoke",
    ),
    (
        "snakemake --config 'rules={backprop: {gate: nver}}'",
        {},
        "config.yaml: rules.backprop.gate: 'nver' is not allowed: one of always",
    ),
    (
        "snakemake --config scale",
        {},
        "--config: 'scale' is not allowed: a key of config.yaml and its",
    ),
    (
        "snakemake --config sacle=smoke",
        {},
        "--config: 'sacle=smoke' is not allowed: a key of config",
    ),
    (
        "snakemake --config scale=smoke figures/a.svg",
        {},
        "--config: 'figures/a.svg' is not allowed",
    ),
    ("snakemake -C scale=", {}, "config.yaml: scale: None is not allowed: one of smoke, paper"),
    ("snakemake --config 'data={mnist: '", {}, "data: '{mnist: ' is not allowed: keys with values"),
    (
        "snakemake --config 'model={\"learning_rate\": 0.02}'",
        {},
        "is not allowed: Snakemake would make texts of the values in it: write them into a file",
    ),
    ("snakemake --config 'data={mnist: null}'", {}, "Snakemake would make texts of the values"),
    ("snakemake --config 'data={mnist: !x y}'", {}, "Snakemake would make texts of the values"),
    (
        "snakemake --configfile mine.yaml figures/a.svg",
        {"mine.yaml": "{}"},
        "--configfile: 'figures/a.svg' is not allowed: a YAML file; targets come before options",
    ),
    ("snakemake --cores 0", {}, "--cores, --jobs: '0' is not allowed: a number of at least 1, or"),
    (
        "snakemake -d ..",
        {},
        "--directory: '..' is not allowed: go to the project's folder, and run",
    ),
    # Command lines of the scripts.
    ("train --width 100 --seed 0 --output -", {}, "arguments are required: --rule"),
    ("train --rule bakprop --width 9 --seed 0 --output -", {}, "--rule: 'bakprop' is not allowed"),
    (f"{TRAIN} --width 0", {}, "argument --width: '0' is not allowed: an integer of at least 1"),
    (f"{TRAIN} --width {10**10}", {}, f"--width: '{10**10}' is not allowed: {WIDTH}"),
    (f"{TRAIN} --seed -1", {}, "--seed: '-1' is not allowed: an integer of at least 0"),
    (f"{TRAIN} --learning-rate nan", {}, "--learning-rate: 'nan' is not allowed: a finite"),
    (f"{TRAIN} --max-epochs 1e300", {}, "--max-epochs: '1e300' is not allowed: a number abov"),
    (f"{TRAIN} --lerning-rate 1", {}, "unrecognized arguments: --lerning-rate 1"),
    (f"{TRAIN} --output .", {}, "train: .: cannot write a file here"),
    (f"{TRAIN} --output file/a.csv", {"file": ""}, "file/a.csv: cannot write a file"),
    (f"{TRAIN} --counts file/a.npz", {"file": ""}, "file/a.npz: cannot write a file"),
    ("fetch --dataset cifar", {}, "--dataset: invalid choice: 'cifar' (choose from"),
    ("fetch --folder a --source nowhere", {}, "nowhere has no train-images-idx3-ubyte (nor"),
    ("fetch --folder file", {"file": ""}, "File exists: 'file'"),
    ("prepare --datset mnist", {}, "unrecognized arguments: --datset mnist"),
    ("prepare --folder .", {}, "train-images.idx is missing: run scripts/fetch.py --dataset mnist"),
    ("summarise a.csv", {}, "the following arguments are required: --output"),
    ("summarise --output b.csv a.csv", {}, "summarise: a.csv: No such file or directory"),
    ("claims --energy a.csv", {}, "the following arguments are required: --output"),
    ("claims --energy a.csv --output b.csv", {}, "claims: a.csv: No such file or directory"),
    ("audit --why", {}, "audit: the following arguments are required: FILE"),
    ("audit nothing", {}, "audit: nothing: not in"),
    ("audit . --rerun -1", {}, "--rerun: '-1' is not allowed: an integer of at least 0"),
    ("crate --scale tiny --output c", {}, "--scale: invalid choice: 'tiny' (choose from"),
    ("crate --output .", {}, "crate: .: exists and is not a crate: choose another folder"),
    ("crate --output file/c", {"file": ""}, "crate: file/c: cannot write a crate here: Not a"),
    ("history --output b.gz a.json", {}, "history: a.json: no such record"),
    ("train_found --finalists a.csv --output -", {}, "No such file or directory: 'a.csv'"),
    (f"{SEARCH} --space width", {}, "search: width: '' is not allowed: an integer"),
    (f"{SEARCH} --space width=2,1", {}, "search: width: '2,1' is not allowed: two numbers, low,hi"),
    (f"{SEARCH} --space wdth=1,2", {}, "search: wdth: '1' is not allowed: no parameter has this"),
    (f"{SEARCH} --space gate=always,nver", {}, "--space: 'gate' is not allowed: it must have elig"),
    (f"{PLOT}/subnet_size.py --scale tiny", {}, "--scale: invalid choice: 'tiny' (choose from"),
    # Damaged files.
    (
        "fetch --folder a --source s",
        {"s/train-images.idx": gzip.compress(b"0" * 9)[:9]},
        "s/train-images.idx is cut short: gzip data end at 9 bytes",
    ),
    (
        "fetch --folder a --source s",
        {"s/train-images.idx": gzip.compress(bytes(2**28))},
        "s/train-images.idx is not an IDX file",
    ),
    ("fetch --folder a --source s", {"s/train-images.idx": "<html>"}, "is a web page, not data"),
    (
        "prepare --folder .",
        {"train-images.idx": b"\0\0\x08\x01\0\0\0\x05abc"},
        "is cut short: 11 of 13",
    ),
    (
        "prepare --folder .",
        {"train-images.idx": b"\0\0\x08\x01\0\0\0\x01a"},
        "is not mnist's train-i",
    ),
    ("history --output b.gz a.json", {"a.json": "{"}, "history: a.json: not a provenance record"),
    (
        "train_found --finalists a.csv --output -",
        {"a.csv": "rule,M0\n"},
        "a.csv: not a table of finalists, which search.py makes",
    ),
    ("summarise --output b.csv a.csv", {"a.csv": ""}, "a.csv: not a table in CSV"),
    ("summarise --output b.csv a.csv", {"a.csv": "rule,M0\n"}, "a.csv: a table without rows"),
    ("summarise --output b.csv a.csv", {"a.csv": b"\x8d\xff"}, "a.csv: not a table in CSV"),
    (
        "summarise --output b.csv a.csv c.csv",
        {"a.csv": "rule,M0\nx,1\n", "c.csv": "rule,M1\nx,1\n"},
        "c.csv: its columns are not those of a.csv: M0, M1",
    ),
    (
        "claims --energy a.csv --output b.csv",
        {"a.csv": table("energy", M0=...)},
        "claims: a.csv: not a table of energy: it has no column M0",
    ),
    (
        "claims --energy a.csv --output b.csv",
        {"a.csv": table("energy", reached="maybe")},
        "claims: a.csv: row 1: reached: 'maybe' is not allowed: True or False",
    ),
    (
        "claims --energy a.csv --curves c.csv --output b.csv",
        {"a.csv": ENERGY, "c.csv": table("curves", trials="many")},
        "claims: c.csv: row 1: trials: 'many' is not allowed: a number",
    ),
    (
        "finding --claims a.csv --energy b.csv --output c.md",
        {},
        "finding: a.csv: No such file or directory",
    ),
    (
        f"{PLOT}/frugal_frontier.py --energy a.csv --searches s.csv --experiment x --output figure",
        {"a.csv": ENERGY, "s.csv": table("searches", front="maybe")},
        "frugal_frontier: s.csv: row 1: front: 'maybe' is not allowed: True or False",
    ),
    (
        "overlap --rule backprop --width 9 --seed 0 --output -",
        {},
        "overlap: select: 'all' is not allowed: synapses must compete",
    ),
    (
        "floor --rule backprop --width 9 --seed 0 --caching-threshold 0.1 --output -",
        {},
        "floor: caching_threshold: 0.1 is not allowed: learners are compared without it",
    ),
    (
        f"{PLOT}/floor.py --floors f.csv --experiment x --output figure",
        {"f.csv": table("floors", reached="maybe")},
        "floor: f.csv: row 1: reached: 'maybe' is not allowed: True or False",
    ),
    (f"{PLOT}/none.py", {}, "none.py: no script in scripts/figures/; there are: "),
    (f"{PLOT}/style.py", {}, "not the script of a figure: it has no function plotted"),
    (f"{PLOT}/turnover.py --energy a.csv", {"a.csv": ENERGY}, "turnover.py: --counts is missing"),
    (
        TURNOVER,
        {
            "a.csv": ENERGY,
            "c.npz": npy(hidden=np.zeros((2, 785), int), out=np.zeros((10, 3), int)),
            "o.csv": table("overlaps"),
        },
        "turnover: the numbers of updates are those of networks of [2] hidden units",
    ),
    plot("subnet_size", "energy", b"\x8d\xff", "subnet_size: table.csv: not a table in CSV"),
    plot("subnet_size", "energy", table("energy", width=...), "it has no column width"),
    plot("subnet_size", "energy", table("energy", width="wide"), "row 1: width: 'wide' is not"),
    plot("subnet_size", "energy", table("energy", experiment="y"), "of experiment x; it has: y"),
    plot(
        "accuracy", "curves", table("curves", accuracy="good"), "accuracy: 'good' is not allowed: a"
    ),
    plot(
        "claims", "claims", table("claims", value="1 or 2"), "row 1: value: '1 or 2' is not allowed"
    ),
    *(
        (
            TURNOVER,
            {"a.csv": ENERGY, "c.npz": content, "o.csv": table("overlaps")},
            "turnover: c.npz: does not hold numbers of updates (hidden, out)",
        )
        for content in (
            b"",
            b"PK\x03\x04",
            npy(hidden=np.zeros((2, 785), int), out=np.zeros((10, 3), int))[:2000],
            npy(hidden=np.zeros((2, 785), int)),
            npy(hidden=np.zeros(2, int), out=np.zeros(2, int)),
            npy(hidden=np.array([Harm()]), out=np.array([Harm()])),
            npy(np.array([Harm()])),
        )
    ),
]
assert len(CASES) >= 60


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Go to an empty folder, and return what writes files into it."""
    monkeypatch.chdir(tmp_path)
    return lambda files: written(tmp_path, {"config.yaml": CONFIG} | files)


def written(folder, files):
    """Write files, by name, into a folder; one whose content is None is removed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content or b"")
        if content is None:
            path.unlink()


def content(folder):
    """Return the content of each file in a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def called(command, monkeypatch, capsys):
    """Run a command's program in this process; return its exit status and all that it tells."""
    program, *arguments = shlex.split(command)
    script = ROOT / "scripts" / f"{program}.py"
    monkeypatch.setattr(sys, "argv", [script.name, *arguments])
    monkeypatch.syspath_prepend(str(script.parent))
    with pytest.raises(SystemExit) as refusal:
        if program == "snakemake":
            builds.check(arguments)
        else:
            runpy.run_path(str(script), run_name="__main__")
    status, told = refusal.value.code, capsys.readouterr()
    assert told.out == ""
    return (1, f"{told.err}{status}\n") if isinstance(status, str) else (status, told.err)


def typed(command, folder):
    """Type a command in a folder; return its exit status and what it tells, and print the time."""
    program, *arguments = shlex.split(command)
    script = [ROOT / "scripts" / f"{program}.py"]
    snakemake = ["-m", "snakemake", "--cores", "1"]
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, *(snakemake if program == "snakemake" else script), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    print(f"{time.monotonic() - start:.2f} s: {command}")
    assert done.stdout == ""
    # What Snakemake says before it looks at anything.
    return done.returncode, re.sub("Using workflow specific profile .*\n", "", done.stderr)


def check_refused(status, told, expected):
    """Check that a command was refused in one line that tells what is expected."""
    assert status not in (0, None)
    assert told.endswith("\n") and told[:-1].isprintable(), told
    assert expected in told


@pytest.mark.parametrize(("command", "files", "expected"), CASES)
def test_bad_input_is_refused_in_one_line(
    place, tmp_path, monkeypatch, capsys, command, files, expected
):
    place(files)
    before = content(tmp_path)
    check_refused(*called(command, monkeypatch, capsys), expected)
    assert content(tmp_path) == before


@pytest.fixture(scope="module")
def project(copied, tmp_path_factory):
    """A copy of the project, in which nothing is to be made."""
    return copied(tmp_path_factory.mktemp("bad")).root


# One case of each sort is typed on every run of the tests.
TYPED = ["no.yaml", "__use_yte__", "line 9", "'nver'", "'scale' is", "--rule: 'bakprop'"]
TYPED += ["cut short: 11", "it has no column M0"]


@pytest.mark.parametrize(
    ("command", "files", "expected"),
    [
        pytest.param(
            *case, marks=() if any(part in case[2] for part in TYPED) else pytest.mark.thorough
        )
        for case in CASES
    ],
)
def test_bad_input_is_refused_as_a_user_types_it(project, command, files, expected):
    kept = {name: (project / name).read_bytes() for name in files if (project / name).exists()}
    written(project, files)
    before = content(project)
    try:
        check_refused(*typed(command, project), expected)
        assert content(project) == before
    finally:
        written(project, dict.fromkeys(files) | kept)


def test_status_runs_nothing_that_a_file_says_either(project):
    written(project, {"mine.yaml": f"__use_yte__: true\nscale: ?__import__('os').system('{HARM}')"})
    before = content(project)
    command = "snakemake --workflow-profile profiles/status --configfile"
    for file, expected in {"mine.yaml": "__use_yte__ is not", "no.yaml": "cannot be read"}.items():
        check_refused(*typed(f"{command} {file}", project), expected)
        assert content(project) == before


@pytest.mark.parametrize("options", ["", " --workflow-profile {}/profiles/status", " -d {}"])
def test_another_folder_is_refused_by_its_cause(project, tmp_path, options):
    command = f"snakemake -s {project}/Snakefile -n{options}".format(project)
    status, told = typed(command, tmp_path)
    expected = "not the project's folder: go there, and run Snakemake without -s and -d"
    check_refused(status, told, f"{tmp_path}: {expected}")


def test_status_says_nothing_of_what_is_done_if_it_cannot_know(copied, tmp_path):
    copy = copied(tmp_path)
    (copy.root / "scripts/figures/matplotlibrc").unlink()
    done = copy.snakemake("--workflow-profile", "profiles/status")
    assert done.returncode == 1 and "scripts/figures/matplotlibrc" in done.stdout
    assert "to be done" not in done.stdout and "jobs to do" not in done.stdout


def test_a_folder_with_metacharacters_is_just_a_folder(copied, tmp_path):
    project = copied(tmp_path).root
    config = f"data: {{mnist: '$({HARM}); {HARM} & `{HARM}`'}}"
    written(project, {"mine.yaml": config})
    _, told = typed("snakemake data/mnist/inputs.npy --configfile mine.yaml", project)
    assert f"$({HARM}); {HARM} & `{HARM}` has no train-images-idx3-ubyte" in told
    assert not list(project.rglob("harm*"))


def test_no_code_evaluates_or_unpickles_what_it_reads():
    """Nothing in scripts/ could run what a configuration or a file says."""
    assert issubclass(configuration._Loader, yaml.SafeLoader)
    names = {"eval", "exec", "compile", "__import__", "system", "popen", "read_pickle"}
    modules = {"pickle", "marshal", "shelve", "dill", "joblib"}
    for path in (ROOT / "scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            place = f"{path}:{getattr(node, 'lineno', '')}"
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
                assert name not in names or ast.unparse(node.func) == "re.compile", place
                for keyword in node.keywords:
                    if keyword.arg in ("shell", "allow_pickle"):
                        assert ast.unparse(keyword.value) == "False", place
                if ast.unparse(node.func) == "yaml.load":
                    assert ast.unparse(node.args[1]) == "_Loader", place
            if isinstance(node, ast.Import):
                assert not modules & {alias.name for alias in node.names}, place
            if isinstance(node, ast.ImportFrom):
                assert node.module not in modules, place


def test_what_a_rule_puts_into_its_command_is_quoted():
    """Names are checked, and everything else is quoted."""
    used = re.findall(r"\{+(params\.\w+(?::q)?)\}", (ROOT / "Snakefile").read_text())
    assert used and all(param.endswith(":q") for param in used)


def test_arrays_with_objects_are_not_opened(tmp_path):
    (tmp_path / "inputs.npy").write_bytes(npy(np.array([Harm()])))
    with pytest.raises(DataError, match="inputs.npy is damaged: run"):
        data.load("mnist", tmp_path)
    assert not list(tmp_path.glob("harm"))


# Whatever is written

fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzzed
@given(text=st.binary(max_size=99) | st.text(max_size=99).map(str.encode))
def test_any_bytes_are_a_configuration_or_refused_in_one_line(place, text):
    place({"mine.yaml": text})
    allowed_or_refused(["--configfile", "mine.yaml"])


@fuzzed
@given(
    start=st.integers(0, len(CONFIG) - 1),
    length=st.integers(0, 30),
    text=st.text(alphabet="[]{}:,-#&*!|>'\"?%@ \n\tab01.~<", max_size=9) | st.text(max_size=3),
)
def test_any_slip_of_the_pen_is_a_configuration_or_refused_in_one_line(place, start, length, text):
    changed = CONFIG[:start] + text + CONFIG[start + length :]
    place({"config.yaml": changed.encode(errors="replace")})
    allowed_or_refused([])


@fuzzed
@given(words=st.lists(st.text(max_size=20), max_size=3))
def test_any_words_on_the_command_line_are_allowed_or_refused_in_one_line(place, words):
    place({})
    allowed_or_refused(["--config", *(word.lstrip("-") for word in words)])


def allowed_or_refused(arguments):
    """Check that these options of Snakemake are allowed, or refused in one line."""
    try:
        builds.check(arguments)
    except ConfigurationError as refusal:
        assert str(refusal).isprintable()


OPTIONS = [
    word
    for action in training_options.parser("train", "")._actions
    for word in action.option_strings
]
VALUES = [
    "backprop",
    "subnet",
    "competitive",
    "0",
    "1",
    "-1",
    "100",
    "0.1",
    "1e999",
    "nan",
    "x",
    "",
]


@fuzzed
@given(words=st.lists(st.sampled_from(OPTIONS + 2 * VALUES) | st.text(max_size=5), max_size=12))
def test_any_words_are_a_command_or_refused_in_one_line(monkeypatch, words):
    class Trains(Exception):
        """The command line is accepted."""

    def training(*_):
        raise Trains

    monkeypatch.setattr(datasets, "ensure", training)
    words = [word for word in words if word not in ("-h", "--help")]
    monkeypatch.setattr(sys, "argv", ["train.py", *TRAIN.split()[1:], *words])
    with pytest.raises((Trains, SystemExit)) as end:
        train.main()
    if end.type is SystemExit:
        assert str(end.value.code).startswith("train: ")
        assert "\n" not in end.value.code


def damaged(whole):
    """A strategy for what becomes of bytes when some are lost or changed."""
    positions = st.integers(0, len(whole) - 1)
    lost = positions.map(lambda end: whole[:end])
    flipped = st.tuples(positions, st.integers(1, 255)).map(
        lambda flip: whole[: flip[0]] + bytes([whole[flip[0]] ^ flip[1]]) + whole[flip[0] + 1 :]
    )
    return lost | flipped


IDX = b"\0\0\x08\x01\0\0\0\x20" + bytes(range(32))


@given(content=damaged(IDX) | damaged(gzip.compress(IDX)))
def test_a_damaged_raw_file_is_refused(content):
    with pytest.raises(DataError) as refusal:
        fetch.unpacked(content, "mnist", "test-labels.idx")
    assert str(refusal.value).isprintable()


@fuzzed
@given(content=damaged(npy(np.zeros(100, np.uint8))))
def test_a_damaged_array_is_refused_or_a_whole_array(tmp_path, content):
    (tmp_path / "labels.npy").write_bytes(content)
    try:
        array = data._open(tmp_path / "labels.npy", (100,), np.uint8, "mnist")
        assert array.shape == (100,) and array.dtype == np.uint8
    except DataError as refusal:
        assert str(refusal).isprintable()


networks = [
    {"experiment": experiment, "rule": rule, "width": width, "plastic_units": width, "seed": seed}
    for experiment in ("energy_vs_width", "energy_vs_fraction", "subnet_size")
    for rule in ("backprop", "competitive", "subnet")
    for width in (50, 100, 200)
    for seed in (0, 1)
]
ENERGIES = "".join(
    line
    for i, network in enumerate(networks)
    for line in table("energy", **network).splitlines(keepends=True)[min(i, 1) :]
)


@fuzzed
@given(content=damaged(ENERGIES.encode()))
def test_a_damaged_table_is_refused_or_a_whole_table(tmp_path, content):
    (tmp_path / "energy.csv").write_bytes(content)
    try:
        energy = tables.read(tmp_path / "energy.csv", "energy")
    except TableError as refusal:
        assert str(refusal).isprintable()
    else:
        curves, floors = (claims.read_conditions([], kind) for kind in ("curves", "floors"))
        read = {"energy": energy, "curves": curves, "floors": floors}
        assert claims.judged(claims.CLAIMS, read)["verdict"].notna().all()
        declared = configuration.read(ROOT / "config.yaml")["claims"]
        table = claims.tested(declared, claims.Tables(energy, curves))
        assert table["verdict"].notna().all()
