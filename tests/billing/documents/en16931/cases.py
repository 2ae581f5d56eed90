"""Documents by hand for electronic invoices: a seller in Berlin, a public buyer in Bonn, lines as (cents, category, rate)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from billing.accounts.parties.kinds import Address, BankAccount, Contact, ElectronicAddress, References
from billing.documents.semantic.model import (
    CreditNote,
    Days,
    Invoice,
    Line,
    Payment,
    Preceding,
    Settled,
    Tax,
    ThirdParty,
)
from billing.documents.semantic.parties import Buyer, Seller
from billing.documents.semantic.sums import totals_of
from rating.model import PPM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.documents.semantic.model import Role, TaxCategory

CENT: Final = 10_000
OCTOBER: Final = Days(dt.date(2025, 10, 1), dt.date(2025, 10, 31))
BANK: Final = BankAccount("Example Telecom GmbH", iban="DE89370400440532013000", bic="COBADEFFXXX")
SELLER: Final = Seller(
    "berlin",
    "Example Telecom GmbH",
    register_id="HRB 12345",
    vat_id="DE136695976",
    electronic_address=ElectronicAddress("9930", "DE136695976"),
    address=Address("Berlin", "DE", "Lange Straße", "1", postal_code="10117"),
    contact=Contact("Billing desk", "bill@example.com", "+49 30 1234567"),
    bank_accounts=(BANK,),
)
BUYER: Final = Buyer(
    "anna",
    "City of Bonn",
    "public",
    vat_id="DE123475223",
    electronic_address=ElectronicAddress("0204", "04011000-12345-34"),
    address=Address("Bonn", "DE", "Markt", "2", postal_code="53111"),
    references=References("04011000-12345-34", "PO-7", "C-1", "P-1", "4711"),
)
REASONS: Final[dict[str, tuple[str, str]]] = {
    "E": ("Exempt by article 132", ""),
    "AE": ("Reverse charge", "VATEX-EU-AE"),
    "O": ("Not subject to VAT", "VATEX-EU-O"),
    "G": ("Export", "VATEX-EU-G"),
    "K": ("Intra-community supply", "VATEX-EU-IC"),
}


def line(number: int, cents: int, category: TaxCategory = "S", rate_ppm: int = 190_000, role: Role = "line", **more: Any) -> Line:  # noqa: ANN401 -- fields of a struct
    """A line; what is not said is that of a fee for October."""
    values: dict[str, Any] = {
        "line_no": number, "role": role, "kind": "recurring", "text": f"Fee {number}", "amount_micros": cents * CENT, "category": category,
        "rate_ppm": rate_ppm, "days": OCTOBER, "charge_code": 200, "revenue_code": 4000, "subscription_id": "anna-1",
    }  # fmt: skip
    return Line(**(values | more))


def taxes_of(lines: Sequence[Line]) -> tuple[Tax, ...]:
    """The tax table of lines: by category and rate, the product rounded half away from zero."""
    sums: dict[tuple[TaxCategory, int], int] = {}
    for each in lines:
        if each.role != "third_party":
            key = (each.category, each.rate_ppm)
            sums[key] = sums.get(key, 0) + each.amount_micros // CENT
    return tuple(_tax(category, rate, cents) for (category, rate), cents in sums.items())


def document(
    lines: Sequence[Line],
    settled_cents: int = 0,
    third: Sequence[ThirdParty] = (),
    *,
    is_credit_note: bool = False,
    taxes: tuple[Tax, ...] | None = None,
    **more: Any,  # noqa: ANN401 -- as above
) -> Invoice | CreditNote:
    """A document of October with its sums; `more` are further fields of it, in the place of ours."""
    table = taxes_of(lines) if taxes is None else taxes
    settled = (Settled("payment", "P-1", settled_cents * CENT),) if settled_cents else ()
    totals = totals_of(lines, table, third, settled)
    payment = Payment("58", "R-0000000001", (BANK,)) if totals.to_pay_micros > 0 else Payment("", "R-0000000001")
    values: dict[str, Any] = {
        "number": "R-0000000001", "issued_on": dt.date(2025, 11, 1), "currency": "EUR", "minor_digits": 2, "language": "de",
        "seller": SELLER, "buyer": BUYER, "period": OCTOBER, "due_on": dt.date(2025, 11, 15), "lines": tuple(lines), "taxes": table,
        "totals": totals, "payment": payment, "settled": settled, "third_parties": tuple(third),
    }  # fmt: skip
    if is_credit_note:
        about = (Preceding("R-0000000001", dt.date(2025, 11, 1), "credited"),)
        return CreditNote(**(values | {"number": "C-0000000001", "preceding": about, "reason": "Goodwill"} | more))
    return Invoice(**(values | more))


def _tax(category: TaxCategory, rate_ppm: int, cents: int) -> Tax:
    tax = (abs(cents) * rate_ppm * 2 + PPM) // (2 * PPM) * (-1 if cents < 0 else 1)
    reason, code = REASONS.get(category, ("", ""))
    return Tax(category, rate_ppm, cents * CENT, tax * CENT, (), reason, code)
