"""Documents for tests of renderings, made by hand. Amounts are in cents here; sums are worked out beside the figures."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec

from billing.accounts.parties.kinds import Address, BankAccount, Contact, References, Style
from billing.documents.rendering.itemised import Itemised, LateUsage, UsageRecord
from billing.documents.semantic.model import (
    Allowance,
    BillDifference,
    Correction,
    CreditNote,
    Days,
    Invoice,
    LastBill,
    Line,
    Note,
    Passes,
    Payment,
    Preceding,
    Settled,
    Tax,
    TaxPart,
    ThirdParty,
    Totals,
    Usage,
    UsageTotal,
)
from billing.documents.semantic.parties import Buyer, Seller

if TYPE_CHECKING:
    from typing import Any

CENT: Final = 10_000
SEPTEMBER = Days(dt.date(2025, 9, 1), dt.date(2025, 9, 30))
OCTOBER = Days(dt.date(2025, 10, 1), dt.date(2025, 10, 31))
FIRST_WEEK = Days(dt.date(2025, 10, 3), dt.date(2025, 10, 9))
NOVEMBER = Days(dt.date(2025, 11, 1), dt.date(2025, 11, 30))
LAST: Final = "R-0000000041"
IBAN: Final = "DE89370400440532013000"
SELLER: Final = Seller(
    entity="north",
    name="Nordnetz Telekom GmbH",
    trading_name="Nordnetz",
    register_id="HRB 12345",
    register_court="Amtsgericht Hamburg",
    vat_id="DE136695976",
    legal_information="Geschäftsführung: die Gesellschafter\nSitz: Hamburg",
    address=Address("Hamburg", "DE", street="Hafenstraße", building="7", postal_code="20457"),
    contact=Contact("Service desk", "service@nordnetz.example", "+4940123456"),
    bank_accounts=(BankAccount("Nordnetz Telekom GmbH", IBAN, bank="Commerzbank", bic="COBADEFFXXX"),),
)
BUYER: Final = Buyer(
    account_id="anna",
    name="Anna Maria Beispiel",
    category="business",
    vat_id="DE811907980",
    address=Address("Köln", "DE", street="Domplatz", building="1a", postal_code="50667", extra="3. Stock"),
    references=References(buyer_reference="04011000-12345-34", purchase_order="PO-77"),
)


def line(number: int, text: str, cents: float, **more: Any) -> Line:  # noqa: ANN401 -- fields of a line
    """A line of 19 % tax for October, of anna-1 where nothing else is said."""
    values: dict[str, Any] = {
        "role": "line", "kind": "recurring", "category": "S", "rate_ppm": 190_000, "days": OCTOBER, "charge_code": 200,
        "revenue_code": 5000, "tax_class": "standard", "subscription_id": "anna-1",
    }  # fmt: skip
    return Line(line_no=number, text=text, amount_micros=round(cents * CENT), **(values | more))


def invoice(**more: Any) -> Invoice:  # noqa: ANN401 -- fields of an invoice
    """A bill with all that a bill may have.

    Lines: 19.99 + 5.01 + 0.60 + 4.00 (a passed 3.00 within) - 2.40 (September corrected) = 27.20; of it 19 %: 23.20; 7 %: 4.00.
    Discount 10 % of 25.00: 2.50, at 19 %; so net 24.70, of it 20.70 at 19 % (tax 3.93) and 4.00 at 7 % (tax 0.28): 28.91 in all.
    Films of another provider 4.70; a payment of 10.00 was there: 18.91 due of the total, 23.61 to pay.
    The last bill had 19.99 + 1.00 + 4.00 + 3.50 = 28.49; this one has 24.70 + 4.70 = 29.40.
    """
    lines = (
        line(1, "Smart L", 1999, days=NOVEMBER),
        line(2, "National calls", 501, kind="usage", usage=Usage(12, 3_003_500, 1_200_000, "millisecond", "", 5_012_300)),
        line(3, "Data", 60, kind="usage", usage=Usage(3, 2_500_000_000, 500_000_000, "byte", "GB", 60 * CENT)),
        line(4, "Paper bill", 400, rate_ppm=70_000, tax_class="reduced", subscription_id="", charged_days=(FIRST_WEEK,)),
        line(5, "Roaming", -240, kind="usage", days=SEPTEMBER, correction=Correction(LAST, dt.date(2025, 10, 1)),
             usage=Usage(1, 60_000, 0, "millisecond", "", -240 * CENT, (Passes("Day pass", 1, 300 * CENT),))),
        line(6, "Loyal customer", -250, role="allowance", kind="discount", subscription_id=""),
        line(7, "Films", 470, role="third_party", category="O", rate_ppm=0, tax_class="agency", third_party="films"),
    )  # fmt: skip
    values: dict[str, Any] = {
        "number": "R-0000000042",
        "issued_on": dt.date(2025, 11, 1),
        "currency": "EUR",
        "minor_digits": 2,
        "language": "en",
        "seller": SELLER,
        "buyer": BUYER,
        "notes": (Note("footer", "Objections: within eight weeks."),),
        "period": OCTOBER,
        "due_on": dt.date(2025, 11, 15),
        "lines": lines,
        "taxes": (
            Tax("S", 190_000, 2070 * CENT, 393 * CENT, (
                TaxPart("standard", "VAT 19 %", OCTOBER, 2310 * CENT, 439 * CENT),
                TaxPart("standard", "VAT 19 %", SEPTEMBER, -240 * CENT, -46 * CENT, correction=Correction(LAST, dt.date(2025, 10, 1))),
            ), source="rule"),
            Tax("S", 70_000, 400 * CENT, 28 * CENT, (TaxPart("reduced", "VAT 7 %", OCTOBER, 400 * CENT, 28 * CENT),), source="rule"),
        ),
        "totals": Totals(
            lines_micros=2720 * CENT, allowances_micros=250 * CENT, charges_micros=0, net_micros=2470 * CENT, tax_micros=421 * CENT,
            total_micros=2891 * CENT, prepaid_micros=1000 * CENT, due_micros=1891 * CENT, third_parties_micros=470 * CENT,
        ),
        "payment": Payment("58", "R-0000000042", SELLER.bank_accounts),
        "settled": (Settled("payment", "P-7", 1000 * CENT),),
        "third_parties": (ThirdParty("films", "Film portal", "+49 800 555", 470 * CENT),),
        "preceding": (Preceding(LAST, dt.date(2025, 10, 1), "corrected"),),
        "usage": (
            UsageTotal("anna-1", "millisecond", 12, 3_003_500, 1_200_000, 501 * CENT),
            UsageTotal("anna-1", "byte", 3, 2_500_000_000, 500_000_000, 60 * CENT),
        ),
        "allowances": (
            Allowance("anna-1", "Minutes", "millisecond", 1_200_000, 1_200_000, 0, dt.date(2025, 11, 1)),
            Allowance("", "Data", "byte", 5 * 2**30, 2**29, 9 * 2**29, dt.date(2025, 12, 1)),
            Allowance("anna-1", "Voucher", "micro", 500 * CENT, 125 * CENT, 375 * CENT, dt.date(2026, 1, 1)),
        ),
        "last_bill": LastBill(LAST, dt.date(2025, 10, 1), 2849 * CENT, 3324 * CENT, (
            BillDifference("National calls", "anna-1", "usage", 100 * CENT, 501 * CENT, "more_use"),
            BillDifference("Data", "anna-1", "usage", 0, 60 * CENT, "new"),
            BillDifference("Old option", "anna-1", "recurring", 400 * CENT, 0, "gone"),
            BillDifference("Roaming, correction for September", "anna-1", "usage", 0, -240 * CENT, "correction"),
            BillDifference("Films", "anna-1", "recurring", 350 * CENT, 470 * CENT, "other_price"),
            BillDifference("Paper bill", "", "recurring", 0, 400 * CENT, "new"),
            BillDifference("Loyal customer", "", "discount", 0, -250 * CENT, "new"),
        )),
    }  # fmt: skip
    return Invoice(**(values | more))


def small(cents: int, **more: Any) -> Invoice:  # noqa: ANN401 -- fields of an invoice
    """A bill of one line without tax."""
    one = line(1, "Adjustment", cents, category="Z", rate_ppm=0, kind="adjustment", reference="A-1")
    tax = Tax("Z", 0, cents * CENT, 0, (TaxPart("none", "No tax", OCTOBER, cents * CENT, 0),))
    totals = Totals(
        lines_micros=cents * CENT, allowances_micros=0, charges_micros=0, net_micros=cents * CENT, tax_micros=0, total_micros=cents * CENT,
        due_micros=cents * CENT,
    )  # fmt: skip
    bare: dict[str, Any] = {
        "settled": (), "third_parties": (), "preceding": (), "usage": (), "allowances": (), "last_bill": None, "notes": (),
    }  # fmt: skip
    payment = Payment("58", "R-0000000042", SELLER.bank_accounts) if cents > 0 else Payment("", "R-0000000042")
    values = {"lines": (one,), "taxes": (tax,) if cents else (), "totals": totals, "payment": payment}
    return invoice(**(bare | values | more))


def credit_note(**more: Any) -> CreditNote:  # noqa: ANN401 -- fields of a credit note
    """2.50 of the fee, with 19 % of it, 0.475: 2.98."""
    one = line(1, "Smart L", -250)
    tax = Tax("S", 190_000, -250 * CENT, -48 * CENT, (TaxPart("standard", "VAT 19 %", OCTOBER, -250 * CENT, -48 * CENT),))
    totals = Totals(
        lines_micros=-250 * CENT, allowances_micros=0, charges_micros=0, net_micros=-250 * CENT, tax_micros=-48 * CENT,
        total_micros=-298 * CENT, due_micros=-298 * CENT,
    )  # fmt: skip
    base = small(-250)
    values = {name: getattr(base, name) for name in Invoice.__struct_fields__}
    values |= {
        "number": "C-0000000007", "lines": (one,), "taxes": (tax,), "totals": totals, "effect": "outside", "reason": "Goodwill",
        "preceding": (Preceding("R-0000000042", dt.date(2025, 11, 1), "credited"),),
    }  # fmt: skip
    return CreditNote(**(values | more))


def itemised(numbers: str = "full") -> Itemised:
    """Two calls and a message, one price of a hundredth of a cent."""
    at = dt.datetime(2025, 10, 5, 9, 30, 1)  # noqa: DTZ001 -- local to the account
    return Itemised(
        (
            UsageRecord(2, "anna-1", "National calls", at, "+491701234567", 90_500, 60_000, "millisecond", "", 12_300),
            UsageRecord(2, "anna-1", "National calls", at.replace(hour=10), "110", 30_000, 0, "millisecond", "", 100),
            UsageRecord(3, "anna-1", "Data", at.replace(hour=11), "", 2_000_000_000, 500_000_000, "byte", "GB", 200_000),
        ),
        "masked" if numbers == "masked" else "full",
        (LateUsage(8, "Late calls", 2),),
    )


def with_language(found: Invoice, language: str) -> Invoice:
    """A bill in another language."""
    return msgspec.structs.replace(found, language=language)


STYLED: Final = msgspec.structs.replace(SELLER, style=Style(colour="#884400", locales={"de": "de-CH", "en": "en-US"}))
