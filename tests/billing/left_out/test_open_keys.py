"""Keys that lists of keys leave open are those of plain sets, also where first halves are alike."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from billing.left_out.open_keys import OpenKeys
from rating.schema import KEY


def _key(draw: random.Random, firsts: int) -> bytes:
    return draw.randrange(firsts).to_bytes(8, "big") + draw.randrange(4).to_bytes(8, "big")


@pytest.mark.parametrize("seed", range(30))
def test_as_sets_say(seed: int) -> None:
    draw = random.Random(seed)
    keys = [_key(draw, 40) for _ in range(draw.randrange(60))]
    lists = [[_key(draw, 44) for _ in range(draw.randrange(12))] for _ in range(draw.randrange(6))]
    open_ = OpenKeys(pa.array(keys, KEY))
    for each in lists:
        open_.close(pa.array(each, KEY))
    gone = {key for each in lists for key in each}
    assert open_.rows().tolist() == [place for place, key in enumerate(keys) if key not in gone]
    assert open_.is_any_open() == bool(set(keys) - gone)


def test_slices_and_none() -> None:
    keys = pa.array([bytes([number]) * 16 for number in range(9)], KEY)
    open_ = OpenKeys(keys[2:6])
    open_.close(keys[5:])
    assert open_.rows().tolist() == [0, 1, 2]
    assert OpenKeys(keys[:0]).rows().tolist() == []
