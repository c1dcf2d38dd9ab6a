"""Another paper's pipeline, of three rules, that uses scripts/provenance alone."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provenance import record
from provenance.identity import code

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "Snakefile": """
import sys
sys.path.insert(0, f"{workflow.basedir}/scripts")
from provenance import identity


def recorded(rule, command):
    return (
        f"python scripts/record.py --rule {rule} --record {{output.record}} --inputs {{input:q}}"
        f" --outputs {{output:q}} -- {command}"
    )


rule report:
    input:
        identity=identity.write_step("scripts/report.py"),
        total="results/total.txt",
        record="results/total.record.json",
    output:
        page="results/report.txt",
        record="results/report.record.json",
    shell:
        recorded("report", "python scripts/report.py --total {input.total} --output {output.page}")


rule add:
    input:
        identity=identity.write_step("scripts/add.py"),
        numbers="results/numbers.txt",
        record="results/numbers.record.json",
    output:
        total="results/total.txt",
        record="results/total.record.json",
    shell:
        recorded("add", "python scripts/add.py --numbers {input.numbers} --output {output.total}")


rule draw:
    input:
        identity=identity.write_step("scripts/draw.py"),
    output:
        numbers="results/numbers.txt",
        record="results/numbers.record.json",
    shell:
        recorded("draw", "python scripts/draw.py --count 5 --seed 1 --output {output.numbers}")
""",
    "scripts/arithmetic.py": """
print('{"kernel": "toy"}')
""",
    "scripts/options.py": '''
"""The command line of all steps."""
import sys

def options() -> dict:
    """Return options by name; note that the step was run."""
    with open("ran.txt", "a") as ran:
        ran.write(sys.argv[0] + "\\n")
    words = sys.argv[1:]
    return dict(zip(words[::2], words[1::2]))
''',
    "scripts/draw.py": """
import random
from options import options

given = options()
random.seed(int(given["--seed"]))
with open(given["--output"], "w") as file:
    for _ in range(int(given["--count"])):
        print(random.randint(0, 9), file=file)
""",
    "scripts/add.py": """
import numpy as np
from options import options

given = options()
total = np.loadtxt(given["--numbers"]).sum() + 1
with open(given["--output"], "w") as file:
    file.write(str(total))
""",
    "scripts/report.py": """
from options import options

given = options()
with open(given["--output"], "w") as file:
    file.write("The total is " + open(given["--total"]).read())
""",
    "check.py": """
import sys
sys.path.insert(0, "scripts")
from provenance.history import History
from provenance.audit import Verifier

verifier = Verifier(History("."))
issues = verifier.behind(verifier.history.maker[sys.argv[1]])
print(*issues, sep="\\n")
sys.exit(any(issue.breaks for issue in issues))
""",
}


class Toy:
    """The pipeline in a folder, with a store of its own."""

    def __init__(self, root: Path):
        self.root = root
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        shutil.copytree(ROOT / "scripts/provenance", root / "scripts/provenance")
        shutil.copy2(ROOT / "scripts/record.py", root / "scripts/record.py")
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RESULT_STORE": str(root / "store"),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            words, cwd=self.root, env=self.environment, capture_output=True, text=True
        )

    def build(self) -> list[str]:
        """Build the report; return the steps that ran, in their order."""
        ran = self.root / "ran.txt"
        ran.write_text("")
        triggers = ("--rerun-triggers", "mtime", "params", "input")
        process = self.run(sys.executable, "-m", "snakemake", "--cores", "1", *triggers)
        assert process.returncode == 0, process.stderr
        return [Path(line).stem for line in ran.read_text().split()]

    def check(self) -> tuple[int, list[str]]:
        """Verify the report; return the exit status and what is said."""
        process = self.run(sys.executable, "check.py", "results/report.txt")
        assert process.stderr == ""
        return process.returncode, process.stdout.split("\n")[:-1]

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def records(self) -> dict[str, dict]:
        return {path.name: record.read(path) for path in self.root.glob("results/*.json")}


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path)


def test_what_an_edit_remakes_and_what_the_verifier_says(toy):
    assert toy.build() == ["draw", "add", "report"]
    assert toy.check() == (0, [""])
    first, report = toy.records(), (toy.root / "results/report.txt").read_text()
    assert first["total.record.json"]["recipe"]["arithmetic"] == {"kernel": "toy"}
    assert first["numbers.record.json"]["recipe"]["packages"] == {}

    # A comment reruns nothing.
    toy.edit("scripts/options.py", "import sys", "import sys  # for the words")
    toy.edit("scripts/add.py", "import numpy", '"""Add numbers."""\nimport numpy')
    assert toy.build() == []
    status, said = toy.check()
    assert status == 0
    assert {line.partition(":")[0] for line in said} == {"scripts/options.py", "scripts/add.py"}
    assert all("only its comments" in line for line in said)

    # An operator reruns its step and what follows.
    toy.edit("scripts/add.py", "+ 1", "- 1")
    assert toy.check()[0] == 1
    assert toy.build() == ["add", "report"]
    assert toy.check()[0] == 0
    assert (toy.root / "results/report.txt").read_text() != report

    # The way back needs no run.
    toy.edit("scripts/add.py", "- 1", "+ 1")
    assert toy.build() == []
    assert (toy.root / "results/report.txt").read_text() == report
    again = toy.records()
    assert {name: made["id"] for name, made in again.items()} == {
        name: made["id"] for name, made in first.items()
    }
    before, now = (made["total.record.json"]["made"] for made in (first, again))
    assert now["from_store"] and now["seconds"] == before["seconds"]
    assert toy.check()[0] == 0

    # Another way to the same number: what follows is taken from the store.
    toy.edit("scripts/add.py", "+ 1", "+ 2 - 1")
    assert toy.build() == ["add"]
    assert toy.records()["report.record.json"]["made"]["from_store"]
    assert toy.check()[0] == 0

    (toy.root / "results/total.txt").write_text("7.0")
    status, said = toy.check()
    assert status == 1
    assert any(line.startswith("results/total.txt: content does not match") for line in said)


def test_provenance_knows_nothing_of_this_project():
    """It imports the standard library and itself.

    It also imports NumPy where arrays are compared, and packaging where requirements are read.
    """
    assert code("scripts/record.py").keys() == {"scripts/record.py"}
    imported = {
        name.split(".")[0]
        for path in (ROOT / "scripts/provenance").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names <= {"provenance", "numpy", "packaging"}
