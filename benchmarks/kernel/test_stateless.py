"""Rating without memory: the engine, DuckDB, numpy, Polars, pandas and a Decimal loop on the same records, compared before timing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.work import jobs, peers, plain, sql, tariff, workload

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from benchmarks.work.deck import Deck
    from benchmarks.work.jobs import Job
    from benchmarks.work.plain import Lookup
    from benchmarks.work.workload import Records
    from rating.model import Catalogue

FRAME_RECORDS = 2_000_000  # data frames hold some thirty columns of intermediate results in memory: so many records at once
LOOP_RECORDS = 50_000  # the loop is scaled up from these
SMALL_BATCHES_RECORDS = 1 << 20


@pytest.fixture(scope="module")
def catalogue(deck: Deck) -> Catalogue:
    return tariff.stateless(deck)


@pytest.fixture(scope="module")
def job(catalogue: Catalogue, records: Records) -> Job:
    return jobs.job(catalogue, records)


@pytest.fixture(scope="module")
def found(lookup: Callable[..., Lookup], catalogue: Catalogue) -> Lookup:
    return lookup(catalogue)


@pytest.fixture(scope="module")
def database(records: Records, found: Lookup) -> duckdb.DuckDBPyConnection:
    return sql.connect(records, found.deck, found.rates, found.hours)


@pytest.fixture(scope="module")
def charges(job: Job, records: Records, found: Lookup, database: duckdb.DuckDBPyConnection) -> np.ndarray:
    """The engine's charges, after every record was found equal to what DuckDB says."""
    ours = jobs.rated(job, threads=2)
    sql.materialise(database, found.zones, 2)
    theirs = sql.results(database)
    assert len(theirs["key"]) == len(records.start_us)
    assert np.array_equal(ours.charge_micros, theirs["charge_micros"])
    assert np.array_equal(ours.chargeable_qty, theirs["chargeable_ms"])
    assert np.array_equal(ours.price, theirs["key"] // 3)
    assert np.array_equal(ours.charge_micros, ours.gross_micros)
    assert not ours.free_qty.any()
    assert np.array_equal(ours.charge_micros, jobs.rated(job).charge_micros)
    assert plain.split_calls(found, records) > len(records.start_us) // 500
    return ours.charge_micros


@pytest.mark.parametrize("threads", [1, 2])
def test_engine(timed: Callable[..., float], job: Job, charges: np.ndarray, threads: int) -> None:
    name = f"stateless, {threads} thread{'s' if threads > 1 else ''}"
    answer = jobs.rated(job, threads)  # written over: how long the system takes to find fresh memory is not the engine's
    assert timed(name, lambda: jobs.rated(job, threads, answer), records=len(charges), rounds=9) > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_duckdb(timed: Callable[..., float], database: duckdb.DuckDBPyConnection, found: Lookup, charges: np.ndarray, threads: int) -> None:
    name = f"duckdb, {threads} thread{'s' if threads > 1 else ''}"
    assert timed(name, lambda: sql.materialise(database, found.zones, threads), records=len(charges)) > 0


def test_duckdb_sum(timed: Callable[..., float], database: duckdb.DuckDBPyConnection, found: Lookup, charges: np.ndarray) -> None:
    assert sql.total(database, found.zones, 1) == int(charges.sum())
    assert timed("duckdb, 1 thread, sum", lambda: sql.total(database, found.zones, 1), records=len(charges), rounds=3) > 0


def test_numpy(timed: Callable[..., float], records: Records, found: Lookup, charges: np.ndarray) -> None:
    some = records.take(slice(0, FRAME_RECORDS))
    assert np.array_equal(plain.rate_stateless(found, some).charge_micros, charges[:FRAME_RECORDS])
    assert timed("numpy", lambda: plain.rate_stateless(found, some), records=len(some.start_us)) > 0


@pytest.mark.parametrize("peer", [peers.Polars, peers.Pandas])
def test_frames(timed: Callable[..., float], records: Records, found: Lookup, charges: np.ndarray, peer: type[peers.Polars]) -> None:
    some = records.take(slice(0, FRAME_RECORDS))
    frame = peer(found, some)
    assert np.array_equal(frame.rate(), charges[:FRAME_RECORDS])
    assert timed(peer.__name__.lower(), frame.rate, records=len(some.start_us)) > 0


def test_decimal_loop(timed: Callable[..., float], records: Records, catalogue: Catalogue, deck: Deck, charges: np.ndarray) -> None:
    some, zone_of = records.take(slice(0, LOOP_RECORDS)), deck.zone_of
    theirs = peers.rate_decimal(catalogue, some, zone_of)
    assert theirs == [Decimal(charge) / 1_000_000 for charge in charges[:LOOP_RECORDS].tolist()]
    assert timed("decimal", lambda: peers.rate_decimal(catalogue, some, zone_of), records=len(some.start_us), rounds=3) > 0


@pytest.mark.parametrize("size", [1_024, 65_536])
def test_batches(timed: Callable[..., float], job: Job, charges: np.ndarray, size: int) -> None:
    count = min(len(charges), SMALL_BATCHES_RECORDS) // 65_536 * 65_536 or len(charges)
    batches = [job._replace(batch=jobs.slice_of(job.batch, low, min(low + size, count))) for low in range(0, count, size)]
    assert np.array_equal(np.concatenate([jobs.rated(each).charge_micros for each in batches]), charges[:count])
    answer = jobs.rated(batches[0])
    last = len(batches) - (len(batches[-1].batch.start_us) != size)  # one that is shorter has an answer of its own
    work = [(each, answer if place < last else None) for place, each in enumerate(batches)]
    assert timed(f"batches of {size:,}", lambda: [jobs.rated(each, 1, over) for each, over in work], records=count, rounds=9) > 0


def test_the_workload_is_what_it_says(deck: Deck, records: Records, catalogue: Catalogue) -> None:
    assert sum(len(prefixes) for prefixes in deck.zones) >= workload.PREFIXES
    assert len(catalogue.prices) == 8_460
    assert len({each.name for each in catalogue.zones}) == 423
    assert workload.crosses(records).mean() > 0.01
