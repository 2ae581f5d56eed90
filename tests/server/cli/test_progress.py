"""Progress in a pipe: few lines, each with the rate and the time left."""

from __future__ import annotations

import io

import pytest

from server.cli import progress

LINES = [
    # done, total, seconds -> the line
    (1_000, 4_000, 2.0, "ingest: 1,000 of 4,000 rows (25 %), 500 rows/s, 6 s left"),
    (4_000, 4_000, 2.0, "ingest: 4,000 of 4,000 rows (100 %), 2 k rows/s, 0 s left"),
    (1_500_000, 2_000_000, 0.5, "ingest: 1,500,000 of 2,000,000 rows (75 %), 3 M rows/s, 0 s left"),
    (10, 0, 1.0, "ingest: 10 rows, 10 rows/s"),
    (0, 10, 1.0, "ingest: 0 rows, 0 rows/s"),
]


@pytest.mark.parametrize(("done", "total", "elapsed_s", "line"), LINES)
def test_line(done: int, total: int, elapsed_s: float, line: str) -> None:
    assert progress.progress_line("ingest", "rows", done, total, elapsed_s) == line


def test_pipe_gets_a_line_every_two_seconds_and_one_at_the_end() -> None:
    now_s = 100.0
    out = io.StringIO()
    with progress.show("ingest", "rows", stream=out, clock=lambda: now_s) as report:
        for step in range(50):
            now_s = 100.0 + step / 8
            report(step * 100, 5_000)
    assert out.getvalue().splitlines() == [
        "ingest: 1,600 of 5,000 rows (32 %), 800 rows/s, 4 s left",
        "ingest: 3,200 of 5,000 rows (64 %), 800 rows/s, 2 s left",
        "ingest: 4,800 of 5,000 rows (96 %), 800 rows/s, 0 s left",
        "ingest: 4,900 rows in 6.1 s (800 rows/s)",
    ]


def test_pipe_gets_nothing_when_nothing_was_reported() -> None:
    out = io.StringIO()
    with progress.show("ingest", stream=out):
        pass
    assert out.getvalue() == ""


def test_terminal_gets_a_bar() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with progress.show("ingest", stream=out) as report:
        report(1, 2)
        report(2, 2)
    assert "ingest" in out.getvalue()
    assert "100%" in out.getvalue()
