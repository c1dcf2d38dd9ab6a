"""The audit against whoever edits files and records: on a history that is complete, but invented.

Nothing is trained. All files have invented bytes, and records that fit them and the configuration.
"""

import errno
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archive
import audit
from plasticity import raw_files
from plasticity.data import PREPARED
from provenance import history, identity, record
from provenance.files import digest, sha256
from workflow import asked, configuration

ROOT = Path(__file__).resolve().parents[2]
RESULTS, FIGURES = "results/smoke", "figures/smoke"
FIGURE = f"{FIGURES}/energy_vs_width"
RUN = f"{RESULTS}/runs/backprop-width50"
TABLE = f"{RESULTS}/experiments/energy_vs_width"
BUNDLE = f"{FIGURES}/{history.BUNDLE}"
DETAILS = {
    **{"start": "2026", "end": "2026", "seconds": 1.0, "from_store": False, "commit": None},
    **{"dirty": None, "host": "h", "cpu": "c", "platform": "p", "python": "3.11"},
}


class Tree:
    """A project whose history is invented."""

    def __init__(self, root: Path):
        self.root = root

    def read(self, path: str) -> dict:
        """Return a record."""
        return json.loads((self.root / path).read_bytes())

    def write(self, path: str, content: bytes) -> None:
        """Write a file."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)

    def seal(self, path: str, made: dict) -> None:
        """Write a record with the id and the seal that fit its other parts."""
        made["id"] = digest(made["recipe"])
        made["seal"] = record.seal(made)
        self.write(path, json.dumps(made).encode())

    def forge(self, path: str, change) -> None:
        """Change a record; its id and its seal fit."""
        made = self.read(path)
        change(made)
        self.seal(path, made)

    def repaint(self, file: str, path: str) -> None:
        """Change a file and what its record says of it."""
        self.write(file, (self.root / file).read_bytes() + b" repainted")
        hash = sha256(self.root / file)
        self.forge(path, lambda made: made["outputs"].update({file: hash}))

    def make(self, path: str, rule: str, command: list, inputs, outputs, content=False) -> None:
        """Invent outputs and their record."""
        hashes = {file: sha256(self.root / file) for file in sorted(inputs)}
        makers = {
            file: str(one.relative_to(self.root))
            for one in self.root.rglob(f"*{record.SUFFIX}")
            for file in self.read(one)["outputs"]
        }
        scripts = record.scripts_of(command)
        code = identity.code(*scripts, root=self.root) if scripts else {}
        resolved = record.resolved(command, hashes, sorted(outputs))
        recipe = {"rule": rule, **({"code": code} if scripts else {}), **resolved}
        for file in outputs:
            text = f"record:{digest(recipe)} {file}".encode()
            self.write(file, (self.root / command[1]).read_bytes() if rule == "publish" else text)
        if rule == "archive":
            packed = {file: (self.root / file).read_bytes() for file in inputs}
            self.write(outputs.copy().pop(), archive.packed(packed))
        if rule == "history":
            records = [file for file in command if file.endswith(record.SUFFIX)]
            folder = os.getcwd()
            os.chdir(self.root)
            history.pack(records, self.root / BUNDLE, {})
            os.chdir(folder)
        results = {file: sha256(self.root / file) for file in outputs}
        made = DETAILS | {
            "command": command,
            "sources": identity.sources(*scripts, root=self.root) if scripts else {},
        }
        if content:
            made["recipe"], recipe = recipe, {"rule": rule, "content": results}
        names = {makers[file] for file in inputs if file in makers}
        names |= {file for file in inputs if file.endswith(record.SUFFIX)}
        records = {name: self.read(name)["id"] for name in sorted(names)}
        parts = {"outputs": results, "inputs": hashes, "records": records, "made": made}
        self.seal(path, {"recipe": recipe, **parts})

    def broken(self, *files: str) -> list[tuple[str, str, str]]:
        """Return status, subject and reason of the first broken link of each file that has one."""
        said = self.audit(*files)
        links = [file["first_broken_link"] for file in said["files"]]
        assert said["verified"] == (not any(links))
        return [(link["status"], link["subject"], link["what"]) for link in links if link]


@pytest.fixture(scope="module")
def parsed():
    """Parse each module of the project once for all copies."""
    with pytest.MonkeyPatch.context() as patch:
        module, known = identity._module, {}

        def parse(path, state):
            real = path.resolve()
            if not real.is_relative_to(ROOT):
                return module(path, state)
            if real not in known:
                known[real] = module(real, state)
            return known[real]

        patch.setattr(identity, "_module", parse)
        yield


@pytest.fixture(scope="module")
def template(parsed, tmp_path_factory):
    """A project with an invented history of its smallest part."""
    tree = Tree(tmp_path_factory.mktemp("invented").resolve() / "project")
    tree.root.mkdir()
    (tree.root / "scripts").symlink_to(ROOT / "scripts")
    config = configuration.read(ROOT / "config.yaml")
    config["experiments"] = {
        name: config["experiments"][name] for name in ("energy_vs_width", "turnover")
    }
    config["figures"] = {name: config["figures"][name] for name in config["experiments"]}
    config["claims"] = {"turnover": config["claims"]["turnover"]}
    tree.write("config.yaml", json.dumps(config).encode())
    (tree.root / "report").symlink_to(ROOT / "report")
    plan = configuration.plan(config | {"scale": "smoke"})
    raw = {f"data/mnist/{file}" for file in raw_files.SHA256["mnist"]}
    prepared = {f"data/mnist/{file}" for file in PREPARED}
    options = ["--dataset", "mnist", "--folder", "data/mnist"]
    fetch, prepare = (["python", f"scripts/{name}.py", *options] for name in ("fetch", "prepare"))
    tree.make("data/mnist/fetch.record.json", "fetch", fetch, (), raw, content=True)
    tree.make("data/mnist/prepare.record.json", "prepare", prepare, raw, prepared)
    jobs = asked.trained(plan, RESULTS) | asked.drawn(plan, RESULTS, FIGURES, "smoke")
    for path, job in jobs.items():
        tree.make(path, job.rule, job.command, job.inputs, job.outputs)
    return tree


@pytest.fixture
def tree(template, tmp_path, monkeypatch, capsys):
    """A copy, which a test may change."""
    tree = Tree(tmp_path.resolve() / "copy")
    shutil.copytree(template.root, tree.root, symlinks=True)
    monkeypatch.chdir(tree.root)
    monkeypatch.setattr(audit, "ROOT", tree.root)
    known = {file: sha256(tree.root / "data/mnist" / file) for file in raw_files.SHA256["mnist"]}
    monkeypatch.setattr(raw_files, "SHA256", {"mnist": known})

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["audit.py", *arguments])
        with pytest.raises(SystemExit) as end:
            audit.main()
        return end.value.code, *capsys.readouterr()

    def said(*arguments):
        code, out, err = run("--json", *arguments)
        content = json.loads(out)
        assert err == "" and code == (not content["verified"])
        return content

    tree.run, tree.audit = run, said
    return tree


@pytest.fixture
def clone(tree):
    """A copy of which only what is committed is left."""
    shutil.rmtree(tree.root / "data")
    shutil.rmtree(tree.root / "results")
    return tree


def test_an_untouched_history_is_verified(tree):
    assert tree.broken(FIGURES, RESULTS) == []
    assert tree.audit(FIGURES, RESULTS)["complete"]


def test_an_untouched_clone_is_verified(clone):
    said = clone.audit(FIGURES)
    assert said["verified"] and not said["complete"]


# What is not a file of the project


@pytest.mark.parametrize("place", ["outputs", "inputs", "records"])
@pytest.mark.parametrize("file", ["../../etc/passwd", "/etc/passwd", "a/./b", "a\0b", "", "."])
def test_a_record_names_files_of_the_project_only(tree, place, file):
    tree.forge(f"{RUN}.record.json", lambda made: made[place].update({file: "0" * 64}))
    status, subject, what = tree.broken(f"{FIGURE}.svg")[0]
    assert (status, subject) == ("TAMPERED", f"{RUN}.record.json")
    assert what.endswith("not in the project")


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "loop"])
@pytest.mark.parametrize("file", [f"{RUN}.csv", f"{RUN}.record.json", f"{FIGURE}.svg", BUNDLE])
def test_only_regular_files_are_read(tree, kind, file):
    path = tree.root / file
    path.unlink()
    match kind:
        case "device":
            path.symlink_to("/dev/zero")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path)
    found = tree.broken(f"{FIGURE}.svg", BUNDLE)
    reason = "Too many levels" if kind == "loop" else "not a regular file"
    if not (kind == "loop" and file.endswith(".json")):
        assert ("TAMPERED", file) in {link[:2] for link in found}, found
        assert any(reason in link[2] or "not a bundle" in link[2] for link in found), found


def test_what_is_not_a_file_is_named(tree):
    os.mkfifo(tree.root / FIGURES / "pipe.svg")
    said = tree.broken(FIGURES)
    what = "cannot be read: not a regular file"
    assert said == [("UNTRACKED", f"{FIGURES}/pipe.svg", what)]


def test_a_command_cannot_name_code_outside_the_project(tree):
    def forge(made):
        made["made"]["command"][1] = "../../etc/passwd.py"
        made["recipe"]["parameters"]["program"] = ["python", "../../etc/passwd.py"]

    tree.forge(f"{TABLE}.record.json", forge)
    found = tree.broken(f"{TABLE}.csv")[0]
    assert found == ("TAMPERED", "../../etc/passwd.py", "not in the project")


# End products, and records that fit what was edited


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"{FIGURE}.png", FIGURE),
        (f"{FIGURE}.csv", FIGURE),
        (f"{FIGURES}/gallery.md", f"{FIGURES}/gallery"),
    ],
)
@pytest.mark.parametrize("what_is_here", ["tree", "clone"])
def test_a_repainted_end_product_is_not_what_its_recipe_gave(request, what_is_here, file, name):
    tree = request.getfixturevalue(what_is_here)
    tree.repaint(file, f"{name}.record.json")
    what = f"the same recipe has other outputs in {BUNDLE}"
    assert ("TAMPERED", f"{name}.record.json", what) in tree.broken(file)


def test_a_published_table_is_a_copy(tree):
    name = f"{FIGURES}/energy"
    tree.repaint(f"{name}.csv", f"{name}.record.json")
    (tree.root / BUNDLE).unlink()
    what = "its output is not a copy of its input"
    assert tree.broken(f"{name}.csv") == [("TAMPERED", f"{name}.record.json", what)]


@pytest.mark.parametrize("what_is_here", ["tree", "clone"])
def test_the_archive_holds_the_runs_that_its_record_names(request, what_is_here):
    tree = request.getfixturevalue(what_is_here)
    name = f"{FIGURES}/runs"
    made = tree.read(f"{name}.record.json")
    files = {file: b"forged" for file in made["inputs"]}
    tree.write(f"{name}.zip", archive.packed(files))
    hash = sha256(tree.root / f"{name}.zip")
    tree.forge(f"{name}.record.json", lambda made: made["outputs"].update({f"{name}.zip": hash}))
    status, subject, what = tree.broken(f"{name}.zip")[0]
    assert (status, subject) == ("TAMPERED", f"{name}.zip")
    assert what.endswith("content does not match its record")


@pytest.mark.parametrize("name", ["gallery", "energy"])
def test_the_bundle_guards_the_records_of_all_figures(tree, name):
    """Another id, too: the id of the bundle depends on all of them."""

    def forge(made):
        made["recipe"]["packages"] = {"other": "1"}

    tree.forge(f"{FIGURES}/{name}.record.json", forge)
    assert tree.broken(BUNDLE)[0][:2] == ("STALE", f"{FIGURES}/{name}.record.json")


def test_a_record_made_again_with_the_same_bytes_breaks_nothing(tree):
    """As `make redraw` leaves them: at another time, on another host."""
    name = f"{FIGURES}/gallery.record.json"
    tree.forge(name, lambda made: made["made"].update(host="other", start="later"))
    (file,) = tree.audit(BUNDLE)["files"]
    assert file["first_broken_link"] is None
    assert [note["subject"] for note in file["notes"]] == [name]


def test_two_records_of_one_file_are_named(tree):
    copy = f"{RESULTS}/runs/copy.record.json"
    shutil.copy(tree.root / f"{RUN}.record.json", tree.root / copy)
    what = f"two records describe it: {RUN}.record.json, {copy}"
    assert tree.broken(f"{RUN}.csv")[0] == ("TAMPERED", f"{RUN}.csv", what)


@pytest.mark.parametrize("what_is_here", ["tree", "clone"])
def test_raw_data_are_those_that_the_code_knows(request, monkeypatch, what_is_here):
    tree = request.getfixturevalue(what_is_here)
    known = raw_files.SHA256["mnist"] | {"test-labels.idx": "0" * 64}
    monkeypatch.setitem(raw_files.SHA256, "mnist", known)
    status, subject, what = tree.broken(f"{FIGURE}.svg")[0]
    assert (status, subject) == ("TAMPERED", "data/mnist/test-labels.idx")
    assert what == "its sha256 is not the one that scripts/plasticity/raw_files.py knows"


def test_only_raw_data_are_identified_by_content(tree):
    def forge(made):
        made["made"]["recipe"] = made["recipe"]
        made["recipe"] = {"rule": made["recipe"]["rule"], "content": made["outputs"]}

    tree.forge(f"{RUN}.record.json", forge)
    found = tree.broken(f"{FIGURE}.svg")[0]
    assert found == ("TAMPERED", f"{RUN}.record.json", "not a record of the rule train")


@pytest.mark.parametrize("rule", ["fetch", "prepare", "paint"])
def test_a_record_has_the_rule_of_its_place(tree, rule):
    tree.forge(f"{RUN}.record.json", lambda made: made["recipe"].update(rule=rule))
    assert tree.broken(f"{FIGURE}.svg")[0][:2] == ("TAMPERED", f"{RUN}.record.json")


@pytest.mark.parametrize("name", [FIGURE, TABLE, RUN])
@pytest.mark.parametrize("command", [["true"], ["sh", "-c", "true"], ["python", "-c", "x"]])
def test_a_command_runs_the_program_of_its_rule(tree, name, command):
    def forge(made):
        made["recipe"].pop("code")
        made["made"]["command"] = command
        made["recipe"] |= record.resolved(command, made["inputs"], sorted(made["outputs"]))

    tree.forge(f"{name}.record.json", forge)
    whats = {what for _, _, what in tree.broken(f"{name}.csv")}
    texts = json.dumps(tree.audit(f"{name}.csv")["trees"])
    assert whats and "its command runs" in texts


def test_parameters_are_those_of_the_command(tree):
    """1 and true are equal in Python."""
    tree.forge(
        f"{RUN}.record.json",
        lambda made: made["recipe"]["parameters"].update(
            {key: True for key, value in made["recipe"]["parameters"].items() if value == 1}
        ),
    )
    what = "its parameters do not match its command and its inputs"
    assert tree.broken(f"{FIGURE}.svg")[0] == ("TAMPERED", f"{RUN}.record.json", what)


def test_parameters_of_a_figure_are_those_of_the_workflow(tree):
    def forge(made):
        command = made["made"]["command"]
        command[command.index("--scale") + 1] = "paper"
        made["recipe"]["parameters"]["scale"] = "paper"

    tree.forge(f"{FIGURE}.record.json", forge)
    texts = json.dumps(tree.audit(f"{FIGURE}.csv")["trees"])
    assert "config.yaml: scale" in texts and "paper then, smoke now" in texts


@pytest.mark.parametrize("name", [RUN, TABLE, f"{RESULTS}/energy", f"{FIGURES}/energy"])
def test_a_chain_does_not_end_before_the_raw_data(tree, name):
    """A record that says that nothing was read."""

    def forge(made):
        made["inputs"], made["records"] = {}, {}
        made["recipe"] |= record.resolved(made["made"]["command"], {}, sorted(made["outputs"]))

    tree.forge(f"{name}.record.json", forge)
    assert "now also asks for" in json.dumps(tree.audit(f"{name}.csv")["trees"])
    assert tree.broken(f"{name}.csv")


def test_a_record_that_is_no_longer_named_is_missed(tree):
    tree.forge(f"{TABLE}.record.json", lambda made: made["records"].popitem())
    status, subject, what = tree.broken(f"{TABLE}.csv")[0]
    assert (status, subject) == ("TAMPERED", f"{TABLE}.record.json")
    assert what.startswith("it names no record of ")


def test_a_module_that_is_in_no_record_is_named(tree):
    module = "scripts/plasticity/engine.py"
    for path in tree.root.rglob("*.record.json"):
        name = str(path.relative_to(tree.root))
        tree.forge(name, lambda made: made["recipe"].get("code", {}).pop(module, None))
    status, subject, what = tree.broken(f"{RUN}.csv")[0]
    assert (status, subject) == ("STALE", module)
    assert what == "not used by scripts/train.py then"


def test_a_record_without_code_is_found(tree):
    tree.forge(f"{RUN}.record.json", lambda made: made["recipe"].pop("code"))
    assert tree.broken(f"{RUN}.csv")[0][0] == "STALE"


def test_files_that_were_made_from_each_other_are_found(tree):
    for name, source in ((RUN, TABLE), (TABLE, RUN)):
        made = tree.read(f"{name}.record.json")
        made["inputs"][f"{source}.csv"] = sha256(tree.root / f"{source}.csv")
        made["records"][f"{source}.record.json"] = ""
        made["recipe"] |= record.resolved(
            made["made"]["command"], made["inputs"], sorted(made["outputs"])
        )
        tree.seal(f"{name}.record.json", made)
    texts = json.dumps(tree.audit(f"{TABLE}.csv")["trees"])
    assert "its inputs were made from its outputs" in texts
    assert tree.broken(f"{TABLE}.csv")


# Steps that are run again


@pytest.fixture
def repeated(tree, monkeypatch):
    """The commands that are run again, by the path of the record; none is really run."""
    commands = {}
    monkeypatch.setattr(
        audit, "rerun", lambda path, history, command: commands.update({path: command}) or []
    )
    return commands


def test_the_workflow_says_what_is_run_again(tree, repeated):
    """Not the record, which could name any program, even one that prints what is forged."""
    asked_for = tree.read(f"{RUN}.record.json")["made"]["command"]

    def forge(made):
        made["made"]["command"] = ["python", "-c", "print('forged')"]

    tree.forge(f"{RUN}.record.json", forge)
    code, out, _ = tree.run("--rerun", "1", f"{RUN}.csv")
    assert code == 1 and "the same bytes" in out  # by the function above
    assert repeated == {f"{RUN}.record.json": asked_for}


def test_what_nobody_asks_for_is_not_run(tree, repeated):
    made = tree.read(f"{RUN}.record.json")
    forged = f"{RESULTS}/runs/forged"
    tree.write(f"{forged}.csv", b"forged")
    made["outputs"] = {f"{forged}.csv": sha256(tree.root / f"{forged}.csv")}
    tree.seal(f"{forged}.record.json", made)
    code, out, _ = tree.run("--rerun", "1", f"{forged}.csv")
    assert code == 1 and repeated == {}
    assert out.endswith("    not run: no configuration here asks for it\n")


def test_tables_behind_a_file_are_collected_again(tree, repeated):
    code, out, _ = tree.run("--rerun", "1", f"{FIGURES}/energy.csv")
    assert code == 0
    tables = {path for path in repeated if "/runs/" not in path}
    experiments = {f"{RESULTS}/experiments/{name}" for name in ("energy_vs_width", "turnover")}
    assert tables == {f"{name}.record.json" for name in experiments | {f"{RESULTS}/energy"}}
    assert len(repeated) == len(tables) + 1


def test_tables_whose_runs_are_not_here_are_not_collected_again(clone, repeated):
    assert clone.run("--rerun", "1", f"{FIGURES}/energy.csv")[0] == 0
    assert len(repeated) == 1


# What is not a fault


@pytest.mark.parametrize(
    "litter",
    [
        *(".DS_Store", "._energy.record.json", "._energy.csv", "Thumbs.db", "desktop.ini"),
        *(".energy.csv.swp", "energy.csv~", "#energy.csv#", "~$energy.csv", ".nfs00001"),
    ],
)
def test_what_systems_and_editors_leave_breaks_nothing(tree, litter):
    for folder in (FIGURES, RESULTS, f"{RESULTS}/runs", "data/mnist"):
        (tree.root / folder / litter).write_bytes(b"\0")
    assert tree.broken(FIGURES, RESULTS, f"{RESULTS}/runs", "data/mnist") == []


def test_the_report_breaks_nothing(tree):
    (tree.root / RESULTS / "report.html").write_text("<html>")
    assert tree.broken(FIGURES, RESULTS) == []


def test_other_files_are_untracked(tree):
    (tree.root / RESULTS / "mine.csv").write_text("1")
    assert [link[0] for link in tree.broken(RESULTS)] == ["UNTRACKED"]


def test_a_checkout_has_the_bytes_that_were_committed(tmp_path):
    """Whatever the system, or the user, thinks of ends of lines."""

    def git(*words, folder):
        names = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        options = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
        subprocess.run(["git", *names, *options, *words], cwd=folder, check=True)

    files = {
        **dict.fromkeys(["figures/a.csv", "figures/a.svg", "figures/b/c.md"], b"1\n2\r\n3\n"),
        **dict.fromkeys(["scripts/x.py", "config.yaml", "Makefile", "report/x.md.j2"], b"1\n2\n"),
        **dict.fromkeys(["docs/a.png", "x.npz", "y.npy", "z.idx", "a.zip", "b.gz"], b"text\r\n\n"),
    }
    committed, checkout = Tree(tmp_path / "committed"), tmp_path / "checkout"
    for name, content in files.items():
        committed.write(name, content)
    shutil.copy(ROOT / ".gitattributes", committed.root)
    git("init", "-q", folder=committed.root)
    git("add", ".", folder=committed.root)
    git("commit", "-qm", "all", folder=committed.root)
    git("clone", "-q", str(committed.root), str(checkout), folder=tmp_path)
    assert {name: (checkout / name).read_bytes() for name in files} == files


def test_an_audit_needs_no_writable_disk(tree, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    assert tree.broken(FIGURES, RESULTS) == []


@pytest.mark.parametrize("folder", ["results", RESULTS, f"{RESULTS}/runs", "data", "data/mnist"])
def test_a_folder_that_a_clone_lacks_is_known_by_its_records(clone, folder):
    said = clone.audit(folder)
    assert said["verified"] and said["files"] and not said["complete"]


def test_data_without_records_are_compared_in_a_clone(clone, template):
    """As the tests of the project leave them."""
    shutil.copytree(template.root / "data", clone.root / "data")
    for path in (clone.root / "data").rglob("*.record.json"):
        path.unlink()
    assert clone.broken(FIGURES) == []
    clone.write("data/mnist/labels.npy", b"edited")
    assert clone.broken(f"{FIGURE}.svg")[0][:2] == ("TAMPERED", "data/mnist/labels.npy")


@pytest.mark.parametrize("folder", [RESULTS, "results", "data/mnist", FIGURES])
def test_folders_can_be_links(tree, folder, tmp_path):
    (tree.root / folder).rename(tmp_path / "elsewhere")
    (tree.root / folder).symlink_to(tmp_path / "elsewhere")
    assert tree.broken(FIGURES, RESULTS, "data/mnist") == []
    tree.write(f"{RUN}.csv", b"edited")
    assert tree.broken(f"{FIGURE}.svg")[0][:2] == ("TAMPERED", f"{RUN}.csv")


def test_a_link_to_a_folder_above_is_followed_once(tree):
    (tree.root / RESULTS / "all").symlink_to(tree.root)
    assert tree.broken(FIGURES) == []


def test_the_project_can_be_reached_through_a_link(tree, tmp_path):
    (tmp_path / "link").symlink_to(tree.root)
    assert tree.broken(str(tmp_path / "link" / FIGURES / "energy.csv")) == []


# Records of any shape


def nested(depth):
    """Return lists in lists, as JSON."""
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"id": NaN}', b"9" * 5000),
        *(nested(100_000), b'{"recipe": ' + nested(900) + b"}", b'{"id": "\\ud800"}'),
    ],
)
@pytest.mark.parametrize("bundle", [False, True])
def test_any_bytes_as_a_record_give_one_line(tree, content, bundle):
    path = BUNDLE if bundle else f"{RUN}.record.json"
    if bundle:
        content = gzip.compress(b'{"x.record.json": ' + content + b"}")
    tree.write(path, content)
    code, out, err = tree.run(f"{FIGURE}.svg", BUNDLE)
    assert code == 1 and err == ""
    what = "not a bundle of provenance records" if bundle else "not a provenance record"
    assert any(f"TAMPERED: {path}: {what}" in line for line in out.splitlines())


@pytest.mark.parametrize("part", ["recipe", "outputs", "inputs", "records", "made", "id", "seal"])
@pytest.mark.parametrize("value", [None, 1, "x", [], {"x": []}, {"rule": 1}, [[]], True])
def test_a_part_of_another_type_gives_one_line(tree, part, value):
    made = tree.read(f"{RUN}.record.json")
    if made[part] == value or (isinstance(value, str) and isinstance(made[part], str)):
        value = 1
    tree.write(f"{RUN}.record.json", json.dumps(made | {part: value}).encode())
    status, subject, what = tree.broken(f"{FIGURE}.svg")[0]
    assert (status, subject) == ("TAMPERED", f"{RUN}.record.json")
    assert what.startswith("not a provenance record: ")


@pytest.mark.parametrize("part", [*DETAILS, "command", "sources"])
def test_a_record_without_a_detail_gives_one_line(tree, part):
    tree.forge(f"{RUN}.record.json", lambda made: made["made"].pop(part))
    what = f"not a provenance record: made: {part}: missing"
    assert tree.broken(f"{FIGURE}.svg")[0] == ("TAMPERED", f"{RUN}.record.json", what)


def test_an_endless_chain_of_records_gives_one_line(tree):
    made = tree.read(f"{RUN}.record.json")
    for i in range(1500):
        made["outputs"] = {f"results/{i}.csv": ""}
        made["records"] = {f"results/{i - 1}.record.json": made["id"]}
        tree.seal(f"results/{i}.record.json", made)
    code, out, err = tree.run("results/1499.csv")
    assert code == "audit: the records are a chain too long to follow"
    assert out == err == ""


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(
        ["", "x", "../x", "python", "scripts/train.py", "0" * 64, "\x1b[2K\rVERIFIED"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


def places(value, path=()):
    """Yield the path of each value in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from places(inner, (*path, key))


