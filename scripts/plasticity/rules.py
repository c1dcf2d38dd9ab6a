"""Plasticity rules: a gate (when), an eligible set (where) and a selection (how many).

The three parts are independent: any combination is a rule. A rule says which synapses may change on
a trial; how much each of them changes is back-propagation's business and is the same for all rules.
"""

from dataclasses import dataclass

import numpy as np

from plasticity.network import CLASSES
from plasticity.parameters import check, parameter, require, require_choice
from plasticity.streams import stream

GATES = ("always", "error", "margin")
ELIGIBLE = (
    "all",
    "random_synapses",
    "fixed_neurons",
    "random_neurons",
    "class_neurons",
    "subnet",
    "output_only",
)
SELECTIONS = ("all", "per_layer", "per_neuron")
UPDATE_CRITERIA = ("largest_update", "smallest_update")
WEIGHT_CRITERIA = ("largest_weight", "smallest_weight")
UNIT_CRITERIA = ("largest_error", "largest_activity")
CRITERIA = UPDATE_CRITERIA + WEIGHT_CRITERIA + UNIT_CRITERIA

# Eligible sets that are given as a fraction; the others need a number of units or nothing.
FRACTIONAL = ("random_synapses", "fixed_neurons", "random_neurons", "class_neurons")

# With 784 pixels against 10 outputs, a fraction p of a hidden unit's inputs and 78.4 p of its
# outputs are the same number of plastic synapses.
OUT_PER_HIDDEN = 78.4


@dataclass(frozen=True)
class Rule:
    """A plasticity rule.

    Raises ParameterError, in one line, for a part that is unknown, missing, out of range or
    meaningless.
    """

    gate: str = parameter(
        "always",
        choices=GATES,
        help="When synapses may change: on every trial, on misclassified patterns only, or when"
        " the right output leads the best wrong one by less than the margin.",
        source="[L]",
    )
    margin: float | None = parameter(
        None,
        unit="output activity",
        help="Lead of the right output from which on nothing is learned; with gate margin only.",
        source="[L]",
    )
    eligible: str = parameter(
        "all",
        choices=ELIGIBLE,
        help="Which synapses may change at all; random_neurons draws afresh on each trial, the"
        " other random sets are fixed.",
        source="[P]",
    )
    eligible_fraction: float | None = parameter(
        None,
        above=0,
        at_most=1,
        help="Fraction of synapses or hidden units in the eligible set, where a selection takes"
        " its own fraction of that set.",
        source="[here]",
    )
    plastic_units: int | None = parameter(
        None,
        at_least=1,
        help="Hidden units whose inputs and outputs may change; with eligible subnet only.",
        source="[P]",
    )
    select: str = parameter(
        "all",
        choices=SELECTIONS,
        help="How many of the eligible synapses change: all, or the top fraction of each layer or"
        " of each receiving unit's inputs.",
        source="[P]",
    )
    criterion: str | None = parameter(
        None,
        choices=CRITERIA,
        help="What a selection ranks by; largest_error and largest_activity rank hidden units, and"
        " go with select per_layer only.",
        source="[P]",
    )
    fraction: float | None = parameter(
        None,
        above=0,
        at_most=1,
        help="Fraction that is plastic: of the selection, or of the eligible set where nothing is"
        " selected.",
        source="[P]",
    )
    fraction_out: float | None = parameter(
        None,
        above=0,
        at_most=1,
        help="The same for the output layer; left out, min(1, 78.4 fraction).",
        source="[P]",
    )

    def __post_init__(self) -> None:
        check(self)
        selects = self.select != "all"
        fractional = self.eligible in FRACTIONAL
        if selects:
            require_choice("criterion", self.criterion, CRITERIA)
        if self.criterion in UNIT_CRITERIA:
            require(
                self.select == "per_layer",
                "select",
                self.select,
                "per_layer with " + self.criterion,
            )
        splits_out = self.chooses_synapses or (self.eligible == "random_synapses" and not selects)
        for key, needed, reason in (
            ("margin", self.gate == "margin", "gate margin"),
            ("criterion", selects, "select per_layer or per_neuron"),
            ("fraction", selects or fractional, "a fractional eligible set or a selection"),
            (
                "eligible_fraction",
                selects and fractional,
                "a selection from a fractional eligible set",
            ),
            ("plastic_units", self.eligible == "subnet", "eligible subnet"),
        ):
            value = getattr(self, key)
            if needed:
                require(value is not None, key, value, f"a value is needed with {reason}")
            else:
                require(value is None, key, value, f"it is meant for {reason} only")
        if not splits_out:
            require(
                self.fraction_out is None,
                "fraction_out",
                self.fraction_out,
                "it is meant for rules that choose synapses in both layers only",
            )
        if splits_out and self.fraction_out is None:
            object.__setattr__(self, "fraction_out", min(1.0, OUT_PER_HIDDEN * self.fractions[0]))

    def check_width(self, width: int) -> None:
        """Raise ParameterError where the rule does not fit a network of `width` hidden units."""
        require(
            self.plastic_units is None or self.plastic_units <= width,
            "plastic_units",
            self.plastic_units,
            f"at most the width, {width}",
        )

    @property
    def chooses_synapses(self) -> bool:
        """Whether the selection is among synapses, not among hidden units."""
        return self.select != "all" and self.criterion not in UNIT_CRITERIA

    @property
    def wants_largest(self) -> bool:
        """Whether the winners are those with the largest values of the criterion."""
        return self.criterion is not None and self.criterion.startswith("largest")

    @property
    def fractions(self) -> tuple[float, float]:
        """Fractions of the hidden and of the output layer, 1 where none is meant."""
        return self.fraction or 1.0, self.fraction_out or 1.0

    @property
    def mask_fraction(self) -> float:
        """Fraction of the eligible set, 1 where none is meant."""
        return self.fractions[0] if self.select == "all" else self.eligible_fraction or 1.0


