"""Copy a home: everything in its database, to SQLite or PostgreSQL, and the files that it names, into a new folder.

The copy is one transaction on the new database. It holds the write lock of the old home all the while, so that nothing is added in
between. It is read back and compared value by value before it is committed. The folder becomes a home at the very end: a copy that
breaks off leaves none, and the next try begins anew.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.store import bulk, commit_points, database, location, named_files, schema, tables, user_namespace
from billing.store.home import Home, check_new_folder, engine_of
from billing.store.location import DATABASE_NAME
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

UNFINISHED_NAME: Final = f"{DATABASE_NAME}.copying"
_HALF: Final = 32
_LOW: Final = (1 << _HALF) - 1


class Copied(NamedTuple):
    """A table that was copied, and the sum of each integer column, the same on both sides."""

    table: str
    rows: int
    sums: dict[str, int]


class Copy(NamedTuple):
    """Result of a copy."""

    tables: list[Copied]
    files: int


def copy(home: Home, to: Path, database_url: str | None, *, progress: Callable[[int, int], None] | None = None) -> Copy:
    """Copy `home` into the new or empty folder `to`; its database to PostgreSQL at `database_url`, or to SQLite without one.

    `progress` is called with rows done and rows in all. Raises UserError when the target is not empty or the copy differs.
    """
    check_new_folder(to, also=_unfinished_names())
    place = location.new(to, database_url, "--database") if database_url else None
    for name in _unfinished_names():
        (to / name).unlink(missing_ok=True)
    with home.begin() as source:
        files = named_files.named(source, home.path)
        _copy_files(home.path, to, {file.path for file in files})
        bad = next(named_files.differences(to, files), None)
        if bad is not None:
            raise UserError(
                f"{home.path / bad[0].path} {bad[1]}", "`ratewright db check` lists every such file; put them back from a backup"
            )
        done = _copy_database(source, to, place, progress or (lambda _done, _total: None))
    commit_points.reached("copy.database_copied")
    _make_a_home(to, place)
    commit_points.reached("copy.committed")
    return Copy(done, len({file.path for file in files}))


def _unfinished_names() -> list[str]:
    return [UNFINISHED_NAME + ending for ending in ("", "-wal", "-shm", "-journal")]


def _copy_files(home: Path, to: Path, paths: set[str]) -> None:
    for path in sorted(paths):
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(home / path, to / path)
        except FileNotFoundError as error:
            raise UserError(f"{home / path} is not there, and the database names it", "put it back from a backup") from error


def _copy_database(source: sa.Connection, to: Path, place: location.Location | None, progress: Callable[[int, int], None]) -> list[Copied]:
    engine = engine_of(to, place, file_name=UNFINISHED_NAME)
    try:
        with engine.connect().execution_options(**database.WRITES) as target, target.begin():
            if schema.table_names(target):
                _take_away(source, target, place)
            schema.migrate(target, place.schema if place else None)
            done = _copy_tables(source, target, progress)
            user_namespace.adopt(target, user_namespace.of_process())  # the copy is made here
            commit_points.reached("copy.before_commit")
    finally:
        engine.dispose()
    return done


def _take_away(source: sa.Connection, target: sa.Connection, place: location.Location | None) -> None:
    """Drop what a copy left that was stopped after its commit and before its folder was a home. Raises UserError for anything else."""
    own = sa.select(tables.settings.c.value).where(tables.settings.c.name == "installation_id")
    names = schema.table_names(target)
    if place is None or "settings" not in names or target.execute(own).scalar() != source.execute(own).scalar():
        where = f"schema {place.schema}" if place else UNFINISHED_NAME
        raise UserError(f"{where} of the database is not empty", "name another folder with --to, or drop the schema")
    from billing.store import postgres  # noqa: PLC0415 -- its driver is not everybody's

    postgres.drop_schema(target, place.schema)


def _copy_tables(source: sa.Connection, target: sa.Connection, progress: Callable[[int, int], None]) -> list[Copied]:
    order = tables.metadata.sorted_tables
    total = sum(source.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in order)
    done: list[Copied] = []
    for table in order:
        before = sum(copied.rows for copied in done)
        tally = _Tally(table)
        for batch in tally.counted(bulk.batches(source, _all(table))):
            bulk.insert(target, table, dict(zip(batch.column_names, batch.columns, strict=True)))
            progress(before + tally.rows, total)
        again = _Tally(table)
        for _ in again.counted(bulk.batches(target, _all(table))):
            pass
        tally.compare(again)
        done.append(Copied(str(table.name), tally.rows, tally.sums))
    return done


def _all(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).order_by(*table.primary_key.columns)


class _Tally:
    """Rows, sums and hashes of every column, of rows in order of their keys; the same however they are cut into batches."""

    def __init__(self, table: sa.Table) -> None:
        self.table = table.name
        self.rows = 0
        self.sums: dict[str, int] = {}
        self._hashes = {column.name: (hashlib.sha256(), hashlib.sha256()) for column in table.c}  # of nulls and lengths; of values

    def counted(self, batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """The same batches, taken into account as they pass."""
        for batch in batches:
            self.rows += batch.num_rows
            for name, column in zip(batch.column_names, batch.columns, strict=True):
                self._add(name, pa.concat_arrays(column.chunks))
            yield batch

    def _add(self, name: str, column: Any) -> None:  # noqa: ANN401 -- an array of any type
        shapes, values = self._hashes[name]
        if pa.types.is_integer(column.type):
            shapes.update(column.is_valid().to_numpy(zero_copy_only=False).tobytes())
            numbers = column.fill_null(0).to_numpy()
            values.update(numbers.tobytes())
            self.sums[name] = self.sums.get(name, 0) + (int((numbers >> _HALF).sum()) << _HALF) + int((numbers & _LOW).sum())
        else:
            shapes.update(pc.binary_length(column).fill_null(-1).cast(pa.int64()).to_numpy().tobytes())
            values.update(b"".join(column.cast(pa.large_binary()).drop_null().to_pylist()))

    def compare(self, other: _Tally) -> None:
        """Raise UserError naming the first thing in which the other one differs."""
        if self.rows != other.rows:
            raise _differs(f"{self.table} has {self.rows} rows, its copy {other.rows}")
        for name, total in self.sums.items():
            if total != other.sums[name]:
                raise _differs(f"{self.table}.{name} adds up to {total}, its copy to {other.sums[name]}")
        for name in self._hashes:
            if self.digests(name) != other.digests(name):
                raise _differs(f"{self.table}.{name} holds other values than its copy")

    def digests(self, name: str) -> list[bytes]:
        """Hashes of a column's nulls, lengths and values."""
        return [hashed.digest() for hashed in self._hashes[name]]


def _differs(what: str) -> UserError:
    return UserError(f"the copy is not the same: {what}", "check both databases and try again; nothing was kept of the copy")


def _make_a_home(to: Path, place: location.Location | None) -> None:
    if place is None:
        (to / UNFINISHED_NAME).replace(to / DATABASE_NAME)
    else:
        location.write(to, place)
    Home.open(to).close()
