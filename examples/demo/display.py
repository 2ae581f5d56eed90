"""What the demo shows while it works: a bar for each stage on a terminal, plain lines in a pipe.

The commands it calls tell on stderr how far they are; a bar follows them, and a pipe gets a line of it now and then.
"""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from progresslog import StageResult

PART_OF = re.compile(r"([\d,]+) of ([\d,]+) \w+ \(\d+ %\)")
LINE_INTERVAL_S = 5.0


class Display:
    """Shows stages one after the other."""

    def __init__(self, stages: int) -> None:
        self._stages = stages
        self._number = 0
        self._label = ""
        self._shown_s = 0.0
        self._is_terminal = sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    def start(self, stage: str) -> None:
        """A stage begins."""
        self._number += 1
        self._label = f"[{self._number:>2}/{self._stages}] {stage}"
        self._shown_s = time.monotonic()
        if self._is_terminal:
            self._bar.start()
            self._task = self._bar.add_task(self._label.replace("[", r"\["), total=None)

    def watch(self, line: str) -> None:
        """A command said something."""
        part = PART_OF.search(line)
        if self._is_terminal:
            if part:
                done, total = (int(figure.replace(",", "")) for figure in part.groups())
                self._bar.update(self._task, completed=done, total=total)
        elif time.monotonic() - self._shown_s > LINE_INTERVAL_S:
            self._shown_s = time.monotonic()
            print(f"{self._label}: {line}", file=sys.stderr, flush=True)

    def end(self, seconds: float, result: StageResult) -> None:
        """The stage is done."""
        self._clear()
        rate = f"{result.records:>11,} records {result.records / max(seconds, 1e-3):>11,.0f} records/s" if result.records else ""
        print(f"{self._label:<24} {seconds:>6.1f} s {rate}")
        self._tell(result)

    def skip(self, result: StageResult) -> None:
        """The stage was done before."""
        self._clear()
        print(f"{self._label:<24}  already done")
        self._tell(result)

    def stop(self) -> None:
        """Nothing more will be shown."""
        self._clear()

    def _clear(self) -> None:
        if self._is_terminal and self._bar.live.is_started:
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            self._bar.stop()

    @staticmethod
    def _tell(result: StageResult) -> None:
        for line in result.lines:
            print(f"        {line}")
        sys.stdout.flush()
