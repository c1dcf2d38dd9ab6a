"""The figures, one module each.

In each module, `summarise` computes the plotted numbers from the tables that its parameters name,
and `draw` makes the figure from these numbers. `scripts/plot.py` calls both.
"""
