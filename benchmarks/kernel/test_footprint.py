"""What rating costs besides time for each record: compiling a tariff, memory, allocations, and the start of a process."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numba
import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys

from benchmarks.kernel import peak_memory
from benchmarks.work import jobs, tariff
from benchmarks.work.deck import make_deck
from tariffs.compiling.compiler import compile_catalogues

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.work.deck import Deck
    from benchmarks.work.workload import Records

LARGE_PREFIXES = 300_000
ROOT = Path(__file__).parents[2]
STARTS = 7


def test_compile(timed: Callable[..., float]) -> None:
    deck = make_deck(LARGE_PREFIXES, seed=1)
    catalogue = tariff.stateless(deck)
    assert len(catalogue.plans) == 20
    assert len(compile_catalogues([catalogue]).prices) == 20 * len(deck.zones)
    assert timed("compile", lambda: compile_catalogues([catalogue]), rounds=3) > 0


def test_peak_memory(deck: Deck, records: Records, figures: dict[str, float], tmp_path: Path) -> None:
    """Of a process that holds the columns, the buckets and the tables, and rates the batch in order of arrival on two threads."""
    job = jobs.job(tariff.stateful(deck), records, jobs.accounts_in(records))
    peak_memory.save(job, tmp_path)
    told = _run(["-m", "benchmarks.kernel.peak_memory", str(tmp_path)]).split()
    assert int(told[0]) == int(jobs.rated(job).charge_micros.sum())
    figures["peak memory"] = int(told[1]) / 2**20


@pytest.mark.parametrize("kind", ["stateless", "stateful"])
def test_allocations(deck: Deck, records: Records, figures: dict[str, float], kind: str) -> None:
    """As many for 64 times the records: numba counts those of compiled code, in all threads."""
    catalogue = tariff.stateful(deck) if kind == "stateful" else tariff.stateless(deck)
    accounts = jobs.accounts_in(records) if kind == "stateful" else None
    some = records.take(slice(0, 65_536))
    counts = [_allocations(jobs.job(catalogue, some.take(slice(0, rows)), accounts)) for rows in (1_024, 65_536)]
    grown = (counts[1] - counts[0]) / (65_536 - 1_024)
    figures["allocations"] = max(figures.get("allocations", 0.0), grown)
    assert _counted(lambda: _allocate(7)) == 7, "the counter counts"


def _allocations(job: jobs.Job) -> int:
    jobs.rated(job)
    return _counted(lambda: jobs.rated(job))


def _counted(work: Callable[[], object]) -> int:
    _nrt_python.memsys_enable_stats()
    before = rtsys.get_allocation_stats().alloc
    work()
    return int(rtsys.get_allocation_stats().alloc - before)


@numba.njit("float64(int64)")
def _allocate(times: int) -> float:
    last = 0.0
    for _ in range(times):
        last += np.ones(3).sum()
    return last


def test_one_record(figures: dict[str, float]) -> None:
    """From the start of the interpreter to its end: load a tariff from its files, compile it, rate one record."""
    spent = []
    for _ in range(STARTS):
        began = time.perf_counter()
        charge = _run(["-m", "benchmarks.kernel.one_record"])
        spent.append(time.perf_counter() - began)
    assert int(charge) > 0
    figures["one record"] = float(np.median(spent[1:]))


def _run(words: list[str]) -> str:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - ourselves
    assert done.returncode == 0, done.stderr
    return done.stdout
