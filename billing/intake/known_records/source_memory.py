"""Stored rules of each source for distinguishing its records: rows `once:<source>` of table settings.

They change with the first commit under other rules. So the index of known records can be built from the store alone, at any time
and by any process. Times are microseconds UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import sqlalchemy as sa

from billing.store.prepared import Prepared
from billing.store.tables import intake_counts, settings
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.store.home import Home
    from mediation.sources.model import Source

_PREFIX: Final = "once:"
_STORED: Final = Prepared(lambda: sa.select(settings.c.name, settings.c.value).where(settings.c.name.startswith(_PREFIX)))


class Memory(msgspec.Struct, frozen=True):
    """Stored rules of one source."""

    keyed: bool = False  # has a key of its own: its record ids need not tell records apart
    numbered: bool = False  # its records are known by their number
    streams: bool = False  # several streams are numbered, each by itself
    retention_us: int = 0  # how far back its records are known; 0: all of them
    known_since_us: int = 0  # keys of events before it were dropped: such a record cannot be told from a copy any more

    def oldest_us(self, now_us: int) -> int:
        """Earliest start of records that can be distinguished from copies: `known_since_us`, or `now_us` less the retention if later."""
        return max(self.known_since_us, now_us - self.retention_us if self.retention_us else 0)


def memory_of(source: Source, before: Memory | None) -> Memory:
    """The memory that follows from the rules of a source; `known_since_us` of the memory before stays."""
    numbers = (*source.sequence.per, source.sequence.column)
    is_numbered = bool(source.sequence.column) and source.key in {(), numbers}
    return Memory(
        keyed=bool(source.key) and not is_numbered,
        numbered=is_numbered,
        streams=is_numbered and bool(source.sequence.per),
        retention_us=source.retention_us,
        known_since_us=before.known_since_us if before else 0,
    )


def dropped(memory: Memory, before_us: int) -> Memory:
    """The memory when the keys of events before `before_us` are dropped."""
    return msgspec.structs.replace(memory, known_since_us=max(memory.known_since_us, before_us))


def is_complete(home: Home, memory: Mapping[str, Memory]) -> bool:
    """Return whether the rules are known of every source that ever sent something."""
    with home.connect() as connection:
        sources = set(connection.execute(sa.select(intake_counts.c.source).distinct()).scalars())
    return sources <= memory.keys()


def require_source(home: Home, source: str) -> None:
    """Raise UserError where no usage of that source was ever taken in."""
    with home.connect() as connection:
        known = set(connection.execute(sa.select(intake_counts.c.source).distinct()).scalars())
    if source not in known:
        names = ", ".join(sorted(known)) or "none yet"
        raise UserError(f"no usage of source {source} was taken in", f"sources: {names}", exit_status=2)


def read(connection: sa.Connection) -> dict[str, Memory]:
    """By source; sources that never had rules are not there."""
    found = _STORED.rows(connection)
    return {name.removeprefix(_PREFIX): msgspec.json.decode(value, type=Memory) for name, value in found}


def write(connection: sa.Connection, changed: Mapping[str, Memory]) -> None:
    """Remember these from now on."""
    for source, memory in sorted(changed.items()):
        name = f"{_PREFIX}{source}"
        connection.execute(settings.delete().where(settings.c.name == name))
        connection.execute(settings.insert().values(name=name, value=msgspec.json.encode(memory).decode()))
