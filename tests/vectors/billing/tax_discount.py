"""Topic tax_discount: percentages before fixed amounts, spread by largest remainder, tax on what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.discounts import Entry, fixed_amounts, percentages, take_off
from billing.charges.spread import spread
from billing.charges.taxes.tax import taxed
from tests.billing.charges.rows import lines
from tests.vectors.billing.form import CENT_MICROS, Case, Shape, cents, exact, of_cents, ppm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.charges.lines import Int64s, Lines

PERCENT, FIXED = "pct", "fix"


def spread_over_lines(case: Case) -> dict[str, Any]:
    """A fixed discount shared by lines; what each has left."""
    amounts = [of_cents(each) for each in case.given["lines_cents"]]
    off = spread(min(of_cents(case.given["discount_cents"]), sum(amounts)), amounts, CENT_MICROS)
    return {"taxable_cents": [cents(amount - each) for amount, each in zip(amounts, off, strict=True)]}


def coupons(case: Case) -> dict[str, Any]:
    """Percentages and fixed amounts off one amount, in whatever order they are given."""
    entries = [_entry(place, *told) for place, told in enumerate(case.given["coupons"], 1)]
    base = lines({"amount_micros": of_cents(case.given["subtotal_cents"]), "kind": Kind.RECURRING})
    return {"discount_cents": cents(int(_off(base, entries).sum()))}


def coupon_before_tax(case: Case) -> dict[str, Any]:
    """A fixed discount over fees with rates of tax of their own; each fee is a tax class, so that its tax stands alone."""
    given = case.given
    fees = given["fees"]
    base = lines(
        *(
            {
                "amount_micros": of_cents(fee["amount_cents"]),
                "rate_ppm": ppm(fee["tax_pct"]),
                "tax_class": place,
                "kind": Kind.RECURRING,
            }
            for place, fee in enumerate(fees, 1)
        )
    )
    off = _off(base, [_entry(1, FIXED, given.get("fixed_coupon_cents") or 0)])
    left = base.copy()
    left["amount_micros"] -= off
    found = taxed(left, np.full(left.size, CENT_MICROS, np.int64))
    tax_of = dict(zip(found.taxes["tax_class"].tolist(), found.taxes["amount_micros"].tolist(), strict=True))
    net, tax = int(found.lines["amount_micros"].sum()), sum(tax_of.values())
    return {
        "coupon_per_fee_cents": [cents(each) for each in off.tolist()],
        "tax_per_fee_cents": [cents(tax_of.get(place, 0)) for place in range(1, len(fees) + 1)],
        "subtotal_excl_tax_cents": cents(net),
        "tax_cents": cents(tax),
        "total_cents": cents(net + tax),
    }


def _entry(place: int, kind: str, amount: object) -> Entry:
    if exact(amount) < 0:
        message = f"{amount!r} is below zero: a discount of ours takes off"
        raise ValueError(message)
    if kind == PERCENT:
        return Entry(place, 0, 0, ppm(amount), 0)
    if kind == FIXED:
        return Entry(place, 0, 0, 0, of_cents(amount))
    message = f"{kind!r} is neither {PERCENT} nor {FIXED}"
    raise ValueError(message)


def _off(base: Lines, entries: Sequence[Entry]) -> Int64s:
    """What discounts take off each line of one group."""
    rest = base["amount_micros"].copy()
    group, steps = np.zeros(base.size, np.int64), np.full(base.size, CENT_MICROS, np.int64)
    for entry in (*percentages(entries), *fixed_amounts(entries)):
        rest -= take_off(entry, base, rest, group, steps)
    off: Int64s = base["amount_micros"] - rest
    return off


SHAPES: Final = (
    Shape("lines_cents discount_cents", "taxable_cents", spread_over_lines),
    Shape("subtotal_cents coupons", "discount_cents", coupons),
    Shape(
        "fees ?fixed_coupon_cents",
        "?coupon_per_fee_cents ?tax_per_fee_cents ?subtotal_excl_tax_cents ?tax_cents ?total_cents",
        coupon_before_tax,
    ),
)
