"""Rules that are found: the parameters that a search chooses, and what these mean together.

A found rule is a row of a search's table of finalists. Its parameters are named as in the results
but for one thing: `eligible_fraction` is the fraction of a fractional eligible set whether or not
something is selected from it, so that the eligible set and the selection can be varied apart.
"""

from collections.abc import Iterable, Mapping, Sequence

from plasticity.parameters import require
from plasticity.rules import FRACTIONAL, UNIT_CRITERIA
from plasticity.settings import PARAMETERS

# What a found rule is made of, as sets of parameters that only make sense together.
INGREDIENTS = {
    "gate": ["gate", "margin"],
    "eligible": ["eligible", "eligible_fraction", "plastic_units"],
    "selection": ["select", "criterion", "fraction", "fraction_out"],
    "width": ["width"],
    "learning_rates": ["learning_rate", "learning_rate_out"],
    "initial_weights": ["initial_sd"],
    "activation": ["activation"],
    "caching": ["caching_threshold"],
}
# In an order in which each has a meaning, or none, beside those before it.
SEARCHED = [key for keys in INGREDIENTS.values() for key in keys]
# What stands for an ingredient that is left out, where the model says nothing: backprop.
PLAIN = {"gate": "always", "eligible": "all", "select": "all", "width": 100}

# When a parameter has a meaning beside the others; those not named always have one.
MEANT = {
    "margin": lambda chosen: chosen["gate"] == "margin",
    "eligible_fraction": lambda chosen: chosen["eligible"] in FRACTIONAL,
    "plastic_units": lambda chosen: chosen["eligible"] == "subnet",
    "criterion": lambda chosen: chosen["select"] != "all",
    "fraction": lambda chosen: chosen["select"] != "all",
    "fraction_out": lambda chosen: (
        chosen["select"] != "all" and chosen.get("criterion") not in UNIT_CRITERIA
    ),
}

# The type of each parameter's values: int, float or str.
KINDS = {name: one.kind for name, one in PARAMETERS.items() if name not in ("rule", "seed")}


def has_meaning(key: str, chosen: Mapping) -> bool:
    """Whether a parameter has a meaning beside what is chosen of those before it."""
    return key not in MEANT or MEANT[key](chosen)


def allows(value: int | float | str, values: Sequence) -> bool:
    """Whether a value is one of these choices, or between these two limits."""
    return value in values if isinstance(value, str) else values[0] <= value <= values[1]


def rule_of(chosen: Mapping) -> dict:
    """Return those of the chosen parameters that have a meaning together, as a rule takes them."""
    kept = {key: value for key, value in chosen.items() if has_meaning(key, chosen)}
    if kept["select"] == "all" and "eligible_fraction" in kept:
        kept["fraction"] = kept.pop("eligible_fraction")
    if "plastic_units" in kept:
        kept["plastic_units"] = min(kept["plastic_units"], kept["width"])
    return kept


def choose(finalists: Sequence[Mapping[str, str]], within: float) -> dict:
    """Return the searched parameters of the best of `finalists`, which come best first.

    It is the first that learns `within` so many trials, or the fastest where none does.
    """
    fast = [row for row in finalists if float(row["trials"]) <= within]
    best = fast[0] if fast else min(finalists, key=lambda row: float(row["trials"]))
    return {key: value_of(key, best[key]) for key in SEARCHED if best[key]}


def value_of(key: str, text: str) -> int | float | str:
    """Return the value of a parameter that `text` stands for; raise ParameterError if none."""
    require(key in KINDS, key, text, "no parameter has this name")
    return PARAMETERS[key].value_of(text)


def values_of(words: Iterable[str]) -> dict[str, int | float | str]:
    """Return what words such as goal=0.95 say, by parameter; raise ParameterError if nothing."""
    pairs = (word.partition("=")[::2] for word in words)
    return {key: value_of(key, text) for key, text in pairs}
