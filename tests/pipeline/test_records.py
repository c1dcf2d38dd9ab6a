"""Every output of every rule has a record: a rule that leaves none is refused; what is lost, record
or not, is made again."""

import pytest

from provenance import record
from workflow import asked, configuration

STRAY = """

rule stray:
    output:
        "results/stray.txt",
    shell:
        "touch {output}"
"""


@pytest.mark.parametrize("place", ["rule fetch:", "refuse_rules_without_record()\n\n\n#", None])
def test_a_rule_without_a_record_is_refused(fresh, place):
    path = fresh.root / "Snakefile"
    text = path.read_text()
    before, found, after = text.rpartition(place) if place else (text, "", "")
    path.write_text(f"{before}{STRAY}\n\n{found}{after}")
    try:
        process = fresh.snakemake("results/stray.txt")
    finally:
        path.write_text(text)
    assert process.returncode == 1
    lines = [line for line in process.stderr.splitlines() if "no record" in line]
    assert len(lines) == 1
    assert lines[0].startswith("Snakefile: rule stray leaves no record of what it makes: its shell")
    assert "Traceback" not in process.stderr
    assert not (fresh.root / "results/stray.txt").exists()


def test_every_output_is_in_a_record(built):
    made = {job["output_file"] for job in built.table("--summary")}
    records = {file for file in made if file.endswith(".record.json")}
    recorded = {file for name in records for file in record.read(built.root / name)["outputs"]}
    assert recorded == made - records


@pytest.mark.parametrize(
    "lost",
    [
        "results/smoke/runs/backprop-width50.record.json",
        "results/smoke/runs/backprop-width50.csv",
        "data/mnist/labels.npy",
    ],
)
def test_what_is_lost_is_made_again(built, tmp_path, lost):
    path = built.root / lost
    path.rename(tmp_path / "lost")
    try:
        assert lost.replace(record.SUFFIX, ".csv") in built.pending()  # which names no records
    finally:
        (tmp_path / "lost").rename(path)


@pytest.mark.parametrize("overlay", ["", "beyond"])
def test_the_audit_expects_what_the_workflow_makes(fresh, overlay):
    files = [fresh.root / f"{overlay}.yaml"] if overlay else []
    config = asked.read_merged(fresh.root / "config.yaml", files)
    plan = configuration.plan(config | {"scale": "smoke"}, files)
    results, figures = asked.results_of(overlay, "smoke"), asked.figures_of(overlay, "smoke")
    jobs = asked.trained(plan, results) | asked.drawn(plan, results, figures, "smoke")
    expected = {file for path, job in jobs.items() for file in (path, *job.outputs)}

    options = ["--configfile", *map(str, files)] if files else []
    made = {file["output_file"] for file in fresh.table("--summary", *options)}
    assert {file for file in made if not file.startswith("data/")} == expected


def test_the_audit_expects_the_commands_of_the_workflow(built):
    """So do their inputs and outputs."""
    config = configuration.read(built.root / "config.yaml") | {"scale": "smoke"}
    plan = configuration.plan(config)
    results, figures = asked.results_of("", "smoke"), asked.figures_of("", "smoke")
    jobs = asked.trained(plan, results) | asked.drawn(plan, results, figures, "smoke")
    for path, job in jobs.items():
        made = record.read(built.root / path)
        assert job.rule == made["recipe"]["rule"]
        assert job.command == made["made"]["command"]
        assert job.inputs == made["inputs"].keys()
        assert job.outputs == made["outputs"].keys()
