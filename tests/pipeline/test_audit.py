"""The audit, on copies of a tree that was really built at smoke scale: what is touched is found."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import audit
from provenance import history, record
from provenance.audit import Verifier, installed
from provenance.files import digest, sha256
from provenance.history import History
from workflow.configuration import read

FIGURE = "figures/smoke/energy_vs_width"
RUN = "results/smoke/runs/backprop-width50"
TABLE = "results/smoke/experiments/energy_vs_width"
CONFIG = read(Path(__file__).parents[2] / "config.yaml")
(GRID,) = CONFIG["experiments"]["energy_vs_width"]["smoke"]
WIDTHS, SEEDS = GRID["width"], CONFIG["seeds"]["smoke"]
SOURCES = (
    *("scripts", "envs", "schemas", "report", "figures"),
    *("config.yaml", "Snakefile", "CITATION.cff"),
)


HASHES: dict[tuple[int, int], str] = {}


def sha256_once(path: Path) -> str:
    """The sha256 of a file, which is not read again while it has the same place and time.

    Most of what copies share is the data set; what a test changes gets a place of its own.
    """
    state = os.stat(path)
    key = state.st_ino, state.st_mtime_ns
    if key not in HASHES:
        HASHES[key] = sha256(path)
    return HASHES[key]


class Copy:
    """A copy of the built tree, without Snakemake's own files, which a test may change."""

    def __init__(self, root: Path, monkeypatch, capsys):
        self.root, self.monkeypatch, self.capsys = root, monkeypatch, capsys

    def write(self, name: str, content: bytes) -> None:
        """Write a file anew: what the copy shares with others is left as it is."""
        path = self.root / name
        path.unlink()
        path.write_bytes(content)

    def flip(self, name: str) -> None:
        """Flip a bit in the middle of a file, which keeps its size and its times."""
        path = self.root / name
        content, times = bytearray(path.read_bytes()), path.stat()
        content[len(content) // 2] ^= 1
        self.write(name, bytes(content))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that is in a file once or more."""
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new).encode())

    def forge(self, name: str, change) -> None:
        """Change a record and make its id and its seal those of the changed one."""
        made = record.read(self.root / name)
        change(made)
        made["id"] = digest(made["recipe"])
        made["seal"] = record.seal(made)
        self.write(name, json.dumps(made).encode())

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run the audit as it is typed; return the finished process."""
        return subprocess.run(
            [sys.executable, "scripts/audit.py", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
        )

    def audit(self, *arguments: str) -> dict:
        """Return what the audit, in this process, says of files, as for programs."""
        self.monkeypatch.chdir(self.root)
        self.monkeypatch.setattr(audit, "ROOT", self.root)
        self.monkeypatch.setattr(history, "sha256", sha256_once)
        self.monkeypatch.setattr(sys, "argv", ["audit.py", "--json", *arguments])
        with pytest.raises(SystemExit) as end:
            audit.main()
        out, err = self.capsys.readouterr()
        said = json.loads(out)
        assert err == "" and end.value.code == (not said["verified"])
        return said

    def broken(self, *arguments: str) -> tuple[str, str, str]:
        """Return status, subject and reason of the first broken link of one file."""
        (file,) = self.audit(*arguments)["files"]
        link = file["first_broken_link"]
        return link["status"], link["subject"], link["what"]


@pytest.fixture
def tree(built, tmp_path, monkeypatch, capsys):
    """A copy of all that was built, as hard links."""
    root = tmp_path / "copy"
    root.mkdir()
    for name in (*SOURCES, "data", "results"):
        source = built.root / name
        if source.is_dir():
            shutil.copytree(source, root / name, copy_function=os.link)
        else:
            os.link(source, root / name)
    (root / ".cache").symlink_to(built.root / ".cache")  # what computes is asked once
    for path in built.paper:  # of no rule
        (root / path.relative_to(built.root)).unlink()
    return Copy(root, monkeypatch, capsys)


@pytest.fixture
def clone(tree):
    """A copy that has only what is committed: of what was made, the figures."""
    shutil.rmtree(tree.root / "data")
    shutil.rmtree(tree.root / "results")
    return tree


def texts(node):
    """All lines of a tree."""
    return [node["what"], *(line for part in node["parts"] for line in texts(part))]


# Nothing was touched


def test_an_untouched_tree_is_verified(tree):
    said = tree.audit("figures/smoke", "results/smoke")
    assert said["verified"] and said["complete"]
    names = {file["file"] for file in said["files"]}
    assert {f"{FIGURE}.svg", f"{FIGURE}.csv", "results/smoke/energy.csv"} <= names


def test_the_tree_goes_from_the_figure_to_the_raw_data(tree):
    said = tree.audit(f"{FIGURE}.svg")
    (lines,) = map(texts, said["trees"].values())
    parts = [
        *(f"figure {FIGURE}", f"numbers {FIGURE}.csv", f"table {TABLE}.csv"),
        f"{len(WIDTHS)} runs in results/smoke/runs, {len(SEEDS)} seeds each",
        f"parameters: width {', '.join(map(str, WIDTHS))};",
        *("engine: scripts/train.py", "data set data/mnist", "raw data data/mnist", "environment:"),
    ]
    for part in parts:
        assert any(line.startswith(part) for line in lines), part


def test_runs_in_full(tree):
    process = tree.run("--runs", f"{FIGURE}.svg")
    assert process.returncode == 0
    for width in WIDTHS:
        assert f"results/smoke/runs/backprop-width{width}.csv, record" in process.stdout
    assert process.stdout.splitlines()[-1].startswith(f"VERIFIED {FIGURE}.svg")


def test_every_file_is_read_once(tree, monkeypatch):
    read = []
    monkeypatch.chdir(tree.root)
    monkeypatch.setattr(history, "sha256", lambda path: read.append(path) or sha256(path))
    verifier = Verifier(History(tree.root))
    records = list(verifier.history.records)
    for path in records:
        assert all(issue.status == "verified" for issue in verifier.behind(path))
    assert len(read) == len(set(read))
    files = {file for path in records for file in verifier.history.records[path]["outputs"]}
    assert {tree.root / file for file in files} <= set(read)


def test_why_tells_rule_and_command(tree):
    process = tree.run("--why", f"{RUN}.csv")
    assert process.returncode == 0
    assert "rule        train\n" in process.stdout
    assert "  command     python scripts/train.py --" in process.stdout
    assert "; rule backprop; " in process.stdout
    assert f"--output {RUN}.csv" in process.stdout


def test_a_figure_carries_its_record_in_every_format(tree):
    made = record.read(tree.root / f"{FIGURE}.record.json")
    for kind in ("svg", "png", "pdf"):
        assert f"record:{made['id']}".encode() in (tree.root / f"{FIGURE}.{kind}").read_bytes()


# A single byte


@pytest.mark.parametrize(
    ("file", "audited"),
    [
        ("data/mnist/train-images.idx", f"{FIGURE}.svg"),
        ("data/mnist/inputs.npy", f"{FIGURE}.svg"),
        (f"{RUN}.csv", f"{FIGURE}.svg"),
        (f"{TABLE}.csv", f"{FIGURE}.svg"),
        ("results/smoke/energy.csv", "results/smoke/claims.csv"),
        (f"{FIGURE}.svg", f"{FIGURE}.svg"),
        (f"{FIGURE}.png", f"{FIGURE}.svg"),
        (f"{FIGURE}.pdf", f"{FIGURE}.pdf"),
        (f"{FIGURE}.csv", f"{FIGURE}.svg"),
    ],
)
def test_a_flipped_byte_is_found(tree, file, audited):
    tree.flip(file)
    status, subject, what = tree.broken(audited)
    assert (status, subject) == ("TAMPERED", file)
    assert what.startswith("content does not match its record")


def test_the_first_broken_link_is_told_in_words(tree):
    tree.flip(f"{RUN}.csv")
    process = tree.run(f"{FIGURE}.svg")
    assert process.returncode == 1
    last = process.stdout.splitlines()[-1]
    start = f"NOT VERIFIED {FIGURE}.svg: first broken link: TAMPERED: {RUN}.csv: content"
    assert last.startswith(start)


def test_a_figure_copied_over_another_is_found(tree):
    other = "figures/smoke/subnet_size"
    tree.write(f"{FIGURE}.svg", (tree.root / f"{other}.svg").read_bytes())
    status, subject, what = tree.broken(f"{FIGURE}.svg")
    assert (status, subject) == ("TAMPERED", f"{FIGURE}.svg")
    assert what == f"this is the file of {other}.record.json, not of {FIGURE}.record.json"


# Records


@pytest.mark.parametrize("name", [FIGURE, TABLE, RUN, "data/mnist/prepare", "data/mnist/fetch"])
def test_a_changed_record_is_found(tree, name):
    tree.edit(f"{name}.record.json", '"host": "', '"host": "x')
    status, subject, what = tree.broken(f"{FIGURE}.svg")
    assert (status, subject) == ("TAMPERED", f"{name}.record.json")
    assert what == "the record was changed after it was written"


def test_a_forged_record_of_a_run_is_found(tree):
    """The id and the seal fit, but not the command."""
    tree.forge(f"{RUN}.record.json", lambda made: made["recipe"]["parameters"].update(width=51))
    what = "its parameters do not match its command and its inputs"
    assert tree.broken(f"{FIGURE}.svg") == ("TAMPERED", f"{RUN}.record.json", what)


def test_a_forged_record_with_its_command_is_not_what_is_asked_for(tree):
    def forge(made):
        made["recipe"]["parameters"]["width"] = 51
        command = made["made"]["command"]
        command[command.index("--width") + 1] = "51"

    tree.forge(f"{RUN}.record.json", forge)
    found = tree.broken(f"{FIGURE}.svg")
    assert found == ("STALE", "config.yaml: width", "51 then, 50 now")


def test_a_forged_result_and_its_record_are_found(tree):
    """As before, but with outputs that fit: they are not what the table was made from."""
    tree.flip(f"{RUN}.csv")
    hash = sha256(tree.root / f"{RUN}.csv")
    tree.forge(f"{RUN}.record.json", lambda made: made["outputs"].update({f"{RUN}.csv": hash}))
    what = "the same recipe has other outputs in figures/smoke/records.json.gz"
    assert tree.broken(f"{FIGURE}.svg") == ("TAMPERED", f"{RUN}.record.json", what)
    (tree.root / "figures/smoke/records.json.gz").unlink()
    status, subject, what = tree.broken(f"{FIGURE}.svg")
    assert (status, subject) == ("TAMPERED", f"{RUN}.csv")
    assert what == f"{TABLE}.record.json was made from another version of it"


def test_a_forged_record_of_a_figure_is_found(tree):
    def forge(made):
        made["recipe"]["parameters"]["scale"] = "paper"
        command = made["made"]["command"]
        command[command.index("--scale") + 1] = "paper"

    tree.forge(f"{FIGURE}.record.json", forge)
    status, subject, what = tree.broken(f"{FIGURE}.svg")
    assert (status, subject) == ("TAMPERED", f"{FIGURE}.pdf")
    assert what.startswith("it contains the id ")


@pytest.mark.parametrize("name", [FIGURE, TABLE, RUN, "data/mnist/prepare"])
def test_a_deleted_record_is_found(tree, name):
    (tree.root / f"{name}.record.json").unlink()
    status, subject, _ = tree.broken(f"{FIGURE}.svg")
    assert (status, subject) == ("MISSING", f"{name}.record.json")


def test_a_deleted_record_of_a_figure_is_found_without_the_others(tree):
    (tree.root / f"{FIGURE}.record.json").unlink()
    (tree.root / "figures/smoke/records.json.gz").unlink()
    status, subject, what = tree.broken(f"{FIGURE}.svg")
    assert (status, subject) == ("MISSING", f"{FIGURE}.svg")
    assert what.endswith("is missing")


@pytest.mark.parametrize("file", [f"{RUN}.csv", f"{FIGURE}.csv", "data/mnist/labels.npy"])
def test_a_deleted_file_is_found(tree, file):
    (tree.root / file).unlink()
    assert tree.broken(f"{FIGURE}.svg")[:2] == ("MISSING", file)


def test_what_is_no_record_is_found(tree):
    tree.write(f"{RUN}.record.json", b"{}")
    status, subject, what = tree.broken(f"{FIGURE}.svg")
    assert (status, subject) == ("TAMPERED", f"{RUN}.record.json")
    assert what == "not a provenance record: id: missing"


def test_a_file_that_nobody_recorded_is_untracked(tree):
    (tree.root / "figures/smoke/drawn_by_hand.png").write_bytes(b"PNG")
    said = tree.audit("figures/smoke")
    broken = {file["file"]: file["status"] for file in said["files"] if file["first_broken_link"]}
    assert broken == {"figures/smoke/drawn_by_hand.png": "UNTRACKED"}


# What has changed since


@pytest.mark.parametrize(
    "module", ["plasticity/engine.py", "prepare.py", "figures/energy_vs_width.py", "summarise.py"]
)
def test_an_edited_module_is_named(tree, module):
    path = tree.root / "scripts" / module
    content = path.read_bytes()
    tree.write(f"scripts/{module}", content + b"EDITED = 1\n")
    assert tree.broken(f"{FIGURE}.svg") == ("STALE", f"scripts/{module}", "edited since")

    tree.write(f"scripts/{module}", content + b"# edited\n")
    said = tree.audit(f"{FIGURE}.svg")
    assert said["complete"]
    (note,) = said["files"][0]["notes"]
    what = "only its comments, texts or layout were edited since"
    assert (note["subject"], note["what"]) == (f"scripts/{module}", what)


def test_edited_comments_are_told_in_words(tree):
    module = "scripts/plasticity/engine.py"
    tree.write(module, (tree.root / module).read_bytes() + b"# edited\n")
    process = tree.run(f"{FIGURE}.svg")
    assert process.returncode == 0
    assert f"note: {module}: only its comments, texts or layout were" in process.stdout
    last = process.stdout.splitlines()[-1]
    assert last.startswith(f"VERIFIED {FIGURE}.svg")
    assert last.endswith(f"; comments, texts or layout were edited since: {module}")


def test_modules_that_are_used_since_or_no_more_are_named(tree):
    module = "scripts/plasticity/engine.py"
    tree.write(module, (tree.root / module).read_bytes() + b"import more\n")
    (tree.root / "scripts/more.py").write_text("")
    found = json.dumps(tree.audit(f"{FIGURE}.svg")["trees"])
    assert '"scripts/more.py", "what": "not used by scripts/train.py then"' in found
    (tree.root / module).unlink()
    found = json.dumps(tree.audit(f"{FIGURE}.svg")["trees"])
    assert f'"{module}", "what": "missing"' in found
    assert '"what": "no longer used"' in found  # what it alone has used


def test_code_that_cannot_be_read_is_named(tree):
    module = "scripts/train.py"
    tree.write(module, (tree.root / module).read_bytes() + b"import\n")
    status, subject, what = tree.broken(f"{FIGURE}.svg")
    assert (status, subject) == ("STALE", module)
    assert what.startswith("no longer valid Python")


def test_how_data_were_got_does_not_count(tree):
    tree.write("scripts/fetch.py", (tree.root / "scripts/fetch.py").read_bytes() + b"# edited\n")
    assert tree.audit(f"{FIGURE}.svg")["complete"]


def test_an_upgraded_package_is_named(tree, monkeypatch):
    monkeypatch.chdir(tree.root)
    upgraded = {"numpy": "99.0"}
    monkeypatch.setattr(
        "provenance.audit.installed", lambda name: upgraded.get(name) or installed(name)
    )
    (issue,) = Verifier(History(tree.root)).behind(f"{FIGURE}.record.json")
    assert (issue.status, issue.subject) == ("STALE", "numpy")
    assert issue.what == f"version {installed('numpy')} then, 99.0 now"


def test_without_packages_their_versions_are_not_compared(tree, monkeypatch):
    monkeypatch.chdir(tree.root)
    monkeypatch.setattr("provenance.audit.installed", lambda name: None)
    assert Verifier(History(tree.root)).behind(f"{FIGURE}.record.json") == []


def test_the_lock_does_not_count(tree):
    tree.edit("envs/requirements.lock", "numpy==", "# edited\nnumpy==")
    assert tree.audit(f"{FIGURE}.svg")["complete"]


def test_a_changed_parameter_is_told_with_both_values(tree):
    tree.edit("config.yaml", "learning_rate: 0.01", "learning_rate: 0.02")
    what = "0.01 then, 0.02 now"
    assert tree.broken(f"{FIGURE}.svg") == ("STALE", "config.yaml: learning_rate", what)


def test_seeds_that_are_asked_for_now_are_told(tree):
    tree.edit("config.yaml", f"smoke: {SEEDS}", f"smoke: {[*SEEDS, 99]}")
    then = " ".join(map(str, SEEDS))
    assert tree.broken(f"{RUN}.csv") == (
        "STALE",
        "config.yaml: seed",
        f"{then} then, {then} 99 now",
    )


def test_runs_that_are_asked_for_now_and_no_more_are_named(tree):
    now = [60, *WIDTHS[1:]]  # no other experiment asks for the first
    tree.edit("config.yaml", f"width: {WIDTHS}", f"width: {now}")
    found = json.dumps(tree.audit(f"{FIGURE}.svg"))
    assert f"no longer asks for the run backprop-width{WIDTHS[0]}" in found
    assert "now also asks for results/smoke/runs/backprop-width60.csv" in found


def test_what_is_made_anew_makes_stale_what_was_made_from_it(tree):
    """A run that was made again elsewhere: where its bytes are the same, the table is still its."""
    change = {"numba": "another target"}
    tree.forge(f"{RUN}.record.json", lambda made: made["recipe"]["arithmetic"].update(change))
    said = tree.audit(f"{FIGURE}.svg")
    assert said["complete"]
    (note,) = said["files"][0]["notes"]
    assert note["subject"] == f"{RUN}.record.json"
    assert note["what"].endswith("with the same bytes")

    tree.flip(f"{RUN}.csv")
    hash = sha256(tree.root / f"{RUN}.csv")
    tree.forge(f"{RUN}.record.json", lambda made: made["outputs"].update({f"{RUN}.csv": hash}))
    status, subject, what = tree.broken(f"{FIGURE}.svg")
    assert (status, subject) == ("STALE", f"{RUN}.record.json")
    assert what.startswith(f"{TABLE}.record.json was made from ")


# What is committed, alone


def test_committed_figures_are_verified_as_far_as_they_reach(clone):
    said = clone.audit("figures/smoke")
    assert said["verified"] and not said["complete"]
    process = clone.run(f"{FIGURE}.svg")
    assert process.returncode == 0
    line = process.stdout.splitlines()[-1]
    assert line.startswith(
        f"VERIFIED {FIGURE}.svg as far as the files here reach: 1 figure; beyond"
    )
    assert f"{len(WIDTHS)} runs ({len(WIDTHS) * len(SEEDS)} networks)" in line
    assert f"not here  │  └─ {len(WIDTHS)} runs in results/smoke/runs" in process.stdout


@pytest.mark.parametrize("kind", ["svg", "png", "pdf", "csv"])
def test_a_flipped_byte_is_found_in_committed_files(clone, kind):
    clone.flip(f"{FIGURE}.{kind}")
    assert clone.broken(f"{FIGURE}.svg")[:2] == ("TAMPERED", f"{FIGURE}.{kind}")


def test_an_edited_module_is_named_in_a_clone(clone):
    path = clone.root / "scripts/plasticity/engine.py"
    clone.write("scripts/plasticity/engine.py", path.read_bytes() + b"EDITED = 1\n")
    assert clone.broken(f"{FIGURE}.svg")[:2] == ("STALE", "scripts/plasticity/engine.py")


def rewritten(bundle: bytes, change) -> bytes:
    """A bundle in which one record was changed, its seal made to fit."""
    records = json.loads(gzip.decompress(bundle))
    made = records[f"{RUN}.record.json"]
    change(made)
    made["id"] = digest(made["recipe"])
    made["seal"] = record.seal(made)
    return gzip.compress(json.dumps(records).encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made["inputs"].update({"data/mnist/inputs.npy": "0" * 64}),
        lambda made: made["outputs"].update({f"{RUN}.csv": "0" * 64}),
    ],
    ids=["recipe", "outputs"],
)
def test_a_record_forged_among_the_committed_ones_is_found(clone, change):
    bundle = "figures/smoke/records.json.gz"
    clone.write(bundle, rewritten((clone.root / bundle).read_bytes(), change))
    assert clone.broken(f"{FIGURE}.svg")[0] in ("TAMPERED", "STALE")


def test_without_the_records_of_the_others_a_figure_is_not_verified(clone):
    (clone.root / "figures/smoke/records.json.gz").unlink()
    assert clone.broken(f"{FIGURE}.svg")[:2] == ("MISSING", f"{TABLE}.record.json")


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["/etc/passwd"], "audit: /etc/passwd: not in "),
        (["schemas"], "audit: schemas: no record of anything in this folder"),
        (["--why", "config.yaml"], "audit: config.yaml: no record says what made it"),
        (["--rerun", "1", "data/mnist/inputs.npy"], "audit: --rerun: no runs are known to be"),
    ],
)
def test_a_mistake_is_told_in_one_line(tree, arguments, line):
    process = tree.run(*arguments)
    assert process.returncode == 1
    assert process.stderr.startswith(line)
    assert process.stderr.count("\n") == 1


