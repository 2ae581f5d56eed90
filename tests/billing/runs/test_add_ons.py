"""Diaries of one-off fees and add-ons: what is bought on which day, and what the next invoice says. Amounts in cents (fen)."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace as replaced

from billing import catalogue, invoicing
from billing.controls import books
from billing.verification.explain_line import explain_line
from billing.verification.rerate_sample import rerate
from billing.what_if import Month, what_if
from rating.errors import UserError
from rating.model import AddOn, Allowance, AtPlanChange, Catalogue, FeeOccasion, FeeTiming, OneOffFee, QuantityUnit, RecurringFee, Service
from tariffs.builders.add_ons import combined
from tests.billing.runs.world import MINUTE_MS, Call, World, instant_us, shop

if TYPE_CHECKING:
    from pathlib import Path

FIRST_DAY = dt.date(2025, 10, 1)
OCTOBER = ("2025-10-01", "2025-11-01")
NOVEMBER = ("2025-11-01", "2025-12-01")
DECEMBER = ("2025-12-01", "2026-01-01")


def one_off(price_id: int, name: str, micros: int, on: FeeOccasion) -> OneOffFee:
    return OneOffFee(price_id, name, price_id, 5000, "standard", micros, on)


def with_talk(version: int, effective: str) -> Catalogue:
    """The shop with fees charged once, and the add-on `talk`: 60 minutes, whole, for 5.00 a month, and 1.00 to begin with."""
    base = shop(version, instant_us(effective))
    basic, plus = base.plans
    reset = msgspec.structs.replace(basic.allowances[0], at_plan_change=AtPlanChange.RESET)  # adding an add-on must not reset it
    basic = msgspec.structs.replace(
        basic,
        allowances=(reset,),
        one_offs=(
            one_off(301, "Set-up", 20_000_000, FeeOccasion.ACTIVATION),
            one_off(302, "Goodbye", 2_500_000, FeeOccasion.END),
            one_off(303, "Change of plan", 3_000_000, FeeOccasion.PLAN_CHANGE),
        ),
    )
    talk = AddOn(
        "talk",
        {"en": "Talk"},
        allowances=(Allowance(2, "talk", (Service.VOICE,), QuantityUnit.MILLISECOND, 60 * MINUTE_MS, ("national",), prorate=False),),
        recurring=(RecurringFee(304, "Talk", 304, 5000, "standard", 5_000_000, FeeTiming.ARREARS),),
        one_offs=(one_off(305, "Talk begins", 1_000_000, FeeOccasion.ADDED), one_off(306, "Talk ends", 500_000, FeeOccasion.REMOVED)),
    )
    return msgspec.structs.replace(base, plans=(basic, plus, combined(basic, [talk])), add_ons=(talk,))


@pytest.fixture
def anna(world: World) -> World:
    """One account on plan basic since October, in a shop with add-ons."""
    catalogue.publish(world.home, with_talk(2, "2025-09-01"), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    return world


def balanced(world: World) -> bool:
    return [book for book in books(world.home) if not book.ok] == []


def test_an_add_on_within_a_period(anna: World) -> None:
    anna.plan("anna-1", "shop/basic+talk", "2025-10-11")
    anna.take(
        Call("1001", "2025-10-05T10:00:00", 15 * 60),  # free: 15 of the plan's 20 minutes
        Call("1001", "2025-10-12T10:00:00", 10 * 60),  # free: the other 5, and 5 of the add-on's 60
        Call("1001", "2025-10-13T10:00:00", 57 * 60),  # free: 55; 2 minutes at 0.10
    )
    report = anna.bill("2025-11-01")
    assert anna.lines("R-0000000001") == [
        ("Basic", *OCTOBER, 1, 1000),  # once, whole
        ("Talk", *OCTOBER, 1, 339),  # 21 of 31 days
        ("Set-up", *OCTOBER, 1, 2000),
        ("Talk begins", *OCTOBER, 1, 100),
        ("National calls", *OCTOBER, 3, 20),
        ("Tax standard 6 %", *OCTOBER, 0, 208),
    ]
    assert balanced(anna)
    found = rerate(anna.home, report.run_id, 10, 1)
    assert (found.events, found.disagreements) == (3, 0)


def test_an_add_on_that_goes_and_a_subscription_that_ends(anna: World) -> None:
    anna.plan("anna-1", "shop/basic+talk", "2025-10-11")
    anna.bill("2025-11-01")
    anna.plan("anna-1", "shop/basic", "2025-11-16")
    anna.bill("2025-12-01")
    assert anna.lines("R-0000000002") == [
        ("Basic", *NOVEMBER, 1, 1000),
        ("Talk", *NOVEMBER, 1, 250),
        ("Talk ends", *NOVEMBER, 1, 50),
        ("Tax standard 6 %", *NOVEMBER, 0, 78),
    ]
    anna.end("anna-1", "2025-12-16")
    anna.bill("2026-01-01")
    assert anna.lines("R-0000000003") == [
        ("Basic", *DECEMBER, 1, 484),  # 15 of 31 days
        ("Goodbye", *DECEMBER, 1, 250),
        ("Tax standard 6 %", *DECEMBER, 0, 44),
    ]
    assert balanced(anna)


def test_an_add_on_that_is_known_late_is_a_correction(anna: World) -> None:
    anna.bill("2025-11-01")
    anna.plan("anna-1", "shop/basic+talk", "2025-10-22")
    anna.bill("2025-12-01")
    texts = [(text, start, cents) for text, start, _, _, cents in anna.lines("R-0000000002") if not text.startswith("Tax")]
    assert texts == [
        ("Talk, correction for 2025-10-01 to 2025-10-31", "2025-10-01", 161),
        ("Talk begins, correction for 2025-10-01 to 2025-10-31", "2025-10-01", 100),
        ("Basic", "2025-11-01", 1000),
        ("Talk", "2025-11-01", 500),
    ]
    assert balanced(anna)


def test_a_change_of_plan_is_charged_by_the_new_plan(anna: World) -> None:
    anna.account("ben")
    anna.subscription("ben-1", "ben", "shop/plus", "1002")
    anna.plan("ben-1", "shop/basic", "2025-10-11")
    anna.bill("2025-11-01")
    [number] = anna.numbers("ben")
    assert [
        (line.text, line.kind, line.amount_micros) for line in invoicing.get_invoice(anna.home, number).lines if line.kind == "one_off"
    ] == [("Change of plan", "one_off", 3_000_000)]
    assert balanced(anna)


def test_a_correction_of_the_tariff_bills_the_difference_of_each_fee_once(anna: World) -> None:
    anna.plan("anna-1", "shop/basic+talk", "2025-10-11")
    anna.bill("2025-11-01")
    right = with_talk(3, "2025-09-02")
    dear = [
        replaced(plan, one_offs=tuple(replaced(fee, amount_micros=fee.amount_micros * 2) for fee in plan.one_offs)) for plan in right.plans
    ]
    catalogue.publish(anna.home, replaced(right, plans=tuple(dear)), anna.tick())
    anna.bill("2025-11-01")
    anna.bill("2025-12-01")
    once: dict[str, int] = {}
    for number in anna.numbers():
        for line in invoicing.get_invoice(anna.home, number).lines:
            if line.kind == "one_off":
                once[line.text.partition(",")[0]] = once.get(line.text.partition(",")[0], 0) + line.amount_micros
    assert once == {"Set-up": 40_000_000, "Talk begins": 2_000_000}
    assert balanced(anna)


@pytest.mark.parametrize(
    ("statement", "book"),
    [
        ("UPDATE invoice_lines SET amount_micros = amount_micros + 10000 WHERE price_id = 305", "billing, run 1"),
        ("UPDATE invoice_lines SET kind = 'recurring' WHERE price_id = 305", "documents, run 1"),
        ("DELETE FROM invoice_lines WHERE price_id = 305", "billing, run 1"),
        ("UPDATE run_terms SET amount_micros = amount_micros + 1 WHERE term = 'one_off:CNY'", "billing, run 1"),
        ("DELETE FROM run_terms WHERE term = 'one_off:CNY'", "billing, run 1"),
    ],
)
def test_a_fee_charged_once_that_was_tampered_with_is_found(anna: World, statement: str, book: str) -> None:
    anna.plan("anna-1", "shop/basic+talk", "2025-10-11")
    anna.bill("2025-11-01")
    assert balanced(anna)
    assert anna.changed(statement)
    assert any(each.name.startswith(book) for each in books(anna.home) if not each.ok)


@pytest.mark.parametrize(
    "changes",
    [
        (("2025-10-01", "shop/basic+talk"), ("2025-11-01", "shop/basic")),
        (("2025-10-11", "shop/basic+talk"), ("2025-10-12", "shop/basic"), ("2025-10-20", "shop/basic+talk")),
        (("2025-10-05", "shop/plus"), ("2025-10-09", "shop/basic+talk"), ("2025-10-31", "shop/plus")),
        (("2025-10-05", "shop/plus"), ("2025-10-05", "shop/basic"), ("2025-10-07", "shop/plus"), ("2025-10-09", "shop/basic")),
    ],
)
@pytest.mark.parametrize("end", [None, "2025-10-25", "2025-11-01"])
def test_now_of_a_what_if_is_what_the_bills_of_the_month_charge(anna: World, changes: tuple[tuple[str, str], ...], end: str | None) -> None:
    """Half of the calls, changes and the end are known when the month is billed, and half are corrections."""
    for place, (date, plan) in enumerate(changes):
        anna.plan("anna-1", plan, date)
        anna.take(Call("1001", f"2025-10-0{place + 3}T10:00:00", 17 * 60), Call("1001", f"2025-10-2{place}T10:00:00", 31 * 60))
        if place == 0:
            anna.bill("2025-11-01")
    if end is not None:
        anna.end("anna-1", end)
    report = what_if(anna.home, with_talk(3, "2026-06-01"), Month(2025, 10), clock_s=itertools.count().__next__)
    anna.bill("2025-12-01")
    lines = [line for number in anna.numbers() for line in invoicing.get_invoice(anna.home, number).lines]
    charged = sum(line.exact_micros for line in lines if line.kind != "tax" and line.period_from == "2025-10-01")
    (part,) = report.currencies
    assert part.now_micros == part.then_micros == charged > 0
    assert balanced(anna)


def test_a_line_of_a_fee_charged_once_has_no_events_to_explain(anna: World) -> None:
    anna.bill("2025-11-01")
    with pytest.raises(UserError, match="is a one-off fee, not usage"):
        explain_line(anna.home, "R-0000000001", 2)


def test_what_rolled_over_stays_when_an_add_on_is_bought(world: World) -> None:
    """October leaves 20 minutes to November. On the 10th the add-on comes; 45 minutes are used: 20, then 20 of the plan's, 5 of talk."""
    with_talk_2 = with_talk(2, "2025-09-01")
    basic, plus, _ = with_talk_2.plans
    saver = msgspec.structs.replace(basic, allowances=(msgspec.structs.replace(basic.allowances[0], rollover_periods=1, prorate=False),))
    plans = (saver, plus, combined(saver, with_talk_2.add_ons))
    catalogue.publish(world.home, msgspec.structs.replace(with_talk_2, plans=plans), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.plan("anna-1", "shop/basic+talk", "2025-11-10")
    world.bill("2025-11-01")
    world.take(Call("1001", "2025-11-20T10:00:00", 45 * 60), Call("1001", "2025-11-21T10:00:00", 56 * 60))
    report = world.bill("2025-12-01")
    calls = [line for line in world.lines("R-0000000002") if line[0] == "National calls"]
    assert calls == [("National calls", *NOVEMBER, 2, 10)]  # 101 minutes, of which 20 + 20 + 60 are free
    assert rerate(world.home, report.run_id, 10, 1).disagreements == 0
    assert balanced(world)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_bills_of_a_life_add_up_to_one_bill_at_its_end(tmp_path: Path, seed: int) -> None:
    """Whatever is bought, changed and ended on which day, and learned before or after its period was billed."""
    draw = random.Random(seed)
    names = ("shop/basic", "shop/basic+talk", "shop/plus")
    days = sorted(draw.sample(range(2, 90), 5))
    changes = [(str(FIRST_DAY + dt.timedelta(days=day)), draw.choice(names)) for day in days]
    learned = {date: draw.choice(["2025-11-01", "2025-12-01"]) for date, _ in changes}
    end = draw.choice([None, "2025-12-20"])
    monthly = life(tmp_path / "monthly", changes, learned, ["2025-11-01", "2025-12-01", "2026-01-01"], end)
    at_once = life(tmp_path / "at-once", changes, dict.fromkeys(learned, ""), ["2026-01-01"], end)
    assert monthly == at_once
    assert any(period == DECEMBER for _, period in monthly)


def life(
    folder: Path, changes: list[tuple[str, str]], learned: dict[str, str], bills: list[str], end: str | None
) -> dict[tuple[str, tuple[str, str]], int]:
    """What is billed in all, by price and period. `learned`: after which bill date a change is known."""
    world = World(folder)
    try:
        catalogue.publish(world.home, with_talk(2, "2025-09-01"), world.tick())
        world.account("anna")
        world.subscription("anna-1", "anna", "shop/basic", "1001")
        if end is not None:
            world.end("anna-1", end)
        for before, bill in zip(["", *bills], bills, strict=False):
            for date, plan in changes:
                if learned[date] == before or (not before and learned[date] not in bills):
                    world.plan("anna-1", plan, date)
            world.bill(bill)
        assert balanced(world)
        sums: dict[tuple[str, tuple[str, str]], int] = {}
        for number in world.numbers():
            for line in invoicing.get_invoice(world.home, number).lines:
                key = (f"{line.kind} {line.price_id} {line.tax_class}", (line.period_from, line.period_to))
                sums[key] = sums.get(key, 0) + line.amount_micros
        return {key: amount for key, amount in sums.items() if amount}
    finally:
        world.home.close()
