"""Check the shape of records, whoever wrote them.

A record that has this shape can be compared, followed and shown without an error. It may name only
files in the project.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

Check = Callable[[Any], str | None]  # returns what is wrong with a value, if anything


def kind(*types: type) -> Check:
    """Return the check that a value has exactly one of these types."""
    names = " or ".join("null" if one is type(None) else one.__name__ for one in types)
    return lambda value: None if type(value) in types else f"not {names}"


TEXT, NUMBER = kind(str), kind(int, float)


def each(check: Check, key: Check = TEXT) -> Check:
    """Return the check of an object with any keys, by the checks of a key and of a value."""
    return lambda value: _first(
        value, lambda name: key(name) or check(value[name]), "not an object"
    )


def parts(**checks: Check) -> Check:
    """Return the check of an object that has no other parts than these; each may be missing."""

    def check(value: Any) -> str | None:
        def problem(name: str) -> str | None:
            return checks[name](value[name]) if name in checks else "unknown part"

        return _first(value, problem, "not an object")

    return check


def _first(value: Any, problem: Callable[[str], str | None], otherwise: str) -> str | None:
    """Return the first problem of an object's parts with the name of the part, if there is any."""
    if not isinstance(value, dict):
        return otherwise
    found = ((name, problem(name)) for name in value)
    return next((f"{name}: {what}" for name, what in found if what), None)


def in_project(file: Any) -> str | None:
    """Check that a file is named by its plain path, relative to the project's folder."""
    path = PurePosixPath(file)
    plain = str(path) == file and not path.is_absolute() and file != "."
    return None if plain and not {"..", "\0"} & {*path.parts, *file} else "not in the project"


def words(value: Any) -> str | None:
    """Check that a value is a list of words, at least one."""
    good = isinstance(value, list) and value and all(isinstance(word, str) for word in value)
    return None if good else "not a list of words"


def parameter(value: Any) -> str | None:
    """Check that a value is that of a parameter: a word, a number, a list of them, or true."""
    values = value if isinstance(value, list) else [value]
    good = value is True or all(type(one) in (str, int, float) for one in values)
    return None if good else "not a value of a parameter"


TEXTS = each(TEXT)
FILES = each(TEXT, in_project)
RECIPE = parts(
    rule=TEXT,
    code=FILES,
    packages=TEXTS,
    arithmetic=TEXTS,
    parameters=each(parameter),
    data=FILES,
    content=FILES,
)
MADE = {
    **dict.fromkeys(("start", "end", "host", "cpu", "platform", "python"), TEXT),
    "seconds": NUMBER,
    "from_store": kind(bool),
    "command": words,
    "sources": FILES,
    "commit": kind(str, type(None)),
    "dirty": kind(bool, type(None)),
}
RECORD = parts(
    id=TEXT,
    seal=TEXT,
    recipe=RECIPE,
    outputs=FILES,
    inputs=FILES,
    records=FILES,
    made=parts(**MADE, recipe=RECIPE),
)


def problem(value: Any) -> str | None:
    """Return what is wrong with the parts that a JSON value has; None if nothing is wrong."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        return "nested too deeply"
    except ValueError:
        return "not JSON in Unicode"
    return RECORD(value)


def lacking(record: Mapping) -> str | None:
    """Return what a record lacks that the recorder always writes, in words; None if nothing."""
    recipe, made = record["recipe"], record["made"]
    if missing := [part for part in MADE if part not in made]:
        return f"made: {missing[0]}: missing"
    whole = {"content"} if "content" in recipe else {"parameters", "data"}
    if missing := sorted(whole - recipe.keys()):
        return f"recipe: {missing[0]}: missing"
    inner = made.get("recipe", recipe)
    return None if "rule" in inner and "parameters" in inner else "made: recipe: parts are missing"
