"""Adjustments by hand: what is wrong with one, and when another person has to agree."""

from __future__ import annotations

import pytest

from billing.charges.adjustments import Entered, needs_approval, problems

CENT = 10_000
LIMIT = 5000 * CENT
REASONS = ("goodwill", "equipment", "other")


# amount in cents, reason, text, who approved (1 entered it), what is wrong (words of it)
@pytest.mark.parametrize(
    ("cents", "reason", "text", "approved_uid", "expected"),
    [
        (-1000, "goodwill", "", None, []),
        (1000, "equipment", "router", None, []),
        (-5000, "goodwill", "", None, []),  # the limit itself is within it
        (-5001, "goodwill", "", None, ["beyond the limit of 50.00"]),
        (5001, "equipment", "", None, ["beyond the limit of 50.00"]),
        (-5001, "goodwill", "", 2, []),
        (-5001, "goodwill", "", 1, ["is the one who entered it"]),
        (0, "goodwill", "", None, ["adjusts nothing"]),
        (-1000, "because", "", None, ["'because' is none of"]),
        (-1000, "other", " ", None, ["needs a text"]),
        (-1000, "other", "agreed on the phone", None, []),
        (9000, "because", "", 1, ["'because' is none of", "is the one who entered it"]),
    ],
)
def test_problems(cents: int, reason: str, text: str, approved_uid: int | None, expected: list[str]) -> None:
    found = problems(Entered(cents * CENT, reason, text, 1, approved_uid), CENT, LIMIT, REASONS)
    assert len(found) == len(expected)
    for words, problem in zip(expected, found, strict=True):
        assert words in problem


def test_an_amount_finer_than_the_smallest_coin() -> None:
    found = problems(Entered(12_345, "goodwill", "", 1), CENT, LIMIT, REASONS)
    assert found == ["the amount 0.012345 is finer than the smallest coin 0.01"]


def test_both_signs_need_approval_alike() -> None:
    assert [needs_approval(amount, LIMIT) for amount in (LIMIT, LIMIT + 1, -LIMIT, -LIMIT - 1)] == [False, True, False, True]
