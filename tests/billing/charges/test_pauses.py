"""Pauses and outages: for which days a fee is charged. Days are those of a February; P pause, O outage."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.charges.pauses import Breaks, charged_spans, days, touching, within, without
from billing.charges.periods import period_from
from billing.charges.proration import Span
from billing.charges.recurring import PlanSpan, fees_due
from rating.model import Plan, RecurringFee, WhilePaused

FREE, CHARGED, ONLY = WhilePaused.FREE, WhilePaused.CHARGED, WhilePaused.ONLY


def day(number: int) -> dt.date:
    return dt.date(2026, 1, 31) + dt.timedelta(days=number)


def span(text: str) -> Span:
    start, _, end = text.partition("-")
    return Span(day(int(start)), day(int(end)) if end else None)


def spans(text: str) -> tuple[Span, ...]:
    return tuple(span(each) for each in text.split())


# A fee of 28.00 in February 2026: one a day. Numbers are days of the month, 5-10 is the 5th to the 9th, 5- has no end.
DAYS = """
paused      out of order  fee      outage credit  charged
-           -             free     yes            28
-           -             only     yes            0
5-10        -             free     yes            23      # five days free
5-10        -             charged  yes            28
5-10        -             only     yes            5
5-10 5-10   -             free     yes            23      # told twice, free once
5-10 8-12   -             free     yes            21      # 5 to 11
5-10 10-12  -             only     yes            7
5-10 20-25  -             free     yes            18      # twice in one month: 5 and 5 days
1-29        -             free     yes            0
-5          -             free     yes            28      # over before the month
0-5         -             free     yes            24      # begun before it: the 1st to the 4th are free
25-         -             free     yes            24      # not resumed yet
29-         -             only     yes            0
-           5-10          free     yes            23
-           5-10          free     no             28
-           5-10          charged  yes            23
5-10        8-12          free     yes            21      # 5 to 9 paused, 10 and 11 out of order: no day counts twice
5-10        8-12          charged  yes            24
5-10        8-12          only     yes            3       # paused and in order: 5, 6, 7
5-10        8-12          only     no             5
"""


def rows() -> list[tuple[str, str, str, str, int]]:
    head, *lines = DAYS.strip().splitlines()
    starts = [head.index(name) for name in ("paused", "out of", "fee", "outage", "charged")]
    bounds = [*starts[1:], len(head) + 6]
    found = []
    for line in lines:
        cells = [line[start:end].partition("#")[0].strip() for start, end in zip(starts, bounds, strict=True)]
        found.append((cells[0], cells[1], cells[2], cells[3], int(cells[4])))
    return found


@pytest.mark.parametrize(("paused", "out_of_order", "policy", "credit", "charged"), rows())
def test_days(paused: str, out_of_order: str, policy: str, credit: str, charged: int) -> None:
    def of(text: str) -> tuple[Span, ...]:
        return () if text.startswith("-") else spans(text)

    fee = RecurringFee(1, "fee", 1, 1, "standard", 28_000_000, while_paused=WhilePaused(policy), outage_credit=credit == "yes")
    period = period_from(dt.date(2026, 2, 1), 1)
    held = [PlanSpan("x/plan", Span(dt.date(2025, 1, 1), None))]
    breaks = Breaks(of(paused), of(out_of_order))
    due = fees_due(held, period, period.end, lambda _name, _day: Plan("plan", (), {}, (), (fee,)), breaks)
    assert sum((each.exact_micros for each in due), Fraction(0)) == charged * 1_000_000


def test_a_whole_fee_is_due_where_any_day_counts() -> None:
    fee = RecurringFee(1, "fee", 1, 1, "standard", 5_000_000, prorate=False)
    period = period_from(dt.date(2026, 2, 1), 1)
    held = [PlanSpan("x/plan", Span(dt.date(2025, 1, 1), None))]

    def due(paused: str) -> list[Fraction]:
        found = fees_due(held, period, period.end, lambda _name, _day: Plan("plan", (), {}, (), (fee,)), Breaks(spans(paused)))
        return [each.exact_micros for each in found]

    assert due("1-28") == [5_000_000]
    assert due("1-29") == []


def test_a_pause_over_a_leap_day_costs_a_day_less_of_29() -> None:
    """February 2028 has 29 days: paused on the 29th alone, 28/29 of the fee are due."""
    fee = RecurringFee(1, "fee", 1, 1, "standard", 29_000_000)
    period = period_from(dt.date(2028, 2, 1), 1)
    held = [PlanSpan("x/plan", Span(dt.date(2025, 1, 1), None))]
    paused = Breaks((Span(dt.date(2028, 2, 29), dt.date(2028, 3, 1)),))
    (due,) = fees_due(held, period, period.end, lambda _name, _day: Plan("plan", (), {}, (), (fee,)), paused)
    assert due.exact_micros == 28_000_000


SPANS = st.lists(st.tuples(st.integers(-5, 35), st.integers(0, 20)).map(lambda each: Span(day(each[0]), day(sum(each)))), max_size=5)


@given(SPANS)
def test_within_and_without_share_every_day(holes: list[Span]) -> None:
    part = Span(day(1), day(29))
    inside, outside = within(part, holes), without(part, holes)
    assert days(inside) + days(outside) == 28
    covered = {number for number in range(1, 29) if any(hole.start <= day(number) < hole.end for hole in holes if hole.end)}
    assert days(inside) == len(covered)


@given(SPANS, SPANS)
def test_what_is_free_and_what_keeps_the_number_add_up(pauses: list[Span], outages: list[Span]) -> None:
    part, breaks = Span(day(1), day(29)), Breaks(tuple(pauses), tuple(outages))

    def of(policy: WhilePaused) -> int:
        return days(charged_spans(RecurringFee(1, "fee", 1, 1, "standard", 1, while_paused=policy), part, breaks))

    assert of(FREE) + of(ONLY) == of(CHARGED)


@given(SPANS, SPANS)
def test_what_is_cut_to_a_period_says_the_same_in_it(pauses: list[Span], outages: list[Span]) -> None:
    part, breaks = Span(day(3), day(20)), Breaks(tuple(pauses), tuple(outages))
    cut = touching(breaks, day(1), day(29))
    for policy in WhilePaused:
        fee = RecurringFee(1, "fee", 1, 1, "standard", 1, while_paused=policy)
        assert days(charged_spans(fee, part, cut)) == days(charged_spans(fee, part, breaks))
