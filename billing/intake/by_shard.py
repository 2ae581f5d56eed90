"""Usage that counts as of a sequence number, in spans of the 256 shards of served ids: a month need not be in memory.

Sealed files are sorted by shard, number and time, and say in their footer how many rows each shard has: a span of shards is a few row
groups of each file. Ranges of the journal are mapped when the reading begins, so sealing may go on meanwhile; of these rows only the shard
is kept in memory.

Two spans of time may be asked for at once: in `main` all usage is read, in `few` all but that of ids which the caller calls settled. Of
files that lie in `few` throughout, the columns that say what is wanted come first, and only rows that are wanted are given out.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from billing.intake import journal, marks, view
from billing.intake.marks import COMMIT_SEQ
from rating.dates import NEVER
from rating.on_use import ModuleOnUse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from billing.store.home import Home

    Bools = NDArray[np.bool_]
    Kept = Callable[[pa.Table], Bools]
    Int64s = NDArray[np.int64]
    from billing.intake import sealing
else:
    sealing = ModuleOnUse("billing.intake.sealing")

SHARDS: Final = 256  # as `sealing.SHARDS`
_COUNTING: Final = ("served_id", "start_us", "flags", COMMIT_SEQ)  # what counting rows needs, where no mark hides any
_RECENT: Final = 2
NEVER_BILLS: Final = int(view.NEVER_BILLS)


class Instants(NamedTuple):
    """Instants `[from_us, to_us)`."""

    from_us: int
    to_us: int


class UsageFilter(NamedTuple):
    """Usage to read. `few`: another span, in which rows of settled ids are not wanted; None: there is none."""

    columns: tuple[str, ...]
    main: Instants | None
    few: Instants | None = None
    late_from_seq: int | None = None  # rows that start before both spans are wanted as well, if they were committed from this number on
    settled_from_seq: int | None = None  # in `few`, rows of settled ids are wanted as well, if they were committed from this number on
    shown: marks.Versions | None = None  # rows that count, though a mark hides them: what replaces them came too late
    instead: marks.Versions | None = None  # rows that count in the stead of all others of their events, hidden or not

    @property
    def spans(self) -> list[Instants]:
        """The spans of time that are read."""
        return [each for each in (self.main, self.few) if each is not None]

    @property
    def first_us(self) -> int:
        """Instant at which the first span begins."""
        return min((each.from_us for each in self.spans), default=NEVER)


class Part(NamedTuple):
    """Some stored rows, with `served_id` as a dictionary. `keep`: those that count, may bill and are wanted."""

    usage: pa.Table
    keep: Bools
    settled: int  # rows that count and start in `few`, but are of settled ids
    rows: int  # stored rows that were looked at


class ByShard:
    """The reader. It may be asked by several threads at once; each file is read by one of them at a time."""

    def __init__(self, home: Home, wanted: UsageFilter, seq: int, *, threads: int = 1) -> None:
        """Look up which files count, and hold each to the hash it was committed with. UserError names one that changed."""
        self._wanted = wanted
        self._seq = seq
        self._hidden, self._columns, self._files, self.stored_rows = view.steadily(lambda: _opened(home, wanted, seq, threads))
        self.rows: Int64s = np.sum([each.shard_rows for each in self._files], axis=0, dtype=np.int64) + np.zeros(SHARDS, np.int64)

    def read(self, low: int, high: int, settled: pa.Array[Any] | None = None) -> Part:
        """The rows of shards `[low, high)`, file by file, those of a sealed one sorted by shard, number and time.

        `settled`: ids of these shards that are not wanted in the span `few`, if there is one.
        """
        tables, keeps, others, rows = [], [], 0, 0

        def kept(table: pa.Table) -> Bools:
            nonlocal others, rows
            keep, more = self._kept(table, settled)
            others += more
            rows += table.num_rows
            return keep

        for file in self._files:
            if isinstance(file, _Sealed) and file.is_few(self._wanted):
                parts = [(table, np.ones(table.num_rows, np.bool_)) for table in file.read_kept(low, high, kept)]
            else:
                parts = [(table, kept(table)) for table in file.read(low, high)]
            tables += [table for table, _ in parts]
            keeps += [keep for _, keep in parts]
        if not tables:
            return Part(_schema(self._columns).empty_table(), np.zeros(0, np.bool_), others, rows)
        return Part(pa.concat_tables(tables), np.concatenate(keeps), others, rows)

    def _kept(self, table: pa.Table, settled: pa.Array[Any] | None) -> tuple[Bools, int]:
        """Mask of rows that are wanted, and the number of rows that count and are settled."""
        counts = (table["flags"].to_numpy() & NEVER_BILLS) == 0
        committed = table[COMMIT_SEQ].to_numpy()
        if committed.size and committed.max() > self._seq:
            counts &= committed <= self._seq
        shown, may_count = np.zeros(len(counts), np.bool_), counts
        if len(self._hidden.keys):
            hidden = marks.is_hidden(table, self._hidden)
            if self._wanted.shown is not None:
                shown = counts & hidden & self._wanted.shown.holds(table)
            counts = counts & (~hidden | shown)
        if self._wanted.instead is not None:
            replaced = marks.has_key(table, self._wanted.instead.keys)
            counts = np.where(replaced, may_count & self._wanted.instead.holds(table), counts)
        start_us = table["start_us"].cast(pa.int64()).to_numpy()
        keep = counts & _lies_in(start_us, self._wanted.main)
        if self._wanted.late_from_seq is not None:
            keep |= counts & (start_us < self._wanted.first_us) & (committed >= self._wanted.late_from_seq)
        if self._wanted.few is None:
            return keep, 0
        in_few = counts & _lies_in(start_us, self._wanted.few)
        done = in_few & _is_one_of(table["served_id"], settled)
        if self._wanted.settled_from_seq is not None:
            done &= committed < self._wanted.settled_from_seq
        return keep | (in_few & ~done), int(np.count_nonzero(done & ~shown))


class _Journal:
    """A range of the journal, mapped into memory."""

    def __init__(self, home: Home, file: view.Stored, columns: Sequence[str]) -> None:
        plain = [name for name in columns if name != COMMIT_SEQ]
        table = journal.read(home.path / file.path, file.byte_from, file.byte_to, plain)
        committed = pa.array(np.full(table.num_rows, file.commit_seq))
        self._table = table.append_column(pa.field(COMMIT_SEQ, pa.int64(), nullable=False), committed).select(list(columns))
        shards = [sealing.shards_of(chunk) for chunk in table["served_id"].chunks]
        self._shard = np.concatenate(shards) if shards else np.zeros(0, np.uint8)
        self.shard_rows: Int64s = np.bincount(self._shard, minlength=SHARDS)

    def read(self, low: int, high: int) -> Iterator[pa.Table]:
        """The rows of shards `[low, high)`."""
        if not self.shard_rows[low:high].any():
            return
        table = self._table.filter(pa.array((self._shard >= low) & (self._shard < high)))
        columns = [table[name].dictionary_encode() if name == "served_id" else table[name] for name in table.column_names]
        yield pa.table(columns, schema=_schema(table.column_names))


class _Sealed:
    """A sealed file. The row groups read last are kept: the next span of shards mostly begins in one, and threads are some spans apart."""

    def __init__(self, path: Path, file: view.Stored, columns: Sequence[str], counting: Sequence[str]) -> None:
        self._path = path
        self._columns = list(columns)
        self._counting = list(counting)
        self._span = Instants(file.start_min_us, file.start_max_us + 1)
        with self._open(None) as parquet:
            self._metadata = parquet.metadata
            noted = sealing.shard_rows(self._metadata)
            self.shard_rows = _counted(parquet) if noted is None else noted
        if self._metadata.num_rows != file.rows or int(self.shard_rows.sum()) != file.rows:
            raise journal.damaged(path)
        sizes = [self._metadata.row_group(number).num_rows for number in range(self._metadata.num_row_groups)]
        self._group_first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._shard_first = np.concatenate([[0], np.cumsum(self.shard_rows)]).astype(np.int64)
        self._lock = threading.Lock()
        self._recent: dict[int, pa.Table] = {}  # row groups by number; some have the columns for counting alone

    def is_few(self, wanted: UsageFilter) -> bool:
        """Return whether all of it starts in the span in which only some ids are wanted."""
        few = wanted.few
        return few is not None and wanted.late_from_seq is None and few.from_us <= self._span.from_us and self._span.to_us <= few.to_us

    def read(self, low: int, high: int) -> Iterator[pa.Table]:
        """The rows of shards `[low, high)`."""
        with self._lock:
            for number, rows in self._places(low, high):
                yield _slice(self._row_group(number, self._columns), rows)

    def read_kept(self, low: int, high: int, kept: Kept) -> Iterator[pa.Table]:
        """The rows of shards `[low, high)` that are kept, as `kept` says of the columns for counting. The others are read where any is."""
        with self._lock:
            for number, rows in self._places(low, high):
                keep = kept(_slice(self._row_group(number, self._counting), rows))
                if keep.any():
                    yield _slice(self._row_group(number, self._columns), rows).filter(pa.array(keep))

    def _places(self, low: int, high: int) -> Iterator[tuple[int, slice]]:
        """Row groups that hold rows of shards `[low, high)`, and which of their rows these are."""
        first, last = int(self._shard_first[low]), int(self._shard_first[high])
        if first == last:
            return
        begin = int(np.searchsorted(self._group_first, first, side="right")) - 1
        for number in range(begin, int(np.searchsorted(self._group_first, last, side="left"))):
            start = int(self._group_first[number])
            yield number, slice(max(first - start, 0), min(last, int(self._group_first[number + 1])) - start)

    def _row_group(self, number: int, columns: Sequence[str]) -> pa.Table:
        """A row group with at least some columns: all of them, or those for counting."""
        known = self._recent.pop(number, None)
        if known is None:
            known = self._read(number, columns)
        elif known.num_columns < len(columns):
            known = self._completed(number, known)
        self._recent[number] = known
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]
        return known

    def _completed(self, number: int, counting: pa.Table) -> pa.Table:
        """A row group with all columns; those of `counting` are already read."""
        present = set(counting.column_names)
        rest = self._read(number, [name for name in self._columns if name not in present])
        return pa.table([(counting if name in present else rest)[name] for name in self._columns], schema=_schema(self._columns))

    def _read(self, number: int, columns: Sequence[str]) -> pa.Table:
        """Some columns of a row group."""
        try:
            with self._open(self._metadata) as parquet:
                return parquet.read_row_group(number, columns=list(columns), use_threads=False).select(list(columns))
        except pa.ArrowInvalid as error:
            raise journal.damaged(self._path) from error

    def _open(self, metadata: pq.FileMetaData | None) -> pq.ParquetFile:
        return pq.ParquetFile(self._path, metadata=metadata, memory_map=True, read_dictionary=["served_id"])


class _Opened(NamedTuple):
    """Marks, the columns to read, the files, each of them checked, and the rows that these have by the manifest."""

    hidden: marks.Hidden
    columns: list[str]
    files: list[_Journal | _Sealed]
    stored_rows: int


def _opened(home: Home, wanted: UsageFilter, seq: int, threads: int) -> _Opened:
    """Look up what counts as of `seq`, and open the files."""
    with home.connect() as connection:
        hidden = marks.hidden(connection, seq)
        found = {file for each in wanted.spans for file in view.stored(connection, 0, seq, *each)}
        if wanted.late_from_seq is not None:
            found |= set(view.stored(connection, wanted.late_from_seq - 1, seq, to_us=wanted.first_us))
    files = sorted(found, key=lambda file: (file.commit_seq, file.path, file.byte_from))
    counting = [*_COUNTING, *(["event_key"] if len(hidden.keys) or wanted.instead is not None else [])]
    columns = list(dict.fromkeys([*wanted.columns, *counting]))

    def opened(file: view.Stored) -> _Journal | _Sealed:
        journal.check(home.path / file.path, file.byte_from, file.byte_to, file.sha256)
        return _Journal(home, file, columns) if file.form == "journal" else _Sealed(home.path / file.path, file, columns, counting)

    with ThreadPoolExecutor(threads) as pool:
        return _Opened(hidden, columns, list(pool.map(opened, files)), sum(file.rows for file in files))


def _counted(parquet: pq.ParquetFile) -> Int64s:
    """Rows of each shard of a file that does not say it."""
    shards = [sealing.shards_of(chunk) for chunk in parquet.read(columns=["served_id"]).column(0).chunks]
    return np.bincount(np.concatenate(shards) if shards else np.zeros(0, np.uint8), minlength=SHARDS).astype(np.int64)


def _lies_in(start_us: Int64s, span: Instants | None) -> Bools:
    if span is None:
        return np.zeros(len(start_us), np.bool_)
    if start_us.size and start_us.min() >= span.from_us and start_us.max() < span.to_us:
        return np.ones(len(start_us), np.bool_)
    return (start_us >= span.from_us) & (start_us < span.to_us)


def _is_one_of(served_id: pa.ChunkedArray[Any], ids: pa.Array[Any] | None) -> Bools:
    """Mask of rows with one of the ids; each distinct one of a chunk is looked up once."""
    if ids is None or not len(ids):
        return np.zeros(len(served_id), np.bool_)
    found = [np.zeros(0, np.bool_)]
    chunks: list[Any] = served_id.chunks
    for chunk in chunks:
        if not len(chunk):
            continue
        index = chunk.indices.to_numpy()
        low, high = int(index.min()), int(index.max())
        known: Any = pc.is_in(chunk.dictionary.slice(low, high - low + 1), value_set=ids)
        found.append(known.to_numpy(zero_copy_only=False)[index - low])
    return np.concatenate(found)


def _slice(table: pa.Table, rows: slice) -> pa.Table:
    return table.slice(rows.start, rows.stop - rows.start)


def _schema(columns: Sequence[str]) -> pa.Schema:
    """Schema of the usage that is read: as stored, but that ids are a dictionary."""
    plain = view.schema_of(columns)
    place = plain.get_field_index("served_id")
    return plain.set(place, plain.field(place).with_type(pa.dictionary(pa.int32(), pa.string())))
