"""Lists of documents that an index serves: conditions and an order, and the refusal of a list for which all documents would be read.

Of one account any condition and order is served: its documents are few. Of all accounts a list is served

    in the order of the numbers     alone, or with bounds of `number`, or those of a run
    in the order of the days of issue, which have bounds on both sides

and further conditions are looked at within such bounds on both sides, or within a run.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.allocations import open_micros
from billing.invoicing.forms import INVOICE
from billing.invoicing.reading import InvoiceSummary, require_account, summaries
from billing.store import tables
from billing.store.pages import in_pages
from billing.store.prepared import Prepared
from billing.store.voids import is_void
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.store.home import Home

NUMBER, ISSUED, DUE, TOTAL = "number", "issue_date", "due_date", "total"
ACCOUNT, RUN, VOID, OPEN, TYPE = "account", "run_id", "void", "open", "document_type"
NET, TAX, OPEN_AMOUNT = "net", "tax", "open_amount"
AMOUNTS: Final = (TOTAL, NET, TAX, OPEN_AMOUNT)
DAYS: Final = (ISSUED, DUE)
ORDERS: Final = (NUMBER, ISSUED, DUE, TOTAL)
_COMPARED: Final = {"=": operator.eq, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
_REMEDY: Final = "name one account, or bounds of number, issue_date (with that order) or a run_id"


class Condition(NamedTuple):
    """A field, one of `= < > <= >=`, and a value as the field has it: text, micro-units, a number, or whether it is so."""

    field: str
    compared: str
    value: str | int | bool


class Listing(NamedTuple):
    """The list that is asked for. `account_id`: None for all accounts."""

    account_id: str | None
    conditions: Sequence[Condition] = ()
    order: str = NUMBER
    descending: bool = False


class NotServedError(UserError):
    """No index serves the list: it would read every document."""


def list_page(home: Home, listing: Listing, *, after: str = "", limit: int) -> list[InvoiceSummary]:
    """At most `limit` documents of a list, beginning behind the number `after`. Raises NotFoundError for an unknown account."""
    query = select(listing, after, limit)
    with home.connect() as connection:
        if listing.account_id is not None:
            require_account(connection, listing.account_id)
        return [InvoiceSummary(*row[1:-2]) for row in connection.execute(query)]


class Owner(NamedTuple):
    """The account of a document. `legal_entity`: whose invoices it gets; None for the one without a name."""

    account_id: str
    account_key: int
    legal_entity: str | None


def owner(home: Home, number: str) -> Owner | None:
    """The account of a document; None where there is no document of that number."""
    with home.connect() as connection:
        found = _OWNER.one_or_none(connection, number=number)
    return None if found is None else Owner(*found)


def _owner_of() -> sa.Select[Any]:
    account = tables.accounts.c
    query = sa.select(account.account_id, account.account_key, account.legal_entity).join_from(tables.invoices, tables.accounts)
    return query.where(tables.invoices.c.number == sa.bindparam("number"))


_OWNER: Final = Prepared(_owner_of)


def of_run(home: Home, run_id: int, account_id: str | None = None) -> list[InvoiceSummary]:
    """The documents of a run by number, of one account or all."""
    listing = Listing(account_id, (Condition(RUN, "=", run_id),))
    with home.connect() as connection:
        return [InvoiceSummary(*row[1:-2]) for row in connection.execute(select(listing))]


def select(listing: Listing, after: str = "", limit: int | None = None) -> sa.Select[Any]:
    """The query of a list. Raises NotServedError."""
    require_served(listing)
    invoice = tables.invoices.c
    query = summaries(of_few=True)
    if listing.account_id is not None:
        query = query.where(tables.accounts.c.account_id == listing.account_id)
    columns = _columns()
    for field, compared, value in listing.conditions:
        if field in {VOID, OPEN}:
            query = query.where(columns[field] if value else sa.not_(columns[field]))
        else:
            query = query.where(_COMPARED[compared](columns[field], value))
    order = (invoice.number,) if listing.order == NUMBER else (columns[listing.order], invoice.number)
    return in_pages(query, order, invoice.number, after, limit, descending=listing.descending)


def require_served(listing: Listing) -> None:
    """Raises NotServedError where every document of all accounts would be read, or sorted."""
    if listing.account_id is not None or any(each.field == ACCOUNT for each in listing.conditions):
        return
    fields = [each.field for each in listing.conditions]
    if RUN in fields:
        return
    if listing.order == NUMBER and _is_bound(listing, NUMBER):
        return
    if listing.order == ISSUED and _is_bound(listing, ISSUED):
        return
    apart = sorted({field for field in fields if field != listing.order})
    if listing.order not in {NUMBER, ISSUED}:
        raise NotServedError(f"no index has the documents of all accounts by {listing.order}", _REMEDY, exit_status=2)
    if apart:
        raise NotServedError(f"no index finds documents of all accounts by {', '.join(apart)} alone", _REMEDY, exit_status=2)


def _is_bound(listing: Listing, field: str) -> bool:
    """Return whether a field has bounds on both sides."""
    sides = {each.compared[0] for each in listing.conditions if each.field == field}
    return "=" in sides or {"<", ">"} <= sides


def _columns() -> dict[str, sa.ColumnElement[Any]]:
    invoice = tables.invoices.c
    return {
        NUMBER: invoice.number,
        ISSUED: invoice.issued_on,
        DUE: invoice.due_on,
        TOTAL: invoice.total_micros,
        NET: invoice.net_micros,
        TAX: invoice.tax_micros,
        OPEN_AMOUNT: open_micros(of_few=True),
        ACCOUNT: tables.accounts.c.account_id,
        RUN: invoice.run_id,
        VOID: is_void(invoice.invoice_key),
        OPEN: open_micros(of_few=True) != 0,
        TYPE: sa.func.coalesce(invoice.document_type, INVOICE),
    }
