"""Rows dealt to threads: every row once, by the shard of its unit, in the order they came."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rating import engine, order


@pytest.mark.parametrize("parts", [1, 2, 7, 255, 256])
def test_rows_are_dealt_by_shard(parts: int) -> None:
    unit = np.random.default_rng(1).integers(-(2**62), 2**62, 10_000)
    dealt, edges = order.deal(unit, parts)
    part_of = engine.shard_of(unit) * parts // engine.VIRTUAL_SHARDS
    assert (edges[0], edges[-1], sorted(dealt.tolist())) == (0, len(unit), list(range(len(unit))))
    for part, (begin, end) in enumerate(itertools.pairwise(edges)):
        assert set(part_of[dealt[begin:end]].tolist()) <= {part}
        assert (np.diff(dealt[begin:end]) > 0).all()


@pytest.mark.parametrize(
    ("unit", "start", "key", "grouped", "in_order"),
    [
        ([1, 1, 2], [5, 6, 1], [0, 0, 0], True, False),
        ([1, 1, 2], [6, 5, 7], [0, 0, 0], False, False),
        ([2, 1, 1], [1, 2, 3], [0, 0, 0], False, True),
        ([1, 1, 1], [5, 5, 5], [0, 1, 1], True, True),
        ([1, 1, 1], [5, 5, 5], [1, 0, 1], False, False),  # of one instant: the key decides
        ([], [], [], True, True),
    ],
)
def test_what_order_rows_are_in(unit: list[int], start: list[int], key: list[int], grouped: bool, in_order: bool) -> None:  # noqa: FBT001 - columns of the table
    keys = np.array([(0, each) for each in key], np.uint64).reshape(-1, 2)
    units, starts = np.array(unit, np.int64), np.array(start, np.int64)
    assert order.are_grouped(units, starts, keys) == grouped
    assert order.are_in_order(starts, keys) == in_order
