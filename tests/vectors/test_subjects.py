"""Whose plan prices a call: profiles over time, and fallbacks. Cases of our own, through both engines, the arithmetic in the row."""

from __future__ import annotations

from tests.vectors.variations import REFUSED, Row, misjudged, profile, rule

SUBJECTS = [
    Row(
        "one's own plan, not that of all",
        "120",
        [rule()],
        {},
        {"plans": {"Q": [rule(rate=2)]}, "profiles": [profile(), profile("1001", "Q")]},
    ),
    Row(
        "one's own plan does not fall back by itself",
        REFUSED,
        [rule()],
        {},
        {"plans": {"Q": [rule(prefixes=("33",))]}, "profiles": [profile(), profile("1001", "Q")]},
    ),
    Row(
        "the newest that has begun",
        "120",
        [rule()],
        {},
        {
            "plans": {"Q": [rule(rate=2)]},
            "profiles": [profile(since="2024-03-04T11:00:00+01:00", plan="Q"), profile(), profile(since="2024-03-04T10:02:00Z", plan="R")],
        },
    ),
    Row(
        "one that begins within the call",
        "90",
        [rule()],
        {},
        {"plans": {"Q": [rule(rate=2)]}, "profiles": [profile(), profile(since="2024-03-04T10:00:30Z", plan="Q")]},
        "a profile begins within the event",
    ),
    Row(
        "one that begins as the call ends",
        "60",
        [rule()],
        {},
        {"plans": {"Q": [rule(rate=2)]}, "profiles": [profile(), profile(since="2024-03-04T10:01:00Z", plan="Q")]},
    ),
    Row(
        "one that begins in the call, with the same cost",
        "60",
        [rule()],
        {},
        {"profiles": [profile(), profile(since="2024-03-04T10:00:30Z")]},
    ),
    Row("nobody has a profile", {"cost": -1, "error": "RATING_PLAN_NOT_FOUND"}, [rule()], {}, {"profiles": [profile("1002")]}),
    Row("another category", {"cost": -1, "error": "RATING_PLAN_NOT_FOUND"}, [rule()], {"category": "other"}),
    Row("one's own has not begun", REFUSED, [rule()], {}, {"profiles": [profile(), profile("1001", since="2030-01-01T00:00:00Z")]}),
    Row("no time is for ever", "60", [rule()], {}, {"profiles": [profile() | {"from_time": None}]}),
    Row("a plan that is not there", REFUSED, [rule()], {}, {"profiles": [profile(plan="Q")]}),
    Row(
        "a plan that is not there falls back",
        "60",
        [rule()],
        {},
        {"profiles": [profile(), profile("1001", "Q", fallbacks=("nobody", "*any"))]},
    ),
    Row(
        "the second level",
        "120",
        [rule(prefixes=("1",))],
        {},
        {
            "plans": {"Q": [rule(prefixes=("2",))], "R": [rule(rate=2)]},
            "profiles": [profile(fallbacks=("a",)), profile("a", "Q", fallbacks=("b",)), profile("b", "R")],
        },
    ),
    Row(
        "a third level is one too deep",
        REFUSED,
        [rule(prefixes=("1",))],
        {},
        {
            "plans": {"R": [rule(rate=2)]},
            "profiles": [profile(fallbacks=("a",)), profile("a", fallbacks=("b",)), profile("b", fallbacks=("c",)), profile("c", "R")],
        },
    ),
    Row(
        "unless it is allowed",
        "120",
        [rule(prefixes=("1",))],
        {},
        {
            "config": {"fallback_depth": 4},
            "plans": {"R": [rule(rate=2)]},
            "profiles": [profile(fallbacks=("a",)), profile("a", fallbacks=("b",)), profile("b", fallbacks=("c",)), profile("c", "R")],
        },
    ),
    Row(
        "two that fall back on each other",
        REFUSED,
        [rule(prefixes=("1",))],
        {},
        {"profiles": [profile(fallbacks=("a",)), profile("a", fallbacks=("*any",))]},
    ),
    Row(
        "depth first: a, its b, then c",
        "120",
        [rule(prefixes=("1",))],
        {},
        {
            "plans": {"R": [rule(rate=2)], "S": [rule(rate=3)]},
            "profiles": [profile(fallbacks=("a", "c")), profile("a", fallbacks=("b",)), profile("b", "R"), profile("c", "S")],
        },
    ),
]


def test_both_engines_give_what_each_row_says() -> None:
    assert misjudged(SUBJECTS) == []
