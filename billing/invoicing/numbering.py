"""Numbers without a gap: one serial transaction gives every draft the next number of its series and stores it with its lines.

A series numbers the documents of one type of a legal entity: prefix, dash, ten digits. The entity without a name has R for invoices and C
for credit notes; an opening balance is no document of ours, its numbers are those of O (entity's invoice prefix and O). Drafts get their
numbers in the order in which they are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts import entities
from billing.charges.conservation import WRAP
from billing.invoicing import billed_with
from billing.invoicing.drafts import iso
from billing.invoicing.forms import CREDIT_NOTE, INVOICE, KIND_NAMES, OPENING
from billing.invoicing.numbers import numbers_between
from billing.store import bulk, tables
from billing.store.sums import halves, whole
from rating.dates import NEVER_DAY
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.invoicing.digest import Digest
    from billing.invoicing.drafts import Drafts

SERIES: Final = entities.INVOICES  # of the entity without a name
_STORED: Final = (
    "account_key", "subscription_key", "charge_code", "price_id", "revenue_code", "tax_class", "events", "quantity", "free_quantity",
    "quantity_unit", "exact_micros", "amount_micros",
)  # fmt: skip
_LINES_AT_ONCE: Final = 1_000_000
_KIND_WORDS: Final[Any] = pa.array(
    [{int(kind): name for kind, name in KIND_NAMES.items()}.get(code, "") for code in range(max(KIND_NAMES) + 1)]
)


def number_drafts(  # noqa: PLR0913 -- whose, what, when, and how the documents are meant
    connection: sa.Connection,
    run_id: int,
    drafts: Drafts,
    commit_seq: int,
    *,
    effect: str | None = None,
    corrects: Int64s | None = None,
    digest: Digest | None = None,
) -> int:
    """Store the drafts with their numbers, inside the caller's write transaction. Returns the first invoice_key (0 for no drafts).

    `effect` (outside | advance) is what a credit note's lines mean to reconciliation; `corrects`: the invoice each credit note is about;
    `digest` takes everything that is stored.
    """
    if not drafts:
        return 0
    first_key = 1 + int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(tables.invoices.c.invoice_key), 0))).scalar_one())
    keys = np.arange(first_key, first_key + len(drafts), dtype=np.int64)
    net, tax = drafts.net_micros(), drafts.tax_micros()
    issuers = pa.array([each or None for each in drafts.entities], pa.string())
    heads: dict[str, Any] = {
        "invoice_key": keys,
        "number": _numbers(connection, drafts),
        "account_key": drafts.account_key,
        "run_id": np.full(len(drafts), run_id, np.int64),
        "currency": _named(drafts.currency, pa.array(drafts.currencies, pa.string())),
        "period_from": _dates(drafts.period_from),
        "period_to": _dates(drafts.period_to),
        "issued_on": _same(drafts.issued_on.isoformat(), len(drafts)),
        "due_on": _dates(drafts.due_on),
        "net_micros": net,
        "tax_micros": tax,
        "total_micros": net + tax,
        "commit_seq": np.full(len(drafts), commit_seq, np.int64),
        "document_type": _same(None if drafts.document_type == INVOICE else drafts.document_type, len(drafts)),
        "legal_entity": issuers.take(_index(drafts.entity)),
        "corrects_invoice_key": corrects if corrects is not None else pa.nulls(len(drafts), pa.int64()),
    }
    if digest is not None:
        digest.add(tables.invoices, heads)
    bulk.insert(connection, tables.invoices, heads)
    periods = billed_with.of_lines(connection, run_id, drafts, corrects)
    _store_lines(connection, drafts, keys, periods, effect, digest)
    _require_numbered(connection, first_key, drafts, int(net.sum()), int(tax.sum()))
    return first_key


def _require_numbered(connection: sa.Connection, first_key: int, drafts: Drafts, net_micros: int, tax_micros: int) -> None:
    """Assert, as the database reads it, that what was frozen is numbered: as many documents and lines, and the same sums."""
    invoice, line = tables.invoices.c, tables.invoice_lines.c
    of_drafts = sa.select(sa.func.count(), *halves(invoice.net_micros), *halves(invoice.tax_micros)).where(invoice.invoice_key >= first_key)
    documents, *sums = connection.execute(of_drafts).one()
    of_lines = sa.select(sa.func.count(), *halves(line.amount_micros)).where(line.invoice_key >= first_key)
    lines, *amounts = connection.execute(of_lines).one()
    is_all = (documents, lines) == (len(drafts), len(drafts.lines))
    assert is_all, f"{documents} documents and {lines} lines are numbered, and {len(drafts)} and {len(drafts.lines)} are frozen"
    stored = (whole(*sums[:2]), whole(*sums[2:]), whole(*amounts))
    wanted = (net_micros, tax_micros, net_micros + tax_micros)
    is_same = all((one - other) % WRAP == 0 for one, other in zip(stored, wanted, strict=True))
    strangers = sa.select(sa.func.count()).select_from(tables.invoice_lines.join(tables.invoices, line.invoice_key == invoice.invoice_key))
    strange = connection.execute(strangers.where(invoice.invoice_key >= first_key, line.account_key != invoice.account_key)).scalar_one()
    assert strange == 0, f"{strange} lines are numbered on invoices of other accounts"
    assert is_same, f"numbered net, tax and lines are {stored} micro-units, and the frozen ones {wanted}"


def take_numbers(connection: sa.Connection, series: str, count: int) -> int:
    """The first of `count` numbers of a series that now belong to the caller."""
    table = tables.number_series
    first = connection.execute(sa.select(table.c.next_number).where(table.c.series == series)).scalar_one_or_none()
    if first is None:
        connection.execute(table.insert().values(series=series, next_number=1 + count))
        return 1
    connection.execute(table.update().where(table.c.series == series).values(next_number=first + count))
    return int(first)


def series_of(connection: sa.Connection, entity: str, document_type: str) -> str:
    """The series of an entity's documents. Raises UserError for an entity that is not known."""
    table = tables.legal_entities
    row = connection.execute(sa.select(table).where(table.c.entity == entity)).one_or_none()
    if row is None and entity:
        raise UserError(*entities.unknown(entity))
    prefixes = {INVOICE: SERIES, CREDIT_NOTE: entities.CREDIT_NOTES}
    if row is not None:
        prefixes = {INVOICE: row.invoice_prefix, CREDIT_NOTE: row.credit_prefix}
    return prefixes[document_type] if document_type != OPENING else f"{prefixes[INVOICE]}{entities.OPENING_MARK}"


