"""The page of results in a browser without a network: marks answer, and everybody can read it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from axe_core_python.base import AXE_SCRIPT
from selenium import webdriver
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from analysis.seeds import geometric_mean
from provenance.history import unpack
from provenance.record import parameters

ROOT = Path(__file__).parents[2]
DRIVER = shutil.which("chromedriver")
BUILDS = {"figures": "config.yaml", "figures/beyond": "beyond.yaml"}
FIGURES = sorted(
    f"{Path(folder).name}-{path.stem}" for folder in BUILDS for path in ROOT.glob(f"{folder}/*.svg")
)
TRIED = 4  # marks of each figure

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromium") and DRIVER), reason="there is no Chromium to open it in"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of what is published."""
    path = tmp_path_factory.mktemp("site") / "index.html"
    command = [sys.executable, "scripts/website.py", "--figures", *BUILDS]
    command += ["--configs", *BUILDS.values(), "--output", path]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for word in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000"),
        *("--host-resolver-rules=MAP * ~NOTFOUND",),
    ):
        options.add_argument(word)
    folder = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    logged = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logged)
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.downloads = folder
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, page):
    """Return a function that opens the page with some state in its address."""

    def open_page(state=""):
        browser.get("about:blank")
        browser.get(f"{page.as_uri()}{state}")
        return browser

    return open_page


def scroll_to(browser, selector):
    """Scroll to a plot, and wait until it is drawn."""
    browser.execute_script("document.querySelector(arguments[0]).scrollIntoView()", selector)
    drawn = f"{selector} svg"
    WebDriverWait(browser, 60).until(lambda _: browser.find_elements(By.CSS_SELECTOR, drawn))


def table_of(key):
    """Return the plotted numbers of a figure, as text."""
    folder, _, name = key.partition("-")
    folder = "figures/beyond" if folder == "beyond" else folder
    return pd.read_csv(ROOT / folder / f"{name}.csv", dtype=str, keep_default_na=False)


def claims_that_rest_on(networks, folder):
    """Return the claims of a build that use some of the networks, rows of its table."""
    names = {f"{row.condition}:{row.seed}" for row in networks.itertuples()}
    claims = pd.read_csv(ROOT / folder / "claims.csv", keep_default_na=False)

    def named(text):
        parts = (one.split(":") for one in text.split())
        return {f"{name}:{seed}" for name, seeds in parts for seed in seeds.split(",")}

    return {row.id for row in claims.itertuples() if named(row.networks) & names}


def row_in(address):
    """Return the number of the row that the address of the page names."""
    return int(address.partition("row=")[2].partition("&")[0].rpartition("%3A")[2])


# The places in the window of some marks of a figure, and their rows.
PLACES = """
const figure = figures.get(arguments[0]), plot = plots.get(arguments[0]), places = [];
for (let i = 0; i < figure.marks.length; i += Math.ceil(figure.marks.length / arguments[1])) {
    const mark = figure.marks[i], at = place(mark), svg = plot.querySelector("svg");
    places.push([mark.row, at.x + at.width / 2, at.y + at.height / 2]);
}
return places;
"""
BRING = """
const [key, x, y] = arguments, svg = plots.get(key).querySelector("svg");
const matrix = () => svg.getScreenCTM();
const { y: from } = new DOMPoint(x, y).matrixTransform(matrix());
scrollBy({ top: from - innerHeight / 2, behavior: "instant" });
const at = new DOMPoint(x, y).matrixTransform(matrix());
return [at.x, at.y];
"""


@pytest.mark.parametrize("key", FIGURES)
def test_a_click_on_a_mark_shows_its_row(opened, key):
    browser, table = opened(), table_of(key)
    scroll_to(browser, f"#{key} .plot")
    for row, x, y in browser.execute_script(PLACES, key, TRIED):
        at = browser.execute_script(BRING, key, x, y)
        if at[0] > 800:  # the panel would be above it
            browser.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
            at = browser.execute_script(BRING, key, x, y)
        mouse = ActionBuilder(browser)
        mouse.pointer_action.move_to_location(round(at[0]), round(at[1])).click()
        mouse.perform()
        shown = row_in(browser.current_url)
        # Another mark may be as near; it must be where this one is.
        near = "return figures.get(arguments[0]).marks.filter(m => arguments[1].includes(m.row))"
        near += ".map(m => [place(m).x + place(m).width / 2, place(m).y + place(m).height / 2])"
        places = browser.execute_script(near, key, [shown])
        assert any(abs(x - a) + abs(y - b) < 8 for a, b in places), (row, shown)
        text = browser.find_element(By.ID, "panel").text
        assert f"row {shown + 1} of " in text
        wanted = table.iloc[shown]
        value = wanted["value"] if "verdict" in table else wanted["y"]
        said = "return shown(arguments[0])"
        if value and value != "nan":
            assert browser.execute_script(said, value) in text
        names = wanted["networks"].split() if wanted["networks"] else []
        headings = browser.find_elements(By.CSS_SELECTOR, "#panel .condition > h3")
        summaries = browser.find_elements(By.CSS_SELECTOR, "#answer > details > summary")
        assert {one.text for one in [*headings, *summaries]} == {
            name.partition(":")[0] for name in names
        }


