"""Closing a month: what stands in the way is told all at once; then the month-end entries are posted, and nothing more goes in.

A month can be closed when it is over on the clocks of all customers, no bill run of it is unfinished, the month before is closed (or has no
postings) and every check of the ledger finds nothing. The entries and the closing are one commit, so neither stands without the other.
Reopening takes two people (`billing.closed_months`); closing once more posts what differs by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing import closed_months
from billing.accounting import check
from billing.accounting.month_end import DEFERRED, PROVISION, UNBILLED, Moved, deferred_targets, month_of, moves, post, provision_targets
from billing.documents.finding import local_date
from billing.store import tables
from rating.errors import Problem, ProblemsError

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounting.month_end import Kind, Month, Targets
    from billing.closed_months import Who
    from billing.store.home import Home


class Closing(msgspec.Struct, frozen=True):
    """What closing a month did, or (dry run) would do. `closed`: it is closed now."""

    month: str
    entity: str
    entries: tuple[Moved, ...]
    obstacles: tuple[str, ...]
    closed: bool


def close(home: Home, month: Month, entity: str, unbilled: Targets, reason: str, who: Who, *, dry_run: bool = False) -> Closing:  # noqa: PLR0913, PLR0917 -- what, with what, why, who, and how
    """Post the month-end entries of `entity` and close its month. `unbilled`: what `billing.accounting.unbilled` found at its end.

    Raises ProblemsError with everything that stands in the way; with `dry_run` it is in the answer instead, and nothing is written.
    """
    with home.connect() as connection:
        is_closed = closed_months.is_closed(closed_months.standing(connection, entity, month.text))
        obstacles = [] if is_closed else _obstacles(home, connection, month, entity, who.now_us)
        planned = [] if is_closed or not dry_run else _moved(connection, month, entity, unbilled)
    if dry_run:
        entries = tuple(each for _, moved in planned for each in moved)
        return Closing(month.text, entity, entries, tuple(each.message for each in obstacles), is_closed)
    if obstacles:
        raise ProblemsError(obstacles)
    posted: list[Moved] = []

    def post_entries(connection: sa.Connection, seq: int) -> None:
        for kind, moved in _moved(connection, month, entity, unbilled):
            post(connection, kind, month, moved, who, seq)
            posted.extend(moved)

    closed_months.close(home, entity, month.text, reason, who, post_entries)
    return Closing(month.text, entity, tuple(posted), (), closed=True)


def _moved(connection: sa.Connection, month: Month, entity: str, unbilled: Targets) -> list[tuple[Kind, list[Moved]]]:
    """What each kind of entry has to move, without those that move nothing."""
    targets = [(DEFERRED, deferred_targets(connection, month)), (UNBILLED, unbilled), (PROVISION, provision_targets(connection, month))]
    found = [(kind, moves(connection, kind, month, entity, _own(wanted, entity))) for kind, wanted in targets]
    return [(kind, moved) for kind, moved in found if moved]


def _own(targets: Targets, entity: str) -> Targets:
    return {key: amount for key, amount in targets.items() if key[0] == entity}


def _obstacles(home: Home, connection: sa.Connection, month: Month, entity: str, now_us: int) -> list[Problem]:
    place = f"month {month.text}"
    found = [
        Problem(place, f"run {run_id}", f"the bill run of {bill_date} is {state}", "finish or abandon it first")
        for run_id, bill_date, state in _unfinished(connection, month.after)
    ]
    today = _today(connection, entity, now_us)
    if today <= month.last:
        found.append(Problem(place, "its end", f"{month.text} is not over: it is {today}", f"close it from {month.after} on"))
    before = month_of(_month_before(month))
    if _has_postings(connection, entity, before) and not closed_months.is_closed(closed_months.standing(connection, entity, before.text)):
        found.append(Problem(place, before.text, f"the books for {before.text} are still open", f"close {before.text} first"))
    found.extend(
        Problem(place, each.name, each.first_difference, "see `ratewright ledger check`") for each in check.check(home) if not each.ok
    )
    return found


def _today(connection: sa.Connection, entity: str, now_us: int) -> dt.date:
    """The earliest date that it is for a customer of the entity; that of UTC where there is none."""
    account = tables.accounts.c
    query = sa.select(account.timezone).where(sa.func.coalesce(account.legal_entity, "") == entity).distinct()
    return min((local_date(timezone, now_us) for timezone in connection.execute(query).scalars()), default=local_date("UTC", now_us))


def _unfinished(connection: sa.Connection, after: dt.date) -> list[tuple[int, str, str]]:
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.bill_date, run.state).where(run.state != "posted", run.bill_date < after.isoformat())
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(run.run_id))]


def _has_postings(connection: sa.Connection, entity: str, month: Month) -> bool:
    row = tables.postings.c
    query = sa.select(row.posting_id).where(row.entity == entity, row.posted_on >= month.first.isoformat())
    return connection.execute(query.where(row.posted_on <= month.last.isoformat()).limit(1)).first() is not None


def _month_before(month: Month) -> str:
    year, number = month.first.year, month.first.month
    return f"{year}-{number - 1:02}" if number > 1 else f"{year - 1}-12"
