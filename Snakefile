# From raw images to the paper's figures: fetch -> prepare -> train -> tabulate -> summarise -> claims, plot -> gallery.
#
# What is trained and drawn is said in config.yaml. Every rule calls one script, which runs by hand, too. Its
# inputs name that script and all local modules that it imports: an edit remakes what it can alter, nothing else.

import os
import shlex
import sys

sys.path.insert(0, f"{workflow.basedir}/scripts")
import configuration
import watching
from configuration import command_line, flags
from imports import local_modules
from plasticity.data import SHA256

# Jobs run in the Python that runs Snakemake, on one core each: the scheduler runs them side by side.
shell.prefix(
    "set -euo pipefail; export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1"
    f" PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH; "
)


# What Snakemake would refuse in several lines is refused in one.
configuration.read("config.yaml")


configfile: "config.yaml"


report: "report/workflow.rst"


PLAN = configuration.plan(config)
SCALE = config["scale"]
RESULTS = f"results/{SCALE}"
FIGURES = "figures" if SCALE == "paper" else f"figures/{SCALE}"
LOGS = f"logs/{SCALE}"
CURVES = PLAN.recording("curve")
COUNTS = PLAN.recording("counts")
PACKAGES = "envs/requirements.lock"
ENVIRONMENT = "envs/environment.yml"
watching.tell(PLAN, f"{LOGS}/benchmarks", workflow.resource_settings)


onstart:
    watching.expect(workflow.dag.needrun_jobs())


def any_of(names):
    """A wildcard's pattern that allows just these names."""
    return "|".join(sorted(names)) or "(?!)"


def sha256_of(name):
    return lambda wildcards: SHA256[wildcards.dataset][name]


def prepared(wildcards):
    """The data set that a condition learns."""
    dataset = PLAN.conditions[wildcards.condition].parameters["dataset"]
    return expand(rules.prepare.output, dataset=dataset)


def tables(wildcards):
    """What a figure reads, by the name of its script's option."""
    figure = PLAN.figures[wildcards.figure]
    conditions = PLAN.experiments.get(figure.experiment, [])
    files = {
        "energy": f"{RESULTS}/experiments/{figure.experiment}.csv",
        "curves": expand(f"{RESULTS}/curves/{{condition}}.csv", condition=conditions),
        "counts": expand(f"{RESULTS}/counts/{{condition}}.npz", condition=conditions),
        "claims": f"{RESULTS}/claims.csv",
    }
    return {table: files[table] for table in figure.reads}


def labels(wildcards):
    """What a figure is called in the report."""
    figure = config["figures"][wildcards.figure]
    return {"no.": f"{figure['number']:2}", "figure": figure["title"]}


wildcard_constraints:
    dataset=any_of(SHA256),
    experiment=any_of(PLAN.experiments),
    figure=any_of(PLAN.figures),


rule all:
    input:
        figures=expand(
            f"{FIGURES}/{{figure}}.{{kind}}",
            figure=PLAN.figures,
            kind=["svg", "png", "pdf", "csv"],
        ),
        gallery=f"{FIGURES}/gallery.md",
        energy=f"{FIGURES}/energy.csv",
        claims=f"{RESULTS}/claims.csv",


rule fetch:
    # The sha256 say what the raw files are: a change of the code that gets them does not alter them.
    input:
        script=ancient("scripts/fetch.py"),
        modules=ancient(local_modules("scripts/fetch.py")),
    output:
        train_images=ensure(
            "data/{dataset}/train-images.idx", sha256=sha256_of("train-images.idx")
        ),
        train_labels=ensure(
            "data/{dataset}/train-labels.idx", sha256=sha256_of("train-labels.idx")
        ),
        test_images=ensure(
            "data/{dataset}/test-images.idx", sha256=sha256_of("test-images.idx")
        ),
        test_labels=ensure(
            "data/{dataset}/test-labels.idx", sha256=sha256_of("test-labels.idx")
        ),
    log:
        f"{LOGS}/fetch/{{dataset}}.log",
    benchmark:
        f"{LOGS}/benchmarks/fetch/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    params:
        source=lambda wildcards: flags({"source": config["data"][wildcards.dataset]}),
    message:
        "Getting the raw files of {wildcards.dataset}"
    shell:
        "python {input.script} --dataset {wildcards.dataset} --folder data/{wildcards.dataset}"
        " {params.source:q} 2> {log}"


rule prepare:
    input:
        script="scripts/prepare.py",
        modules=local_modules("scripts/prepare.py"),
        packages=PACKAGES,
        raw=ancient(rules.fetch.output),
    output:
        inputs="data/{dataset}/inputs.npy",
        labels="data/{dataset}/labels.npy",
        order="data/{dataset}/order.npy",
    log:
        f"{LOGS}/prepare/{{dataset}}.log",
    benchmark:
        f"{LOGS}/benchmarks/prepare/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    message:
        "Preparing the inputs of {wildcards.dataset}"
    shell:
        "python {input.script} --dataset {wildcards.dataset} --folder data/{wildcards.dataset} 2> {log}"


