"""Terms of a plan for its bills as a whole: prices of a period's quantity, discounts off its lines, thresholds within the period.

Quantities of a volume tier are in the unit of its prices, which only the whole catalogue tells: `note_units` looks at that at the end.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from rating.model import BillThreshold, InvoiceDiscount, VolumeStep, VolumeTier
from tariffs.documents.document import Finding
from tariffs.language.texts import UNIT_WORDS
from tariffs.language.words import LINE_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Price, QuantityUnit
    from tariffs.documents.document import Place
    from tariffs.language.plans import BillThresholdEntry, InvoiceDiscountEntry, PlanEntry, VolumeStepEntry, VolumeTierEntry
    from tariffs.language.texts import Quantity


def volume_tier(entry: VolumeTierEntry, place: Place, findings: list[Finding]) -> VolumeTier:
    """A price of the whole quantity of a period."""
    return VolumeTier(
        price_id=entry.id,
        name=entry.name,
        charge_code=entry.charge_code,
        revenue_code=entry.revenue_code,
        tax_class=entry.tax_class,
        prices=entry.prices,
        steps=tuple(_step(step, (*place, "steps", i), findings) for i, step in enumerate(entry.steps)),
        scope=entry.scope,
        title=entry.title,
    )


def invoice_discount(entry: InvoiceDiscountEntry, place: Place, findings: list[Finding]) -> InvoiceDiscount:
    """A percentage or an amount, one of them. The order of kinds and charge codes says nothing."""
    if entry.percent is not None and entry.amount is not None:
        findings.append(Finding(place, f"invoice discount `{entry.name}` has both `percent` and `amount`", "keep one of them"))
    return InvoiceDiscount(
        price_id=entry.id,
        name=entry.name,
        charge_code=entry.charge_code,
        revenue_code=entry.revenue_code,
        percent_ppm=entry.percent or 0,
        amount_micros=entry.amount or 0,
        kinds=tuple(kind for kind in LINE_KINDS if kind in entry.kinds),
        charge_codes=tuple(sorted(set(entry.charge_codes))),
        months=entry.months,
        title=entry.title,
    )


def bill_threshold(entry: BillThresholdEntry) -> BillThreshold:
    """An amount at which a period is billed before its end."""
    return BillThreshold(entry.id, entry.name, entry.amount, entry.title)


def note_units(entries: Sequence[PlanEntry], prices: Sequence[Price], findings: list[Finding]) -> None:
    """Notes the tiers whose quantities are not counted in what their prices count. Prices that differ are left to `checks`."""
    units = {price.name: price.unit for price in prices}
    for index, plan in enumerate(entries):
        for number, tier in enumerate(plan.volume_tiers):
            counted = next((units[name] for name in tier.prices if name in units), None)
            findings += itertools.islice(_other_units(tier, counted, ("plans", index, "volume_tiers", number)), 1)  # one tells it for all


def _step(entry: VolumeStepEntry, place: Place, findings: list[Finding]) -> VolumeStep:
    if (entry.rate is None) is not (entry.per is None):
        missing = "per" if entry.per is None else "rate"
        findings.append(Finding(place, f"field `{missing}` is missing", 'write such as `rate: "0.05"` with `per: 60s`, or `flat` alone'))
    if entry.per is not None and entry.per.value <= 0:
        findings.append(Finding((*place, "per"), "a rate for nothing", "write such as `per: 60s`"))
    per = max(entry.per.value, 1) if entry.per is not None else 1
    return VolumeStep(entry.from_.value, entry.rate or 0, per, entry.flat)


def _other_units(tier: VolumeTierEntry, counted: QuantityUnit | None, place: Place) -> Iterator[Finding]:
    for inner, quantity in _quantities(tier):
        if quantity.unit is None:  # could not be read, or not written
            continue
        counted = quantity.unit if counted is None else counted
        if quantity.unit is not counted:
            message = f"volume tier `{tier.name}` is of prices that count {UNIT_WORDS[counted]}, and this is {UNIT_WORDS[quantity.unit]}"
            yield Finding((*place, *inner), message, "write all its quantities as its prices count, such as 60s, 1GB or 50 messages")


def _quantities(tier: VolumeTierEntry) -> Iterator[tuple[Place, Quantity]]:
    for number, step in enumerate(tier.steps):
        yield ("steps", number, "from"), step.from_
        if step.per is not None:
            yield ("steps", number, "per"), step.per
