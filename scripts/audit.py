"""Follow files back to the raw data by their provenance records, and say which links still hold.

    python scripts/audit.py figures/energy_vs_width.svg
    python scripts/audit.py figures results/paper      # all that was made in there, in short
    python scripts/audit.py --why figures/energy_vs_width.svg
    python scripts/audit.py --rerun 3 figures/energy_vs_width.svg

Each line of the tree is `verified`; STALE: what it was made from has changed since; UNTRACKED: no
record says what it was made from; MISSING: it, or its record, is gone; or TAMPERED: it is not what
its record says. Code counts by its meaning: where comments alone were edited, a note says so. A
clone without results has the records of all that is behind its figures in one file beside them:
they are followed all the same, and what is beyond is `not here`. The exit status is 0 only when
there is nothing worse. Only the files are needed: no Snakemake, no network, and no package but
those that read the configuration.
"""

import argparse
import json
import os
import random
import shlex
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from provenance.history import History
from provenance.record import SUFFIX, script_of
from provenance.rerun import rerun
from provenance.verify import (
    Finding,
    Verifier,
    environment_of,
    real_recipe,
    settings,
    text,
    worst,
)
from workflow.asked import Configuration
from workflow.command_line import Parser

ROOT = Path(__file__).resolve().parents[1]

# What a rule makes is called in the tree, one of them and several.
ROLES = {
    "fetch": ("raw data", "raw data"),
    "prepare": ("data set", "data sets"),
    "search": ("search", "searches"),
    "train": ("run", "runs"),
    "tabulate": ("table", "tables"),
    "summarise": ("table of all networks", "tables of all networks"),
    "claims": ("table of claims", "tables of claims"),
    "plot": ("figure", "figures"),
    "publish": ("copied table", "copied tables"),
    "gallery": ("gallery", "galleries"),
    "finding": ("finding", "findings"),
    "history": ("all records", "all records"),
    "archive": ("archive of all runs", "archives of all runs"),
}
CODE = {"train": "engine"}  # elsewhere it is just code
PLACES = {"output", "folder"}  # parameters that say where, not what
WIDTH = 110
MOST = 6  # values, or findings, that one line lists


@dataclass
class Node:
    """A line of the tree, what is wrong with it, and the lines below it."""

    text: str
    findings: list[Finding] = field(default_factory=list)
    parts: list["Node"] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The worst of this line's own findings."""
        return worst(self.findings)

    def lines(self, most: int = MOST, first: str = "", rest: str = "") -> Iterator[str]:
        """Yield the tree as text, with at most so many findings of a line."""
        below = " " * 10 + rest + ("│     " if self.parts else "      ")
        start = f"{self.status:9} {first}"
        yield from textwrap.wrap(self.text, WIDTH, initial_indent=start, subsequent_indent=below)
        told = [finding for finding in self.findings if finding.status != "not here"]
        for finding in told[:most]:
            yield f"{below}{finding.status if finding.breaks else 'note'}: {finding}"
        if len(told) > most:
            yield f"{below}and {len(told) - most} more"
        for part in self.parts:
            branch, bar = ("└─ ", "   ") if part is self.parts[-1] else ("├─ ", "│  ")
            yield from part.lines(most, rest + branch, rest + bar)

    def json(self) -> dict:
        """Return the tree for programs."""
        return {
            "what": self.text,
            "status": self.status,
            "findings": [vars(finding) for finding in self.findings],
            "parts": [part.json() for part in self.parts],
        }


