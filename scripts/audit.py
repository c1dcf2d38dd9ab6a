"""Trace files back to the raw data by their provenance records, and verify each step.

    python scripts/audit.py figures/energy_vs_width.svg
    python scripts/audit.py figures results/paper      # everything made in these folders, in short
    python scripts/audit.py --why figures/energy_vs_width.svg
    python scripts/audit.py --rerun 3 figures/energy_vs_width.svg

Each line of the tree has a status: `verified`; STALE: what it was made from has changed; UNTRACKED:
no record says what it was made from; MISSING: it or its record is missing; TAMPERED: it does not
match its record. Code is compared by its meaning; a note says where only comments were edited. In a
clone without results, the records behind the figures are in one file beside them. They are verified
as well, and the missing files are `not here`. The exit status is 0 only if nothing is worse than
that. No Snakemake and no network is needed, and no package except those that read the
configuration.
"""

import argparse
import io
import json
import os
import random
import shlex
import sys
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

from provenance.archive import of_rules
from provenance.audit import (
    Issue,
    Verifier,
    environment_of,
    parameters_of,
    real_recipe,
    text,
    worst,
)
from provenance.files import ROOT
from provenance.history import History
from provenance.record import SUFFIX, scripts_of
from provenance.rerun import rerun
from workflow.asked import PATHS, Configuration
from workflow.command_line import Parser, finish

