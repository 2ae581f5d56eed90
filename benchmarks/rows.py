"""The rows of the result: what each is made of, and the gate and the aim that it is held against.

A *figure* is what one benchmark measured: millions of records a second, seconds, or bytes. A *row* is what we claim, mostly the ratio of
two figures of one run. A row below its gate is printed as such; nothing is left out because of its value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

Figures = Mapping[str, float]
LOWER_IS_BETTER = frozenset({"s", "bytes", "bytes a record", "MiB", "allocations"})


class Row(NamedTuple):
    """One line: how it is worked out from figures, and what it is compared with."""

    name: str
    unit: str
    value: Callable[[Figures], float]
    gate: float | None = None
    aim: float | None = None
    peer: str = ""  # name of the peer
    peer_figure: str = ""  # and what it did in this run


def _figure(name: str) -> Callable[[Figures], float]:
    return lambda figures: figures[name]


def _ratio(ours: str, theirs: str) -> Callable[[Figures], float]:
    return lambda figures: figures[ours] / figures[theirs]


def _constant(value: float) -> Callable[[Figures], float]:
    return lambda _figures: value


DUCKDB = "duckdb, 1 thread"
SPEED = "M records/s"
ALLOWANCES = {"plain": 1, "everything": 3}

ROWS = (
    Row("stateless, one thread, over DuckDB on one thread", "x", _ratio("stateless, 1 thread", DUCKDB), 15, 22, "DuckDB", DUCKDB),
    Row("stateless, two threads over one", "x", _ratio("stateless, 2 threads", "stateless, 1 thread"), 1.8, 2.0),
    Row("stateful, grouped by rating unit, over the same DuckDB", "x", _ratio("stateful, grouped", DUCKDB), 10, 16, "DuckDB", DUCKDB),
    Row("stateful, arrival order, over the same DuckDB", "x", _ratio("stateful, arrival order", DUCKDB), 5, 8, "DuckDB", DUCKDB),
    Row(
        "longest prefix over numpy.searchsorted on intervals", "x", _ratio("longest prefix", "searchsorted"), 6, 10,
        "numpy.searchsorted", "searchsorted",
    ),
    Row("everything on, over stateful", "x", _ratio("everything, grouped", "stateful, grouped"), 0.5, 0.7),
    Row("batches of 1,024 over batches of 65,536", "x", _ratio("batches of 1,024", "batches of 65,536"), 0.75, 0.9),
    Row("compile 300,000 prefixes x 20 plans", "s", _figure("compile"), 5, 1.5),
    Row("load 300,000 prefixes from files", "s", _figure("catalogue load")),
    Row("warnings about them", "s", _figure("catalogue warnings")),
    Row("import, load and compile two decks of 36,206 and 316,913 rows, and a first quote on each", "s", _figure("deck import"), 10, 4),
    Row("what-if: a stored month priced twice, two threads", "s", _figure("what-if, seconds"), 5, 2, "DuckDB", "what-if, duckdb"),
    Row("what-if, with allowances and tiers", "s", _figure("what-if, stateful, seconds"), 5, 2),
    Row("state an account, one allowance (and a tier)", "bytes", _figure("state, plain"), 128 + 16, 64 + 8),
    Row("state an account, three allowances (and a tier and two caps)", "bytes", _figure("state, everything"), 128 + 48, 64 + 24),
    Row("peak memory of the process that rates the batch", "MiB", _figure("peak memory"), 2_048),
    Row("allocations for each record", "allocations", _figure("allocations"), 0),
    Row("a process that rates one record, from a warm cache", "s", _figure("one record"), 0.6),
    Row(
        "a delimited file to checked columns, over pyarrow.csv, one thread each", "x", _ratio("csv parse", "pyarrow.csv"), 3, 4,
        "pyarrow.csv", "pyarrow.csv",
    ),
    Row("a delimited file to rated Parquet (zstd, ten columns), two threads", SPEED, _figure("csv to parquet, 2"), 4, 5.5),
    Row(
        "the same over DuckDB, both on two threads", "x", _ratio("csv to parquet, 2", "csv to parquet, duckdb, 2"), 3, None, "DuckDB",
        "csv to parquet, duckdb, 2",
    ),
    Row("a delimited file into a home: keys, duplicates, journal synced, two cores", SPEED, _figure("ingest"), 1.5, 3),
    Row("duplicate check by sequence bitmap, new numbers nearly in order", SPEED, _figure("bitmap, new"), 300),
    Row("duplicate check by hash, new records", SPEED, _figure("hashed, new"), 20),
    Row("peak memory of decoding a file in parts, the larger of two", "MiB", _figure("decode, memory"), 1_536),
    Row("what it grows by, from one file to one of twice the size", "bytes a record", _figure("decode, growth"), 1),
    Row("peak memory of taking a file into a new home, the larger of two", "MiB", _figure("ingest, memory"), 1_536),
    Row("what it grows by, from one file to one of twice the size", "bytes a record", _figure("ingest, growth")),
    Row("stateless, one thread", SPEED, _figure("stateless, 1 thread")),
    Row("stateless, one thread, in batches of 65,536", SPEED, _figure("batches of 65,536")),
    Row("stateless, two threads", SPEED, _figure("stateless, 2 threads")),
    Row("stateful, grouped, one thread", SPEED, _figure("stateful, grouped")),
    Row("stateful, grouped, two threads", SPEED, _figure("stateful, grouped, 2 threads")),
    Row("stateful, arrival order, one thread", SPEED, _figure("stateful, arrival order")),
    Row("stateful, arrival order, two threads", SPEED, _figure("stateful, arrival order, 2 threads")),
    Row("everything on, grouped, one thread", SPEED, _figure("everything, grouped")),
    Row("longest prefix", SPEED, _figure("longest prefix")),
    Row("DuckDB, stateless, one thread", SPEED, _figure(DUCKDB)),
    Row("DuckDB, stateless, one thread, only the sum kept", SPEED, _figure("duckdb, 1 thread, sum")),
    Row("DuckDB, stateless, two threads", SPEED, _figure("duckdb, 2 threads")),
    Row("stateless, two threads, over DuckDB on two", "x", _ratio("stateless, 2 threads", "duckdb, 2 threads"), None, None, "DuckDB",
        "duckdb, 2 threads"),
    Row("what-if over the same in DuckDB, both on two threads", "x", _ratio("what-if", "what-if, duckdb"), None, None, "DuckDB",
        "what-if, duckdb"),
    Row("a delimited file to checked columns, one thread", SPEED, _figure("csv parse")),
    Row("a delimited file to rated Parquet, one thread", SPEED, _figure("csv to parquet, 1")),
    Row(
        "the same over DuckDB, one thread each", "x", _ratio("csv to parquet, 1", "csv to parquet, duckdb, 1"), None, None, "DuckDB",
        "csv to parquet, duckdb, 1",
    ),
    Row("a delimited file decoded to usage with keys and hashes, one thread", SPEED, _figure("decode, 1")),
    Row("the same, two threads", SPEED, _figure("decode, 2")),
    Row("duplicate check by sequence bitmap, known numbers from anywhere", SPEED, _figure("bitmap, known")),
    Row("duplicate check by hash, known records", SPEED, _figure("hashed, known")),
    Row("memory of a known record, by hash", "bytes", _figure("hashed, bytes")),
    Row("memory of a known record, by sequence bitmap", "bytes", _figure("bitmap, bytes")),
    Row("stateless over numpy, one thread", "x", _ratio("stateless, 1 thread", "numpy"), None, None, "numpy", "numpy"),
    Row("stateless over Polars, one thread", "x", _ratio("stateless, 1 thread", "polars"), None, None, "Polars", "polars"),
    Row("stateless over pandas, one thread", "x", _ratio("stateless, 1 thread", "pandas"), None, None, "pandas", "pandas"),
    Row("stateless over a Decimal loop", "x", _ratio("stateless, 1 thread", "decimal"), None, None, "Decimal loop", "decimal"),
    Row("CGRateS, one call of 180 s at 60/60, its Go code without RPC (measured elsewhere, not in this run)", SPEED, _constant(0.165)),
    Row("CGRateS, the same at 1/1 (measured elsewhere, not in this run)", SPEED, _constant(0.052)),
    Row("CGRateS, requests of a whole server, at most (as published, not in this run)", SPEED, _constant(0.05)),
)  # fmt: skip


def verdict(row: Row, value: float) -> str:
    """What is to be said about the value against gate and aim."""
    sign = -1 if row.unit in LOWER_IS_BETTER else 1
    if row.gate is not None and sign * value < sign * row.gate:
        return "BELOW ITS GATE"
    if row.aim is not None and sign * value >= sign * row.aim:
        return "meets its aim"
    return "" if row.gate is None else "meets its gate"


def as_json(row: Row, figures: Figures) -> dict[str, object]:
    """The row for results.json."""
    told: dict[str, object] = {"name": row.name, "value": round(row.value(figures), 4), "unit": row.unit}
    if row.peer:
        told["peer"] = f"{row.peer}, {figures[row.peer_figure]:.3g} {SPEED}"
    told |= {name: limit for name, limit in (("gate", row.gate), ("aim", row.aim)) if limit is not None}
    if row.gate is not None:
        told["verdict"] = verdict(row, row.value(figures)).lower()
    return told
