# The whole workflow, from raw images to figures:
# fetch -> prepare -> search -> train, examine -> tabulate -> summarise -> claims, plot -> gallery, finding, site.
# A search for a rule that learns many tasks reads a table of trained networks, too.
#
# config.yaml says what is trained and drawn. Most rules call one script, which also runs by hand. The identity of that
# step (its code, packages, arithmetic) is an input of the rule: an edit remakes only what it can change.
# Each output gets a record of what it was made from; the records of a rule's inputs are inputs, too.

import os
import pathlib
import shlex
import sys

if not os.path.isdir("scripts/workflow"):
    sys.exit(f"{os.getcwd()}: run Snakemake in the project's folder, without -s, -d and module")
sys.path.insert(0, "scripts")
from workflow import builds
from workflow import configuration
from workflow import resources
from workflow import restored
from workflow import watching
from workflow.asked import figures_of, results_of, shown
from workflow.configuration import EXAMINATIONS, claims_options, command_line, examined, options
from provenance import identity
from provenance.record import SUFFIX
from plasticity.raw_files import SHA256, VARIANTS

# What Snakemake would refuse in several lines is refused in one.
configuration.read("config.yaml")


configfile: "config.yaml"


report: "report/workflow.rst"


config = configuration.typed(config)
OVERLAYS = configuration.overlays(workflow.overwrite_configfiles)
PLAN = configuration.plan(config, OVERLAYS)
SCALE = config["scale"]
# What an overlay asks for goes into folders of its own.
MINE = configuration.folder(OVERLAYS)
RESULTS, FIGURES = results_of(MINE, SCALE), figures_of(MINE, SCALE)
SITE = FIGURES.replace("figures", "site", 1)
LOGS = os.path.join("logs", MINE, SCALE)
CURVES = PLAN.recording("curve")
COUNTS = PLAN.recording("counts")
COUNTED = PLAN.counted_conditions()
FLOORS = PLAN.examinations("floors", PLAN.conditions)
# What is trained here: all but the runs that were restored from a published archive and are still what is asked for.
TRAINED = restored.remaining(PLAN, RESULTS)
ENVIRONMENT = "envs/environment.yml"
RECORD = "python scripts/record.py --rule"


# Jobs run in the Python that runs Snakemake, without the caller's settings of Python, on one core each: the scheduler
# runs them side by side. The recorder removes the settings of NumPy and its like, which it does not import itself.
shell.prefix(
    "set -euo pipefail; unset ${{!PYTHON@}}; export OMP_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1"
    f" PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH"
    f" RESULT_STORE_FRESH={'1' if config['fresh'] else ''}; "
)


def recorded(rule, command, how=""):
    """The shell command of a rule: if `command` succeeds, it leaves a record of what was made."""
    return (
        f"{RECORD} {rule} {how} --record {{output.record}} --inputs {{input:q}}"
        f" --outputs {{output:q}} -- {command} 2> {{log}}"
    )


if workflow.exec_mode.name == "DEFAULT":  # not in the jobs of a cluster
    builds.claim(workflow)
watching.tell(PLAN, workflow.resource_settings)


def any_of(names):
    """A wildcard's pattern that allows just these names."""
    return "|".join(sorted(names)) or "(?!)"


def sha256_of(name):
    return lambda wildcards: SHA256[wildcards.dataset][name]


def name_of(wildcards):
    """The name of the condition that a job trains or examines."""
    return wildcards.get("condition") or examined(wildcards.examination)[1]


def condition(of):
    """What a function of conditions says of the one that is trained or examined."""
    return lambda wildcards: of(PLAN.conditions[name_of(wildcards)])


def prepared(wildcards):
    """The data set that a condition learns."""
    dataset = PLAN.conditions[name_of(wildcards)].parameters["dataset"]
    return expand(rules.prepare.output, dataset=dataset)


def examiner(wildcards):
    """The script that makes the table of an examination."""
    return examined(wildcards.examination)[0]


