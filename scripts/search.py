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
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from glob import escape
from math import inf, log10
from pathlib import Path

from plasticity import data  # isort: skip  # before NumPy: see there

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from threadpoolctl import threadpool_limits

from found import KINDS, SEARCHED, allows, has_meaning, rule_of, value_of, values_of
from plasticity.parameters import ParameterError, require, require_choice
from plasticity.results import table
from plasticity.settings import parts_of
from plasticity.training import train
from provenance import files, identity
from workflow import datasets, networks
from workflow.command_line import Parser, finish, require_writable, write
from workflow.progress import SearchProgress
from workflow.training_options import number

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
HISTORY = [
    *("search", "minimise", "maintenance_cost", "evaluation", "start", "front"),
    *(*SEARCHED, *MEASURES),
]
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


def parser() -> Parser:
    """Return the parser of the command line."""
    parse = Parser(
        "search",
        description=__doc__,
        epilog="Words about parameters are KEY=VALUE, with the names of the results' columns.",
    )
    add = parse.add_argument
    count, seed = number(int, at_least=1), number(int, at_least=0)
    add("--search", required=True, help="its name")
    add("--minimise", required=True, choices=OBJECTIVES, help="the energy, beside the trials")
    add("--maintenance-cost", type=number(float), default=0.0, help="c, where it is cached")
    add("--most", type=number(float), default=inf, help="updates beyond which training is given up")
    add("--patience", type=count, default=10**9, help="trials before --correct counts")
    add("--correct", type=number(float), default=0.0, help="share of trials to be right by then")
    add("--evaluations", type=count, required=True, help="networks of the search")
    add("--best", type=count, required=True, help="how many become finalists")
    add(
        "--within",
        type=number(float),
        nargs="*",
        default=[],
        metavar="TRIALS",
        help="so many again of those that learn within these trials",
    )
    add("--sampler-seed", type=seed, default=0, help="of what is proposed")
    add("--seed", type=seed, nargs="+", required=True, help="of the networks, in turn")
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
    rule, settings = parts_of(search.training | rule_of(chosen))
    seen: dict = {"trials": 0, "correct": 0.0, "M0": 0}

    def progress(trials: int, correct: float, M0: int) -> None:
        seen.update(trials=trials, correct=float(correct), M0=M0)
        hopeless = trials >= search.patience and correct < search.correct
        if stop and (hopeless or search.most < M0):
            raise Stopped

    known = dict.fromkeys(MEASURES)
    try:
        result = train(dataset, rule, settings, seed, progress=progress)
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
    dataset = search.training.get("dataset", "mnist")
    return files.digest(
        {
            "step": identity.step("scripts/search.py"),
            "search": vars(search),
            "data": networks.data_of(dataset),
        }
    )


def proposals(
    search: Search, journal: Journal, train_one: Callable[[dict, int, bool], dict]
) -> Iterator[list[dict]]:
    """Make the evaluations that are not in the journal yet; yield the rows of all after each."""
    study = optuna.create_study(directions=["minimize", "minimize"])
    study.add_trials(journal.trials[: search.evaluations])
    rows = [row_of(trial) for trial in study.trials]
    yield rows
    for index in range(len(rows), search.evaluations):
        study.sampler = sampler(search, index)
        if index < len(search.start):
            study.enqueue_trial(search.start[index])
        trial = study.ask()
        chosen = suggested(trial, search.space)
        measures = train_one(chosen, search.seed[index % len(search.seed)], True)
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
        require_writable(path)
    for start in search.start or [{key: values[0] for key, values in search.space.items()}]:
        known = {key: start[key] for key in SEARCHED if key in start}
        parts_of(search.training | rule_of(known))
    name = search.training.get("dataset", "mnist")
    dataset = data.load(name, datasets.ensure(name))
    journal = Journal(place(history, digest(search)))

    def train_one(chosen: dict, seed: int, stop: bool) -> dict:
        return evaluate(search, chosen, seed, dataset, stop)

    most = min(search.evaluations, search.best * (1 + len(search.within)))
    total = search.evaluations + most * len(search.seed)
    progress = SearchProgress(search.search, search.minimise, total, len(journal.trials))
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
    ranking = [
        {"search": search.search, "evaluation": i, **rows[i], "networks": len(of_it)}
        | {measure: mean(of_it, measure) for measure in MEANS}
        for i in chosen
        for of_it in [[row for row, (j, _) in zip(networks, again, strict=True) if j == i]]
    ]
    ranking.sort(key=lambda row: (-row["reached"], row["energy"]))
    on_front = front(rows)
    of_search = {key: getattr(search, key) for key in ("search", "minimise", "maintenance_cost")}
    log = [
        {**of_search, "evaluation": i, "start": i < len(search.start), "front": on_front[i], **row}
        for i, row in enumerate(rows)
    ]
    write(history, table(log, HISTORY).encode())
    ranked = [row | {"order": order} for order, row in enumerate(ranking, 1)]
    write(finalists_table, table(ranked, FINALISTS).encode())
    for kept in Path(history).parent.glob(f".{escape(Path(history).name)}.*.journal*"):
        kept.unlink()


def main() -> None:
    """Search as the command line says."""
    arguments = parser().parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)

    def work() -> None:
        with threadpool_limits(1):  # more threads would round otherwise, and slow other jobs
            run(search_of(arguments), arguments.history, arguments.finalists)

    errors = (ParameterError, data.DataError)
    finish("search", work, *errors, interrupted="; the same command resumes")


if __name__ == "__main__":
    main()
