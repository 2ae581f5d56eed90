"""Open amounts at the end of a date, and credit left then: a record dated later does not count, whenever it was stored.

Documents count by their dates of issue and voiding. Money counts by the date on which it came or went (out of the work list of bank files:
was assigned), write-offs by that of their entries: as their postings do. A settlement counts from the day on which both of its sides were
there and its cause had happened (a payment that bounced makes room for another one on the day it bounced). It counts alike on both sides.
So the open amount less the credit left is the balance of the receivables through that date, for every account. Amounts are micro-units.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import ledger
from billing.allocations.items import chunks
from billing.allocations.replay import GIVES_BACK
from billing.allocations.spread import DEPOSIT, DOCUMENT, PAYMENT, WRITE_OFF
from billing.store import tables
from billing.store.sums import halves
from billing.store.voids import voided
from rating.dates import instant_of

if TYPE_CHECKING:
    from collections.abc import Collection

WRITE_OFF_LEGS: Final = ("write_off", "write_off_reversal")  # kinds of entries, and legs of their postings
RELEASED: Final = "applied"  # the event of a deposit that pays


class Standing(NamedTuple):
    """Queries of the state at the end of a date. Both have the columns account_key, currency, entity (may be null) and micros.

    `documents` also has number, due_on and invoice_key; micros are below zero for what is left of a credit document. `money` also has
    credit_id and came_on; micros, above zero, are what is left of a payment or of released deposits.
    """

    documents: sa.Select[Any]
    money: sa.Select[Any]

    def total(self) -> sa.Select[Any]:
        """Currency, and the open amount less the credit left, in halves (`billing.store.sums`)."""
        return self._sums("currency")

    def by_account(self) -> sa.Select[Any]:
        """Account key, currency, and the open amount less the credit left, in halves."""
        return self._sums("account_key", "currency")

    def _sums(self, *names: str) -> sa.Select[Any]:
        owed, left = self.documents.subquery(), self.money.subquery()
        parts = sa.union_all(
            sa.select(*(owed.c[name] for name in names), owed.c.micros),
            sa.select(*(left.c[name] for name in names), (-left.c.micros).label("micros")),
        ).subquery()
        columns = [parts.c[name] for name in names]
        return sa.select(*columns, *halves(parts.c.micros)).group_by(*columns).order_by(*columns)


def standing(connection: sa.Connection, on: dt.date, waiting: sa.Select[Any] | None = None, account_id: str | None = None) -> Standing:
    """The state at the end of `on`, of all accounts or one.

    `waiting`: keys of the invoices that are numbered and not posted; they do not count.
    """
    day = on.isoformat()
    days = write_off_days(connection, from_month=day[:7])
    parts = _parts(day, [seq for seq, date in days.items() if date > day], waiting, account_id).cte("parts")
    return Standing(_documents(day, waiting, account_id, parts), _money(day, account_id, parts))


def write_off_days(connection: sa.Connection, commit_seqs: Collection[int] | None = None, from_month: str = "") -> dict[int, str]:
    """The date of each entry that wrote something off or took that back, by its commit: of some commits, or all from a month on."""
    entry, row = tables.journal_entries.c, tables.postings.c
    query = sa.select(entry.document, entry.kind, entry.commit_seq).where(entry.kind.in_(WRITE_OFF_LEGS), entry.month >= from_month)
    known = {
        ledger.posting_id(document, 0, kind): seq
        for document, kind, seq in connection.execute(query)
        if commit_seqs is None or seq in commit_seqs
    }
    found = {}
    for chunk in chunks(sorted(known)):
        for key, date in connection.execute(sa.select(row.posting_id, row.posted_on).where(row.posting_id.in_(chunk or ()))):
            found[known[key]] = date
    return found


def write_off_ids(connection: sa.Connection, commit_seqs: Collection[int]) -> dict[int, str]:
    """The caller's id of each write-off and of each undoing of one, by its commit, of some commits; empty where none was given."""
    entry = tables.journal_entries.c
    query = sa.select(entry.commit_seq, entry.detail).where(entry.kind.in_(WRITE_OFF_LEGS))
    return {seq: str(msgspec.json.decode(detail).get("reference", "")) for seq, detail in connection.execute(query) if seq in commit_seqs}