def finalists(kind):
    """The finalists that a condition takes its rule from, if it takes any, or their record."""
    return lambda wildcards: expand(
        getattr(rules.search.output, kind), search=PLAN.searched([name_of(wildcards)])
    )


def compared(kind):
    """The table of the experiment that defines the tasks of a search, if it has one, or its record."""
    return lambda wildcards: expand(
        getattr(rules.tabulate.output, kind), experiment=PLAN.searches[wildcards.search].against
    )


def script_options(recording):
    """The options of the script that trains or examines a condition, except for the output files."""
    return lambda wildcards: [
        *command_line(PLAN.conditions[name_of(wildcards)], recording),
        *options({"finalists": finalists("finalists")(wildcards)}),
    ]


def tables(wildcards):
    """What a figure reads, by the name of its script's option."""
    return PLAN.tables(wildcards.figure, RESULTS)


def records(wildcards):
    """The records of what a figure reads."""
    figure = PLAN.figures[wildcards.figure]
    conditions = PLAN.experiments.get(figure.experiment, [])
    runs = expand(rules.train.output.record, condition=conditions)
    files = {
        "energy": expand(rules.tabulate.output.record, experiment=figure.experiment),
        "curves": runs,
        "counts": runs,
        "claims": [rules.claims.output.record],
        "searches": expand(rules.search.output.record, search=PLAN.searched(conditions)),
    } | {
        table: expand(rules.examine.output.record, examination=PLAN.examinations(table, conditions))
        for table in EXAMINATIONS
    }
    return sorted({file for table in figure.reads for file in files[table]})


def everything(wildcards):
    """Every file that a rule makes, but the page of results: one that is gone is made again."""
    named = {
        "dataset": TRAINED.datasets,
        "search": PLAN.searches,
        "examination": PLAN.examined,
        "experiment": PLAN.experiments,
        "figure": PLAN.figures,
    }
    recording = {"curve": CURVES, "counts": COUNTS}
    # str: without a flag such as ancient.
    return sorted(
        {
            file
            for rule in workflow.rules
            if rule.name != "site"
            for kind, pattern in getattr(rules, rule.name).output.items()
            for file in expand(
                str(pattern), condition=recording.get(kind, PLAN.conditions), **named
            )
        }
    )


# It needs the network, which a cluster's nodes do not have.
localrules:
    fetch,


def labels(wildcards):
    """What a figure is called in the report."""
    figure = config["figures"][wildcards.figure]
    return {"no.": f"{figure['number']:2}", "figure": figure["title"]}


# Which of these a job needs depends on its wildcards. All are written now: Snakemake takes a file for missing that is
# made after it has looked into the folder.
for script in ("train", "train_found", *EXAMINATIONS.values()):
    identity.write_step(f"scripts/{script}.py")
for figure in PLAN.figures.values():
    identity.write_step("scripts/plot.py", figure.script)


wildcard_constraints:
    dataset=any_of(SHA256),
    experiment=any_of(PLAN.experiments),
    figure=any_of(PLAN.figures),
    examination=any_of(TRAINED.examined),
    search=any_of(TRAINED.searches),


rule all:
    input:
        everything,


rule fetch:
    # No input: the sha256 say what the raw files are, whichever code gets them.
    output:
        train_images=ensure("data/{dataset}/train-images.idx", sha256=sha256_of("train-images.idx")),
        train_labels=ensure("data/{dataset}/train-labels.idx", sha256=sha256_of("train-labels.idx")),
        test_images=ensure("data/{dataset}/test-images.idx", sha256=sha256_of("test-images.idx")),
        test_labels=ensure("data/{dataset}/test-labels.idx", sha256=sha256_of("test-labels.idx")),
        record="data/{dataset}/fetch.record.json",
    log:
        f"{LOGS}/fetch/{{dataset}}.log",
    conda:
        ENVIRONMENT
    params:
        source=lambda wildcards: options(
            {"source": config["data"][VARIANTS.get(wildcards.dataset, wildcards.dataset)]}
        ),
    message:
        "Getting the raw files of {wildcards.dataset}"
    shell:
        recorded(
            "fetch",
            "python scripts/fetch.py --dataset {wildcards.dataset} --folder data/{wildcards.dataset}"
            " {params.source:q}",
            how="--by-content",
        )


