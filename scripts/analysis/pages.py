"""Pages from templates: the text is in report/*.j2, the numbers come from `analysis`."""

import re

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from provenance.files import ROOT

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


def measured(x: float) -> str:
    """Format a measured value with three digits, as a power of ten if it is large or small."""
    if not np.isfinite(x) or x == 0 or 1e-3 <= abs(x) < 1e5:
        return f"{float(f'{x:.3g}'):,g}".replace("-", "−")
    return power(x)


def typeset(text: str) -> Markup:
    """Return a text as HTML, with its powers of ten (10^8) as superscripts."""
    return Markup(re.sub(r"\b10\^(\d+)", r"10<sup>\1</sup>", str(escape(text))))


def script_safe(text: str) -> str:
    """Return a script that can stand in an HTML element."""
    return text.replace("</script", "<\\/script").replace("<!--", "\\x3C!--")


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
    filters = (power, number, whole, plain, words, one_line, measured, typeset, script_safe)
    pages.filters |= {filter.__name__: filter for filter in filters}
    return pages.get_template(template).render(facts)
