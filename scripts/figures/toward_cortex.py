"""Energy and learning time up to widths that others extrapolate to: what the power laws miss.

Panels: M0, M1, learning time, by rule. Dashed: power laws fitted in the paper's range, from the
width of least energy to 10,000 hidden units at the rule's usual learning rate and initial weights,
drawn on as far as networks were simulated. Shaded: widths at which these were scaled down for all
rules, for stability.
"""

import pandas as pd
from command import main
from estimates import fitted, laws, rows, tidy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from seeds import WIDEST_OF_PAPER
from style import Style, draw_series, label_ends, lay_out, name_axes, new_figure, title

PANELS = {"A": "M0", "B": "M1", "C": "trials"}
SCALED = ["learning_rate", "initial_sd"]  # what may fall as the width grows
TITLES = {"A": "number of updates", "B": "summed change", "C": "learning time"}


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each quantity of PANELS against width, by rule, and the fits.

    Rows of kind `missed` say by which factor the energies at a width beyond the paper's range
    exceed the power law; the interval is that of the law, over seeds. `scaled`: whether the
    networks had another learning rate or other initial weights than most of their rule.
    """
    table = pd.concat(
        [
            tidy(energy, letter, "width", quantity, keep=SCALED)
            for letter, quantity in PANELS.items()
        ],
        ignore_index=True,
    )
    usual = table.groupby("series")[SCALED].transform(lambda values: values.mode()[0])
    table["scaled"] = (table[SCALED] != usual).any(axis=1)
    energies = table[table["quantity"] != "trials"]
    paper = energies[(energies["x"] <= WIDEST_OF_PAPER) & ~energies["scaled"]]
    fits = fitted(paper, upto=table["x"].max())
    return pd.concat([table, fits, _missed(energies, paper)], ignore_index=True)


def _missed(energies: pd.DataFrame, paper: pd.DataFrame) -> pd.DataFrame:
    means = energies[(energies["kind"] == "mean") & energies["reached"]]
    lines = [rows(panel=[])]
    for at, _, law in laws(paper):
        mine = means[(means[list(at)] == pd.Series(at)).all(axis=1)]
        for x in mine.loc[mine["x"] > WIDEST_OF_PAPER, "x"]:
            same = (energies[list(at)] == pd.Series(at)).all(axis=1) & (energies["x"] == x)
            runs = energies[same & (energies["kind"] == "run")]
            y, low, high = law.missed(x, runs["y"])
            lines.append(rows(**at, kind="missed", x=x, y=y, low=low, high=high))
    return pd.concat(lines, ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = new_figure(1, 3, height=85)
    for ax, (letter, quantity) in zip(axes, PANELS.items(), strict=True):
        panel = table[table["panel"] == letter]
        name_axes(ax, "width", quantity)
        draw_series(ax, panel)
        _shade_scaled(ax, panel)
        title(ax, letter, TITLES[letter])
    lay_out(figure)
    label_ends(axes[-1], table[table["panel"] == "C"])
    return figure


def _shade_scaled(ax: Axes, panel: pd.DataFrame) -> None:
    """Shade the widths at which no rule has its usual rate and initial weights; say so in A."""
    every = panel[panel["kind"] == "mean"].groupby("x")["scaled"].all()
    scaled = every.index[every]
    if scaled.empty:
        return
    ax.axvspan(scaled.min() / 1.6, scaled.max() * 1.6, color="0.94", lw=0, zorder=-1)
    if (panel["panel"] != "A").any():
        return
    middle = (scaled.min() * scaled.max()) ** 0.5
    where: Style = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "bottom"}
    ax.text(
        middle, 0.01, "rate or initial weights\nscaled down", size="small", color="0.4", **where
    )


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw)
