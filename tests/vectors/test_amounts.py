"""Rates, fees, roundings and maxima. Cases of our own, through both engines, the arithmetic in the row."""

from __future__ import annotations

from decimal import Decimal

from tests.vectors.variations import DAY, EVENING, UP_4, Row, at, misjudged, rule, slot

AMOUNTS = [
    Row(
        "0.1 / 60 x 37 = 0.0616666... up to 8 decimals",
        "0.06166667",
        [rule(slots=[slot("0.1", per="60")], rounding={"method": "up", "decimals": 8})],
        {"duration_s": 37},
    ),
    Row("down to 8", "0.06166666", [rule(slots=[slot("0.1", per="60")], rounding={"method": "down", "decimals": 8})], {"duration_s": 37}),
    Row(
        "up to 20: as far as it is told",
        "0.06166666666666667",
        [rule(slots=[slot("0.1", per="60")], rounding={"method": "up", "decimals": 20})],
        {"duration_s": 37},
    ),
    Row(
        "a rounding called nothing",
        "0.37",
        [rule(slots=[slot("0.6", per="60")], rounding={"method": "", "decimals": 0})],
        {"duration_s": 37},
    ),
    Row("not rounded: 0.6 / 60 x 37", "0.37", [rule(slots=[slot("0.6", per="60")], rounding=None)], {"duration_s": 37}),
    Row(
        "to whole units, half up: 0.5 x 3 = 1.5",
        "2",
        [rule(slots=[slot("0.5")], rounding={"method": "middle", "decimals": 0})],
        {"duration_s": 3},
    ),
    Row(
        "a rate of 0.00000012 in six decimals, up: 60 x 0.00000012 = 0.0000072",
        "0.000008",
        [rule(rate="0.00000012", rounding={"method": "*up", "decimals": 6})],
    ),
    Row("a fee of eight decimals", "60.00000001", [rule(connect_fee=Decimal("0.00000001"), rounding={"method": "up", "decimals": 8})]),
    Row(
        "fee of the first band alone",
        "31",
        [rule(DAY, connect_fee=1), rule(EVENING, rate=2, connect_fee=7)],
        at("2024-03-04T17:59:50Z", 20),
    ),
    Row("the most is 40, fee included", "40", [rule(connect_fee=1, max_cost=40, max_cost_strategy="free")]),
    Row("the most, named with a star", "40", [rule(max_cost=40, max_cost_strategy="*free")]),
    Row("a most that ends the call costs as if there were none", "60", [rule(max_cost=40, max_cost_strategy="disconnect")]),
    Row("a most of 0 is none", "60", [rule(max_cost=0, max_cost_strategy="free")]),
    Row(
        "roundings that differ, one touched: 0.33333 x 60 down to 1",
        "19.9",
        [rule(DAY, rate="0.33333", rounding={"method": "down", "decimals": 1}), rule(EVENING, rounding=UP_4)],
    ),
    Row(
        "both touched, the finest rounds: 10 x 0.33333 + 10 = 13.3333 up to 4",
        "13.3333",
        [rule(DAY, rate="0.33333", rounding={"method": "up", "decimals": 1}), rule(EVENING, rounding=UP_4)],
        at("2024-03-04T17:59:50Z", 20),
    ),
    Row("maxima that differ, one touched", "40", [rule(DAY, max_cost=40, max_cost_strategy="free"), rule(EVENING)]),
    Row(
        "both touched",
        "20",
        [rule(DAY, max_cost=40, max_cost_strategy="free"), rule(EVENING)],
        at("2024-03-04T17:59:50Z", 20),
        {},
        "maxima differ",
    ),
    Row("a free fee beside another prefix's odd lengths", "60", [rule(), rule(prefixes=("33",), slots=[slot(1, "0.0001")])]),
    Row("lengths finer than a millisecond", "60", [rule(slots=[slot(1, "0.0001")])], {}, {}, "finer than a millisecond"),
    Row("usage before the first slot", "60", [rule(slots=[slot(1, start="10")])], {}, {}, "before the first slot"),
    Row("an increment and a unit of 0 are 1", "60", [rule(slots=[slot(1, "0", "0")])]),
    Row("slots in any order: 30 x 1 + 30 x 2", "90", [rule(slots=[slot(2, start="30"), slot(1)])]),
    Row("a started increment eats into the next slot: 40 x 1, 20 x 2", "80", [rule(slots=[slot(1, "20"), slot(2, start="30")])]),
    Row("a slot beyond every call", "60", [rule(slots=[slot(1), slot(2, start="99999999")])]),
    Row("the fee of the first slot", "60.1", [rule(slots=[slot(1, fixed_fee="0.1")])]),
    Row("of a later one: 30 x 1 + 0.1 + 30 x 2", "90.1", [rule(slots=[slot(1), slot(2, start="30", fixed_fee="0.1")])]),
    Row("of one that is not reached", "30", [rule(slots=[slot(1), slot(2, start="30", fixed_fee="0.1")])], {"duration_s": 30}),
    Row(
        "of one reached by a second: a whole increment of 15 and the fee",
        "60.1",
        [rule(slots=[slot(1), slot(2, "15", start="30", fixed_fee="0.1")])],
        {"duration_s": 31},
    ),
    Row(
        "of two: 0.1 at 20, 0.2 at 25",
        "60.3",
        [rule(slots=[slot(1), slot(1, "5", start="20", fixed_fee="0.1"), slot(1, start="25", fixed_fee="0.2")])],
    ),
    Row(
        "of one that an increment leaps over",
        "60.2",
        [rule(slots=[slot(1, "30"), slot(1, start="10", fixed_fee="0.1"), slot(1, start="20", fixed_fee="0.2")])],
    ),
    Row("rates that no 64 bits hold at six decimals", "60", [rule(slots=[slot(1), slot("9999999999", start="100")])], {}, {}, "64 bits"),
]


def test_both_engines_give_what_each_row_says() -> None:
    assert misjudged(AMOUNTS) == []
