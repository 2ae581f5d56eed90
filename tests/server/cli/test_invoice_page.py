"""An invoice as text: what an auditor checks on the page, in both languages and in a currency without cents."""

from __future__ import annotations

import pytest

from billing.invoicing import Invoice, InvoiceLine, InvoiceSummary
from server.cli.pages.invoice import page

JANUARY, FEBRUARY = ("2026-01-01", "2026-02-01"), ("2026-02-01", "2026-03-01")
CALLS = "国内通话"
ENGLISH = """
Invoice R-0000000007
Customer: Li Wei (account A1)
Period: 2026-02-01 .. 2026-02-28
Issued on: 2026-03-01    Due on: 2026-03-15

No.  Line      Subscription  Period                    Events  Quantity  of it free  Amount JPY
  1  国内通话  S1            2026-01-01 .. 2026-01-31       1      1:30                      12
  2  Basic     S1            2026-02-01 .. 2026-02-28                                      1000

Tax       Period                    Net taxed JPY  Amount JPY
Tax 10 %  2026-01-01 .. 2026-01-31             12           1
Tax 10 %  2026-02-01 .. 2026-02-28           1000         100

         Net  1012 JPY
         Tax   101 JPY
       Total  1113 JPY
Still to pay  1113 JPY
"""


def line(line_no: int, kind: str, text: str, period: tuple[str, str], amount: int) -> InvoiceLine:
    """A line of one call of 90 seconds, or a fee, or tax."""
    usage = kind == "usage"
    return InvoiceLine(
        kind=kind,
        subscription_key=1,
        charge_code=1,
        price_id=1,
        revenue_code=1,
        tax_class=1,
        period_from=period[0],
        period_to=period[1],
        text=text,
        events=int(usage),
        quantity=90_000 if usage else 0,
        free_quantity=0,
        quantity_unit=1,
        exact_micros=amount * 1_000_000,
        amount_micros=amount * 1_000_000,
        line_no=line_no,
        subscription_id="" if kind == "tax" else "S1",
        corrects=False,
    )


def invoice(sign: int = 1, currency: str = "JPY", language: str = "en") -> Invoice:
    """An invoice with a line for an earlier month."""
    net, tax = sign * 1_012_000_000, sign * 101_000_000
    summary = InvoiceSummary(
        "R-0000000007", "A1", "Li Wei", 2, currency, *FEBRUARY, "2026-03-01", "2026-03-15", net, tax, net + tax, net + tax
    )
    lines = (
        line(1, "usage", CALLS, JANUARY, sign * 12),
        line(2, "recurring", "Basic", FEBRUARY, sign * 1000),
        line(3, "tax", "Tax 10 %", JANUARY, sign * 1),
        line(4, "tax", "Tax 10 %", FEBRUARY, sign * 100),
    )
    return Invoice(summary, language, lines)


def test_a_page_shows_base_and_tax_of_every_class_and_period() -> None:
    assert page(invoice()) == ENGLISH.strip().splitlines()


@pytest.mark.parametrize(
    ("given", "language", "first", "last"),
    [
        (invoice(), "zh", "账单 R-0000000007", "  未付金额  1113 JPY"),
        (invoice(language="zh-CN"), None, "账单 R-0000000007", "  未付金额  1113 JPY"),
        (invoice(language="fr"), None, "Invoice R-0000000007", "Still to pay  1113 JPY"),
        (invoice(currency="EUR"), None, "Invoice R-0000000007", "Still to pay  1113.00 EUR"),
        (invoice(-1), None, "Credit invoice R-0000000007", "Still to pay  -1113 JPY"),
    ],
)
def test_language_currency_and_sign(given: Invoice, language: str | None, first: str, last: str) -> None:
    lines = page(given, language)
    assert (lines[0], lines[-1]) == (first, last)


def test_a_line_without_tax_is_in_the_table_of_taxes_so_that_the_bases_add_up_to_the_net() -> None:
    untaxed = Invoice(invoice().summary, "en", invoice().lines[:3])
    rows = page(untaxed)[-7:-5]
    assert [row.split()[-2:] for row in rows] == [["12", "1"], ["1000", "0"]]
    assert rows[1].startswith("without tax")
