"""Money that left a bank account: charges are posted, returns reverse the payment that they name, refunds are found among those given.

What is none of these, or names nothing that fits, is listed with the reason and posts nothing: a person records what it was.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing import ledger
from billing.allocations.settling import store_rows
from billing.allocations.spread import PAYMENT
from billing.payments import giving_back, postings
from billing.payments.giving_back import Back
from billing.payments.importing import Return
from billing.payments.statements import mt940_text, reasons
from billing.payments.statements.records import Entry, Transaction
from billing.store import tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from billing.payments.writing import Writing

RETURN, REFUND = "return", "refund"  # kinds, beside postings.CHARGE
CHARGED, REVERSED, REVERSED_BEFORE, REFUNDED = "charged", "reversed", "reversed_before", "refunded"
UNKNOWN_PAYMENT, SEVERAL_PAYMENTS, OTHER_AMOUNT, NO_REFUND = "unknown_payment", "several_payments", "other_amount", "no_refund"
LISTED: Final = {
    UNKNOWN_PAYMENT: "gives back a payment that is not known",
    SEVERAL_PAYMENTS: "gives back a payment, and several fit",
    OTHER_AMOUNT: "gives back another amount than what is left of the payment",
    NO_REFUND: "went out, and no refund given fits",
}
_CHARGES: Final = frozenset(("CHRG", "FEES", "COMM", "COME", "COMI", "COMT"))  # sub-families of ISO 20022
_RETURNS: Final = frozenset(("UPDD", "PRDD", "RRTN", "RPCR", "UPCT", mt940_text.RETURN_CODE))
_COLUMNS: Final = (
    "bank_file_id", "line_no", "line_id", "entry_id", "kind", "state", "event_reference", "currency", "amount_micros", "charge_micros",
    "booked_on", "reference", "payee", "end_to_end_id", "mandate_id", "reason_code", "follows", "follow_on", "entity",
)  # fmt: skip


class Debit(NamedTuple):
    """A booking that money went out with. `numbers`: invoices that it names. `text`: its whole reference."""

    line_no: int
    line_id: str
    entry_id: str
    kind: str
    entry: Entry
    transaction: Transaction
    entity: str
    text: str
    numbers: tuple[str, ...] = ()

    @property
    def net_micros(self) -> int:
        """The amount without what the bank took for itself."""
        return self.transaction.amount_micros - self.transaction.charge_micros


class Verdict(NamedTuple):
    """Outcome of a debit, and the event that it is."""

    state: str
    event: str | None = None
    account_key: int | None = None  # whose payment was reversed


class _Payment(NamedTuple):
    """A payment that a return may be about: what of it has not gone back, and its amount."""

    payment_id: str
    amount_micros: int
    had_micros: int


def kind_of(entry: Entry, transaction: Transaction) -> str:
    """The kind of a debit, by the bank's code and by a reason for a return."""
    last = entry.code.rpartition("/")[2]
    if transaction.reason_code or entry.is_reversal or last in _RETURNS:
        return RETURN
    return postings.CHARGE if last in _CHARGES else REFUND


def is_returned(entry: Entry, transaction: Transaction) -> bool:
    """Return whether a credit is money of ours that came back: no customer paid it."""
    return bool(transaction.reason_code) or entry.is_reversal or entry.code.rpartition("/")[2] in _RETURNS


def take(work: Writing, file_id: int, debits: Sequence[Debit]) -> tuple[list[Verdict], list[Return]]:
    """Post or reverse each, and store it. Returns what became of each, and what follows from returns."""
    verdicts: list[Verdict] = []
    returns: list[Return] = []
    charges = []
    for each in debits:
        verdict = _verdict(work, each)
        verdicts.append(verdict)
        reason = reasons.of(each.transaction.reason_code) if each.kind == RETURN else None
        follow_on = reason.day(each.entry.booked_on) if reason else None
        if reason is not None:
            code = each.transaction.reason_code
            again_on = follow_on.isoformat() if follow_on else ""
            returns.append(Return(each.line_id, code, reason.says, reason.follows.value, again_on))
        store_rows(work.connection, tables.bank_debits, _COLUMNS, [_row(file_id, each, verdict, reason, follow_on)])
        if each.kind == postings.CHARGE:
            day = each.entry.booked_on.isoformat()
            charges.append(
                postings.of_bank_charge(each.line_id, each.transaction.currency, each.transaction.amount_micros, day, each.entity)
            )
    if charges:
        ledger.post(work.connection, charges, work.seq)
    return verdicts, returns