def test_nothing_goes_wrong_and_nothing_is_loaded(opened):
    browser = opened()
    browser.get_log("performance")
    for plot in ("#figures-trade_off .plot", "#chart"):
        scroll_to(opened(), plot)
    entries = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {
        entry["params"]["request"]["url"]
        for entry in entries
        if entry["method"] == "Network.requestWillBeSent"
    }
    assert {url.partition(":")[0] for url in urls} <= {"file", "about", "data"}
    assert len([url for url in urls if url.startswith("file:")]) == 1
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []


def test_the_page_is_small(page):
    assert page.stat().st_size < 15e6


def test_plots_are_drawn_when_they_come_near_or_are_printed(opened):
    browser = opened()
    drawn = "return [document.querySelectorAll('.plot svg').length, 'vegaEmbed' in window]"
    near = "return document.querySelectorAll('#headline .plot svg').length"
    WebDriverWait(browser, 60).until(lambda _: browser.execute_script(near))
    assert browser.execute_script(drawn) == [1, False]
    height = "return document.documentElement.scrollHeight"
    before = browser.execute_script(height)
    browser.execute_cdp_cmd("Page.printToPDF", {})
    assert browser.execute_script(drawn) == [len(FIGURES), False]
    assert browser.execute_script(height) == before  # so that a click meets what was aimed at
    scroll_to(browser, "#chart")
    assert browser.execute_script(drawn) == [len(FIGURES), True]


