"""Topic void_reissue: documents that are void in the product's own books, in which order they can be, and what credit is free then."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from billing.charges.periods import Period
from billing.charges.proration import Span, share
from rating.errors import UserError
from rating.money import RoundingMode, round_exact
from tests.vectors.billing import listed
from tests.vectors.billing.desk import Customer
from tests.vectors.billing.form import (
    CENT_MICROS,
    Case,
    ListedError,
    Otherwise,
    Shape,
    amount_in,
    exact,
    micros,
    set_aside,
    units,
    whole,
    yes_or_no,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

VOIDED, REFUSED = "voided", "refused"
REPAIRED, OK = "rejected: repaired", "ok"


class _Span(NamedTuple):
    """Days of a text such as "period 2013-06-15..07-15"; the second date may leave out its year."""

    first: dt.date
    after: dt.date


def as_credit_note(case: Case) -> Otherwise:
    """An invoice that is void. Others move its value to a credit note where that is asked for; ours makes none."""
    given = case.given
    request, paid = given["request"], yes_or_no(given["paid"])
    total, credit, refund = (
        whole(each) for each in (given["invoice_total_cents"], request.get("credit_cents") or 0, request.get("refund_cents") or 0)
    )
    wanted = yes_or_no(request["generate_credit_note"])
    if credit + refund > total or (refund and not paid):
        raise ListedError("a credit note of more than the invoice, or a refund of what nobody paid")
    customer = Customer(case.id)
    number = customer.document(Fraction(total, 100))
    if paid:
        customer.pay(Fraction(total, 100))
    state = _void(customer, number)
    note = {"status": "finalized", "credit_cents": credit, "refund_cents": refund}
    theirs = {"invoice": VOIDED, "credit_notes": int(wanted), "credit_note": note if wanted else None}
    ours = {"invoice": VOIDED if state == OK else REFUSED, "credit_notes": customer.credit_notes(), "credit_note": None}
    return Otherwise(ours, theirs, listed.VOID_PAID if paid else listed.VOID_AS_CREDIT)


def in_order(case: Case) -> dict[str, Any]:
    """An invoice that credit settles, and a later one that corrects it: voided in either order, and billed anew.

    What is billed anew is the price of the days that are left, where the price is told. Else the figure of the case is taken, and is judged
    by the credit that it leaves, if that is asserted.
    """
    given = case.given
    credit, period, repaired = amount_in(given["credit"]), _span(given["invoice_2"]), _span(given["invoice_3"])
    set_aside(given, "invoice_1")
    rebilled = _rebilled(given, period, repaired, case.expected)
    customer = Customer(case.id)
    customer.document(-credit)
    second = customer.document(rebilled, charge=1)
    third = customer.document(-Fraction(1, 100), charge=1)
    first_try = _void(customer, second)
    order = (_void(customer, third), _void(customer, second))
    answer = {"void_invoice_2_first": first_try, "void_3_then_2": OK if set(order) == {OK} else str(order)}
    assert customer.books().credit == credit, "what a void invoice had used of the credit is free again"
    customer.document(rebilled)
    answer["credit_left"] = customer.books().credit
    return answer | ({"rebilled": rebilled} if "price" in given or "credit_left" in case.expected else {})


def _rebilled(given: Mapping[str, Any], period: _Span, repaired: _Span, expected: Mapping[str, Any]) -> Fraction:
    if "price" not in given:
        return exact(expected["rebilled"])
    left = Span(period.first, repaired.first)
    price = micros(exact(given["price"])) * share([left], Period(period.first, period.after, period.first))
    return units(round_exact(price, CENT_MICROS, RoundingMode.HALF_UP))


def _span(text: str) -> _Span:
    days, _, last = text.rpartition("..")
    first = dt.date.fromisoformat(days[-10:])
    return _Span(first, dt.date.fromisoformat(last if len(last) == 10 else f"{first.year}-{last}"))


def _void(customer: Customer, number: str) -> str:
    try:
        customer.void(number)
    except UserError as error:
        return REPAIRED if "corrects lines of" in error.message else f"rejected: {error.message}"
    return OK


SHAPES: Final = (
    Shape("invoice_total_cents paid request", "?invoice ?credit_notes ?credit_note", as_credit_note),
    Shape("credit invoice_2 invoice_3 ?price ?invoice_1", "?void_invoice_2_first ?void_3_then_2 ?credit_left ?rebilled", in_order),
    Shape("credit invoice_*", "*", reason=listed.NO_PRICE),
)
