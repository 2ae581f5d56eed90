"""Progress of a long command: a bar on a terminal, plain lines in a pipe. Always on stderr, so that stdout stays a result.

`with progress.show("ingest", "rows") as report: work(progress=report)`; the work calls report(done, total) as often as it likes.
A pipe gets at most one line every two seconds, with the rate and the time left, and one when it ends.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Report = Callable[[int, int], None]

LINE_INTERVAL_S = 2.0
_SCALES = ((10**9, "G"), (10**6, "M"), (10**3, "k"))


@contextlib.contextmanager
def show(label: str, unit: str = "rows", *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> Iterator[Report]:
    """A function (done, total) that draws how far the work has come. `unit` is what is counted: rows, bytes, accounts."""
    out = sys.stderr if stream is None else stream
    if out.isatty():
        with _bar(label, unit, out) as report:
            yield report
        return
    lines = PlainLines(label, unit, out, clock)
    yield lines.report
    lines.finish()


class PlainLines:
    """Progress as lines of text, each standing alone."""

    def __init__(self, label: str, unit: str, out: TextIO, clock: Callable[[], float]) -> None:
        self._label = label
        self._unit = unit
        self._out = out
        self._clock = clock
        self._started_s = clock()
        self._printed_s = self._started_s
        self._done = 0

    def report(self, done: int, total: int) -> None:
        """Note how much is done; print it when the last line is old enough. `total` 0 means that it is not known."""
        self._done = done
        now_s = self._clock()
        if now_s - self._printed_s < LINE_INTERVAL_S:
            return
        self._printed_s = now_s
        self._out.write(progress_line(self._label, self._unit, done, total, now_s - self._started_s) + "\n")
        self._out.flush()

    def finish(self) -> None:
        """The last line: all that was done, in which time. Nothing when nothing was reported."""
        if self._done == 0:
            return
        elapsed_s = self._clock() - self._started_s
        self._out.write(
            f"{self._label}: {self._done:,} {self._unit} in {elapsed_s:.1f} s ({_rate(self._done, elapsed_s)} {self._unit}/s)\n"
        )
        self._out.flush()


def progress_line(label: str, unit: str, done: int, total: int, elapsed_s: float) -> str:
    """Such as `ingest: 1,200 of 4,000 rows (30 %), 600 rows/s, 5 s left`."""
    rate = f"{_rate(done, elapsed_s)} {unit}/s"
    if total <= 0 or done <= 0:
        return f"{label}: {done:,} {unit}, {rate}"
    left_s = max(total - done, 0) * elapsed_s / done
    return f"{label}: {done:,} of {total:,} {unit} ({100 * done // total} %), {rate}, {left_s:.0f} s left"


@contextlib.contextmanager
def _bar(label: str, unit: str, out: TextIO) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    started_s = time.monotonic()
    with Progress(*columns, console=Console(file=out)) as drawing:
        task = drawing.add_task(label, total=None, rate="")

        def report(done: int, total: int) -> None:
            rate = f"{_rate(done, time.monotonic() - started_s)} {unit}/s"
            drawing.update(task, completed=done, total=total or None, rate=rate)

        yield report


def _rate(done: int, elapsed_s: float) -> str:
    per_s = done / max(elapsed_s, 1e-3)
    for scale, letter in _SCALES:
        if per_s >= scale:
            return f"{per_s / scale:.3g} {letter}"
    return f"{per_s:.0f}"
