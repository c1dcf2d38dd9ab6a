"""Search for the plasticity rule that learns with least energy, and for its trade-off with time.

Optuna's multi-objective tree-structured Parzen estimator (TPE) proposes compositions of gate,
eligible set, selection, width, learning rates, initial weights and activation; each evaluation
trains one network. The best ones are then trained on several seeds: the table of these finalists,
best first, is what train_found.py reads; the history has a row an evaluation.

    python scripts/search.py --search mine --minimise M0 --evaluations 20 --best 3 --seed 7 8 \\
        --space gate=margin margin=0.1,0.5 eligible=all select=per_layer criterion=largest_update \\
        fraction=0.001,0.02 fraction_out=0.05,0.3 width=100,200 learning_rate=0.01,0.05 \\
        --training goal=0.95 stop_on=validation --history history.csv --finalists finalists.csv

The result depends on the options, the code and the data alone. What was evaluated is kept in a
journal beside the history until the search is done: one that was killed goes on where it was.
"""

import argparse
import hashlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from glob import escape
from importlib.metadata import version
from math import inf, log10
from pathlib import Path

from plasticity import data  # isort: skip  # before NumPy: see there

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

import checkpoints
import train
from found import KINDS, SEARCHED, allows, has_meaning, rule_of, value_of, values_of
from plasticity.rules import ParameterError, require, require_choice
from plasticity.training import train as train_network

CODE = ["search.py", "found.py"]  # beside that of train.py
OBJECTIVES = ("M0", "M1", "cached")
# Evaluated at random, or as given, before TPE has something to learn from.
STARTUP = 10
# Numbers that are not searched on a logarithmic scale.
LINEAR = {"margin"}
# What an evaluation that did not reach its goal is said to have cost; its constraint tells TPE.
WORST = 99.0

MEASURES = [
    "seed",
    "reached",
    "stopped",
    "trials",
    "validation_accuracy",
    "M0",
    "M1",
    "M1_consolidation",
    "maintenance",
    "energy",
]
HISTORY = ["search", "evaluation", "start", "front", *SEARCHED, *MEASURES]
MEANS = ["reached", "trials", "M0", "M1", "M1_consolidation", "maintenance", "energy"]
FINALISTS = ["search", "order", "evaluation", *SEARCHED, "networks", *MEANS]


class Stopped(Exception):
    """An evaluation costs more than is of interest, or does not learn."""


@dataclass(frozen=True)
class Search:
    """What is searched, and how: the options of the command line.

    `space` has for each parameter its choices, or the two limits of a number; `training` the other
    parameters of all networks. Training is given up beyond `most` updates, and when after
    `patience` trials the share of right ones is below `correct`.
    """

    search: str
    minimise: str
    maintenance_cost: float
    most: float
    patience: int
    correct: float
    evaluations: int
    best: int
    within: list[float]
    sampler_seed: int
    seed: list[int]
    space: dict[str, list]
    training: dict
    start: list[dict]

    def energy(self, measures: Mapping) -> float:
        """What is minimised, beside the trials."""
        if self.minimise == "cached":
            return measures["M1_consolidation"] + self.maintenance_cost * measures["maintenance"]
        return measures[self.minimise]


