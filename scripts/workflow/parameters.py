"""Write what is derived from the declarations of parameters.

This is a part of the configuration's schema, and the page docs/parameters.md.

Run it after a parameter has changed:

    python -m workflow.parameters
"""

import copy
import json
from collections.abc import Iterable
from dataclasses import MISSING

from found import INGREDIENTS, KINDS, SEARCHED
from plasticity.parameters import Parameter, declared
from plasticity.settings import PARAMETERS, Settings, Task
from provenance.files import ROOT, write
from workflow.training_options import DATASET

SCHEMA = ROOT / "schemas" / "config.schema.json"
PAGE = ROOT / "docs" / "parameters.md"
ALL = PARAMETERS | {"dataset": DATASET}
WIDTH = 120  # characters of a line, unless one text alone takes more

TYPES = {int: "integer", float: "number", str: "string"}
LIMITS = {
    "minimum": "at_least",
    "exclusiveMinimum": "above",
    "maximum": "at_most",
    "exclusiveMaximum": "below",
}
HEAD = """# Parameters

What determines a network: its plasticity rule, the model and its training, the data and the
random streams. Each is a key of an experiment in the configuration, an option of
`scripts/train.py`, and a column of the results. A rule or an experiment sets those that it needs;
all others come from `model` in `config.yaml`, and then from the defaults here. Sources are those
of [config.yaml](../config.yaml). The command `python -m workflow.parameters` writes this page from
the declarations in `scripts/plasticity/`.

| name | type | allowed | default | unit | meaning | source |
|---|---|---|---|---|---|---|
"""


def definition(one: Parameter) -> dict:
    """Return the JSON Schema of a parameter."""
    about = {"description": f"{one.help} Unit: {one.unit}." if one.unit else one.help}
    if one.choices:
        return about | {"enum": list(one.choices)}
    limits = {
        word: limit for word, name in LIMITS.items() if (limit := getattr(one, name)) is not None
    }
    text = {"minLength": 1} if one.kind is str else {}
    return about | {"type": TYPES[one.kind]} | text | limits


def schema(written_by_hand: dict) -> dict:
    """Return the schema of the configuration with all that says which parameters there are."""
    whole = copy.deepcopy(written_by_hand)
    definitions, properties = whole["$defs"], whole["properties"]
    definitions |= {name: definition(one) for name, one in ALL.items()}
    of_width = [name for name in KINDS if name != "width"]
    model = [name for name in of_width if name in [*declared(Settings, Task)]]
    needed = [name for name in model if PARAMETERS[name].default is not None]
    properties["model"] |= {"required": needed, "properties": references(model)}
    properties["rules"]["additionalProperties"]["properties"] = references(of_width)
    definitions["training"]["properties"] = references(model)
    definitions["start"]["items"]["properties"] = references(SEARCHED)
    definitions["space"]["properties"] = {
        name: reference("choices" if KINDS[name] is str else "limits") | {"items": reference(name)}
        for name in SEARCHED
    }
    definitions["own_space"]["properties"] = {
        name: {"if": {"type": "null"}, "else": one}
        for name, one in definitions["space"]["properties"].items()
    }
    definitions["ingredients"]["items"]["enum"] = list(INGREDIENTS)
    entry = {name: one_or_list(name) for name in ("rule", *KINDS)} | {"seed": reference("seeds")}
    entry["record"] = reference("examinations")
    definitions["entries"]["items"]["properties"] = entry
    return whole


def reference(name: str) -> dict:
    """Return the schema that refers to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def references(names: Iterable[str]) -> dict[str, dict]:
    """Return properties that refer to the definitions of their names."""
    return {name: reference(name) for name in names}


def one_or_list(name: str) -> dict:
    """Return the schema of a value, or of a list of values that are multiplied out."""
    one = reference(name)
    return {"if": reference("list"), "then": {"items": one}, "else": one}


def text(value: object, indent: str = "", before: int = 0) -> str:
    """Return a JSON value as text: on one line if it fits there, behind so many characters."""
    line = json.dumps(value, ensure_ascii=False)
    inner = f"{indent}  "
    if not isinstance(value, dict | list) or len(line) + before < WIDTH:
        return line
    if isinstance(value, list):
        parts, ends = [text(part, inner, len(inner)) for part in value], "[]"
    else:
        keys = {f"{json.dumps(key)}: ": part for key, part in value.items()}
        parts = [key + text(part, inner, len(inner + key)) for key, part in keys.items()]
        ends = "{}"
    return f"{ends[0]}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{ends[1]}"


def page() -> str:
    """Return the page that describes all parameters."""
    rows = []
    for name, one in ALL.items():
        default = (
            ""
            if one.default in (None, MISSING)
            else f"{one.default:,}"
            if one.kind is int
            else one.default
        )
        kind = "text" if one.kind is str else TYPES[one.kind]
        cells = [f"`{name}`", kind, one.allowed, default, one.unit, one.help, one.source]
        rows.append("| " + " | ".join(map(str, cells)) + " |\n")
    return HEAD + "".join(rows)


def main() -> None:
    """Write the schema and the page."""
    for path, content in {
        SCHEMA: text(schema(json.loads(SCHEMA.read_text(encoding="utf-8")))) + "\n",
        PAGE: page(),
    }.items():
        write(path, content.encode())


if __name__ == "__main__":
    main()
