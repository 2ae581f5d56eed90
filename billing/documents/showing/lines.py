"""A document line by line with all that a reader needs to check it, and its table of taxes.

Names are in the language that is asked for. Dates are ISO text, spans half open; amounts micro-units.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from billing.charges.own_days import Days, told
from billing.documents.finding import lines_of
from billing.documents.showing.days import own_days
from billing.documents.showing.names import Names, exemption_of, names_of
from billing.documents.showing.passes import Passes, passes_by_line
from billing.invoicing import corrections
from billing.invoicing.corrections import key_of
from billing.invoicing.forms import CREDIT_NOTE, classes_by_sight, sight
from billing.store import tables
from rating.dates import last_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.charges.proration import Span
    from billing.documents.finding import Document
    from billing.invoicing.corrections import Issued
    from billing.store.home import Home


class ShownLine(msgspec.Struct, frozen=True):
    """The further contents of a line beside what is stored.

    `days`: the days of its period that a fee is for; none: all of them, or not known. `with_tax_micros`: where its prices hold tax. `unit`:
    the unit of its shown quantity (GB, MiB, message, purchase; empty: time). `tax_name`: its tax class, where nothing else distinguishes it
    from another line. `reference`: of a charge or credit by hand, where its tax class does not distinguish it either.
    """

    line_no: int
    days: tuple[Days, ...]
    with_tax_micros: int | None
    passes: tuple[Passes, ...]
    unit: str
    tax_name: str
    reference: str = ""


class ShownTax(msgspec.Struct, frozen=True):
    """The tax of a period and class: its base and its amount; `exempt`: it is not paid, and the proof of that."""

    tax_class: int
    period_from: str
    period_to: str
    text: str
    taxed_micros: int
    tax_micros: int
    exempt: bool
    certificate: str


class Shown(msgspec.Struct, frozen=True):
    """`lines`: in their order, without those of tax. `taxes`: of classes that have an amount or a tax."""

    lines: tuple[ShownLine, ...]
    taxes: tuple[ShownTax, ...]


def shown(home: Home, connection: sa.Connection, document: Document, rows: Sequence[Any], language: str | None = None) -> Shown:
    """The further contents of a document with these stored lines; names in `language` (None: that of its account)."""
    names = names_of(home, connection, document, rows, language or document.language)
    days = {row.line_no: own_days(row, names) for row in rows}
    days |= _of_credited(connection, document, rows, names)
    taxes = _taxes(connection, document, rows, names)
    charges = [row for row in rows if row.kind != "tax"]
    holding = any(_holds_tax(row, names) for row in charges)
    passes = passes_by_line(home, document, charges, names)
    gross = _with_tax(home, document, charges) if holding else {}
    alike, classes = collections.Counter(sight(row) for row in charges), classes_by_sight(rows)
    references = _references(home, charges)
    lines = []
    for row in charges:
        tax_name = names.tax_text(names.identity(row), row.tax_class, None) if len(classes[sight(row)]) > 1 else ""
        reference = references.get(row.price_id, "") if row.kind == "adjustment" and alike[sight(row)] > 1 and not tax_name else ""
        of_line = passes.get(row.line_no, ())
        lines.append(ShownLine(row.line_no, told(days[row.line_no]), gross.get(row.line_no), of_line, names.unit(row), tax_name, reference))
    return Shown(tuple(lines), taxes)


def _references(home: Home, charges: Sequence[Any]) -> dict[int, str]:
    """The references of charges and credits by hand, by their ids."""
    row = tables.adjustments.c
    ids = [each.price_id for each in charges if each.kind == "adjustment"]
    if not ids:
        return {}
    with home.connect() as connection:
        query = sa.select(row.adjustment_id, row.reference).where(row.adjustment_id.in_(ids))
        return {int(adjustment_id): reference for adjustment_id, reference in connection.execute(query)}


def _with_tax(home: Home, document: Document, charges: Sequence[Any]) -> dict[int, int]:
    from billing.documents.showing.with_tax import with_tax  # noqa: PLC0415 -- computes again, with the kernels of a run

    with home.connect() as connection:
        earlier = _standing(connection, document)
    return with_tax(home, document, charges, earlier)


def _of_credited(connection: sa.Connection, document: Document, rows: Sequence[Any], names: Names) -> dict[int, tuple[Span, ...]]:
    """The days of lines that a credit note is about."""
    if document.run_kind != CREDIT_NOTE:
        return {}
    credited = lines_of(connection, rows[0].corrects_invoice_key)
    known = {key_of(row): own_days(row, names) for row in credited}
    return {row.line_no: known.get(key_of(row), ()) for row in rows}


def _taxes(connection: sa.Connection, document: Document, rows: Sequence[Any], names: Names) -> tuple[ShownTax, ...]:
    """One for each tax class and period. A class whose lines sum to 0, and that has no tax, is left out."""
    groups: dict[tuple[str, str, int], list[Any]] = {}
    for row in rows:
        groups.setdefault((row.period_from, row.period_to, row.tax_class), []).append(row)
    found = []
    for (period_from, period_to, tax_class), own in sorted(groups.items()):
        tax_lines = [row for row in own if row.kind == "tax"]
        tax = sum(int(row.amount_micros) for row in tax_lines)
        base = sum(int(row.amount_micros) for row in own) - tax
        if not base and not tax:
            continue
        if tax_lines:
            found.append(ShownTax(tax_class, period_from, period_to, tax_lines[0].text, base, tax, exempt=False, certificate=""))
            continue
        last = last_day(period_to)
        identity = names.identity(own[0])
        known = names.price_list.tax_class(identity, tax_class) if identity else None
        exemption = exemption_of(connection, document, last, known.name) if known is not None else None
        rate = names.price_list.rate_ppm(identity, tax_class, last) if known is not None else 0
        text = names.tax_text(identity, tax_class, rate) if rate else ""
        proof = exemption.certificate if exemption is not None else ""
        found.append(ShownTax(tax_class, period_from, period_to, text, base, 0, exempt=exemption is not None, certificate=proof))
    return tuple(found)


def _standing(connection: sa.Connection, document: Document) -> list[Issued]:
    """Documents that counted as billed when one was made."""
    documents = corrections.documents_of(connection, document.account_key)
    own = next(each for each in documents if each.invoice_key == document.invoice_key)
    return [each for each in documents if each.invoice_key < own.invoice_key and each.stood_at(own.commit_seq)]


def _holds_tax(row: Any, names: Names) -> bool:  # noqa: ANN401 -- a row of the database
    identity = names.identity(row)
    return bool(identity) and names.price_list.inclusive(identity)
