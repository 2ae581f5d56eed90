"""What plans grant in one period, across changes of plan. October 2025 has 31 days; quantities are chosen so that a day is worth 10."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from billing.charges.grants import AllowanceKey, Granting, Pot, Stretch, granted_once, pots
from billing.charges.periods import period_from
from billing.charges.proration import Span
from billing.verification.plain_buckets import _granted_once
from rating.model import Allowance, AtPlanChange, QuantityUnit, Service

OCTOBER = period_from(dt.date(2025, 10, 1), 1)
LATE_START = period_from(dt.date(2025, 10, 11), 1)
KEY = AllowanceKey("x", 1)


def allowance(quantity: int, change: str = "prorate", *, prorate: bool = True, shared: bool = False) -> Allowance:
    return Allowance(
        1,
        "free",
        (Service.SMS,),
        QuantityUnit.MESSAGE,
        quantity,
        ("*",),
        prorate=prorate,
        shared=shared,
        at_plan_change=AtPlanChange(change),
    )


def october(day: int) -> dt.date:
    return dt.date(2025, 11, 1) if day == 32 else dt.date(2025, 10, day)


# plans: quantity and what happens when the plan is left; stretches: plan a, b, c and its first day, the next one's first day is its end.
# pots: plans, amount, from and to (a day of October; 32 is 1 November).
CHANGES = """
plans                                          stretches         pots
a 310 prorate                                  a1                a 310 1-32
a 310 prorate                                  a11               a 210 1-32
a 310 prorate                                  a1 .11            a 100 1-32
a 310 prorate, b 620 prorate                   a1 b11            a 100 1-32, b 420 1-32
a 310 prorate, b 620 prorate                   a1 b11 a21        a 210 1-32, b 200 1-32
a 310 carry, b 620 prorate                     a1 b11            ab 310 1-32
a 310 carry, b 620 carry                       a1 b11 a21        ab 310 1-32
a 310 carry, b 620 prorate                     a1 b11 a21        ab 310 1-32
a 310 carry, b 620 prorate                     a6 b11            ab 260 1-32
a 310 prorate, b 620 carry                     a1 b11            a 100 1-32, b 420 1-32
a 310 reset, b 620 prorate                     a1 b11            a 310 1-11, b 620 11-32
a 310 reset, b 620 reset                       a1 b11 a21        a 310 1-11, b 620 11-21, a 310 21-32
a 310 reset, b 620 prorate                     a1 b11 .21        a 200 1-11, b 400 11-32
a 310 reset, b 620 carry, c 930 prorate        a1 b11 c21        a 310 1-11, bc 620 11-32
a 310 carry, b none, c 930 prorate             a1 b11 c21        a 100 1-32, c 330 1-32
a 310 carry, b none                            a1 b11 a21        a 210 1-32
a 310 carry, b none                            b1 a11            a 210 1-32
a 310 prorate                                  a1 a11            a 310 1-32
"""


def rows(table: str) -> list[tuple[str, str, str]]:
    head, *lines = table.strip().splitlines()
    columns = [head.index(name) for name in head.split()]
    return [(line[: columns[1]].strip(), line[columns[1] : columns[2]].strip(), line[columns[2] :].strip()) for line in lines]


def grantings_of(text: str, *, shared: bool = False) -> list[dict[AllowanceKey, Granting]]:
    found: list[dict[AllowanceKey, Granting]] = []
    for each in text.split(", "):
        _, *words = each.split()
        if words == ["none"]:
            found.append({})
        else:
            found.append({KEY: Granting(allowance(int(words[0]), words[1], shared=shared), OCTOBER.start)})
    return found


def stretches_of(text: str) -> list[Stretch]:
    words = text.split()
    days = [int(word[1:]) for word in words] + [32]
    return [
        Stretch("abc".index(word[0]), Span(october(first), october(end)))
        for word, first, end in zip(words, days, days[1:], strict=False)
        if word[0] != "."
    ]


def shown(found: list[Pot]) -> str:
    def day(date: dt.date) -> int:
        return (date - OCTOBER.start).days + 1

    return ", ".join(f"{''.join('abc'[plan] for plan in pot.plans)} {pot.amount} {day(pot.start)}-{day(pot.end)}" for pot in found)


@pytest.mark.parametrize(("plans", "stretches", "expected"), rows(CHANGES))
def test_changes_of_plan(plans: str, stretches: str, expected: str) -> None:
    assert shown(pots(stretches_of(stretches), grantings_of(plans), OCTOBER)) == expected


def test_a_shared_allowance_is_prorated_where_its_own_would_be_reset() -> None:
    found = pots(stretches_of("a1 b11"), grantings_of("a 310 reset, b 620 reset", shared=True), OCTOBER)
    assert shown(found) == "a 100 1-32, b 420 1-32"


@pytest.mark.parametrize(("from_day", "prorate", "expected"), [(1, True, 310), (12, True, 200), (12, False, 310), (31, True, 10)])
def test_a_version_that_brings_an_allowance_grants_its_days(from_day: int, prorate: bool, expected: int) -> None:  # noqa: FBT001 -- a column of the table
    grantings = [{KEY: Granting(allowance(310, prorate=prorate), october(from_day))}]
    assert [pot.amount for pot in pots(stretches_of("a1"), grantings, OCTOBER)] == [expected]


# members: what the plan of each grants, and on which days of October it has the plan; what is granted to all of them together
ONCE = """
members                                        granted
310 1-31                                       310
310 1-31, 310 1-31                             310
310 1-31, 310 11-20                            310
310 1-10, 310 6-15                             150
310 1-5, 310 11-15                             100
310 6-15, 310 11-25, 310 20-25                 200
310 1-10 15-20, 310 5-16                       200
310 31-31                                      10
620 whole 31-31, 620 whole 10-10               620
310 6-15, 620 1-5                              300
310 1-5, 620 6-15                              150
310 1-10, 620 1-5                              200
310 1-5, 620 whole 1-5                         620
"""


@pytest.mark.parametrize(("members", "granted"), [line.rsplit(maxsplit=1) for line in ONCE.strip().splitlines()[1:]])
def test_what_is_granted_once_is_granted_for_the_days_on_which_anybody_has_it(members: str, granted: str) -> None:
    """What the definition says whose days begin first; where definitions of one day differ, the one that grants most."""
    found = []
    for member in members.split(", "):
        quantity, *words = member.split()
        once = msgspec.structs.replace(allowance(int(quantity), "carry", shared=True), granted_once=True, prorate="whole" not in words)
        days = [[int(day) for day in word.split("-")] for word in words if word != "whole"]
        stretches = [Stretch(0, Span(october(first), october(last + 1))) for first, last in days]
        found += [(pot, OCTOBER) for pot in pots(stretches, [{KEY: Granting(once, OCTOBER.start)}], OCTOBER)]
    assert granted_once(found) == granted_once(found[::-1]) == int(granted)
    assert _granted_once(found) == int(granted), "by the twin"


def test_members_of_a_pool_have_periods_of_one_cycle() -> None:
    """One account is opened on the 11th: its days are divided by the whole cycle, and count once."""
    once = msgspec.structs.replace(allowance(310, "carry", shared=True), granted_once=True)
    late = pots([Stretch(0, Span(october(11), october(32)))], [{KEY: Granting(once, october(11))}], LATE_START)
    early = pots([Stretch(0, Span(october(1), october(6)))], [{KEY: Granting(once, october(1))}], OCTOBER)
    members = [*((pot, LATE_START) for pot in late), *((pot, OCTOBER) for pot in early)]
    assert granted_once(members) == _granted_once(members) == 260


def test_whole_grants_are_whole_in_each_plan() -> None:
    grantings = [{KEY: Granting(allowance(quantity, prorate=False), OCTOBER.start)} for quantity in (300, 500)]
    assert shown(pots(stretches_of("a1 b31"), grantings, OCTOBER)) == "a 300 1-32, b 500 1-32"


def test_a_leading_stub_divides_by_its_cycle() -> None:
    stretches = [Stretch(0, Span(october(11), october(32)))]
    grantings = [{KEY: Granting(allowance(310, "carry"), october(11))}]
    assert [(pot.amount, pot.start) for pot in pots(stretches, grantings, LATE_START)] == [(210, october(11))]


def test_allowances_of_different_ids_or_catalogues_have_nothing_to_do_with_each_other() -> None:
    other = AllowanceKey("y", 1)
    grantings = [{KEY: Granting(allowance(310, "carry"), OCTOBER.start)}, {other: Granting(allowance(310, "carry"), OCTOBER.start)}]
    found = pots(stretches_of("a1 b11"), grantings, OCTOBER)
    assert [(pot.key, pot.plans, pot.amount) for pot in found] == [(KEY, (0,), 100), (other, (1,), 210)]


@pytest.mark.parametrize("change", ["prorate", "reset", "carry"])
@pytest.mark.parametrize("shared", [False, True])
def test_an_add_on_that_comes_and_goes_leaves_what_the_plan_grants(change: str, shared: bool) -> None:  # noqa: FBT001 -- a column of the table
    """Plans b and c are plan a with an add-on: whatever the allowance says of a change of plan, this is none."""
    names = f"a 310 {change}, b 310 {change}, c 310 {change}"
    grantings = [{KEY: each[KEY]._replace(base="x/a")} for each in grantings_of(names, shared=shared)]
    assert shown(pots(stretches_of("a1 b11 c16 a21"), grantings, OCTOBER)) == "abc 310 1-32"


def test_a_change_to_another_plan_with_an_add_on_is_one() -> None:
    grantings = [
        {KEY: each[KEY]._replace(base=f"x/{name}")} for name, each in zip("ab", grantings_of("a 310 reset, b 620 reset"), strict=True)
    ]
    assert shown(pots(stretches_of("a1 b11"), grantings, OCTOBER)) == "a 310 1-11, b 620 11-32"


@pytest.mark.parametrize(
    ("change", "b_days", "expected"), [("prorate", "b11", "ac 210 1-32, b 200 1-32"), ("prorate", ".11", "ac 210 1-32")]
)
def test_a_plan_that_comes_back_with_an_add_on_joins_its_pot(change: str, b_days: str, expected: str) -> None:
    """Plan c is plan a with an add-on. A whole grant is made once, then, not once for each way to hold the plan."""
    names = zip("aba", grantings_of(f"a 310 {change}, b 620 {change}, c 310 {change}"), strict=True)
    grantings = [{KEY: each[KEY]._replace(base=f"x/{name}")} for name, each in names]
    assert shown(pots(stretches_of(f"a1 {b_days} c21"), grantings, OCTOBER)) == expected
    whole = [{KEY: each[KEY]._replace(allowance=allowance(310, change, prorate=False))} for each in grantings]
    assert sum(pot.amount for pot in pots(stretches_of("a1 .11 c21"), whole, OCTOBER)) == 310