# What a recipe contains but cannot be compared with anything, and what the seal alone protects.
FREE = {("made", key) for key in DETAILS} | {("made", "sources"), ("recipe", "arithmetic")}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_changed_record_never_gives_a_traceback_or_is_verified(tree, data):
    """Whether or not its id and its seal are made to fit."""
    name = data.draw(st.sampled_from([f"{RUN}.record.json", f"{FIGURE}.record.json"]))
    before = (tree.root / name).read_bytes()
    made = json.loads(before)
    place = data.draw(st.sampled_from([path for path in places(made) if path]))
    value, sealed = data.draw(VALUES), data.draw(st.booleans())
    *above, last = place
    holder = made
    for key in above:
        holder = holder[key]
    changed = json.dumps(holder[last]) != json.dumps(value)
    if data.draw(st.booleans()) and isinstance(holder, dict):
        del holder[last]
        changed = True
    else:
        holder[last] = value
    try:
        if sealed and isinstance(made.get("recipe"), dict):
            tree.seal(name, made)
        else:
            tree.write(name, json.dumps(made).encode())
        code, out, err = tree.run("--runs", f"{FIGURE}.svg")
        assert err == "" and "Traceback" not in out and "\x1b" not in out
        free = sealed and place[:2] in FREE
        same = sealed and place[0] in ("id", "seal")  # which sealing has made right again
        if changed and not free and not same:
            assert code == 1 and out.splitlines()[-1].startswith(f"NOT VERIFIED {FIGURE}")
    finally:
        tree.write(name, before)


