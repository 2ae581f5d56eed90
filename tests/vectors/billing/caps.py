"""Topic caps: a maximum of a period's charges makes the rest free. The whole charge and what the maximum took off are both told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.vectors.billing import metered
from tests.vectors.billing.form import Case, Shape, exact, units

if TYPE_CHECKING:
    from rating.outcome import Outcome


def one_price(case: Case) -> dict[str, Any]:
    """Something that costs a fixed amount."""
    quantity = exact(case.given["qty"])
    meter = metered.meter_of(quantity)
    price = metered.fixed_price(exact(case.given["tier_price"]), meter)
    return _told(metered.rated(price, [metered.use(0, quantity, meter)], cap=exact(case.given["maximum"]))[0])


def packages(case: Case) -> dict[str, Any]:
    """Packages, of which earlier parts of the period have paid some."""
    given = case.given
    size, before, part = (exact(given[name]) for name in ("package", "billed_before_qty", "this_part_qty"))
    meter = metered.meter_of(size, before, part)
    price = metered.package_price(size, exact(given["price"]), meter)
    events = [metered.use(place, each, meter) for place, each in enumerate((before, part))]
    first, second = metered.rated(price, events, cap=exact(given["maximum"]))
    if units(first.charge_micros) != exact(given["billed_before"]):
        message = f"billed before: {given['billed_before']}, ours {float(units(first.charge_micros))}"
        raise ValueError(message)
    return _told(second)


def _told(outcome: Outcome) -> dict[str, Any]:
    cut = sum(each.cut_micros for each in outcome.caps)
    return {"amount": units(outcome.gross_micros), "discount": units(cut), "total": units(outcome.charge_micros)}


SHAPES: Final = (
    Shape("qty tier_price maximum", "?amount ?discount ?total", one_price),
    Shape("package price billed_before_qty billed_before this_part_qty maximum", "?amount ?discount ?total", packages),
)