def parser() -> train.Parser:
    """The command line."""
    parse = train.Parser(
        description=__doc__.split("\n\n")[0],
        epilog="Words about parameters are KEY=VALUE, with the names of the results' columns.",
        allow_abbrev=False,
    )
    add = parse.add_argument
    add("--search", required=True, help="its name")
    add("--minimise", required=True, choices=OBJECTIVES, help="the energy, beside the trials")
    add("--maintenance-cost", type=train.number, default=0.0, help="c, where it is cached")
    add("--most", type=train.number, default=inf, help="updates beyond which training is given up")
    add("--patience", type=train.count, default=10**9, help="trials before --correct counts")
    add("--correct", type=train.number, default=0.0, help="share of trials to be right by then")
    add("--evaluations", type=train.count, required=True, help="networks of the search")
    add("--best", type=train.count, required=True, help="how many become finalists")
    add(
        "--within",
        type=train.number,
        nargs="*",
        default=[],
        metavar="TRIALS",
        help="so many again of those that learn within these trials",
    )
    add("--sampler-seed", type=train.seed, default=0, help="of what is proposed")
    add("--seed", type=train.seed, nargs="+", required=True, help="of the networks, in turn")
    add("--space", nargs="+", required=True, metavar="KEY=CHOICES", help="or KEY=LOW,HIGH")
    add("--training", nargs="+", required=True, metavar="KEY=VALUE", help="of all networks")
    add("--start", nargs="*", default=[], metavar="KEY=VALUE,...", help="rules to begin with")
    add("--history", required=True, metavar="FILE", help="a row an evaluation")
    add("--finalists", required=True, metavar="FILE", help="the best on all seeds, best first")
    return parse


def search_of(arguments: argparse.Namespace) -> Search:
    """Return the search that a command line asks for.

    Raises ParameterError for what is not allowed.
    """
    space = {}
    for word in arguments.space:
        key, _, texts = word.partition("=")
        space[key] = [value_of(key, text) for text in texts.split(",")]
        require_choice("--space", key, tuple(SEARCHED))
        if KINDS[key] is not str:
            limits = [float(value) for value in space[key]]
            good = len(limits) == 2 and -inf < limits[0] <= limits[1] < inf
            good = good and (limits[0] > 0 or key in LINEAR)
            require(good, key, texts, "two numbers, low,high")
    for key in ("gate", "eligible", "select", "width"):
        require(key in space, "--space", " ".join(space), f"it must have {key}")
    starts = [values_of(word.split(",")) for word in arguments.start]
    for start in starts:
        for key, value in start.items():
            require(key in space, "--start", key, "a key of --space")
            require(allows(value, space[key]), f"--start {key}", value, "a value within --space")
    return Search(
        **{field.name: getattr(arguments, field.name) for field in fields(Search)}
        | {"space": space, "training": values_of(arguments.training), "start": starts}
    )


def suggested(trial: optuna.Trial, space: Mapping[str, list]) -> dict:
    """Return the parameters that an evaluation proposes: those that have a meaning together."""
    chosen: dict = {}
    for key in SEARCHED:
        if key not in space or not has_meaning(key, chosen):
            continue
        values = space[key]
        if KINDS[key] is str:
            chosen[key] = trial.suggest_categorical(key, values)
        elif KINDS[key] is int:
            chosen[key] = trial.suggest_int(key, *values, log=key not in LINEAR)
        else:
            chosen[key] = trial.suggest_float(key, *values, log=key not in LINEAR)
    return chosen


def evaluate(
    search: Search, chosen: Mapping, seed: int, dataset: data.Dataset, stop: bool = True
) -> dict:
    """Train one network and return its measures, and `correct`, the share of right trials at last.

    With `stop` it is given up as soon as it is of no interest; what is not known then is None.
    """
    rule, settings = train.parts_of(search.training | rule_of(chosen))
    seen: dict = {"trials": 0, "correct": 0.0, "M0": 0}

    def progress(trials: int, correct: float, M0: int) -> None:
        seen.update(trials=trials, correct=float(correct), M0=M0)
        hopeless = trials >= search.patience and correct < search.correct
        if stop and (hopeless or search.most < M0):
            raise Stopped

    known = dict.fromkeys(MEASURES)
    try:
        result = train_network(dataset, rule, settings, seed, progress=progress)
    except Stopped:
        return known | seen | {"seed": seed, "reached": False, "stopped": True}
    measures = seen | {
        key: plain(result.measures[key]) for key in MEASURES[1:9] if key != "stopped"
    }
    return known | measures | {"seed": seed, "stopped": False, "energy": search.energy(measures)}


def plain(value: object) -> object:
    """Return NumPy's numbers as Python's, which a journal can hold."""
    return value.item() if isinstance(value, np.generic) else value


