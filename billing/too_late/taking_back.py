"""A decision on late usage is taken back: its records are open again, and an adjustment that no bill has is retracted."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from billing import late_decisions
from billing.documents.crediting import free_reference, left_of
from billing.documents.finding import require_no_run
from billing.late_decisions import TAKEN_BACK
from billing.left_out.decisions import DecisionTold, standing
from billing.runs.lock import only_run
from billing.store import commit_points, tables
from billing.too_late.moving import moving
from rating import identifiers
from rating.errors import NotFoundError, UserError
from rating.money import format_micros

if TYPE_CHECKING:
    import sqlalchemy as sa

    from billing.persons import Who
    from billing.store.home import Home

_WHAT: Final = "taking a decision on late usage back"


class TakenBack(msgspec.Struct, frozen=True):
    """A decision that holds no more, or would not."""

    decision: DecisionTold
    dry_run: bool = False


def take_back(home: Home, decision_id: int, reason: str, who: Who, *, dry_run: bool = False) -> TakenBack:
    """Take a decision back. Raises UserError for one that is not known, taken back already, or on a valid invoice."""
    reason = identifiers.reason(reason, _WHAT)
    lock = contextlib.nullcontext() if dry_run else only_run(home, _WHAT, who.now_us)
    with lock, home.begin(dry_run=dry_run) as connection:
        require_no_run(connection, _WHAT)
        decision = _require_standing(home, connection, decision_id)
        if decision.invoice:
            raise _billed(home, connection, decision)
        _store(home, connection, decision_id, reason, who)
        if not dry_run:
            commit_points.reached("late.before_commit")
    if not dry_run:
        commit_points.reached("late.committed")
    return TakenBack(decision, dry_run)


def _billed(home: Home, connection: sa.Connection, decision: DecisionTold) -> UserError:
    """An invoice has the adjustment: it is credited there, and then nothing is left to do. Where a run is to move it, that comes first."""
    number, place = decision.decision_id, f"line {decision.line_no} of invoice {decision.invoice}"
    if decision.credited_micros >= decision.line_micros:  # both without tax
        return UserError(
            f"decision {number} is billed on {place}, and {decision.credit_note} has credited it",
            "its records stay decided, and nothing is left to do",
        )
    of, to = moving(home, connection, decision)
    if of != to:
        return UserError(
            f"decision {number} is billed on {place}, and {to} pays it now instead of {of}",
            f"the next bill run moves it from {of} to {to}: give the command again after that run",
        )
    left = left_of(connection, decision.invoice, decision.line_no)
    if left < decision.line_micros - decision.credited_micros:
        shown = f"{format_micros(left)} {decision.currency}"
        return UserError(
            f"decision {number} is billed: {place} has adjustment {decision.reference}, and {shown} of it may be credited alone",
            "credit the invoice as a whole (ratewright invoice credit without --line), or give the amount back with "
            "`ratewright adjustment add`; its records stay decided",
        )
    credit = f"ratewright invoice credit {decision.invoice} --line {decision.line_no} --effect outside"
    return UserError(
        f"decision {number} is billed: {place} has adjustment {decision.reference}",
        f"credit that line: {credit} --id {free_reference(connection, f'credit-{decision.reference}')} --reason goodwill",
    )


def _require_standing(home: Home, connection: sa.Connection, decision_id: int) -> DecisionTold:
    stored = late_decisions.find(connection, decision_id)
    if stored is None or stored.kind == TAKEN_BACK:
        raise NotFoundError(f"there is no decision {decision_id} on late usage", "`ratewright usage too-late --decided` shows them")
    undone = late_decisions.undone_by(connection, decision_id)
    if undone is not None:
        raise UserError(
            f"{undone.by_name} took decision {decision_id} back: {undone.reason}", "`ratewright usage too-late` has its records"
        )
    return standing(connection, home.head_seq(connection), {decision_id})[decision_id]


def _store(home: Home, connection: sa.Connection, decision_id: int, reason: str, who: Who) -> None:
    row = tables.late_decisions
    of = connection.execute(row.select().where(row.c.decision_id == decision_id)).one()
    seq = home.next_commit_seq(connection, late_decisions.COMMIT_KIND, who.now_us)
    same = {name: getattr(of, name) for name in ("account_key", "subscription_key", "currency", "records", "worth_micros", "amount_micros")}
    by = {"by_name": who.by_name, "by_uid": who.by_uid, "agreed_by": None, "agreed_uid": None, "at_us": who.now_us, "commit_seq": seq}
    connection.execute(row.insert().values(kind=TAKEN_BACK, undoes=decision_id, **same, adjustment_id=None, reason=reason, **by))