rule prepare:
    input:
        identity=identity.write_step("scripts/prepare.py"),
        raw=ancient(rules.fetch.output),
    output:
        inputs="data/{dataset}/inputs.npy",
        labels="data/{dataset}/labels.npy",
        order="data/{dataset}/order.npy",
        record="data/{dataset}/prepare.record.json",
    log:
        f"{LOGS}/prepare/{{dataset}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,  # rotating all images takes more than 1 GB
    message:
        "Preparing the inputs of {wildcards.dataset}"
    shell:
        recorded(
            "prepare",
            "python scripts/prepare.py --dataset {wildcards.dataset} --folder data/{wildcards.dataset}",
        )


rule search:
    input:
        compared("table"),
        compared("record"),
        identity=identity.write_step("scripts/search.py"),
        data=ancient(
            lambda wildcards: expand(
                rules.prepare.output, dataset=PLAN.searches[wildcards.search].datasets
            )
        ),
        prepared_by=identity.write_step("scripts/prepare.py"),
    output:
        history=f"{RESULTS}/searches/{{search}}.csv",
        finalists=f"{RESULTS}/searches/{{search}}.finalists.csv",
        record=f"{RESULTS}/searches/{{search}}.record.json",
    log:
        f"{LOGS}/search/{{search}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=lambda wildcards: resources.memory_mb(PLAN.searches[wildcards.search]),
        runtime=lambda wildcards: resources.search_minutes(PLAN.searches[wildcards.search]),
    params:
        options=lambda wildcards: PLAN.searches[wildcards.search].options,
        tables=lambda wildcards: options(PLAN.searches[wildcards.search].tables(RESULTS)),
    message:
        "Searching for the rule {wildcards.search}"
    shell:
        recorded(
            "search",
            "python scripts/search.py {params.options:q} {params.tables:q}"
            " --history {output.history} --finalists {output.finalists}",
        )


rule train:
    # A rule that is found is the best finalist of a search.
    input:
        finalists("finalists"),
        finalists("record"),
        identity=condition(lambda one: identity.write_step(one.script)),
        data=ancient(prepared),
        prepared_by=identity.write_step("scripts/prepare.py"),
    output:
        output=f"{RESULTS}/runs/{{condition}}.csv",
        record=f"{RESULTS}/runs/{{condition}}.record.json",
    log:
        f"{LOGS}/train/{{condition}}.log",
    wildcard_constraints:
        condition=any_of(TRAINED.conditions.keys() - CURVES - COUNTS),
    group:
        condition(resources.group)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=condition(resources.memory_mb),
        runtime=condition(resources.minutes),
    params:
        script=condition(lambda one: one.script),
        options=script_options(recording=True),
        files=lambda wildcards, output: options(
            {name: file for name, file in output.items() if name != "record"}
        ),
    message:
        "Training {wildcards.condition}"
    shell:
        recorded("train", "python {params.script:q} {params.options:q} {params.files:q}")


use rule train as train_with_curve with:
    output:
        output=f"{RESULTS}/runs/{{condition}}.csv",
        record=f"{RESULTS}/runs/{{condition}}.record.json",
        curve=f"{RESULTS}/curves/{{condition}}.csv",
    wildcard_constraints:
        condition=any_of(TRAINED.recording("curve") - COUNTS),


use rule train as train_with_counts with:
    output:
        output=f"{RESULTS}/runs/{{condition}}.csv",
        record=f"{RESULTS}/runs/{{condition}}.record.json",
        counts=f"{RESULTS}/counts/{{condition}}.npz",
    wildcard_constraints:
        condition=any_of(TRAINED.recording("counts") - CURVES),


