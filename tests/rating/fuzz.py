"""Kernel against twin on millions of generated records, in two processes: `make fuzz SEED= RECORDS=`.

Stops at the first difference with the fewest events that still show it and status 1. Interrupted, it says with which seed to go on.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import itertools
import math
import multiprocessing
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rating.explain import as_text
from tariffs.compiling.compiler import compile_catalogues
from tests.rating import harness
from tests.rating.generator import Case, generate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.tables import Tables

RECORDS = 20_000_000
FIRST_SEED = 1_000  # those below are CI's
EVENTS = 20_000  # of one seed
PROCESSES = 2
TELL_EVERY_S = 5.0
DIFFERENT, INTERRUPTED = 1, 130


class Checked(NamedTuple):
    """One seed in which kernel and twin agree, or how they do not."""

    seed: int
    difference: str


def main(words: Sequence[str]) -> int:
    """Check seeds until the records are reached; the exit status."""
    parser = argparse.ArgumentParser(prog="fuzz", description="rate generated records with kernel and twin, and compare")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="first seed; each makes one world of tariffs and events")
    parser.add_argument("--records", type=int, default=RECORDS, help=f"how many records, rounded up to {EVENTS:,}")
    given = parser.parse_args(words)
    seeds = range(given.seed, given.seed + math.ceil(given.records / EVENTS))
    print(f"seeds {seeds[0]} to {seeds[-1]}, {EVENTS:,} records each, {PROCESSES} processes")  # noqa: T201 - a program that prints
    return _run(seeds)


def check(seed: int) -> Checked:
    """Compare one world, with one thread or three by turns."""
    case = generate(seed, EVENTS)
    tables = compile_catalogues(case.catalogues)
    if not _differences(case, tables, threads=1 + seed % 2 * 2):
        return Checked(seed, "")
    small = _smallest(case, tables)
    return Checked(seed, _report(small, tables))


def _run(seeds: range) -> int:
    started_s = told_s = time.monotonic()
    done: set[int] = set()
    context = multiprocessing.get_context("spawn")  # the kernel was compiled and stored by this process: the others load it
    with concurrent.futures.ProcessPoolExecutor(PROCESSES, context, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        try:
            for checked in _in_turn(pool, seeds):
                if checked.difference:
                    print(f"\nseed {checked.seed}: kernel and twin differ\n{checked.difference}")  # noqa: T201 - as above
                    pool.shutdown(wait=False, cancel_futures=True)
                    return DIFFERENT
                done.add(checked.seed)
                if time.monotonic() - told_s > TELL_EVERY_S or len(done) == len(seeds):
                    told_s = time.monotonic()
                    _tell(len(done), seeds, told_s - started_s)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            open_seed = next(seed for seed in seeds if seed not in done)
            print(f"\ninterrupted; go on with SEED={open_seed} RECORDS={(seeds.stop - open_seed) * EVENTS}")  # noqa: T201 - as above
            return INTERRUPTED
    print(f"{len(done) * EVENTS:,} records: kernel and twin agree on every field and bucket")  # noqa: T201 - as above
    return 0


def _in_turn(pool: concurrent.futures.ProcessPoolExecutor, seeds: range) -> Iterator[Checked]:
    """Answers as they come; no more seeds are handed out than keep all processes busy."""
    waiting = iter(seeds)
    running = {pool.submit(check, seed): seed for seed in itertools.islice(waiting, PROCESSES * 2)}
    while running:
        finished, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
        running |= {pool.submit(check, seed): seed for seed in itertools.islice(waiting, len(finished))}
        for future in finished:
            seed, failure = running.pop(future), future.exception()
            yield future.result() if failure is None else Checked(seed, "".join(traceback.format_exception(failure)))


def _tell(done: int, seeds: range, elapsed_s: float) -> None:
    left_s = round(elapsed_s / done * (len(seeds) - done))
    rate = round(done * EVENTS / elapsed_s)
    print(  # noqa: T201 - as above
        f"{done * EVENTS:>12,} of {len(seeds) * EVENTS:,} records agree, {rate:,}/s, {left_s // 60} min {left_s % 60:02d} s left",
        flush=True,
    )


def _differences(case: Case, tables: Tables, threads: int = 1) -> list[str]:
    return harness.differences(case, harness.by_kernel(case, tables, threads=threads), harness.by_twin(case))


def _smallest(case: Case, tables: Tables) -> Case:
    """The events of one rating unit, or one event without holder, without those that the difference does not need."""
    alone = (_only(case, rows) for rows in _groups(case, tables))
    small = next((each for each in alone if _differences(each, tables)), case)
    size = len(small.events) // 2
    while size:
        start = 0
        while start < len(small.events):
            fewer = _only(small, [row for row in range(len(small.events)) if not start <= row < start + size])
            if fewer.events and _differences(fewer, tables):
                small = fewer
            else:
                start += size
        size //= 2
    return small


def _groups(case: Case, tables: Tables) -> Iterator[list[int]]:
    """Rows that belong together, those of the first difference first."""
    kernel, twin = harness.by_kernel(case, tables), harness.by_twin(case)
    wrong = np.flatnonzero((kernel.events != twin.events).any(axis=1)).tolist()
    changed = {int(key) for key in np.flatnonzero((kernel.buckets != twin.buckets).any(axis=1))}
    yield from ([row] for row in wrong if case.holders[row] is None)
    holders = [case.holders[row] for row in wrong] + [holder for holder, keys in case.held.items() if changed.intersection(keys)]
    for unit in dict.fromkeys(case.units[holder] for holder in holders if holder is not None):
        yield [row for row, holder in enumerate(case.holders) if holder is not None and case.units[holder] == unit]


def _only(case: Case, rows: Sequence[int]) -> Case:
    return case._replace(events=[case.events[row] for row in rows], holders=[case.holders[row] for row in rows])


def _report(case: Case, tables: Tables) -> str:
    """The events that are left, what their holders held, what the twin made of them, and both answers."""
    lines = [f"events that are enough: {len(case.events)}; tests.rating.generator.generate(seed, {EVENTS}) has the catalogues"]
    lines += [f"holder {holder}: {event}" for event, holder in zip(case.events, case.holders, strict=True)]
    for holder in sorted({holder for holder in case.holders if holder is not None}):
        lines += [f"  holder {holder} has bucket {key}: {case.buckets[key]}" for key in case.held.get(holder, ())]
    for outcome in harness.outcomes(case)[0]:
        lines += ["", as_text(outcome)]
    return "\n".join([*lines, "", *_differences(case, tables)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
