"""A document in the terms of EN 16931: its signs (credit above zero on a credit note), its rows, its codes. The input of both syntaxes.

Amounts are micro-units, as in the semantic document, and are written in decimals of the currency.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import msgspec

from billing.documents.en16931.profiles import Profile
from billing.documents.semantic.model import Charged, Days, Finding, TaxCategory
from rating.model import PPM

_DECIMALS = 6
OUTSIDE: TaxCategory = "O"


class TaxCurrency(msgspec.Struct, frozen=True):
    """BT-6 and BT-111: the currency in which tax is declared, and the total tax in it, with the sign of the ledger."""

    currency: str
    tax_micros: int


class Attachment(msgspec.Struct, frozen=True):
    """BG-24: a file within the document."""

    name: str
    mime: str
    data: bytes
    description: str = ""


class Price(msgspec.Struct, frozen=True):
    """BT-129, BT-130, BT-146, BT-149: a quantity, and the price of `base` of its unit."""

    quantity: Fraction
    unit: str
    micros: int
    base: int = 1


class NormLine(msgspec.Struct, frozen=True, kw_only=True):
    """BG-25."""

    line_id: str
    name: str
    note: str
    net_micros: int
    price: Price
    category: TaxCategory
    rate_ppm: int
    days: Days
    item_id: str
    object_id: str
    attributes: tuple[tuple[str, str], ...] = ()


class NormPart(msgspec.Struct, frozen=True):
    """BG-20 or BG-21: an allowance or a charge of the document."""

    is_charge: bool
    micros: int
    reason: str
    category: TaxCategory
    rate_ppm: int


class NormTax(msgspec.Struct, frozen=True):
    """BG-23."""

    category: TaxCategory
    rate_ppm: int
    taxable_micros: int
    tax_micros: int
    reason: str = ""
    reason_code: str = ""


class Sums(msgspec.Struct, frozen=True):
    """BG-22."""

    lines_micros: int
    allowances_micros: int
    charges_micros: int
    net_micros: int
    tax_micros: int
    total_micros: int
    prepaid_micros: int
    rounding_micros: int
    due_micros: int


class Norm(msgspec.Struct, frozen=True, kw_only=True):
    """A document by the norm. `source`: the semantic document, for parties and references."""

    source: Charged
    profile: Profile
    type_code: str
    notes: tuple[str, ...]
    period: Days
    due_on: dt.date | None
    terms: str
    means: str
    lines: tuple[NormLine, ...]
    parts: tuple[NormPart, ...]
    taxes: tuple[NormTax, ...]
    sums: Sums
    tax_currency: TaxCurrency | None = None
    attachments: tuple[Attachment, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_credit_note(self) -> bool:
        """True where UBL has it as a CreditNote."""
        return self.type_code == "381"

    @property
    def is_outside(self) -> bool:
        """True where it is outside the scope of tax: no party may have a number of VAT (BR-O-2 to BR-O-4)."""
        return any(tax.category == OUTSIDE for tax in self.taxes)

    def amount(self, micros: int) -> str:
        """An amount in decimals of the currency."""
        return decimal(micros, self.source.minor_digits)


def decimal(micros: int, least: int = 0) -> str:
    """Micro-units as a decimal, with `least` decimal places or as many as it has."""
    whole, rest = divmod(abs(micros), PPM)
    places = f"{rest:0{_DECIMALS}d}".rstrip("0").ljust(least, "0")
    return ("-" if micros < 0 else "") + str(whole) + (f".{places}" if places else "")


def percent(rate_ppm: int) -> str:
    """A rate in percent."""
    return decimal(rate_ppm * 100)


def quantity_text(quantity: Fraction) -> str:
    """A quantity of at most six decimal places."""
    micros = quantity * PPM
    assert micros.denominator == 1, quantity
    return decimal(int(micros))
