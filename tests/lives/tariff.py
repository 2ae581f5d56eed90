"""The tariff of the lives: what a plain version costs, and the same as a catalogue of the product."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rating.model import (
    Allowance,
    BillThreshold,
    Catalogue,
    Commitment,
    CommitmentCounts,
    FeeOccasion,
    FeeTiming,
    InvoiceDiscount,
    OneOffFee,
    QuantityUnit,
    RecurringFee,
    Service,
    ServiceTerms,
    TaxClass,
    TaxRate,
    UsageRule,
    VolumeStep,
    VolumeTier,
    WhilePaused,
    Zone,
)
from rating.model import Plan as ProductPlan
from tests.billing.runs.world import MINUTE_MS, price_of
from tests.lives import plain

if TYPE_CHECKING:
    import random

ZONE = "Europe/Berlin"
PLANS = ("smart", "plus", "pro")
UNIT = 1_000_000
RATES = {
    "standard": ((dt.date(2020, 1, 1), 60_000), (dt.date(2028, 5, 1), 90_000)),
    "reduced": ((dt.date(2020, 1, 1), 30_000),),
}


def version(random_: random.Random, from_date: dt.date) -> plain.Version:
    """Plans at prices of the day: smart in arrears with free minutes, plus with all that looks at totals, pro in advance and for long."""

    def units(first: int, last: int) -> int:
        return random_.randint(first * 100, last * 100) * plain.CENT

    minute = random_.randint(5, 15) * plain.CENT
    keep = plain.Fee(203, units(1, 3), "standard", while_paused="only", outage_credit=False)
    smart = plain.Plan(minute, 20, (plain.Fee(200, units(20, 40), "standard"), keep), activation_micros=units(5, 9), rolls=True)
    fees = (plain.Fee(201, units(10, 30), "standard", advance=True), plain.Fee(202, units(2, 5), "reduced", while_paused="charged"))
    steps = ((0, minute), (25, minute - 3 * plain.CENT), (60, minute - 4 * plain.CENT))
    plus = plain.Plan(minute, 0, fees, steps, units(25, 45), random_.choice((0, 100_000, 333_333)), change_micros=units(1, 4))
    rent = plain.Fee(204, units(5, 8), "reduced", advance=True, outage_credit=False)
    pro = plain.Plan(minute, 10, (plain.Fee(200, units(30, 60), "standard"), rent), early_micros=units(2, 6), minimum_months=6)
    return plain.Version(from_date, dict(zip(PLANS, (smart, plus, pro), strict=True)))


def catalogue(told: plain.Version, number: int, corrects: int | None, *, inclusive: bool) -> Catalogue:
    """The product's words for a version: the `number`th, in place of the one it corrects."""
    minute = told.plans["smart"].minute_micros
    allowances = {name: place for place, name in enumerate(PLANS, start=1)}
    plans = tuple(_plan(name, plan, allowances[name]) for name, plan in told.plans.items())
    classes = enumerate(RATES.items(), start=1)
    return Catalogue(
        "life",
        number,
        "EUR",
        2,
        ZONE,
        instant_us(dt.datetime.combine(told.from_date, dt.time())),
        (Zone(1, "national", ("49",)),),
        (),
        (price_of(plain.VOICE, "Calls", plain.VOICE, minute),),
        plans,
        tuple(TaxClass(name, code, tuple(TaxRate(*rate) for rate in rates)) for code, (name, rates) in classes),
        {"en": ""},
        corrects=corrects,
        tax_inclusive=inclusive,
    )


def instant_us(local: dt.datetime) -> int:
    """Microseconds UTC of a local time."""
    return (local.replace(tzinfo=ZoneInfo(ZONE)) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _plan(name: str, told: plain.Plan, allowance_id: int) -> ProductPlan:
    steps = tuple(VolumeStep(from_minute * MINUTE_MS, micros, MINUTE_MS) for from_minute, micros in told.volume)
    occasions = (
        (plain.ACTIVATION, told.activation_micros, FeeOccasion.ACTIVATION),
        (plain.CHANGE, told.change_micros, FeeOccasion.PLAN_CHANGE),
        (plain.EARLY, told.early_micros, FeeOccasion.EARLY_END),
    )
    free = Allowance(
        allowance_id,
        f"{name} free",
        (Service.VOICE,),
        QuantityUnit.MILLISECOND,
        told.free_minutes * MINUTE_MS,
        ("*",),
        prorate=False,
        rollover_periods=int(told.rolls),
    )
    loyal = InvoiceDiscount(plain.LOYAL, "Loyal", plain.LOYAL, 5003, told.loyal_ppm, kinds=("usage", "volume"))
    least = Commitment(
        plain.COMMITMENT, "Least", plain.COMMITMENT, 5004, "standard", told.commitment_micros, CommitmentCounts.USAGE_AND_FEES
    )
    return ProductPlan(
        name,
        (UsageRule(Service.VOICE, "*", "Calls"),),
        {"en": name.capitalize()},
        (free,) if told.free_minutes else (),
        tuple(_fee(each) for each in told.fees),
        one_offs=tuple(
            OneOffFee(code, on.value, code, 5001, "standard", micros, on, per_remaining_month=on is FeeOccasion.EARLY_END)
            for code, micros, on in occasions
            if micros
        ),
        commitments=(least,) if told.commitment_micros else (),
        terms=ServiceTerms(minimum_months=told.minimum_months) if told.minimum_months else None,
        volume_tiers=(VolumeTier(plain.VOLUME, "By volume", plain.VOLUME, 4010, "standard", ("Calls",), steps),) if steps else (),
        invoice_discounts=(loyal,) if told.loyal_ppm else (),
        bill_thresholds=(BillThreshold(1, "three", 3 * UNIT), BillThreshold(2, "eight", 8 * UNIT)),  # interim bills change no sum
    )


def _fee(told: plain.Fee) -> RecurringFee:
    timing = FeeTiming.ADVANCE if told.advance else FeeTiming.ARREARS
    paused = WhilePaused(told.while_paused)
    name = f"Fee {told.code}"
    return RecurringFee(
        told.code, name, told.code, 5000, told.tax, told.micros, timing, while_paused=paused, outage_credit=told.outage_credit
    )
