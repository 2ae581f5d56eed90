"""All invoices and credit notes of a home as electronic invoices: faults by the official rules, amounts that are not the ledger's."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from billing import invoicing
from billing.documents.en16931.rules import Rules
from billing.documents.en16931.writing import written
from billing.documents.semantic.invoices import charged
from billing.documents.semantic.model import CreditNote
from billing.invoicing.forms import OPENING
from rating.model import PPM
from tests.billing.documents.en16931.cases import BUYER, SELLER
from tests.billing.documents.en16931.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.semantic.model import Charged
    from billing.store.home import Home

_CENT = Fraction(1, 100)


def differing(home: Home) -> list[str]:
    """Faults of each document of a home. Parties are those of `cases`, and what is exempt has a reason: homes of tests have neither."""
    numbers = [each.number for each in invoicing.list_invoices(home) if each.document_type != OPENING]
    assert numbers
    with Rules() as rules:
        return [f"{number}: {fault}" for number in numbers for fault in faults(rules, with_parties(charged(home, number)))]


def with_parties(document: Charged) -> Charged:
    """A document with both parties, and reasons where no tax is due."""
    taxes = tuple(
        each if each.category in {"S", "Z"} or each.reason else msgspec.structs.replace(each, reason="Exempt") for each in document.taxes
    )
    return msgspec.structs.replace(document, seller=SELLER, buyer=BUYER, taxes=taxes, findings=())


def faults(rules: Rules, document: Charged) -> Iterator[str]:
    """Faults of a document in both syntaxes."""
    sign, totals = (-1 if isinstance(document, CreditNote) else 1), document.totals
    expected = (totals.net_micros, totals.tax_micros, totals.total_micros, totals.due_micros)
    for syntax in ("ubl", "cii"):
        found = written(document, syntax)
        yield from (f"{syntax} {each.rule}: {each.text}" for each in rules.faults(syntax, found.xml))
        back = read(syntax, found.xml)
        if back.sums != tuple(Fraction(sign * micros, PPM) for micros in expected):
            yield f"{syntax} {back.sums} is not {expected}"
        yield from (f"{syntax} {line}" for line in back.lines if abs(line.quantity * line.price / line.base - line.net) > _CENT / 2)
        yield from (each.message for each in found.findings if each.code != "tax_arithmetic")
