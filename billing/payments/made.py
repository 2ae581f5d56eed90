"""Answers read back from a commit: what an act on payments had answered, where its caller was cut off before the answer.

Each function takes the number of the commit in which the act was stored, and gives the answer as of that commit.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.allocations.spread import DEPOSIT, DOCUMENT, PAYMENT
from billing.payments import deposits, instalments, postings, promises
from billing.payments.banking.debits import LISTED
from billing.payments.cash_desk import Paid
from billing.payments.giving_back import GivenBack
from billing.payments.importing import WAITING_MAX, Imported, Return, Sum
from billing.payments.matching import MATCHED
from billing.payments.recording import Recorded
from billing.payments.statements import reasons
from billing.payments.worklist import Returned
from billing.payments.writing import account_by_key
from billing.store import approvals, tables

if TYPE_CHECKING:
    from billing.payments.deposits import Held
    from billing.payments.instalments import Plan
    from billing.payments.promises import Promised
    from billing.store.approvals import Approval
    from billing.store.home import Home


class _Credit(NamedTuple):
    """A credit as settlements name it, and its amount when it came."""

    kind: str
    identity: str
    amount_micros: int


class _Source(NamedTuple):
    """The payment or document of a proposal, as a row of payment_events names it."""

    payment_id: str | None
    credit_number: str | None


def payment(home: Home, commit_seq: int) -> Paid:
    """The payment of a commit, with its receipt where it was in cash."""
    with home.connect() as connection:
        row = connection.execute(sa.select(tables.payments).where(tables.payments.c.commit_seq == commit_seq)).one()
        credit = _Credit(PAYMENT, row.payment_id, row.amount_micros)
        settled = _parts(connection, commit_seq, credit)
        left = row.amount_micros - sum(micros for _, micros in settled)
        return Paid(row.receipt or "", Recorded(row.payment_id, row.currency, False, settled, left))


def bank_file(home: Home, commit_seq: int, outgoing_lines: int) -> Imported:
    """The bank file of a commit. `outgoing_lines` is not stored: the file says it."""
    file, line, part = tables.bank_files.c, tables.bank_lines.c, tables.settlements.c
    with home.connect() as connection:
        row = connection.execute(sa.select(tables.bank_files).where(file.commit_seq == commit_seq)).one()
        lines = connection.execute(sa.select(tables.bank_lines).where(line.bank_file_id == row.bank_file_id).order_by(line.line_no)).all()
        of_commit = (part.commit_seq == commit_seq, part.amount_micros > 0)  # a return takes what a payment settled
        parts = connection.execute(sa.select(sa.func.count()).select_from(tables.settlements).where(*of_commit))
        settled = int(parts.scalar_one())
        debit = tables.bank_debits
        gone = connection.execute(sa.select(debit).where(debit.c.bank_file_id == row.bank_file_id).order_by(debit.c.line_no)).all()
    sums: dict[tuple[str, str], list[int]] = {}
    for each in lines:
        of_kind = sums.setdefault((each.state, each.currency), [0, 0])
        of_kind[0] += 1
        of_kind[1] += each.amount_micros
    waiting = [(each.line_no, each.line_id, each.state) for each in lines if each.state != MATCHED]
    told = [Sum(*key, *values) for key, values in sorted(sums.items())]
    if row.format is None:
        return Imported(row.file_name, False, row.rows, row.rows - len(lines), outgoing_lines, told, settled, waiting)
    waiting = sorted(waiting + [(each.line_no, each.line_id, each.state) for each in gone if each.state in LISTED])[:WAITING_MAX]
    known = row.rows - len(lines) - sum(each.line_no > 0 for each in gone)
    left = [(each.state, each.currency, each.amount_micros) for each in gone]
    findings = tuple(msgspec.json.decode(row.findings or "[]", type=list[str]))
    returns = tuple(bank_return(each) for each in gone if each.follows)[:WAITING_MAX]
    return Imported(row.file_name, False, row.rows, known, 0, told, settled, waiting, row.format, tuple(_summed(left)), returns, findings)


def _summed(rows: list[tuple[str, str, int]]) -> list[Sum]:
    """Rows of state, currency and amount as sums."""
    sums: dict[tuple[str, str], list[int]] = {}
    for state, currency, micros in rows:
        of_kind = sums.setdefault((state, currency), [0, 0])
        of_kind[0] += 1
        of_kind[1] += micros
    return [Sum(*key, *values) for key, values in sorted(sums.items())]


def bank_return(row: Any) -> Return:  # noqa: ANN401 -- a row of bank_debits
    """A return as it is stored."""
    code = row.reason_code or ""
    return Return(row.line_id, code, reasons.of(code).says, row.follows, row.follow_on or "")


def returned_line(home: Home, commit_seq: int) -> Returned:
    """The line of a bank file that a commit returned, or proposed to return."""
    decision, line = tables.bank_line_decisions.c, tables.bank_lines.c
    with home.connect() as connection:
        asked = approvals.of_commit(connection, commit_seq)
        if asked is not None:
            return Returned(asked.subject, asked.currency, asked.amount_micros, False, needs_second=True, proposal=asked.approval_id)
        query = sa.select(line.line_id, line.currency, line.amount_micros)
        query = query.join_from(tables.bank_line_decisions, tables.bank_lines, line.line_id == decision.line_id)
        return Returned(*connection.execute(query.where(decision.commit_seq == commit_seq)).one(), False)


def given_back(home: Home, commit_seq: int) -> GivenBack:
    """The money that a commit gave back, or proposed to give back. Credit of the whole account is not worked out again."""
    event = tables.payment_events
    with home.connect() as connection:
        asked = approvals.of_commit(connection, commit_seq)
        if asked is not None:
            told = _payload(asked)
            fee, source = told["fee_micros"], _Source(told["payment_id"], told["number"])
            money = (asked.account_id, asked.currency, asked.amount_micros - fee, fee)
            _, left = _moved(connection, commit_seq, _credit_of(connection, source)[1], source)
            return GivenBack(asked.subject, asked.kind, *money, [], left, needs_second=True, proposal=asked.approval_id)
        row = connection.execute(sa.select(event).where(event.c.commit_seq == commit_seq)).one()
        account_key, credit = _credit_of(connection, row)
        reopened, left = _moved(connection, commit_seq, credit, row)
        account = account_by_key(connection, account_key)
        money = (account.account_id, account.currency, row.amount_micros, row.fee_micros)
        resettled = _resettled(connection, commit_seq, dict(reopened))
        return GivenBack(row.reference, row.kind, *money, reopened, left, resettled=resettled)


def deposit_taken(home: Home, commit_seq: int) -> Held:
    """The deposit that a commit took."""
    with home.connect() as connection:
        deposit = tables.deposits.c
        deposit_id = connection.execute(sa.select(deposit.deposit_id).where(deposit.commit_seq == commit_seq)).scalar_one()
        return deposits.held_as_of(connection, deposit_id, commit_seq)


def deposit_moved(home: Home, commit_seq: int) -> Held:
    """The deposit that a commit released or refunded, or proposed to refund."""
    with home.connect() as connection:
        asked = approvals.of_commit(connection, commit_seq)
        if asked is not None:
            held = deposits.held_as_of(connection, _payload(asked)["deposit_id"], commit_seq)
            return held._replace(needs_second=True, proposal=asked.approval_id)
        event = tables.deposit_events.c
        deposit_id = connection.execute(sa.select(event.deposit_id).where(event.commit_seq == commit_seq)).scalar_one()
        settled = _parts(connection, commit_seq, _Credit(DEPOSIT, deposit_id, 0))
        return deposits.held_as_of(connection, deposit_id, commit_seq)._replace(allocated=tuple(settled))


def promise(home: Home, commit_seq: int) -> Promised:
    """The promise that a commit recorded, as it stands on the day on which it was made."""
    row = tables.promises.c
    with home.connect() as connection:
        return promises.read(connection, sa.select(row.promise_id).where(row.commit_seq == commit_seq))


def plan(home: Home, commit_seq: int) -> Plan:
    """The plan that a commit stored, also one that ends another, as it stands on its day."""
    row = tables.instalment_plans.c
    with home.connect() as connection:
        found = connection.execute(sa.select(row.plan_id, row.agreed_on).where(row.commit_seq == commit_seq)).one()
        return instalments.read(connection, dt.date.fromisoformat(found.agreed_on), found.plan_id)


def _parts(connection: sa.Connection, commit_seq: int, credit: _Credit) -> list[tuple[str, int]]:
    """Invoices that a credit settled by a commit, by due date."""
    part, invoice = tables.settlements.c, tables.invoices.c
    amount = sa.cast(sa.func.sum(part.amount_micros), tables.INT64)
    query = sa.select(invoice.number, amount).join_from(tables.settlements, tables.invoices)
    query = query.where(part.commit_seq == commit_seq, part.credit_kind == credit.kind, part.credit_id == credit.identity)
    query = query.group_by(invoice.number, invoice.due_on).order_by(invoice.due_on, invoice.number)
    return [(number, int(micros)) for number, micros in connection.execute(query)]


def _credit_of(connection: sa.Connection, event: Any) -> tuple[int, _Credit]:  # noqa: ANN401 -- a row of payment_events
    """The account and the credit that an event took money from."""
    if event.payment_id is not None:
        row = connection.execute(sa.select(tables.payments).where(tables.payments.c.payment_id == event.payment_id)).one()
        return row.account_key, _Credit(PAYMENT, row.payment_id, row.amount_micros)
    row = connection.execute(sa.select(tables.invoices).where(tables.invoices.c.number == event.credit_number)).one()
    return row.account_key, _Credit(DOCUMENT, row.number, -row.total_micros)


def _moved(connection: sa.Connection, commit_seq: int, credit: _Credit, event: Any) -> tuple[list[tuple[str, int]], int]:  # noqa: ANN401 -- as above
    """Amounts of invoices that the credit settles no more, and the rest of the credit."""
    part, invoice, other = tables.settlements.c, tables.invoices.c, tables.payment_events.c
    own = (part.credit_kind == credit.kind, part.credit_id == credit.identity)
    amount = sa.cast(sa.func.sum(part.amount_micros), tables.INT64)
    taken = sa.select(invoice.number, amount).join_from(tables.settlements, tables.invoices).group_by(invoice.number)
    taken = taken.where(*own, part.commit_seq == commit_seq, part.amount_micros < 0).order_by(invoice.number)
    reopened = [(number, -int(micros)) for number, micros in connection.execute(taken)]
    settled = connection.execute(sa.select(sa.func.coalesce(amount, 0)).where(*own, part.commit_seq <= commit_seq)).scalar_one()
    signed = sa.case((other.kind == postings.WON, -other.amount_micros), else_=other.amount_micros)
    of_credit = other.payment_id == event.payment_id if event.payment_id is not None else other.credit_number == event.credit_number
    gone = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(signed), 0), tables.INT64)).where(of_credit, other.commit_seq <= commit_seq)
    return reopened, credit.amount_micros - int(settled) - int(connection.execute(gone).scalar_one())


def _resettled(connection: sa.Connection, commit_seq: int, reopened: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """The amounts of invoices that were opened again which other credit settled by the same commit."""
    part, invoice = tables.settlements.c, tables.invoices.c
    amount = sa.cast(sa.func.sum(part.amount_micros), tables.INT64)
    query = sa.select(invoice.number, amount).join_from(tables.settlements, tables.invoices).group_by(invoice.number)
    query = query.where(part.commit_seq == commit_seq, part.amount_micros > 0, invoice.number.in_(reopened)).order_by(invoice.number)
    return tuple((number, min(int(micros), reopened[number])) for number, micros in connection.execute(query))


def _payload(asked: Approval) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(asked.payload)
    return found
