"""Bands on wall clocks: which one prices which second. Cases of our own, through both engines, the arithmetic in the row."""

from __future__ import annotations

from tests.vectors.variations import DAY, EVENING, Row, at, misjudged, rule

CLOCKS = [
    Row("10 s at 1, from 18:00 on 10 s at 2", "30", [rule(DAY), rule(EVENING, rate=2)], at("2024-03-04T17:59:50Z", 20)),
    Row("the same at half past the hour east", "30", [rule(DAY), rule(EVENING, rate=2)], at("2024-03-04T17:59:50+05:30", 20)),
    Row("the same three hours west", "30", [rule(DAY), rule(EVENING, rate=2)], at("2024-03-04T17:59:50-03:00", 20)),
    Row("the same fourteen hours east", "30", [rule(DAY), rule(EVENING, rate=2)], at("2024-03-04T17:59:50+14:00", 20)),
    Row("the same at an offset no zone has", "30", [rule(DAY), rule(EVENING, rate=2)], at("2024-03-04T17:59:50-07:17", 20)),
    Row(
        "a zone that is not told by a name that is known",
        "30",
        [rule(DAY), rule(EVENING, rate=2)],
        at("2024-03-04T17:59:50+01:00", 20, timezone="Local"),
    ),
    Row(
        "10 s to 02:00, which the clock skips to 03:00: then 10 s at 5",
        "60",
        [rule({"end": "01:59:59"}), rule({"start": "03:00:00"}, rate=5)],
        at("2024-03-31T01:59:50+01:00", 20, timezone="Europe/Madrid"),
    ),
    Row(
        "the same with a fixed offset: from 02:00 on no band, the rate stays",
        "20",
        [rule({"end": "01:59:59"}), rule({"start": "03:00:00"}, rate=5)],
        at("2024-03-31T01:59:50+01:00", 20),
    ),
    Row(
        "an answer at half a second: that one at 1, from 17:59:59.5 on",
        "3",
        [rule(DAY), rule(EVENING, rate=2)],
        at("2024-03-04T17:59:59.5Z", 2),
    ),
    Row("Sunday is 0 as well as 7", "300", [rule({"week_days": [0]}, rate=5), rule({"week_days": [1, 2]})], at("2024-03-10T10:00:00Z")),
    Row(
        "29 February at 3, then March at 1: 10 x 3 + 50 x 1",
        "80",
        [rule(), rule({"months": [2], "month_days": [29]}, rate=3, weight=20)],
        at("2024-02-29T23:59:50Z"),
    ),
    Row(
        "only in 2025: 60 s into the new year, 10 s before it",
        "130",
        [rule(), rule({"years": [2025]}, rate=3, weight=20.5)],
        at("2024-12-31T23:59:50Z", 50),
    ),
    Row(
        "no day at all: the last second is before the first",
        "60",
        [rule(), rule({"start": "22:00:00", "end": "06:00:00"}, rate=9, weight=99)],
    ),
    Row(
        "an end of 00:00:00 is the first second: 1 x 9 + 59 x 1",
        "68",
        [rule(), rule({"end": "00:00:00"}, rate=9, weight=11)],
        at("2024-03-04T00:00:00Z"),
    ),
    Row(
        "two days: 86,390 s on Monday at 1, Tuesday at 2",
        "86410",
        [rule({"week_days": [1]}), rule({"week_days": [2]}, rate=2)],
        at("2024-03-04T00:00:10Z", 86400),
    ),
]


def test_both_engines_give_what_each_row_says() -> None:
    assert misjudged(CLOCKS) == []
