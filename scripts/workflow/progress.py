"""Lines on standard error that report how training and searches get on."""

import sys
import time
from collections.abc import Mapping, Sequence

SECONDS = 0.2, 10.0  # between two reports, on a terminal and in a file


class ProgressLine:
    """Reports the progress of one network: on a terminal a line that is renewed, in a file a line
    now and then."""

    def __init__(self, name: str):
        self.name = name
        self.terminal = sys.stderr.isatty()
        self.last = time.monotonic()

    def __call__(self, trials: int, correct: float, M0: int) -> None:
        """Report the trials so far, the share of correct ones since the last test, and M0."""
        if self.due():
            state = f"{trials:,} trials, {correct:.1%} of the last ones correct, M0 {M0:.3g}"
            self.show(state, renewed=True)

    def done(self, measures: Mapping) -> None:
        """Report the end of a network's training."""
        m = measures
        state = "diverged" if m["diverged"] else "reached" if m["reached"] else "NOT reached"
        accuracy = "" if m["diverged"] else f", test accuracy {m['accuracy']:.2%}"
        self.show(f"goal {state} after {m['trials']:,} trials{accuracy}, M0 {m['M0']:.3g}")

    def due(self) -> bool:
        """Whether the last report was long enough ago; the next one counts from now then."""
        now = time.monotonic()
        due = now - self.last > SECONDS[not self.terminal]
        self.last = now if due else self.last
        return due

    def show(self, state: str, renewed: bool = False) -> None:
        """Write a line; on a terminal the next one takes its place if it is `renewed`."""
        erase, end = ("\033[K", "\r" if renewed else "\n") if self.terminal else ("", "\n")
        print(f"{self.name}: {state}{erase}", end=end, file=sys.stderr, flush=True)


class SearchProgress(ProgressLine):
    """Reports which network a search is at, the least energy, and the time left."""

    def __init__(self, search: str, minimise: str, total: int, done: int):
        super().__init__(f"search {search}")
        self.minimise, self.total, self.done_before = minimise, total, done
        self.began = time.monotonic()

    def report(self, done: int, rows: Sequence[Mapping]) -> None:
        """Report the evaluations so far, `rows` among them, unless the last report is recent."""
        if done < self.total and not self.due():
            return
        energies = [row["energy"] for row in rows if row["reached"]]
        least = f"least {self.minimise} {min(energies):.3g}" if energies else "none learned"
        left = (time.monotonic() - self.began) / (done - self.done_before) * (self.total - done)
        state = f"{done} of {self.total} networks, {least}, {left / 60:.1f} min left"
        self.show(state, renewed=done < self.total)
