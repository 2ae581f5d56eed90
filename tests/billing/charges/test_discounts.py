"""Discounts: percentages before fixed amounts, each on what the ones before left."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.charges.charge_keys import Kind
from billing.charges.discounts import Entry, agreed_price_id, fixed_amounts, lines_of, percentages, periods_had, take_off
from billing.charges.periods import period_of
from billing.charges.spread import spread
from rating.money import RoundingMode, round_exact
from tests.billing.charges.rows import lines

if TYPE_CHECKING:
    from billing.charges.lines import Lines

CENT = 10_000


def percent(price_id: int, ppm: int, **about: Any) -> Entry:  # noqa: ANN401 -- fields of an entry
    return Entry(price_id, 0, 0, ppm, 0, **about)


def fixed(price_id: int, cents: int, **about: Any) -> Entry:  # noqa: ANN401 -- fields of an entry
    return Entry(price_id, 0, 0, 0, cents * CENT, **about)


def base(*amounts: int, kind: Kind = Kind.RECURRING) -> Lines:
    return lines(*({"amount_micros": amount * CENT, "kind": kind, "charge_code": place} for place, amount in enumerate(amounts)))


def left(entries: list[Entry], rows: Lines, group: list[int] | None = None) -> list[int]:
    """Cents that are left of each line when all discounts are taken off."""
    rest = rows["amount_micros"].copy()
    groups = np.array(group if group is not None else [0] * rows.size, np.int64)
    for entry in (*percentages(entries), *fixed_amounts(entries)):
        rest -= take_off(entry, rows, rest, groups, np.full(rows.size, CENT, np.int64))
    return [micros // CENT for micros in rest.tolist()]


TABLE = [
    # lines              discounts                                   left of them
    ([10000], [fixed(1, 5000), percent(2, 100_000)], [4000]),  # 10 % of 100.00, then 50.00: 60.00 off, not 55.00
    ([10000], [percent(1, 100_000), percent(2, 100_000)], [8100]),  # 10.00, then 10 % of 90.00
    ([10000], [fixed(1, 1500), fixed(2, 2500)], [6000]),
    ([10000], [fixed(1, 8000), fixed(2, 5000)], [0]),  # no more than there is
    ([333, 333, 334], [fixed(1, 100)], [300, 300, 300]),  # 33.3, 33.3, 33.4: largest remainder
    ([10000, 5000, 3000, 2000], [fixed(1, 1000)], [9500, 4750, 2850, 1900]),
    ([105], [percent(1, 100_000)], [94]),  # 10.5 cents are 11, HALF_UP
    ([1, 1, 1], [percent(1, 500_000)], [0, 0, 1]),  # 1.5 cents are 2
    ([100, -20], [percent(1, 100_000)], [92, -20]),  # 10 % of 80; a line below zero gets nothing off
    ([20, -100], [percent(1, 100_000)], [20, -100]),  # nothing is due, nothing is off
    ([10000], [percent(1, 1_000_000)], [0]),
    ([], [percent(1, 100_000)], []),
    ([0, 0], [fixed(1, 100)], [0, 0]),
    ([1000, 500], [percent(1, 100_000, charge_codes=(1,))], [1000, 450]),
    ([1000, 500], [percent(1, 100_000, charge_codes=(7,))], [1000, 500]),
    ([1000, 500], [percent(1, 100_000, kinds=(Kind.USAGE,))], [1000, 500]),
    ([1000, 500], [percent(1, 100_000, kinds=(Kind.RECURRING,)), fixed(2, 100, charge_codes=(0,))], [800, 450]),
]


@pytest.mark.parametrize(("amounts", "entries", "expected"), TABLE)
def test_what_is_left(amounts: list[int], entries: list[Entry], expected: list[int]) -> None:
    assert left(entries, base(*amounts)) == expected


@pytest.mark.parametrize("kind", [Kind.COMMITMENT, Kind.ADJUSTMENT, Kind.DISCOUNT, Kind.TAX])
def test_kinds_that_only_a_discount_that_names_them_is_about(kind: Kind) -> None:
    assert left([percent(1, 100_000)], base(1000, kind=kind)) == [1000]
    assert left([percent(1, 100_000, kinds=(int(kind),))], base(1000, kind=kind)) == [900]


def test_every_group_is_a_base_of_its_own() -> None:
    assert left([fixed(1, 100)], base(50, 100, 500, 500), [0, 1, 2, 2]) == [0, 0, 450, 450]


def test_lines_of_a_discount() -> None:
    rows = base(100, 50, 30)
    rows["tax_class"], rows["quantity"], rows["events"] = [1, 1, 2], 7, 3
    entry = Entry(9, 8, 7, 0, 18 * CENT)
    off = take_off(entry, rows, rows["amount_micros"], np.zeros(3, np.int64), np.full(3, CENT, np.int64))
    made = lines_of(entry, rows, off)
    assert made["amount_micros"].tolist() == [-10 * CENT, -5 * CENT, -3 * CENT]
    assert made["tax_class"].tolist() == [1, 1, 2]
    for name, value in (("kind", Kind.DISCOUNT), ("price_id", 9), ("charge_code", 8), ("revenue_code", 7), ("quantity", 0), ("events", 0)):
        assert set(made[name].tolist()) == {int(value)}, name


ENTRY = st.tuples(st.booleans(), st.integers(1, 1_000_000), st.sampled_from([(), (0,), (1, 2)]))
ENTRIES = st.lists(ENTRY, max_size=5).map(
    lambda raw: [
        (percent if is_percent else fixed)(place + 1, size, charge_codes=codes) for place, (is_percent, size, codes) in enumerate(raw)
    ]
)


@settings(max_examples=200, deadline=None)
@given(ENTRIES, st.lists(st.integers(-1000, 100_000), max_size=5), st.randoms())
def test_the_order_in_which_discounts_are_told_does_not_matter(entries: list[Entry], amounts: list[int], random: Any) -> None:  # noqa: ANN401 -- hypothesis has no name for it
    shuffled = entries.copy()
    random.shuffle(shuffled)
    rows = base(*amounts)
    found = left(entries, rows)
    assert left(shuffled, rows) == found
    for before, after in zip(amounts, found, strict=True):
        assert min(before, 0) <= after <= max(before, 0)  # no line changes its sign, none grows


@settings(max_examples=200, deadline=None)
@given(ENTRIES, st.lists(st.integers(-1000, 100_000), max_size=5))
def test_columns_are_the_plain_definition(entries: list[Entry], amounts: list[int]) -> None:
    rest = list(amounts)
    for entry in [*(each for each in entries if each.percent_ppm), *(each for each in entries if not each.percent_ppm)]:
        places = [place for place in range(len(rest)) if not entry.charge_codes or place in entry.charge_codes]
        whole = max(sum(rest[place] for place in places), 0)
        wanted = round_exact(whole * entry.percent_ppm, 1_000_000, RoundingMode.HALF_UP) // 1_000_000
        off = min(wanted if entry.percent_ppm else entry.amount_micros // CENT, whole)
        for place, share in zip(places, spread(off, [max(rest[place], 0) for place in places], 1), strict=True):
            rest[place] -= share
    assert left(entries, base(*amounts)) == rest


# plan from    bill day  a day of the period  periods of the plan that are over
@pytest.mark.parametrize(
    ("begun", "bill_day", "in_period", "had"),
    [
        ("2026-01-01", 1, "2026-01-15", 0),
        ("2026-01-01", 1, "2026-02-15", 1),
        ("2026-01-15", 1, "2026-01-20", 0),  # a part of a month is the first period
        ("2026-01-15", 1, "2026-02-20", 1),
        ("2026-01-15", 1, "2026-03-20", 2),
        ("2026-01-15", 20, "2026-01-25", 1),
        ("2026-01-31", 31, "2026-02-10", 0),
        ("2026-01-31", 31, "2026-03-10", 1),
        ("2026-02-28", 31, "2026-03-10", 0),  # 28 February is a bill date of day 31
    ],
)
def test_periods_of_a_plan_that_are_over(begun: str, bill_day: int, in_period: str, had: int) -> None:
    period = period_of(dt.date.fromisoformat(in_period), dt.date(2020, 1, 1), ((dt.date.min, bill_day),))
    assert period is not None
    assert periods_had(dt.date.fromisoformat(begun), period, ((dt.date.min, bill_day),)) == had


# bill days before and from 20 January on, plan from, the first day of a period   periods of the plan that are over
@pytest.mark.parametrize(
    ("days", "begun", "start", "had"),
    [
        ((15, 1), "2026-01-01", "2026-01-15", 1),
        ((15, 1), "2026-01-01", "2026-02-15", 2),  # the two before it: to 15 January, and to 15 February
        ((15, 1), "2026-01-01", "2026-03-01", 3),
        ((15, 1), "2026-01-25", "2026-02-15", 1),  # begun in the period that still ends by the old day
        ((1, 15), "2026-01-01", "2026-02-01", 1),  # of half a month: only January is over
        ((1, 15), "2026-01-01", "2026-02-15", 2),
    ],
)
def test_periods_are_counted_as_they_are_where_the_bill_day_changed(days: tuple[int, int], begun: str, start: str, had: int) -> None:
    bill_days = ((dt.date.min, days[0]), (dt.date(2026, 1, 20), days[1]))
    period = period_of(dt.date.fromisoformat(start), dt.date(2026, 1, 1), bill_days)
    assert period is not None
    assert period.start.isoformat() == start
    assert periods_had(dt.date.fromisoformat(begun), period, bill_days) == had


def test_an_agreed_discount_keeps_its_price_id_as_long_as_its_name() -> None:
    assert agreed_price_id("loyal") == agreed_price_id("loyal") < 0
    assert agreed_price_id("loyal") != agreed_price_id("loyal 2")
