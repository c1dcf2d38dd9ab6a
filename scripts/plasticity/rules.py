"""Plasticity rules: a gate (when), an eligible set (where) and a selection (how many).

The three parts are independent and can be combined freely. A rule determines which synapses may
change on a trial. By how much each of them changes is determined by back-propagation, in the same
way for all rules.
"""

from dataclasses import dataclass

import numpy as np

from plasticity.network import CLASSES
from plasticity.parameters import (
    check,
    check_meaning,
    parameter,
    require,
    require_choice,
)
from plasticity.streams import stream

GATES = ("always", "error", "margin")
MARGIN_UNITS = ("activity", "rms")
ELIGIBLE = (
    "all",
    "random_synapses",
    "fixed_neurons",
    "random_neurons",
    "class_neurons",
    "alternating_neurons",
    "subnet",
    "output_only",
)
SELECTIONS = ("all", "per_layer", "per_neuron")
UPDATE_CRITERIA = ("largest_update", "smallest_update")
WEIGHT_CRITERIA = ("largest_weight", "smallest_weight")
ERROR_CRITERIA = ("largest_error", "smallest_error")
ACTIVITY_CRITERIA = ("largest_activity", "smallest_activity")
UNIT_CRITERIA = ERROR_CRITERIA + ACTIVITY_CRITERIA
CRITERIA = UPDATE_CRITERIA + WEIGHT_CRITERIA + UNIT_CRITERIA
# Criteria under which the largest values win.
LARGEST_WIN = ("largest_update", "largest_weight", "largest_error", "largest_activity")

# Eligible sets whose size is given by a fraction. The size of a subnet is a number of units.
FRACTIONAL = (
    "random_synapses",
    "fixed_neurons",
    "random_neurons",
    "class_neurons",
    "alternating_neurons",
)

# A hidden unit has 784 pixels as inputs, and 10 outputs. With a plastic fraction p of its inputs
# and 78.4 p of its outputs it has equally many plastic synapses in both layers.
OUT_PER_HIDDEN = 78.4


