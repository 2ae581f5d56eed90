"""The journal: segments that only grow, one range of bytes a commit.

A range is one whole Arrow IPC stream, so it is read by itself, and its columns can be read one by one without copying. Columns that
are null throughout are left out and come back as nulls. Bytes behind the last range that the manifest names were never committed:
the next append overwrites them.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import hashlib
import io
import itertools
import os
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from billing.store import commit_points
from rating import durable
from rating.errors import StoreError, UserError
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from _typeshed import ReadableBuffer

BATCH_ROWS: Final = 65_536
_READ_BYTES: Final = 1 << 22
_HASH_ASIDE_BYTES: Final = 1 << 16  # a buffer of so many bytes is worth a thread
FEW_ROWS: Final = 4_096  # are made in memory
_SCHEMAS_KEPT: Final = 256
_MODE: Final = 0o666  # as a new file has it, less what the home's mask takes away


class Range(NamedTuple):
    """Result of one append."""

    byte_from: int
    byte_to: int
    sha256: bytes


class _HashingSink(io.RawIOBase):
    """A file that knows the size and hash of all that went through it. It is closed by its owner.

    From the first large buffer on a second thread hashes while this one writes on: what is written are buffers of tables, which never
    change any more.
    """

    def __init__(self, file: IO[bytes], threads: contextlib.ExitStack) -> None:
        """`threads` ends, when it is closed, the thread that hashes."""
        super().__init__()
        self._file = file
        self._threads = threads
        self._hasher: concurrent.futures.Executor | None = None
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        view = memoryview(data)
        if self._hasher is None and view.nbytes >= _HASH_ASIDE_BYTES:
            self._hasher = self._threads.enter_context(concurrent.futures.ThreadPoolExecutor(1, "journal-hash"))
        if self._hasher is None:
            self.digest.update(view)
        else:
            self._hasher.submit(self.digest.update, view)
        self._file.write(view)
        self.size += view.nbytes
        return view.nbytes


def append(segment: Path, byte_from: int, columns: Sequence[str], batches: Iterable[pa.RecordBatch]) -> Range:
    """Write `batches` (of USAGE_V1, projected to `columns`) at `byte_from`, cutting off all that lies there, and sync them to disk.

    What cannot be written to its end, on a full disk, is taken away again. Raises UserError where the segment ends before `byte_from`.
    """
    _require_reaching(segment, byte_from)
    schema, rest = _schema(tuple(columns)), iter(batches)
    few = _few(rest)
    if sum(batch.num_rows for batch in few) <= FEW_ROWS:
        return _append_few(segment, byte_from, schema, few)
    is_new = not segment.exists()
    try:
        with segment.open("wb" if is_new else "r+b") as file, contextlib.ExitStack() as threads:
            file.truncate(byte_from)
            file.seek(byte_from)
            sink = _HashingSink(file, threads)
            with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema) as writer:
                for batch in itertools.chain(few, rest):
                    writer.write_batch(_as(schema, batch))
            file.flush()
            commit_points.reached("intake.journal_written")
            os.fsync(file.fileno())
        if is_new:
            durable.sync_names(segment.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.truncate(segment, byte_from)
        raise not_written(segment, error) from error
    commit_points.reached("intake.journal_synced")
    return Range(byte_from, byte_from + sink.size, sink.digest.digest())


def _append_few(segment: Path, byte_from: int, schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> Range:
    """The same of a few records: what they make is small, and written at once."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(_as(schema, batch))
    data = memoryview(sink.getvalue())
    try:
        is_new, file = _opened(segment)
        try:
            if os.fstat(file).st_size != byte_from:
                os.ftruncate(file, byte_from)
            written = 0
            while written < len(data):
                written += os.pwrite(file, data[written:], byte_from + written)
            commit_points.reached("intake.journal_written")
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            durable.sync_names(segment.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.truncate(segment, byte_from)
        raise not_written(segment, error) from error
    commit_points.reached("intake.journal_synced")
    return Range(byte_from, byte_from + len(data), hashlib.sha256(data).digest())


def _require_reaching(segment: Path, byte_from: int) -> None:
    """Raise UserError for a segment that ends before a place, or is not there: what was committed in front of it is gone."""
    try:
        size = segment.stat().st_size
    except FileNotFoundError:
        size = 0
    if size < byte_from:
        raise damaged(segment)


def _opened(segment: Path) -> tuple[bool, int]:
    """The file of a segment; True with one that is made here."""
    try:
        return False, os.open(segment, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True, os.open(segment, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)


def _few(batches: Iterator[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """The first batches: one that has many rows, or as many as have few together and that one."""
    found: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        found.append(batch)
        rows += batch.num_rows
        if rows > FEW_ROWS:
            break
    return found


@functools.lru_cache(_SCHEMAS_KEPT)
def _schema(columns: tuple[str, ...]) -> pa.Schema:
    return pa.schema([USAGE_V1.field(name) for name in columns]).with_metadata(USAGE_V1.metadata)


def _as(schema: pa.Schema, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The columns of a schema."""
    chosen = batch.select(schema.names)
    return chosen if chosen.schema.equals(schema) else chosen.cast(schema)


def read(segment: Path, byte_from: int, byte_to: int, columns: Sequence[str]) -> pa.Table:
    """The `columns` of one range. Nothing is copied: the table is a view of the mapped file, which may be deleted meanwhile."""
    with pa.memory_map(str(segment)) as file:
        if file.size() < byte_to:
            raise damaged(segment)
        file.seek(byte_from)
        buffer: Any = file.read_buffer(byte_to - byte_from)
    try:
        present = pa.ipc.open_stream(buffer).schema.names
        wanted = [present.index(name) for name in columns if name in present]
        reader = pa.ipc.open_stream(buffer, options=pa.ipc.IpcReadOptions(included_fields=wanted))
        table = reader.read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise damaged(segment) from error
    for name in columns:
        if name not in present:
            field = USAGE_V1.field(name)
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(list(columns))


def batches(segment: Path, byte_from: int) -> Iterator[pa.RecordBatch]:
    """The batches of the range that begins at `byte_from`, one at a time in memory, with the columns that it holds."""
    with pa.OSFile(str(segment), mode="r") as file:
        file.seek(byte_from)
        try:
            yield from pa.ipc.open_stream(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise damaged(segment) from error


def check(segment: Path, byte_from: int, byte_to: int, sha256: bytes) -> None:
    """Raise UserError unless the range is what was committed."""
    digest = hashlib.sha256()
    left = byte_to - byte_from
    with segment.open("rb") as file:
        file.seek(byte_from)
        while left > 0 and (data := file.read(min(left, _READ_BYTES))):
            digest.update(data)
            left -= len(data)
    if left > 0 or digest.digest() != sha256:
        raise damaged(segment)


def damaged(file: Path) -> UserError:
    """A file that the manifest vouches for is not what was committed."""
    return UserError(
        f"usage file {file} is not what was committed: it was changed or cut off",
        "put back the last good copy of the home folder, and check the disk",
    )


def not_written(file: Path, error: OSError) -> StoreError:
    """A usage file cannot be written: a full disk, a quota, a folder without the right."""
    return StoreError(
        f"usage file {file} cannot be written: {error.strerror or error}",
        "make room on its disk, or give this user the right to write there; then try again: nothing was stored",
    )
