"""One of something is singular on every screen."""

from __future__ import annotations

import pytest

from rating.counted import counted


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ("plan",), "0 plans"),
        (1, ("plan",), "1 plan"),
        (2, ("plan",), "2 plans"),
        (1, ("prefix", "prefixes"), "1 prefix"),
        (1_203, ("prefix", "prefixes"), "1,203 prefixes"),
        (1, ("earlier row",), "1 earlier row"),
    ],
)
def test_a_count_with_its_noun(number: int, words: tuple[str, ...], text: str) -> None:
    assert counted(number, *words) == text