class Tree:
    """Builds the tree of what is behind a record; what has been shown is not shown again."""

    def __init__(self, verifier: Verifier, runs: bool = False):
        self.verifier, self.runs = verifier, runs
        self.records = verifier.history.records
        self.shown: set[str] = set()

    def of(self, path: str) -> Node:
        """Return the tree of a record, with the environment of all records in it as last line."""
        node = self._node([path])
        behind = list(self.verifier.history.behind(path))
        node.parts.append(self._environment(behind))
        return node

    def _node(self, paths: list[str]) -> Node:
        """Return the node of records of one rule, which are folded when there are several."""
        name = self._name(paths)
        if self.shown.issuperset(paths):
            return Node(f"{name} (see above)")
        self.shown.update(paths)
        numbers = self._numbers(paths)
        made = self._findings(paths, "made")
        node = Node(name, [finding for finding in made if finding.subject not in numbers])
        for file in numbers:
            found = [finding for finding in made if finding.subject == file]
            node.parts.append(Node(f"numbers {file}", found))
        recipes = [real_recipe(self.records[path]) for path in paths]
        if len(paths) > 1 and self.runs:
            node.parts += [self._run(path) for path in paths]
        if parameters := summary(recipes):
            node.parts.append(Node(parameters, self._findings(paths, "parameters")))
        if code := sources(self.records[path] for path in paths):
            kind = CODE.get(recipes[0]["rule"], "code")
            node.parts.append(Node(f"{kind}: {code}", self._findings(paths, "code")))
        before: dict[str, list[str]] = {}
        upstream = (self.verifier.history.upstream(path) for path in paths)
        for path in dict.fromkeys(chain.from_iterable(upstream)):
            before.setdefault(self._rule([path]), []).append(path)
        node.parts += [self._node(sorted(group)) for group in before.values()]
        return node

    def _name(self, paths: list[str]) -> str:
        one, several = ROLES.get(self._rule(paths), (self._rule(paths),) * 2)
        if len(paths) == 1:
            made = self.records[paths[0]]
            files = made["outputs"].keys() - self._numbers(paths)
            return f"{one} {joined(sorted(files))}, record {made['id'][:12]}"
        seeds = Counter(networks(self.records[path]) for path in paths)
        each = " or ".join(f"{count} seeds each" for count in sorted(seeds)) if any(seeds) else ""
        folder = Path(next(iter(self.records[paths[0]]["outputs"]))).parent
        return f"{len(paths)} {several} in {folder}" + f", {each}" * bool(each)

    def _numbers(self, paths: list[str]) -> list[str]:
        """The numbers that a figure plots, which have a line of their own."""
        made = self.records[paths[0]]["outputs"]
        return [file for file in made if file.endswith(".csv")] * (self._rule(paths) == "plot")

    def _rule(self, paths: list[str]) -> str:
        return self.records[paths[0]]["recipe"]["rule"]

    def _run(self, path: str) -> Node:
        made = self.records[path]
        return Node(
            f"{joined(made['outputs'])}, record {made['id'][:12]}: {summary([real_recipe(made)])}",
            self._findings([path], "made", "parameters"),
        )

    def _findings(self, paths: Iterable[str], *parts: str) -> list[Finding]:
        found = (finding for path in paths for finding in self.verifier.findings(path))
        return list(dict.fromkeys(finding for finding in found if finding.part in parts))

    def _environment(self, paths: list[str]) -> Node:
        records = [self.records[path] for path in paths]
        described = describe(records, self.verifier.environment)
        return Node(f"environment: {described}", self._findings(paths, "environment"))


def joined(files: Iterable[str]) -> str:
    """Return the names of files in short: folder/{name,name} or folder/name.{ending,ending}."""
    files = list(files)
    common = os.path.commonprefix(files)
    common = common[: max(common.rfind("/"), common.rfind(".")) + 1]
    if len(files) == 1 or not common:
        return ", ".join(files)
    return f"{common}{{{','.join(file.removeprefix(common) for file in files)}}}"


def summary(recipes: list[dict]) -> str:
    """Return the parameters of recipes in one line, first those in which they differ."""
    values: dict[str, list[str]] = {}
    for recipe in recipes:
        for key, value in settings(recipe).items():
            if key not in PLACES and text(value) not in values.setdefault(key, []):
                values[key].append(text(value))
    order = sorted(values, key=lambda key: len(values[key]) == 1)
    return "parameters: " * bool(order) + "; ".join(f"{key} {listed(values[key])}" for key in order)


def listed(values: list[str]) -> str:
    """Return values in their order as numbers, if they are; of many the first and the last."""
    try:
        values = sorted(values, key=float)
    except ValueError:
        values = sorted(values)
    if len(values) <= MOST:
        return ", ".join(values)
    return f"{', '.join(values[:3])} ... {values[-1]} ({len(values)} values)"


def sources(records: Iterable[dict]) -> str:
    """Return the code of records in short: their scripts, and how many files these use."""
    scripts: set[str] = set()
    used: set[str] = set()
    for made in records:
        scripts.add(script_of(made["made"]["command"]) or made["made"]["command"][0])
        used.update(made["made"]["sources"])
    used -= scripts
    files = f" and {len(used)} file{'s' * (len(used) > 1)} that it uses" if used else ""
    return ", ".join(sorted(scripts)) + files


def networks(made: dict) -> int:
    """Return how many networks a record's job has trained: one for each seed."""
    seeds = real_recipe(made).get("parameters", {}).get("seed", [])
    return len(seeds) if isinstance(seeds, list) else 1


