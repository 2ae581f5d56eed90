"""Topics credits, payments and credit_note: what is owed, what is credit, how much may go back, and the tax that goes with a credit.

Lines of a document are texts that begin with their amount: "20.0 recurring", "20.0 paid" (there is a payment of it), "repair -20.0" (a later
document), "credit balance +20.0" (where the other books keep credit; ours follows from the document itself).
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from billing.charges.credit import creditable
from billing.charges.lines import PPM, Kind
from billing.charges.periods import Period
from billing.charges.proration import Span, share
from billing.charges.reconcile import differences
from billing.charges.tax import tax_due
from rating.errors import UserError
from rating.money import MICROS_PER_UNIT, RoundingMode, round_exact
from tests.billing.charges.rows import lines
from tests.vectors.billing.desk import Customer
from tests.vectors.billing.form import CENT_MICROS, Case, ListedError, Otherwise, Shape, amount_in, amounts_in, cents, exact, of_cents, units, whole

if TYPE_CHECKING:
    from billing.charges.lines import Lines

TOO_HIGH: Final = "REFUND_AMOUNT_TOO_HIGH"
OF_ITEMS: Final = "a refund that must equal credited lines: ours are two acts, a credit note and a refund, and neither asks for the other"
PRECISE: Final = "tax of the unrounded credit: ours is the tax on what is left, less the tax billed (docs/charges.md)"


def bounded(case: Case) -> dict[str, Any]:
    """A credit within what was billed."""
    asked = [exact(case.given[name]) for name in ("potential_credit", "originally_paid", "previous_credits")]
    return {"credit": units(creditable(*(round_exact(each * MICROS_PER_UNIT, 1, RoundingMode.HALF_UP) for each in asked)))}


def credit_for_days(case: Case) -> Otherwise:
    """A fee in advance that ends early: the days that were used stay, their tax with them."""
    given = case.given
    fee, rate = of_cents(given["paid_fee_cents"]), exact(given["tax_pct"]) / 100
    days, used = whole(given["period_days"]), whole(given["days_used_inclusive"])
    begun = dt.date(2026, 1, 1)
    period = Period(begun, begun + dt.timedelta(days), begun)
    left = round_exact(fee * share([Span(begun, begun + dt.timedelta(used))], period), CENT_MICROS, RoundingMode.HALF_UP)
    found = differences(_taxed(left, rate), _taxed(fee, rate)).lines
    net = -int(found["amount_micros"][found["kind"] == Kind.RECURRING].sum())
    tax = -int(found["amount_micros"][found["kind"] == Kind.TAX].sum())
    precise = Fraction(fee * (days - used), days)
    others = [round_exact(each, CENT_MICROS, RoundingMode.HALF_UP) for each in (precise, precise * rate)]
    return Otherwise(_credited(net, tax), _credited(*others), PRECISE)


def settled_without_cash(case: Case) -> dict[str, Any]:
    """A credit settles an invoice."""
    customer = _with_items(case, case.given["items"])
    customer.document(exact(case.given["credit_on_invoice"]))
    return {"account_balance": customer.books().balance}


def paid_in_part(case: Case) -> dict[str, Any]:
    """Lines of one invoice, and payments."""
    customer = Customer(case.id)
    number = customer.document(sum((amount_in(each) for each in case.given["items"]), Fraction(0)))
    for each in case.given["payments"]:
        customer.pay(exact(each))
    books = customer.books()
    answer = {"invoice_balance": customer.open_of(number), "account_balance": books.balance, "account_credit": books.credit}
    return {key: answer[key] for key in case.expected}


def refunded_after_repair(case: Case) -> dict[str, Any]:
    """A paid invoice of which a line is replaced; then money goes back, with or without a credit of the same amount."""
    given = case.given
    customer = Customer(case.id)
    customer.document(sum((amount_in(each) for each in given["items"]), Fraction(0)))
    payments = [customer.pay(exact(each)) for each in given["payments"]]
    before, after = amounts_in(given["repair"].replace("->", " "))
    customer.document(after - before)
    if given["item_adjusted_by_refund"]:
        customer.document(-exact(given["refund"]))
    customer.refund(payments[0], exact(given["refund"]))
    return _books(customer)


def refunded_in_part(case: Case) -> dict[str, Any]:
    """An invoice that was paid and credited; then a part of the payment goes back."""
    customer = Customer(case.id)
    payments = _paid(customer, case.given["items"])
    customer.refund(payments[0], exact(case.given["refund"]))
    return _books(customer)


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
        raise ListedError(OF_ITEMS)
    return {"results": results}


def _taxed(amount_micros: int, rate: Fraction) -> Lines:
    row = {"amount_micros": amount_micros, "kind": Kind.RECURRING, "rate_ppm": whole(rate * PPM), "tax_class": 1, "events": 1}
    due = lines(row)
    return np.concatenate([due, tax_due(due, np.full(1, CENT_MICROS, np.int64))])


def _credited(net_micros: int, tax_micros: int) -> dict[str, Any]:
    return {"subtotal_cents": cents(net_micros), "tax_cents": cents(tax_micros), "total_cents": cents(net_micros + tax_micros)}


def _with_items(case: Case, items: Any) -> Customer:  # noqa: ANN401 -- any JSON
    customer = Customer(case.id)
    customer.document(sum((amount_in(each) for each in items), Fraction(0)))
    return customer


def _paid(customer: Customer, items: list[str]) -> list[str]:
    """Documents of texts; the ids of the payments."""
    payments = []
    for text in items:
        amount = amount_in(text)
        if "credit balance" in text:
            continue
        customer.document(amount)
        if "paid" in text:
            payments.append(customer.pay(amount))
    return payments


def _books(customer: Customer) -> dict[str, Any]:
    books = customer.books()
    return {"account_balance": books.balance, "account_credit": books.credit}


CREDITS: Final = (
    Shape("potential_credit originally_paid previous_credits", "credit", bounded),
    Shape("items credit_on_invoice", "account_balance", settled_without_cash),
)
CREDIT_NOTES: Final = (
    Shape("paid_fee_cents tax_pct period_days days_used_inclusive", "subtotal_cents tax_cents total_cents", credit_for_days),
)
PAYMENTS: Final = (
    Shape("items payments", "?invoice_balance ?account_balance ?account_credit", paid_in_part),
    Shape(
        "items payments repair ?account_credit_created refund item_adjusted_by_refund", "account_balance account_credit", refunded_after_repair
    ),
    Shape("items refund", "account_balance account_credit", refunded_in_part),
    Shape("cases", "results", refunds),
)
