"""Books of what customers owe: payments, allocations, receivables, and what dunning did about it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import sqlalchemy as sa

from billing import allocations
from billing.allocations.as_of import standing
from billing.controls.book import book, by_currency
from billing.controls.documents import receivable_balances, waiting, waiting_keys, waiting_query
from billing.controls.steps import step_books
from billing.payments.books import money_books
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.controls.book import Book


def claim_books(connection: sa.Connection) -> Iterator[Book]:
    """Every book that is about open items."""
    for each in money_books(connection, waiting_keys(connection)):
        yield book(*each)
    yield from _receivable_books(connection)
    yield from step_books(connection)


def _receivable_books(connection: sa.Connection) -> Iterator[Book]:
    """Receivables by the ledger, and by open invoices less credit that is not allocated."""
    balances, unposted = receivable_balances(connection), waiting(connection)
    account = tables.accounts.c
    currency_of = {row.account_key: row.currency for row in connection.execute(sa.select(account.account_key, account.currency))}
    open_micros: dict[str, int] = {}
    credit_micros: dict[str, int] = {}
    for item in allocations.open_items(connection):
        currency = currency_of.get(item.account_key, "of no account")
        open_micros[currency] = open_micros.get(currency, 0) + item.open_micros
    for credit in allocations.unallocated(connection):
        currency = currency_of.get(credit.account_key, "of no account")
        credit_micros[currency] = credit_micros.get(currency, 0) + credit.left_micros
    for currency in sorted(balances.keys() | open_micros.keys() | credit_micros.keys()):
        terms = {
            "open items": open_micros.get(currency, 0),
            "credit not allocated": -credit_micros.get(currency, 0),
            "waiting to be posted": -unposted.get(currency, 0),
        }
        name = f"receivables {currency}: ledger = open items"
        yield book(name, balances.get(currency, 0), sum(terms.values()), f"micro-units {currency}", terms)
    yield from _age_books(connection)


def _age_books(connection: sa.Connection) -> Iterator[Book]:
    """Receivables by age through the newest posting: documents and money by their dates, never the ledger."""
    newest = connection.execute(sa.select(sa.func.max(tables.postings.c.posted_on))).scalar_one()
    if newest is None:
        return
    aged = by_currency(connection, standing(connection, dt.date.fromisoformat(newest), waiting_query(connection)).total())
    balances = receivable_balances(connection, through=newest)
    for currency in sorted(aged.keys() | balances.keys()):
        name = f"receivables {currency}: by age = ledger"
        yield book(name, aged.get(currency, 0), balances.get(currency, 0), f"micro-units {currency}")