use rule train as train_with_curve_and_counts with:
    output:
        output=f"{RESULTS}/runs/{{condition}}.csv",
        record=f"{RESULTS}/runs/{{condition}}.record.json",
        curve=f"{RESULTS}/curves/{{condition}}.csv",
        counts=f"{RESULTS}/counts/{{condition}}.npz",
    wildcard_constraints:
        condition=any_of(TRAINED.recording("curve") & COUNTS),


rule examine:
    # It trains the networks of a condition once more: only their energy was kept.
    input:
        finalists("finalists"),
        finalists("record"),
        identity=lambda wildcards: identity.write_step(examiner(wildcards)),
        data=ancient(prepared),
        prepared_by=identity.write_step("scripts/prepare.py"),
    output:
        table=f"{RESULTS}/{{examination}}.csv",
        record=f"{RESULTS}/{{examination}}.record.json",
    log:
        f"{LOGS}/examine/{{examination}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=condition(resources.examination_mb),
        runtime=condition(resources.examination_minutes),
    params:
        script=examiner,
        options=script_options(recording=False),
    message:
        "Examining {wildcards.examination}"
    shell:
        recorded(
            "examine",
            "python {params.script:q} {params.options:q} --output {output.table}",
        )


rule tabulate:
    input:
        identity=identity.write_step("scripts/summarise.py"),
        runs=lambda wildcards: expand(
            rules.train.output.output, condition=PLAN.experiments[wildcards.experiment]
        ),
        records=lambda wildcards: expand(
            rules.train.output.record, condition=PLAN.experiments[wildcards.experiment]
        ),
    output:
        table=f"{RESULTS}/experiments/{{experiment}}.csv",
        record=f"{RESULTS}/experiments/{{experiment}}.record.json",
    log:
        f"{LOGS}/tabulate/{{experiment}}.log",
    conda:
        ENVIRONMENT
    message:
        "Collecting the networks of {wildcards.experiment}"
    shell:
        recorded(
            "tabulate",
            "python scripts/summarise.py --experiment {wildcards.experiment} --output {output.table}"
            " {input.runs}",
        )


rule summarise:
    input:
        identity=identity.write_step("scripts/summarise.py"),
        tables=expand(rules.tabulate.output.table, experiment=PLAN.experiments),
        records=expand(rules.tabulate.output.record, experiment=PLAN.experiments),
    output:
        table=f"{RESULTS}/energy.csv",
        record=f"{RESULTS}/energy.record.json",
    log:
        f"{LOGS}/summarise.log",
    conda:
        ENVIRONMENT
    message:
        "Collecting the networks of all experiments"
    shell:
        recorded(
            "summarise",
            "python scripts/summarise.py --output {output.table} {input.tables}",
        )


rule publish:
    # Beside the figures, since results are not committed.
    input:
        table=rules.summarise.output.table,
        record=rules.summarise.output.record,
    output:
        table=f"{FIGURES}/energy.csv",
        record=f"{FIGURES}/energy.record.json",
    log:
        f"{LOGS}/publish.log",
    conda:
        ENVIRONMENT
    message:
        "Publishing the table of all networks"
    shell:
        recorded("publish", "cp {input.table} {output.table}")


rule claims:
    input:
        identity=identity.write_step("scripts/claims.py"),
        energy=rules.summarise.output.table,
        curves=expand(rules.train_with_curve.output.curve, condition=sorted(CURVES)),
        counts=expand(rules.train_with_counts.output.counts, condition=COUNTED),
        floors=expand(rules.examine.output.table, examination=FLOORS),
        records=expand(rules.train.output.record, condition=sorted(CURVES | {*COUNTED}))
        + expand(rules.examine.output.record, examination=FLOORS)
        + [rules.summarise.output.record],
    output:
        table=report(
            f"{RESULTS}/claims.csv",
            caption="report/claims.rst",
            category="Claims",
            labels={"table": "Claims and their verdicts"},
        ),
        record=f"{RESULTS}/claims.record.json",
    log:
        f"{LOGS}/claims.log",
    conda:
        ENVIRONMENT
    params:
        # A function, since braces in a text would be wildcards.
        words=lambda wildcards, input: claims_options(
            PLAN,
            energy=input.energy,
            curves=input.curves,
            counts=input.counts,
            floors=input.floors,
        ),
    message:
        "Testing the claims"
    shell:
        recorded(
            "claims",
            "python scripts/claims.py {params.words:q} --output {output.table}",
        )


