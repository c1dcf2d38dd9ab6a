"""Report the progress of training and searches on standard error."""

import sys
import time
from collections.abc import Mapping, Sequence

SECONDS = 0.2, 10.0  # between two reports, on a terminal and in a file


class ProgressLine:
    """Reports the progress of one network.

    A terminal shows one line that is updated, a file gets a new line for each report.
    """

    def __init__(self, name: str):
        self.name = name
        self.terminal = sys.stderr.isatty()
        self.last = time.monotonic()

    def __call__(self, trials: int, correct: float, M0: int) -> None:
        """Report the number of trials, the share of correct ones since the last test, and M0."""
        if self.due():
            state = f"{trials:,} trials, {correct:.1%} of the last ones correct, M0 {M0:.3g}"
            self.show(state, temporary=True)

    def done(self, measures: Mapping) -> None:
        """Report the end of a network's training."""
        m = measures
        state = "diverged" if m["diverged"] else "reached" if m["reached"] else "NOT reached"
        accuracy = "" if m["diverged"] else f", test accuracy {m['accuracy']:.2%}"
        self.show(f"goal {state} after {m['trials']:,} trials{accuracy}, M0 {m['M0']:.3g}")

    def due(self) -> bool:
        """Return whether a report is due; if so, the next one is due after the usual interval."""
        now = time.monotonic()
        due = now - self.last > SECONDS[not self.terminal]
        self.last = now if due else self.last
        return due

    def show(self, state: str, temporary: bool = False) -> None:
        """Write a line; on a terminal, the next line replaces a `temporary` one."""
        erase, end = ("\033[K", "\r" if temporary else "\n") if self.terminal else ("", "\n")
        print(f"{self.name}: {state}{erase}", end=end, file=sys.stderr, flush=True)


class SearchProgress(ProgressLine):
    """Reports the number of finished networks of a search, the least energy, and the time left."""

    def __init__(self, search: str, minimise: str, total: int, done: int):
        super().__init__(f"search {search}")
        self.minimise, self.total, self.done_before = minimise, total, done
        self.start = time.monotonic()

    def report(self, done: int, rows: Sequence[Mapping]) -> None:
        """Report the evaluations so far, `rows` included, unless the last report is recent."""
        if done < self.total and not self.due():
            return
        energies = [row["energy"] for row in rows if row["reached"]]
        least = f"least {self.minimise} {min(energies):.3g}" if energies else "none learned"
        left = (time.monotonic() - self.start) / (done - self.done_before) * (self.total - done)
        state = f"{done} of {self.total} networks, {least}, {left / 60:.1f} min left"
        self.show(state, temporary=done < self.total)
