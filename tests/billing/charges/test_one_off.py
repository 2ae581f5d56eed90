"""One-off fees: what happens on which day, and which fees its period has. A fee's occasion is its name."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from billing.charges.one_off import changes_within, one_offs_due
from billing.charges.periods import period_from
from billing.charges.proration import Span
from billing.charges.recurring import PlanSpan, plan_spans
from rating.model import FeeOccasion, OneOffFee, Plan

NUMBERS = {"activation": 1, "end": 2, "plan_change": 3, "added": 4, "removed": 5, "more": 6}


def fees(*names: str) -> tuple[OneOffFee, ...]:
    occasions = {"more": "added"}
    return tuple(OneOffFee(NUMBERS[name], name, 1, 1, "standard", 1_000_000, FeeOccasion(occasions.get(name, name))) for name in names)


ALL = ("activation", "end", "plan_change")
PLANS = {
    "x/a": Plan("a", (), {}, one_offs=fees(*ALL)),
    "x/a+t": Plan("a+t", (), {}, one_offs=fees(*ALL, "added", "removed"), base="a", add_ons=("t",)),
    "x/a+t+u": Plan("a+t+u", (), {}, one_offs=fees(*ALL, "added", "removed", "more"), base="a", add_ons=("t", "u")),
    "x/b": Plan("b", (), {}, one_offs=fees("plan_change")),
    "x/b+t": Plan("b+t", (), {}, one_offs=fees("plan_change", "added", "removed"), base="b", add_ons=("t",)),
    "x/plain": Plan("plain", (), {}),
    "y/a": Plan("a", (), {}, one_offs=fees(*ALL)),
    "y/a+t": Plan("a+t", (), {}, one_offs=fees("added", "removed"), base="a", add_ons=("t",)),
}

# plan facts as day of October (32 is 1 November) and plan, the last day but one of the subscription, and what October and November have
DIARIES = """
facts                        ends   october                            november
a1                           -      activation                         -
a32                          -      -                                  activation
a0                           -      -                                  -
a1                           15     activation, end                    -
a1                           32     activation, end                    -
a1                           33     activation                         end
a1                           1      -                                  -
plain1                       15     -                                  -
a1 b11                       -      activation, plan_change            -
plain1 b11                   -      plan_change                        -
a1 plain11                   20     activation                         -
a1 b11 a21                   -      activation, 2 plan_change          -
a1 b11 a33                   -      activation, plan_change            plan_change
a1 a+t11                     -      activation, added                  -
a1 a+t11 a21                 -      activation, added, removed         -
a1 a+t11 a21 a+t25           -      activation, 2 added, removed       -
a1 a+t11                     20     activation, added, end, removed    -
a+t1                         -      activation, added                  -
a+t1 a+t+u11                 -      activation, added, more            -
a+t+u1 a+t11                 -      activation, added, more            -
a+t1 a32                     -      activation, added, removed         -
a+t1 a33                     -      activation, added                  removed
a+t1 b+t11                   -      activation, added, plan_change     -
a+t1 b11                     -      activation, added, plan_change, removed  -
a1 y/a11                     -      activation, plan_change            -
a+t1 y/a+t11                 -      activation, added, removed, added  -
a1 gone11 b21                -      activation, plan_change            -
gone1                        -      -                                  -
a1 a11                       -      activation                         -
a+t1 a+t11                   20     activation, added, end, removed    -
a1 b11 b21                   -      activation, plan_change            -
gone1 gone5 a11              -      plan_change                        -
"""


def day(number: int) -> dt.date:
    return dt.date(2025, 9, 30) + dt.timedelta(days=number)


def rows() -> list[tuple[str, str, str, str]]:
    head, *lines = DIARIES.strip().splitlines()
    starts = [head.index(name) for name in head.split()]
    found = []
    for line in lines:
        facts, ends, rest = line[: starts[1]].strip(), line[starts[1] : starts[2]].strip(), line[starts[2] :]
        october, november = rest.rsplit("  ", 1)
        found.append((facts, ends, october.strip(), november.strip()))
    return found


def due(facts: str, ends: str, month: int, bill_date: dt.date) -> str:
    changes = []
    for each in facts.split():
        name = each.rstrip("0123456789")
        changes.append((day(int(each.removeprefix(name))), name if "/" in name else f"x/{name}"))
    spans = plan_spans(changes, Span(changes[0][0], None if ends == "-" else day(int(ends))))
    period = period_from(dt.date(2025, month, 1), 1)
    found = one_offs_due(spans, period, bill_date, lambda name, _: PLANS.get(name))
    assert changes_within(spans, period.start, period.end) or not found
    return ", ".join(each.fee.name if each.times == 1 else f"{each.times} {each.fee.name}" for each in found) or "-"


@pytest.mark.parametrize(("facts", "ends", "october", "november"), rows())
def test_diaries(facts: str, ends: str, october: str, november: str) -> None:
    after = dt.date(2025, 12, 1)
    assert sorted(due(facts, ends, 10, after).split(", ")) == sorted(october.split(", "))
    assert sorted(due(facts, ends, 11, after).split(", ")) == sorted(november.split(", "))


def test_a_fee_waits_for_the_bill_at_the_end_of_its_period() -> None:
    assert due("a1", "-", 10, dt.date(2025, 10, 31)) == "-"
    assert due("a1", "-", 10, dt.date(2025, 11, 1)) == "activation"


def test_the_plan_of_the_day_says_what_is_charged() -> None:
    """Each occasion asks for the plan of its own day, in the version in force then; for its neighbour in that of either day."""
    asked: list[tuple[str, dt.date]] = []

    def plan_at(name: str, on: dt.date) -> Plan | None:
        asked.append((name, on))
        return PLANS[name]

    spans = plan_spans([(day(1), "x/a"), (day(11), "x/b")], Span(day(1), day(21)))
    one_offs_due(spans, period_from(day(1), 1), dt.date(2025, 11, 1), plan_at)
    assert asked == [
        ("x/a", day(1)),
        ("x/a", day(10)), ("x/b", day(11)), ("x/b", day(10)),
        ("x/b", day(11)), ("x/a", day(10)), ("x/a", day(11)),
        ("x/b", day(20)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [(1, None, True), (0, None, False), (31, None, True), (32, None, False), (0, 1, False), (0, 2, True), (0, 32, True), (0, 33, False)],
)
def test_whether_anything_changes_in_october(starts: int, ends: int | None, expected: bool) -> None:  # noqa: FBT001 -- a column of the table
    spans = [PlanSpan("x/a", Span(day(starts), None if ends is None else day(ends)))]
    assert changes_within(spans, day(1), day(32)) is expected


def in_versions(*facts: tuple[int, str], **plans: tuple[Plan | None, Plan | None]) -> list[tuple[str, int, int]]:
    """What October charges where a version of the catalogue begins on the 11th: name, times, micros. `plans`: before, and from then on."""
    spans = plan_spans([(day(number), f"x/{name}") for number, name in facts], Span(day(facts[0][0]), None))
    period = period_from(dt.date(2025, 10, 1), 1)
    found = one_offs_due(spans, period, period.end, lambda name, on: plans[name.removeprefix("x/").replace("+", "_")][on >= day(11)])
    return [(each.fee.name, each.times, each.micros) for each in found]


def test_each_time_costs_what_the_version_of_its_day_says() -> None:
    """On plan b from the 5th for 1.00 and again from the 15th for 3.00: 4.00 together, not twice the last amount."""
    a, b = Plan("a", (), {}), PLANS["x/b"]
    dear = Plan("b", (), {}, one_offs=tuple(msgspec.structs.replace(fee, amount_micros=3_000_000) for fee in b.one_offs))
    assert in_versions((1, "a"), (5, "b"), (8, "a"), (15, "b"), a=(a, a), b=(b, dear)) == [("plan_change", 2, 4_000_000)]


def test_a_version_that_begins_with_a_change_of_plan_adds_and_removes_nothing() -> None:
    """The add-on goes from one plan to the other on the very day on which its fees come, or go."""
    bare = [Plan(f"{base}+t", (), {}, base=base, add_ons=("t",)) for base in "ab"]
    fees_of = [Plan(f"{base}+t", (), {}, one_offs=fees("added", "removed"), base=base, add_ons=("t",)) for base in "ab"]
    assert in_versions((0, "a+t"), (11, "b+t"), a_t=(bare[0], fees_of[0]), b_t=(bare[1], fees_of[1])) == []
    assert in_versions((0, "a+t"), (11, "b+t"), a_t=(fees_of[0], bare[0]), b_t=(fees_of[1], bare[1])) == []


def test_a_plan_told_again_as_its_fees_come_has_not_begun() -> None:
    bare = Plan("a+t", (), {}, base="a", add_ons=("t",))
    assert in_versions((0, "a+t"), (11, "a+t"), a_t=(bare, PLANS["x/a+t"])) == []
    assert in_versions((0, "a+t"), (11, "a+t"), a_t=(None, PLANS["x/a+t"])) == []


def test_an_add_on_bought_as_its_catalogue_begins_is_no_change_of_plan() -> None:
    assert in_versions((0, "a"), (11, "a+t"), a=(None, PLANS["x/a"]), a_t=(None, PLANS["x/a+t"])) == [("added", 1, 1_000_000)]
