"""Every word of the language and what it means in the model; the same thing said in two ways is the same."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from rating.model import (
    ANY_BAND,
    Allowance,
    AtPlanChange,
    Band,
    BillThreshold,
    CapWindow,
    Catalogue,
    ChargeCap,
    Commitment,
    CommitmentCounts,
    Counting,
    DayPass,
    Discount,
    Draw,
    FeeOccasion,
    FeeTiming,
    InvoiceDiscount,
    LateUsage,
    LimitAction,
    OneOffFee,
    QuantityUnit,
    Rate,
    RecurringFee,
    RoamingZone,
    Service,
    ServiceTerms,
    SpendLimit,
    Step,
    TaxShare,
    UsageRule,
    VolumeScope,
    VolumeStep,
    VolumeTier,
    WallClock,
    WhilePaused,
    Zone,
)
from rating.schema import Direction
from tariffs.language.words import DIRECTIONS
from tests.tariffs.rich import RICH, changed, whole
from tests.tariffs.sample import loaded

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = tuple(Service)
VOICE = Service.VOICE


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return loaded(tmp_path_factory.mktemp("rich"), RICH)


def test_bands(rich: Catalogue) -> None:
    day = 86_400
    assert rich.calendars[0].holidays == (dt.date(2026, 1, 1), dt.date(2026, 12, 25))
    assert rich.calendars[0].bands == (
        Band("peak", (1, 2, 3, 4, 5), 28_800, 72_000),
        Band("holiday", (), 0, day, weight=20, holidays=True),
        Band("summer", (), 0, day, weight=5, years=(2026, 2027), months=(7, 8)),
        Band("pay-day", (), 43_200, 50_400, weight=9, month_days=(1, 15)),
        Band("new-year", (), 72_000, day, weight=30, dates=(dt.date(2026, 12, 31),)),
        Band("new-year", (), 0, 14_400, weight=30, dates=(dt.date(2027, 1, 1),)),  # the morning after
    )


def test_zones(rich: Catalogue) -> None:
    assert rich.zones[2] == Zone(3, "emergency", (), ("110", "112"))
    assert rich.roaming_zones == (
        RoamingZone(1, "eu", (208_001, 222_010), "Europe/Paris"),
        RoamingZone(2, "usa", (310_026, 310_410), title={"en": "United States"}),
    )
    assert rich.home_timezones == ("Asia/Kolkata", "Europe/Berlin")


def test_prices(rich: Catalogue) -> None:
    free, home, eu, data, sms, content, shop = rich.prices
    assert free.rates == (Rate(ANY_BAND, (Step(0, 0, 1_000, 1_000),), 1_000, 0),)
    assert (home.clock, home.minimum_qty, home.unit) == (WallClock.HOME, 30_000, QuantityUnit.MILLISECOND)
    assert home.rates == (
        Rate("peak", (Step(0, 90_000, 60_000, 1_000),), 60_000),
        Rate("holiday", (Step(0, 0, 1_000, 1_000),), 60_000, 200_000),  # a flat price: a connect fee, counted in the price's increments
        Rate("other", (Step(0, 250_000, 600_000, 600_000),), 600_000, 10_000),
    )
    assert (eu.counting, eu.counter_id, eu.rates[0].steps[1].from_qty) == (Counting.GRADUATED, 5, 360_000_000)
    assert (data.counting, data.counter_id, data.unit) == (Counting.PACKAGE, 6, QuantityUnit.BYTE)
    assert data.rates == (Rate(ANY_BAND, (Step(0, 500_000, 10**7, 10**7),), 10**7),)
    assert (sms.unit, sms.rates) == (QuantityUnit.MESSAGE, (Rate(ANY_BAND, (Step(0, 0, 1, 1),), 1, 70_000),))
    assert (content.content_ppm, content.rates) == (300_000, (Rate(ANY_BAND, (Step(0, 100_000, 1, 1),), 1),))
    assert (shop.content_ppm, shop.rates) == (1_000_000, (Rate(ANY_BAND, (Step(0, 0, 1, 1),), 1),))


def test_rules(rich: Catalogue) -> None:
    plan = rich.plans[0]
    assert plan.fallbacks == ("basic",)
    assert plan.rules == (
        UsageRule(VOICE, "emergency", "free"),
        UsageRule(VOICE, "land", "free", direction=Direction.TERMINATING),
        UsageRule(VOICE, "land", None, origin="far", on_net=False),
        UsageRule(VOICE, "land", "eu-voice", roaming="eu", rating_group=7, customer_group=3),
        UsageRule(VOICE, "land", "home-voice", roaming="home"),
        UsageRule(VOICE, "land", "free"),
    )


def test_directions_are_those_of_usage() -> None:
    assert {direction.name.lower(): direction.value for direction in Direction} == DIRECTIONS


def test_allowances(rich: Catalogue) -> None:
    ms, message, byte, micro = QuantityUnit.MILLISECOND, QuantityUnit.MESSAGE, QuantityUnit.BYTE, QuantityUnit.MICRO
    assert rich.plans[0].allowances == (
        Allowance(81, "minutes", (VOICE,), ms, 6_000_000, ("land",), priority=2, draw=Draw.WHOLE_INCREMENTS, connect_when_free=True),
        Allowance(82, "texts", (Service.SMS, Service.MMS), message, 50, ("*",), shared=True, at_plan_change=AtPlanChange.CARRY),
        Allowance(83, "data", (Service.DATA,), byte, 10**9, ("*",), prorate=False, rollover_periods=2, rollover_max=5 * 10**8),
        Allowance(84, "money", EVERYTHING, micro, 10_000_000, ("*",), rollover_periods=1, rollover_max=5_000_000, title={"en": "Credit"}),
        Allowance(85, "letters", (Service.SMS,), message, 7, ("*",), shared=True, granted_once=True, at_plan_change=AtPlanChange.CARRY),
    )


def test_passes_caps_and_discounts(rich: Catalogue) -> None:
    plan, byte, ms = rich.plans[0], QuantityUnit.BYTE, QuantityUnit.MILLISECOND
    assert plan.day_passes == (
        DayPass(91, "day", 1_990_000, (Service.DATA,), ("*",), byte, 5 * 10**8, clock=WallClock.VISITED, priority=3),
        DayPass(92, "talk", 990_000, (VOICE,), ("land",), ms),
    )
    assert plan.caps == (
        ChargeCap(1, "daily", 5_000_000, CapWindow.DAY, (Service.DATA,), ("*",)),
        ChargeCap(2, "monthly", 50_000_000, CapWindow.PERIOD, EVERYTHING, ("*",)),
    )
    march_us, april_us = 1_772_319_600_000_000, 1_774_994_400_000_000
    assert plan.discounts == (
        Discount(1, "friends", 250_000, (VOICE,), ("land",), friends_only=True),
        Discount(2, "spring", 105_000, EVERYTHING, ("*",), from_us=march_us, to_us=april_us),
    )


def test_fees_and_terms(rich: Catalogue) -> None:
    basic = rich.plans[1]
    codes = (9, 400, "standard")
    assert basic.recurring == (RecurringFee(101, "fee", *codes, 9_990_000, timing=FeeTiming.ADVANCE, prorate=False),)
    assert basic.one_offs == (
        OneOffFee(102, "setup", *codes, 20_000_000, title={"en": "Set-up"}),
        OneOffFee(103, "leaving", *codes, 5_000_000, on=FeeOccasion.END),
        OneOffFee(104, "change", *codes, 1_000_000, on=FeeOccasion.PLAN_CHANGE),
        OneOffFee(106, "early", *codes, 8_000_000, on=FeeOccasion.EARLY_END, per_remaining_month=True),
    )
    counts = CommitmentCounts.USAGE_AND_FEES
    assert basic.commitments == (Commitment(105, "least", *codes, 15_000_000, counts, prorate=False),)
    assert basic.spend_limits == (
        SpendLimit(
            1, "careful", 30_000_000, CapWindow.PERIOD, LimitAction.BAR, (Service.SMS, Service.DATA), ("*",), title={"en": "Careful"}
        ),
    )
    assert basic.terms == ServiceTerms(48, 50_000, 12, 30)
    assert (basic.sold_from, basic.sold_to) == (dt.date(2026, 1, 1), dt.date(2026, 12, 31))


def test_terms_of_bills(rich: Catalogue) -> None:
    basic = rich.plans[1]
    steps = (VolumeStep(0, 50_000, 10**6), VolumeStep(10**10, 30_000, 10**6, 2_000_000))
    assert basic.volume_tiers == (
        VolumeTier(110, "much-data", 3, 403, "standard", ("data",), steps, VolumeScope.ACCOUNT, {"en": "Much data"}),
    )
    assert basic.invoice_discounts == (
        InvoiceDiscount(111, "loyal", 9, 400, percent_ppm=100_000, kinds=("usage", "volume"), title={"en": "Loyal"}),
        InvoiceDiscount(112, "welcome", 9, 400, amount_micros=5_000_000, charge_codes=(3, 9), months=6),
    )
    assert basic.bill_thresholds == (
        BillThreshold(1, "hundred", 100_000_000, {"en": "Hundred"}),
        BillThreshold(2, "much", 500_000_000),
    )
    assert (basic.late_usage, basic.late_after_days, basic.late_usage_days_max) == (LateUsage.ARRIVAL_PERIOD, 5, 90)
    assert rich.plans[-1].base == "basic"
    assert (rich.plans[-1].volume_tiers, rich.plans[-1].invoice_discounts) == (basic.volume_tiers, basic.invoice_discounts)
    assert rich.tax_inclusive is False


def test_the_order_of_kinds_and_codes_says_nothing(tmp_path: Path) -> None:
    """Nor does writing one twice."""
    other = changed("kinds: [usage, volume]", "kinds: [volume, usage, volume]", changed("[3, 9]", "[9, 3, 9]"))
    assert loaded(tmp_path, other).content_hash == loaded(tmp_path, RICH).content_hash


def test_a_step_may_be_an_amount_alone(tmp_path: Path) -> None:
    text = changed('{from: 10GB, rate: "0.03", per: 1MB, flat: "2.00"}', '{from: 10GB, flat: "2.00"}')
    assert loaded(tmp_path, text).plans[1].volume_tiers[0].steps[1] == VolumeStep(10**10, 0, 1, 2_000_000)


def test_fees_of_pauses_outages_and_bundles(tmp_path: Path) -> None:
    found = whole(tmp_path)
    [line] = found.plans[2].recurring
    assert (line.while_paused, line.outage_credit) == (WhilePaused.CHARGED, False)
    assert line.shares == (TaxShare("reduced", 600_000, 407), TaxShare("standard", 400_000, 401))
    assert found.tax_inclusive is True


def test_add_ons(rich: Catalogue) -> None:
    booster, travel = rich.add_ons
    assert (booster.name, booster.title, booster.excludes) == ("booster", {"en": "Booster"}, ("travel",))
    assert booster.allowances == (Allowance(201, "more-data", (Service.DATA,), QuantityUnit.BYTE, 5 * 10**9, ("*",), prorate=False),)
    assert [(fee.name, fee.on) for fee in travel.one_offs] == [("travel-start", FeeOccasion.ADDED), ("travel-end", FeeOccasion.REMOVED)]
    assert [fee.amount_micros for fee in booster.recurring] == [3_000_000]
    assert (travel.day_passes[0].fee_micros, travel.caps[0].amount_micros, travel.discounts[0].percent_ppm) == (
        2_990_000,
        40_000_000,
        500_000,
    )


def test_what_the_catalogue_says_of_itself(rich: Catalogue) -> None:
    assert (rich.effective_to_us, rich.corrects, rich.notice_days) == (1_798_758_000_000_000, None, 10)
    assert (rich.complaint_channel, rich.disclosure) == ({"en": "Call 10000."}, {"en": "Sample prices."})


SAME = [
    ("days: mon-fri, from", 'days: "fri,mon-thu", from'),
    ("{name: holiday, holidays: true", "{name: holiday, days: daily, holidays: true"),
    ("{name: holiday, holidays", '{name: holiday, from: "00:00", to: "24:00", holidays'),
    ("months: [jul, 8]", "months: [aug, 7, Aug]"),
    ("years: [2026, 2027]", "years: [2027, 2026]"),
    ("month_days: [1, 15]", "month_days: [15, 1]"),
    ("holidays: [2026-12-25, 2026-01-01]", "holidays: [2026-01-01, 2026-12-25, 2026-01-01]"),
    ('short_codes: ["112", 110]', 'short_codes: [110, "112"]'),
    ('plmns: ["208-01", 22210]', 'plmns: ["222-10", "20801"]'),
    ('"310-26"', '"310-026"'),
    ("[Europe/Berlin, Asia/Kolkata]", "[Asia/Kolkata, Europe/Berlin]"),
    ('flat: "0", unit: seconds', 'rate: "0", per: 1s, increments: 1/1'),
    ('flat: "0.07"', 'rate: "0", per: 1 message, connect_fee: "0.07"'),
    ('flat: "0.07"', 'flat: "0.07", unit: messages, increments: 1/1'),
    ('package: {size: 10MB, price: "0.50"}', 'rate: "0.50"\n    per: 10MB\n    increments: 10MB/10MB'),
    ('content_percent: "100"', 'content_percent: 100, flat: "0"'),
    ("services: [mms, sms]", "services: [sms, mms]"),
    ("id: 82, name: texts", 'id: 82, zones: ["*"], name: texts'),
    ('amount: "20", title: {en: Set-up}', 'amount: "20.00", at: activation, title: {en: Set-up}'),
    ("add_ons: [travel, booster]", "add_ons: [booster, travel]"),
    ('amount: "50.00", window: period', 'amount: "50.00", window: period, services: [voice, sms, mms, data, content]'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SAME)
def test_two_ways_of_saying_one_thing(tmp_path: Path, rich: Catalogue, old: str, new: str) -> None:
    assert loaded(tmp_path, changed(old, new)) == rich


def test_holidays_from_a_file_join_those_written_out(tmp_path: Path) -> None:
    (tmp_path / "holidays.csv").write_text("date\n2026-05-01\n2026-12-25\n")
    catalogue = loaded(tmp_path, changed("    holidays: [", "    holidays_file: holidays.csv\n    holidays: ["))
    assert catalogue.calendars[0].holidays == (dt.date(2026, 1, 1), dt.date(2026, 5, 1), dt.date(2026, 12, 25))


def test_a_band_over_midnight_moves_its_days_and_dates(tmp_path: Path) -> None:
    words = '{name: new-year, days: thu-fri, dates: [2026-12-31, 2027-02-26], from: "20:00", to: "04:00", weight: 30}'
    bands = (
        loaded(tmp_path, changed('{name: new-year, dates: [2026-12-31], from: "20:00", to: "04:00", weight: 30}', words)).calendars[0].bands
    )
    assert bands[-2] == Band("new-year", (4, 5), 72_000, 86_400, 30, dates=(dt.date(2026, 12, 31), dt.date(2027, 2, 26)))
    assert bands[-1] == Band("new-year", (5, 6), 0, 14_400, 30, dates=(dt.date(2027, 1, 1), dt.date(2027, 2, 27)))
