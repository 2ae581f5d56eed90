"""Months whose books are closed: nothing is posted into them, or before them, until two people have opened them again.

The closing balance of a month opens the next one. So the newest closed month of an entity closes all before it, and is opened first.

Closing, the request to reopen and the reopening are rows that are only ever added (`tables.ledger_periods`). The newest of an entity and
month holds. A month that was never closed is open. Months are texts such as `2026-10`, entities those of `tables.legal_entities`.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.persons import Turn, Who, anybody, same_person
from billing.store import commit_points, tables
from rating import identifiers
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from billing.store.home import Home

__all__ = [
    "BooksClosedError",
    "Event",
    "Standing",
    "Who",
    "close",
    "events",
    "is_closed",
    "newest_closed",
    "reopen",
    "require_open",
    "standing",
]


class Standing(enum.StrEnum):
    """The state of a month: the kind of its newest event."""

    OPEN = "open"
    CLOSED = "closed"
    REOPEN_ASKED = "reopen_asked"  # still closed: another person has to agree
    REOPENED = "reopened"


class Event(NamedTuple):
    """A decision about a month, its person and its reason."""

    entity: str
    month: str
    kind: str
    reason: str
    by_name: str
    by_uid: int
    at_us: int
    commit_seq: int


class BooksClosedError(UserError):
    """A month that a posting belongs to is closed."""


def events(connection: sa.Connection, entity: str | None = None, month: str | None = None) -> list[Event]:
    """Every decision, oldest first."""
    row = tables.ledger_periods.c
    query = sa.select(*(row[name] for name in Event._fields)).order_by(row.event_id)
    if entity is not None:
        query = query.where(row.entity == entity)
    if month is not None:
        query = query.where(row.month == month)
    return [Event(*values) for values in connection.execute(query)]


def standing(connection: sa.Connection, entity: str, month: str) -> Standing:
    """The state of a month now."""
    found = events(connection, entity, month)
    return Standing(found[-1].kind) if found else Standing.OPEN


def is_closed(kind: Standing) -> bool:
    """Return whether nothing may be posted."""
    return kind in {Standing.CLOSED, Standing.REOPEN_ASKED}


def newest_closed(connection: sa.Connection, entity: str) -> str:
    """The newest closed month of an entity; empty where none is closed."""
    now = {event.month: Standing(event.kind) for event in events(connection, entity)}
    return max((month for month, kind in now.items() if is_closed(kind)), default="")


def require_open(connection: sa.Connection, months: Iterable[tuple[str, str]]) -> None:
    """Raises UserError for the first of these (entity, month) that is closed, or before a closed one."""
    for entity, month in sorted(set(months)):
        last = newest_closed(connection, entity)
        if month <= last:
            whose = f" of {entity}" if entity else ""
            as_are = f", as are all through {last}" if month < last else ""
            raise BooksClosedError(
                f"the books{whose} for {month} are closed{as_are}",
                f"date it in an open month; or have two people reopen {last}: {_reopening(entity, last)}",
            )


def close(  # noqa: PLR0913, PLR0917 -- what, with what, why and who
    home: Home, entity: str, month: str, reason: str, who: Who, post_entries: Callable[[sa.Connection, int], None] | None = None
) -> bool:
    """Close a month; False where it is closed already. The caller has made sure that its books are right (`billing.accounting`).

    `post_entries` posts the last entries of an open month by the commit that closes it: either both are there or none.
    """
    with home.begin() as connection:
        now = standing(connection, entity, month)
        if now is Standing.CLOSED:
            return False
        seq = home.next_commit_seq(connection, "ledger", who.now_us)
        if post_entries is not None and not is_closed(now):
            post_entries(connection, seq)
        _add(connection, _Decision(entity, month, Standing.CLOSED, reason), who, seq)
        commit_points.reached("ledger.before_commit")
    commit_points.reached("ledger.committed")
    return True


def reopen(  # noqa: PLR0913, PLR0917 -- what, why, who and whether that person may
    home: Home, entity: str, month: str, reason: str, who: Who, allow: Callable[[Turn], None] = anybody
) -> Standing:
    """Ask for a closed month to be opened again, or, as another person, agree to it. Returns its state after that.

    Raises UserError when the month is not closed, or a later one is closed; no reason is given, or the person who asked agrees to it.
    `allow` is asked before it is asked for, or agreed to, and raises where this person may not do that.
    """
    reason = identifiers.reason(reason, "reopening a month")
    with home.begin() as connection:
        found = events(connection, entity, month)
        now = Standing(found[-1].kind) if found else Standing.OPEN
        if not is_closed(now):
            raise UserError(f"the books for {month} are not closed", "nothing needs to be opened")
        last = newest_closed(connection, entity)
        if month < last:
            raise UserError(
                f"the books for {last} are closed, and begin with what {month} ends with",
                f"have two people reopen the newest month first: {_reopening(entity, last)}",
            )
        if now is Standing.REOPEN_ASKED and same_person(found[-1].by_uid, who.by_uid):
            raise UserError(
                f"{found[-1].by_name} has asked for {month} to be reopened, and cannot agree to it",
                "another person has to give the same command",
            )
        allow(Turn.AGREES if now is Standing.REOPEN_ASKED else Turn.ASKS)
        then = Standing.REOPENED if now is Standing.REOPEN_ASKED else Standing.REOPEN_ASKED
        _add(connection, _Decision(entity, month, then, reason), who, home.next_commit_seq(connection, "ledger", who.now_us))
        commit_points.reached("ledger.before_commit")
    commit_points.reached("ledger.committed")
    return then


def _reopening(entity: str, month: str) -> str:
    """The command that reopens a month."""
    named = f" --entity {entity}" if entity else ""
    return f"ratewright ledger reopen --month {month}{named} --reason ..."


class _Decision(NamedTuple):
    """A decision about a month: the state that it brings about, and why."""

    entity: str
    month: str
    standing: Standing
    reason: str


def _add(connection: sa.Connection, made: _Decision, who: Who, seq: int) -> None:
    event = Event(
        entity=made.entity,
        month=made.month,
        kind=made.standing.value,
        reason=made.reason,
        by_name=who.by_name,
        by_uid=who.by_uid,
        at_us=who.now_us,
        commit_seq=seq,
    )
    connection.execute(tables.ledger_periods.insert().values(**event._asdict()))
