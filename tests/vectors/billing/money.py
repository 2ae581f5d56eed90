"""Topics credits, payments and credit_note: what is owed, what is credit, how much may go back, and the tax that goes with a credit.

Lines of a document are texts with an amount: "20.0 recurring", "20.0 paid" (there is a payment of it), "repair -20.0" (a later document),
"credit balance +20.0" (where the other books keep credit; ours follows from the document itself).
"""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.credit import creditable
from billing.charges.periods import Period
from billing.charges.proration import Span, share
from billing.charges.reconcile import differences
from billing.charges.taxes.tax import tax_due
from rating.errors import UserError
from rating.model import PPM
from rating.money import MICROS_PER_UNIT, RoundingMode, round_exact
from tests.billing.charges.rows import lines
from tests.vectors.billing import listed
from tests.vectors.billing.desk import Customer
from tests.vectors.billing.form import (
    CENT_MICROS,
    Case,
    ListedError,
    Otherwise,
    Shape,
    amount_in,
    amounts_in,
    cents,
    exact,
    of_cents,
    ppm,
    units,
    whole,
    yes_or_no,
)

if TYPE_CHECKING:
    from billing.charges.lines import Lines

# What a line is for changes nothing; whether it is paid, or repairs another, does.
_LINE_WORDS: Final = frozenset(
    {
        "fixed",
        "recurring",
        "usage",
        "external",
        "charge",
        "tax",
        "fee",
        "item",
        "line",
        "paid",
        "repair",
        "one",
        "off",
        "plan",
        "eur",
        "usd",
        "gbp",
    }
)
_REFUND_WORDS: Final = frozenset(
    {"with", "without", "no", "not", "an", "a", "the", "equal", "item", "items", "adjustment", "adjustments", "adjusted", "of", "refund"}
)
TOO_HIGH: Final = "REFUND_AMOUNT_TOO_HIGH"


def bounded(case: Case) -> dict[str, Any]:
    """A credit within what was billed."""
    asked = [exact(case.given[name]) for name in ("potential_credit", "originally_paid", "previous_credits")]
    return {"credit": units(creditable(*(round_exact(each * MICROS_PER_UNIT, 1, RoundingMode.HALF_UP) for each in asked)))}


def credit_for_days(case: Case) -> Otherwise:
    """A fee in advance that ends early: the days that were used stay, their tax with them."""
    given = case.given
    fee, rate = of_cents(given["paid_fee_cents"]), Fraction(ppm(given["tax_pct"]), PPM)
    days, used = whole(given["period_days"]), whole(given["days_used_inclusive"])
    begun = dt.date(2026, 1, 1)
    period = Period(begun, begun + dt.timedelta(days), begun)
    left = round_exact(fee * share([Span(begun, begun + dt.timedelta(used))], period), CENT_MICROS, RoundingMode.HALF_UP)
    found = differences(_taxed(left, rate), _taxed(fee, rate)).lines
    net = -int(found["amount_micros"][found["kind"] == Kind.RECURRING].sum())
    tax = -int(found["amount_micros"][found["kind"] == Kind.TAX].sum())
    precise = Fraction(fee * (days - used), days)
    others = [round_exact(each, CENT_MICROS, RoundingMode.HALF_UP) for each in (precise, precise * rate)]
    return Otherwise(_credited(net, tax), _credited(*others), listed.PRECISE)


def books(case: Case) -> dict[str, Any]:
    """Documents, payments, credits and refunds of one customer, and what the books say then."""
    given, customer = case.given, Customer(case.id)
    number, payments = _documents(customer, given["items"])
    payments += [customer.pay(exact(each)) for each in given.get("payments", ())]
    if given.get("credit_on_invoice") is not None:
        customer.document(exact(given["credit_on_invoice"]))
    if given.get("repair") is not None:
        before, after = amounts_in(given["repair"].replace("->", " "))
        customer.document(after - before)
    if given.get("account_credit_created") is not None and customer.books().credit != exact(given["account_credit_created"]):
        raise ListedError(f"{listed.OTHER_CREDIT}: {given['account_credit_created']}, ours {float(customer.books().credit)}")
    if given.get("refund") is not None:
        amount, adjusted = _refund(given)
        if adjusted:
            customer.document(-amount)
        customer.refund(payments[0], amount)
    found = customer.books()
    return {"invoice_balance": customer.open_of(number), "account_balance": found.balance, "account_credit": found.credit}


