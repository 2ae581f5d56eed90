"""What the demo shows while it works: a bar for each stage on a terminal, plain lines in a pipe.

The commands it calls tell on stderr how far they are; a bar follows them, and a pipe gets a line of it now and then.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from progresslog import StageResult

PART_OF = re.compile(r"([\d,]+) of ([\d,]+) \w+ \(\d+ %\)")
LINE_INTERVAL_S = 5.0
INDENT = " " * 8
FIGURE_WIDTH = 20


def columns() -> int | None:
    """How wide the terminal is that stdout goes to; None in a pipe, where lines may be as long as they are."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def told(line: str, columns: int | None) -> str:
    """A line about a stage, indented; what a terminal has no room for goes on in the next line, indented deeper."""
    if columns is None:
        return INDENT + line
    return textwrap.fill(
        line, columns, initial_indent=INDENT, subsequent_indent=INDENT + "  ", break_long_words=False, break_on_hyphens=False
    )


def book_lines(books: Sequence[dict[str, Any]], columns: int | None) -> list[str]:
    """Every book with both sides, one line each; where a terminal is too narrow for that, the sides stand below the name."""
    states = ["ok" if book["left"] == book["right"] else "FAILED" for book in books]
    sides = [f"{book['left']:>{FIGURE_WIDTH},} {book['right']:>{FIGURE_WIDTH},} {book['unit']}" for book in books]
    width = max(len(book["name"]) for book in books)
    lines = [f"  {state:<6} {book['name']:<{width}} {side}" for state, book, side in zip(states, books, sides, strict=True)]
    if columns is None or max(map(len, lines)) <= columns:
        return lines
    return [f"  {state:<6} {book['name']}\n  {'':<6} {side}" for state, book, side in zip(states, books, sides, strict=True)]


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
            print(told(line, columns()))
        sys.stdout.flush()
