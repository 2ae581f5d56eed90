"""The bytes of a delimited file to typed columns: by the lexer and the kernels that all decoders use, and by `pyarrow.csv`.

Both give integers, instants, exact durations and texts, a block after the other or as one table, and keep none of them. Ours checks more:
that a number is one in E.164, that a date exists, that each line has the right number of columns. pyarrow reads durations as decimals; as
float64, which is not exact, it would take a tenth less time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from benchmarks.intake.call_files import COLUMNS, SOURCE
from mediation import usage
from mediation.bytes.memory_window import MemoryWindow
from mediation.records import csv_blocks
from mediation.sources.rules import Unit
from mediation.values import columns, numbers, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mediation.records.rows import Block

_TYPES = {
    "record_id": pa.int64(), "served": pa.int64(), "other": pa.int64(), "start": pa.timestamp("us"), "duration": pa.decimal128(18, 3),
    "plan": pa.int64(), "trunk_in": pa.string(),
}  # fmt: skip
_CONVERT = pyarrow.csv.ConvertOptions(column_types=_TYPES)
_READ = pyarrow.csv.ReadOptions(use_threads=False, column_names=COLUMNS, block_size=1 << 22)


class Typed(NamedTuple):
    """Columns of a block; `bad`: rows that could not be read."""

    record_id: NDArray[np.int64]
    served: NDArray[np.int64]
    other: NDArray[np.int64]
    other_digits: NDArray[np.int8]
    start_us: NDArray[np.int64]
    duration_us: NDArray[np.int64]
    plan: NDArray[np.int64]
    trunk_in: pa.Array[Any]
    bad: int


def typed(block: Block) -> Typed:
    """The columns of a block of SOURCE."""
    served, other = (numbers.read(block, block.spans(name), SOURCE.numbering) for name in ("served", "other"))
    record_id, plan = (columns.amounts(block, block.spans(name), 1).value for name in ("record_id", "plan"))
    start = columns.times(block, block.spans("start"), SOURCE.timezone)
    duration = written.amounts(block, block.spans("duration"), Unit.SECOND)
    trunk_in = usage.text(block, block.spans("trunk_in"), np.arange(block.size))
    missing = ~(start.present & duration.present & (served.digits > 0) & (other.digits > 0)) | (block.code != 0)
    counts = (record_id, served.value, other.value, other.digits, start.earliest_us, duration.value, plan, trunk_in)
    return Typed(*counts, int(np.count_nonzero(missing)))


def blocks(data: bytes) -> Iterator[Typed]:
    """All blocks of a file's bytes, on one thread."""
    for block in csv_blocks.blocks(MemoryWindow(data), SOURCE):
        yield typed(block)


def by_pyarrow(data: bytes) -> Iterator[pa.RecordBatch]:
    """The same, by pyarrow's streaming reader."""
    with pyarrow.csv.open_csv(pa.BufferReader(data), read_options=_READ, convert_options=_CONVERT) as reader:
        yield from reader


def table_by_pyarrow(data: bytes) -> pa.Table:
    """The same as one table."""
    return pyarrow.csv.read_csv(pa.BufferReader(data), read_options=_READ, convert_options=_CONVERT)
