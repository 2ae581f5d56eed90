"""Statements, dunning letters and deposit receipts as semantic documents, from what is stored. Data that is missing is a finding.

They are in the language that terms of the account name for their day, else in that of the account.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts.lookup import unknown_account
from billing.documents.semantic import findings
from billing.documents.semantic.letters import DepositReceipt, DunningLetter, Entry, OpenItem, Statement
from billing.documents.semantic.model import VERSION, Days
from billing.documents.semantic.reading import Customer, Parties, parties_on, payment_of
from billing.documents.semantic.subjects import notes_of
from billing.invoicing import languages
from billing.payments import statement as statements
from billing.store import tables
from rating.dates import NEVER, day_after
from rating.errors import NotFoundError
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from billing.store.home import Home

_MINOR_DIGITS: Final = 2  # of a currency that is in no list


class _Letter(NamedTuple):
    """The header of a letter, and both parties."""

    header: dict[str, Any]
    parties: Parties


def statement(home: Home, account_id: str, on: dt.date, days: Days | None = None) -> Statement:
    """The statement of an account, dated on a day, of a span (None: of all time). Raises NotFoundError for an unknown account."""
    with home.connect() as connection:
        letter = _letter(connection, account_id, on, "", "statement")
    language = letter.header["language"].partition("-")[0]
    words = language if language in statements.WORDS else "en"
    first, end = (None, None) if days is None else (days.first, day_after(days.last))
    found = statements.statement(home, account_id, first, end, words)
    assert found.opening_micros + sum(each.amount_micros for each in found.entries) == found.closing_micros
    entries = (
        Entry(_day(each.on_date), each.kind, each.document, each.text, _day_or_none(each.due_on), each.amount_micros, each.balance_micros)
        for each in found.entries
    )
    items = tuple(OpenItem(each.number, _day(each.due_on), each.open_micros, each.part_no) for each in found.open_items)
    return Statement(
        **letter.header,
        days=days,
        opening_micros=found.opening_micros,
        entries=tuple(entries),
        closing_micros=found.closing_micros,
        deposits_held_micros=found.deposits_held_micros,
        open_items=items,
        payment=payment_of(account_id, found.currency, found.closing_micros, letter.parties.seller),
    )


def dunning_letter(home: Home, step_id: int) -> DunningLetter:
    """The letter of a step of dunning. Raises NotFoundError where there is none."""
    step, account = tables.dunning_steps.c, tables.accounts.c
    query = sa.select(tables.dunning_steps, account.account_id).join(tables.accounts, account.account_key == step.account_key)
    with home.connect() as connection:
        row = connection.execute(query.where(step.step_id == step_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"no step of dunning has the number {step_id}", "`ratewright dunning list` shows runs with their steps")
        letter = _letter(connection, row.account_id, _day(row.as_of), "", "dunning")
    return DunningLetter(
        **letter.header,
        level=row.level,
        action=row.action,
        overdue_micros=row.overdue_micros,
        oldest_due_on=_day_or_none(row.oldest_due_on),
        payment=payment_of(row.account_id, letter.header["currency"], row.overdue_micros, letter.parties.seller),
    )


def deposit_receipt(home: Home, deposit_id: str) -> DepositReceipt:
    """The receipt of a deposit. Raises NotFoundError where there is none."""
    deposit, account = tables.deposits.c, tables.accounts.c
    query = sa.select(tables.deposits, account.account_id).join(tables.accounts, account.account_key == deposit.account_key)
    with home.connect() as connection:
        row = connection.execute(query.where(deposit.deposit_id == deposit_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"no deposit has the id {deposit_id}", "`ratewright payment deposit list` shows all")
        letter = _letter(connection, row.account_id, _day(row.received_on), deposit_id, "deposit")
    return DepositReceipt(**letter.header, amount_micros=row.amount_micros, reference=row.reference)


def _letter(connection: sa.Connection, account_id: str, on: dt.date, number: str, subject: str) -> _Letter:
    """`subject`: the name of legal texts that such a letter alone has."""
    account = tables.accounts.c
    row = connection.execute(sa.select(tables.accounts).where(account.account_id == account_id)).one_or_none()
    if row is None:
        raise unknown_account(connection, account_id)
    language = languages.of_bill(connection, row.account_key, on, NEVER)
    parties = parties_on(connection, Customer(row.account_key, account_id, row.legal_entity or "", row.currency), on)
    header = {
        "number": number,
        "issued_on": on,
        "currency": row.currency,
        "minor_digits": MINOR_DIGITS.get(row.currency, _MINOR_DIGITS),
        "language": language,
        "seller": parties.seller,
        "buyer": parties.buyer,
        "notes": notes_of(parties.issuer, subject, language),
        "findings": (*findings.of_seller(parties.seller, row.currency), *findings.of_buyer(parties.buyer)),
        "version": VERSION,
    }
    return _Letter(header, parties)


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _day_or_none(text: str | None) -> dt.date | None:
    return _day(text) if text else None
