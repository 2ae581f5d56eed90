"""Prints what the benchmarks are for: records a second, and the ratio to the peer of the same run."""

from __future__ import annotations

import os


def pytest_terminal_summary(terminalreporter, config) -> None:  # noqa: ANN001 - pytest's own types
    """One line a job and number of threads."""
    session = getattr(config, "_benchmarksession", None)
    speeds = {
        (each.extra_info["who"], each.extra_info["threads"]): each.extra_info["records"] / each.stats.median
        for each in (session.benchmarks if session else [])
    }
    terminalreporter.section("records a second (median of 5 rounds)")
    for (who, threads), speed in speeds.items():
        ratio = speed / speeds["duckdb", threads] if ("duckdb", threads) in speeds else float("nan")
        terminalreporter.write_line(
            f"{who:<8} {threads} thread{'s' if threads > 1 else ' '}  {speed / 1e6:8.2f} M/s  {ratio:6.1f} x duckdb"
        )
    terminalreporter.write_line(f"load of the machine over the last minute: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
