"""Which rule prices a call: prefix, weight, latest start. Cases of our own, through both engines, the arithmetic in the row."""

from __future__ import annotations

from tests.vectors.variations import DAY, EVENING, REFUSED, Row, at, misjudged, rule, slot

RULES = [
    Row("of equal weight the latest start", "120", [rule(), rule({"start": "09:00:00"}, rate=2), rule({"start": "05:00:00"}, rate=3)]),
    Row("the heaviest, though it starts first", "180", [rule({"start": "09:00:00"}), rule(rate=3, weight=10.5)]),
    Row("no weight is the least", "180", [rule(rate=3), rule(weight=None)]),
    Row("the longest prefix", "120", [rule(), rule(rate=2, prefixes=("441", "39")), rule(rate=3, prefixes=("4499",))]),
    Row("a longer one that is not active", "60", [rule(), rule({"week_days": [6, 7]}, rate=2, prefixes=("4412",))]),
    Row(
        "and that becomes active later: the prefix is chosen at the answer",
        "60",
        [rule(), rule(EVENING, rate=2, prefixes=("4412",))],
        at("2024-03-04T17:59:30Z"),
    ),
    Row("any destination comes last", "60", [rule(), rule(rate=2, prefixes=("*any",))]),
    Row("and is taken where no other is", "120", [rule(), rule(rate=2, prefixes=("*any",))], {"destination": "33123"}),
    Row("no destination", "120", [rule(), rule(rate=2, prefixes=("*any",))], {"destination": "*any"}),
    Row("a name", "120", [rule(), rule(rate=2, prefixes=("voice",)), rule(rate=3, prefixes=("vo", "x"))], {"destination": "voicemail"}),
    Row("a name that nothing begins", REFUSED, [rule(prefixes=("44", "mail"))], {"destination": "voicemail"}),
    Row("a plus is part of the number", REFUSED, [rule()], {"destination": "+44123"}),
    Row("with plus on both sides", "60", [rule(prefixes=("+44", "44"))], {"destination": "+44123"}),
    Row("a leading zero", "60", [rule(prefixes=("0441", "441"))], {"destination": "0441"}),
    Row(
        "a prefix as long as numbers are", "120", [rule(), rule(rate=2, prefixes=("441234567890123",))], {"destination": "441234567890123"}
    ),
    Row("refused on 33", REFUSED, [rule()], {"destination": "33"}),
    Row("never active", REFUSED, [rule({"years": [2023]})]),
    Row("a call that runs on into time without band keeps its rate", "120", [rule(DAY, rate=2)], at("2024-03-04T17:59:30Z")),
    Row(
        "an increment begun before 18:00 is whole: 60 x 1, then 60 x 2",
        "180",
        [rule(DAY, slots=[slot(1, "60")]), rule(EVENING, slots=[slot(2, "60")])],
        at("2024-03-04T17:59:30Z", 90),
    ),
]


def test_both_engines_give_what_each_row_says() -> None:
    assert misjudged(RULES) == []
