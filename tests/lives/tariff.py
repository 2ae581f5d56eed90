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
    LateUsage,
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
from tests.lives import story

if TYPE_CHECKING:
    import random

ZONE = story.ZONE
PLANS = ("smart", "plus", "pro", "clan")
UNIT = 1_000_000
SHARED = 9  # id of the allowance that a pool has together
RATES = {
    "standard": ((dt.date(2020, 1, 1), 60_000), (dt.date(2028, 5, 1), 90_000)),
    "reduced": ((dt.date(2020, 1, 1), 30_000),),
}


def version(random_: random.Random, from_date: dt.date, *, shared_rolls: bool) -> story.Version:
    """Plans at prices of the day: smart in arrears with free minutes, plus with all that looks at totals, pro in advance and for long.

    Clan has free minutes of its own and of its pool (`shared_rolls`: what is left of those serves longer). What any of them does with late
    usage is another thing in each version.
    """

    def units(first: int, last: int) -> int:
        return random_.randint(first * 100, last * 100) * story.CENT

    minute = random_.randint(5, 15) * story.CENT
    keep = story.Fee(203, units(1, 3), "standard", while_paused="only", outage_credit=False)
    smart = story.Plan(minute, 20, (story.Fee(200, units(20, 40), "standard"), keep), activation_micros=units(5, 9), rolls=True)
    fees = (story.Fee(201, units(10, 30), "standard", advance=True), story.Fee(202, units(2, 5), "reduced", while_paused="charged"))
    steps = ((0, minute), (25, minute - 3 * story.CENT), (60, minute - 4 * story.CENT))
    plus = story.Plan(minute, 0, fees, steps, units(25, 45), random_.choice((0, 100_000, 333_333)), change_micros=units(1, 4))
    rent = story.Fee(204, units(5, 8), "reduced", advance=True, outage_credit=False)
    pro = story.Plan(minute, 10, (story.Fee(200, units(30, 60), "standard"), rent), early_micros=units(2, 6), minimum_months=6)
    club = story.Fee(205, units(8, 12), "standard")
    clan = story.Plan(minute, 5, (club,), shared_minutes=random_.choice((4, 10, 20)), shared_rolls=shared_rolls)
    return story.Version(from_date, dict(zip(PLANS, (_late(random_, each) for each in (smart, plus, pro, clan)), strict=True)))


def _late(random_: random.Random, plan: story.Plan) -> story.Plan:
    return plan._replace(late_after=random_.choice((None, None, None, 0, 4)), late_max=random_.choice((None, None, None, 40, 100)))


def catalogue(told: story.Version, number: int, corrects: int | None, *, inclusive: bool) -> Catalogue:
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
        (price_of(story.VOICE, "Calls", story.VOICE, minute),),
        plans,
        tuple(TaxClass(name, code, tuple(TaxRate(*rate) for rate in rates)) for code, (name, rates) in classes),
        {"en": ""},
        corrects=corrects,
        tax_inclusive=inclusive,
    )


def instant_us(local: dt.datetime) -> int:
    """Microseconds UTC of a local time."""
    return (local.replace(tzinfo=ZoneInfo(ZONE)) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _plan(name: str, told: story.Plan, allowance_id: int) -> ProductPlan:
    steps = tuple(VolumeStep(from_minute * MINUTE_MS, micros, MINUTE_MS) for from_minute, micros in told.volume)
    occasions = (
        (story.ACTIVATION, told.activation_micros, FeeOccasion.ACTIVATION),
        (story.CHANGE, told.change_micros, FeeOccasion.PLAN_CHANGE),
        (story.EARLY, told.early_micros, FeeOccasion.EARLY_END),
    )
    free = _allowance(allowance_id, f"{name} free", told.free_minutes, rolls=told.rolls)
    shared = _allowance(SHARED, f"{name} together", told.shared_minutes, rolls=told.shared_rolls, shared=True)
    arrival = LateUsage.ORIGIN_PERIOD if told.late_after is None else LateUsage.ARRIVAL_PERIOD
    loyal = InvoiceDiscount(story.LOYAL, "Loyal", story.LOYAL, 5003, told.loyal_ppm, kinds=("usage", "volume"))
    least = Commitment(
        story.COMMITMENT, "Least", story.COMMITMENT, 5004, "standard", told.commitment_micros, CommitmentCounts.USAGE_AND_FEES
    )
    return ProductPlan(
        name,
        (UsageRule(Service.VOICE, "*", "Calls"),),
        {"en": name.capitalize()},
        (*((free,) if told.free_minutes else ()), *((shared,) if told.shared_minutes else ())),
        tuple(_fee(each) for each in told.fees),
        one_offs=tuple(
            OneOffFee(code, on.value, code, 5001, "standard", micros, on, per_remaining_month=on is FeeOccasion.EARLY_END)
            for code, micros, on in occasions
            if micros
        ),
        commitments=(least,) if told.commitment_micros else (),
        terms=ServiceTerms(minimum_months=told.minimum_months) if told.minimum_months else None,
        volume_tiers=(VolumeTier(story.VOLUME, "By volume", story.VOLUME, 4010, "standard", ("Calls",), steps),) if steps else (),
        invoice_discounts=(loyal,) if told.loyal_ppm else (),
        late_usage=arrival,
        late_after_days=told.late_after or 0,
        late_usage_days_max=told.late_max,
        bill_thresholds=(BillThreshold(1, "three", 3 * UNIT), BillThreshold(2, "eight", 8 * UNIT)),  # interim bills change no sum
    )


def _allowance(allowance_id: int, name: str, minutes: int, *, rolls: bool, shared: bool = False) -> Allowance:
    """Whole minutes for whoever has the plan on any day; shared ones are drawn after the others."""
    services = (Service.VOICE,)
    return Allowance(
        allowance_id,
        name,
        services,
        QuantityUnit.MILLISECOND,
        minutes * MINUTE_MS,
        ("*",),
        prorate=False,
        priority=int(shared),
        shared=shared,
        rollover_periods=int(rolls),
    )


def _fee(told: story.Fee) -> RecurringFee:
    timing = FeeTiming.ADVANCE if told.advance else FeeTiming.ARREARS
    paused = WhilePaused(told.while_paused)
    name = f"Fee {told.code}"
    return RecurringFee(
        told.code, name, told.code, 5000, told.tax, told.micros, timing, while_paused=paused, outage_credit=told.outage_credit
    )