def describe(records: list[dict], here: list[str]) -> str:
    """Return in short what has computed `records`, and in what `here` is another machine's.

    Another Python or processor is no staleness: the files are what they were. Made here they might
    be others, which --rerun shows.
    """
    packages = {name for made in records for name in made["recipe"].get("packages", {})}
    facts = dict.fromkeys(fact for made in records for fact in environment_of(made))
    other = [fact for fact in here if fact not in facts]
    unlike = f" (here: {', '.join(other)})" if other else ""
    return f"{len(packages)} packages, {', '.join(facts)}{unlike}"


def targets(files: Iterable[str], history: History) -> list[str]:
    """Return files by their paths in the project; a folder stands for what was made in it.

    Raises SystemExit for one outside the project, and for a folder in which nothing was made.
    """
    found: list[str] = []
    for file in files:
        path = Path(os.path.abspath(file))
        if not path.is_relative_to(ROOT):
            sys.exit(f"audit: {file}: not in {ROOT}: copy scripts/ along, or use the copy there")
        name = str(path.relative_to(ROOT))
        inside = [made for made in history.maker if str(Path(made).parent) == name]
        if path.is_dir() or inside:
            if not inside:
                sys.exit(f"audit: {file}: no record of anything in this folder")
            there = (str(entry.relative_to(ROOT)) for entry in path.iterdir() if entry.is_file())
            inside += [entry for entry in there if not entry.endswith(SUFFIX) and entry[0] != "."]
            found += sorted(inside)
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def audited(path: str, verifier: Verifier) -> dict:
    """Return the verdict on a file: its status, and what is broken, first what was made first.

    Notes are what is different, but breaks nothing.
    """
    record = verifier.history.maker.get(path)
    findings = verifier.behind(record) if record else [verifier.untracked(path)]
    broken = [finding for finding in findings if finding.breaks]
    return {
        "file": path,
        "record": record,
        "status": worst(findings),
        "first_broken_link": vars(broken[0]) if broken else None,
        "notes": [vars(finding) for finding in findings if finding.status == "verified"],
    }


def verdict(files: str, result: dict, verifier: Verifier) -> str:
    """Return the last line on files of one record, in words."""
    if broken := result["first_broken_link"]:
        finding = Finding(**broken)
        return f"NOT VERIFIED {files}: first broken link: {finding.status}: {finding}"
    records = list(verifier.history.behind(result["record"]))
    edited = [note["subject"] for note in result["notes"] if note["part"] == "code"]
    files_edited = ", ".join(edited[:MOST]) + f" and {len(edited) - MOST} more" * (
        len(edited) > MOST
    )
    notes = f"; comments, texts or layout were edited since: {files_edited}" if edited else ""
    if result["status"] == "verified":
        return f"VERIFIED {files}: {counted(records, verifier.history)}{notes}"
    beyond = [path for path in records if worst(verifier.findings(path)) == "not here"]
    here = [path for path in records if path not in beyond]
    return (
        f"VERIFIED {files} as far as the files here reach: {counted(here, verifier.history)};"
        f" beyond that, by their records alone: {counted(beyond, verifier.history)}{notes}"
    )


def counted(paths: Iterable[str], history: History) -> str:
    """Return how many records of each rule there are, and how many networks, in words."""
    records = [history.records[path] for path in paths]
    numbers = Counter(made["recipe"]["rule"] for made in records)
    trained = sum(networks(made) for made in records if made["recipe"]["rule"] == "train")
    names = (
        f"{number} {ROLES.get(rule, (rule, rule))[number > 1]}"
        + f" ({trained} networks)" * (rule == "train")
        for rule, number in numbers.items()
    )
    return ", ".join(names)