def _row(file_id: int, each: Debit, verdict: Verdict, reason: reasons.Reason | None, follow_on: dt.date | None) -> tuple[Any, ...]:
    what = each.transaction
    return (
        file_id, each.line_no, each.line_id, each.entry_id, each.kind, verdict.state, verdict.event, what.currency, what.amount_micros,
        what.charge_micros, each.entry.booked_on.isoformat(), each.text, what.party, what.end_to_end_id or None, what.mandate_id or None,
        what.reason_code or None, reason.follows.value if reason else None, follow_on.isoformat() if follow_on else None,
        each.entity or None,
    )  # fmt: skip


def _verdict(work: Writing, each: Debit) -> Verdict:
    if each.kind == postings.CHARGE:
        return Verdict(CHARGED)
    return _returned(work, each) if each.kind == RETURN else _refunded(work.connection, each)


def _returned(work: Writing, each: Debit) -> Verdict:
    """Reverse the one payment that fits, or find the reversal that a person recorded."""
    event = tables.payment_events.c.reference
    if work.connection.execute(sa.select(event).where(event == each.line_id)).first() is not None:
        return Verdict(REVERSED_BEFORE, each.line_id)
    found = _by_end_to_end(work.connection, each) or _by_invoices(work, each)
    if not found:
        return Verdict(UNKNOWN_PAYMENT)
    fit = [payment for payment in found if payment.had_micros == each.net_micros > 0]
    if len(fit) > 1:
        return Verdict(SEVERAL_PAYMENTS)
    if fit:
        reason = f"{each.transaction.reason_code} {reasons.of(each.transaction.reason_code).says}".strip()
        fee = each.transaction.charge_micros
        back = Back(
            each.line_id,
            giving_back.REVERSAL,
            each.entry.booked_on,
            fit[0].payment_id,
            fee_micros=fee,
            reason=reason,
        )
        return Verdict(REVERSED, each.line_id, giving_back.reverse_by_bank(work, back))
    before = _recorded(work.connection, [payment.payment_id for payment in found], each.net_micros)
    return Verdict(REVERSED_BEFORE, before) if before is not None else Verdict(OTHER_AMOUNT)


def _by_end_to_end(connection: sa.Connection, each: Debit) -> list[_Payment]:
    """Payments of lines that came with this end-to-end id, and the one that was recorded by hand under it."""
    wanted = each.transaction.end_to_end_id
    if not wanted:
        return []
    line, payment = tables.bank_lines.c, tables.payments.c
    lines = sa.select(line.line_id).where(line.end_to_end_id == wanted)
    return _payments(connection, each, sa.or_(payment.payment_id.in_(lines), payment.payment_id == wanted))


def _by_invoices(work: Writing, each: Debit) -> list[_Payment]:
    """Payments of the amount that goes back which settled an invoice that the return names, or came in the same file for it."""
    if not each.numbers:
        return []
    part, invoice = tables.settlements.c, tables.invoices.c
    settled = sa.select(part.credit_id).join_from(tables.settlements, tables.invoices)
    settled = settled.where(part.credit_kind == PAYMENT, invoice.number.in_(each.numbers))
    payment = tables.payments.c
    same_file = [payment.instruction.contains(json.dumps(number, ensure_ascii=False), autoescape=True) for number in each.numbers]
    condition = sa.or_(payment.payment_id.in_(settled), sa.and_(payment.commit_seq == work.seq, sa.or_(*same_file)))
    found = _payments(work.connection, each, condition)
    return [payment for payment in found if payment.amount_micros == each.net_micros]


