"""Sequence bitmaps against sets: streams, strewn numbers, gaps, retention and snapshots."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mediation.known_records import HashIndex, SequenceBitmaps, Verdict
from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NEW, SEEN, _OTHER = Verdict


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def test_streams_count_by_themselves() -> None:
    index = SequenceBitmaps()
    east, west = index.stream("east"), index.stream("west")
    assert index.stream("east") == east
    assert index.streams == ("east", "west")
    index.add(east, ints(1, 2, 3))
    streams = np.array([east, west, west, east], np.int32)
    verdict, first = index.classify(streams, ints(3, 3, 3, 4))
    assert verdict.tolist() == [SEEN, NEW, SEEN, NEW]
    assert first.tolist() == [-1, -1, 1, -1]
    assert index.classify(streams, ints(3, 3, 3, 4)).verdict.tolist() == verdict.tolist(), "classify adds nothing"
    assert len(index) == 3


@pytest.mark.parametrize("number", [0, -1, -(2**63), 2**63 - 1, 65_535, 65_536, 2**40])
def test_any_number_can_be_known(number: int) -> None:
    index = SequenceBitmaps()
    only = index.stream("")
    assert index.classify(only, ints(number, number)).verdict.tolist() == [NEW, SEEN]
    index.add(only, ints(number, 7))
    assert index.classify(only, ints(number, 7, number ^ 1, number ^ 64)).verdict.tolist() == [SEEN, SEEN, NEW, NEW]


@pytest.mark.parametrize("seed", range(3))
def test_as_a_set_while_it_grows(seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    generator = random.Random(seed)
    index, twin, at = SequenceBitmaps(), set[tuple[int, int]](), [0, 10**9, -5000]
    for stream in range(3):
        assert index.stream(str(stream)) == stream
    for _ in range(15):
        rows = [generator.randrange(3) for _ in range(2000)]
        numbers = []
        for stream in rows:
            at[stream] += generator.choice([0, 1, 1, 1, 2, 900])
            numbers.append(at[stream] if generator.random() < 0.95 else generator.randrange(10**12))
        known, expected = set(twin), []
        for pair in zip(rows, numbers, strict=True):
            expected.append(SEEN if pair in known else NEW)
            known.add(pair)
        streams, column = np.array(rows, np.int32), np.array(numbers, np.int64)
        verdict, first = index.classify(streams, column)
        assert verdict.tolist() == expected
        assert all(pair in twin or first[row] < row for row, pair in enumerate(zip(rows, numbers, strict=True)) if verdict[row] == SEEN)
        assert all((rows[place], numbers[place]) == (rows[row], numbers[row]) for row, place in enumerate(first.tolist()) if place >= 0)
        index.add(streams, column)
        twin = known
        assert len(index) == len(twin)


def test_missing_numbers_are_ranges_between_known_ones() -> None:
    index = SequenceBitmaps()
    stream, other = index.stream("a"), index.stream("b")
    index.add(stream, np.concatenate([np.arange(-3, 5), np.arange(7, 70_000), ints(70_001, 500_000)]))
    index.add(other, ints(5, 6))
    assert list(index.missing("a")) == [(5, 6), (70_000, 70_000), (70_002, 499_999)]
    assert list(index.missing("b")) == []
    assert list(index.missing("nobody")) == []


def test_strewn_numbers_are_refused_before_anything_is_kept() -> None:
    index = SequenceBitmaps()
    stream = index.stream("a")
    index.add(stream, np.arange(100_000))
    strewn = np.arange(20_000) * 1_000_003
    with pytest.raises(UserError, match=r"lie so far apart that 15\d MiB"):
        index.classify(stream, strewn)
    assert len(index) == 100_000
    assert index.memory_bytes < 1 << 20
    assert not index.classify(stream, strewn[:500]).verdict[1:].any(), "a few are taken"


def test_pages_of_early_days_are_dropped() -> None:
    index = SequenceBitmaps()
    stream = index.stream("a")
    index.add(stream, np.arange(65_536), np.full(65_536, 100))
    index.add(stream, np.arange(65_536, 65_546), np.arange(95, 105))  # one page: its newest day is 104
    index.drop_before(104)
    assert len(index) == 10
    assert index.classify(stream, ints(5, 65_536)).verdict.tolist() == [NEW, SEEN]
    index.add(stream, ints(5))
    assert index.classify(stream, ints(5)).verdict.tolist() == [SEEN]


def test_a_snapshot_is_the_index(tmp_path: Path) -> None:
    path = tmp_path / "numbers.index"
    index = SequenceBitmaps()
    index.add(index.stream("a"), np.arange(100, 200_000))
    index.add(index.stream("b\n"), ints(5, 2**50))
    index.save(path)
    opened = SequenceBitmaps.open(path)
    assert (opened.streams, len(opened)) == (("a", "b\n"), len(index))
    assert opened.classify(opened.stream("b\n"), ints(5, 2**50, 6)).verdict.tolist() == [SEEN, SEEN, NEW]
    assert list(opened.missing("b\n")) == [(6, 2**50 - 1)]
    opened.add(opened.stream("c"), np.arange(3_000_000))
    opened.add(opened.stream("a"), np.arange(200_000, 1_500_000))
    assert list(opened.missing("a")) == []
    with pytest.raises(UserError, match="is an index of form bitmap, not hash"):
        HashIndex.open(path)


def test_an_empty_snapshot(tmp_path: Path) -> None:
    SequenceBitmaps().save(tmp_path / "numbers.index")
    opened = SequenceBitmaps.open(tmp_path / "numbers.index")
    assert opened.classify(opened.stream("a"), ints(1, 1)).verdict.tolist() == [NEW, SEEN]
