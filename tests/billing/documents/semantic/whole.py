"""All invoices and credit notes of a home as semantic documents: what is wrong with them, by an own account of their sums."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from billing import invoicing
from billing.documents.semantic.invoices import charged
from billing.documents.showing.document import document
from billing.invoicing.forms import OPENING
from rating.model import PPM
from server.cli import output
from server.cli.pages import invoice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.semantic.model import Charged
    from billing.documents.showing.document import ShownDocument
    from billing.store.home import Home

OF_PARTIES: Final = ("seller_", "buyer_", "exemption_text")  # codes of findings that facts about parties put right
_HALF_CENT: Final = Fraction(5_000)


def differing(home: Home) -> list[str]:
    """Faults of all invoices and credit notes of a home; findings about parties are none."""
    numbers = [each.number for each in invoicing.list_invoices(home) if each.document_type != OPENING]
    assert numbers
    return [f"{number}: {fault}" for number in numbers for fault in faults(charged(home, number), document(home, number))]


def faults(found: Charged, shown: ShownDocument) -> Iterator[str]:
    """Faults of one document, whose amounts are compared with those of its page."""
    yield from (each.message for each in found.findings if not each.code.startswith(OF_PARTIES))
    stored = shown.stored
    net = sum(Fraction(line.amount_micros) for line in stored.lines if line.kind != "tax")
    tax = sum(Fraction(line.amount_micros) for line in stored.lines if line.kind == "tax")
    totals = found.totals
    others = Fraction(totals.third_parties_micros)
    sums = (totals.net_micros + others, Fraction(totals.tax_micros), totals.total_micros + others)
    if sums != (net, tax, Fraction(stored.summary.total_micros)):
        yield f"sums {sums}, stored {net}, {tax}"
    by_hand = Fraction(totals.lines_micros) - totals.allowances_micros + totals.charges_micros
    if (by_hand, by_hand + totals.tax_micros) != (totals.net_micros, totals.total_micros):
        yield f"lines do not come to net: {totals}"
    if totals.total_micros - totals.prepaid_micros + totals.rounding_micros != totals.due_micros:
        yield f"amount due: {totals}"
    for row in found.taxes:
        bound = _HALF_CENT * (1 + Fraction(row.rate_ppm, PPM)) * len(row.parts)  # prices with tax: gross less the rounded net
        if abs(row.off_micros) > bound and not any(part.correction for part in row.parts):
            yield f"tax {row.tax_micros} of {row.taxable_micros} at {row.rate_ppm}"
    yield from _not_on_page(found, "\n".join(invoice.page(stored, found.language, shown.more)))


def _not_on_page(found: Charged, page: str) -> Iterator[str]:
    amounts = {line.amount_micros for line in found.lines} | {line.with_tax_micros for line in found.lines}
    amounts |= {each for row in found.taxes for part in row.parts for each in (part.taxable_micros, part.tax_micros)}
    amounts |= {found.totals.net_micros, found.totals.tax_micros, found.totals.total_micros} if not found.third_parties else set()
    words = set(page.split())
    yield from (
        f"{micros} is not on the page" for micros in amounts if micros is not None and output.amount(micros, found.currency) not in words
    )
