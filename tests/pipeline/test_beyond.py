"""What goes beyond the paper, at smoke scale: an overlay that is built into folders of its own."""

from pathlib import Path

import pandas as pd
import pytest

from provenance import record
from workflow.configuration import read

ROOT = Path(__file__).parents[2]
CONFIG = read(ROOT / "beyond.yaml")
OVERLAY = ("--configfile", "beyond.yaml")
FIGURES = "figures/beyond/smoke"
RESULTS = "results/beyond/smoke"


@pytest.fixture(scope="module")
def energy(beyond):
    """The networks that were trained."""
    return pd.read_csv(beyond.root / RESULTS / "energy.csv")


def test_its_figures_and_pages_are_in_folders_of_its_own(beyond):
    for name in CONFIG["figures"]:
        for kind in ("svg", "png", "pdf", "csv"):
            assert (beyond.root / FIGURES / f"{name}.{kind}").stat().st_size > 0
    for page in ("gallery.md", "finding.md"):
        assert (beyond.root / FIGURES / page).stat().st_size > 0
    for path, text in beyond.paper.items():
        assert path.read_text() == text
    for folder in ("results", "figures", "logs"):
        assert not (beyond.root / folder / "smoke").exists()


def test_the_table_has_its_experiments_and_which_rules_were_found(energy):
    assert list(energy["experiment"].unique()) == list(CONFIG["experiments"])
    found = energy.drop_duplicates("rule").set_index("rule")["searched"]
    assert set(found.dropna().index) == CONFIG["found"].keys() & set(found.index)
    assert "gate" not in found["frugal_without_gate"].split()
    assert found["frugal_only_selection"] == "selection"


def test_every_claim_of_ours_has_a_verdict(beyond):
    claims = pd.read_csv(beyond.root / RESULTS / "claims.csv").drop_duplicates("id")
    assert list(claims["id"]) == CONFIG["claims"]
    assert (claims["source"] == "ours").all()
    untested = claims.loc[claims["verdict"] == "not tested", "id"]
    assert list(untested) == ["power-law"]  # takes wider networks


def test_the_finding_is_stated_and_marked_as_a_quick_check(beyond):
    page = (beyond.root / FIGURES / "finding.md").read_text()
    assert "not a result" in page and "10. " in page
    method = page.partition("How it was done: [beyond.md](")[2].partition(")")[0]
    assert (beyond.root / FIGURES / method).is_file()


def test_a_second_call_does_nothing(beyond):
    process = beyond.snakemake(*OVERLAY)
    assert process.returncode == 0
    assert "Nothing to be done" in process.stderr


def test_every_output_is_in_a_record(beyond):
    made = {job["output_file"] for job in beyond.table("--summary", *OVERLAY)}
    records = {file for file in made if file.endswith(record.SUFFIX)}
    recorded = {file for name in records for file in record.read(beyond.root / name)["outputs"]}
    assert recorded == made - records


def test_what_a_search_has_found_is_made_again_when_it_is_lost(beyond, tmp_path):
    lost = f"{RESULTS}/searches/change.finalists.csv"
    path = beyond.root / lost
    path.rename(tmp_path / "lost")
    try:
        assert lost in beyond.pending(*OVERLAY)
    finally:
        (tmp_path / "lost").rename(path)
