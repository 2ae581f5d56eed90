"""The table of taxes of a document: its stored lines by category and rate, and within these by class and period.

A class and period is what a document taxes at once, and what its page shows. Its category is that of all its lines.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from billing.accounts.parties.kinds import Exemption
from billing.documents.finding import Document
from billing.documents.semantic.categories import Reasoned, Status, category_of
from billing.documents.semantic.model import Correction, Days, Tax, TaxPart
from billing.documents.showing.names import Names, exemption_of
from rating.dates import last_day

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Key = tuple[str, str, int]  # period_from, period_to, tax_class


class Group(NamedTuple):
    """The lines of a document of one period and class. `rates`: of all catalogues behind them, one in general."""

    key: Key
    reasoned: Reasoned
    tax_class: str
    text: str
    net_micros: int
    tax_micros: int
    certificate: str
    rates: frozenset[int]
    correction: Correction | None


def key_of_group(row: Any) -> Key:  # noqa: ANN401 -- a row of invoice_lines
    """The period and class of a stored line."""
    return row.period_from, row.period_to, row.tax_class


class Context(NamedTuple):
    """The document whose taxes are worked out. `exemptions`: the issuer's facts by name. `corrections`: by number of the line."""

    connection: sa.Connection
    document: Document
    names: Names
    exemptions: Mapping[str, Exemption]
    corrections: Mapping[int, Correction]


def groups_of(context: Context, rows: Sequence[Any]) -> dict[Key, Group]:
    """The lines of a document by period and class."""
    of_key: dict[Key, list[Any]] = {}
    for row in rows:
        of_key.setdefault(key_of_group(row), []).append(row)
    return {key: _group(context, key, own) for key, own in sorted(of_key.items())}


def table_of(groups: Iterable[Group], third_party_micros: Mapping[Key, int]) -> tuple[Tax, ...]:
    """Rows by category and rate, of classes that have an amount or a tax. `third_party_micros`: what of a group's net is not taxed here."""
    rows: dict[tuple[str, int], list[tuple[Group, TaxPart]]] = {}
    for group in groups:
        net_micros = group.net_micros - third_party_micros.get(group.key, 0)
        if not net_micros and not group.tax_micros:
            continue
        part = TaxPart(
            group.tax_class, group.text, days_of(*group.key[:2]), net_micros, group.tax_micros, group.certificate, group.correction
        )
        rows.setdefault((group.reasoned.category, group.reasoned.rate_ppm), []).append((group, part))
    return tuple(_row(own) for _, own in sorted(rows.items(), key=lambda each: (-each[0][1], each[0][0])))


def days_of(period_from: str, period_to: str) -> Days:
    """A half-open span of ISO dates with its last day."""
    return Days(dt.date.fromisoformat(period_from), last_day(period_to))


def _row(own: Sequence[tuple[Group, TaxPart]]) -> Tax:
    first = own[0][0].reasoned
    parts = tuple(part for _, part in own)
    return Tax(
        category=first.category,
        rate_ppm=first.rate_ppm,
        taxable_micros=sum(part.taxable_micros for part in parts),
        tax_micros=sum(part.tax_micros for part in parts),
        parts=parts,
        reason="; ".join(dict.fromkeys(group.reasoned.reason for group, _ in own if group.reasoned.reason)),
        reason_code=_one({group.reasoned.code for group, _ in own if group.reasoned.code}),
        source=first.source,
    )


def _one(texts: Collection[str]) -> str:
    """The text where there is one; several codes cannot stand for one reason."""
    return next(iter(texts)) if len(texts) == 1 else ""


def _group(context: Context, key: Key, own: Sequence[Any]) -> Group:
    connection, document, names, exemptions, corrections = context
    last = last_day(key[1])
    tax_lines = [row for row in own if row.kind == "tax"]
    tax_micros = sum(int(row.amount_micros) for row in tax_lines)
    net_micros = sum(int(row.amount_micros) for row in own) - tax_micros
    identities = list(dict.fromkeys(names.identity(row) for row in (*tax_lines, *own)))
    identity = identities[0]
    known = names.price_list.tax_class(identity, key[2]) if identity else None
    rates = [names.price_list.rate_ppm(each, key[2], last) for each in identities if each]
    exemption = exemption_of(connection, document, last, known.name) if known is not None and not tax_lines else None
    status = Status(
        known.name if known is not None else "",
        rates[0] if rates else 0,
        exemption is not None,
        exemption.place if exemption is not None else "",
        bool(tax_lines),
    )
    text = tax_lines[0].text if tax_lines else names.tax_text(identity, key[2], status.rate_ppm) if status.rate_ppm else ""
    proof = exemption.certificate if exemption is not None else ""
    reasoned = category_of(status, exemptions, document.language)
    corrected = next((corrections[row.line_no] for row in tax_lines if row.line_no in corrections), None)
    return Group(key, reasoned, status.tax_class, text, net_micros, tax_micros, proof, frozenset(rates), corrected)
