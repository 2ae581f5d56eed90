"""Amounts of an electronic invoice, read back from its XML."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from billing.documents.en16931.profiles import Syntax

_SUMS: Final = {
    "ubl": ("{*}LegalMonetaryTotal/{*}TaxExclusiveAmount", "{*}TaxTotal/{*}TaxAmount", "{*}LegalMonetaryTotal/{*}TaxInclusiveAmount",
            "{*}LegalMonetaryTotal/{*}PayableAmount"),
    "cii": (".//{*}TaxBasisTotalAmount", ".//{*}TaxTotalAmount", ".//{*}GrandTotalAmount", ".//{*}DuePayableAmount"),
}  # fmt: skip
_LINES: Final = {"ubl": ("{*}InvoiceLine", "{*}CreditNoteLine"), "cii": (".//{*}IncludedSupplyChainTradeLineItem",)}
_PRICE: Final = {
    "ubl": (("{*}InvoicedQuantity", "{*}CreditedQuantity"), "{*}Price/{*}PriceAmount", "{*}Price/{*}BaseQuantity",
            "{*}LineExtensionAmount"),
    "cii": ((".//{*}BilledQuantity",), ".//{*}ChargeAmount", ".//{*}BasisQuantity", ".//{*}LineTotalAmount"),
}  # fmt: skip


class ReadLine(NamedTuple):
    """Quantity, price, the quantity that the price is for, net amount."""

    quantity: Fraction
    price: Fraction
    base: Fraction
    net: Fraction


class Read(NamedTuple):
    """Sums in units of the currency: net, tax, total, due; and lines."""

    sums: tuple[Fraction, ...]
    lines: list[ReadLine]


def read(syntax: Syntax, xml: bytes) -> Read:
    """Sums and lines of a file."""
    root = ET.fromstring(xml)  # noqa: S314 -- written by us
    sums = tuple(Fraction(root.findtext(path, "")) for path in _SUMS[syntax])
    quantities, price, base, net = _PRICE[syntax]
    lines = []
    for each in (found for path in _LINES[syntax] for found in root.findall(path)):
        quantity = next(text for text in map(each.findtext, quantities) if text)
        lines.append(
            ReadLine(*(Fraction(text) for text in (quantity, each.findtext(price, ""), each.findtext(base, "1"), each.findtext(net, ""))))
        )
    return Read(sums, lines)
