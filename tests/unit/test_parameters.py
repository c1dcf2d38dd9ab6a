"""Parameters: each is declared once, and all that depends on the list of them is derived."""

import json
import shutil
import subprocess
import sys
from dataclasses import MISSING, dataclass
from pathlib import Path

import pytest

import found
from analysis.tables import CONDITION
from plasticity.parameters import Parameter, ParameterError, check, declared, parameter
from plasticity.results import COLUMNS, CURVE_COLUMNS
from plasticity.settings import PARAMETERS, STOP_ON
from workflow import configuration, parameters

ROOT = Path(__file__).parents[2]


@dataclass
class Example:
    """Some parameters."""

    count: int = parameter(at_least=1, at_most=9, help="How many.", unit="units")
    share: float = parameter(0.5, above=0, below=1)
    rate: float | None = parameter(None, above=0)
    shift: float = parameter(0.0)
    colour: str = parameter("red", choices=("red", "blue"))


def test_the_declaration_says_all():
    example = declared(Example)
    assert list(example) == ["count", "share", "rate", "shift", "colour"]
    assert example["count"] == Parameter(
        "count", int, MISSING, at_least=1, at_most=9, help="How many.", unit="units"
    )
    assert (example["rate"].kind, example["rate"].default) == (float, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "count: 0 is not allowed: an integer of at least 1, at most 9"),
        ({"count": 10}, "count: 10 is not allowed: an integer of at least 1, at most 9"),
        ({"count": None}, "count: None is not allowed: an integer of at least 1, at most 9"),
        ({"share": 0}, "share: 0 is not allowed: a number above 0, below 1"),
        ({"share": 1.0}, "share: 1.0 is not allowed: a number above 0, below 1"),
        ({"share": float("nan")}, "share: nan is not allowed: a number above 0, below 1"),
        ({"rate": 0}, "rate: 0 is not allowed: a finite number above 0"),
        ({"rate": float("inf")}, "rate: inf is not allowed: a finite number above 0"),
        ({"shift": float("-inf")}, "shift: -inf is not allowed: a finite number"),
        ({"colour": "green"}, "colour: 'green' is not allowed: one of red, blue"),
        ({"colour": None}, "colour: None is not allowed: one of red, blue"),
    ],
)
def test_a_value_beyond_its_declaration_is_refused_in_one_line(values, message):
    with pytest.raises(ParameterError) as refused:
        check(Example(**{"count": 1} | values))
    assert str(refused.value) == message


@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize("rate", [None, 1e-300, 5])
def test_a_value_within_its_declaration_is_allowed(count, rate):
    check(Example(count=count, rate=rate, shift=-1e300, colour="blue"))


def test_every_parameter_is_described_and_has_a_source():
    for one in PARAMETERS.values():
        assert one.help[0].isupper() and one.help.endswith(".")
        assert one.source in ("[P]", "[L]", "[S]", "[here]")


def test_the_schema_and_the_page_are_those_that_the_declarations_give():
    written = (ROOT / "schemas" / "config.schema.json").read_text(encoding="utf-8")
    advice = "run 'python -m workflow.parameters'"
    assert written == parameters.text(parameters.schema(json.loads(written))) + "\n", advice
    assert (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8") == parameters.page(), (
        advice
    )


def test_the_lists_of_parameters_agree():
    assert set(CONDITION) | {"seed"} == set(PARAMETERS) == set(COLUMNS) & set(PARAMETERS)
    assert set(PARAMETERS) < set(CURVE_COLUMNS)
    assert set(found.KINDS) == set(PARAMETERS) - {"rule", "seed"}
    assert configuration.SCHEMA["$defs"]["stop_on"]["enum"] == list(STOP_ON)


# What a reader adds to the settings, and where that is to be found.
ADDED = """    momentum: float = parameter(
        0.25, at_least=0, below=1, unit="per trial", help="Share of the last change.", source="[S]"
    )
"""
LOOK = """
import json, sys
sys.path[:0] = ["scripts"]
from workflow import parameters, training_options
import found
from analysis import conditions, estimates, tables
from plasticity.results import COLUMNS, CURVE_COLUMNS
from plasticity.settings import Settings
schema = json.loads(parameters.SCHEMA.read_text())
entry = schema["$defs"]["entries"]["items"]["properties"]
print(json.dumps({
    "option": training_options.parser("train", "").format_help(),
    "type": found.KINDS["momentum"].__name__,
    "lists": ["momentum" in names for names in (
        COLUMNS, CURVE_COLUMNS, conditions.CONDITION, estimates.CONDITION, tables.COLUMNS["energy"],
        training_options.REQUIRED, entry, schema["properties"]["model"]["properties"])],
    "schema": schema["$defs"]["momentum"],
    "page": parameters.PAGE.read_text(),
}))
try:
    Settings(width=1, momentum=1.0)
except ValueError as error:
    print(error, file=sys.stderr)
"""


def test_a_parameter_that_is_added_in_one_place_is_found_everywhere(tmp_path):
    for folder in ("scripts", "schemas"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "docs").mkdir()
    settings = tmp_path / "scripts" / "plasticity" / "settings.py"
    place = "    caching_threshold: float"
    settings.write_text(settings.read_text().replace(place, f"{ADDED}{place}"))
    write = [sys.executable, "-m", "workflow.parameters"]
    subprocess.run(write, cwd=tmp_path / "scripts", check=True)
    look = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    seen = json.loads(look.stdout)
    assert "--momentum" in seen["option"] and "Share of the last change." in seen["option"]
    assert seen["type"] == "float"
    assert all(seen["lists"])
    assert seen["schema"] == {
        "description": "Share of the last change. Unit: per trial.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
    }
    assert (
        "| `momentum` | number | a number of at least 0, below 1 | 0.25 | per trial |"
        " Share of the last change. | [S] |" in seen["page"]
    )
    assert "momentum: 1.0 is not allowed: a number of at least 0, below 1" in look.stderr
