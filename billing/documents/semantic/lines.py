"""Lines of a semantic document: stored lines with what showing adds to them, in the order of the page.

A discount is an allowance of the document (BG-20), or a charge (BG-21) where it takes back an earlier one. A document that has nothing but
these has them as lines, since the norm wants one at least.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from billing.documents.semantic.model import Correction, Days, Line, Passes, Role, Unit, Usage
from billing.documents.semantic.taxes import days_of, key_of_group
from rating.model import QuantityUnit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from billing.charges.own_days import Days as OwnDays
    from billing.documents.semantic.taxes import Group, Key
    from billing.documents.showing.lines import ShownLine
    from billing.invoicing import InvoiceLine
    from billing.invoicing.corrections import Issued

_UNITS: Final[dict[int, Unit]] = {
    QuantityUnit.MILLISECOND: "millisecond",
    QuantityUnit.MESSAGE: "message",
    QuantityUnit.BYTE: "byte",
    QuantityUnit.MICRO: "micro",
}
_DISCOUNT: Final = "discount"


def corrections_of(stored: Iterable[InvoiceLine], rows: Iterable[Any], documents: Iterable[Issued]) -> dict[int, Correction]:
    """The corrections of lines, by their numbers. `rows`: the same lines of the database. `documents`: of the account."""
    correcting = {line.line_no for line in stored if line.corrects}
    by_key = {each.invoice_key: each for each in documents}
    before = {row.line_no: by_key.get(row.corrects_invoice_key) for row in rows if row.line_no in correcting}
    return {
        number: Correction("", None) if each is None else Correction(each.number, dt.date.fromisoformat(each.issued_on))
        for number, each in before.items()
    }


def lines_of(
    stored: Sequence[InvoiceLine],
    shown: Mapping[int, ShownLine],
    groups: Mapping[Key, Group],
    corrections: Mapping[int, Correction],
    providers: Mapping[int, str],
) -> tuple[Line, ...]:
    """Lines other than of tax.

    `stored`: in the order of the page. By number of the line: `shown`, `corrections`, and third parties (`providers`).
    """
    charges = [line for line in stored if line.kind != "tax"]
    has_line = any(line.kind != _DISCOUNT and line.line_no not in providers for line in charges)
    return tuple(
        _line(
            line,
            shown[line.line_no],
            groups[key_of_group(line)],
            corrections.get(line.line_no),
            providers.get(line.line_no, ""),
            has_line=has_line,
        )
        for line in charges
    )


def _line(  # noqa: PLR0913 -- a line, and what is known beside it
    line: InvoiceLine, shown: ShownLine, group: Group, correction: Correction | None, provider: str, *, has_line: bool
) -> Line:
    return Line(
        line_no=line.line_no,
        role=_role(line, provider, has_line=has_line),
        kind=line.kind,
        text=line.text,
        amount_micros=line.amount_micros,
        category=group.reasoned.category,
        rate_ppm=group.reasoned.rate_ppm,
        days=days_of(line.period_from, line.period_to),
        charge_code=line.charge_code,
        revenue_code=line.revenue_code,
        tax_class=group.tax_class,
        tax_text=shown.tax_name,
        subscription_id=line.subscription_id,
        charged_days=tuple(map(_days, shown.days)),
        with_tax_micros=shown.with_tax_micros,
        usage=_usage(line, shown),
        correction=correction,
        reference=shown.reference,
        third_party=provider,
    )


def _role(line: InvoiceLine, provider: str, *, has_line: bool) -> Role:
    if provider:
        return "third_party"
    if line.kind != _DISCOUNT or not has_line:
        return "line"
    return "charge" if line.amount_micros > 0 else "allowance"


def _usage(line: InvoiceLine, shown: ShownLine) -> Usage | None:
    """The usage of a line; None for one that is about none, or that credits or corrects an amount alone."""
    if line.kind != "usage" or not (line.events or line.quantity):
        return None
    passes = tuple(Passes(each.name, each.times, each.fees_micros) for each in shown.passes)
    unit = _UNITS[line.quantity_unit]
    return Usage(line.events, line.quantity, line.free_quantity, unit, shown.unit, line.exact_micros, passes)


def _days(span: OwnDays) -> Days:
    return days_of(span.from_date, span.to_date)
