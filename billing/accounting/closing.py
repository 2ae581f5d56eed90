"""Closing a month: all obstacles are reported at once; then the month-end entries are posted, and nothing more goes in.

A month can be closed under these conditions. It is over on the clocks of all customers, and no bill run of it is unfinished. All months
before it are closed (or have no postings), and none after it is. Every check of the ledger finds nothing. The entries and the closing are
one commit, so there is never one without the other. Reopening takes two people (`billing.ledger.closed_months`); closing once more posts
the difference by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.accounting import check
from billing.accounting.month_end import DEFERRED, PROVISION, UNBILLED, Moved, deferred_targets, moves, post, provision_targets
from billing.clocks import clocks_of
from billing.ledger import closed_months
from billing.runs import states
from billing.store import tables
from rating.errors import Problem, ProblemsError, UserError

if TYPE_CHECKING:
    from billing.accounting.month_end import Kind, Month, Targets
    from billing.accounting.unbilled import Charged
    from billing.ledger.closed_months import Who
    from billing.store.home import Home


class Closing(msgspec.Struct, frozen=True):
    """The effect of closing a month, or (dry run) the expected one. `closed`: it is closed now."""

    month: str
    entity: str
    entries: tuple[Moved, ...]
    obstacles: tuple[str, ...]
    closed: bool


def close(home: Home, month: Month, entity: str, charged: Charged, reason: str, who: Who, *, dry_run: bool = False) -> Closing:  # noqa: PLR0913, PLR0917 -- what, with what, why, who, and how
    """Post the month-end entries of `entity` and close its month. `charged`: the amounts of `billing.accounting.unbilled` at its end.

    Raises ProblemsError with every obstacle; with `dry_run` these are in the answer instead, and nothing is written. Raises UserError where
    documents were issued or made void since `charged` was computed.
    """
    with home.connect() as connection:
        is_closed = closed_months.is_closed(closed_months.standing(connection, entity, month.text))
        obstacles = [] if is_closed else _obstacles(home, connection, month, entity, who.now_us)
        planned = [] if is_closed or not dry_run else _moved(connection, month, entity, charged)
    if dry_run:
        entries = tuple(each for _, moved in planned for each in moved)
        return Closing(month.text, entity, entries, tuple(each.message for each in obstacles), is_closed)
    if obstacles:
        raise ProblemsError(obstacles)
    posted: list[Moved] = []

    def post_entries(connection: sa.Connection, seq: int) -> None:
        begun = _unfinished(connection, month)  # while everything was checked
        if begun:
            raise ProblemsError(begun)
        _require_same_documents(connection, charged.seq)
        for kind, moved in _moved(connection, month, entity, charged):
            post(connection, kind, month, moved, who, seq)
            posted.extend(moved)

    closed_months.close(home, entity, month.text, reason, who, post_entries)
    return Closing(month.text, entity, tuple(posted), (), closed=True)


def _moved(connection: sa.Connection, month: Month, entity: str, charged: Charged) -> list[tuple[Kind, list[Moved]]]:
    """The amounts that each kind of entry has to move, without kinds that move nothing."""
    targets = (
        (DEFERRED, deferred_targets(connection, month, charged.ahead)),
        (UNBILLED, charged.unbilled),
        (PROVISION, provision_targets(connection, month)),
    )
    found = [(kind, moves(connection, kind, month, entity, _own(wanted, entity))) for kind, wanted in targets]
    return [(kind, moved) for kind, moved in found if moved]


def _require_same_documents(connection: sa.Connection, as_of: int) -> None:
    invoice, event = tables.invoices.c, tables.invoice_events.c
    for seq, key in ((invoice.commit_seq, invoice.invoice_key), (event.commit_seq, event.event_id)):
        newest = connection.execute(sa.select(seq).order_by(key.desc()).limit(1)).scalar_one_or_none()
        if newest is not None and newest > as_of:
            raise UserError("documents were issued or made void while the end of the month was worked out", "give the same command again")


def _own(targets: Targets, entity: str) -> Targets:
    return {key: amount for key, amount in targets.items() if key[0] == entity}


def _obstacles(home: Home, connection: sa.Connection, month: Month, entity: str, now_us: int) -> list[Problem]:
    place = f"month {month.text}"
    found = _unfinished(connection, month)
    clock = clocks_of(connection, now_us, entity)[0]
    if clock.today < month.after:
        what = f"{month.text} is not over: it is {clock.today} on the clock of {clock.timezone}"
        found.append(Problem(place, "its end", what, f"close it from {month.after} on"))
    found.extend(
        Problem(place, before, f"the books for {before} are still open", f"close {before} first")
        for before in _open_before(connection, entity, month)
    )
    last = closed_months.newest_closed(connection, entity)
    if last > month.text:
        found.append(
            Problem(place, last, f"the books for {last} are closed", f"have two people reopen {last}, and close it after this one")
        )
    found.extend(
        Problem(place, each.name, each.first_difference, "see `ratewright ledger check`") for each in check.check(home) if not each.ok
    )
    return found


def _unfinished(connection: sa.Connection, month: Month) -> list[Problem]:
    """The run that may still bill in the month, or before it: by its own date or by that of its invoices. There is never more than one."""
    run = states.unfinished(connection)
    if run is None or min(run.bill_date, run.issued_on or run.bill_date) >= month.after.isoformat():
        return []
    what = f"the bill run of {run.bill_date} is {run.state}"
    return [Problem(f"month {month.text}", f"run {run.run_id}", what, "finish or abandon it first")]


def _open_before(connection: sa.Connection, entity: str, month: Month) -> list[str]:
    """Months before this one that have postings of the entity and are open, oldest first."""
    row = tables.postings.c
    months = sa.select(sa.func.substr(row.posted_on, 1, 7)).where(row.entity == entity, row.posted_on < month.first.isoformat()).distinct()
    found = sorted(connection.execute(months).scalars())
    return [each for each in found if not closed_months.is_closed(closed_months.standing(connection, entity, each))]
