"""Patterns of bank mappings: what they find, what is refused, and that none runs for ever."""

from __future__ import annotations

import pytest

from billing.payments import patterns

FOUND = {
    ("R-[0-9]+", "pay r-1, R-22 and R"): ["r-1", "R-22"],
    (r"\bR-(?P<number>\d+)\b", "XR-1 R-2 R-3x"): ["2"],
    (r"(INV|R)[ -](?P<number>[0-9]{2})", "inv 12, R-34"): ["12", "34"],
    ("R [0-9]+", "R\u00a01 R\u30002"): ["R 1", "R 2"],
    ("R-[0-9]+", "nothing\0here"): None,
    ("(?P<number>R)?-[0-9]", "-1 R-2"): ["", "R"],
}
REFUSED = {
    "(": "is not a regular expression",
    "a{99999999999}": "is not a regular expression",
    "(?<![0-9])R": "is not a pattern of RE2",
    "R(?=1)": "is not a pattern of RE2",
    r"(R)\1": "is not a pattern of RE2",
    "((a{100}){100}){100}": "is not a pattern of RE2",
    "[0-9]*": "finds the empty text everywhere",
    "R" * 201: "has 201 characters",
    "(a)" * 9 + "(?P<number>b)": "behind 9 others",
}


@pytest.mark.parametrize(("pattern", "text"), FOUND)
def test_what_a_pattern_finds(pattern: str, text: str) -> None:
    assert patterns.trouble(pattern) is None
    assert patterns.found(pattern, ["", text]) == [None, FOUND[pattern, text]]


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_is_refused(pattern: str) -> None:
    found = patterns.trouble(pattern)
    assert found is not None
    assert REFUSED[pattern] in found[0]


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a|aa)+b", "a*a*a*a*a*a*a*b", "(.*a){20}b"])
def test_a_pattern_that_python_tries_for_ever_ends(pattern: str) -> None:
    assert patterns.trouble(pattern) is None
    assert patterns.found(pattern, ["a" * 100_000 + "!", "a" * 40 + "b"]) == [None, ["a" * 40 + "b"]]