def _parts(day: str, late: list[int], waiting: sa.Select[Any] | None, account_id: str | None) -> sa.Select[Any]:
    """The amounts that each credit had settled of each invoice by the end of a day: credit_kind, credit_id, invoice_key, micros."""
    part, invoice, document = tables.settlements.c, tables.invoices, tables.invoices.alias("document")
    payment, cause, release = tables.payments.c, _causes().subquery("cause"), _releases(day).subquery("release")
    came = sa.case(
        (part.credit_kind == PAYMENT, _came(day)),
        (part.credit_kind == DOCUMENT, sa.and_(*_counts(document, day, waiting))),
        (part.credit_kind == DEPOSIT, release.c.micros.is_not(None)),
        else_=sa.true(),
    )
    micros = sa.cast(sa.func.sum(part.amount_micros), tables.INT64)
    names = (part.credit_kind, part.credit_id, part.invoice_key)
    query = (
        sa.select(*names, micros.label("micros"))
        .join_from(tables.settlements, invoice, invoice.c.invoice_key == part.invoice_key)
        .outerjoin(cause, cause.c.commit_seq == part.commit_seq)
        .outerjoin(tables.payments, (part.credit_kind == PAYMENT) & (payment.payment_id == part.credit_id))
        .outerjoin(document, (part.credit_kind == DOCUMENT) & (document.c.number == part.credit_id))
        .outerjoin(release, (part.credit_kind == DEPOSIT) & (release.c.deposit_id == part.credit_id))
        .where(*_counts(invoice, day, waiting), sa.func.coalesce(cause.c.on_date, "") <= day, came)
        .group_by(*names)
        .having((micros > 0) | (part.credit_kind == WRITE_OFF))
    )
    if late:
        query = query.where(part.commit_seq.not_in(sa.bindparam("late", late, expanding=True, literal_execute=True)))
    return query if account_id is None else query.where(invoice.c.account_key == _key_of(account_id))


def _documents(day: str, waiting: sa.Select[Any] | None, account_id: str | None, parts: sa.CTE) -> sa.Select[Any]:
    invoice, event = tables.invoices, tables.payment_events.c
    paid = sa.select(parts.c.invoice_key, _sum(parts.c.micros)).group_by(parts.c.invoice_key).subquery("paid")
    used = sa.select(parts.c.credit_id, _sum(parts.c.micros)).where(parts.c.credit_kind == DOCUMENT)
    spent = used.group_by(parts.c.credit_id).subquery("used")
    gone = sa.select(event.credit_number, _sum(event.amount_micros)).where(event.credit_number.is_not(None), event.on_date <= day)
    out = gone.group_by(event.credit_number).subquery("paid_out")
    row = invoice.c
    micros = row.total_micros - _or_none(paid) + _or_none(spent) + _or_none(out)
    names = (row.account_key, row.currency, row.legal_entity.label("entity"), row.number, row.due_on, row.invoice_key)
    query = (
        sa.select(*names, sa.cast(micros, tables.INT64).label("micros"))
        .select_from(invoice)
        .outerjoin(paid, paid.c.invoice_key == row.invoice_key)
        .outerjoin(spent, spent.c.credit_id == row.number)
        .outerjoin(out, out.c.credit_number == row.number)
        .where(*_counts(invoice, day, waiting), micros != 0)
    )
    return query if account_id is None else query.where(row.account_key == _key_of(account_id))


