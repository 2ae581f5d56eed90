"""The agreement of a second person: a proposal is checked again and carried out, in one commit with the agreement.

Each kind of proposal has one line in DONE_BY: the function that carries it out. It works for the person who asked, in a transaction in
which it calls `approvals.agree`. It raises UserError where the state of the home has changed so that it can no longer be done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing import give_back_limit, late_decisions, setting_changes
from billing.documents import crediting, openings, voiding
from billing.payments import deposits, giving_back, worklist
from billing.store import approvals, commit_points
from billing.store.approvals import Agreed, Agreement, Approval
from rating.errors import UserError
from rating.identifiers import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.persons import Who
    from billing.store.home import Home


def _late_agreed(home: Home, agreement: Agreement) -> object:
    from billing.too_late import deciding  # noqa: PLC0415 -- loads kernels

    return deciding.decide_agreed(home, agreement)


DONE_BY: Final[dict[str, Callable[[Home, Agreement], object]]] = {
    approvals.SETTING: setting_changes.agree,
    give_back_limit.CREDIT_NOTE: crediting.credit_agreed,
    give_back_limit.VOID: voiding.void_agreed,
    give_back_limit.OPENING: openings.open_agreed,
    give_back_limit.REFUND: giving_back.give_back_agreed,
    give_back_limit.REVERSAL: giving_back.give_back_agreed,
    give_back_limit.CHARGEBACK: giving_back.give_back_agreed,
    give_back_limit.DEPOSIT_REFUND: deposits.move_agreed,
    give_back_limit.LINE_RETURN: worklist.give_back_agreed,
    late_decisions.LATE_BILL: _late_agreed,
    late_decisions.LATE_WRITE_OFF: _late_agreed,
}


def agree(home: Home, approval_id: int, note: str, who: Who) -> Agreed:
    """Agree to a proposal of another person, and carry it out.

    Raises UserError for one's own proposal, and for one that is decided or can no longer be done.
    """
    with home.connect() as connection:
        found = approvals.find(connection, approval_id)
    approvals.require_may_agree(found, who)
    result = DONE_BY[found.kind](home, Agreement(found, who, note))
    with home.connect() as connection:
        done = approvals.find(connection, approval_id)
    assert done.state == approvals.AGREED, done
    return Agreed(done, result)


def refuse(home: Home, approval_id: int, note: str, who: Who) -> Approval:
    """Give up a proposal: any person may, the one who made it as well. Raises UserError for what is decided, and without a note."""
    if not note.strip():
        raise UserError("a refusal needs a word on why", "give it with --note '...'", exit_status=2)
    note = one_line(note, "the note")
    with home.begin() as connection:
        found = approvals.find(connection, approval_id)
        seq = home.next_commit_seq(connection, approvals.COMMIT_KIND, who.now_us)
        approvals.give_up(connection, found, note, who, seq)
        found = approvals.find(connection, approval_id)
        commit_points.reached("agreement.before_commit")
    commit_points.reached("agreement.committed")
    return found
