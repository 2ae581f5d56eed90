"""Rows of drafts and decisions: only ever added, each with a hash of all it says, which is compared whenever it is read.

Refuses a row that was changed, and a store that has lost the row of a commit. A repeal is such a row, and prices hang on it.
The document of a draft is not in the hash of its row: its own hash is.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from billing.store.tables import commits
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

COPY: Final = "nothing is priced with it; put back the last good copy of the home folder"
_NOT_HASHED: Final = ("document", "row_hash")


def add(connection: sa.Connection, table: sa.Table, values: Mapping[str, Any]) -> None:
    """Add a row of `table`, with its hash."""
    connection.execute(table.insert().values(**values, row_hash=_row_hash(values)))


def add_all(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add many rows of `table`, each with its hash."""
    made = [{**values, "row_hash": _row_hash(values)} for values in rows]
    if made:
        connection.execute(table.insert(), made)


def select(connection: sa.Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> list[sa.Row[Any]]:
    """The rows that meet all conditions, oldest first. Raises UserError where one does not say what was written."""
    found = connection.execute(sa.select(table).where(*conditions).order_by(*table.primary_key.columns)).all()
    for row in found:
        if not is_as_written(table, row):
            message = f"a row of {table.name} about {row.identity}@{row.version} in the store is not what was written: its hash differs"
            raise UserError(message, COPY)
    return list(found)


def is_as_written(table: sa.Table, row: sa.Row[Any]) -> bool:
    """Return whether a row still has the hash it was added with."""
    own = {column.name for column in table.primary_key.columns}
    return bool(row.row_hash == _row_hash({name: value for name, value in row._mapping.items() if name not in own}))  # noqa: SLF001 -- public in SQLAlchemy


def refuse_missing(connection: sa.Connection, kind: str, found: Collection[int], what: str) -> None:
    """Raise UserError when a commit of `kind` has lost its row."""
    missing = sorted(_committed(connection, kind) - set(found))
    if missing:
        raise UserError(f"{what} is gone from the store: commit {missing[0]} has no row", COPY)


def refuse_uncommitted(connection: sa.Connection, kind: str, found: Collection[int], what: str) -> None:
    """Raise UserError when a row has no commit of `kind`: it came in by another way, or the commit is gone."""
    unknown = sorted(set(found) - _committed(connection, kind))
    if unknown or len(set(found)) < len(found):
        number = f"commit {unknown[0]} is not in the store" if unknown else "two have one commit"
        raise UserError(f"{what} in the store was never committed as one: {number}", COPY)


def _committed(connection: sa.Connection, kind: str) -> set[int]:
    return set(connection.execute(sa.select(commits.c.commit_seq).where(commits.c.kind == kind)).scalars())


def _row_hash(values: Mapping[str, Any]) -> bytes:
    said = {name: value for name, value in values.items() if name not in _NOT_HASHED}
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).digest()
