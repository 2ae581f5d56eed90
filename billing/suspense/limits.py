"""Value above which a decision about suspense needs a second person: a setting, in whole and decimal units of every currency.

Each setting is kept with who made it and why, and the newest one is effective. A setting that a person raised is not effective for
decisions of that same person: then the one before it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import sqlalchemy as sa

from billing.persons import same_person
from billing.store import commit_points
from billing.store.tables import settings
from rating.errors import ChangedError, UserError
from rating.identifiers import one_line
from rating.money import MICROS_PER_UNIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.catalogue import Operator
    from billing.store.home import Home

COMMIT_KIND: Final = "suspense"  # of commits that hold a proposal, an approval, a write-off or a limit
DEFAULT_MICROS: Final = 1_000 * MICROS_PER_UNIT
_NAME: Final = "suspense.limit."


class Limit(msgspec.Struct, frozen=True):
    """One setting. `commit_seq` 0: the default."""

    micros: int
    reason: str
    by_name: str
    by_uid: int
    at_us: int
    commit_seq: int = 0


DEFAULT: Final = Limit(DEFAULT_MICROS, "default", "", -1, 0)


def set_limit(  # noqa: PLR0913 -- how much, by whom and why
    home: Home, micros: int, by: Operator, now_us: int, *, reason: str, etag: str = "", dry_run: bool = False
) -> Limit:
    """From now on, decisions about more than `micros` in any currency need a second person. With `dry_run` nothing is stored.

    `etag`: of the limits as they were read (`etag_of`); empty: nothing is compared. Raises ChangedError where one was set since.
    """
    reason = one_line(reason, "the reason")
    if not reason:
        raise UserError("a limit needs a reason", "say why with --note", exit_status=2)
    if micros < 0:
        raise UserError("the limit is below zero", "give 0 to have every decision approved by a second person", exit_status=2)
    with home.begin(dry_run=dry_run) as connection:
        if etag and etag != etag_of(limits(connection)):
            raise ChangedError("the limit of suspense was set since it was read", "read the limit again, then decide")
        seq = home.next_commit_seq(connection, COMMIT_KIND, now_us)
        made = Limit(micros, reason, by.name, by.uid, now_us, seq)
        connection.execute(settings.insert().values(name=f"{_NAME}{seq:019d}", value=msgspec.json.encode(made).decode()))
        if not dry_run:
            commit_points.reached("suspense.before_commit")
    if not dry_run:
        commit_points.reached("suspense.committed")
    return made


def etag_of(found: Sequence[Limit]) -> str:
    """A mark of the limits: another one after each setting."""
    return str(found[-1].commit_seq)


def limits(connection: sa.Connection, as_of: int | None = None) -> list[Limit]:
    """Every limit that was ever set, as of a commit (None: now), the oldest (the default) first."""
    query = sa.select(settings.c.value).where(settings.c.name.startswith(_NAME, autoescape=True)).order_by(settings.c.name)
    found = [DEFAULT, *(msgspec.json.decode(value, type=Limit) for value in connection.execute(query).scalars())]
    return [each for each in found if as_of is None or each.commit_seq <= as_of]


def limit_micros(connection: sa.Connection, for_uid: int, as_of: int | None = None) -> int:
    """The limit that holds for decisions of a person, as of a commit (None: now)."""
    holds = DEFAULT_MICROS
    for each in limits(connection, as_of):
        if not same_person(each.by_uid, for_uid) or each.micros < holds:
            holds = each.micros
    return holds
