"""Progress of work in stages: each stage that takes longer than two seconds says how far it is, at which rate, and when it will be done.

`with stages.show("bill") as report: work(progress=report)`; the work calls report(stage, done, total). On stderr, as `server.cli.progress`.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, TextIO

from server.cli import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Report = Callable[[str, int, int], None]

UNITS: Final = {"price usage": "records", "settle": "accounts", "post": "invoices"}


@contextlib.contextmanager
def show(label: str, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> Iterator[Report]:
    """A function (stage, done, total) that shows each stage as it goes. `total` 0: it is not known how much there is."""
    stages = _Stages(label, sys.stderr if stream is None else stream, clock)
    try:
        yield stages.report
    finally:
        stages.end()


class _Stages:
    """One stage after the other. Reports may come from several threads."""

    def __init__(self, label: str, out: TextIO, clock: Callable[[], float]) -> None:
        self._label = label
        self._out = out
        self._clock = clock
        self._lock = threading.Lock()
        self._stage = ""
        self._started_s = 0.0
        self._shown = contextlib.ExitStack()
        self._report: Callable[[int, int], None] | None = None

    def report(self, stage: str, done: int, total: int) -> None:
        with self._lock:
            if stage != self._stage:
                self._begin(stage)
            if self._report is not None:
                self._report(done, total)

    def end(self) -> None:
        """Say how long the last stage took, where it took long."""
        self._shown.close()
        elapsed_s = self._clock() - self._started_s
        if self._stage and not self._out.isatty() and elapsed_s >= progress.LINE_INTERVAL_S:
            self._out.write(f"{self._label}, {self._stage}: {elapsed_s:.1f} s\n")
            self._out.flush()
        self._stage = ""

    def _begin(self, stage: str) -> None:
        self.end()
        self._stage, self._started_s = stage, self._clock()
        name, unit = f"{self._label}, {stage}", UNITS.get(stage, "steps")
        if self._out.isatty():
            self._report = self._shown.enter_context(progress.show(name, unit, stream=self._out, clock=self._clock))
        else:
            self._report = progress.PlainLines(name, unit, self._out, self._clock).report