def _money(day: str, account_id: str | None, parts: sa.CTE) -> sa.Select[Any]:
    payment, deposit, account, event = tables.payments.c, tables.deposits.c, tables.accounts.c, tables.payment_events.c
    signed = sa.case((event.kind == GIVES_BACK, event.amount_micros), else_=-event.amount_micros)
    moved = sa.select(event.payment_id, _sum(signed)).where(event.payment_id.is_not(None), event.on_date <= day)
    back = moved.group_by(event.payment_id).subquery("back")
    paid, held = (_used(parts, kind) for kind in (PAYMENT, DEPOSIT))
    release = _releases(day).subquery("release")
    entity = account.legal_entity.label("entity")
    came = sa.case((_came(day), payment.amount_micros), else_=0)
    left_paid, left_held = came + _or_none(back) - _or_none(paid), release.c.micros - _or_none(held)
    payments = (
        sa.select(
            payment.account_key, payment.currency, entity, payment.payment_id.label("credit_id"), payment.received_on.label("came_on"),
            sa.cast(left_paid, tables.INT64).label("micros"),
        )
        .join_from(tables.payments, tables.accounts)
        .outerjoin(back, back.c.payment_id == payment.payment_id)
        .outerjoin(paid, paid.c.credit_id == payment.payment_id)
        .where(left_paid != 0)
    )  # fmt: skip
    deposits = (
        sa.select(
            deposit.account_key, deposit.currency, entity, deposit.deposit_id, release.c.came_on,
            sa.cast(left_held, tables.INT64).label("micros"),
        )
        .join_from(tables.deposits, tables.accounts)
        .join(release, release.c.deposit_id == deposit.deposit_id)
        .outerjoin(held, held.c.credit_id == deposit.deposit_id)
        .where(left_held != 0)
    )  # fmt: skip
    if account_id is not None:
        payments, deposits = (each.where(account.account_id == account_id) for each in (payments, deposits))
    either = sa.union_all(payments, deposits).subquery("money")
    return sa.select(*either.c)


def _counts(invoice: Any, day: str, waiting: sa.Select[Any] | None) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401 -- the table or an alias
    """A document was issued by the end of a day, and not void."""
    void = voided(until=dt.date.fromisoformat(day))
    found = [invoice.c.issued_on <= day, invoice.c.invoice_key.not_in(void)]
    return found if waiting is None else [*found, invoice.c.invoice_key.not_in(waiting)]


def _came(day: str) -> sa.ColumnElement[bool]:
    """A payment was posted by the end of a day."""
    payment, decision = tables.payments.c, tables.bank_line_decisions.c
    end = dt.datetime.combine(dt.date.fromisoformat(day), dt.time.max, dt.UTC)
    assigned = sa.select(decision.payment_id).where(decision.payment_id.is_not(None), decision.at_us > instant_of(end))
    return (payment.received_on <= day) & payment.payment_id.not_in(assigned)


def _causes() -> sa.Select[Any]:
    """The date of each commit in which money went back, a deposit was released or a document voided: credit may settle something anew."""
    made = [
        sa.select(row.commit_seq, row.on_date).where(condition)
        for row, condition in (
            (tables.payment_events.c, sa.true()),
            (tables.deposit_events.c, sa.true()),
            (tables.invoice_events.c, tables.invoice_events.c.kind == "voided"),
        )
    ]
    either = sa.union_all(*made).subquery("acts")
    return sa.select(either.c.commit_seq, sa.func.max(either.c.on_date).label("on_date")).group_by(either.c.commit_seq)


def _releases(day: str) -> sa.Select[Any]:
    """The amount of each deposit released by the end of a day, and the first date: deposit_id, came_on, micros."""
    event = tables.deposit_events.c
    query = sa.select(event.deposit_id, sa.func.min(event.on_date).label("came_on"), _sum(event.amount_micros))
    return query.where(event.kind == RELEASED, event.on_date <= day).group_by(event.deposit_id)


def _used(parts: sa.CTE, kind: str) -> sa.Subquery:
    query = sa.select(parts.c.credit_id, _sum(parts.c.micros)).where(parts.c.credit_kind == kind)
    return query.group_by(parts.c.credit_id).subquery(f"used_{kind}")


def _sum(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.sum(column), tables.INT64).label("micros")


def _or_none(of: sa.Subquery) -> sa.ColumnElement[int]:
    return sa.func.coalesce(of.c.micros, 0)


def _key_of(account_id: str) -> sa.ScalarSelect[Any]:
    account = tables.accounts.c
    return sa.select(account.account_key).where(account.account_id == account_id).scalar_subquery()