def refunds(case: Case) -> dict[str, Any]:
    """How much goes back: all that was paid where nothing is asked, never more."""
    results: list[Fraction | str] = []
    for place, told in enumerate(case.given["cases"]):
        customer = Customer(f"{case.id}-{place}")
        customer.document(exact(told["paid"]))
        payment = customer.pay(exact(told["paid"]))
        try:
            results.append(customer.refund(payment, None if told["asked"] is None else exact(told["asked"])))
        except UserError as error:
            results.append(TOO_HIGH if "have not gone back" in error.message else error.message)
    alone = [place for place, told in enumerate(case.given["cases"]) if "items" not in told]
    expected = case.expected["results"]
    if len(alone) < len(results) and all(str(results[place]) == str(expected[place]) for place in alone):
        raise ListedError(listed.OF_ITEMS)
    return {"results": results}


def _refund(given: dict[str, Any]) -> tuple[Fraction, bool]:
    """The amount of a refund such as `7.00 without adjustment`, and whether the item is adjusted by as much."""
    text = str(given["refund"])
    if not set(re.findall("[a-z]+", text.lower())) <= _REFUND_WORDS:
        raise ListedError(f"{listed.WORDS}: {text}")
    told = None if "adjust" not in text else not any(word in text.split() for word in ("without", "no", "not"))
    key = given.get("item_adjusted_by_refund")
    said = {each for each in (told, None if key is None else yes_or_no(key)) if each is not None}
    if len(said) > 1:
        message = f"{text!r} and item_adjusted_by_refund {key!r} say different things"
        raise ValueError(message)
    return amount_in(text), said == {True}


def _taxed(amount_micros: int, rate: Fraction) -> Lines:
    row = {"amount_micros": amount_micros, "kind": Kind.RECURRING, "rate_ppm": whole(rate * PPM), "tax_class": 1, "events": 1}
    due = lines(row)
    return np.concatenate([due, tax_due(due, np.full(1, CENT_MICROS, np.int64))])


def _credited(net_micros: int, tax_micros: int) -> dict[str, Any]:
    return {"subtotal_cents": cents(net_micros), "tax_cents": cents(tax_micros), "total_cents": cents(net_micros + tax_micros)}


def _require_words(text: str) -> None:
    words = set(re.findall("[a-z]+", text.lower()))
    unknown = words - _LINE_WORDS
    if unknown and not words <= {"credit", "balance"}:
        raise ListedError(f"{listed.WORDS}: {text}")


def _documents(customer: Customer, items: list[str]) -> tuple[str, list[str]]:
    """Documents of texts: one of all lines, but what repairs it is another. The number of the first, and the ids of payments."""
    for text in items:
        _require_words(text)
    repairs = [amount_in(text) for text in items if "repair" in text]
    own = [text for text in items if "repair" not in text and "credit balance" not in text]
    number = customer.document(sum((amount_in(text) for text in own), Fraction(0)))
    payments = [customer.pay(amount_in(text)) for text in own if "paid" in text]
    for amount in repairs:
        customer.document(amount)
    return number, payments


BOOKS: Final = Shape(
    "items ?payments ?credit_on_invoice ?repair ?account_credit_created ?refund ?item_adjusted_by_refund",
    "?invoice_balance ?account_balance ?account_credit",
    books,
)
CREDITS: Final = (Shape("potential_credit originally_paid previous_credits", "credit", bounded), BOOKS)
CREDIT_NOTES: Final = (
    Shape("paid_fee_cents tax_pct period_days days_used_inclusive", "?subtotal_cents ?tax_cents ?total_cents", credit_for_days),
)
PAYMENTS: Final = (BOOKS, Shape("cases", "results", refunds))
