"""Compare provenance records with what config.yaml and its overlays ask for."""

import copy
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from provenance.archive import DATA, NAME, PREPARE, members
from provenance.audit import Issue, parameters_of, tampered, text
from provenance.history import BUNDLE
from provenance.record import MADE, SUFFIX, RecordError, Value, parameters

if TYPE_CHECKING:
    from workflow.configuration import Condition, Plan, Search

CONFIG = "config.yaml"
SCALES = ("smoke", "paper")
STYLE = "scripts/figures/matplotlibrc"
# For the outputs of these rules.
NOUNS = {"train": "run", "examine": "examination", "search": "search", "plot": "figure"}
PATHS = {"output", "folder"}  # parameters that only say where files are


class Configuration:
    """A check for provenance.audit: compares records with the configuration of a project."""

    def __init__(self, root: Path):
        self.root = root
        self._read = functools.cache(self._read_uncached)

    def __call__(self, path: str, record: Mapping) -> Iterator[Issue]:
        """Yield the differences between the record `path` and the configuration."""
        recipe, file = record["recipe"], min(record["outputs"])
        if recipe["rule"] in DATA or file.startswith("data/"):
            yield from prepared_as_known(path, record)
            return
        target = overlay_and_scale(file)
        if not target or not (jobs := self._read(*target)):
            return
        if isinstance(jobs, Issue):
            yield jobs
        elif path not in jobs:
            noun, name = NOUNS.get(recipe["rule"], "file"), Path(path).name.removesuffix(SUFFIX)
            yield stale(CONFIG, f"no longer asks for the {noun} {name}")
        else:
            yield from differences(path, record, jobs[path])
            if jobs[path].rule == "archive":
                yield from self._packed(file, record)

    def _packed(self, archive: str, record: Mapping) -> Iterator[Issue]:
        """Compare the files in an archive, if it is here, with those that were packed."""
        packed = {file: hash for file, hash in record["inputs"].items() if file.startswith(MADE)}
        path = self.root / archive
        if path.is_file():
            try:
                members(str(path), packed)
            except RecordError as error:
                yield tampered(archive, str(error).removeprefix(f"{path}: "))

    def command(self, path: str) -> list[str] | None:
        """Return the command that the configuration asks for; None if it does not ask for it."""
        target = overlay_and_scale(path)
        jobs = self._read(*target) if target else None
        return jobs[path].command if isinstance(jobs, dict) and path in jobs else None

    def _read_uncached(self, overlay: str, scale: str) -> "dict[str, Job] | Issue | None":
        """Return the jobs at a scale, or an Issue if the configuration is invalid.

        Return None if the packages to read it are not installed, or if the overlay is missing.
        """
        overlays = [self.root / f"{overlay}.yaml"] if overlay else []
        if not all(file.is_file() for file in overlays):
            return None
        try:
            from workflow import configuration  # the only import that needs packages

            config = read_merged(self.root / CONFIG, overlays)
            plan = configuration.plan(config | {"scale": scale}, overlays)
        except ImportError:
            return None
        except SystemExit as error:
            return stale(CONFIG, str(error))
        results = results_of(overlay, scale)
        return trained(plan, results) | drawn(plan, results, figures_of(overlay, scale), scale)


class Job(NamedTuple):
    """What the Snakefile runs to make files, as the configuration asks for."""

    rule: str
    command: list[str]
    inputs: set[str]
    outputs: set[str]


def differences(path: str, record: Mapping, job: Job) -> Iterator[Issue]:
    """Yield how a record differs from the job that the configuration asks for."""
    recipe = record["recipe"]
    if recipe["rule"] != job.rule or "content" in recipe:
        yield tampered(path, f"not a record of the rule {job.rule}")
        return
    ran = program(recipe["parameters"])
    runs = program(parameters(job.command, {}, sorted(job.outputs)))
    if ran != runs:
        what = f"its command runs {ran}, the workflow runs {runs}"
        yield Issue("made", "STALE", path, what)
    then, now = parameters_of(recipe), job_parameters(job)
    for key in sorted((then.keys() | now.keys()) - PATHS):
        if then.get(key) != now.get(key):
            what = f"{text(then.get(key))} then, {text(now.get(key))} now"
            yield stale(f"{CONFIG}: {key}", what)
    files = (job.inputs, record["inputs"].keys()), (job.outputs, record["outputs"].keys())
    for needed, had in files:
        for file in sorted(needed - had):
            yield stale(CONFIG, f"now also asks for {file}")
        for file in sorted(had - needed):
            yield stale(CONFIG, f"no longer asks for {file}")


