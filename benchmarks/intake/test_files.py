"""Files: a delimited file to typed columns against pyarrow.csv, and to rated Parquet against DuckDB; compared before timing."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks.intake import call_files, csv_columns, csv_to_parquet
from benchmarks.work import jobs, sql, tariff

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

    from benchmarks.work.deck import Deck
    from benchmarks.work.plain import Lookup
    from benchmarks.work.workload import Records

PARSED_RECORDS = 2_000_000  # what pyarrow keeps of a file is memory; more would say nothing more


@pytest.fixture(scope="module")
def written(records: Records) -> Records:
    return call_files.as_written(records)


@pytest.fixture(scope="module")
def path(written: Records, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files") / "calls.csv"
    call_files.write(made, written)
    return made


@pytest.fixture(scope="module")
def some(written: Records, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, int]:
    """The bytes of a file of some of the records, after both sides were found to read the same in them."""
    path, few = tmp_path_factory.mktemp("some") / "calls.csv", written.take(slice(0, PARSED_RECORDS))
    call_files.write(path, few)
    data = path.read_bytes()
    ours, theirs = list(csv_columns.blocks(data)), csv_columns.table_by_pyarrow(data)
    assert sum(block.bad for block in ours) == 0
    assert pa.Table.from_batches(list(csv_columns.by_pyarrow(data))).equals(theirs)
    for name in ("record_id", "served", "other", "plan"):
        assert np.array_equal(np.concatenate([getattr(block, name) for block in ours]), theirs.column(name).to_numpy()), name
    start_us = np.concatenate([block.start_us for block in ours])
    assert np.array_equal(start_us, theirs.column("start").cast(pa.int64()).to_numpy())
    assert np.array_equal(start_us, few.start_us)
    duration_us = np.concatenate([block.duration_us for block in ours])
    milliseconds = pc.multiply(theirs.column("duration"), pa.scalar(Decimal(1000))).cast(pa.int64())
    assert np.array_equal(duration_us, milliseconds.to_numpy() * 1_000)
    assert np.array_equal(duration_us, few.duration_us)
    assert pa.chunked_array([block.trunk_in for block in ours]).equals(theirs.column("trunk_in"))
    return data, len(few.start_us)


def test_parse(timed: Callable[..., float], some: tuple[bytes, int]) -> None:
    data, count = some
    assert timed("csv parse", lambda: sum(len(block.start_us) for block in csv_columns.blocks(data)), records=count, rounds=7) > 0


def test_parse_pyarrow(timed: Callable[..., float], figures: dict[str, float], some: tuple[bytes, int]) -> None:
    data, count = some
    timed("pyarrow.csv, blocks", lambda: sum(batch.num_rows for batch in csv_columns.by_pyarrow(data)), records=count)
    figures["pyarrow.csv"] = figures["pyarrow.csv, blocks"]


def test_parse_pyarrow_table(timed: Callable[..., float], figures: dict[str, float], some: tuple[bytes, int]) -> None:
    data, count = some
    timed("pyarrow.csv, table", lambda: csv_columns.table_by_pyarrow(data), records=count)
    figures["pyarrow.csv"] = max(figures["pyarrow.csv, table"], figures.get("pyarrow.csv", 0.0))


@pytest.fixture(scope="module")
def job(deck: Deck, path: Path, tmp_path_factory: pytest.TempPathFactory) -> csv_to_parquet.Job:
    return csv_to_parquet.Job(jobs.compiled(tariff.stateless(deck)), path, tmp_path_factory.mktemp("ours") / "rated")


@pytest.fixture(scope="module")
def database(
    job: csv_to_parquet.Job, deck: Deck, written: Records, lookup: Callable[..., Lookup], tmp_path_factory: pytest.TempPathFactory
) -> tuple[duckdb.DuckDBPyConnection, Path, int]:
    """DuckDB, after it was found to write the same."""
    found = lookup(tariff.stateless(deck))
    connection = sql.connect(written.take(slice(0, 1)), found.deck, found.rates, found.hours)
    connection.execute("drop table records")
    folder = tmp_path_factory.mktemp("theirs") / "rated"
    csv_to_parquet.by_duckdb(connection, job.path, folder, found.zones, 2)
    assert job.run(2) == 0
    ours, theirs = csv_to_parquet.read(job.folder), csv_to_parquet.read(folder)
    assert ours.num_rows == len(written.start_us)
    assert ours.equals(theirs)
    assert np.array_equal(ours.column("duration_us").to_numpy(), written.duration_us)
    return connection, folder, found.zones


@pytest.mark.parametrize("threads", [1, 2])
def test_csv_to_parquet(timed: Callable[..., float], job: csv_to_parquet.Job, database: tuple, written: Records, threads: int) -> None:
    assert database
    count = len(written.start_us)
    assert timed(f"csv to parquet, {threads}", lambda: job.run(threads), records=count, rounds=3) > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_csv_to_parquet_duckdb(
    timed: Callable[..., float], job: csv_to_parquet.Job, database: tuple, written: Records, threads: int
) -> None:
    connection, folder, zones = database
    count = len(written.start_us)
    work = itertools.repeat((connection, job.path, folder, zones, threads))
    assert timed(f"csv to parquet, duckdb, {threads}", lambda: csv_to_parquet.by_duckdb(*next(work)), records=count, rounds=3) > 0