@dataclass(frozen=True)
class Rule:
    """A plasticity rule.

    If `fraction_out` is needed but not given, it becomes min(1, 78.4 fraction). So do `winners_out`
    (winners) and `margin_unit` (activity).

    Raises ParameterError with a one-line message if a value is unknown, missing or out of range,
    or has no meaning in this rule.
    """

    gate: str = parameter(
        "always",
        choices=GATES,
        help="Trials on which synapses may change: all trials (always), those with a misclassified"
        " pattern (error), or those on which the correct output exceeds the largest wrong output"
        " by less than the margin (margin).",
        source="[L]",
    )
    margin: float | None = parameter(
        None,
        unit="output activity",
        meant_for="gate margin",
        help="Nothing is learned if the correct output exceeds the largest wrong output by this"
        " much or more. Only with gate margin.",
        source="[L]",
    )
    margin_unit: str | None = parameter(
        None,
        choices=MARGIN_UNITS,
        meant_for="gate margin",
        help="Unit of the margin: output activity (activity, if not given), or the root mean square"
        " of the trial's output activities (rms), so that the margin does not depend on their"
        " scale. Only with gate margin.",
        source="[here]",
    )
    eligible: str = parameter(
        "all",
        choices=ELIGIBLE,
        help="Synapses that may change at all. The set random_neurons is drawn anew on each trial;"
        " the other random sets are fixed, one for each class (class_neurons) or several in turn"
        " (alternating_neurons).",
        source="[P]",
    )
    eligible_fraction: float | None = parameter(
        None,
        meant_for="a selection from a fractional eligible set",
        above=0,
        at_most=1,
        help="Fraction of the synapses or hidden units that are eligible, in a rule that selects"
        " from a random eligible set. The selection then takes its fraction or number of this set.",
        source="[here]",
    )
    alternating_sets: int | None = parameter(
        None,
        meant_for="eligible alternating_neurons",
        at_least=1,
        help="Number of fixed random sets of hidden units that are eligible in turn, one on each"
        " trial. Only with eligible alternating_neurons.",
        source="[P]",
    )
    plastic_units: int | None = parameter(
        None,
        meant_for="eligible subnet",
        at_least=1,
        help="Number of hidden units whose inputs and outputs may change. Only with eligible"
        " subnet.",
        source="[P]",
    )
    select: str = parameter(
        "all",
        choices=SELECTIONS,
        help="Eligible synapses that change: all of them (all), or the top fraction or number of"
        " each layer (per_layer) or of the inputs of each receiving unit (per_neuron).",
        source="[P]",
    )
    criterion: str | None = parameter(
        None,
        choices=CRITERIA,
        meant_for="select per_layer or per_neuron",
        help="Quantity that is compared in a selection. Criteria that compare errors or activities"
        " require select per_layer, and select hidden units instead of synapses.",
        source="[P]",
    )
    fraction: float | None = parameter(
        None,
        meant_for="a fractional eligible set or a selection",
        above=0,
        at_most=1,
        help="Fraction of the eligible synapses of the hidden layer, or of the eligible hidden"
        " units, that is selected. Without a selection, the fraction that is eligible.",
        source="[P]",
    )
    fraction_out: float | None = parameter(
        None,
        meant_for="rules that choose synapses in both layers",
        above=0,
        at_most=1,
        help="Fraction in the output layer, for rules that choose synapses in both layers. If not"
        " given, it is min(1, 78.4 fraction).",
        source="[P]",
    )
    winners: int | None = parameter(
        None,
        meant_for="a selection without a fraction",
        at_least=1,
        help="Number that is selected, instead of a fraction: eligible synapses of the hidden layer"
        " (per_layer) or of each hidden unit (per_neuron), or eligible hidden units (as in meProp,"
        " Sun et al., arXiv:1706.06197).",
        source="[here]",
    )
    winners_out: int | None = parameter(
        None,
        meant_for="a selection of a number of synapses",
        at_least=1,
        help="The same for the output layer. If not given, it equals winners.",
        source="[here]",
    )

    def __post_init__(self) -> None:
        check(self)
        selects = self.select != "all"
        fractional = self.eligible in FRACTIONAL
        counted = selects and self.winners is not None
        if self.gate == "margin" and self.margin_unit is None:
            object.__setattr__(self, "margin_unit", "activity")
        if selects:
            require_choice("criterion", self.criterion, CRITERIA)
        if self.criterion in UNIT_CRITERIA:
            require(
                self.select == "per_layer",
                "select",
                self.select,
                f"criterion {self.criterion} requires per_layer",
            )
        splits_out = self.chooses_synapses or (self.eligible == "random_synapses" and not selects)
        if splits_out and not counted and self.fraction_out is None:
            object.__setattr__(self, "fraction_out", min(1.0, OUT_PER_HIDDEN * self.fractions[0]))
        if splits_out and counted and self.winners_out is None:
            object.__setattr__(self, "winners_out", self.winners)
        check_meaning(
            self,
            margin=self.gate == "margin",
            margin_unit=self.gate == "margin",
            criterion=selects,
            fraction=(selects and not counted) or (fractional and not selects),
            winners=counted,
            winners_out=splits_out and counted,
            eligible_fraction=selects and fractional,
            alternating_sets=self.eligible == "alternating_neurons",
            plastic_units=self.eligible == "subnet",
            fraction_out=splits_out and not counted,
        )

    def check_width(self, width: int) -> None:
        """Raise ParameterError if the rule has more plastic units than `width` hidden units."""
        require(
            self.plastic_units is None or self.plastic_units <= width,
            "plastic_units",
            self.plastic_units,
            f"at most the width, {width}",
        )

    @property
    def chooses_synapses(self) -> bool:
        """Whether the rule selects synapses, in contrast to hidden units or nothing."""
        return self.select != "all" and self.criterion not in UNIT_CRITERIA

    @property
    def wants_largest(self) -> bool:
        """Whether the largest values of the criterion win."""
        return self.criterion in LARGEST_WIN

    @property
    def fractions(self) -> tuple[float, float]:
        """Fractions of the hidden layer and the output layer; 1 if the rule has none."""
        return self.fraction or 1.0, self.fraction_out or 1.0

    def number(self, layer: int, eligible: int) -> int:
        """Return how many of the eligible synapses of a layer, or hidden units, are selected."""
        winners = (self.winners, self.winners_out)[layer] or 0
        return number(self.fractions[layer], winners, eligible)

    @property
    def mask_fraction(self) -> float:
        """Fraction of synapses or hidden units in the eligible set; 1 if the rule has none."""
        return self.fractions[0] if self.select == "all" else self.eligible_fraction or 1.0