def sampler(search: Search, evaluation: int) -> optuna.samplers.BaseSampler:
    """Return what proposes one evaluation: new for each, so that what it proposes depends only on
    the evaluations before, and not on how often the search was begun."""
    seed = np.random.SeedSequence([search.sampler_seed, evaluation]).generate_state(1)[0]
    return optuna.samplers.TPESampler(
        n_startup_trials=STARTUP, multivariate=True, group=True, seed=int(seed)
    )


def front(rows: Sequence[Mapping]) -> list[bool]:
    """Return which of the evaluations that reached the goal no other one is better than in both
    energy and trials."""
    costs = [(row["energy"], row["trials"]) if row["reached"] else (inf, inf) for row in rows]
    return [
        row["reached"]
        and not any(
            other != cost and other[0] <= cost[0] and other[1] <= cost[1] for other in costs
        )
        for row, cost in zip(rows, costs, strict=True)
    ]


def finalists(rows: Sequence[Mapping], best: int, within: Sequence[float]) -> list[int]:
    """Return which evaluations become finalists: the `best` of least energy, and as many of those
    that learn `within` so many trials."""
    reached = [i for i, row in enumerate(rows) if row["reached"]]
    reached.sort(key=lambda i: (rows[i]["energy"], i))
    chosen = [[i for i in reached if rows[i]["trials"] <= limit][:best] for limit in (inf, *within)]
    return sorted({i for some in chosen for i in some})


def mean(rows: Sequence[Mapping], measure: str) -> float | None:
    """Return the mean of a measure over networks; None where one does not have it."""
    values = [row[measure] for row in rows]
    return None if None in values else sum(values) / len(values)


class Journal:
    """The finished evaluations of a search, kept in a file: first those that were proposed, then
    those of finalists. One that is being made leaves no trace in it."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path))),
            study_name="search",
            directions=["minimize", "minimize"],
            load_if_exists=True,
        )
        self.trials = self.study.get_trials()

    def add(self, trial: optuna.trial.FrozenTrial) -> None:
        """Keep an evaluation that is finished."""
        self.study.add_trial(trial)
        self.trials.append(trial)


def place(history: str, made_from: str) -> Path:
    """Return where the journal of a search lies: hidden, beside its history."""
    return Path(history).with_name(f".{Path(history).name}.{made_from}.journal")


def digest(search: Search) -> str:
    """Return a digest of all that the result of a search depends on."""
    own = [hashlib.sha256((checkpoints.SCRIPTS / name).read_bytes()).hexdigest() for name in CODE]
    folder = data.folder_of(search.training.get("dataset", "mnist"))
    files = [folder / name for name in data.PREPARED]
    return checkpoints.digest(vars(search) | {"code": [*own, version("optuna")]}, files)


class Progress(train.ProgressLine):
    """Reports on standard error which network a search is at, the least energy, the time left."""

    def __init__(self, search: Search, total: int, done: int):
        super().__init__(f"search {search.search}")
        self.search, self.total, self.done_before = search, total, done
        self.began = time.monotonic()

    def report(self, done: int, rows: Sequence[Mapping]) -> None:
        """Say how far the search is, unless that was said just now."""
        now = time.monotonic()
        if done < self.total and now - self.last < train.PROGRESS_SECONDS[not self.terminal]:
            return
        self.last = now
        energies = [row["energy"] for row in rows if row["reached"]]
        least = f"least {self.search.minimise} {min(energies):.3g}" if energies else "none learned"
        left = (now - self.began) / (done - self.done_before) * (self.total - done)
        self.show(
            f"{self.name}: {done} of {self.total} networks, {least}, {left / 60:.1f} min left",
            end="\r" if self.terminal and done < self.total else "\n",
        )


def proposals(
    search: Search, journal: Journal, train_one: Callable[[dict, int, bool], dict]
) -> Iterator[list[dict]]:
    """Make the evaluations that are not in the journal yet; yield the rows of all after each."""
    study = optuna.create_study(directions=["minimize", "minimize"])
    study.add_trials(journal.trials[: search.evaluations])
    rows = [row_of(trial) for trial in study.trials]
    yield rows
    for number in range(len(rows), search.evaluations):
        study.sampler = sampler(search, number)
        if number < len(search.start):
            study.enqueue_trial(search.start[number])
        trial = study.ask()
        chosen = suggested(trial, search.space)
        measures = train_one(chosen, search.seed[number % len(search.seed)], True)
        for key, value in measures.items():
            trial.set_user_attr(key, value)
        missed = max(search.training.get("goal", 1.0) - measures["correct"], 1e-3)
        trial.set_constraint("goal", 0.0 if measures["reached"] else missed)
        costs = (measures["energy"], measures["trials"])
        # TPE compares volumes, so orders of magnitude.
        study.tell(trial, list(map(log10, costs)) if measures["reached"] else [WORST, WORST])
        journal.add(study.trials[-1])
        rows = [*rows, row_of(study.trials[-1])]
        yield rows


def row_of(trial: optuna.trial.FrozenTrial) -> dict:
    """Return an evaluation's parameters and measures."""
    return trial.params | trial.user_attrs


