"""The figures, one module each.

`plotted` returns the plotted numbers of the tables that its parameters name, `draw` the figure of
these numbers. `scripts/plot.py` runs them.
"""

import os

os.environ.pop("MPLBACKEND", None)  # Matplotlib refuses that of a notebook outside of it
