"""The report, opened in a browser without a network: no errors, every figure there to be read."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from workflow.configuration import read

CHROMIUM = shutil.which("chromium")
ROOT = Path(__file__).parents[2]
CONFIG = read(ROOT / "config.yaml")

# Before anything else on the page: remember what goes wrong, files that do not load included.
LISTEN = """
var problems = [];
addEventListener("error", event => problems.push(event.message || event.target.outerHTML), true);
addEventListener("unhandledrejection", event => problems.push(String(event.reason)));
console.error = (...words) => problems.push(words.join(" "));
"""
# After everything else.
LOOK = (Path(__file__).parent / "look.js").read_text()

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open it in")


@pytest.fixture(scope="module")
def report(built, tmp_path_factory):
    """The report on everything that was built at smoke scale."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    process = built.snakemake("--report", path)
    assert process.returncode == 0, process.stderr
    assert not re.search(r"\((WARNING|ERROR|SEVERE)/\d\)", process.stderr), process.stderr
    return path.read_text()


def look(page, folder):
    """Return what look.js sees when a browser that reaches no other machine opens the page."""
    page = page.replace("<head>", f"<head><script>{LISTEN}</script>", 1)
    (folder / "report.html").write_text(f"{page}<script>{LOOK}</script>")
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1600,1000"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}"),
        *("--virtual-time-budget=60000", "--dump-dom", (folder / "report.html").as_uri()),
    ]
    browser = subprocess.run(command, capture_output=True, text=True)
    seen = re.search('<pre id="seen">(.*)</pre>', browser.stdout, re.DOTALL)
    assert seen, browser.stderr
    return json.loads(html.unescape(seen[1]))


@pytest.fixture(scope="module")
def seen(report, tmp_path_factory):
    return look(report, tmp_path_factory.mktemp("browser"))


def test_nothing_goes_wrong_and_nothing_is_loaded_from_elsewhere(seen):
    assert seen["problems"] == []


def test_the_first_page_shows_the_workflow_and_what_was_used(seen):
    assert seen["graph"] > 0
    assert "smoke scale" in seen["text"]
    assert f"learning rate {CONFIG['model']['learning_rate']}" in seen["text"]


def test_run_times_are_shown(seen):
    assert seen["charts"] == 2


def test_every_figure_can_be_read(seen):
    names = {f"figures/smoke/{name}.svg" for name in CONFIG["figures"]}
    assert seen["figures"].keys() == names
    for figure in seen["figures"].values():
        assert not figure["blank"] and not figure["cut"]
        assert figure["scale"] >= 0.8  # the table of claims is higher than a page


def test_every_figure_has_its_caption_and_says_what_was_trained(seen):
    for name, figure in CONFIG["figures"].items():
        caption = " ".join(seen["figures"][f"figures/smoke/{name}.svg"]["caption"].split())
        assert f"Figure {figure['number']}. {figure['title']}" in caption
        assert " ".join((ROOT / figure["caption"]).read_text().split()) in caption
        if experiment := CONFIG["experiments"].get(figure.get("experiment", name)):
            assert experiment["question"] in caption
            assert caption.count("rule ") >= len(experiment["smoke"])


def test_the_table_of_claims_is_shown(seen, built):
    claims = pd.read_csv(built.root / "results" / "smoke" / "claims.csv")
    assert len(seen["claims"]) == 1 + len(claims)
    for row, verdict in zip(seen["claims"][1:], claims["verdict"], strict=True):
        assert verdict in row


def test_what_goes_wrong_is_noticed(report, tmp_path):
    harms = {
        "nowhere is not defined": "<script>nowhere()</script>",
        "an error": "<script>console.error('an error')</script>",
        "https://example.org/a.png": "<img src='https://example.org/a.png'>",
    }
    problems = look(report + "".join(harms.values()), tmp_path)["problems"]
    for harm in harms:
        assert any(harm in problem for problem in problems), problems


def test_a_figure_that_is_empty_or_cut_off_is_noticed(report, tmp_path):
    empty = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
    page = re.sub('"data:image/svg[^"]*"', json.dumps(empty), report)
    seen = look(page.replace("height: 100%", "height: 3000px"), tmp_path)
    assert all(figure["blank"] and figure["cut"] for figure in seen["figures"].values())