def test_figures_are_seen_without_scripts(opened, browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        plots = opened().find_elements(By.CSS_SELECTOR, ".plot svg")
        assert len(plots) == len(FIGURES)
        assert all(plot.size["height"] > 100 for plot in plots)
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_keys_go_from_mark_to_mark(opened):
    browser = opened()
    plot = browser.find_element(By.CSS_SELECTOR, "#figures-trade_off .plot")
    plot.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    told = browser.find_element(By.ID, "told").get_attribute("textContent")
    assert "network, seed" in told
    plot.send_keys(Keys.ENTER)
    table = table_of("figures-trade_off")
    row = table.iloc[row_in(browser.current_url)]
    assert browser.switch_to.active_element.get_attribute("id") == "panel-heading"
    assert row["networks"].partition(":")[0] in browser.find_element(By.ID, "panel").text
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not browser.find_element(By.ID, "panel").is_displayed()
    assert browser.switch_to.active_element == plot


def test_the_command_and_the_chain_are_those_of_the_records(opened):
    table = table_of("figures-trade_off")
    row = table.index[(table["kind"] == "mean") & (table["reached"] == "True")][0]
    browser = opened(f"#row=figures-trade_off%3A{row}")
    condition = table["networks"][row].partition(":")[0]
    panel = browser.find_element(By.ID, "panel")
    content = panel.get_attribute("textContent")
    assert f"results/paper/runs/{condition}.record.json" in content
    records = unpack(ROOT / "figures/records.json.gz")
    record = records[f"results/paper/runs/{condition}.record.json"]
    assert record["id"] in content
    for hash in records["data/mnist/fetch.record.json"]["outputs"].values():
        assert hash in content
    command = panel.find_element(By.TAG_NAME, "pre").text.split()
    ran = record["made"]["command"]
    options = ran[: ran.index("--output")]
    assert parameters(command[:-2], {}, []) == parameters(options, {}, [])
    assert command[-2:] == ["--output", "-"]


def test_the_network_of_the_lowest_dot_can_be_trained_again(opened):
    browser, table = opened(), table_of("figures-trade_off")
    heading = browser.find_element(By.LINK_TEXT, "Headline figure")
    heading.click()
    label = "[aria-label='Mark of the lowest value in panel A']"
    browser.find_element(By.CSS_SELECTOR, f"#headline {label}").click()
    dots = table[(table["panel"] == "A") & (table["kind"] == "run") & (table["reached"] == "True")]
    lowest = dots.loc[dots["y"].astype(float).idxmin()]
    condition, _, seed = lowest["networks"].split()[0].partition(":")
    shown = browser.find_element(By.CSS_SELECTOR, "#panel .condition")
    assert shown.find_element(By.TAG_NAME, "h3").text == condition
    command = shown.find_element(By.TAG_NAME, "pre").text.split()
    assert command[:4] == ["python", "scripts/train.py", "--rule", lowest["series"]]
    assert command[-4:] == ["--seed", seed, "--output", "-"]
    asked = parameters(command[:-2], {}, [])
    records = unpack(ROOT / "figures/records.json.gz")
    ran = records[f"results/paper/runs/{condition}.record.json"]["made"]["command"]
    assert asked == parameters(ran[: ran.index("--output")], {}, []) | {"seed": int(seed)}


@pytest.mark.parametrize("key", [key for key in FIGURES if not key.endswith("-claims")])
def test_the_lowest_and_the_highest_mark_of_each_panel_are_found(opened, key):
    browser, table = opened(), table_of(key)
    values = pd.to_numeric(table["y"])
    buttons = browser.find_elements(By.CSS_SELECTOR, f"#{key} .extremes button")
    panels = table.loc[(table["networks"] != "") & values.notna(), "panel"].unique()
    assert [button.text for button in buttons] == [*panels, *panels]
    for i, button in enumerate(buttons):
        browser.execute_script("arguments[0].click()", button)
        marks = "return figures.get(arguments[0]).marks.map(mark => mark.row)"
        drawn = table.index[table["panel"] == button.text].intersection(
            browser.execute_script(marks, key)
        )
        extreme = values[drawn].min() if i < len(panels) else values[drawn].max()
        assert values[row_in(browser.current_url)] == extreme


def test_the_claims_that_rest_on_some_networks_are_listed(opened):
    browser = opened()
    Select(browser.find_element(By.ID, "resting-rule")).select_by_visible_text("subnet")
    Select(browser.find_element(By.ID, "resting-width")).select_by_visible_text("1,000")
    shown = browser.find_elements(By.CSS_SELECTOR, "#claims .claim:not([hidden])")
    wanted = set()
    for folder in BUILDS:
        energy = pd.read_csv(ROOT / folder / "energy.csv")
        subnets = energy[(energy["rule"] == "subnet") & (energy["width"] == 1000)]
        names = claims_that_rest_on(subnets, folder)
        build = Path(BUILDS[folder]).stem.replace("config", "paper")
        wanted |= {f"claim-{build}-{name}" for name in names}
    assert {claim.get_attribute("id") for claim in shown} == wanted
    assert 0 < len(wanted) < len(browser.find_elements(By.CSS_SELECTOR, "#claims .claim"))
    first = shown[0].find_element(By.TAG_NAME, "details")
    first.find_element(By.TAG_NAME, "summary").click()
    readings = first.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert 0 < len([one for one in readings if one.is_displayed()]) < len(readings)
    assert browser.find_element(By.ID, "resting-count").text.startswith(f"{len(wanted)} of ")
    Select(browser.find_element(By.ID, "resting-rule")).select_by_visible_text("any")
    Select(browser.find_element(By.ID, "resting-width")).select_by_visible_text("any")
    assert browser.find_elements(By.CSS_SELECTOR, "#claims [hidden]") == []


def test_the_least_cost_of_the_papers_rules_has_its_interval(opened):
    browser = opened()
    floor = browser.find_element(By.ID, "claim-paper-floor")
    assert "least M0 of all settings" in floor.text
    floor.find_element(By.CSS_SELECTOR, "button.ask").click()
    energy = pd.read_csv(ROOT / "figures/energy.csv")
    (shown,) = browser.find_elements(By.CSS_SELECTOR, "#panel .condition")
    condition = shown.find_element(By.TAG_NAME, "h3").text
    runs = energy[energy["condition"] == condition].drop_duplicates("seed")
    said = "return arguments.length && [...arguments].map(shown)"
    mean, low, high = browser.execute_script(said, *geometric_mean(runs["M0"]))
    assert f"{mean} updates (95 % interval: {low} to {high})" in shown.text
    assert f"{mean} ({low} to {high})" in browser.find_element(By.ID, "panel").text


def test_networks_of_common_goals_are_shown_first(opened):
    browser = opened()
    scroll_to(browser, "#chart")
    goals = browser.find_elements(By.CSS_SELECTOR, "[data-filter=goal] :checked")
    tables = [pd.read_csv(ROOT / folder / "energy.csv") for folder in BUILDS]
    counts = pd.concat(tables)["goal"].value_counts()
    assert {float(goal.get_attribute("value")) for goal in goals} == set(counts.index[:2])


def test_the_explorer_selects_what_the_table_has(opened):
    energy = pd.read_csv(ROOT / "figures/energy.csv", dtype=str, keep_default_na=False)
    wanted = energy[(energy["rule"] == "subnet") & (energy["width"] == "1000")]
    wanted = wanted.drop_duplicates(["condition", "seed"])
    browser = opened("#f.rule=subnet&f.width=1000&f.collection=paper")
    selected = browser.find_element(By.ID, "selected")
    WebDriverWait(browser, 20).until(lambda _: selected.text.startswith(f"{len(wanted)} networks"))
    browser.execute_script("document.getElementById('download').click()")
    path = browser.downloads / "networks.csv"
    WebDriverWait(browser, 20).until(lambda _: path.exists())
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    key = ["condition", "seed"]
    columns = [name for name in energy if name != "experiment"]
    assert (
        table.sort_values(key)[columns].values.tolist()
        == wanted.sort_values(key)[columns].values.tolist()
    )
    uses = browser.find_element(By.ID, "uses").text
    using = claims_that_rest_on(wanted, "figures")
    assert using
    for name in pd.read_csv(ROOT / "figures/claims.csv")["id"].unique():
        assert (f"{name} (" in uses) == (name in using), name


def test_the_address_keeps_the_view(opened):
    browser = opened()
    scroll_to(browser, "#chart")
    Select(browser.find_element(By.ID, "choose-y")).select_by_value("M1")
    Select(browser.find_element(By.ID, "add-filter")).select_by_value("rule")
    browser.execute_script(
        "document.querySelector('[data-filter=rule] [value=competitive]').click()"
    )
    said = browser.find_element(By.ID, "selected").text
    again = opened("#" + browser.current_url.partition("#")[2])
    assert Select(again.find_element(By.ID, "choose-y")).first_selected_option.text.startswith("M1")
    assert again.find_element(
        By.CSS_SELECTOR, "[data-filter=rule] [value=competitive]"
    ).is_selected()
    selected = again.find_element(By.ID, "selected")
    WebDriverWait(again, 20).until(lambda _: selected.text == said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(opened, scheme):
    table = table_of("figures-trade_off")
    row = table.index[table["kind"] == "mean"][0]
    browser = opened(f"#row=figures-trade_off%3A{row}")
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.execute_script(
        "for (const one of document.querySelectorAll('details:not(.numbers)')) one.open = true"
    )
    browser.execute_script(AXE_SCRIPT)
    # The SVGs are hidden from screen readers, and have tens of thousands of elements.
    run = """
    const done = arguments[0];
    const seen = { exclude: [["svg"], ["details.numbers"]] };
    axe.run(seen, { resultTypes: ["violations"] }).then(done);
    """
    browser.set_script_timeout(300)
    found = browser.execute_async_script(run)
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in serious] == []


def test_print_is_light_and_has_no_controls(opened):
    seen = """
    const style = name => getComputedStyle(document.querySelector(name));
    const controls = [...document.querySelectorAll("button, select, input, nav")];
    return [style("body").color, style(".verdict").color, style(".plot").filter,
        controls.filter(one => one.checkVisibility()).length];
    """
    found = []
    for scheme in ("light", "dark"):
        browser = opened()
        scroll_to(browser, "#chart")
        feature = {"name": "prefers-color-scheme", "value": scheme}
        emulated = {"media": "print", "features": [feature]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)
        found.append(browser.execute_script(seen))
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert found[0] == found[1]
    assert found[0][2:] == ["none", 0]


def test_a_narrow_page_does_not_scroll_sideways(opened):
    browser = opened()
    browser.execute_script(
        "for (const one of document.querySelectorAll('#claims details')) one.open = true"
    )
    wide = """
    const regions = [document.documentElement, ...document.querySelectorAll("#claims .scroll")];
    return regions.map(one => one.scrollWidth - one.clientWidth);
    """
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert set(browser.execute_script(wide)) == {0}
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
