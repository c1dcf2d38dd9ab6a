"""Declarations of parameters.

Each parameter is declared once, as a field of a dataclass, with its type, default, limits, unit,
meaning and source. Everything else is derived from the declaration: checks, command-line options,
the JSON schema, columns of tables, and documentation.
"""

from dataclasses import MISSING, Field, dataclass, field, fields
from math import inf
from typing import Any, get_args


class ParameterError(ValueError):
    """Raised if the value of a parameter is not allowed.

    The message is one line with the key, the value and what is allowed.
    """

    def __init__(self, key: str, value: object, allowed: str):
        super().__init__(f"{key}: {value!r} is not allowed: {allowed}")

    # These texts belong to an exception class because its body is not part of the identity of a
    # step: networks are not trained again if a text changes.
    @staticmethod
    def noun(parameter: "Parameter") -> str:
        """Return the type of a numeric parameter in words, such as "an integer"."""
        bounded = parameter.at_most is not None or parameter.below is not None
        nouns = {int: "an integer", float: "a number" if bounded else "a finite number"}
        return nouns[parameter.kind]

    @staticmethod
    def allowed(parameter: "Parameter") -> str:
        """Return the allowed values of the parameter in words."""
        if parameter.kind is str:
            return "one of " + ", ".join(parameter.choices) if parameter.choices else "a text"
        limits = {
            " above {}": parameter.above,
            " of at least {}": parameter.at_least,
            ", at most {}": parameter.at_most,
            ", below {}": parameter.below,
        }
        given = (words.format(limit) for words, limit in limits.items() if limit is not None)
        return ParameterError.noun(parameter) + "".join(given)

    @staticmethod
    def meaning(parameter: "Parameter", meant: bool) -> str:
        """Return in words that the parameter needs a value, or that it has no meaning here."""
        if meant:
            return f"a value is needed with {parameter.meant_for}"
        return f"it is meant for {parameter.meant_for} only"


def require(condition: bool, key: str, value: object, allowed: str) -> None:
    """Raise ParameterError if `condition` is false.

    `allowed` says in words which values are allowed.
    """
    if not condition:
        raise ParameterError(key, value, allowed)


def require_choice(key: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise ParameterError if `value` is not one of `choices`."""
    require(value in choices, key, value, "one of " + ", ".join(choices))


@dataclass(frozen=True)
class Parameter:
    """A parameter: its type, its default, its allowed values and its meaning.

    Numbers must be finite and within the given limits. `meant_for` says in words when the parameter
    has a meaning; without this text it always has one. `source` is a key of the list of sources
    in config.yaml: [P], [L], [S] or [here].
    """

    name: str
    kind: type  # int, float or str
    default: Any  # MISSING if there is none, so that a value is required
    choices: tuple[str, ...] = ()
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None
    unit: str = ""
    meant_for: str = ""
    help: str = ""
    source: str = ""

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        return ParameterError.allowed(self)

    def allows(self, value: Any) -> bool:
        """Return whether a value is allowed. None is allowed if it is the default."""
        if value is None:
            return self.default is None
        if self.kind is str:
            return not self.choices or value in self.choices
        return (
            -inf < value < inf
            and (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )

    def value_of(self, text: str) -> Any:
        """Convert `text` to a value of the parameter's type.

        The function does not check whether the value is allowed. Raises ParameterError if `text`
        cannot be converted.
        """
        try:
            return self.kind(text)
        except ValueError:
            raise ParameterError(self.name, text, ParameterError.noun(self)) from None


def parameter(default: Any = MISSING, **known: Any) -> Any:
    """Return a dataclass field that declares a parameter.

    `known` are attributes of `Parameter`, such as limits, unit and help.
    """
    return field(default=default, metadata=known)


def declared(*kinds: type) -> dict[str, Parameter]:
    """Return the parameters that dataclasses declare, by name."""

    def read(one: Field) -> Parameter:
        types = (one.type, *get_args(one.type))
        kind = next(kind for kind in (int, float, str) if kind in types)
        return Parameter(one.name, kind, one.default, **one.metadata)

    return {one.name: read(one) for kind in kinds for one in fields(kind)}


def check(values: object) -> None:
    """Check the fields of an instance of a dataclass that declares parameters.

    Raises ParameterError for the first field whose value is not allowed.
    """
    for name, one in declared(type(values)).items():
        value = getattr(values, name)
        require(one.allows(value), name, value, one.allowed)


def check_meaning(values: object, **meant: bool) -> None:
    """Check that parameters have a value if they are meant in this combination, and else None.

    `values` is an instance of a dataclass that declares parameters. `meant` says of each parameter
    whether it has a meaning. Raises ParameterError for the first one that is wrong.
    """
    parameters = declared(type(values))
    for name, has_meaning in meant.items():
        value = getattr(values, name)
        error = ParameterError.meaning(parameters[name], has_meaning)
        require((value is not None) == has_meaning, name, value, error)