def _payments(connection: sa.Connection, each: Debit, condition: sa.ColumnElement[bool]) -> list[_Payment]:
    """Payments into the bank account's entity, in its currency, that came no later than the return."""
    payment, account, event = tables.payments.c, tables.accounts.c, tables.payment_events.c
    gone = sa.func.coalesce(sa.func.sum(sa.case((event.kind == postings.WON, -event.amount_micros), else_=event.amount_micros)), 0)
    went = sa.select(sa.cast(gone, tables.INT64)).where(event.payment_id == payment.payment_id).scalar_subquery()
    query = sa.select(payment.payment_id, payment.amount_micros, went).join_from(tables.payments, tables.accounts)
    query = query.where(
        condition,
        payment.currency == each.transaction.currency,
        sa.func.coalesce(account.legal_entity, "") == each.entity,
        payment.received_on <= each.entry.booked_on.isoformat(),
        sa.or_(payment.channel.is_(None), payment.channel != postings.FROM_DESK),
    )
    rows = connection.execute(query.order_by(payment.payment_id))
    return [_Payment(payment_id, amount, amount - went_back) for payment_id, amount, went_back in rows]


def _recorded(connection: sa.Connection, payment_ids: Sequence[str], net_micros: int) -> str | None:
    """A reversal or chargeback of one of these payments, recorded by a person, that no booking of the bank has confirmed."""
    event = tables.payment_events.c
    kinds = (giving_back.REVERSAL, giving_back.CHARGEBACK)
    query = sa.select(event.reference).where(event.payment_id.in_(payment_ids), event.kind.in_(kinds), event.amount_micros == net_micros)
    return _only(connection, query.where(event.reference.not_in(_confirmed())))


def _refunded(connection: sa.Connection, each: Debit) -> Verdict:
    """A refund given, by its id as the end-to-end id, else by its amount and the payee's account or name."""
    wanted, net = each.transaction.end_to_end_id, each.net_micros
    event, moved, decision = tables.payment_events.c, tables.deposit_events.c, tables.bank_line_decisions.c
    refund = sa.select(event.reference, event.payee).where(event.kind == giving_back.REFUND, event.amount_micros == net)
    refund = refund.where(event.reference.not_in(_confirmed()))
    deposit = sa.select(moved.reference).where(moved.kind == postings.REFUNDED, moved.amount_micros == net)
    line = sa.select(decision.line_id).join_from(
        tables.bank_line_decisions, tables.bank_lines, tables.bank_lines.c.line_id == decision.line_id
    )
    line = line.where(decision.kind == "returned", tables.bank_lines.c.amount_micros == net)
    by_id = (
        refund.where(event.reference == wanted),
        deposit.where(moved.reference == wanted, moved.reference.not_in(_confirmed())),
        line.where(decision.line_id == wanted, decision.line_id.not_in(_confirmed())),
    )
    for query in by_id if wanted else ():
        found = connection.execute(query).first()
        if found is not None:
            return Verdict(REFUNDED, found[0])
    payees = {_plain(text) for text in (each.transaction.party_account, each.transaction.party) if text}
    fit = [row.reference for row in connection.execute(refund) if row.payee and _plain(row.payee) in payees]
    return Verdict(REFUNDED, fit[0]) if len(fit) == 1 else Verdict(NO_REFUND)


def _confirmed() -> sa.Select[Any]:
    debit = tables.bank_debits.c
    return sa.select(debit.event_reference).where(debit.event_reference.is_not(None))


def _only(connection: sa.Connection, query: sa.Select[Any]) -> str | None:
    found = connection.execute(query.limit(2)).scalars().all()
    return str(found[0]) if len(found) == 1 else None


def _plain(text: str) -> str:
    return "".join(text.split()).upper()
