"""The language of a document: of its lines when they are made, and of its page.

A document has the language that holds on its bill date, the date of its run, as that run knew it: of the terms that hold then, else of the
account as it was opened. A credit note about one invoice has the language of that invoice. No table stores it: facts and runs are never
changed, so it is the same whenever it is asked for.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from billing.accounts.facts import account_facts, last_told
from billing.store import tables
from billing.store.prepared import Prepared

if TYPE_CHECKING:
    from billing.store.home import Home


def of_bill(connection: sa.Connection, account_key: int, bill_date: dt.date, seq: int) -> str:
    """The language of a document of an account with this bill date, as of `seq`."""
    row = _ACCOUNT.one_or_none(connection, account_key=account_key)
    assert row is not None, account_key
    if row.fact_id is None:
        return str(row.language)
    terms = account_facts(connection, seq, kinds=("terms",), keys=[account_key])
    return str(last_told(terms, bill_date, "language") or row.language)


def of_document(connection: sa.Connection, invoice_key: int) -> str:
    """The language of a document that was made."""
    row = _DOCUMENT.one_or_none(connection, invoice_key=invoice_key)
    assert row is not None, invoice_key
    return of_bill(connection, row.account_key, dt.date.fromisoformat(row.bill_date), row.pinned_seq)


def of_next(home: Home, connection: sa.Connection, account_key: int, bill_date: dt.date) -> str:
    """The language of a document with this bill date that is made now."""
    return of_bill(connection, account_key, bill_date, home.head_seq(connection))


def _account() -> sa.Select[Any]:
    account, fact = tables.accounts.c, tables.account_facts.c
    terms = sa.select(sa.func.min(fact.fact_id)).where(fact.account_key == account.account_key, fact.kind == "terms").scalar_subquery()
    return sa.select(account.language, terms.label("fact_id")).where(account.account_key == sa.bindparam("account_key"))


def _document() -> sa.Select[Any]:
    own, corrected, run = tables.invoices.c, tables.invoices.alias("corrected"), tables.bill_runs.c
    query = sa.select(own.account_key, run.bill_date, run.pinned_seq).select_from(tables.invoices)
    query = query.outerjoin(corrected, corrected.c.invoice_key == own.corrects_invoice_key)
    query = query.join(tables.bill_runs, run.run_id == sa.func.coalesce(corrected.c.run_id, own.run_id))
    return query.where(own.invoice_key == sa.bindparam("invoice_key"))


_ACCOUNT: Final = Prepared(_account)
_DOCUMENT: Final = Prepared(_document)