def prepared_as_known(path: str, record: Mapping) -> Iterator[Issue]:
    """Compare the record of raw or prepared data with the rules, and with the known sha256."""
    folder, dataset, name = str(Path(path).parent), Path(path).parent.name, Path(path).name
    try:
        from plasticity.data import PREPARED
        from plasticity.raw_files import SHA256
    except ImportError:  # without NumPy
        return
    known = SHA256.get(dataset, {}) if folder == f"data/{dataset}" else {}
    raw = {f"{folder}/{file}": hash for file, hash in known.items()}
    prepared = {f"{folder}/{file}" for file in PREPARED}
    rule, outputs = record["recipe"]["rule"], record["outputs"]
    if rule == "fetch" and name == f"fetch{SUFFIX}":
        for file in sorted(outputs.keys() | raw.keys()):
            if outputs.get(file) != raw.get(file):
                what = "its sha256 is not the one that scripts/plasticity/raw_files.py knows"
                yield tampered(file, what)
    elif rule == "prepare" and name == f"prepare{SUFFIX}":
        command = ["python", PREPARE, "--dataset", dataset, "--folder", folder]
        if record["made"]["command"] != command or "content" in record["recipe"]:
            yield tampered(path, f"its command is not: {' '.join(command)}")
        if outputs.keys() != prepared or record["inputs"].keys() != raw.keys():
            yield tampered(path, "its files are not those of the data set")
    else:
        yield tampered(path, f"no rule {rule} makes this record")


def results_of(overlay: str, scale: str) -> str:
    """Return the folder of the results of a build."""
    return "/".join(filter(None, ("results", overlay, scale)))


def figures_of(overlay: str, scale: str) -> str:
    """Return the folder of the figures of a build."""
    return "/".join(filter(None, ("figures", overlay, scale * (scale != "paper"))))


def shown(overlay: str, scale: str) -> dict[str, str]:
    """Return the builds on the page of results: the configuration of each, by folder of figures.

    The paper's page has those of its overlays, too, whose figures are there.
    """
    builds = {figures_of(overlay, scale): f"{overlay}.yaml" if overlay else CONFIG}
    for file in sorted(Path().glob("*.yaml")) if not overlay else ():
        folder = figures_of(file.stem, scale)
        if file.name != CONFIG and Path(folder, BUNDLE).is_file():
            builds[folder] = file.name
    return builds


def trained(plan: "Plan", results: str) -> dict[str, Job]:
    """Return the job of each search, run and examination, by the path of its record."""
    from plasticity.data import PREPARED
    from workflow.configuration import command_line, examined, options

    def data(one: "Condition | Search") -> set[str]:
        return {f"data/{dataset}/{file}" for dataset in one.datasets for file in PREPARED}

    def found(condition: "Condition") -> list[str]:
        one = condition.found
        return [f"{results}/searches/{one.search}.finalists.csv"] if one else []

    jobs = {}
    for name, search in plan.searches.items():
        stem = f"{results}/searches/{name}"
        files = {"history": f"{stem}.csv", "finalists": f"{stem}.finalists.csv"}
        tables = search.tables(results)
        command = ["python", "scripts/search.py", *search.options, *options(tables | files)]
        read = data(search) | {*tables["against"]}
        jobs[f"{stem}{SUFFIX}"] = Job("search", command, read, {*files.values()})
    for name, condition in plan.conditions.items():
        files = {"output": f"{results}/runs/{name}.csv"}
        if "curve" in condition.record:
            files["curve"] = f"{results}/curves/{name}.csv"
        if "counts" in condition.record:
            files["counts"] = f"{results}/counts/{name}.npz"
        rule = found(condition)
        command = ["python", condition.script, *command_line(condition)]
        command += options({"finalists": rule} | files)
        jobs[f"{results}/runs/{name}{SUFFIX}"] = Job(
            "train", command, data(condition) | {*rule}, {*files.values()}
        )
    for name, condition in plan.examined.items():
        script, _ = examined(name)
        rule, file = found(condition), f"{results}/{name}.csv"
        words = [*command_line(condition, recording=False), *options({"finalists": rule})]
        jobs[f"{results}/{name}{SUFFIX}"] = Job(
            "examine",
            ["python", script, *words, "--output", file],
            data(condition) | {*rule},
            {file},
        )
    return jobs


