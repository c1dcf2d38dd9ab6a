"""Pages from templates: the text is in report/*.md.j2, the numbers come from `analysis`."""

from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROOT = Path(__file__).resolve().parents[2]
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power(x: float) -> str:
    """Format a number with two digits and a power of ten, such as 1.4 × 10⁸."""
    mantissa, exponent = f"{x:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def number(x: float) -> str:
    """Format a number with two significant digits, such as 0.46, 4.6, 46 or 4,600."""
    if x == 0 or not np.isfinite(x):
        return f"{x:g}"
    digits = 1 - int(np.floor(np.log10(abs(x))))
    return f"{round(x, digits):,.{max(digits, 0)}f}"


def whole(x: float) -> str:
    """Format a number as an integer, such as 10,000."""
    return f"{x:,.0f}"


def plain(x: float) -> str:
    """Format a number with at most six digits and no trailing zeros, such as 0.02 or 97.5."""
    return f"{x:g}"


def words(name: str) -> str:
    """Replace the underscores in the name of a rule or parameter by spaces."""
    return str(name).replace("_", " ")


def one_line(text: str) -> str:
    """Join the lines of a text, with single spaces between words."""
    return " ".join(text.split())


def render(template: str, **facts: object) -> str:
    """Render a template of report/ with `facts`.

    Raises jinja2.UndefinedError if the template uses a fact that is missing.
    """
    pages = Environment(
        loader=FileSystemLoader(ROOT / "report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (power, number, whole, plain, words, one_line)
    pages.filters |= {filter.__name__: filter for filter in filters}
    return pages.get_template(template).render(facts)
