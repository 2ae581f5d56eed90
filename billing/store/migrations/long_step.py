"""A step of an upgrade that reads most of a home: `ratewright db upgrade` takes it in parts, and goes on where it stopped.

A setting names the revision and the last account whose part is done. While it stands, no other command opens the home. A home with few
lines gets the step with the revision, in one transaction, as it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

SETTING: Final = "long_step"
FIRST: Final = "0015"  # the revision with such a step
LINES_MAX: Final = 100_000  # a home with more lines of documents gets it by `db upgrade` alone
ACCOUNTS: Final = 500  # of a part
_BEGIN: Final = "make a backup, stop all services, and run `ratewright db upgrade`; it can be stopped, and then goes on"
_GO_ON: Final = "run `ratewright db upgrade`: it goes on where it was stopped"
_settings: Final = sa.table("settings", sa.column("name"), sa.column("value"))


class Left(NamedTuple):
    """The rest of a step: accounts with keys above `after`."""

    revision: str
    after: int


def is_long(connection: sa.Connection) -> bool:
    """True where a home has so many lines that filling them in takes long."""
    rows = sa.select(sa.literal(1)).select_from(sa.table("invoice_lines")).offset(LINES_MAX).limit(1)
    return connection.execute(rows).first() is not None


def note(connection: sa.Connection, revision: str, after: int) -> None:
    """Keep how far a step came."""
    forget(connection)
    connection.execute(_settings.insert().values(name=SETTING, value=f"{revision} {after}"))


def forget(connection: sa.Connection) -> None:
    """The step is done."""
    connection.execute(_settings.delete().where(_settings.c.name == SETTING))


def left(connection: sa.Connection) -> Left | None:
    """The rest of a step that was begun; None: nothing is left."""
    stored = connection.execute(sa.select(_settings.c.value).where(_settings.c.name == SETTING)).scalar()
    return None if stored is None else _read(str(stored))


def refuse_begun(stored: str | None, folder: Path) -> None:
    """Raises UserError for a home whose step is not done; `stored`: its setting."""
    if stored is not None:
        revision = _read(stored).revision
        raise UserError(f"home folder {folder} is being upgraded to schema {revision}, and not all of its lines are filled in", _GO_ON)


def refuse_long(connection: sa.Connection, found: str | None, folder: Path) -> None:
    """Raises UserError for a home at schema `found` that an upgrade would keep busy for long."""
    if found is not None and found < FIRST and is_long(connection):
        raise UserError(
            f"home folder {folder} has schema {found}, and the upgrade to {FIRST} reads more than {LINES_MAX:,} lines of documents", _BEGIN
        )


def _read(stored: str) -> Left:
    revision, _, after = stored.partition(" ")
    return Left(revision, int(after))