def number(fraction: float, winners: int, eligible: int) -> int:
    """Return how many of `eligible` elements are chosen, and at most all of them.

    This is `winners`, or max(1, round(fraction x eligible)) if `winners` is 0.
    """
    return min(eligible, winners if winners > 0 else max(1, round(fraction * eligible)))


def chosen(values: np.ndarray, eligible: np.ndarray, k: int, largest: bool) -> np.ndarray:
    """Return the mask of the k eligible elements with the largest, or else smallest, values.

    `values`, the boolean mask `eligible` and the result have the same shape. Ties are kept: more
    than k elements are chosen if several are equal to the k-th value.
    """
    if k == 0:
        return np.zeros_like(eligible)
    order = np.sort(values[eligible])
    if largest:
        return eligible & (values >= order[-k])
    return eligible & (values <= order[k - 1])


@dataclass(frozen=True)
class Eligibility:
    """The eligible set of one network, as boolean masks; None means no restriction.

    `units` (N,) are the hidden units whose inputs may change. `class_units` (10, N) are the same
    for each class of patterns, and `alternating` (sets, N) for each trial in turn. `fresh` is the
    probability with which each hidden unit is eligible, drawn anew on each trial. `hidden`
    (N, inputs) and `out` (10, N + 1) are the synapses that may change.
    """

    units: np.ndarray | None = None
    class_units: np.ndarray | None = None
    alternating: np.ndarray | None = None
    fresh: float | None = None
    hidden: np.ndarray | None = None
    out: np.ndarray | None = None

    def trial_units(
        self, width: int, trial: int, label: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the mask (N,) of the hidden units that are eligible on a trial.

        `trial` counts from 0, and `label` is the class of the pattern. `rng` is used if units are
        drawn anew on each trial.
        """
        if self.units is not None:
            return self.units
        if self.class_units is not None:
            return self.class_units[label]
        if self.alternating is not None:
            return self.alternating[trial % len(self.alternating)]
        if self.fresh is not None:
            return rng.random(width, dtype=np.float32) < np.float32(self.fresh)
        return np.ones(width, bool)


def random_mask(shape: tuple[int, ...], fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Return a boolean mask with exactly number(fraction, 0, size) random elements set to True."""
    mask = np.zeros(shape, bool)
    k = number(fraction, 0, mask.size)
    mask.flat[rng.choice(mask.size, k, replace=False, shuffle=False)] = True
    return mask


def random_sets(sets: int, width: int, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Return independent random sets of hidden units, as boolean masks (sets, N)."""
    return np.stack([random_mask((width,), fraction, rng) for _ in range(sets)])


def first_units(width: int, k: int) -> np.ndarray:
    """Return the mask (N,) of the first k of N hidden units.

    Initial weights are independent and identically distributed, so the first k units are a random
    subset. Their weights are contiguous in memory.
    """
    return np.arange(width) < k


def eligibility(rule: Rule, width: int, inputs: int, seed: int) -> Eligibility:
    """Draw the eligible set of a rule for a network with `width` hidden units.

    `inputs` is the number of inputs of each hidden unit, with the bias. Raises ParameterError if
    a subnet has more units than the network.
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
            return Eligibility(units=first_units(width, number(p, 0, width)))
        case "random_neurons":
            return Eligibility(fresh=p)
        case "class_neurons":
            return Eligibility(class_units=random_sets(CLASSES, width, p, rng))
        case "alternating_neurons":
            sets = rule.alternating_sets or 1
            return Eligibility(alternating=random_sets(sets, width, p, rng))
        case "subnet":
            units = first_units(width, rule.plastic_units or width)
            out = np.broadcast_to(np.append(units, True), (CLASSES, width + 1))
            return Eligibility(units=units, out=out)
        case "output_only":
            return Eligibility(units=np.zeros(width, bool))
        case _:
            return Eligibility()
