"""What is counted: seconds, messages, units. Cases of our own, through both engines, the arithmetic in the row."""

from __future__ import annotations

from decimal import Decimal

from tests.vectors.variations import DAY, EVENING, Row, misjudged, profile, rule, slot

OVERSIZE = "more than one event may have"
UNITS = [
    Row("three messages", "0.3", [rule(rate="0.1")], {"type": "sms", "units": 3}),
    Row("one picture message", "0.1", [rule(rate="0.1")], {"type": "mms", "units": 1}),
    Row(
        "bytes by thousands: 2,500 is 3 blocks", "3", [rule(slots=[slot(1, "1000", "1000")])], {"type": "data", "units": 2500, "unit_ns": 1}
    ),
    Row(
        "units of a second each are priced as at their start",
        "20",
        [rule(DAY), rule(EVENING, rate=2)],
        {"type": "data", "units": 20, "unit_ns": 1000000000, "answer_time": "2024-03-04T17:59:50Z"},
    ),
    Row("a service without a name of ours", "2", [rule()], {"type": "generic", "units": 2}),
    Row("two and a half", "2.5", [rule(slots=[slot(1, "0.5")])], {"type": "generic", "units": Decimal("2.5")}),
    Row("more messages than one event has", "200000", [rule(rate="0.1")], {"type": "sms", "units": 2000000}),
    Row("dear bytes", "300", [rule(rate=150)], {"type": "data", "units": 2}),
    Row(
        "a call told in units of a tenth of a second: 600 x 0.1",
        "60",
        [rule(rate="0.1")],
        {"type": "*voice", "units": 600, "unit_ns": 100000000},
    ),
    Row("1.25 s by tenths: 13 x 0.1", "1.3", [rule(slots=[slot(1, "0.1")])], {"duration_s": Decimal("1.25")}),
    Row("a nanosecond more than a minute, by minutes", "120", [rule(slots=[slot(1, "60")])], {"duration_s": Decimal("60.000000001")}),
    Row("no usage, no fee", "0", [rule(connect_fee=1)], {"duration_s": 0}),
    Row("no usage of what is not sold", "0", [rule(prefixes=("33",))], {"duration_s": 0}, {}, "no usage of what is not sold"),
    Row("32 days", "2764800", [rule()], {"duration_s": 2764800}, {}, OVERSIZE),
    Row(
        "1999",
        "60",
        [rule()],
        {"answer_time": "1999-12-31T10:00:00Z"},
        {"profiles": [profile(since="1990-01-01T00:00:00Z")]},
        "before 2000",
    ),
    Row("sixteen digits", "60", [rule()], {"destination": "4412345678901234"}, {}, "15 digits"),
]


def test_both_engines_give_what_each_row_says() -> None:
    assert misjudged(UNITS) == []