rule plot:
    input:
        unpack(tables),
        identity=lambda wildcards: identity.write_step(
            "scripts/plot.py", PLAN.figures[wildcards.figure].script
        ),
        style="scripts/figures/matplotlibrc",
        records=records,
    output:
        svg=report(
            f"{FIGURES}/{{figure}}.svg",
            caption="report/figure.rst",
            category="Figures",
            labels=labels,
        ),
        png=f"{FIGURES}/{{figure}}.png",
        pdf=f"{FIGURES}/{{figure}}.pdf",
        csv=f"{FIGURES}/{{figure}}.csv",
        record=f"{FIGURES}/{{figure}}.record.json",
    log:
        f"{LOGS}/plot/{{figure}}.log",
    conda:
        ENVIRONMENT
    params:
        script=lambda wildcards: PLAN.figures[wildcards.figure].script,
        tables=lambda wildcards: options(tables(wildcards)),
        experiment=lambda wildcards: PLAN.figures[wildcards.figure].experiment,
    message:
        "Drawing {wildcards.figure}"
    shell:
        recorded(
            "plot",
            "python scripts/plot.py {params.script:q} {params.tables:q} --experiment {params.experiment:q}"
            f" --scale {SCALE} --output {FIGURES}/{{wildcards.figure}}",
        )


rule gallery:
    input:
        identity=identity.write_step("scripts/gallery.py"),
        templates=["report/gallery.md.j2", "report/sentences.md.j2"],
        figures=expand(rules.plot.output.csv, figure=PLAN.figures),
        records=expand(rules.plot.output.record, figure=PLAN.figures),
    output:
        page=f"{FIGURES}/gallery.md",
        record=f"{FIGURES}/gallery.record.json",
    log:
        f"{LOGS}/gallery.log",
    conda:
        ENVIRONMENT
    params:
        names=list(PLAN.figures),
    message:
        "Saying what the figures show"
    shell:
        recorded(
            "gallery",
            f"python scripts/gallery.py --figures {FIGURES} --names {{params.names:q}}"
            " --output {output.page}",
        )


if PLAN.finding:

    rule finding:
        input:
            identity=identity.write_step("scripts/finding.py"),
            templates=[
                "report/finding.md.j2",
                "report/statements.md.j2",
                "report/sentences.md.j2",
            ],
            claims=rules.claims.output.table,
            energy=rules.summarise.output.table,
            figures=expand(rules.plot.output.csv, figure=PLAN.figures),
            records=expand(rules.plot.output.record, figure=PLAN.figures)
            + [rules.claims.output.record, rules.summarise.output.record],
        output:
            page=f"{FIGURES}/finding.md",
            record=f"{FIGURES}/finding.record.json",
        log:
            f"{LOGS}/finding.log",
        conda:
            ENVIRONMENT
        message:
            "Stating what was found beyond the paper"
        shell:
            recorded(
                "finding",
                "python scripts/finding.py --claims {input.claims} --energy {input.energy}"
                f" --figures {{input.figures}} --scale {SCALE} --output {{output.page}}",
            )


PUBLISHED = [
    *expand(rules.plot.output, figure=PLAN.figures),
    *rules.publish.output,
    *rules.claims.output,
    *rules.gallery.output,
    *(rules.finding.output if PLAN.finding else []),
]


rule published:
    # All figures, tables and pages, without what only goes with them.
    input:
        PUBLISHED,


