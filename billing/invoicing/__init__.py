"""Invoices: numbered without a gap in one transaction, never changed afterwards, and read with their lines.

Numbers are `R-0000000001` and so on, in the order in which drafts are given. Amounts are micro-units in the account's currency, rounded
to its minor unit; net + tax = total. Dates are ISO text in the account's zone, half open.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.allocations import open_micros
from billing.charges.lines import KEY_FIELDS, LINE, Kind, Lines, empty
from billing.store import database, tables
from rating.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.home import Home

SERIES: Final = "R"
NUMBER_DIGITS: Final = 10
EPOCH: Final = dt.date(1970, 1, 1)
KIND_NAMES: Final = {Kind.RECURRING: "recurring", Kind.ONE_OFF: "one_off", Kind.USAGE: "usage", Kind.TAX: "tax"}
_KINDS: Final = {name: int(kind) for kind, name in KIND_NAMES.items()}
PAGE_SIZE: Final = 100


class LineDraft(msgspec.Struct, frozen=True):
    """One line of an invoice; the fields of `tables.invoice_lines`."""

    kind: str
    subscription_key: int
    charge_code: int
    price_id: int
    revenue_code: int
    tax_class: int
    period_from: str
    period_to: str
    text: str
    events: int
    quantity: int
    free_quantity: int
    quantity_unit: int
    exact_micros: int
    amount_micros: int


class InvoiceDraft(msgspec.Struct, frozen=True):
    """An invoice without its number."""

    account_key: int
    currency: str
    period_from: str
    period_to: str
    issued_on: str
    due_on: str
    lines: tuple[LineDraft, ...]

    @property
    def net_micros(self) -> int:
        """Sum of all lines but tax."""
        return sum(line.amount_micros for line in self.lines if line.kind != "tax")

    @property
    def tax_micros(self) -> int:
        """Sum of the tax lines."""
        return sum(line.amount_micros for line in self.lines if line.kind == "tax")


class InvoiceSummary(msgspec.Struct, frozen=True):
    """An issued invoice as lists show it. `open_micros` is what payments and credit have not covered yet, negative for credit."""

    number: str
    account_id: str
    account_name: str
    run_id: int
    currency: str
    period_from: str
    period_to: str
    issued_on: str
    due_on: str
    net_micros: int
    tax_micros: int
    total_micros: int
    open_micros: int


class InvoiceLine(LineDraft, frozen=True, kw_only=True):
    """A line of an issued invoice. `corrects` is True when an earlier invoice of the account billed its period."""

    line_no: int
    subscription_id: str
    corrects: bool


class Invoice(msgspec.Struct, frozen=True):
    """An issued invoice with its lines in order."""

    summary: InvoiceSummary
    language: str
    lines: tuple[InvoiceLine, ...]


def number_drafts(connection: sa.Connection, run_id: int, drafts: Sequence[InvoiceDraft], commit_seq: int) -> list[str]:
    """Give every draft the next number and store it with its lines, inside the caller's write transaction. Returns the numbers."""
    first = _take_numbers(connection, len(drafts))
    numbers = [f"{SERIES}-{first + place:0{NUMBER_DIGITS}d}" for place in range(len(drafts))]
    if not drafts:
        return numbers
    first_key = 1 + connection.execute(sa.select(sa.func.coalesce(sa.func.max(tables.invoices.c.invoice_key), 0))).scalar_one()
    database.insert(
        connection,
        tables.invoices,
        [
            {
                "invoice_key": first_key + place,
                "number": number,
                "account_key": draft.account_key,
                "run_id": run_id,
                "currency": draft.currency,
                "period_from": draft.period_from,
                "period_to": draft.period_to,
                "issued_on": draft.issued_on,
                "due_on": draft.due_on,
                "net_micros": draft.net_micros,
                "tax_micros": draft.tax_micros,
                "total_micros": draft.net_micros + draft.tax_micros,
                "commit_seq": commit_seq,
            }
            for place, (number, draft) in enumerate(zip(numbers, drafts, strict=True))
        ],
    )
    database.insert(
        connection,
        tables.invoice_lines,
        [
            {"invoice_key": first_key + place, "line_no": line_no, "account_key": draft.account_key, **msgspec.structs.asdict(line)}
            for place, draft in enumerate(drafts)
            for line_no, line in enumerate(draft.lines, start=1)
        ],
    )
    return numbers


def billed_lines(connection: sa.Connection, period_from: dt.date) -> Lines:
    """All lines that invoices have billed for periods that begin on or after `period_from`, by charge key; labels stay 0."""
    line = tables.invoice_lines.c
    columns = [line[name] for name in (*KEY_FIELDS, "amount_micros", "exact_micros", "events", "quantity", "free_quantity")]
    columns += [line.revenue_code, line.quantity_unit]
    rows = connection.execute(sa.select(*columns).where(line.period_from >= period_from.isoformat())).all()
    if not rows:
        return empty()
    result = np.zeros(len(rows), LINE)
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        result[column.name] = _numbers_of(column.name, values)
    return result