def drawn(plan: "Plan", results: str, figures: str, scale: str) -> dict[str, Job]:
    """Return the job of each table, figure and page, by the path of its record."""
    from workflow.configuration import claims_options, options

    jobs: dict[str, Job] = {}

    def add(rule: str, command: Sequence[str], inputs: Iterable[str], *outputs: str) -> None:
        path = f"{outputs[0].partition('.')[0]}{SUFFIX}"
        jobs[path] = Job(rule, ["python", *command], {*inputs}, {*outputs})

    summarise = "scripts/summarise.py"
    energy, claims = f"{results}/energy.csv", f"{results}/claims.csv"
    tables = [f"{results}/experiments/{experiment}.csv" for experiment in plan.experiments]
    for table, (name, conditions) in zip(tables, plan.experiments.items(), strict=True):
        runs = [f"{results}/runs/{condition}.csv" for condition in conditions]
        words = options({"experiment": name, "output": table})
        add("tabulate", [summarise, *words, *runs], runs, table)
    add("summarise", [summarise, "--output", energy, *tables], tables, energy)
    curves = [f"{results}/curves/{name}.csv" for name in sorted(plan.recording("curve"))]
    counts = [f"{results}/counts/{name}.npz" for name in plan.counted_conditions()]
    floors = [f"{results}/{name}.csv" for name in plan.examinations("floors", plan.conditions)]
    words = claims_options(plan, energy=energy, curves=curves, counts=counts, floors=floors)
    inputs = [energy, *curves, *counts, *floors]
    add("claims", ["scripts/claims.py", *words, "--output", claims], inputs, claims)
    for name, figure in plan.figures.items():
        read = plan.tables(name, results)
        words = options(read | {"experiment": figure.experiment, "scale": scale})
        files = (f"{figures}/{name}.{kind}" for kind in ("csv", "pdf", "png", "svg"))
        command = ["scripts/plot.py", figure.script, *words, "--output", f"{figures}/{name}"]
        add("plot", command, [STYLE, *flat(read.values())], *files)
    numbers = [f"{figures}/{name}.csv" for name in plan.figures]
    templates = [
        f"report/{name}.md.j2" for name in ("gallery", "sentences", "statements", "finding")
    ]
    page, finding = f"{figures}/gallery.md", f"{figures}/finding.md"
    words = ["--figures", figures, "--names", *plan.figures, "--output", page]
    add("gallery", ["scripts/gallery.py", *words], [*templates[:2], *numbers], page)
    if plan.finding:
        words = ["--claims", claims, "--energy", energy, "--figures", *numbers, "--scale", scale]
        words += ["--output", finding]
        inputs = [*templates[1:], claims, energy, *numbers]
        add("finding", ["scripts/finding.py", *words], inputs, finding)
    copy = ["cp", energy, f"{figures}/energy.csv"]
    jobs[f"{figures}/energy{SUFFIX}"] = Job("publish", copy, {energy}, {copy[-1]})
    return jobs | packed(plan, results, figures)


def packed(plan: "Plan", results: str, figures: str) -> dict[str, Job]:
    """Return the jobs of the published records and runs, by the path of their record."""
    runs = [f"{results}/runs/{name}.csv" for name in plan.conditions]
    runs += [f"{results}/curves/{name}.csv" for name in sorted(plan.recording("curve"))]
    runs += [f"{results}/counts/{name}.npz" for name in sorted(plan.recording("counts"))]
    runs += [f"{results}/{name}.csv" for name in sorted(plan.examined)]
    for ending in ("csv", "finalists.csv"):
        runs += [f"{results}/searches/{name}.{ending}" for name in plan.searches]
    records = [f"{figures}/{name}{SUFFIX}" for name in [*plan.figures, "energy"]]
    records += [f"{results}/claims{SUFFIX}", f"{figures}/gallery{SUFFIX}"]
    records += [f"{figures}/finding{SUFFIX}"] * plan.finding
    bundle, archive = f"{figures}/{BUNDLE}", f"{figures}/{NAME}"
    pack = ["python", "scripts/history.py", "--output", bundle, *records]
    files = [file.removeprefix(f"{results}/") for file in runs]
    zip = ["python", "scripts/archive.py", "--folder", results, "--output", archive, *files]
    return {
        f"{figures}/records{SUFFIX}": Job("history", pack, {*records}, {bundle}),
        f"{figures}/runs{SUFFIX}": Job("archive", zip, {*runs}, {archive}),
    }


def flat(files: Iterable[str | Iterable[str]]) -> list[str]:
    """Return the files in a list of files and lists of files."""
    return [one for some in files for one in ([some] if isinstance(some, str) else some)]


def program(values: Mapping[str, Value]) -> str:
    """Return the script that a command runs, and the modules that the command names."""
    words = values.get("program")
    named = words if isinstance(words, list) else [words]
    return " ".join(str(word) for word in named if str(word).endswith(".py") or word == named[0])


def job_parameters(job: Job) -> dict[str, Value]:
    """Return the parameters of a job that are not files."""
    files = dict.fromkeys(job.inputs, 64 * "0")
    values = parameters(job.command, files, sorted(job.outputs))
    return parameters_of({"parameters": values})


def stale(subject: str, what: str) -> Issue:
    """Return an issue: parameters have changed."""
    return Issue("parameters", "STALE", subject, what)


def read_merged(config: Path, overlays: Sequence[Path]) -> dict:
    """Return a configuration with overlays; raise ConfigurationError if one cannot be read."""
    from workflow.configuration import read

    layers = read(config)
    for file in overlays:
        layers = merged(layers, read(file))
    return layers


def merged(config: Mapping, overlay: Mapping) -> dict:
    """Return a configuration with the keys of an overlay, merged like Snakemake does."""
    result = dict(copy.deepcopy(config))
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def overlay_and_scale(file: str) -> tuple[str, str] | None:
    """Return the overlay ("" for none) and the scale of a build's file; None for other files."""
    top, *folders = Path(file).parent.parts or [""]
    if top == "results":
        names = folders[:1] if folders[:1] and folders[0] in SCALES else folders[:2]
    elif top == "figures":
        names = folders if folders[-1:] == ["smoke"] else [*folders, "paper"]
    else:
        return None
    overlay, scale = ["", *names][-2:] if names else ("", "")
    return (overlay, scale) if scale in SCALES and len(names) <= 2 else None