# Again


def test_training_again_gives_the_same_bytes_and_shows_what_is_not(tree):
    run = f"results/smoke/runs/backprop-width{WIDTHS[1]}"
    process = tree.run("--rerun", "1", "--seed", "3", f"{run}.csv")
    assert process.returncode == 0, process.stderr
    assert process.stdout.endswith(f"the same bytes  {run}.csv\n")
    assert "drawn with --seed 3" in process.stderr

    table = (tree.root / f"{run}.csv").read_text().splitlines()
    row = dict(zip(table[0].split(","), table[1].split(","), strict=True))
    tree.edit(f"{run}.csv", f",{row['M1']},", f",{float(row['M1']) * 1.25},")
    hash = sha256(tree.root / f"{run}.csv")
    tree.forge(f"{run}.record.json", lambda made: made["outputs"].update({f"{run}.csv": hash}))
    process = tree.run("--rerun", "1", f"{run}.csv")
    assert process.returncode == 1
    *_, name, difference = process.stdout.splitlines()
    assert name == f"DIFFERENT  {run}.csv"
    start = (
        f"    {run}.csv: column M1 differs in 1 of {len(SEEDS)} rows, by at most 0.2 of its value ("
    )
    assert difference.startswith(start)


def test_an_edited_table_is_found_when_it_is_collected_again(tree):
    """All later records fit: only the runs do not give this table."""
    row = (tree.root / f"{TABLE}.csv").read_text().splitlines()[1]
    tree.edit(f"{TABLE}.csv", row, row.replace(",backprop,", ",competitive,", 1))
    hash = sha256(tree.root / f"{TABLE}.csv")
    tree.forge(f"{TABLE}.record.json", lambda made: made["outputs"].update({f"{TABLE}.csv": hash}))
    shutil.rmtree(tree.root / "figures/smoke")
    process = tree.run("--rerun", "1", f"{TABLE}.csv")
    assert process.returncode == 1
    assert f"VERIFIED {TABLE}.csv" in process.stdout  # but for what is run again
    *_, name, difference = process.stdout.splitlines()
    assert name == f"DIFFERENT  {TABLE}.csv"
    assert difference.startswith(f"    {TABLE}.csv: column rule differs in 1 of ")
