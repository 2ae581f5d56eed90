"""What a period leaves of an allowance, how long it serves, and which changes of plan it survives."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.charges.grants import Pot
from billing.charges.periods import always, period_from
from billing.charges.rollover import Left, Owner, by_owner, follow, left_of
from rating.model import Allowance, QuantityUnit, Service
from tests.billing.charges.test_grants import KEY, OCTOBER, grantings_of, rows, stretches_of

NOVEMBER_1 = dt.date(2025, 11, 1)
ANNA = Owner(7, always(1), 71, "x/a")


def pot(periods: int, most: int | None = None, end: dt.date = NOVEMBER_1) -> Pot:
    made = Allowance(1, "free", (Service.SMS,), QuantityUnit.MESSAGE, 100, ("*",), rollover_periods=periods, rollover_max=most)
    return Pot(KEY, made, (0,), 100, OCTOBER.start, end)


@pytest.mark.parametrize(
    ("periods", "most", "left", "carried", "serves_to"),
    [
        (1, None, 40, 40, "2025-12-01"),
        (3, None, 40, 40, "2026-02-01"),
        (1, 30, 40, 30, "2025-12-01"),
        (1, 30, 20, 20, "2025-12-01"),
        (1, 0, 20, 0, "2025-12-01"),
        (2, None, 0, 0, "2026-01-01"),  # nothing left is something to know: the next run must not find an older answer
    ],
)
def test_what_is_left_serves_some_more_periods(periods: int, most: int | None, left: int, carried: int, serves_to: str) -> None:
    found = left_of(pot(periods, most), ANNA, OCTOBER, left)
    assert found == Left(7, 71, "x/a", KEY, NOVEMBER_1, dt.date.fromisoformat(serves_to), carried)
    assert found.serves(period_from(NOVEMBER_1, 1))
    assert not found.serves(OCTOBER)


def test_bill_days_at_the_end_of_the_month() -> None:
    january = period_from(dt.date(2025, 12, 31), 31)
    found = left_of(pot(2, end=january.end), ANNA._replace(bill_days=always(31)), january, 5)
    assert found is not None
    assert (found.period_end, found.serves_to) == (dt.date(2026, 1, 31), dt.date(2026, 3, 31))


def test_one_more_period_ends_where_the_bill_day_of_its_time_says() -> None:
    """Billed on day 1, from 20 October on on day 15: the stub from 1 to 15 November is the one more period, whatever day comes later."""
    changed = (*always(1), (dt.date(2025, 10, 20), 15), (dt.date(2026, 3, 1), 28))
    served = [left_of(pot(periods), ANNA._replace(bill_days=changed), OCTOBER, 5) for periods in (1, 2)]
    assert [each.serves_to for each in served if each is not None] == [dt.date(2025, 11, 15), dt.date(2025, 12, 15)]
    before = left_of(pot(1), ANNA._replace(bill_days=(*always(1), (dt.date(2026, 3, 1), 28))), OCTOBER, 5)
    assert before is not None
    assert before.serves_to == dt.date(2025, 12, 1), "a change to come changes nothing of the past"


def test_what_does_not_outlive_its_period() -> None:
    assert left_of(pot(0), ANNA, OCTOBER, 40) is None
    assert left_of(pot(1, end=dt.date(2025, 10, 11)), ANNA, OCTOBER, 40) is None  # a change of plan had ended it


# plans as in test_grants, with the plan that had the allowance before the period; which plans it reaches, until when, and who has it then
REACHES = """
plans                                          stretches         reach
a 310 prorate                                  a a1              a 32 a
a 310 prorate, b 620 prorate                   a a1 b11          a 11 -
a 310 carry, b 620 prorate                     a a1 b11          ab 32 b
a 310 carry, b 620 prorate                     a b1              b 32 b
a 310 prorate, b 620 carry                     a b1              - 1 -
a 310 carry, b none                            a a1 b11          a 11 -
a 310 carry, b 620 carry, c 930 prorate        a a1 b11 c21      abc 32 c
a 310 carry, b 620 reset, c 930 prorate        a a1 b11 c21      ab 21 -
"""


@pytest.mark.parametrize(("plans", "stretches", "expected"), rows(REACHES))
def test_which_plans_it_reaches(plans: str, stretches: str, expected: str) -> None:
    before, _, text = stretches.partition(" ")
    reach = follow(KEY, "abc".index(before), stretches_of(text), grantings_of(plans), OCTOBER)
    plans_reached = "".join("abc"[plan] for plan in reach.plans) or "-"
    assert f"{plans_reached} {(reach.end - OCTOBER.start).days + 1} {'-' if reach.plan is None else 'abc'[reach.plan]}" == expected


def test_a_subscription_that_has_ended_leaves_nothing_on() -> None:
    assert follow(KEY, 0, [], grantings_of("a 310 carry"), OCTOBER).plan is None


def test_equal_ones_are_added_up() -> None:
    one = left_of(pot(1), ANNA, OCTOBER, 10)
    later = left_of(pot(2), ANNA, OCTOBER, 5)
    other = left_of(pot(1), ANNA._replace(subscription_key=72), OCTOBER, 3)
    assert one is not None
    assert later is not None
    assert other is not None
    assert by_owner([one, later, one, other]) == {(7, 71): [one._replace(amount=20), later], (7, 72): [other]}


def test_what_is_left_stays_when_an_add_on_comes_or_goes() -> None:
    grantings = [{KEY: each[KEY]._replace(base="x/a")} for each in grantings_of("a 310 prorate, b 310 prorate")]
    assert follow(KEY, 0, stretches_of("b1 a11"), grantings, OCTOBER) == ((1, 0), OCTOBER.end, 0)
    assert follow(KEY, 0, stretches_of("b1 a11"), grantings_of("a 310 prorate, b 310 prorate"), OCTOBER).plan is None