def run(search: Search, history: str, finalists_table: str) -> None:
    """Search, and write both tables.

    Raises ParameterError or DataError for what cannot be trained, or if no network learned, OSError
    for what cannot be written.
    """
    for path in (history, finalists_table):
        train.require_writable(path)
    for start in search.start or [{key: values[0] for key, values in search.space.items()}]:
        known = {key: start[key] for key in SEARCHED if key in start}
        train.parts_of(search.training | rule_of(known))
    name = search.training.get("dataset", "mnist")
    data.ensure(name)
    dataset = data.load(name)
    journal = Journal(place(history, digest(search)))

    def train_one(chosen: dict, seed: int, stop: bool) -> dict:
        return evaluate(search, chosen, seed, dataset, stop)

    most = min(search.evaluations, search.best * (1 + len(search.within)))
    progress = Progress(search, search.evaluations + most * len(search.seed), len(journal.trials))
    for rows in proposals(search, journal, train_one):
        if len(rows) > progress.done_before:
            progress.report(len(rows), rows)
    chosen = finalists(rows, search.best, search.within)
    if not chosen:
        allowed = "more, or an easier goal: none of these networks reached it"
        raise ParameterError("--evaluations", search.evaluations, allowed)
    progress.total = search.evaluations + len(chosen) * len(search.seed)
    again = [(i, seed) for i in chosen for seed in search.seed]
    for i, seed in again[len(journal.trials) - search.evaluations :]:
        parameters = {key: rows[i][key] for key in SEARCHED if key in rows[i]}
        measures = train_one(parameters, seed, False)
        journal.add(optuna.create_trial(values=[WORST, WORST], user_attrs=measures))
        progress.report(len(journal.trials), rows)
    networks = [trial.user_attrs for trial in journal.trials[search.evaluations :]]
    table = [
        {"search": search.search, "evaluation": i, **rows[i], "networks": len(of_it)}
        | {measure: mean(of_it, measure) for measure in MEANS}
        for i in chosen
        for of_it in [[row for row, (j, _) in zip(networks, again, strict=True) if j == i]]
    ]
    table.sort(key=lambda row: (-row["reached"], row["energy"]))
    on_front = front(rows)
    log = [
        {"search": search.search, "evaluation": i, "start": i < len(search.start), **row}
        | {"front": on_front[i]}
        for i, row in enumerate(rows)
    ]
    train.write(history, train.table(log, HISTORY).encode())
    ranked = [row | {"order": order} for order, row in enumerate(table, 1)]
    train.write(finalists_table, train.table(ranked, FINALISTS).encode())
    for kept in Path(history).parent.glob(f".{escape(Path(history).name)}.*.journal*"):
        kept.unlink()


def main() -> None:
    arguments = parser().parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)

    def work() -> None:
        run(search_of(arguments), arguments.history, arguments.finalists)

    train.finish("search", work, "; the same command goes on")


if __name__ == "__main__":
    main()