# Names of the outputs of a rule in the tree, singular and plural.
ROLES = {
    "fetch": ("raw data", "raw data"),
    "prepare": ("data set", "data sets"),
    "search": ("search", "searches"),
    "train": ("run", "runs"),
    "examine": ("examination", "examinations"),
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
TABLES = ("tabulate", "summarise")  # rules that only collect the results of runs: cheap to repeat
PRODUCTS = ("report.html",)  # of `make report`, which is not a rule
# What operating systems and editors leave in folders, in lower case.
LITTER = (".*", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "*~", "~$*", "#*#")
WIDTH = 110
MOST = 6  # values or issues on one line


@dataclass
class Node:
    """A line of the tree with its issues, and the lines below it."""

    text: str
    issues: list[Issue] = field(default_factory=list)
    parts: list["Node"] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The worst status of this line's own issues."""
        return worst(self.issues)

    def lines(self, most: int = MOST, first: str = "", rest: str = "") -> Iterator[str]:
        """Yield the tree as text, with at most `most` issues of each line."""
        below = " " * 10 + rest + ("│     " if self.parts else "      ")
        start = f"{self.status:9} {first}"
        yield from textwrap.wrap(self.text, WIDTH, initial_indent=start, subsequent_indent=below)
        issues = [issue for issue in self.issues if issue.status != "not here"]
        for issue in issues[:most]:
            yield f"{below}{issue.status if issue.breaks else 'note'}: {issue}"
        if len(issues) > most:
            yield f"{below}and {len(issues) - most} more"
        for part in self.parts:
            branch, bar = ("└─ ", "   ") if part is self.parts[-1] else ("├─ ", "│  ")
            yield from part.lines(most, rest + branch, rest + bar)

    def json(self) -> dict:
        """Return the tree for programs."""
        return {
            "what": self.text,
            "status": self.status,
            "findings": [vars(issue) for issue in self.issues],
            "parts": [part.json() for part in self.parts],
        }


class Tree:
    """Builds the tree behind a record; each record is shown once."""

    def __init__(self, verifier: Verifier, runs: bool = False):
        self.verifier, self.runs = verifier, runs
        self.records = verifier.history.records
        self.shown: set[str] = set()

    def of(self, path: str) -> Node:
        """Return the tree of a record; its last line is the environment of all its records."""
        node = self._node([path])
        behind = list(self.verifier.history.behind(path))
        described = describe([self.records[one] for one in behind], self.verifier.environment)
        issues = self._issues(behind, "environment")
        node.parts.append(Node(f"environment: {described}", issues))
        return node

    def _node(self, paths: list[str]) -> Node:
        """Return the node of records of one rule; several records share a line."""
        name, rule = self._name(paths), self._rule(paths[0])
        if self.shown.issuperset(paths):
            return Node(f"{name} (see above)")
        self.shown.update(paths)
        numbers = self._numbers(paths[0])
        recipes = [real_recipe(self.records[path]) for path in paths]
        parameters = summary(recipes)
        issues = self._issues(paths, "made", *["parameters"] * (not parameters))
        node = Node(name, [issue for issue in issues if issue.subject not in numbers])
        for file in numbers:
            own = [issue for issue in issues if issue.subject == file]
            node.parts.append(Node(f"numbers {file}", own))
        if len(paths) > 1 and self.runs:
            node.parts += [self._run(path) for path in paths]
        if parameters:
            node.parts.append(Node(parameters, self._issues(paths, "parameters")))
        if code := sources(self.records[path] for path in paths):
            kind = "engine" if rule == "train" else "code"
            node.parts.append(Node(f"{kind}: {code}", self._issues(paths, "code")))
        before: dict[str, list[str]] = {}
        upstream = (self.verifier.history.upstream(path) for path in paths)
        for path in dict.fromkeys(chain.from_iterable(upstream)):
            before.setdefault(self._rule(path), []).append(path)
        node.parts += [self._node(sorted(group)) for group in before.values()]
        return node

    def _name(self, paths: list[str]) -> str:
        rule = self._rule(paths[0])
        singular, plural = ROLES.get(rule, (rule, rule))
        record = self.records[paths[0]]
        if len(paths) == 1:
            files = record["outputs"].keys() - self._numbers(paths[0])
            return f"{singular} {joined(sorted(files))}, record {record['id'][:12]}"
        seeds = {networks(self.records[path]) for path in paths}
        each = " or ".join(f"{count} seeds each" for count in sorted(seeds)) if any(seeds) else ""
        folder = Path(next(iter(record["outputs"]))).parent
        return f"{len(paths)} {plural} in {folder}" + f", {each}" * bool(each)

    def _numbers(self, path: str) -> list[str]:
        """Return the tables of a figure's numbers, which have their own lines."""
        files = self.records[path]["outputs"] if self._rule(path) == "plot" else ()
        return [file for file in files if file.endswith(".csv")]

    def _rule(self, path: str) -> str:
        return self.records[path]["recipe"]["rule"]

    def _run(self, path: str) -> Node:
        record = self.records[path]
        parameters = summary([real_recipe(record)])
        return Node(
            f"{joined(record['outputs'])}, record {record['id'][:12]}: {parameters}",
            self._issues([path], "made", "parameters"),
        )

    def _issues(self, paths: Iterable[str], *parts: str) -> list[Issue]:
        issues = (issue for path in paths for issue in self.verifier.issues(path))
        return list(dict.fromkeys(issue for issue in issues if issue.part in parts))


def joined(files: Iterable[str]) -> str:
    """Return the names of files in short: folder/{name,name} or folder/name.{ending,ending}."""
    files = list(files)
    common = os.path.commonprefix(files)
    common = common[: max(common.rfind("/"), common.rfind(".")) + 1]
    if len(files) == 1 or not common:
        return ", ".join(files)
    return f"{common}{{{','.join(file.removeprefix(common) for file in files)}}}"


def summary(recipes: list[dict]) -> str:
    """Return the parameters of recipes in one line; those that differ come first."""
    values: dict[str, list[str]] = {}
    for recipe in recipes:
        for key, value in parameters_of(recipe).items():
            if key not in PATHS and text(value) not in values.setdefault(key, []):
                values[key].append(text(value))
    order = sorted(values, key=lambda key: len(values[key]) == 1)
    return "parameters: " * bool(order) + "; ".join(f"{key} {listed(values[key])}" for key in order)


def listed(values: list[str]) -> str:
    """Return values in order, if possible in numeric order; shorten a long list."""
    try:
        values = sorted(values, key=float)
    except ValueError:
        values = sorted(values)
    if len(values) <= MOST:
        return ", ".join(values)
    return f"{', '.join(values[:3])} ... {values[-1]} ({len(values)} values)"


def sources(records: Iterable[dict]) -> str:
    """Return the code of records in short: their scripts, and the number of other files."""
    scripts: set[str] = set()
    used: set[str] = set()
    for record in records:
        details = record["made"]
        scripts.update(scripts_of(details["command"]) or details["command"][:1])
        used.update(details["sources"])
    used -= scripts
    files = f" and {len(used)} file{'s' * (len(used) > 1)} that it uses" if used else ""
    return ", ".join(sorted(scripts)) + files


def networks(record: dict) -> int:
    """Return the number of networks that a job has trained: one for each seed."""
    seeds = real_recipe(record).get("parameters", {}).get("seed", [])
    return len(seeds) if isinstance(seeds, list) else 1


def describe(records: list[dict], here: list[str]) -> str:
    """Return the environment of records in short, and what differs on this machine.

    Another Python or processor makes nothing stale, since the files have not changed. Whether
    results would differ here, --rerun shows.
    """
    packages = {name for record in records for name in record["recipe"].get("packages", {})}
    facts = dict.fromkeys(fact for record in records for fact in environment_of(record))
    differing = [fact for fact in here if fact not in facts]
    unlike = f" (here: {', '.join(differing)})" if differing else ""
    return f"{len(packages)} packages, {', '.join(facts)}{unlike}"


def targets(files: Iterable[str], history: History) -> list[str]:
    """Return files by their paths in the project; a folder is replaced by the files made in it.

    Raises SystemExit for a file outside the project, and for a folder in which nothing was made.
    """
    names: list[str] = []
    for file in files:
        path = Path(os.path.abspath(file))
        if not path.is_relative_to(ROOT):  # unless the project is reached through a link
            path = Path(os.path.realpath(path.parent), path.name)
        if not path.is_relative_to(ROOT):
            what = f"not in {ROOT}: use the copy of this script in its project"
            sys.exit(shown(f"audit: {file}: {what}"))
        name = str(path.relative_to(ROOT))
        inside = made_in(name, history)
        if name in history.maker or not (path.is_dir() or inside):
            names.append(name)
            continue
        if not inside:
            sys.exit(shown(f"audit: {file}: no record of anything in this folder"))
        present = path.iterdir() if path.is_dir() else ()
        inside |= {f"{name}/{entry.name}" for entry in present if not_aside(entry)}
        names += sorted(inside)
    return list(dict.fromkeys(names))


def made_in(folder: str, history: History) -> set[str]:
    """Return the recorded files in a folder; if there are none, those in the folders below it."""
    below = {file for file in history.maker if Path(folder) in Path(file).parents}
    return {file for file in below if str(Path(file).parent) == folder} or below


def not_aside(path: Path) -> bool:
    """Return whether something in a folder needs a record: it is neither a record nor litter."""
    aside = any(fnmatch(path.name.lower(), pattern) for pattern in LITTER)
    return not (aside or path.is_dir() or path.name.endswith(SUFFIX) or path.name in PRODUCTS)


def shown(text: str) -> str:
    """Return a line as it is printed: with escapes for whatever could move the cursor."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def say(lines: Iterable[str]) -> None:
    """Print lines at once."""
    for line in lines:
        print(shown(line), flush=True)


def audited(path: str, verifier: Verifier) -> dict:
    """Return the result for a file: its status, the first broken link, and notes.

    Notes are differences that break nothing.
    """
    record = verifier.history.maker.get(path)
    issues = verifier.behind(record) if record else [verifier.untracked(path)]
    return {
        "file": path,
        "record": record,
        "status": worst(issues),
        "first_broken_link": next((vars(issue) for issue in issues if issue.breaks), None),
        "notes": [vars(issue) for issue in issues if issue.status == "verified"],
    }


def verdict(files: str, result: dict, verifier: Verifier) -> str:
    """Return the last line on the files of one record, in words."""
    if broken := result["first_broken_link"]:
        issue = Issue(**broken)
        return f"NOT VERIFIED {files}: first broken link: {issue.status}: {issue}"
    records = list(verifier.history.behind(result["record"]))
    edited = [note["subject"] for note in result["notes"] if note["part"] == "code"]
    more = f" and {len(edited) - MOST} more" if len(edited) > MOST else ""
    names = ", ".join(edited[:MOST]) + more
    notes = f"; comments, texts or layout were edited since: {names}" if edited else ""
    if result["status"] == "verified":
        return f"VERIFIED {files}: {counted(records, verifier.history)}{notes}"
    beyond = [path for path in records if worst(verifier.issues(path)) == "not here"]
    here = [path for path in records if path not in beyond]
    reach = f" as far as the files here reach: {counted(here, verifier.history)}; beyond that,"
    alone = f" by their records alone: {counted(beyond, verifier.history)}{notes}"
    return f"VERIFIED {files}{reach if here else ''}{alone}"


def counted(paths: Iterable[str], history: History) -> str:
    """Return the number of records of each rule, and of networks, in words."""
    records = [history.records[path] for path in paths]
    numbers = Counter(record["recipe"]["rule"] for record in records)
    trained = sum(networks(record) for record in records if record["recipe"]["rule"] == "train")
    return ", ".join(
        f"{number} {ROLES.get(rule, (rule, rule))[number > 1]}"
        + f" ({trained} networks)" * (rule == "train")
        for rule, number in numbers.items()
    )


def why(path: str, history: History) -> list[str]:
    """Return how a file was made, in lines: rule, command, inputs, time and host.

    Raises SystemExit if it has no record.
    """
    if path not in history.maker:
        sys.exit(shown(f"audit: {path}: no record says what made it"))
    name = history.maker[path]
    record = history.records[name]
    recipe, details = real_recipe(record), record["made"]
    packages = recipe.get("packages", {})
    changes = ", with changes" if details["dirty"] else ""
    stored = ", taken from the store of results" if details["from_store"] else ""
    rows = {
        "record": f"{name}, id {record['id']}",
        "rule": recipe["rule"],
        "command": shlex.join(details["command"]),
        "parameters": summary([recipe]).removeprefix("parameters: "),
        "made": f"{details['start']} to {details['end']} on {details['host']} ({details['cpu']})",
        "took": f"{details['seconds']:g} s of processor time{stored}",
        "commit": f"{details['commit']}{changes}",
        "outputs": record["outputs"],
        "inputs": record["inputs"],
        "records": record["records"],
        "code": details["sources"],
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
        "computed by": ", ".join(environment_of(record)),
    }
    lines = [path]
    for key, value in rows.items():
        values = [value]
        if isinstance(value, dict):
            values = [f"{hash[:12]}  {file}" for file, hash in value.items()]
        lines += [f"  {key * (i == 0):11} {line}" for i, line in enumerate(values)]
    return [*lines, ""]


def drawn(paths: Iterable[str], history: History, number: int, seed: int) -> list[str]:
    """Return the records of `number` runs, drawn at random among those behind the records `paths`.

    Runs that need missing results are left out, since they cannot be trained. Raises SystemExit if
    no run remains.
    """
    runs = [
        path
        for path, record in records_behind(paths, history, ["train"])
        if all(history.sha256(file) for file in record["inputs"] if file.startswith("results/"))
    ]
    if not runs:
        sys.exit("audit: --rerun: no runs are known to be behind this")
    return random.Random(seed).sample(runs, min(number, len(runs)))


def tables(paths: Iterable[str], history: History) -> list[str]:
    """Return the records of the tables of networks behind `paths` whose inputs are all here."""
    return [
        path
        for path, record in records_behind(paths, history, TABLES)
        if all(map(history.sha256, record["inputs"]))
    ]


def records_behind(
    paths: Iterable[str], history: History, rules: Collection[str]
) -> list[tuple[str, dict]]:
    """Return the records of these rules behind the records `paths`, with paths, sorted by path."""
    behind = {name: history.records[name] for path in paths for name in history.behind(path)}
    return sorted(of_rules(behind, rules).items())


def natural(text: str) -> int:
    """Return the number in an option's text; raise ArgumentTypeError if it is not allowed."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: an integer of at least 0")
    return int(text)


def main() -> None:
    """Audit the files on the command line; exit with 0 if all are verified."""
    parser = Parser(
        "audit",
        description=__doc__,
        epilog="The exit status is 0 only if the whole history of every file is verified.",
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="a file; or a folder, for all files made in it")
    add("--json", action="store_true", help="print the result for programs")
    add("--why", action="store_true", help="print only how each file was made")
    add("--runs", action="store_true", help="print every run and every issue")
    add("--rerun", type=natural, default=0, metavar="N", help="train N runs again and compare")
    add("--seed", type=natural, help="seed of the random choice of runs (default: a new one)")
    arguments = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    finish("audit", lambda: audit(arguments))


def audit(arguments: argparse.Namespace) -> None:
    """Audit the files on the command line, and exit."""
    try:
        verified = report(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except RecursionError:
        sys.exit("audit: the records are a chain too long to follow")
    sys.exit(not verified)


def report(arguments: argparse.Namespace) -> bool:
    """Print the result for the files on the command line; return whether all are verified."""
    history = History(ROOT)
    folders = any(map(os.path.isdir, arguments.files))
    paths = targets(arguments.files, history)
    os.chdir(ROOT)
    if arguments.why:
        say(chain.from_iterable(why(path, history) for path in paths))
        return True
    configuration = Configuration(ROOT)
    verifier = Verifier(history, [configuration])
    results = [audited(path, verifier) for path in paths]
    records = dict.fromkeys(result["record"] or result["file"] for result in results)
    trees = {
        name: Tree(verifier, arguments.runs).of(name)
        if name in history.records
        else Node(name, [verifier.untracked(name)])
        for name in records
    }
    content: dict[str, Any] = {
        "verified": all(result["first_broken_link"] is None for result in results),
        "complete": all(result["status"] == "verified" for result in results),
        "files": results,
        "trees": {name: tree.json() for name, tree in trees.items()},
    }
    if not arguments.json:
        for tree in () if folders else trees.values():
            say([*tree.lines(sys.maxsize if arguments.runs else MOST), ""])
        for name in trees:
            of_it = [result for result in results if name in (result["record"], result["file"])]
            say([verdict(joined(result["file"] for result in of_it), of_it[0], verifier)])
    if arguments.rerun:
        behind = [name for name in records if name in history.records]
        content["rerun"] = again = repeat(behind, history, configuration, arguments)
        content["verified"] &= not any(again["differences"].values())
    if arguments.json:
        print(json.dumps(content, indent=1))
    return content["verified"]


def repeat(
    paths: list[str],
    history: History,
    configuration: Configuration,
    arguments: argparse.Namespace,
) -> dict:
    """Run steps behind the records `paths` again; return the seed of the draw and differences."""
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    chosen = drawn(paths, history, arguments.rerun, seed)
    print(f"Training {len(chosen)} runs again, drawn with --seed {seed}", file=sys.stderr)
    differences: dict[str, list[str]] = {}
    for path in [*chosen, *tables(paths, history)]:
        command = configuration.command(path)
        lines = ["not run: no configuration here asks for it"]
        differences[path] = lines if command is None else rerun(path, history, command)
        if not arguments.json:
            label = "DIFFERENT" if differences[path] else "the same bytes"
            name = joined(history.records[path]["outputs"])
            say([f"{label}  {name}", *(f"    {line}" for line in differences[path])])
    return {"seed": seed, "differences": differences}


if __name__ == "__main__":
    main()