rule history:
    # The results are not committed with the figures, but their records are.
    input:
        identity=identity.write_step("scripts/history.py"),
        records=[file for file in PUBLISHED if file.endswith(SUFFIX)],
    output:
        bundle=f"{FIGURES}/records.json.gz",
        record=f"{FIGURES}/records.record.json",
    log:
        f"{LOGS}/history.log",
    conda:
        ENVIRONMENT
    message:
        "Collecting the records behind all figures"
    shell:
        recorded(
            "history",
            "python scripts/history.py --output {output.bundle} {input.records}",
        )


rule archive:
    # So are the runs and searches themselves, packed.
    input:
        identity=identity.write_step("scripts/archive.py"),
        runs=expand(rules.train.output.output, condition=PLAN.conditions),
        curves=expand(rules.train_with_curve.output.curve, condition=sorted(CURVES)),
        counts=expand(rules.train_with_counts.output.counts, condition=sorted(COUNTS)),
        examined=expand(rules.examine.output.table, examination=sorted(PLAN.examined)),
        searches=expand(
            [rules.search.output.history, rules.search.output.finalists],
            search=PLAN.searches,
        ),
        records=expand(rules.train.output.record, condition=PLAN.conditions)
        + expand(rules.examine.output.record, examination=PLAN.examined)
        + expand(rules.search.output.record, search=PLAN.searches),
    output:
        archive=f"{FIGURES}/runs.zip",
        record=f"{FIGURES}/runs.record.json",
    log:
        f"{LOGS}/archive.log",
    conda:
        ENVIRONMENT
    params:
        files=lambda wildcards, input: [
            os.path.relpath(file, RESULTS)
            for file in [
                *input.runs,
                *input.curves,
                *input.counts,
                *input.examined,
                *input.searches,
            ]
        ],
    message:
        "Packing the runs behind all figures"
    shell:
        recorded(
            "archive",
            f"python scripts/archive.py --folder {RESULTS} --output {{output.archive}} {{params.files:q}}",
        )


SHOWN = shown(MINE, SCALE)


def published_figures(wildcards):
    """The figures, tables and records on the page of results.

    Overlays are not built here: their figures are those that are there.
    """
    names = {
        folder: sorted(file.stem for file in pathlib.Path(folder).glob("*.svg")) for folder in SHOWN
    } | {FIGURES: list(PLAN.figures)}
    return [
        f"{folder}/{name}"
        for folder, figures in names.items()
        for name in expand("{figure}.{kind}", figure=figures, kind=("csv", "svg", "record.json"))
        + ["energy.csv", "energy.record.json", "records.json.gz", "records.record.json"]
    ]


# Not a part of `all`: it shows what is published, also without the results. See `make site`.
rule site:
    input:
        published_figures,
        identity=identity.write_step("scripts/website.py"),
        configs=[*SHOWN.values()],
        templates=["report/site.html.j2", "report/sentences.md.j2"],
        parts=expand("report/site/{part}", part=("style.css", "page.js", "explorer.js")),
        captions=sorted(map(str, pathlib.Path("report/captions").glob("*.rst"))),
    output:
        page=f"{SITE}/index.html",
        record=f"{SITE}/index.record.json",
    log:
        f"{LOGS}/site.log",
    conda:
        ENVIRONMENT
    params:
        folders=[*SHOWN],
    message:
        "Writing the page of results"
    shell:
        recorded(
            "site",
            "python scripts/website.py --figures {params.folders:q} --configs {input.configs:q}"
            " --output {output.page}",
        )


builds.require_records(workflow.rules, RECORD)


# A rule below this line is refused as well, just before anything runs.
onstart:
    builds.require_records(workflow.rules, RECORD)
    watching.expect(workflow.dag.needrun_jobs())
    # A limit on job starts would make the scheduler look again at all ready jobs every second, once
    # for each job that has ended.
    workflow.scheduler.job_rate_limiter = None


onsuccess:
    builds.require_targets(workflow.dag_settings.targets)