def why(path: str, history: History) -> str:
    """Return which rule and command made a file, from what, when and where.

    Raises SystemExit when no record says so.
    """
    if path not in history.maker:
        sys.exit(f"audit: {path}: no record says what made it")
    name = history.maker[path]
    made = history.records[name]
    recipe = real_recipe(made)
    packages = recipe.get("packages", {})
    when = made["made"]
    state = {True: ", with changes", False: "", None: ""}[when.get("dirty")]
    stored = ", taken from the store of results" if when["from_store"] else ""
    lines = {
        "record": f"{name}, id {made['id']}",
        "rule": recipe["rule"],
        "command": shlex.join(when["command"]),
        "parameters": summary([recipe]).removeprefix("parameters: "),
        "made": f"{when['start']} to {when['end']} on {when['host']} ({when['cpu']})",
        "took": f"{when['seconds']:g} s of processor time{stored}",
        "commit": f"{when['commit']}{state}",
        "outputs": [f"{hash[:12]}  {file}" for file, hash in made["outputs"].items()],
        "inputs": [f"{hash[:12]}  {file}" for file, hash in made["inputs"].items()],
        "records": [f"{id[:12]}  {file}" for file, id in made["records"].items()],
        "code": [f"{hash[:12]}  {file}" for file, hash in when["sources"].items()],
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
        "computed by": ", ".join(environment_of(made)),
    }
    told = [f"{path}"]
    for key, value in lines.items():
        values = value if isinstance(value, list) else [value]
        told += [f"  {key * (i == 0):11} {line}" for i, line in enumerate(values)]
    return "\n".join(told)


def drawn(paths: Iterable[str], history: History, number: int, seed: int) -> list[str]:
    """Return the records of so many runs, drawn at random among those before the records `paths`.

    Those that take a rule from results which are not here cannot be trained. Raises SystemExit when
    there are none.
    """
    behind = {before for path in paths for before in history.behind(path)}
    records = {path: history.records[path] for path in behind}
    runs = [
        path
        for path, made in records.items()
        if made["recipe"]["rule"] == "train"
        and all(history.sha256(file) for file in made["inputs"] if file.startswith("results/"))
    ]
    if not runs:
        sys.exit("audit: --rerun: no runs are known to be behind this")
    return random.Random(seed).sample(sorted(runs), min(number, len(runs)))


def natural(text: str) -> int:
    """Return the number that an option gives; raise ArgumentTypeError for what is none."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: an integer of at least 0")
    return int(text)


def main() -> None:
    parser = Parser(
        "audit",
        description=__doc__,
        epilog="The exit status is 0 only when the whole history of every file is verified.",
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="of a folder, all that was made in it, in short")
    add("--json", action="store_true", help="print the result for programs")
    add("--why", action="store_true", help="print which rule and command made each file, and stop")
    add("--runs", action="store_true", help="print each run and each finding, folding nothing")
    add(
        "--rerun",
        type=natural,
        default=0,
        metavar="N",
        help="train N of the runs again and compare",
    )
    add(
        "--seed",
        type=natural,
        help="of the random choice of runs (default: a new one, which is told)",
    )
    arguments = parser.parse_args()
    history = History(ROOT)
    folders = any(map(os.path.isdir, arguments.files))
    paths = targets(arguments.files, history)
    os.chdir(ROOT)
    if arguments.why:
        return print("\n\n".join(why(path, history) for path in paths))
    verifier = Verifier(history, [Configuration(ROOT)])
    results = [audited(path, verifier) for path in paths]
    records = dict.fromkeys(result["record"] or result["file"] for result in results)
    trees = {
        name: Tree(verifier, arguments.runs).of(name)
        if name in history.records
        else Node(name, [verifier.untracked(name)])
        for name in records
    }
    verified = all(result["first_broken_link"] is None for result in results)
    content: dict[str, Any] = {
        "verified": verified,
        "complete": all(result["status"] == "verified" for result in results),
        "files": results,
        "trees": {name: tree.json() for name, tree in trees.items()},
    }
    if not arguments.json:
        for tree in () if folders else trees.values():
            print("\n".join(tree.lines(sys.maxsize if arguments.runs else MOST)), end="\n\n")
        for name in trees:
            of_it = [result for result in results if name in (result["record"], result["file"])]
            files = joined(result["file"] for result in of_it)
            print(verdict(files, of_it[0], verifier), flush=True)
    if arguments.rerun:
        seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
        chosen = drawn(filter(history.records.get, records), history, arguments.rerun, seed)
        content["rerun"] = {"seed": seed, "differences": {}}
        print(f"Training {len(chosen)} runs again, drawn with --seed {seed}", file=sys.stderr)
        for path in chosen:
            found = content["rerun"]["differences"][path] = rerun(path, history)
            content["verified"] &= not found
            if not arguments.json:
                files = joined(history.records[path]["outputs"])
                print(f"{'DIFFERENT' if found else 'the same bytes'}  {files}", flush=True)
                print("".join(f"    {difference}\n" for difference in found), end="")
    if arguments.json:
        print(json.dumps(content, indent=1, ensure_ascii=False))
    sys.exit(not content["verified"])


if __name__ == "__main__":
    main()
