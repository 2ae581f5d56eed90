"""Stateless rating on one and two threads against the same job in DuckDB, in one process, results compared first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from benchmarks.workload import QUERY, Workload, workload
from rating.engine import rate
from tariffs.compiler import compile_catalogues

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

RECORDS = int(os.environ.get("RECORDS", "1000000"))
NO_ALLOWANCES = np.zeros(0, np.int64)
CHARGES = "select charge_micros from ({}) order by row"


@pytest.fixture(scope="module")
def job() -> Workload:
    return workload(RECORDS)


@pytest.fixture(scope="module")
def peer(job: Workload) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name in ("deck", "prices", "records"):
        connection.register("incoming", pa.table(getattr(job, name)))
        connection.execute(f"create table {name} as select * from incoming")
    return connection


def test_results_are_equal(job: Workload, peer: duckdb.DuckDBPyConnection) -> None:
    rated = rate(compile_catalogues([job.catalogue]), job.batch, NO_ALLOWANCES, threads=2)
    theirs = peer.execute(CHARGES.format(QUERY)).fetchnumpy()["charge_micros"]
    assert np.array_equal(rated.charge_micros, theirs)
    assert len(np.unique(theirs)) > 1_000


@pytest.mark.parametrize("threads", [1, 2])
def test_kernel(benchmark: BenchmarkFixture, job: Workload, threads: int) -> None:
    tables = compile_catalogues([job.catalogue])
    benchmark.extra_info.update(records=RECORDS, who="kernel", threads=threads)
    rated = benchmark.pedantic(rate, (tables, job.batch, NO_ALLOWANCES), {"threads": threads}, rounds=5, warmup_rounds=1)
    assert len(rated.status) == RECORDS


@pytest.mark.parametrize("threads", [1, 2])
def test_duckdb(benchmark: BenchmarkFixture, peer: duckdb.DuckDBPyConnection, threads: int) -> None:
    peer.execute(f"set threads = {threads}")
    benchmark.extra_info.update(records=RECORDS, who="duckdb", threads=threads)
    total = benchmark.pedantic(
        lambda: peer.execute(f"select sum(charge_micros), count(*) from ({QUERY})").fetchone(), rounds=5, warmup_rounds=1
    )
    assert total[1] == RECORDS
