"""`bill explain` says when a record came: its first version did, whatever people chose or corrected since."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import pytest

from billing.left_out.words import sentences
from billing.verification.explain_line import explain_record
from rating.dates import DAY_US
from tests.billing.runs.test_moved_histories import History

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

CHOSEN: Final = """
               runs 2025-11 2025-11
    2025-11-10 call anna 2025-11-05 10
    2025-11-13 call anna 2025-11-05 20
    2025-11-20 keep 20
    """


def test_it_came_with_its_first_version(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.all(CHOSEN)
    (told,) = explain_record(history.world.home, "x").left_out
    assert dt.datetime.fromtimestamp(told.came_us // 1_000_000, dt.UTC).date() == dt.date(2025, 11, 10)
    assert told.stored_us - told.came_us > 10 * DAY_US, "the choice is of the 20th or later"
    assert "It came 2025-11-10" in sentences(told)[1]
    history.world.home.close()
