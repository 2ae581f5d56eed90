"""A what-if as SQL for DuckDB: the sealed files of the same home, numbers and plans, and the stateless job of `sql` by two tables of rates.

It reads the same files and answers the same: events and exact sums by rate, and by subscription, now and then. Numbers, plans and rates are
in its memory before the clock starts; the product reads its facts and compiles both tariffs for every answer. It knows one plan a
subscription for the whole month, no suspense, no time zones, and nothing that an event leaves to the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.what_if.what_if_home import served_id
from benchmarks.work import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.work.deck import Intervals
    from benchmarks.work.workload import Week

_MONTH = """
    create or replace temp table records as
    select n.subscription as row, epoch_us(u.start_us) as start_us, u.duration_us, n.plan, u.other_e164 as number,
        length(u.other_e164::varchar)::tinyint as digits
    from read_parquet($files) u join numbers n on u.served_id = n.served_id
    where u.flags & 3 = 0 and u.direction = 1
"""
_SIDE = "select key, row, count(*) as events, sum(charge_micros)::bigint as micros from ({query}) group by grouping sets ((key), (row))"


def connect(plans: Sequence[int], deck: Intervals, rates: Sequence[dict[str, np.ndarray]], hours: Week) -> duckdb.DuckDBPyConnection:
    """A database in memory: `plans` of the subscriptions, the deck, and the rates of now and then."""
    connection = duckdb.connect()
    connection.execute("set asof_loop_join_threshold = 0")
    wide = {"rate_1", "rate_2", "connect", "minimum", "added", "divisor", "half_even"}  # of products that need 64 bits
    tables = {
        "numbers": {
            "served_id": [served_id(each) for each in range(len(plans))],
            "subscription": np.arange(len(plans), dtype=np.int32),
            "plan": np.array(plans, np.int32),
        },
        "intervals": {"low": deck.low, "zone": deck.zone.astype(np.int32)},
        "week": {"hour": np.arange(len(hours.band)), "next_band": hours.next_band.astype(np.int32)},
    }
    for side, columns in zip(("now", "then"), rates, strict=True):
        narrow = {name: each if name in wide else np.minimum(each, 2_000_000_000).astype(np.int32) for name, each in columns.items()}
        tables[f"rates_{side}"] = {"key": np.arange(len(columns["first_ms"]), dtype=np.int32), **narrow}
    for name, made in tables.items():
        connection.register("incoming", pa.table(made))
        connection.execute(f"create table {name} as from incoming")
        connection.unregister("incoming")
    return connection


def ask(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], zones: int, threads: int) -> dict[str, dict[str, np.ndarray]]:
    """Read the month and price it by both tables of rates; columns key (masked in sums by subscription), row, events, micros."""
    connection.execute(f"set threads = {threads}")
    connection.execute(_MONTH, {"files": [str(each) for each in files]})
    query = sql.query(zones)
    return {
        side: connection.execute(_SIDE.format(query=query.replace("join rates ", f"join rates_{side} "))).fetchnumpy()
        for side in ("now", "then")
    }
