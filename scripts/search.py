r"""Search for the plasticity rules with the best trade-off between energy and learning time.

The multi-objective tree-structured Parzen estimator (TPE) of Optuna proposes combinations of gate,
eligible set, selection, width, learning rates, initial weights and activation function. Each
evaluation trains one network. The best rules are then trained with several seeds. They are the
finalists: train_found.py reads their table, which starts with the best one. The history is a table
with one row per evaluation.

    python scripts/search.py --search mine --minimise M0 --evaluations 20 --best 3 --seed 7 8 \
        --space gate=margin margin=0.1,0.5 eligible=all select=per_layer criterion=largest_update \
        fraction=0.001,0.02 fraction_out=0.05,0.3 width=100,200 learning_rate=0.01,0.05 \
        --training goal=0.95 stop_on=validation --history history.csv --finalists finalists.csv

With --against, the search is for one rule that learns many tasks. The tasks are those of the
networks in this table: each combination of data set, number of training patterns, loss function,
goal and width. An evaluation then trains one network on each task. The M0 of a network is divided
by the least mean M0 of the table's rules on its task, and the rule is judged by its worst task: the
history and the finalists have the measures of this network.

The result depends only on the options, the code and the data. Until the search is complete, its
evaluations are stored in a journal in the folder of the history. After an interruption, the same
command resumes.
"""

import argparse
import csv
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from glob import escape
from itertools import groupby
from math import inf, log10
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from plasticity import data  # isort: skip  # must come before NumPy, see plasticity/__init__.py

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from threadpoolctl import threadpool_limits

from found import KINDS, SEARCHED, TASK, allows, has_meaning, rule_of, value_of, values_of
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
# Number of first evaluations that are random, or given by --start. TPE proposes the following ones.
STARTUP = 10
# Numbers that are searched on a linear scale. All others have a logarithmic scale.
LINEAR = {"margin"}
# log10 of energy and trials that TPE gets for an evaluation that did not reach the goal. TPE also
# gets a constraint, whose value is the missing accuracy.
WORST = 99.0

