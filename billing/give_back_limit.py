"""The amount that one person may give back alone: credits, voids, refunds and reopened payments of 30 days, by person and by account.

Acts of one person without a second one are added up over the last 30 days of the clock. There is a sum for that person in each currency,
and one for the account over all persons: a sum in ten parts is the same sum. Acts that a second person agreed to are not in it. Sums are
computed from what is stored, by any person and any version of this program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts import undone
from billing.persons import is_of
from billing.store import approvals, settings, tables
from rating.dates import DAY_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.persons import Who
    from billing.store.approvals import Agreement, Approval, ProposalContent

LIMIT: Final = "give_back_limit_micros"
DAYS: Final = 30
CREDIT_NOTE, VOID, DEPOSIT_REFUND, LINE_RETURN, OPENING = "credit_note", "void", "deposit_refund", "line_return", "opening"
REFUND, REVERSAL, CHARGEBACK = "refund", "reversal", "chargeback"


class Given(NamedTuple):
    """An amount that a person is about to give back. `account_key` None: money that belongs to no account yet."""

    account_key: int | None
    currency: str
    amount_micros: int


def needs_second(connection: sa.Connection, given: Given, who: Who) -> bool:
    """Return whether another person has to agree."""
    return given_alone(connection, _alone(), given, who) + abs(given.amount_micros) > settings.integer(connection, LIMIT)


def since_us(who: Who) -> int:
    """The instant after which acts are added up."""
    return who.now_us - DAYS * DAY_US


def given_alone(connection: sa.Connection, acts_alone: sa.Select[Any] | sa.CompoundSelect[Any], given: Given, who: Who) -> int:
    """The larger of two sums of the last 30 days, in micro-units of a currency: acts of this person alone, and such acts for the account.

    `acts_alone`: columns as `columns_of_acts` names them.
    """
    acts = acts_alone.subquery()
    total = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(acts.c.amount_micros), 0), tables.INT64))
    total = total.where(acts.c.at_us > since_us(who), acts.c.currency == given.currency)
    of_person = connection.execute(total.where(is_of(acts.c.by_uid, who.by_uid))).scalar_one()
    of_account = connection.execute(total.where(acts.c.account_key == given.account_key)).scalar_one() if given.account_key else 0
    return max(int(of_person), int(of_account))


def ask(
    connection: sa.Connection, wanted: ProposalContent, who: Who, agreement: Agreement | None, seq: Callable[[], int]
) -> Approval | None:
    """The proposal that waits for a second person, stored by this; None where the caller may go on, alone or after the agreement.

    Raises UserError where it was asked for with other data, and where the amount that was agreed to has changed by now.
    """
    if agreement is not None:
        approvals.require_unchanged(agreement, wanted.amount_micros)
        return None
    before = approvals.waiting(connection, wanted.kind, wanted.subject)
    if before is not None:
        approvals.require_same(before, wanted.payload)
        return before
    assert wanted.currency is not None, wanted
    if not needs_second(connection, Given(wanted.account_key, wanted.currency, wanted.amount_micros), who):
        return None
    return approvals.propose(connection, wanted, who, seq())


def openings_alone() -> sa.Select[Any]:
    """Opening items to the credit of customers, as acts without a second person: added up apart, as a migration has many of them."""
    return _documents_below_zero(OPENING)


def _alone() -> sa.CompoundSelect[Any]:
    """Every act without a second person: its person, instant, account, currency and amount, above zero."""
    return sa.union_all(_credit_notes(), _voids(), _payment_events(), _deposit_refunds(), _line_returns())


def columns_of_acts(by_uid: Any, at_us: Any, account_key: Any, currency: Any, amount_micros: Any) -> tuple[sa.ColumnElement[Any], ...]:  # noqa: ANN401 -- columns of any table
    """The columns of an act that `given_alone` adds up."""
    named = {"by_uid": by_uid, "at_us": at_us, "account_key": account_key, "currency": currency, "amount_micros": amount_micros}
    return tuple(column.label(name) for name, column in named.items())


def _credit_notes() -> sa.Select[Any]:
    """Notes by hand; those of re-ratings have a second person of their own."""
    return _documents_below_zero(CREDIT_NOTE)


def _documents_below_zero(run_kind: str) -> sa.Select[Any]:
    invoice, run, step = tables.invoices.c, tables.bill_runs.c, tables.run_steps.c
    columns = columns_of_acts(step.by_uid, run.started_us, invoice.account_key, invoice.currency, -invoice.total_micros)
    query = sa.select(*columns).select_from(tables.bill_runs).join(tables.invoices, invoice.run_id == run.run_id)
    query = query.join(tables.run_steps, sa.and_(step.run_id == run.run_id, step.state == "posted"))
    return query.where(run.kind == run_kind, invoice.total_micros < 0, run.commit_seq.not_in(approvals.agreed_commits()))


def _voids() -> sa.Select[Any]:
    event, invoice = tables.invoice_events.c, tables.invoices.c
    columns = columns_of_acts(event.by_uid, event.at_us, invoice.account_key, invoice.currency, sa.func.abs(invoice.total_micros))
    query = sa.select(*columns).join_from(tables.invoice_events, tables.invoices, event.invoice_key == invoice.invoice_key)
    by_two = approvals.agreed_commits().union(undone.commits())  # a run is undone by two people
    return query.where(event.kind == "voided", event.commit_seq.not_in(by_two))


def _payment_events() -> sa.Select[Any]:
    """Refunds, payments that bounced and chargebacks, of payments and of documents with a negative total; with what the bank takes."""
    event, payment, invoice = tables.payment_events.c, tables.payments.c, tables.invoices.c
    account_key, currency = (sa.func.coalesce(payment[name], invoice[name]) for name in ("account_key", "currency"))
    with_fee = event.amount_micros + event.fee_micros
    columns = columns_of_acts(event.by_uid, event.at_us, account_key, currency, with_fee)
    query = sa.select(*columns).select_from(tables.payment_events)
    query = query.outerjoin(tables.payments, payment.payment_id == event.payment_id)
    query = query.outerjoin(tables.invoices, invoice.number == event.credit_number)
    by_bank = sa.select(tables.bank_debits.c.line_id).where(tables.bank_debits.c.event_reference == tables.bank_debits.c.line_id)
    query = query.where(event.reference.not_in(by_bank))  # a bank booked it back: no person decided that
    return query.where(event.kind.in_((REFUND, REVERSAL, CHARGEBACK)), event.commit_seq.not_in(approvals.agreed_commits()))


def _deposit_refunds() -> sa.Select[Any]:
    event, deposit, commit = tables.deposit_events.c, tables.deposits.c, tables.commits.c
    columns = columns_of_acts(event.by_uid, commit.at_us, deposit.account_key, deposit.currency, event.amount_micros)
    query = sa.select(*columns).join_from(tables.deposit_events, tables.deposits, event.deposit_id == deposit.deposit_id)
    query = query.join(tables.commits, commit.commit_seq == event.commit_seq)
    return query.where(event.kind == "refunded", event.commit_seq.not_in(approvals.agreed_commits()))


def _line_returns() -> sa.Select[Any]:
    """Money from bank files that went back to where it came from: of no account."""
    decision, line = tables.bank_line_decisions.c, tables.bank_lines.c
    nobody = sa.cast(sa.null(), tables.INT64)
    columns = columns_of_acts(decision.by_uid, decision.at_us, nobody, line.currency, line.amount_micros)
    query = sa.select(*columns).join_from(tables.bank_line_decisions, tables.bank_lines, decision.line_id == line.line_id)
    return query.where(decision.kind == "returned", decision.commit_seq.not_in(approvals.agreed_commits()))
