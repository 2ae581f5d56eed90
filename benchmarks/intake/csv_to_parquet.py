"""From a delimited file to rated calls in Parquet (zstd, ten columns): our lexer, kernels and engine, and DuckDB with the SQL of `sql`.

Ours: one thread finds rows and hands blocks to all; each block is read, rated and encoded by one thread, into a file of that thread.
Columns of many values are written without a dictionary. DuckDB: `read_csv` with the types given, the query of the stateless job, `copy`
with a file for each thread and without keeping the order of rows; both sides compress at level 1.
"""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.intake import csv_columns
from benchmarks.intake.call_files import SOURCE
from benchmarks.work import sql
from mediation.bytes.reader import Window
from mediation.parallel import Placed, in_order
from mediation.records import csv_blocks
from rating.engine import Buckets, RatingInput, rate
from rating.model import Service

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from rating.tables import Tables

LEVEL: Final = 1
_CARRIED: Final = ("served", "number", "start", "duration_us", "plan", "trunk_in")
_FEW_VALUES: Final = ["plan", "price", "trunk_in"]
_SCHEMA: Final = pa.schema(
    [
        ("record_id", pa.int64()),
        ("served", pa.int64()),
        ("other", pa.int64()),
        ("start", pa.timestamp("us")),
        ("duration_us", pa.int64()),
        ("plan", pa.int32()),
        ("trunk_in", pa.string()),
        ("price", pa.int32()),
        ("chargeable_ms", pa.int64()),
        ("charge_micros", pa.int64()),
    ]
)
_NUMBERS: Final = [name for name in _SCHEMA.names if name not in _FEW_VALUES]
_READ = """
    read_csv('{path}', header = false, auto_detect = false, delim = ',', quote = '', escape = '', columns = {{
        'record_id': 'BIGINT', 'served': 'BIGINT', 'other': 'BIGINT', 'start': 'TIMESTAMP', 'duration': 'DECIMAL(18,3)', 'plan': 'INTEGER',
        'trunk_in': 'VARCHAR'}})
"""
_JOB = """
    copy (
        with records as not materialized (
            select record_id as row, served, other as number, length(other::varchar)::tinyint as digits, start, epoch_us(start) as start_us,
                (duration * 1000000)::bigint as duration_us, plan, trunk_in
            from {source}),
        rated as ({query})
        select row as record_id, served, number as other, start, duration_us, plan, trunk_in, (key // 3)::int as price, chargeable_ms,
            charge_micros
        from rated
    ) to '{folder}' (format parquet, compression zstd, compression_level {level}, per_thread_output true, overwrite true)
"""


class Job:
    """The job by our parts."""

    def __init__(self, tables: Tables, path: Path, folder: Path) -> None:
        self.tables, self.path, self.folder = tables, path, folder

    def run(self, threads: int) -> int:
        """Write the folder anew; how many records could not be read."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        writers: dict[int, pq.ParquetWriter] = {}

        def work(placed: Placed) -> int:
            typed = csv_columns.typed(placed.rows)
            thread = threading.get_ident()
            if thread not in writers:
                writers[thread] = self._writer(thread)
            writers[thread].write_table(self._rated(typed))
            return typed.bad

        try:
            with Window(self.path) as window:
                return sum(in_order(window, csv_blocks.blocks(window, SOURCE), work, threads))
        finally:
            for writer in writers.values():
                writer.close()

    def _writer(self, thread: int) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self.folder / f"part-{thread}.parquet",
            _SCHEMA,
            compression="zstd",
            compression_level=LEVEL,
            use_dictionary=_FEW_VALUES,
            column_encoding=dict.fromkeys(_NUMBERS, "DELTA_BINARY_PACKED"),
        )

    def _rated(self, typed: csv_columns.Typed) -> pa.Table:
        rows = len(typed.start_us)
        nobody, nothing = np.full(rows, -1, np.int32), np.zeros(rows, np.int64)
        batch = RatingInput(
            start_us=typed.start_us,
            quantity=typed.duration_us,
            service=np.full(rows, Service.VOICE, np.int8),
            plan=typed.plan.astype(np.int32),
            number=typed.other.astype(np.uint64),
            number_digits=typed.other_digits,
            holder=nobody,
            rating_unit=nothing,
            event_key=np.zeros((rows, 2), np.uint64),
            circumstances=None,
        )
        rated = rate(self.tables, batch, Buckets.none())
        columns: list[Any] = [typed.record_id, typed.served, typed.other, typed.start_us, typed.duration_us, batch.plan, typed.trunk_in]
        columns += [rated.price, rated.chargeable_qty, rated.charge_micros]
        return pa.table([pa.array(column).cast(field.type) for column, field in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA)


def by_duckdb(connection: duckdb.DuckDBPyConnection, path: Path, folder: Path, zones: int, threads: int) -> None:
    """The same by DuckDB, on a connection with the tables of `sql.connect`."""
    connection.execute(f"set threads = {threads}")
    connection.execute("set preserve_insertion_order = false")
    query = sql.query(zones, _CARRIED)
    connection.execute(_JOB.format(source=_READ.format(path=path), query=query, folder=folder, level=LEVEL))


def read(folder: Path) -> pa.Table:
    """What was written, in the order of the records."""
    return pq.read_table(folder, schema=_SCHEMA).sort_by("record_id")
