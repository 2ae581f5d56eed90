"""Usage files into a home: decoded on all cores, keyed, checked for duplicates, journalled and synced; and memory by the size of a file.

What was stored is compared with the records before anything is timed. Each round takes in another file of as many records, so that none of
them is known before.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.intake import call_files
from benchmarks.intake.file_memory import NOW_US
from billing.intake.taking import Intake
from billing.store.home import Home
from mediation.decode import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.work.workload import Records

RECORDS_MAX = 2_000_000  # of a file that is taken in: it is held in memory until its commit
ROUNDS = 3
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def some(records: Records) -> Records:
    return call_files.as_written(records.take(slice(0, RECORDS_MAX)))


@pytest.fixture(scope="module")
def paths(some: Records, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """As many files as are taken in, each with records of its own."""
    folder, count = tmp_path_factory.mktemp("calls"), len(some.start_us)
    made = [folder / f"calls-{number}.csv" for number in range(ROUNDS + 2)]
    for number, path in enumerate(made):
        call_files.write(path, some, call_files.FIRST_RECORD + number * count)
    return made


@pytest.fixture(scope="module")
def intake(some: Records, paths: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intake]:
    """A home that has taken in the first file, which is there as it was written."""
    home = Home.open(tmp_path_factory.mktemp("ingest") / "home", create=True)
    made = Intake(home)
    report = made.take_file(paths[0], call_files.SOURCE, NOW_US)
    assert report.received == len(some.start_us)
    with home.connect() as connection:
        seq = home.head_seq(connection)
    stored = made.usage(["record_id", "start_us", "duration_us", "other_e164"], seq)
    order = np.argsort(stored.column("record_id").cast(pa.int64()).to_numpy())
    billed = np.flatnonzero(some.duration_us > 0)  # an unanswered call is stored, and counts for nothing
    assert np.array_equal(stored.column("start_us").cast(pa.int64()).to_numpy()[order], some.start_us[billed])
    assert np.array_equal(stored.column("duration_us").to_numpy()[order], some.duration_us[billed])
    assert np.array_equal(stored.column("other_e164").to_numpy()[order], some.numbers.number[billed])
    yield made
    home.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_decode(timed: Callable[..., float], some: Records, paths: list[Path], threads: int) -> None:
    count = len(some.start_us)
    figure = f"decode, {threads}"
    assert timed(figure, lambda: decode(paths[0], call_files.SOURCE, threads=threads), records=count, rounds=3) > 0


def test_ingest(timed: Callable[..., float], some: Records, intake: Intake, paths: list[Path]) -> None:
    count, files, reports = len(some.start_us), itertools.chain(paths[1:]), []
    timed("ingest", lambda: reports.append(intake.take_file(next(files), call_files.SOURCE, NOW_US)), records=count, rounds=ROUNDS)
    assert [report.received for report in reports] == [count] * (ROUNDS + 1)
    assert all(report.rows.get("duplicate", 0) == 0 for report in reports)


@pytest.fixture(scope="module")
def large(some: Records, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, int]]:
    """Files of twice and of four times the records, and how many they hold."""
    folder, made = tmp_path_factory.mktemp("large"), []
    for times in (2, 4):
        path = folder / f"calls-{times}.csv"
        with path.open("wb") as file:
            for part in range(times):
                call_files.write(folder / "part.csv", some, call_files.FIRST_RECORD + part * len(some.start_us))
                file.write((folder / "part.csv").read_bytes())
        made.append((path, times * len(some.start_us)))
    return made


@pytest.mark.parametrize("what", ["decode", "ingest"])
def test_memory_by_the_size_of_a_file(figures: dict[str, float], large: list[tuple[Path, int]], tmp_path: Path, what: str) -> None:
    """Of a process that decodes a file in parts, or takes it into a new home."""
    peaks = []
    for path, count in large:
        words = [sys.executable, "-m", "benchmarks.intake.file_memory", what, str(path), str(tmp_path / path.stem)]
        done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
        rows, peak_bytes = map(int, done.stdout.split())
        assert rows == count
        peaks.append(peak_bytes)
    figures[f"{what}, memory"] = peaks[1] / 2**20
    figures[f"{what}, growth"] = (peaks[1] - peaks[0]) / (large[1][1] - large[0][1])
