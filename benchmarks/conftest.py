"""What the benchmarks share, and the table they end with: printed, and written to results.json when every row of it was measured."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # read when it is imported: Polars is measured on one thread

import pytest

from benchmarks import rows
from benchmarks.work import tariff, workload
from benchmarks.work.deck import intervals
from benchmarks.work.plain import Lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.work.deck import Deck

RECORDS = int(os.environ.get("RECORDS", "1000000"))
RESULTS = Path(__file__).with_name("results.json")
README = Path(__file__).with_name("README.md")
README_FROM_RECORDS = 10_000_000  # a quick run does not change what we say
LAST_RUN = ("<!-- last run: written by make bench -->\n", "<!-- end of last run -->\n")
PACKAGES = ("numpy", "numba", "pyarrow", "duckdb", "polars", "pandas", "pytest-benchmark")
FIGURES = pytest.StashKey[dict[str, float]]()
LOAD_BEFORE = pytest.StashKey[tuple[float, float, float]]()


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> dict[str, float]:
    """Where a benchmark leaves what it measured by other means than the clock."""
    return request.config.stash[FIGURES]


@pytest.fixture
def timed(benchmark, figures) -> Callable[..., float]:  # noqa: ANN001 - pytest's own types
    """Time `work()` and keep the median: as seconds, or where `records` says how many it does, as millions a second."""

    def measure(figure: str, work: Callable[[], object], *, records: int = 0, rounds: int = 5) -> float:
        benchmark.extra_info.update(figure=figure, records=records)
        benchmark.pedantic(work, rounds=rounds, warmup_rounds=1)
        median_s = benchmark.stats.stats.median
        figures[figure] = records / median_s / 1e6 if records else median_s
        return figures[figure]

    return measure


@pytest.fixture(scope="session")
def deck() -> Deck:
    return workload.deck()


@pytest.fixture(scope="session")
def records(deck: Deck) -> workload.Records:
    return workload.draw_records(deck, RECORDS)


@pytest.fixture(scope="session")
def lookup(deck: Deck) -> Callable[..., Lookup]:
    """Makes what the peers look up out of a catalogue."""

    def of(catalogue) -> Lookup:  # noqa: ANN001 - rating.model.Catalogue
        return Lookup(intervals(deck.zone_of), tariff.rate_columns(catalogue), workload.week(), len(deck.zones))

    return of


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = {}
    config.stash[LOAD_BEFORE] = os.getloadavg()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table, the machine, and results.json."""
    figures = config.stash[FIGURES]
    setting = _setting(config.stash[LOAD_BEFORE])
    terminalreporter.section(f"{RECORDS:,} records")
    for name, what in setting.items():
        terminalreporter.write_line(f"{name}: {what}")
    terminalreporter.write_line("")
    told = []
    for row in rows.ROWS:
        try:
            told.append(rows.as_json(row, figures))
        except KeyError:
            continue  # a part of the benchmarks was run
        terminalreporter.write_line(_line(row, row.value(figures), figures))
    if len(told) == len(rows.ROWS):
        text = json.dumps({**setting, "rows": told}, indent=1)
        RESULTS.write_text(f"{text}\n", encoding="utf-8")
        if RECORDS >= README_FROM_RECORDS:
            _write_readme(setting, figures)
    else:
        terminalreporter.write_line(f"{len(told)} of {len(rows.ROWS)} rows were measured: {RESULTS.name} stays as it is")


def _line(row: rows.Row, value: float, figures: rows.Figures) -> str:
    limits = f"gate {row.gate:<6g}" if row.gate is not None else ""
    limits += f" aim {row.aim:<5g}" if row.aim is not None else ""
    peer = f"  {row.peer} {figures[row.peer_figure]:.2f} M/s" if row.peer else ""
    return f"{value:10.3f} {row.unit:<12}{limits:<22} {rows.verdict(row, value):<15} {row.name}{peer}"


def _write_readme(setting: dict[str, object], figures: rows.Figures) -> None:
    """Put the table between the two marks."""
    text = README.read_text(encoding="utf-8")
    before, _mark, rest = text.partition(LAST_RUN[0])
    _old, _mark, after = rest.partition(LAST_RUN[1])
    lines = [f"{name}: {what}  " for name, what in setting.items()]
    lines += ["", "| row | value | peer | gate | aim | |", "|---|---|---|---|---|---|"]
    for row in rows.ROWS:
        value = row.value(figures)
        peer = f"{row.peer} {figures[row.peer_figure]:.3g} M/s" if row.peer else ""
        limits = " | ".join("" if limit is None else f"{limit:g}" for limit in (row.gate, row.aim))
        lines.append(f"| {row.name} | {value:.4g} {row.unit} | {peer} | {limits} | {rows.verdict(row, value)} |")
    README.write_text("".join([before, LAST_RUN[0], "\n".join(lines), "\n", LAST_RUN[1], after]), encoding="utf-8")


def _setting(load_before: tuple[float, float, float]) -> dict[str, object]:
    return {
        "records": RECORDS,
        "hardware": f"{_processor()}, {os.cpu_count()} cores, {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "load_before": [round(load, 2) for load in load_before],
        "load_after": [round(load, 2) for load in os.getloadavg()],
        "versions": {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def _processor() -> str:
    """Family and model where the system says them: the marketing name alone does not tell machines apart."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    known = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    told = {name.strip(): value.strip() for name, value in known.items()}
    return f"{told.get('model name', platform.machine())} (family {told.get('cpu family', '?')}, model {told.get('model', '?')})"
