"""The stateless job as SQL for DuckDB: the fastest form that was found. Money and quantities are integers, and the result is exact.

Both sides get the same columns (start, duration, plan, number and its count of digits) in their own native form, and both write, for each
record, which rate it had, its chargeable quantity and its charge. The deck stands as disjoint intervals and rates stand flattened, one row
a plan, zone and band with everything worked out that a row can know: that is to DuckDB what compiled tables are to us.

What was tried, each as the whole job, in millions of records in a second of one core (2 M records, on the machine of README.md, not idle):

| how | M/s |
|---|---|
| as it stands here | 4.5 |
| longest prefix by one hash join for each length, 11 to 1 digits, coalesced, instead of the ASOF join on intervals | 3.2 |
| by a direct table of six digits (a perfect hash join), then hash joins for 11 to 7 digits | 3.4 |
| by last_value over the union of deck and records, in order of place (window) | 3.0 |
| by a list indexed by six digits, in place of a join: only to find the zone it took ten times as long as ASOF | - |
| band by a join with the 168 hours of the week instead of arithmetic on its seconds | 4.1 |
| the long formula of calls that cross a band for all calls, instead of a branch of their own | 2.3 |
| amounts in DOUBLE (exact below 2**53) instead of integers | 4.3 |
| CASE for half-even ties and for usage of zero (what stands in a CASE is worked out again wherever it is used) | 4.0 |

Two settings: as many threads as the row says, and no nested loops for ASOF (the estimate of how many calls cross a band is wrong by three
orders, and a nested loop over the deck takes minutes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.work.deck import Intervals
    from benchmarks.work.workload import Records, Week

# Seconds of the week from Monday; peak is 08:00 to 20:00 of working days, then come night (2) and weekend (1).
_HERE = """
    select *,
        case when week_s >= 432000 then 1 when day_s >= 28800 and day_s < 72000 then 0 else 2 end as band,
        case when week_s >= 432000 then 604800000000 - week_us when day_s < 28800 then 28800000000 - day_us
            when day_s < 72000 then 72000000000 - day_us when week_s >= 345600 then 86400000000 - day_us
            else 115200000000 - day_us end as left_us
    from (
        select *, (number * (10 ** (15 - digits))::bigint) as place,
            (start_us + 259200000000) % 604800000000 as week_us, (week_us // 1000000)::int as week_s,
            start_us % 86400000000 as day_us, week_s % 86400 as day_s
        from records)
"""
# Calls within one band. Half-even is half-up, one less where an odd multiple was a tie.
_WITHIN = """
    plain as (
        select h.row{of_here}, ((h.duration_us + 999) // 1000)::int as wanted, r.*
        from here h asof join intervals i on h.place >= i.low join rates r on r.key = (h.plan * {zones} + i.zone) * 3 + h.band
        where h.duration_us <= h.left_us and h.duration_us > 0
    ), stepped_once as (
        select *, (greatest(least(wanted, step_at) - first_ms, 0) + increment_1 - 1) // increment_1 * increment_1 + first_ms as one
        from plain
    ), stepped as (
        select *, (greatest(wanted - one, 0) + increment_2 - 1) // increment_2 * increment_2 as two from stepped_once
    ), within as (
        select row{carried}, key, one + two as chargeable_ms, greatest(one * rate_1 + two * rate_2 + connect, minimum) + added as numerator,
            divisor, half_even, step_micros
        from stepped
    )
"""
# The rest: what is left after the edge goes on at the next band, from the position that the call has reached. And calls of no duration.
_ACROSS = """
    edged as (
        select h.row{of_here}, ((h.duration_us + 999) // 1000)::int as wanted, a.*, b as after,
            case when a.split = 1 then ((h.left_us + 999) // 1000)::int else 2000000000 end as edge_ms
        from here h join week w on w.hour = (h.start_us // 3600000000 + 72) % 168 asof join intervals i on h.place >= i.low
            join rates a on a.key = (h.plan * {zones} + i.zone) * 3 + h.band
            join rates b on b.key = (h.plan * {zones} + i.zone) * 3 + w.next_band
        where h.duration_us > h.left_us or h.duration_us <= 0
    ), before_1 as (
        select *, (greatest(least(wanted, step_at, edge_ms) - first_ms, 0) + increment_1 - 1) // increment_1 * increment_1 + first_ms as one
        from edged
    ), before_2 as (
        select *, (greatest(least(wanted, edge_ms) - one, 0) + increment_2 - 1) // increment_2 * increment_2 as two from before_1
    ), after_1 as (
        select *, (greatest(least(wanted, after.step_at) - one - two, 0) + after.increment_1 - 1) // after.increment_1
            * after.increment_1 as three
        from before_2
    ), after_2 as (
        select *, (greatest(wanted - one - two - three, 0) + after.increment_2 - 1) // after.increment_2 * after.increment_2 as four
        from after_1
    ), across as (
        select row{carried}, key, (wanted > 0)::int * (one + two + three + four) as chargeable_ms,
            (wanted > 0)::bigint * (added
                + greatest(one * rate_1 + two * rate_2 + three * after.rate_1 + four * after.rate_2 + connect, minimum)) as numerator,
            divisor, half_even, step_micros
        from after_2
    )
"""
_ROUNDED = """
    select row{carried}, key, chargeable_ms,
        (multiple - half_even * (multiple % 2) * (multiple * divisor = numerator)::bigint) * step_micros as charge_micros
    from (select *, numerator // divisor as multiple from (from within union all from across))
"""


def connect(records: Records, deck: Intervals, rates: dict[str, np.ndarray], hours: Week) -> duckdb.DuckDBPyConnection:
    """A database in memory with the job's tables: integers as narrow as they can be, nothing left to convert."""
    connection = duckdb.connect()
    connection.execute("set asof_loop_join_threshold = 0")
    wide = {"rate_1", "rate_2", "connect", "minimum", "added", "divisor", "half_even"}  # of products that need 64 bits
    tables = {
        "records": {
            "row": np.arange(len(records.start_us), dtype=np.int32),
            "start_us": records.start_us,
            "duration_us": records.duration_us,
            "plan": records.plan.astype(np.int32),
            "number": records.numbers.number,
            "digits": records.numbers.digits.astype(np.int8),
        },
        "intervals": {"low": deck.low, "zone": deck.zone.astype(np.int32)},
        "week": {"hour": np.arange(len(hours.band)), "next_band": hours.next_band.astype(np.int32)},
        "rates": {
            "key": np.arange(len(rates["first_ms"]), dtype=np.int32),
            **{name: column if name in wide else np.minimum(column, 2_000_000_000).astype(np.int32) for name, column in rates.items()},
        },
    }
    for name, columns in tables.items():
        connection.register("incoming", pa.table(columns))
        connection.execute(f"create table {name} as from incoming")
        connection.unregister("incoming")
    return connection


def query(zones: int, carried: Sequence[str] = ()) -> str:
    """The job over `zones` zones a plan: row, key of the rate, chargeable milliseconds, charge; `carried`: more columns of the records."""
    of_here, plain = ("".join(f", {prefix}{name}" for name in carried) for prefix in ("h.", ""))
    parts = (part.format(zones=zones, of_here=of_here, carried=plain) for part in (_WITHIN, _ACROSS, _ROUNDED))
    return "with here as not materialized ({}), {}, {} {}".format(_HERE, *parts)


def materialise(connection: duckdb.DuckDBPyConnection, zones: int, threads: int) -> None:
    """Rate all records into the table `rated`."""
    connection.execute(f"set threads = {threads}")
    connection.execute(f"create or replace table rated as {query(zones)}")


def total(connection: duckdb.DuckDBPyConnection, zones: int, threads: int) -> int:
    """Rate all records and keep nothing but the sum of charges."""
    connection.execute(f"set threads = {threads}")
    row = connection.execute(f"select sum(charge_micros), sum(chargeable_ms), sum(key) from ({query(zones)})").fetchone()
    assert row is not None
    return int(row[0])


def results(connection: duckdb.DuckDBPyConnection) -> dict[str, np.ndarray]:
    """The table `rated` as arrays in the order of the records."""
    return connection.execute("select key, chargeable_ms, charge_micros from rated order by row").fetchnumpy()
