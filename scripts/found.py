"""Found rules: the parameters that a search chooses, and which of them have a meaning together.

A found rule is a row in the table of finalists of a search. Its parameters have the same names as
in the results, with one difference: `eligible_fraction` is always the fraction of the eligible set,
even if nothing is selected from this set. So the eligible set and the selection can be varied
independently.
"""

from collections.abc import Iterable, Mapping, Sequence

from plasticity.parameters import require, require_choice
from plasticity.rules import FRACTIONAL, UNIT_CRITERIA
from plasticity.settings import PARAMETERS

# The ingredients of a found rule. Each is a set of parameters that only make sense together.
INGREDIENTS = {
    "gate": ["gate", "margin", "margin_unit"],
    "eligible": ["eligible", "eligible_fraction", "plastic_units"],
    "selection": ["select", "criterion", "fraction", "fraction_out", "winners", "winners_out"],
    "width": ["width"],
    "learning_rates": ["learning_rate", "learning_rate_out", "rate_unit"],
    "initial_weights": ["initial_sd", "initial_sd_out", "sd_unit"],
    "activation": ["activation"],
    "caching": ["caching_threshold"],
}
# All searched parameters. Whether one has a meaning depends only on those before it.
SEARCHED = [key for keys in INGREDIENTS.values() for key in keys]
# Values (those of backprop) for ingredients that are left out and that the model does not define.
PLAIN = {"gate": "always", "eligible": "all", "select": "all", "width": 100}

# Parameters that differ between tasks, where a search is for one rule that learns many.
TASK = ("dataset", "training_patterns", "loss", "goal", "width")

RECTIFIERS = ("relu", "leaky_relu")


def selects(chosen: Mapping) -> bool:
    """Return whether a rule selects synapses or hidden units."""
    return chosen["select"] != "all"


def selects_synapses(chosen: Mapping) -> bool:
    """Return whether a rule selects synapses, in both layers."""
    return selects(chosen) and chosen.get("criterion") not in UNIT_CRITERIA


# Conditions under which a parameter has a meaning. Parameters that are not listed always have one.
MEANT = {
    "margin": lambda chosen: chosen["gate"] == "margin",
    "margin_unit": lambda chosen: chosen["gate"] == "margin",
    "eligible_fraction": lambda chosen: chosen["eligible"] in FRACTIONAL,
    "plastic_units": lambda chosen: chosen["eligible"] == "subnet",
    "criterion": selects,
    "fraction": selects,
    "fraction_out": selects_synapses,
    "winners": selects,
    "winners_out": selects_synapses,
}

# The type of each parameter: int, float or str.
KINDS = {name: one.kind for name, one in PARAMETERS.items() if name not in ("rule", "seed")}


def has_meaning(key: str, chosen: Mapping) -> bool:
    """Return whether a parameter has a meaning, given the chosen values of those before it."""
    return key not in MEANT or MEANT[key](chosen)


def allows(value: int | float | str, values: Sequence) -> bool:
    """Return whether a value is one of these choices, or is between these two limits."""
    return value in values if isinstance(value, str) else values[0] <= value <= values[1]


def rule_of(chosen: Mapping) -> dict:
    """Return the chosen parameters that have a meaning together, in the form that `Rule` uses."""
    kept = {key: value for key, value in chosen.items() if has_meaning(key, chosen)}
    if kept["select"] == "all" and "eligible_fraction" in kept:
        kept["fraction"] = kept.pop("eligible_fraction")
    if "plastic_units" in kept:
        kept["plastic_units"] = min(kept["plastic_units"], kept["width"])
    return kept


def choose(finalists: Sequence[Mapping[str, str]], within: float) -> dict:
    """Return the searched parameters of the best finalist.

    `finalists` is ordered, with the best one first. The result belongs to the first finalist that
    learns within `within` trials, or to the fastest one if there is none.
    """
    fast = [row for row in finalists if float(row["trials"]) <= within]
    best = fast[0] if fast else min(finalists, key=lambda row: float(row["trials"]))
    return {key: value_of(key, best[key]) for key in SEARCHED if best[key]}


def with_equal_rates(chosen: Mapping) -> dict:
    """Return the same rule with equal learning rates in both layers.

    For rectifiers f(a x) = a f(x), so hidden weights times a and output weights over a give the
    same outputs. They learn alike if the hidden learning rate is multiplied by a^2 and that of the
    output layer divided by it; only the output bias then learns at another rate. M0 changes only by
    this, but M1 depends on a. Raises ParameterError for other activation functions, and for rates
    that are normalised.
    """
    require_choice("activation", chosen["activation"], RECTIFIERS)
    require_choice("rate_unit", chosen.get("rate_unit", "trial"), ("trial",))
    rate, sd = chosen["learning_rate"], chosen["initial_sd"]
    rate_out, sd_out = chosen.get("learning_rate_out", rate), chosen.get("initial_sd_out", sd)
    a = (rate_out / rate) ** 0.25
    return {
        **chosen,
        "learning_rate": (rate * rate_out) ** 0.5,
        "learning_rate_out": (rate * rate_out) ** 0.5,
        "initial_sd": sd * a,
        "initial_sd_out": sd_out / a,
    }


def value_of(key: str, text: str) -> int | float | str:
    """Convert a text to the value of a parameter.

    Raises ParameterError if there is no such parameter or the text cannot be converted.
    """
    require(key in KINDS, key, text, "no parameter has this name")
    return PARAMETERS[key].value_of(text)


def values_of(words: Iterable[str]) -> dict[str, int | float | str]:
    """Convert words such as goal=0.95 to a mapping from parameters to values.

    Raises ParameterError if there is no such parameter or a text cannot be converted.
    """
    pairs = (word.partition("=")[::2] for word in words)
    return {key: value_of(key, text) for key, text in pairs}