MEASURES = [
    "task",
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
    """Raised to stop an evaluation that makes too many updates or does not learn."""


class Task(NamedTuple):
    """What a network learns: parameters that replace those of --training, and the unit of M0."""

    parameters: dict
    unit: float = 1

    @property
    def name(self) -> str:
        """The parameters in words; empty without any."""
        return " ".join(f"{key}={value}" for key, value in self.parameters.items())


@dataclass(frozen=True)
class Search:
    """Options of a search, as on the command line.

    `space` contains the choices of each parameter, or the two limits of a number. `training`
    contains the other parameters, which are the same for all networks, except for those of the
    `tasks`. The training of a network is stopped after more than `most` updates, in the unit of its
    task, or if after `patience` trials the share of correct trials is below `correct`.
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
    tasks: list[Task]

    def energy(self, measures: Mapping) -> float:
        """Return the energy that is minimised together with the number of trials."""
        if self.minimise == "cached":
            return measures["M1_consolidation"] + self.maintenance_cost * measures["maintenance"]
        return measures[self.minimise]

    def parameters(self, task: Task, chosen: Mapping) -> dict:
        """Return all parameters of a network that learns a task with the chosen rule."""
        return {"dataset": "mnist"} | self.training | rule_of({**chosen, **task.parameters})

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets that are learned."""
        given = {"dataset": "mnist"} | self.training
        return sorted({(given | task.parameters)["dataset"] for task in self.tasks})


def parser() -> Parser:
    """Return the parser of the command line."""
    parse = Parser(
        "search",
        description=__doc__,
        epilog="A parameter is given as KEY=VALUE, where KEY is the name of a column of the table.",
    )
    add = parse.add_argument
    count, seed = number(int, at_least=1), number(int, at_least=0)
    add("--search", required=True, help="name of the search")
    add("--minimise", required=True, choices=OBJECTIVES, help="energy to minimise, with the trials")
    add("--maintenance-cost", type=number(float), default=0.0, help="its weight in energy cached")
    most = "largest number of updates of a network; with --against, in the unit of its task"
    add("--most", type=number(float), default=inf, help=most)
    add("--patience", type=count, default=10**9, help="trials after which --correct applies")
    add("--correct", type=number(float), default=0.0, help="least share of correct trials then")
    add("--evaluations", type=count, required=True, help="number of rules to evaluate")
    add("--best", type=count, required=True, help="number of finalists")
    add(
        "--within",
        type=number(float),
        nargs="*",
        default=[],
        metavar="TRIALS",
        help="also choose as many finalists that learn within this number of trials",
    )
    add("--sampler-seed", type=seed, default=0, help="seed of the proposals")
    add("--seed", type=seed, nargs="+", required=True, help="seeds of the networks, used in turn")
    add("--space", nargs="+", required=True, metavar="KEY=A,B,...", help="choices, or two limits")
    add("--training", nargs="+", required=True, metavar="KEY=VALUE", help="other parameters")
    add("--against", metavar="CSV", help="table of an experiment, which defines the tasks")
    add("--start", nargs="*", default=[], metavar="KEY=VALUE,...", help="rules to evaluate first")
    add("--history", required=True, metavar="FILE", help="output: one row per evaluation")
    add("--finalists", required=True, metavar="FILE", help="output: the best rules, best first")
    return parse


def search_of(arguments: argparse.Namespace) -> Search:
    """Convert the arguments of the command line to a search.

    Raises ParameterError if a value is not allowed.
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
    tasks = [Task({})]
    if arguments.against:
        require(arguments.minimise == "M0", "--minimise", arguments.minimise, "M0 with --against")
        tasks = tasks_of(arguments.against)
    for key in ("gate", "eligible", "select", "width"):
        known = key in space or key in tasks[0].parameters
        require(known, "--space", " ".join(space), f"it must have {key}")
    starts = [values_of(word.split(",")) for word in arguments.start]
    for start in starts:
        for key, value in start.items():
            require(key in space, "--start", key, "a key of --space")
            require(allows(value, space[key]), f"--start {key}", value, "a value within --space")
    given = vars(arguments) | {
        "space": space,
        "training": values_of(arguments.training),
        "start": starts,
        "tasks": tasks,
    }
    return Search(**{field.name: given[field.name] for field in fields(Search)})


def tasks_of(path: str) -> list[Task]:
    """Return the tasks of the networks in a table, in its order.

    Raises OSError if the file cannot be read or is not a table of networks, and ParameterError if
    no rule learned a task with all its networks.
    """
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not rows[0].keys() >= {*TASK, "condition", "reached", "M0"}:
        raise OSError(f"{path}: not a table of networks, which summarise.py makes")
    energies: dict[str, list[float]] = {}
    for _, group in groupby(rows, key=itemgetter("condition")):
        networks = list(group)
        task = " ".join(f"{key}={networks[0][key]}" for key in TASK if networks[0][key])
        learned = all(row["reached"] == "True" for row in networks)
        of_task = energies.setdefault(task, [])
        of_task += [fmean(float(row["M0"]) for row in networks)] * learned
    for task, means in energies.items():
        require(bool(means), "--against", task, "a task that a rule in the table learned")
    return [Task(values_of(task.split()), min(means)) for task, means in energies.items()]


def suggested(trial: optuna.Trial, space: Mapping[str, list]) -> dict:
    """Return the parameters that an evaluation proposes. All of them have a meaning together."""
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
    search: Search,
    chosen: Mapping,
    seed: int,
    datasets: Mapping[str, data.Dataset],
    stop: bool = True,
) -> dict:
    """Train a network on each task, and return the measures of the worst one.

    If a network misses its goal, it is this one, and later tasks are not trained. If all networks
    reach their goals, it is the one with the largest energy. The measures include `missed`, see
    `learn`, which also counts the tasks that are not trained.
    """
    worst: dict = {"energy": -inf}
    for number_done, task in enumerate(search.tasks, 1):
        measures = learn(search, task, chosen, seed, datasets, stop)
        if not measures["reached"]:
            remaining = len(search.tasks) - number_done
            return measures | {"missed": measures["missed"] + remaining}
        worst = max(worst, measures, key=itemgetter("energy"))
    return worst


def learn(
    search: Search,
    task: Task,
    chosen: Mapping,
    seed: int,
    datasets: Mapping[str, data.Dataset],
    stop: bool,
) -> dict:
    """Train one network and return its measures.

    With `stop`, training is stopped early if the network makes too many updates or does not learn;
    see `Search`. Measures that are then unknown are None. The measures include `missed`: if the
    goal was not reached, by how much the share of correct trials in the last test interval missed
    it.
    """
    parameters = search.parameters(task, chosen)
    rule, settings = parts_of(parameters)
    seen: dict = {"trials": 0, "M0": 0}
    correct = 0.0

    def progress(trials: int, share: float, M0: int) -> None:
        nonlocal correct
        correct = float(share)
        seen.update(trials=trials, M0=M0)
        hopeless = trials >= search.patience and correct < search.correct
        if stop and (hopeless or search.most * task.unit < M0):
            raise Stopped

    known = dict.fromkeys(MEASURES) | {"task": task.name, "seed": seed}
    try:
        result = train(datasets[parameters["dataset"]], rule, settings, seed, progress=progress)
    except Stopped:
        known |= seen | {"reached": False, "stopped": True}
    else:
        measured = {key: plain(value) for key, value in result.measures.items() if key in MEASURES}
        energy = search.energy(measured) / task.unit
        known |= seen | measured | {"stopped": False, "energy": energy}
    missed = 0.0 if known["reached"] else max(settings.goal - correct, 1e-3)
    return known | {"missed": missed}


def plain(value: object) -> object:
    """Convert a NumPy number to a Python number, which a journal can store."""
    return value.item() if isinstance(value, np.generic) else value


def sampler(search: Search, evaluation: int) -> optuna.samplers.BaseSampler:
    """Return the sampler that proposes one evaluation.

    Each evaluation has a new sampler. Proposals therefore depend only on earlier evaluations, and
    not on how often the search was interrupted.
    """
    seed = np.random.SeedSequence([search.sampler_seed, evaluation]).generate_state(1)[0]
    return optuna.samplers.TPESampler(
        n_startup_trials=STARTUP, multivariate=True, group=True, seed=int(seed)
    )


def front(rows: Sequence[Mapping]) -> list[bool]:
    """Return which evaluations are on the Pareto front of energy and trials.

    These are the evaluations that reached the goal, and for which no other one is better in one
    measure without being worse in the other.
    """
    costs = [(row["energy"], row["trials"]) if row["reached"] else (inf, inf) for row in rows]
    return [
        row["reached"]
        and not any(
            other != cost and other[0] <= cost[0] and other[1] <= cost[1] for other in costs
        )
        for row, cost in zip(rows, costs, strict=True)
    ]


def finalists(rows: Sequence[Mapping], best: int, within: Sequence[float]) -> list[int]:
    """Return the sorted indices of the evaluations that become finalists.

    These are the `best` evaluations with the least energy, and as many again for each limit in
    `within`, from those that learn within this number of trials.
    """
    reached = [i for i, row in enumerate(rows) if row["reached"]]
    reached.sort(key=lambda i: (rows[i]["energy"], i))
    chosen = [[i for i in reached if rows[i]["trials"] <= limit][:best] for limit in (inf, *within)]
    return sorted({i for some in chosen for i in some})


def mean(rows: Sequence[Mapping], measure: str) -> float | None:
    """Return the mean of a measure over networks; None if it is missing for one of them."""
    values = [row[measure] for row in rows]
    return None if None in values else sum(values) / len(values)


class Journal:
    """The finished evaluations of a search, stored in a file.

    The proposed evaluations come first, then those of the finalists. An evaluation that is still
    running is not in the file.
    """

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        drop_damage(path)
        self.study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path))),
            study_name="search",
            directions=["minimize", "minimize"],
            load_if_exists=True,
        )
        self.trials = self.study.get_trials()

    def add(self, trial: optuna.trial.FrozenTrial) -> None:
        """Store a finished evaluation."""
        self.study.add_trial(trial)
        self.trials.append(trial)


def drop_damage(journal: Path) -> None:
    """Cut off a journal at its first damaged line: the evaluations from there on are repeated.

    A line is damaged if its writing was interrupted.
    """
    whole = 0
    for line in journal.read_bytes().splitlines(keepends=True) if journal.exists() else []:
        try:
            json.loads(line)
        except ValueError:
            break
        if not line.endswith(b"\n"):
            break
        whole += len(line)
    if whole:
        os.truncate(journal, whole)
    else:
        journal.unlink(missing_ok=True)


def place(history: str, made_from: str) -> Path:
    """Return the path of the journal of a search: a hidden file in the folder of its history."""
    return Path(history).with_name(f".{Path(history).name}.{made_from}.journal")


def digest(search: Search) -> str:
    """Return a hash of everything that the result of a search depends on."""
    return files.digest(
        {
            "step": identity.step("scripts/search.py"),
            "search": vars(search),
            "data": {name: networks.data_of(name) for name in search.datasets},
        }
    )


def proposals(
    search: Search, journal: Journal, train_one: Callable[[dict, int, bool], dict]
) -> Iterator[list[dict]]:
    """Run the evaluations that are not in the journal yet.

    Yields the rows of all finished evaluations at the start and after each new evaluation.
    """
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
        trial.set_constraint("goal", measures["missed"])
        costs = (measures["energy"], measures["trials"])
        # TPE compares areas in the space of costs, so the costs are on a logarithmic scale.
        study.tell(trial, list(map(log10, costs)) if measures["reached"] else [WORST, WORST])
        journal.add(study.trials[-1])
        rows = [*rows, row_of(study.trials[-1])]
        yield rows


def row_of(trial: optuna.trial.FrozenTrial) -> dict:
    """Return the parameters and measures of an evaluation."""
    return trial.params | trial.user_attrs


def run(search: Search, history: str, finalists_table: str) -> None:
    """Run the search, and write both tables.

    Raises ParameterError if a value is not allowed or no network reached the goal, DataError if
    the data set cannot be used, and OSError if a file cannot be written.
    """
    for path in (history, finalists_table):
        require_writable(path)
    for start in search.start or [{key: values[0] for key, values in search.space.items()}]:
        known = {key: start[key] for key in SEARCHED if key in start}
        for task in search.tasks:
            parts_of(search.parameters(task, known))
    loaded = {name: data.load(name, datasets.ensure(name)) for name in search.datasets}
    journal = Journal(place(history, digest(search)))

    def train_one(chosen: dict, seed: int, stop: bool) -> dict:
        return evaluate(search, chosen, seed, loaded, stop)

    most = min(search.evaluations, search.best * (1 + len(search.within)))
    total = search.evaluations + most * len(search.seed)
    progress = SearchProgress(search.search, search.minimise, total, len(journal.trials))
    for rows in proposals(search, journal, train_one):
        if len(rows) > progress.done_before:
            progress.report(len(rows), rows)
    chosen = finalists(rows, search.best, search.within)
    if not chosen:
        raise ParameterError(
            "--evaluations",
            search.evaluations,
            "more, or an easier goal: none of these networks reached it",
        )
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
    """Run the command-line program."""
    arguments = parser().parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)

    def work() -> None:
        with threadpool_limits(1):  # more threads change rounding, and slow down other jobs
            run(search_of(arguments), arguments.history, arguments.finalists)

    errors = (ParameterError, data.DataError)
    finish("search", work, *errors, interrupted="; the same command resumes")


if __name__ == "__main__":
    main()