rule train:
    input:
        script="scripts/train.py",
        modules=local_modules("scripts/train.py"),
        packages=PACKAGES,
        data=prepared,
    output:
        output=f"{RESULTS}/runs/{{condition}}.csv",
    log:
        f"{LOGS}/train/{{condition}}.log",
    benchmark:
        f"{LOGS}/benchmarks/train/{{condition}}.tsv"
    wildcard_constraints:
        condition=any_of(PLAN.conditions.keys() - CURVES - COUNTS),
    conda:
        ENVIRONMENT
    threads: 1
    params:
        options=lambda wildcards: command_line(PLAN.conditions[wildcards.condition]),
        files=lambda wildcards, output: flags(output),
    message:
        "Training {wildcards.condition}"
    shell:
        "python {input.script} {params.options:q} {params.files:q} 2> {log}"


use rule train as train_with_curve with:
    output:
        output=f"{RESULTS}/runs/{{condition}}.csv",
        curve=f"{RESULTS}/curves/{{condition}}.csv",
    wildcard_constraints:
        condition=any_of(CURVES - COUNTS),


use rule train as train_with_counts with:
    output:
        output=f"{RESULTS}/runs/{{condition}}.csv",
        counts=f"{RESULTS}/counts/{{condition}}.npz",
    wildcard_constraints:
        condition=any_of(COUNTS - CURVES),


use rule train as train_with_curve_and_counts with:
    output:
        output=f"{RESULTS}/runs/{{condition}}.csv",
        curve=f"{RESULTS}/curves/{{condition}}.csv",
        counts=f"{RESULTS}/counts/{{condition}}.npz",
    wildcard_constraints:
        condition=any_of(CURVES & COUNTS),


rule tabulate:
    input:
        script="scripts/summarise.py",
        modules=local_modules("scripts/summarise.py"),
        packages=PACKAGES,
        runs=lambda wildcards: expand(
            f"{RESULTS}/runs/{{condition}}.csv",
            condition=PLAN.experiments[wildcards.experiment],
        ),
    output:
        f"{RESULTS}/experiments/{{experiment}}.csv",
    log:
        f"{LOGS}/tabulate/{{experiment}}.log",
    benchmark:
        f"{LOGS}/benchmarks/tabulate/{{experiment}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    message:
        "Collecting the networks of {wildcards.experiment}"
    shell:
        "python {input.script} --experiment {wildcards.experiment} --output {output} {input.runs} 2> {log}"


rule summarise:
    input:
        script="scripts/summarise.py",
        modules=local_modules("scripts/summarise.py"),
        packages=PACKAGES,
        tables=expand(rules.tabulate.output, experiment=PLAN.experiments),
    output:
        table=f"{RESULTS}/energy.csv",
        published=f"{FIGURES}/energy.csv",  # results are not committed, figures are
    log:
        f"{LOGS}/summarise.log",
    benchmark:
        f"{LOGS}/benchmarks/summarise.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    message:
        "Collecting the networks of all experiments"
    shell:
        "python {input.script} --output {output.table} {input.tables} 2> {log}"
        " && cp {output.table} {output.published}"


rule claims:
    input:
        script="scripts/claims.py",
        modules=local_modules("scripts/claims.py"),
        packages=PACKAGES,
        energy=rules.summarise.output.table,
        curves=expand(rules.train_with_curve.output.curve, condition=sorted(CURVES)),
    output:
        report(
            f"{RESULTS}/claims.csv",
            caption="report/claims.rst",
            category="Claims",
            labels={"table": "The paper's claims and their verdicts"},
        ),
    log:
        f"{LOGS}/claims.log",
    benchmark:
        f"{LOGS}/benchmarks/claims.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    message:
        "Testing the paper's claims"
    shell:
        "python {input.script} --energy {input.energy} --curves {input.curves} --output {output}"
        " 2> {log}"


rule plot:
    input:
        unpack(tables),
        script=lambda wildcards: PLAN.figures[wildcards.figure].script,
        modules=lambda wildcards: local_modules(PLAN.figures[wildcards.figure].script),
        style="scripts/figures/matplotlibrc",
        packages=PACKAGES,
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
    log:
        f"{LOGS}/plot/{{figure}}.log",
    benchmark:
        f"{LOGS}/benchmarks/plot/{{figure}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    params:
        tables=lambda wildcards: flags(tables(wildcards)),
        experiment=lambda wildcards: PLAN.figures[wildcards.figure].experiment,
    message:
        "Drawing {wildcards.figure}"
    shell:
        "python {input.script} {params.tables:q} --experiment {params.experiment}"
        f" --scale {SCALE} --output {FIGURES}/{{wildcards.figure}} 2> {{log}}"


rule gallery:
    input:
        script="scripts/gallery.py",
        modules=local_modules("scripts/gallery.py"),
        packages=PACKAGES,
        figures=expand(rules.plot.output.csv, figure=PLAN.figures),
    output:
        f"{FIGURES}/gallery.md",
    log:
        f"{LOGS}/gallery.log",
    benchmark:
        f"{LOGS}/benchmarks/gallery.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    message:
        "Saying what the figures show"
    shell:
        f"python {{input.script}} --figures {FIGURES} --output {{output}} 2> {{log}}"