def _numbers(connection: sa.Connection, drafts: Drafts) -> pa.Array[Any]:
    """The number of each draft: one series after the other, each in the order of the drafts."""
    given = np.empty(len(drafts), object)
    for place in np.unique(drafts.entity).tolist():
        own = np.flatnonzero(drafts.entity == place)
        series = series_of(connection, drafts.entities[place], drafts.document_type)
        given[own] = numbers_between(series, take_numbers(connection, series, len(own)), len(own))
    return pa.array(given, pa.string())


def _store_lines(  # noqa: PLR0913, PLR0917 -- lines, and what each gets beside
    connection: sa.Connection, drafts: Drafts, keys: Int64s, periods: Int64s, effect: str | None, digest: Digest | None
) -> None:
    """All lines, a million at a time, so that the data made for the database stays small. `periods`: with which each is billed."""
    count = np.diff(drafts.first_line)
    draft = np.repeat(np.arange(len(drafts)), count)
    line_no = np.arange(len(drafts.lines)) - drafts.first_line[draft] + 1
    texts = pa.array(drafts.texts, pa.string())
    for start in range(0, len(drafts.lines), _LINES_AT_ONCE):
        part = slice(start, start + _LINES_AT_ONCE)
        lines = drafts.lines[part]
        columns: dict[str, Any] = {name: np.ascontiguousarray(lines[name]) for name in _STORED}
        columns |= {
            "invoice_key": keys[draft[part]],
            "line_no": line_no[part],
            "kind": _named(lines["kind"], _KIND_WORDS),
            "account_key": drafts.account_key[draft[part]],
            "period_from": _dates(lines["period_from"]),
            "period_to": _dates(lines["period_to"]),
            "text": _named(drafts.text[part], texts),
            "corrects_invoice_key": pa.array(lines["corrects"], mask=lines["corrects"] == 0),
            "effect": _same(effect, len(lines)),
            "billed_with": _dates_or_none(periods[part]),
        }
        if digest is not None:
            digest.add(tables.invoice_lines, columns)
        bulk.insert(connection, tables.invoice_lines, columns)


def _dates(days: Int64s) -> pa.Array[Any]:
    """Day numbers as ISO text; a run has few different ones."""
    different, place = np.unique(days, return_inverse=True)
    return _named(place, pa.array([iso(day) for day in different.tolist()], pa.string()))


def _dates_or_none(days: Int64s) -> pa.Array[Any]:
    """The same with null for NEVER_DAY."""
    known = days != NEVER_DAY
    different, place = np.unique(days[known], return_inverse=True)
    index = np.zeros(len(days), np.int32)
    index[known] = place
    places: Any = pa.array(index, mask=~known)
    return pa.DictionaryArray.from_arrays(places, pa.array([iso(day) for day in different.tolist()], pa.string()))


def _named(place: Any, names: pa.Array[Any]) -> pa.Array[Any]:  # noqa: ANN401 -- any array of integers
    """names[place]."""
    return pa.DictionaryArray.from_arrays(_index(place), names)


def _index(place: Any) -> Any:  # noqa: ANN401 -- any array of integers, and one of Arrow
    return pa.array(np.ascontiguousarray(place, np.int32))


def _same(value: str | None, count: int) -> pa.Array[Any]:
    return pa.repeat(pa.scalar(value, pa.string()), count)