def test_names_are_printed_with_escapes(tree):
    file = f"{FIGURES}/x\x1b[2K\r\nVERIFIED {FIGURE}.svg"
    (tree.root / FIGURES / Path(file).parts[2]).parent.mkdir(parents=True, exist_ok=True)
    tree.write(file, b"")
    code, out, err = tree.run(file)
    assert code == 1 and err == ""
    assert not any(line.startswith("VERIFIED") for line in out.splitlines())
    assert "\x1b" not in out and "\\x1b" in out


@pytest.mark.parametrize("option", ["--why", "--runs"])
def test_details_of_a_record_are_printed_with_escapes(tree, option):
    text = f"host\nVERIFIED {RUN}.csv\x1b[1A"
    tree.forge(f"{RUN}.record.json", lambda made: made["made"].update(host=text, cpu=text))
    _, out, err = tree.run(option, f"{RUN}.csv")
    assert err == "" and "\x1b" not in out
    verified = [line for line in out.splitlines() if line.startswith("VERIFIED")]
    assert len(verified) == (option == "--runs")


def test_a_name_that_is_not_unicode_is_printed(tree):
    (tree.root / os.fsdecode(os.fsencode(FIGURES) + b"/\xff.svg")).write_bytes(b"")
    code, out, err = tree.run(FIGURES)
    assert code == 1 and err == ""
    assert f"UNTRACKED: {FIGURES}/\\udcff.svg" in out


def test_a_reader_that_stops_ends_the_audit_quietly():
    command = f"{sys.executable} scripts/audit.py --runs figures/energy_vs_width.svg | head -n 1"
    process = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert process.stderr == "" and process.stdout.count("\n") == 1
