"""Checks of a plan's terms for its bills as a whole: volume tiers, discounts off the bill, thresholds, and late usage.

Ids, codes and tax classes of tiers and discounts are judged by `fees`, as those of everything that becomes a line of a bill.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from rating.model import PPM, LateUsage
from tariffs.compiling import bounds
from tariffs.documents.document import Finding
from tariffs.documents.findings import id_range, known, twice_at, written_plans
from tariffs.language.texts import UNIT_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rating.model import BillThreshold, Catalogue, InvoiceDiscount, Plan, Price, VolumeTier
    from tariffs.documents.document import Place

MONTHS_MAX: Final = 120
DAYS_MAX: Final = 3_650


def bill_terms(catalogue: Catalogue) -> Iterator[Finding]:
    """Those of all plans; plans with add-ons have those of the plan itself."""
    prices = {price.name: price for price in catalogue.prices}
    codes = _charge_codes(catalogue)
    remedy = known(map(str, codes))
    for index, plan in enumerate(written_plans(catalogue)):
        place: Place = ("plans", index)
        for number, tier in enumerate(plan.volume_tiers):
            yield from _tier(tier, prices, (*place, "volume_tiers", number))
        yield from _priced_twice(plan, place)
        for number, discount in enumerate(plan.invoice_discounts):
            yield from _discount(discount, codes, remedy, (*place, "invoice_discounts", number))
        yield from _thresholds(plan.bill_thresholds, (*place, "bill_thresholds"))
        yield from _late(plan, place)


def _charge_codes(catalogue: Catalogue) -> set[int]:
    """All that a line which can be discounted may have."""
    found = {price.charge_code for price in catalogue.prices}
    for plan in catalogue.plans:  # those with add-ons have the fees of both
        for charged in (plan.recurring, plan.one_offs, plan.volume_tiers):
            found |= {each.charge_code for each in charged}
    return found


def _tier(tier: VolumeTier, prices: Mapping[str, Price], place: Place) -> Iterator[Finding]:
    what = f"volume tier `{tier.name}`"
    if not tier.prices:
        yield Finding((*place, "prices"), f"{what} has no price", "name the prices whose quantity it adds up")
    for number, name in enumerate(tier.prices):
        if name and name not in prices:
            yield Finding((*place, "prices", number), f"unknown price `{name}`", known(prices))
    units = {prices[name].unit: name for name in reversed(tier.prices) if name in prices}
    if len(units) > 1:
        told = " and ".join(f"`{name}` counts {UNIT_WORDS[unit]}" for unit, name in sorted(units.items()))
        yield Finding((*place, "prices"), f"{what} adds up what cannot be added: {told}", "write a tier for each of them")
    yield from _steps(tier, what, (*place, "steps"))


def _steps(tier: VolumeTier, what: str, place: Place) -> Iterator[Finding]:
    starts = [step.from_qty for step in tier.steps]
    if not starts:
        yield Finding(place, f"{what} has no steps", 'write such as `steps: [{rate: "0.05", per: 60s}]`')
    elif starts[0] != 0:
        yield Finding((*place, 0, "from"), f"{what} says nothing of a small quantity", "let its first step begin at 0, or leave `from` out")
    for number, (before, start) in enumerate(itertools.pairwise(starts), 1):
        if start <= before:
            remedy = "sort the steps by `from`, and give each its own"
            yield Finding((*place, number, "from"), f"{what}: step {number + 1} does not begin after the one before it", remedy)
    if max(starts, default=0) > bounds.COUNTED_STEP_MAX:
        yield Finding(place, f"{what}: a step begins beyond what a period can count", "leave it out")
    for number, step in enumerate(tier.steps):
        if step.flat_micros >= bounds.CHARGE_LIMIT:
            yield Finding((*place, number, "flat"), f"{what}: an amount above half the limit of money", "charge less")


def _priced_twice(plan: Plan, place: Place) -> Iterator[Finding]:
    """A quantity that two tiers would price, or one of them twice."""
    first: dict[str, str] = {}
    for number, tier in enumerate(plan.volume_tiers):
        for inner, name in enumerate(tier.prices):
            if name and name in first:
                message = f"price `{name}` is in volume tier `{first[name]}` already"
                yield Finding((*place, "volume_tiers", number, "prices", inner), message, "keep it in one of them, once")
            first.setdefault(name, tier.name)


def _discount(discount: InvoiceDiscount, codes: set[int], remedy: str, place: Place) -> Iterator[Finding]:
    what = f"invoice discount `{discount.name}`"
    if not discount.percent_ppm and not discount.amount_micros:
        yield Finding(place, f"{what} takes nothing off", 'write such as `percent: "10"`, or `amount: "5.00"`')
    if discount.percent_ppm > PPM:
        yield Finding((*place, "percent"), f"{what} is more than 100 percent", "write a percentage above 0, up to 100")
    for code in discount.charge_codes:
        if code not in codes:
            yield Finding((*place, "charge_codes"), f"{what}: no price or fee has charge code {code}", remedy)
    if discount.months is not None and not 1 <= discount.months <= MONTHS_MAX:
        lasting = f"write 1 to {MONTHS_MAX}, or leave it out: then it lasts"
        yield Finding((*place, "months"), f"{what} is for {discount.months} months", lasting)


def _thresholds(thresholds: tuple[BillThreshold, ...], place: Place) -> Iterator[Finding]:
    yield from twice_at(place, "bill threshold", [each.name for each in thresholds])
    yield from twice_at(place, "bill threshold", [each.threshold_id for each in thresholds], "id")
    before = 0
    for number, threshold in enumerate(thresholds):
        yield from id_range(threshold.threshold_id, (*place, number))
        if threshold.amount_micros <= before:
            what = "above zero" if number == 0 or threshold.amount_micros <= 0 else "above the one before"
            message = f"bill threshold `{threshold.name}` is not {what}"
            yield Finding((*place, number, "amount"), message, "write amounts above zero, the lowest first")
        before = max(before, threshold.amount_micros)


def _late(plan: Plan, place: Place) -> Iterator[Finding]:
    if plan.late_after_days and plan.late_usage is not LateUsage.ARRIVAL_PERIOD:
        message = "`late_after_days` means nothing to usage that is not billed in the period in which it arrives"
        yield Finding((*place, "late_after_days"), message, "write `late_usage: arrival_period` too, or leave it out")
    if not 0 <= plan.late_after_days <= DAYS_MAX:
        yield Finding((*place, "late_after_days"), f"late after {plan.late_after_days} days", f"write 0 to {DAYS_MAX}")
    if plan.late_usage_days_max is not None and not 1 <= plan.late_usage_days_max <= DAYS_MAX:
        remedy = f"write 1 to {DAYS_MAX}, or leave it out: then all of it is billed"
        yield Finding((*place, "late_usage_days_max"), f"usage is billed up to {plan.late_usage_days_max} days after it began", remedy)
