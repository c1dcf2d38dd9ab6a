"""Every number in hand-written text agrees with the configuration, the code and the tables.

STATED has the phrases with numbers of each file, filled in from where the numbers are defined or
computed. DECLARED has those whose numbers are no results of this study: of sources, definitions,
versions, history, measured times and sizes. A number that is in no phrase fails the test, and so
does a phrase that is not in the text. A caption, and the entry of a figure in deviations.md, may
also name any setting that networks of the figure's experiment have.

Not checked here: generated text (the gallery, parameters.md), CHANGELOG.md, and the section of old
values in deviations.md.
"""

import gzip
import json
import re
from collections.abc import Iterator
from math import floor, log10
from pathlib import Path

import pandas as pd
import pytest
import yaml
from snakemake.utils import update_config

import overlap
from analysis import own_claims
from analysis.pages import SUPERSCRIPTS
from analysis.seeds import CONFIDENCE, WIDEST_OF_PAPER
from figures import strategies_vs_width, subnet_size, trade_off
from found import PLAIN
from gallery import MARKS
from plasticity.data import TEST_IMAGES, TRAINING_IMAGES
from plasticity.network import CLASSES, INPUTS
from plasticity.rules import OUT_PER_HIDDEN
from provenance import archive, store
from workflow import configuration, resources

ROOT = Path(__file__).parents[2]
OLD_VALUES = "### What was tested before"
COUNTED = ["seeds", "networks"]
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
OTHER_WORDS = "half|thirds?|quarters?|twice|tenfold|dozens?|hundreds?|thousands?"
# Digits in names such as M0, V1 and x86-64 do not count, nor do small numbers in words, except of
# networks: texts have them everywhere.
NUMBER = re.compile(
    r"(?<![\w.])(?<!\w-)\d(?:[\d,.]*\d)?(?:e[+-]?\d+)?|[⁰¹²³⁴⁵⁶⁷⁸⁹]+"
    rf"|\b(?:{'|'.join(WORDS[3:])}|{OTHER_WORDS})\b|\b(?:one|two)(?= (?:{'|'.join(COUNTED)})\b)",
    re.IGNORECASE,
)
WORDINGS = {
    "width": ["{:,} hidden units", "width {:,}"],
    "plastic_units": ["{:,} plastic units", "{:,} plastic hidden units"],
    "fraction": ["fraction {:g}"],
    "initial_sd": ["s.d. {:g}"],
    "max_epochs": ["{:g} epochs"],
}


def planned(*overlays: str) -> tuple[dict, configuration.Plan]:
    """Return the configuration, and what is built from it at the paper's scale."""
    config = configuration.read(ROOT / "config.yaml")
    paths = [ROOT / name for name in overlays]
    for path in paths:
        update_config(config, configuration.read(path))
    return config, configuration.plan(config | {"scale": "paper"}, paths)


PAPER, PAPER_PLAN = planned()
BEYOND, BEYOND_PLAN = planned("beyond.yaml")


