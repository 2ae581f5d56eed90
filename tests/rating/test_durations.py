"""Durations as people read them."""

from __future__ import annotations

import pytest

from rating.durations import minutes_text, seconds_text

ROWS = [
    # milliseconds, minutes and seconds, seconds
    (0, "0:00", "0"),
    (541_935, "9:01.935", "541.935"),
    (1_800_000, "30:00", "1800"),
    (59_500, "0:59.5", "59.5"),
    (1, "0:00.001", "0.001"),
    (-72_240_010, "-1,204:00.01", "-72240.01"),
]


@pytest.mark.parametrize(("milliseconds", "minutes", "seconds"), ROWS)
def test_texts(milliseconds: int, minutes: str, seconds: str) -> None:
    assert (minutes_text(milliseconds), seconds_text(milliseconds)) == (minutes, seconds)
