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


def parts(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Return the check of an object that has the needed parts, and only optional ones besides."""
    known = {**needed, **(optional or {})}

    def check(value: Any) -> str | None:
        def problem(name: str) -> str | None:
            return known[name](value[name]) if name in known else "unknown part"

        missing = (f"{name}: missing" for name in needed if name not in value)
        return _first(value, problem, "not an object") or next(missing, None)

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
BY_CONTENT = parts({"rule": TEXT, "content": FILES})
RESOLVED = parts(
    {"rule": TEXT, "parameters": each(parameter), "data": FILES},
    {"code": FILES, "packages": TEXTS, "arithmetic": TEXTS},
)
MADE = parts(
    {
        **dict.fromkeys(("start", "end", "host", "cpu", "platform", "python"), TEXT),
        "seconds": NUMBER,
        "from_store": kind(bool),
        "command": words,
        "sources": FILES,
        "commit": kind(str, type(None)),
        "dirty": kind(bool, type(None)),
    },
    {"recipe": RESOLVED},
)


def recipe(value: Any) -> str | None:
    """Check that a value is a recipe."""
    by_content = isinstance(value, dict) and "content" in value
    return BY_CONTENT(value) if by_content else RESOLVED(value)


RECORD = parts(
    {"id": TEXT, "seal": TEXT, "recipe": recipe}
    | dict.fromkeys(("outputs", "inputs", "records"), FILES)
    | {"made": MADE}
)


def problem(value: Any) -> str | None:
    """Return what keeps a JSON value from being a record, in words; None if nothing does."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        return "nested too deeply"
    except ValueError:
        return "not JSON in Unicode"
    if found := RECORD(value):
        return found
    if "content" in value["recipe"] and "recipe" not in value["made"]:
        return "made: recipe: missing"
    return None if value["outputs"] else "outputs: none"
