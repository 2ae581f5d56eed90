"""Sealing: journal ranges become Parquet, one file a UTC month of the event, sorted by shard, served id and time.

Files first, then one SQL transaction in which they take the place of the ranges, then the segments go. A crash before the transaction
leaves Parquet files without a manifest row; one after it leaves such segments: `remove_garbage` takes both away.

Memory is bounded: at most ROWS_MAX rows are sealed in one transaction, and of these only BUCKET_ROWS are held at a time. Rows are
dealt to buckets by shard, so the sorted buckets one after another are the sorted file.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from numpy.typing import NDArray

from billing.intake import journal, view
from billing.intake.records import OF_ASSEMBLY
from billing.intake.reports import SealReport
from billing.store import commit_points
from billing.store.tables import usage_manifest
from rating import durable
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from billing.store.home import Home

SHARDS: Final = 256
ROWS_MAX: Final = 4_000_000
BUCKET_ROWS: Final = 200_000
ROW_GROUPS: Final = 64  # of a file, about: so that some shards can be read without the others
ROW_GROUP_ROWS: Final = (4_096, 65_536)  # at least and at most in one
SHARD_ROWS: Final = "ratewright.shard_rows"  # in a sealed file's footer: how many rows each shard has, in the order of the rows
SEALED_V1: Final = USAGE_V1.append(pa.field(view.COMMIT_SEQ, pa.int64(), nullable=False))
_FEW_VALUES: Final = frozenset(field.name for field in SEALED_V1 if pa.types.is_dictionary(field.type) or pa.types.is_int8(field.type)) | {
    "raw_file_id",
    "serving_plmn",
    "rating_group",
    "cause",
    "flags",
    "offset_s",
    "trunk_in",
    "trunk_out",
    "served_id",
    "served_raw",
    view.COMMIT_SEQ,
}


class Portion(NamedTuple):
    """The most that is sealed at once."""

    ranges: int
    rows: int


class Sealed(NamedTuple):
    """A sealed file that was written. `partial_rows`: segments and what was made of them."""

    path: Path
    rows: int
    start_min_us: int
    start_max_us: int
    partial_rows: int


class _Layout(NamedTuple):
    """Destination of each journal row: its month (index in `months`) and its shard, in the order of the ranges."""

    months: list[str]
    month: NDArray[np.int32]
    shard: NDArray[np.uint8]


def seal(home: Home, now_us: int, progress: Callable[[int, int], None] | None = None, *, oldest: Portion | None = None) -> SealReport:
    """Seal every journal range, or the oldest ones alone: no more than `oldest` says, and one at least.

    The caller holds the intake lock.
    """
    remove_garbage(home)
    with home.connect() as connection:
        ranges = [file for file in view.stored(connection, 0, home.head_seq(connection)) if file.form == "journal"]
    if oldest is not None:
        ranges = next(_groups(ranges[: oldest.ranges], oldest.rows), [])
    total = sum(file.rows for file in ranges)
    done = files = sealed_bytes = 0
    for group in _groups(ranges, ROWS_MAX):
        for file in group:
            journal.check(home.path / file.path, file.byte_from, file.byte_to, file.sha256)
        written = _write_group(home, group)
        commit_points.reached("seal.files_written")
        _replace(home, group, written, now_us)
        commit_points.reached("seal.committed")
        done += sum(file.rows for file in group)
        files += len(written)
        sealed_bytes += sum(each.path.stat().st_size for each in written)
        if progress is not None:
            progress(done, total)
    remove_garbage(home)
    commit_points.reached("seal.segments_deleted")
    return SealReport(rows=total, ranges=len(ranges), files=files, sealed_bytes=sealed_bytes)


def remove_garbage(home: Home) -> None:
    """Delete usage files that no manifest row names: those that a crash left behind, and segments that are sealed throughout."""
    row = usage_manifest.c
    with home.connect() as connection:
        named = set(connection.execute(sa.select(row.path).where(row.sealed_at_seq.is_(None))).scalars())
    for folder in (home.journal_folder, home.sealed_folder):
        for file in folder.iterdir():
            if file.relative_to(home.path).as_posix() not in named:
                file.unlink()


def shard_of(served_id: str) -> int:
    """The shard of an id, for ever."""
    return zlib.crc32(served_id.encode()) & (SHARDS - 1)


def shards_of(served_id: pa.Array[Any]) -> NDArray[np.uint8]:
    """The shard of each id; each distinct one is hashed once."""
    encoded: Any = served_id if isinstance(served_id, pa.DictionaryArray) else served_id.dictionary_encode()
    of_value = np.array([shard_of(value) for value in encoded.dictionary.to_pylist()], dtype=np.uint8)
    shards: NDArray[np.uint8] = of_value[encoded.indices.to_numpy()]
    return shards


def shard_rows(metadata: pq.FileMetaData) -> NDArray[np.int64] | None:
    """Number of rows of a sealed file in each shard; None where the file was sealed before that was noted."""
    noted = (metadata.metadata or {}).get(SHARD_ROWS.encode())
    return None if noted is None else np.array(noted.split(b","), np.int64)


def _groups(ranges: Sequence[view.Stored], rows_max: int) -> Iterator[list[view.Stored]]:
    group: list[view.Stored] = []
    rows = 0
    for file in ranges:
        if group and rows + file.rows > rows_max:
            yield group
            group, rows = [], 0
        group.append(file)
        rows += file.rows
    if group:
        yield group


def _write_group(home: Home, group: Sequence[view.Stored]) -> list[Sealed]:
    """The sorted Parquet files of a group of ranges, synced. Their names come from the first range: no other group has them."""
    layout = _layout(home, group)
    first = min(file.byte_from for file in group)
    stem = f"{group[0].commit_seq:012d}-{first:012d}"
    try:
        written = [_write_month(home, group, layout, index, stem) for index in range(len(layout.months))]
        durable.sync_names(home.sealed_folder)
    except OSError as error:
        remove_garbage(home)  # on a full disk, half a file is in the way
        raise journal.not_written(home.sealed_folder, error) from error
    return written


def _layout(home: Home, group: Sequence[view.Stored]) -> _Layout:
    months = []
    shards = []
    for file in group:
        for batch in journal.batches(home.path / file.path, file.byte_from):
            start_us = batch.column("start_us").cast(pa.int64()).to_numpy()
            months.append(start_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int32))
            shards.append(shards_of(batch.column("served_id")))
    numbers, month = np.unique(np.concatenate(months), return_inverse=True)
    names = [str(np.datetime64(int(number), "M")) for number in numbers]
    return _Layout(names, month.astype(np.int32), np.concatenate(shards))


def _write_month(home: Home, group: Sequence[view.Stored], layout: _Layout, month: int, stem: str) -> Sealed:
    of_month = layout.month == month

    def sorted_buckets() -> Iterator[tuple[pa.Table, NDArray[np.uint8]]]:
        for low, high in _buckets(layout.shard[of_month]):
            wanted = of_month & (layout.shard >= low) & (layout.shard < high)
            shard = layout.shard[wanted]
            yield _sorted(_gather(home, group, wanted), shard), shard

    return write_file(home.sealed_folder / f"{layout.months[month]}-{stem}.parquet", int(of_month.sum()), sorted_buckets())


def write_file(path: Path, rows: int, parts: Iterable[tuple[pa.Table, NDArray[np.uint8]]]) -> Sealed:
    """A sealed file of so many rows, on disk: tables of SEALED_V1, one after another sorted by shard, served id and time.

    Each table comes with the shard of each of its rows.
    """
    group_rows = min(max(rows // ROW_GROUPS, ROW_GROUP_ROWS[0]), ROW_GROUP_ROWS[1])
    partial_rows = 0
    starts: list[int] = []
    by_shard = np.zeros(SHARDS, np.int64)
    with path.open("wb") as file:
        with pq.ParquetWriter(
            file,
            SEALED_V1,
            compression="lz4",  # every run reads it: less than half the time of zstd, for a fifth more bytes
            use_dictionary=sorted(_FEW_VALUES),  # type: ignore[arg-type]  # the stubs know only bool
            write_statistics=["start_us", "served_id", view.COMMIT_SEQ],
        ) as writer:
            for table, shard in parts:
                start_us = table.column("start_us").cast(pa.int64()).to_numpy()
                starts += [int(start_us.min()), int(start_us.max())]
                by_shard += np.bincount(shard, minlength=SHARDS)
                partial_rows += int(((table.column("flags").to_numpy() & OF_ASSEMBLY) != 0).sum())
                writer.write_table(table, row_group_size=group_rows)
            assert int(by_shard.sum()) == rows
            writer.add_key_value_metadata({SHARD_ROWS: ",".join(map(str, by_shard.tolist()))})
        durable.sync(file)
    return Sealed(path, rows, min(starts), max(starts), partial_rows)


def manifest_row(home: Home, sealed: Sealed) -> dict[str, Any]:
    """Manifest row of a sealed file, without the commit that makes it count."""
    return {
        "path": sealed.path.relative_to(home.path).as_posix(),
        "form": "parquet",
        "byte_from": 0,
        "byte_to": sealed.path.stat().st_size,
        "rows": sealed.rows,
        "sha256": _sha256(sealed.path),
        "start_min_us": sealed.start_min_us,
        "start_max_us": sealed.start_max_us,
        "partial_rows": sealed.partial_rows,
    }


def _buckets(shard: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Spans of shards that hold about BUCKET_ROWS rows each, and at least one."""
    counts = np.bincount(shard, minlength=SHARDS)
    low = rows = 0
    for index in range(SHARDS):
        if rows and rows + counts[index] > BUCKET_ROWS:
            yield low, index
            low, rows = index, 0
        rows += int(counts[index])
    if rows:
        yield low, SHARDS


