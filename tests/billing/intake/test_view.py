"""Reading for money: a file that is not what was committed stops the reader, whatever byte of it changed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from billing.intake import view
from billing.intake.taking import Intake
from rating.errors import UserError
from tests.billing.usage_rows import MARCH_US, Event, batch

if TYPE_CHECKING:
    from billing.store.home import Home

NOW_US = 1_772_323_200_000_000
EVENTS = 200


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_a_changed_byte_is_noticed(home: Home, *, sealed: bool, seed: int) -> None:
    intake = Intake(home)
    intake.take_batch("sw1", batch(*(Event(str(i), i, start_us=MARCH_US + i) for i in range(EVENTS))), NOW_US)
    if sealed:
        intake.seal(NOW_US)
    with home.connect() as connection:
        head = home.head_seq(connection)
    assert view.usage(home, ["duration_us"], head, checked=True).num_rows == EVENTS
    (file,) = (home.sealed_folder if sealed else home.journal_folder).iterdir()
    data = bytearray(file.read_bytes())
    data[random.Random(seed).randrange(len(data))] ^= 1
    file.write_bytes(data)
    with pytest.raises(UserError, match="not what was committed"):
        view.usage(home, ["duration_us"], head, checked=True)
