"""The work list: money from bank files that matched nothing. It lies in suspense until a person assigns it to an account or returns it.

Money that went out is on the list as well, with an amount below zero, unless it is known: a charge, a return or a refund. It lies nowhere:
an event with the id of the line (`payment reverse --id LINE`) takes it off the list.

Each line is decided once; the same decision again changes nothing. It leaves suspense on the day of the decision (UTC), in the books of
the legal entity whose bank account it came into; an account of another entity cannot have it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import give_back_limit, ledger
from billing.payments import postings, recording
from billing.payments.banking.debits import LISTED
from billing.payments.matching import MATCHED, REASONS
from billing.payments.recording import Payment, Recorded
from billing.payments.writing import Account, Act, Writing, account_of, act_of, writing
from billing.store import approvals, tables
from billing.store.pages import in_pages
from rating.dates import utc_date
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.approvals import Agreement
    from billing.store.home import Home

ASSIGNED, RETURNED = "assigned", "returned"
_ITSELF: Final = "`ratewright payment worklist list` shows what waits"


class Waiting(NamedTuple):
    """A line that waits, or its decision (`decision` and `note`, else empty). `by_name`: who decided it, else who imported it."""

    line_id: str
    file_name: str
    line_no: int
    received_on: str
    currency: str
    amount_micros: int
    payer: str
    reference: str
    reason: str
    why: str
    decision: str = ""
    note: str = ""
    by_name: str = ""
    account_id: str = ""


class Returned(NamedTuple):
    """Money that goes back to where it came from."""

    line_id: str
    currency: str
    amount_micros: int
    existed: bool
    needs_second: bool = False  # another person has to agree, to `proposal` where it is stored; nothing went back yet
    proposal: int = 0


def work_list(home: Home, *, decided: bool = False, after: str = "", limit: int | None = None) -> list[Waiting]:
    """Lines that wait, oldest first; with `decided` the decided ones instead. They begin after the line `after`, which may be decided."""
    line, file, decision = _every_line().c, tables.bank_files.c, tables.bank_line_decisions.c
    payment, account, event, moved = tables.payments.c, tables.accounts.c, tables.payment_events.c, tables.deposit_events.c
    columns = (line.line_id, file.file_name, line.line_no, line.received_on, line.currency, line.amount_micros, line.payer, line.reference)
    kind = sa.func.coalesce(decision.kind, event.kind, moved.kind)
    by_name = sa.func.coalesce(decision.by_name, event.by_name, moved.by_name, file.by_name)
    table = line.line_id.table
    query = (
        sa.select(*columns, line.state, kind, sa.func.coalesce(decision.note, event.reason, moved.reason), by_name, account.account_id)
        .join_from(table, tables.bank_files, file.bank_file_id == line.bank_file_id)
        .outerjoin(tables.bank_line_decisions, decision.line_id == line.line_id)
        .outerjoin(tables.payment_events, sa.and_(event.reference == line.line_id, line.amount_micros < 0))
        .outerjoin(tables.deposit_events, sa.and_(moved.reference == line.line_id, line.amount_micros < 0))
        .outerjoin(tables.payments, payment.payment_id == sa.func.coalesce(decision.payment_id, event.payment_id))
        .outerjoin(tables.accounts, account.account_key == payment.account_key)
        .where(kind.is_not(None) if decided else kind.is_(None))
    )
    query = in_pages(query, (line.received_on, line.bank_file_id, line.line_no), line.line_id, after, limit)
    with home.connect() as connection:
        rows: Sequence[Any] = connection.execute(query).all()
    return [Waiting._make((*row[:9], (REASONS | LISTED)[row.state], *(cell or "" for cell in row[9:]))) for row in rows]


def _every_line() -> sa.Subquery:
    """Credits that matched nothing, and debits that are listed, with amounts below zero. A debit is done by an event with its id."""
    line, debit = tables.bank_lines.c, tables.bank_debits.c
    names = ("line_id", "bank_file_id", "line_no", "received_on", "currency", "amount_micros", "payer", "reference", "state")
    came = sa.select(*(line[name] for name in names)).where(line.state != MATCHED)
    own = (
        debit.line_id, debit.bank_file_id, debit.line_no, debit.booked_on, debit.currency, -debit.amount_micros, debit.payee,
        debit.reference, debit.state,
    )  # fmt: skip
    went = sa.select(*(column.label(name) for column, name in zip(own, names, strict=True))).where(debit.state.in_(sorted(LISTED)))
    return sa.union_all(came, went).subquery("lines")


def assign(  # noqa: PLR0913 -- the line, whose it is, why and by whom
    home: Home, line_id: str, account_id: str, note: str, act: Act, *, numbers: Sequence[str] = ()
) -> Recorded:
    """Make a line the payment of an account, received on the line's day, posted as of today. `numbers`: invoices that it pays first.

    Raises UserError for an unknown line, one that is decided otherwise, another currency or legal entity than the account's, an unknown
    account.
    """
    with writing(home, act) as work:
        line = _line(work.connection, line_id)
        payment = Payment(
            line_id,
            account_id,
            line.amount_micros,
            dt.date.fromisoformat(line.received_on),
            line.reference,
            line.currency,
            tuple(numbers),
            postings.FROM_SUSPENSE,
        )
        before = _decision(work.connection, line_id)
        if before is not None and before.kind != ASSIGNED:
            raise UserError(f"line {line_id} was {before.kind} by {before.by_name}", _ITSELF)
        _require_entity(line, account_of(work.connection, account_id))
        recorded = recording.take(work, payment)
        if before is None:
            _decide(work, line_id, ASSIGNED, note, line_id)
        return recorded


def give_back(home: Home, line_id: str, note: str, act: Act, agreement: Agreement | None = None) -> Returned:
    """Return a line's money to where it came from, as of today (UTC).

    Above the limit of one person (`billing.give_back_limit`) it is stored as a proposal, and done with the `agreement` of another one.
    Raises UserError for an unknown line, and one that is decided otherwise.
    """
    with writing(home, act) as work:
        line = _line(work.connection, line_id)
        before = _decision(work.connection, line_id)
        if before is not None and before.kind != RETURNED:
            raise UserError(f"line {line_id} was {before.kind} by {before.by_name}", "a payment goes back with `ratewright payment refund`")
        if before is not None:
            return Returned(line_id, line.currency, line.amount_micros, existed=True)
        wanted = approvals.ProposalContent(
            give_back_limit.LINE_RETURN, line_id, {"line_id": line_id, "note": note}, note, line.amount_micros, line.currency
        )
        waits = give_back_limit.ask(work.connection, wanted, work.who, agreement, lambda: work.seq)
        if waits is None or act.dry_run:
            _decide(work, line_id, RETURNED, note, None)
            day = utc_date(work.act.now_us).isoformat()
            entry = postings.of_returned(line_id, line.currency, line.amount_micros, day, line.entity or "")
            ledger.post(work.connection, [entry], work.seq)
        if agreement is not None:
            approvals.agree(work.connection, agreement, work.seq)
        proposal = 0 if waits is None or act.dry_run else waits.approval_id
        return Returned(line_id, line.currency, line.amount_micros, existed=False, needs_second=waits is not None, proposal=proposal)


def give_back_agreed(home: Home, agreement: Agreement) -> Returned:
    """Return the money that another person asked for, looked at anew. Raises UserError as `give_back` does."""
    told = msgspec.json.decode(agreement.approval.payload, type=dict[str, str])
    return give_back(home, told["line_id"], told["note"], act_of(agreement), agreement)


def _line(connection: sa.Connection, line_id: str) -> Any:  # noqa: ANN401 -- a row of bank_lines
    row = connection.execute(sa.select(tables.bank_lines).where(tables.bank_lines.c.line_id == line_id)).first()
    if row is None:
        debit = tables.bank_debits.c.line_id
        if connection.execute(sa.select(debit).where(debit == line_id)).first() is not None:
            raise UserError(
                f"line {line_id} is money that went out", f"record what it was: `ratewright payment reverse --id {line_id} ...`"
            )
        raise NotFoundError(f"no line of a bank file has the id {line_id}", _ITSELF)
    if row.state == MATCHED:
        raise UserError(f"line {line_id} matched and is payment {row.payment_id}", "a payment goes back with `ratewright payment refund`")
    return row


def _require_entity(line: Any, account: Account) -> None:  # noqa: ANN401 -- a row of bank_lines
    """Raises UserError for an account of another legal entity: money in one entity's bank account settles only debts to that entity."""
    held_by, owed_to = line.entity or "", account.entity
    if held_by != owed_to:
        raise UserError(
            f"line {line.line_id} is money of {_entity_words(held_by)}, account {account.account_id} belongs to {_entity_words(owed_to)}",
            "return the line; move the money to the bank account of that entity: its bank file or `ratewright payment record` brings it",
        )


def _entity_words(entity: str) -> str:
    return f"legal entity {entity}" if entity else "the legal entity without a name"


def _decision(connection: sa.Connection, line_id: str) -> Any:  # noqa: ANN401 -- a row or None
    decision = tables.bank_line_decisions
    return connection.execute(sa.select(decision).where(decision.c.line_id == line_id)).first()


def _decide(work: Writing, line_id: str, kind: str, note: str, payment_id: str | None) -> None:
    values = {"line_id": line_id, "kind": kind, "payment_id": payment_id, "note": note, "at_us": work.act.now_us}
    work.connection.execute(tables.bank_line_decisions.insert().values(**values, **work.signed))