def number(fraction: float, eligible: int) -> int:
    """k, the number of chosen among `eligible`: max(1, round(fraction x eligible)), 0 of
    nothing."""
    return min(eligible, max(1, round(fraction * eligible)))


def chosen(values: np.ndarray, eligible: np.ndarray, k: int, largest: bool) -> np.ndarray:
    """Mask of the k eligible elements with the largest (smallest) `values`; ties are kept.

    `values` and the boolean `eligible` have the same shape, as has the result. More than k are
    chosen where the k-th value occurs several times.
    """
    if k == 0:
        return np.zeros_like(eligible)
    order = np.sort(values[eligible])
    if largest:
        return eligible & (values >= order[-k])
    return eligible & (values <= order[k - 1])


@dataclass(frozen=True)
class Eligibility:
    """The eligible set of one network.

    `units` (N,) are the hidden units whose inputs may change, `class_units` (10, N) the same by the
    pattern's class, `fresh` the probability with which each unit is drawn anew on each trial;
    `hidden` (N, inputs) and `out` (10, N + 1) are the synapses that may change. None means no
    restriction.
    """

    units: np.ndarray | None = None
    class_units: np.ndarray | None = None
    fresh: float | None = None
    hidden: np.ndarray | None = None
    out: np.ndarray | None = None

    def trial_units(self, width: int, label: int, rng: np.random.Generator) -> np.ndarray:
        """Hidden units (N,) that are eligible on a trial with a pattern of class `label`."""
        if self.units is not None:
            return self.units
        if self.class_units is not None:
            return self.class_units[label]
        if self.fresh is not None:
            return rng.random(width, dtype=np.float32) < np.float32(self.fresh)
        return np.ones(width, bool)


def random_mask(shape: tuple[int, ...], fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Boolean mask of `shape` in which exactly number(fraction, size) random elements are set."""
    mask = np.zeros(shape, bool)
    mask.flat[rng.choice(mask.size, number(fraction, mask.size), replace=False, shuffle=False)] = (
        True
    )
    return mask


def first_units(width: int, k: int) -> np.ndarray:
    """Mask of the first k of N hidden units.

    Initial weights are independent and identically distributed, so the first k units are as random
    a subset as any, and their weights lie together in memory.
    """
    return np.arange(width) < k


def eligibility(rule: Rule, width: int, inputs: int, seed: int) -> Eligibility:
    """Draw the eligible set of `rule` for a network of `width` hidden units.

    Raises ParameterError where a subnet has more units than the network.
    """
    rule.check_width(width)
    rng = stream(seed, "eligible set")
    p = rule.mask_fraction
    match rule.eligible:
        case "random_synapses":
            q = rule.fractions[1] if rule.select == "all" else min(1.0, OUT_PER_HIDDEN * p)
            return Eligibility(
                hidden=random_mask((width, inputs), p, rng),
                out=random_mask((CLASSES, width + 1), q, rng),
            )
        case "fixed_neurons":
            return Eligibility(units=first_units(width, number(p, width)))
        case "random_neurons":
            return Eligibility(fresh=p)
        case "class_neurons":
            masks = [random_mask((width,), p, rng) for _ in range(CLASSES)]
            return Eligibility(class_units=np.stack(masks))
        case "subnet":
            units = first_units(width, rule.plastic_units or width)
            out = np.broadcast_to(np.append(units, True), (CLASSES, width + 1))
            return Eligibility(units=units, out=out)
        case "output_only":
            return Eligibility(units=np.zeros(width, bool))
        case _:
            return Eligibility()
