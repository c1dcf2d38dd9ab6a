"""Draw a figure: its script computes the plotted numbers from tables, and draws them.

python scripts/plot.py scripts/figures/energy_vs_width.py --energy results/paper/energy.csv
"""

import argparse
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import pandas as pd

from analysis.tables import TableError, read, read_conditions, read_counts, with_networks
from figures.style import save
from workflow.command_line import Parser, finish

FOLDER = Path(__file__).parent / "figures"
# The parameters that `plotted` may have: whether they are several files, and what they are.
READS: dict[str, tuple[str | None, str]] = {
    "energy": (None, "table of trained networks (CSV)"),
    "curves": ("+", "tables of the tests during training (CSV)"),
    "counts": ("+", "numbers of updates of each synapse, by condition (npz)"),
    "overlaps": ("+", "overlaps of winners, by condition (CSV)"),
    "floors": ("+", "M0 of learners that write less than on-line learning, by condition (CSV)"),
    "searches": ("+", "histories of searches (CSV)"),
    "claims": (None, "table of claims (CSV)"),
}


def main() -> None:
    """Run the command: compute the plotted numbers, draw the figure and write both."""
    arguments = _parser().parse_args()

    def work() -> None:
        script = _script(arguments.script)
        tables = _tables(script, arguments)
        # The marks in the SVG name rows of the CSV file.
        numbers = script.plotted(**tables).reset_index(drop=True)
        output = arguments.output or f"figures/{arguments.script.stem}"
        save(script.draw(numbers), numbers, output, arguments.scale)

    finish(arguments.script.stem, work, TableError)


def _parser() -> Parser:
    parser = Parser("plot", description=__doc__)
    add = parser.add_argument
    add("script", type=Path, metavar="SCRIPT", help="the figure's script in scripts/figures/")
    for what, (nargs, text) in READS.items():
        add(f"--{what}", metavar="FILE", nargs=nargs, help=text)
    add("--experiment", help="whose networks are drawn (default: the one of the script's name)")
    add("--scale", choices=["smoke", "paper"], default="paper")
    add("--output", help="path of the figure without suffix (default: figures/NAME)")
    return parser


def _script(path: Path) -> ModuleType:
    """Return the module of a figure's script; raise TableError if it is not one."""
    if path.resolve().parent != FOLDER.resolve() or not path.is_file():
        known = sorted(script.stem for script in FOLDER.glob("*.py"))
        raise TableError(f"{path}: no script in scripts/figures/; there are: {', '.join(known)}")
    module = importlib.import_module(f"figures.{path.stem}")
    if not hasattr(module, "plotted"):
        raise TableError(f"{path}: not the script of a figure: it has no function plotted")
    return module


def _tables(script: ModuleType, arguments: argparse.Namespace) -> dict[str, object]:
    """Return the arguments of the script's `plotted`, by name.

    Raises TableError if a table is not given or cannot be used.
    """
    reads = inspect.signature(script.plotted).parameters
    for what in reads:
        if getattr(arguments, what) is None:
            raise TableError(f"{arguments.script}: --{what} is missing: {READS[what][1]}")
    return {what: _read(what, arguments) for what in reads}


def _read(what: str, arguments: argparse.Namespace) -> object:
    """Return what the option `what` names, for the parameter of this name; several tables as one.

    Numbers of updates are a list of {layer: updates of each synapse}, in the files' order.
    """
    paths = getattr(arguments, what)
    match what:
        case "energy":
            return _chosen(with_networks(read(paths, what)), arguments)
        case "counts":
            return [read_counts(path) for path in paths]
        case "curves" | "overlaps" | "floors":
            return read_conditions(paths, what)
        case "claims":
            return read(paths, what)
    return pd.concat([read(path, what) for path in paths], ignore_index=True)


def _chosen(energy: pd.DataFrame, arguments: argparse.Namespace) -> pd.DataFrame:
    experiment = arguments.experiment or arguments.script.stem
    chosen = energy[energy["experiment"] == experiment]
    if chosen.empty:
        known = ", ".join(sorted(energy["experiment"].unique()))
        raise TableError(
            f"{arguments.energy}: no networks of experiment {experiment}; it has: {known}"
        )
    return chosen.reset_index(drop=True)


if __name__ == "__main__":
    main()