def _gather(home: Home, group: Sequence[view.Stored], wanted: NDArray[np.bool_]) -> pa.Table:
    """The wanted rows (one flag a row of the group), read batch by batch so that little else is in memory."""
    tables = []
    row_from = 0
    for file in group:
        for batch in journal.batches(home.path / file.path, file.byte_from):
            mask = wanted[row_from : row_from + batch.num_rows]
            row_from += batch.num_rows
            if mask.any():
                tables.append(_complete(batch.filter(pa.array(mask)), file.commit_seq))
    return pa.concat_tables(tables)


def _complete(batch: pa.RecordBatch, commit_seq: int) -> pa.Table:
    """`batch` with the columns that the journal leaves out, and its commit."""
    constants = {view.COMMIT_SEQ: pa.array(np.full(batch.num_rows, commit_seq))}
    present = set(batch.schema.names)
    columns = [
        batch.column(field.name) if field.name in present else constants.get(field.name, pa.nulls(batch.num_rows, field.type))
        for field in SEALED_V1
    ]
    return pa.table(columns, schema=SEALED_V1)


def _sorted(table: pa.Table, shard: NDArray[np.uint8]) -> pa.Table:
    table = table.combine_chunks()
    encoded: Any = table.column("served_id").combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    rank = np.empty(len(names), dtype=np.int32)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names), dtype=np.int32)
    start_us = table.column("start_us").cast(pa.int64()).to_numpy()
    order = np.lexsort((start_us, rank[encoded.indices.to_numpy()], shard))
    indices: Any = pa.array(order)
    return table.take(indices)


def _replace(home: Home, group: Sequence[view.Stored], written: Sequence[Sealed], now_us: int) -> None:
    rows = [manifest_row(home, each) for each in written]
    assert sum(each.rows for each in written) == sum(file.rows for file in group)
    row = usage_manifest.c
    with home.begin() as connection:
        commit_seq = home.next_commit_seq(connection, "seal", now_us)
        waiting = (row.form == "journal") & row.sealed_at_seq.is_(None)
        last = sa.select(row.manifest_id).where(waiting, row.path == group[-1].path, row.byte_from == group[-1].byte_from)
        ended = usage_manifest.update().where(waiting, row.manifest_id <= connection.execute(last).scalar_one())
        assert connection.execute(ended.values(sealed_at_seq=commit_seq)).rowcount == len(group), "ranges are sealed in their order"
        connection.execute(usage_manifest.insert(), [{**each, "commit_seq": commit_seq} for each in rows])
        commit_points.reached("seal.before_commit")


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