def prose(path: str, text: str) -> str:
    """Return the hand-written text of a file as one line, without digits in code and links."""
    if path.endswith(".yaml"):
        text = "\n".join(re.findall(r"(?:^|\s)#(.*)", text, re.MULTILINE))
    text = re.sub(r"\{[%{#].*?[%}#]\}", _said, text, flags=re.DOTALL)  # of templates
    if path.endswith(".html.j2"):
        text = re.sub(r"<code.*?</code>|<[^>]*>", " ", text, flags=re.DOTALL)
    text = re.sub(f"{MARKS[0]}.*?{MARKS[1]}|```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(rf"{OLD_VALUES}\n.*?(?=\n#|\Z)", "", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"^\d+\. ", "", text, flags=re.MULTILINE)  # of numbered lists
    text = re.sub(r"`[^`]*`", lambda code: re.sub(r"\d", "#", code[0]), text)
    return " ".join(text.split())


def _said(tag: re.Match) -> str:
    """Return the texts that a tag of a template may write; {} stands for its values."""
    texts = re.findall(r'"([^"]*)"', tag[0]) if not tag[0].startswith("{#") else []
    return " ".join(["{}", *(text for text in texts if " " in text)])


def without(phrase: str, text: str, count: int = 0) -> tuple[str, int]:
    """Return `text` without `phrase` (without the first `count`), and how many were removed."""
    whole = rf"(?<![\w.,]){re.escape(phrase)}(?!\w|[.,]\d)"
    return re.subn(whole, "", text, count=count, flags=re.IGNORECASE)


def settings(plan: configuration.Plan, experiment: str) -> set[str]:
    """Return all phrases that name a setting of networks of an experiment."""
    phrases = set()
    for name in plan.experiments.get(experiment, []):  # the figures of claims draw none
        given = plan.conditions[name].parameters
        for key in WORDINGS.keys() & given.keys():
            phrases.update(wording.format(given[key]) for wording in WORDINGS[key])
        count = len(given["seed"])
        for number in [str(count), *WORDS[count : count + 1]]:
            phrases.update(f"{number} {counted}" for counted in COUNTED)
    return phrases


CAPTIONS = {
    config["figures"][name]["caption"]: settings(plan, figure.experiment)
    for config, plan in ((PAPER, PAPER_PLAN), (BEYOND, BEYOND_PLAN))
    for name, figure in plan.figures.items()
}


def parts_on_figures(path: str, text: str) -> Iterator[tuple[str, set[str]]]:
    """Yield the parts of a text that are about a figure, with the settings of its networks."""
    if path in CAPTIONS:
        yield text, CAPTIONS[path]
    if path == "docs/deviations.md":
        for names, part in re.findall(r"- ((?:`\w+`(?: and )?)+): (.*?)(?= - `|$)", text):
            captions = [f"report/captions/{name}.rst" for name in re.findall(r"`(\w+)`", names)]
            yield part, set().union(*(CAPTIONS[caption] for caption in captions))


def unexplained(path: str, text: str) -> list[str]:
    """Return what is wrong with the numbers in the prose of a file, a line each."""
    issues = []
    for phrase in STATED.get(path, []) + DECLARED.get(path, []):
        text, found = without(phrase, text, count=1)
        if not found:
            issues.append(f"{path} lacks: {phrase}")
    for phrase in CONVENTIONS:
        text, _ = without(phrase, text)
    for part, phrases in parts_on_figures(path, text):
        rest = part
        for phrase in phrases:
            rest, _ = without(phrase, rest)
        text = text.replace(part, rest)
    for number in NUMBER.finditer(text):
        around = text[max(number.start() - 40, 0) : number.end() + 40]
        issues.append(f"{path} has {number[0]}, which is in no phrase: ... {around} ...")
    return issues


def power(x: float) -> str:
    """Format a number with one digit, such as 5 × 10⁶ or 10⁸."""
    exponent = floor(log10(x))
    mantissa = round(x / 10**exponent)
    return f"{mantissa} × " * (mantissa > 1) + "10" + str(exponent).translate(SUPERSCRIPTS)


def percent(share: float) -> str:
    """Format a share such as 95 %."""
    return f"{100 * share:g} %"


def minutes(folder: str) -> pd.DataFrame:
    """Return rule and time (minutes) of the published jobs that train, by the id of their recipe.

    The others take little, which differs from one drawing of the figures to the next.
    """
    with gzip.open(ROOT / folder / "records.json.gz") as file:
        records = archive.of_rules(json.load(file), archive.RUNS).values()
    return pd.DataFrame(
        {"rule": record["recipe"]["rule"], "minutes": record["made"]["seconds"] / 60}
        for record in records
    ).set_axis([record["id"] for record in records])


def limits(claim: str) -> list[float]:
    """Return the limits of a claim of this project: for `reproduced` and for `partly`."""
    words = re.sub(r"\s+", " ", getattr(own_claims, claim).__doc__)
    rule = words[words.index("Reproduced if") :]
    return [float(number) for number in re.findall(r"(?:above|below|factor) ([\d.]*\d)", rule)]


def values(plan: configuration.Plan, experiment: str, key: str) -> list:
    """Return the values of a parameter in an experiment, each once, in ascending order."""
    parameters = (plan.conditions[name].parameters for name in plan.experiments[experiment])
    return sorted({given[key] for given in parameters if key in given})


def which_initial_weights() -> str:
    """Return the sentence of deviations.md on the s.d. of the initial weights in figures."""
    by_sd: dict[tuple, list[str]] = {}
    for name, figure in PAPER_PLAN.figures.items():
        if figure.experiment in PAPER_PLAN.experiments:
            sds = values(PAPER_PLAN, figure.experiment, "initial_sd")
            by_sd.setdefault(tuple(sds) if len(sds) == 1 else (), []).append(f"`{name}`")
    listed = {
        sds: " and ".join(filter(None, [", ".join(n[:-1]), n[-1]])) for sds, n in by_sd.items()
    }
    usual = PAPER["model"]["initial_sd"]
    own = "; ".join(f"{listed[sds]} have {sds[0]:g}" for sds in by_sd if sds and sds[0] != usual)
    return f"So {listed[()]} have several; {own}; the other figures have {usual:g}"


def diverging() -> str:
    """Return the sentence of deviations.md on diverging networks of energy_vs_width."""
    energy = pd.read_csv(ROOT / "figures" / "energy.csv")
    rows = energy[(energy["experiment"] == "energy_vs_width") & energy["diverged"]]
    pairs = rows[["width", "initial_sd"]].drop_duplicates().itertuples(index=False)
    return " and ".join(f"At width {width:,} and s.d. {sd:g}, networks can" for width, sd in pairs)


MODEL = PAPER["model"]
GOAL = percent(MODEL["goal"])
EPOCH = f"{TRAINING_IMAGES:,} trials"
TESTS = f"{MODEL['test_interval']:,} trials"
SEEDS = PAPER["seeds"]["paper"]
FLOOR = PAPER["claims"]["floor"]["readings"][0]["expected"]["about"]
LARGE = PAPER["claims"]["trade-off"]["readings"][0]["expected"]["above"]
LONGEST = f"{trade_off.LONGEST:g} times"
BUDGET = {2: "twice"}[strategies_vs_width.BUDGET]
FITTED = "{:,} to {:,} hidden units".format(*own_claims.FITTED)
FEW = power(own_claims.FEW_UPDATES)
AIMED = BEYOND["search"]["training"]["paper"]
HELD_OUT = BEYOND["experiments"]["frugal_frontier"]["seeds"]["paper"]
TOWARD_CORTEX = BEYOND["experiments"]["toward_cortex"]["seeds"]["paper"]
MORE_TESTS = WORDS[own_claims.HELD - own_claims.STOPPED]
FEWER_HELD_OUT = min(
    len(BEYOND_PLAN.conditions[name].parameters["seed"])
    for name in BEYOND_PLAN.experiments["frugal_frontier"]
)
JOBS = minutes("figures")
MORE_JOBS = minutes("figures/beyond").drop(JOBS.index, errors="ignore")
TRAINED = JOBS.loc[JOBS["rule"] == "train", "minutes"]
HOURS = 10_000 * TRAINED.mean() / 60  # of 10,000 conditions
RUNS = sum((ROOT / folder / "runs.zip").stat().st_size for folder in ("figures", "figures/beyond"))
SLURM = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text())
GROUPED = {30: "half an hour"}[resources.GROUPED_MINUTES]
FACTOR, LESS_FACTOR = (f"{limit:g}" for limit in limits("frugal_factor"))
CHANGE, LESS_CHANGE = (f"{limit:g}" for limit in limits("frugal_change"))
GATE = f"{limits('frugal_gate')[0]:g}"
AGAIN = percent(round(limits("search_again")[0] - 1, 2))
POWER_LAW = f"claimed factor of {limits('power_law')[0]:g}"
LESS_FEW = 1e7  # the limit for `partly` of frugal-updates
SURELY = (
    f"more than {WORDS[round(FLOOR / LESS_FEW)]} times below the paper's floor of {power(FLOOR)}"
)
REQUIRED = f"required {limits('frugal_accuracy')[0]:g} %"

# Allowed everywhere.
CONVENTIONS = [
    *(f"{percent(CONFIDENCE)} {what}" for what in ("interval", "intervals", "bands")),
    "1 if all change equally often",
]

STATED = {
    "README.md": [
        f"{GOAL} accuracy, and how few",
        f"{INPUTS - 1} pixels",
        f"{CLASSES} linear outputs",
        f"learning rate {MODEL['learning_rate']:g}",
        f"Every {TESTS}",
        f"stops at {GOAL} accuracy",
        f"by default {WORDS[len(SEEDS)]}",
        f"about {JOBS['minutes'].sum():.0f} core-minutes of training",
        f"about {MORE_JOBS['minutes'].sum():.0f} more",
        f"published runs {RUNS / 1e6:.0f} MB",
    ],
    "docs/audit.md": [
        f"more than {store.LARGEST >> 20} MB are not stored",
        f"at most {store.LIMIT >> 30} GB are left",
    ],
    "docs/beyond.md": [
        f"learning MNIST to {GOAL} takes at least about {power(FLOOR)} synaptic updates",
        f"held-out seeds, from {HELD_OUT[0]} on",
        f"have {TOWARD_CORTEX[0]} to {TOWARD_CORTEX[-1]}, like those of `config.yaml`",
        f"stands for {GOAL} of the test patterns",
        f"{WORDS[AIMED['consecutive_tests']]} consecutive tests must",
        f"next {MORE_TESTS} tests",
        f"all {len(HELD_OUT)}, the others on the first {WORDS[FEWER_HELD_OUT]}",
        f"and missed {FEW}",
    ],
    "docs/cluster.md": [
        f"at most {GROUPED} share a job: {SLURM['group-components']['conditions']} conditions",
        f"{len(TRAINED)} conditions of the paper took {TRAINED.sum():.0f} minutes",
        f"{60 * TRAINED.mean():.0f} s on average",
        f"{HOURS:.0f} core-hours",
        f"100 cores of a cluster | {60 * HOURS / 100:.0f} minutes",
        f"at 0.05 dollars for a core-hour with 4 GB | {0.05 * HOURS:.2f} dollars",
    ],
    "docs/data.md": [f"{TRAINING_IMAGES + TEST_IMAGES:,} images"],
    "docs/deviations.md": [
        f"the {overlap.TRIALS:,} trials after the goal",
        f"By default, a condition has {WORDS[len(SEEDS)]} networks",
        f"is {MODEL['max_epochs']:g} epochs of {EPOCH}",
        f"every {TESTS}, and training stops at {GOAL}",
        f"multiples of {MODEL['test_interval']:,}",
        which_initial_weights(),
        f"min(1, {OUT_PER_HIDDEN:g} p)",
        f'{LONGEST} backprop\'s learning time as "slightly worse"',
        diverging(),
        f"width of least energy to width {WIDEST_OF_PAPER:,}",
        f"at most {BUDGET} backprop's time",
        f"a test every {values(PAPER_PLAN, 'accuracy', 'test_interval')[0]:,} trials",
        "at least tenfold" if LARGE == 10 else f"at least {LARGE} times",
        f'"slightly worse" learning time is at most {LONGEST}',
    ],
    "report/captions/claims.rst": [f"to {WIDEST_OF_PAPER:,} hidden units"],
    "report/captions/energy_vs_width.rst": [f"from there to {WIDEST_OF_PAPER:,} hidden units"],
    "report/captions/frugal_frontier.rst": [f"the paper's floor of {power(FLOOR)} updates"],
    "report/captions/harder_tasks.rst": [
        f"an accuracy of {percent(values(BEYOND_PLAN, 'harder_tasks', 'goal')[0])} on all tasks",
        f"first {values(BEYOND_PLAN, 'harder_tasks', 'training_patterns')[0]:,} training patterns",
    ],
    "report/captions/savings.rst": [f"fitted up to {WIDEST_OF_PAPER:,} hidden units"],
    "report/captions/strategies_vs_width.rst": [f"at most {BUDGET} backprop's time"],
    "report/captions/subnet_size.rst": [f"subnets with {subnet_size.SIZE} plastic units"],
    "report/captions/toward_cortex.rst": [f"fitted to {FITTED}"],
    "report/captions/trade_off.rst": [f"at most {LONGEST} as long as with backprop"],
    "report/captions/unseen_tasks.rst": [f"a goal of {GOAL}"],
    "report/finding.md.j2": [
        f"and missed {FEW}",
        f"seeds from {HELD_OUT[0]} to {HELD_OUT[-1]}",
        f"seeds {TOWARD_CORTEX[0]} to {TOWARD_CORTEX[-1]}",
        f"the test interval, {TESTS}",
        f"stands for {GOAL} of the test patterns",
        f"accuracy below {GOAL}",
    ],
    "report/sentences.md.j2": [f"a subnet of {subnet_size.SIZE}"],
    "report/statements.md.j2": [
        f"MNIST to {GOAL} takes",
        f"above {GATE}, as claimed: the gate",
        f"contains {GATE}, so it is not certain that the gate",
        f"below the threshold of {FEW} that was set beforehand, nor below {power(LESS_FEW)}",
        f"below the threshold of {FEW}",
        f"above the threshold of {FEW}",
        f"contains the threshold of {FEW}",
        f"{FLOOR / own_claims.FEW_UPDATES:.0f} times below the paper's floor of {power(FLOOR)}",
        SURELY,
        f"above {FACTOR}, as claimed",
        f"above {LESS_FACTOR}, but not above the claimed {FACTOR}",
        f"neither above the claimed {FACTOR}, nor above {LESS_FACTOR}",
        f"above {CHANGE}, as claimed",
        f"above {LESS_CHANGE}, but not above the claimed {CHANGE}",
        f"not above {LESS_CHANGE}, so it is not certain that the rule lowers M1",
        *[REQUIRED] * 3,
        *[f"within the claimed {AGAIN}"] * 3,
        *[POWER_LAW] * 3,
    ],
    "report/site.html.j2": [f"learns MNIST to {GOAL}"],
    "report/workflow.rst": [f"to learn MNIST to {GOAL}"],
    "config.yaml": [
        f"{TRAINING_IMAGES:,} training and {TEST_IMAGES:,} test images",
        f"in epochs of {EPOCH}",
        f"Above {1 / OUT_PER_HIDDEN:.3g}, the output fraction is 1",
        f"large: at least {LARGE}; slightly: at most {LONGEST} as long",
    ],
    "beyond.yaml": [
        f"floor of about {FLOOR:.0e}".replace("+0", ""),
        f"{AIMED['goal']:g} of the validation patterns is about {MODEL['goal']:g} of the test",
        f"{WORDS[AIMED['consecutive_tests']]} tests in a row must reach it",
        f"width {PLAIN['width']}",
        f"at {MODEL['goal']:g} on the test patterns",
        f"at least {MORE_TESTS} more tests",
    ],
}

ROTATED = "up to 45 degrees to either side"  # by prepare.py
DECLARED = {
    "README.md": [
        *("20(10), e1012553 (2024)", "doi:10.1371/journal.pcbi.1012553", "Python 3.11 or newer"),
        # measured on one machine
        *("takes 2 minutes including the installation, or 10 seconds", "at most 1.5 GB of memory"),
        *("takes 0.8 GB (1.3 GB with the tools for tests)", "a data set 0.4 GB"),
        *("four more files", "three parts, which", "four IDX files"),
    ],
    "benchmarks/README.md": [
        *("about ten minutes", "in five rounds", "1 is proportional", "from 300 hidden units on"),
        "2 x 785 x N operations",
        "about 6 times as fast at width 30, 4 times at 100 and 2.5 times at 1,000",  # measured
        "0.01 up to width 1,000 and 10 / N beyond",
        "whole runs use 0.01",
    ],
    "docs/architecture.md": ["The identity has three parts"],
    "docs/data.md": ["A folder takes 0.4 GB", "three mirrors", ROTATED],
    "docs/installation.md": [
        *("Python 3.11 or newer", "GNU make 3.81 or newer", "were made with Python 3.11"),
        "Python 3.13. On Python 3.14",
    ],
    "docs/machines.md": [
        *("for Python 3.11 to 3.13. Python 3.14 also", "macOS 14 or newer", "GNU make 3.81"),
        # measured with another arithmetic
        *("one network of 20 hidden units each, for 2,000 trials", "equal | 1e-8", "equal | 8e-7"),
        "3,560,003 and 3,560,004 | 3e-4",
        *("fresh Debian 12", "Debian's Python 3.11", "took 37 s", "10 minutes on two busy cores"),
    ],
    "docs/site.md": [
        "after 1.0 s (median of five loads",  # measured on one machine
        "instead of 5.2 s",
        "0.9 MB (Bokeh: about 1 MB, Plotly: more than 4 MB)",
    ],
    "docs/audit.md": [
        *("exit status is 0 if no link is broken, else 1", "exits with 0", "RO-Crate 1.1"),
        *("built twice, with 1 or 2 cores", "made since 2013"),
        *("16 conditions gave the same bytes", "glibc 2.36", "Intel Xeon with 2.39"),
    ],
    "docs/beyond.md": [
        *("arXiv:2303.16067", "works in three steps", "tested on seeds 100 to 119"),
        "two seeds on MNIST agree on the order of 98 % of the pairs",  # of an earlier build
        "exceeds about 2, and",  # theory of on-line learning
    ],
    "docs/cluster.md": [
        # measured on one machine
        "0.8 of its memory, including 0.25 GB",
        *("checks the queue after 5 seconds", "grow by 10 seconds", "within three minutes"),
        *("prepared data, 0.3 GB", "0.4 GB of memory in the median, and at most 0.8 GB"),
        "(2 s for each condition and job) | at most 11 core-hours",
        "1 to 2 minutes, and 0.1 s for each condition",
        "90 MB; with update counts 1 MB more for each condition of width 1,000",
        "At width 10,000 a trial takes up to 1.0 ms, against 0.02 ms at width 100",
        "up to 0.4 ms already at width 100",
        *("What 10,000 conditions cost", "Estimates for 10,000 conditions"),
        *("Slurm (22.05)", "Python 3.11"),
    ],
    "docs/deviations.md": [
        "an s.d. of 0.03; its main loop, for wide networks, has 0.01 and 0.02",  # authors' code
        "(eLife 2020)",
    ],
    "report/captions/caching.rst": ["a transient weight of 1"],
    "report/captions/claims.rst": ["where 0 is expected"],
    "report/captions/harder_tasks.rst": [ROTATED],
    "report/captions/selection_criteria.rst": ["Layer 1:"],
    "report/captions/turnover.rst": ["It is 1 if always the same"],
    "report/claims.rst": [":header-rows: 1"],
    "report/finding.md.j2": ["thousands of earlier trials", "tested on seeds 100 to 119"],
    "report/statements.md.j2": [
        "at least half of the variations",
        "at least half of the tasks",
        "fewer than half of the variations",
    ],
    "report/site.html.j2": ["20(10), e1012553 (2024)"],
    "report/workflow.rst": ["20(10), e1012553 (2024)"],
    "config.yaml": [
        *("20(10), e1012553 (2024)", "arXiv:2303.16067 (2023)", "eLife 9:e50804 (2020)"),
        *("mean 0; the paper's wide networks have 0.01", "slope 1 above 0, 0.1 below"),
        *("half the squared error", "64-bit integers", "a subnet of half the network"),
        *("s.d. 0.01 is that of the main loop in the authors' code", "at most half the network"),
    ],
    "beyond.yaml": [
        "the best of about 170 trials with other seeds (2500 to 3199)",
        "the best of about 270 trials with other seeds (1900, 1901, 2600)",
        "rotated by up to 45 degrees",
        *("the target is 1", "a transient weight of 1", "in the range of [P], 0.9 to 0.98"),
        "about 3,000 trials with other seeds (2000 to 2459)",
    ],
}

GENERATED = {"docs/parameters.md"}
FILES = sorted(
    {"README.md", "benchmarks/README.md", "config.yaml", "beyond.yaml"}
    | {
        str(path.relative_to(ROOT))
        for pattern in ("docs/*.md", "report/*.j2", "report/*.rst", "report/captions/*.rst")
        for path in ROOT.glob(pattern)
    }
    - GENERATED
)


def read(path: str) -> str:
    """Return the prose of a file of the project."""
    return prose(path, (ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES)
def test_every_number_is_that_of_the_tables_or_declared(path):
    assert unexplained(path, read(path)) == []


def test_every_phrase_is_of_a_file_that_is_read():
    assert STATED.keys() | DECLARED.keys() | CAPTIONS.keys() <= set(FILES)


@pytest.mark.parametrize("path", FILES)
def test_an_altered_number_is_noticed(path):
    text = read(path)
    for number in NUMBER.finditer(text):
        other = "nine" if number[0].isalpha() else f"{number[0]}7"
        assert unexplained(path, f"{text[: number.start()]}{other}{text[number.end() :]}"), number


@pytest.mark.parametrize("path", FILES)
def test_an_added_number_is_noticed(path):
    for added in ("40 times fewer", "by a factor of 1.7", "nine seeds", "10⁹"):
        assert len(unexplained(path, f"{read(path)} It is {added}.")) == 1 + ("⁹" in added)


@pytest.mark.parametrize("path", CAPTIONS)
def test_a_caption_names_only_settings_of_its_experiment(path):
    caption = read(path)
    for setting in set().union(*CAPTIONS.values()):
        agrees = not unexplained(path, f"{caption} With {setting}.")
        assert agrees == (setting in CAPTIONS[path]), setting


@pytest.mark.parametrize(
    ("path", "text", "kept"),
    [
        ("a.yaml", "a: 1  # with 2 seeds\n# and 3\n", "with 2 seeds and 3"),
        ("a.j2", "{# 1 #}{% if x > 2 %}{{ x * 3 }} is 4", "{}{}{} is 4"),
        ("a.j2", '{{ f(1, "is above 2.", "is 3") }} and 4', "{} is above 2. is 3 and 4"),
        ("a.html.j2", '<p id="2">Is <code>f(3)</code> 4</p>', "Is 4"),
        ("a.md", "1. Of `f(2)`\n```\n3\n```\n[the 4](5)\nand 6", "Of `f(#)` [the 4] and 6"),
        ("a.md", f"{OLD_VALUES}\n1\n## Next\n2", "## Next 2"),
    ],
)
def test_what_counts_as_prose(path, text, kept):
    assert prose(path, text) == kept
