"""Reading the usage that counts, as of a sequence number, from the journal and from sealed files alike.

The manifest says which files count, and the row's commit says from when. Marks take out what waits for a decision or has another row
in its stead (see `marks`). A file that sealing replaced while we read is looked up again in the manifest: by `steadily`, in which all
reading of files is done. Who holds the intake lock keeps sealing away, and reads by `parts_under_lock`.
"""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from billing.intake import journal, marks
from billing.store.tables import usage_manifest
from rating.dates import BEFORE_ALL, NEVER
from rating.errors import UserError
from rating.schema import USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from billing.store.home import Home

_T = TypeVar("_T")
COMMIT_SEQ: Final = marks.COMMIT_SEQ
NEVER_BILLS: Final = UsageFlag.UNANSWERED | UsageFlag.ABSORBED | UsageFlag.PARTIAL
_SEQ_FIELD: Final = pa.field(COMMIT_SEQ, pa.int64(), nullable=False)
_IS_STEADY: Final = contextvars.ContextVar("is_steady", default=False)
_ATTEMPTS: Final = 5  # a seal between manifest and files is rare, a second one in a row is rarer


class Stored(NamedTuple):
    """One file or range that counts."""

    path: str
    form: str
    byte_from: int
    byte_to: int
    rows: int
    sha256: bytes
    commit_seq: int
    partial_rows: int | None = None  # segments and what was made of them; None: not counted
    start_min_us: int = BEFORE_ALL
    start_max_us: int = NEVER


def usage(  # noqa: PLR0913 - what, as of when, from when to when
    home: Home,
    columns: Sequence[str],
    seq: int,
    from_us: int = BEFORE_ALL,
    to_us: int = NEVER,
    *,
    every: bool = False,
    checked: bool = False,
) -> pa.Table:
    """`columns` of USAGE_V1 (and `commit_seq`) of the usage that counts as of `seq` and starts in [from_us, to_us), in no promised order.

    Left out: rows that a mark hides, and those that never bill (unanswered, absorbed, partial) unless `every`. `checked`: every file is
    first compared with the hash it was committed with, as code that makes money of it must do; UserError names the one that changed.
    """

    def read() -> pa.Table:
        if checked:
            _check(home, seq, from_us, to_us)
        return _usage(home, columns, seq, (from_us, to_us), every=every)

    return steadily(read)


def versions(home: Home, columns: Sequence[str], seq: int, wanted: marks.Versions, span: tuple[int, int]) -> pa.Table:
    """`columns` of stored rows, whether they count or not, of files that may hold rows that start in a span."""
    needed = list(dict.fromkeys((*columns, "event_key", COMMIT_SEQ)))

    def read() -> pa.Table:
        with home.connect() as connection:
            files = stored(connection, 0, seq, *span)
        found = [part.filter(pa.array(wanted.holds(part))) for part in parts(home, files, needed, 0, seq)]
        return pa.concat_tables([schema_of(needed).empty_table(), *found]).select(list(columns))

    return steadily(read)


def of_keys(home: Home, columns: Sequence[str], seq: int, keys: pa.Array[Any]) -> pa.Table:
    """`columns` of every stored row with one of the event `keys`, whether it counts or not, as of `seq`."""
    empty = schema_of(columns).empty_table()
    if not len(keys):
        return empty

    def read() -> pa.Table:
        with home.connect() as connection:
            files = stored(connection, 0, seq)
        return pa.concat_tables([empty, *_with_keys(home, files, keys, columns, seq)]).combine_chunks()

    return steadily(read)


def everything(home: Home, columns: Sequence[str], seq: int) -> tuple[list[pa.Table], marks.Standing]:
    """`columns` of every stored row committed by `seq`, as the files have them, and how they count as of it.

    Parts that may hold segments have the columns that tell their group as well.
    """

    def read() -> tuple[list[pa.Table], marks.Standing]:
        with home.connect() as connection:
            files = stored(connection, 0, seq)
            known = marks.standing(connection, seq)
        plain = [file for file in files if file.partial_rows == 0]
        mixed = [file for file in files if file.partial_rows != 0]
        of_mixed = list(dict.fromkeys((*columns, *marks.SEGMENT_COLUMNS)))
        return [*parts(home, plain, columns, 0, seq), *parts(home, mixed, of_mixed, 0, seq)], known

    return steadily(read)


def stored(connection: sa.Connection, after_seq: int, seq: int, from_us: int = BEFORE_ALL, to_us: int = NEVER) -> list[Stored]:
    """The files that hold rows committed in (after_seq, seq] and that may start in [from_us, to_us), oldest first.

    A sealed file holds many commits: it is given when it was sealed after `after_seq`, and its rows are still to be filtered.
    """
    row = usage_manifest.c
    query = (
        sa.select(*(row[name] for name in Stored._fields))
        .where(row.sealed_at_seq.is_(None), row.commit_seq > after_seq, row.start_max_us >= from_us, row.start_min_us < to_us)
        .where((row.form == "parquet") | (row.commit_seq <= seq))
        .order_by(row.manifest_id)
    )
    return [Stored(*values) for values in connection.execute(query)]