def digest(connection: sa.Connection, run_id: int) -> tuple[int, int]:
    """How many lines the invoices of a run have, and 53 bits that stand for every field of all of them (a whole number in any JSON)."""
    invoice, line = tables.invoices, tables.invoice_lines
    heads = sa.select(invoice).where(invoice.c.run_id == run_id).order_by(invoice.c.invoice_key)
    body = sa.select(line).where(line.c.invoice_key.in_(sa.select(invoice.c.invoice_key).where(invoice.c.run_id == run_id)))
    hasher = hashlib.blake2b(digest_size=8)
    rows = 0
    for row in connection.execute(heads):
        hasher.update(msgspec.json.encode(tuple(row)))
    for row in connection.execute(body.order_by(line.c.invoice_key, line.c.line_no)):
        hasher.update(msgspec.json.encode(tuple(row)))
        rows += 1
    return rows, int.from_bytes(hasher.digest(), "big") >> 11


def list_invoices(home: Home, account_id: str | None = None, *, after: str = "", limit: int | None = None) -> list[InvoiceSummary]:
    """Issued invoices by number, of one account or all, beginning after the number `after`."""
    with home.connect() as connection:
        if account_id is not None:
            _require_account(connection, account_id)
        query = _summaries().where(tables.invoices.c.number > after).order_by(tables.invoices.c.number)
        if account_id is not None:
            query = query.where(tables.accounts.c.account_id == account_id)
        if limit is not None:
            query = query.limit(limit)
        return [InvoiceSummary(*row[1:14]) for row in connection.execute(query)]


def get_invoice(home: Home, number: str) -> Invoice:
    """One invoice with its lines. Raises NotFoundError when there is no such number."""
    with home.connect() as connection:
        row = connection.execute(_summaries().where(tables.invoices.c.number == number)).one_or_none()
        if row is None:
            raise NotFoundError(f"no invoice has the number {number}", "`ratewright invoice list` shows all numbers")
        return Invoice(
            InvoiceSummary(*row[1:14]), row.language, _lines(connection, row.invoice_key, _billed_to(connection, row.invoice_key))
        )


def _take_numbers(connection: sa.Connection, count: int) -> int:
    """The first of `count` numbers that now belong to the caller."""
    series = tables.number_series
    first = connection.execute(sa.select(series.c.next_number).where(series.c.series == SERIES)).scalar_one_or_none()
    if first is None:
        connection.execute(series.insert().values(series=SERIES, next_number=1 + count))
        return 1
    connection.execute(series.update().where(series.c.series == SERIES).values(next_number=first + count))
    return int(first)


def _numbers_of(name: str, values: Sequence[Any]) -> Any:  # noqa: ANN401 -- a column as numpy takes it
    """Text columns as the numbers they stand for in LINE."""
    if name == "kind":
        return [_KINDS[value] for value in values]
    if name in {"period_from", "period_to"}:
        days = {value: (dt.date.fromisoformat(value) - EPOCH).days for value in set(values)}
        return [days[value] for value in values]
    return values


def _summaries() -> sa.Select[Any]:
    invoice, account = tables.invoices.c, tables.accounts.c
    names = ("run_id", "currency", "period_from", "period_to", "issued_on", "due_on", "net_micros", "tax_micros", "total_micros")
    columns = (invoice.invoice_key, invoice.number, account.account_id, account.name, *(invoice[name] for name in names))
    query = sa.select(*columns, open_micros().label("open_micros"), account.language)
    return query.join_from(tables.invoices, tables.accounts)


def _billed_to(connection: sa.Connection, invoice_key: int) -> str:
    """Up to which date earlier invoices of the same account went; empty if there are none."""
    invoice = tables.invoices.c
    account_key = sa.select(invoice.account_key).where(invoice.invoice_key == invoice_key).scalar_subquery()
    query = sa.select(sa.func.max(invoice.period_to)).where(invoice.account_key == account_key, invoice.invoice_key < invoice_key)
    return connection.execute(query).scalar_one() or ""


def _lines(connection: sa.Connection, invoice_key: int, billed_to: str) -> tuple[InvoiceLine, ...]:
    line, subscription = tables.invoice_lines, tables.subscriptions
    query = (
        sa.select(line, subscription.c.subscription_id)
        .outerjoin(subscription, subscription.c.subscription_key == line.c.subscription_key)
        .where(line.c.invoice_key == invoice_key)
        .order_by(line.c.line_no)
    )
    names = LineDraft.__struct_fields__
    return tuple(
        InvoiceLine(
            *(row._mapping[name] for name in names),  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping
            line_no=row.line_no,
            subscription_id=row.subscription_id or "",
            corrects=row.period_to <= billed_to,
        )
        for row in connection.execute(query)
    )


def _require_account(connection: sa.Connection, account_id: str) -> None:
    account = tables.accounts.c
    if connection.execute(sa.select(account.account_key).where(account.account_id == account_id)).first() is None:
        raise NotFoundError(f"no account has the id {account_id}", "give the id as it stands in accounts.csv")