def parts(home: Home, files: Sequence[Stored], columns: Sequence[str], after_seq: int, seq: int) -> Iterator[pa.Table]:
    """The `columns` of each file, only rows committed in (after_seq, seq]. To be called within `steadily`."""
    for file in files:
        assert _IS_STEADY.get(), "sealing may replace a file meanwhile: read within `steadily`"
        yield _part(home, file, columns, after_seq, seq)


def parts_under_lock(home: Home, files: Sequence[Stored], columns: Sequence[str], after_seq: int, seq: int) -> Iterator[pa.Table]:
    """The same for who holds the intake lock: no file is replaced meanwhile."""
    try:
        for file in files:
            yield _part(home, file, columns, after_seq, seq)
    except FileNotFoundError as error:
        raise _gone(error) from error


def _gone(error: FileNotFoundError) -> UserError:
    """The error of a file that the manifest names and that is not there."""
    return UserError(
        f"a usage file is not there: {error}", "put back the last good copy of the home folder; `ratewright db check` names what is missing"
    )


def schema_of(columns: Sequence[str]) -> pa.Schema:
    """Schema of a table with these columns of USAGE_V1, and the commit of each row where it is asked for."""
    return pa.schema([_SEQ_FIELD if name == COMMIT_SEQ else USAGE_V1.field(name) for name in columns])


def steadily(read: Callable[[], _T]) -> _T:
    """`read()` again from the start when a file it was to read has just been sealed.

    It opens a connection of its own and returns what was read: an older view of the database names the file for ever. Raises UserError
    for a file that stays away.
    """
    mark = _IS_STEADY.set(True)
    try:
        for _ in range(_ATTEMPTS - 1):
            with contextlib.suppress(FileNotFoundError):
                return read()
        return read()
    except FileNotFoundError as error:
        raise _gone(error) from error
    finally:
        _IS_STEADY.reset(mark)


def _usage(home: Home, columns: Sequence[str], seq: int, span: tuple[int, int], *, every: bool) -> pa.Table:
    from_us, to_us = span
    with home.connect() as connection:
        files = stored(connection, 0, seq, from_us, to_us)
        hidden = marks.hidden(connection, seq)
    needed = list(columns)
    needed += [name for name in ("start_us", "flags", *(["event_key", COMMIT_SEQ] if len(hidden.keys) else [])) if name not in needed]
    tables = []
    for part in parts(home, files, needed, 0, seq):
        keep = _starts_within(part, from_us, to_us)
        if not every:
            keep &= (part.column("flags").to_numpy() & int(NEVER_BILLS)) == 0
        if len(hidden.keys):
            keep &= ~marks.is_hidden(part, hidden)
        wanted = part.select(list(columns))
        tables.append(wanted if keep.all() else wanted.filter(pa.array(keep)))
    return pa.concat_tables(tables) if tables else schema_of(columns).empty_table()


def _with_keys(home: Home, files: Sequence[Stored], keys: pa.Array[Any], columns: Sequence[str], seq: int) -> Iterator[pa.Table]:
    """Rows of each file that have one of the keys; all columns are read only of files that have any."""
    for file in files:
        for part in parts(home, [file], ["event_key"], 0, seq):
            mask = marks.has_key(part, keys)
            if mask.any():
                (whole,) = parts(home, [file], columns, 0, seq)
                yield whole.filter(pa.array(mask))


def _check(home: Home, seq: int, from_us: int, to_us: int) -> None:
    with home.connect() as connection:
        files = stored(connection, 0, seq, from_us, to_us)
    for file in files:
        journal.check(home.path / file.path, file.byte_from, file.byte_to, file.sha256)


def _starts_within(part: pa.Table, from_us: int, to_us: int) -> NDArray[np.bool_]:
    if from_us == BEFORE_ALL and to_us == NEVER:
        return np.ones(part.num_rows, dtype=np.bool_)
    start_us = part.column("start_us").cast(pa.int64()).to_numpy()
    return (start_us >= from_us) & (start_us < to_us)


def _part(home: Home, file: Stored, columns: Sequence[str], after_seq: int, seq: int) -> pa.Table:
    if file.form == "journal":
        plain = [name for name in columns if name != COMMIT_SEQ]
        table = journal.read(home.path / file.path, file.byte_from, file.byte_to, plain)
        if COMMIT_SEQ in columns:
            table = table.append_column(_SEQ_FIELD, pa.array(np.full(table.num_rows, file.commit_seq)))
        return table.select(list(columns))
    needed = [*columns, *([] if COMMIT_SEQ in columns else [COMMIT_SEQ])]
    table = _parquet(home, file, needed)
    commit_seq = table.column(COMMIT_SEQ).to_numpy()
    keep = (commit_seq > after_seq) & (commit_seq <= seq)
    table = table.select(list(columns))
    return table if keep.all() else table.filter(pa.array(keep))


def _parquet(home: Home, file: Stored, columns: Sequence[str]) -> pa.Table:
    path = home.path / file.path
    try:
        with pq.ParquetFile(path) as parquet:
            table = parquet.read(columns=list(columns))
    except pa.ArrowInvalid as error:
        raise journal.damaged(path) from error
    if table.num_rows != file.rows:
        raise journal.damaged(path)
    return table
