"""The hash index against a dictionary; collisions that are forced; growth, retention and snapshots."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mediation.known_records import HashIndex, Verdict, hash_index
from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NEW, SEEN, OTHER = Verdict
CONTENT_BITS = 16  # below them lies the day


def hashes(values: list[int]) -> NDArray[np.uint64]:
    """A 128-bit hash for each value; 0 stays 0."""
    high = np.array(values, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.stack([high ^ (high >> np.uint64(29)), high + np.uint64(5)], axis=1)


def test_batch_and_index_are_told_apart_and_classify_adds_nothing() -> None:
    index = HashIndex()
    keys, contents = hashes([1, 2, 1, 1]), hashes([5, 5, 5, 6])
    for _ in range(2):
        verdict, first = index.classify(keys, contents)
        assert verdict.tolist() == [NEW, NEW, SEEN, OTHER]
        assert first.tolist() == [-1, -1, 0, 0]
    index.add(keys, contents)
    assert len(index) == 2
    verdict, first = index.classify(hashes([1, 2, 3, 3]), hashes([5, 6, 6, 6]))
    assert verdict.tolist() == [SEEN, OTHER, NEW, SEEN]
    assert first.tolist() == [-1, -1, -1, 2]


def test_a_key_of_zero_is_a_key() -> None:
    index, zero = HashIndex(), np.zeros((2, 2), np.uint64)
    assert index.classify(zero, zero).verdict.tolist() == [NEW, SEEN]
    index.add(zero, zero)
    assert len(index) == 1
    assert index.classify(zero, zero).verdict.tolist() == [SEEN, SEEN]


def test_nothing_is_asked() -> None:
    nothing = np.zeros((0, 2), np.uint64)
    index = HashIndex()
    index.add(nothing, nothing)
    assert index.classify(nothing, nothing).verdict.size == 0


@pytest.mark.parametrize(("seed", "distinct"), [(0, 60_000), (1, 60_000), (2, 50)])
def test_as_a_dictionary_while_it_grows(seed: int, distinct: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    generator = random.Random(seed)
    index, twin = HashIndex(), dict[int, int]()
    for _ in range(15):
        keys = [generator.randrange(distinct) for _ in range(2000)]
        contents = [generator.randrange(3) for _ in keys]
        expected, first_row = [], dict[int, int]()
        for row, (key, content) in enumerate(zip(keys, contents, strict=True)):
            known = twin.get(key, contents[first_row[key]] if key in first_row else None)
            expected.append(NEW if known is None else SEEN if known == content else OTHER)
            if known is None:
                first_row[key] = row
        verdict, first = index.classify(hashes(keys), hashes(contents))
        assert verdict.tolist() == expected
        assert first.tolist() == [first_row.get(key, -1) if first_row.get(key, row) < row else -1 for row, key in enumerate(keys)]
        index.add(hashes(keys), hashes(contents))
        twin.update({key: contents[row] for key, row in first_row.items()})
        assert len(index) == len(twin)


def test_forced_collisions_only_ever_say_perhaps() -> None:
    """A hash of two bits: a new key may be SEEN or OTHER, a known one is never NEW, and a content is never taken for another key's."""
    index = HashIndex(hash_of=lambda keys: keys[:, 1] & np.uint64(3))
    known, contents = hashes(list(range(1, 9))), hashes(list(range(11, 19)))
    index.add(known, contents)
    assert len(index) <= 4
    assert NEW not in index.classify(known, contents).verdict.tolist()
    fresh = hashes(list(range(100, 140)))
    assert set(index.classify(fresh, hashes([99] * 40)).verdict.tolist()) == {OTHER}


def test_all_keys_in_the_last_bucket_go_on_in_the_first() -> None:
    index = HashIndex(hash_of=lambda keys: keys[:, 0])
    keys = np.stack([np.arange(2**64 - 20, 2**64, dtype=np.uint64), np.zeros(20, np.uint64)], axis=1)
    index.add(keys, keys)
    assert index.classify(keys, keys).verdict.tolist() == [SEEN] * 20
    below = np.array([[2**64 - 21, 0], [5, 0]], np.uint64)
    assert index.classify(below, below).verdict.tolist() == [NEW, NEW]


def test_days_decide_what_is_dropped_and_nothing_else() -> None:
    index = HashIndex()
    index.add(hashes([1, 2, 3]), hashes([5, 5, 5]), np.array([100, 101, 70_000]))
    index.add(hashes([4]), hashes([5]))  # without a day: kept
    assert index.classify(hashes([1]), hashes([5])).verdict.tolist() == [SEEN], "the day is no part of the content"
    index.drop_before(101)
    assert len(index) == 3
    assert index.classify(hashes([1, 2, 3, 4]), hashes([5, 5, 5, 5])).verdict.tolist() == [NEW, SEEN, SEEN, SEEN]


def test_a_table_moves_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key arrives once, whichever part it was in; what the parts held is given back behind them."""
    monkeypatch.setattr(hash_index, "_MOVED_AT_ONCE", 64)  # two pages of memory
    index, values = HashIndex(), list(range(1, 40_000))
    for begin in range(0, len(values), 1000):
        part = values[begin : begin + 1000]
        index.add(hashes(part), hashes(part), np.full(len(part), begin))
    assert len(index) == len(values)
    assert (index.classify(hashes(values), hashes(values)).verdict == SEEN).all()
    index.drop_before(20_000)
    assert len(index) == len(values) - 20_000
    assert index.classify(hashes(values), hashes(values)).verdict.tolist() == [NEW] * 20_000 + [SEEN] * (len(values) - 20_000)


def test_a_snapshot_is_the_index_and_what_is_added_later_stays_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "known.index"
    index = HashIndex()
    values = list(range(1, 5000))
    index.add(hashes(values), hashes(values), np.full(len(values), 20_000))
    digest = index.save(path)
    before = path.read_bytes()
    opened = HashIndex.open(path)
    assert len(opened) == len(index)
    assert (opened.classify(hashes(values), hashes(values)).verdict == SEEN).all()
    more = list(range(5000, 30_000))
    opened.add(hashes(more), hashes(more))
    assert (opened.classify(hashes(more), hashes(more)).verdict == SEEN).all()
    assert path.read_bytes() == before
    assert index.save(path) == digest, "the same index gives the same bytes"
    assert [each.name for each in tmp_path.iterdir()] == ["known.index"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "is cut off"),
        (lambda data: b"x" + data[1:], "is not an index of known records, or is one of another version"),
        (lambda _data: b"", "is not an index of known records, or is one of another version"),
        (lambda data: data[:22] + b"}" + data[23:], "is damaged"),
    ],
)
def test_a_file_that_is_no_snapshot_is_refused(tmp_path: Path, change, message: str) -> None:  # noqa: ANN001 - a lambda of a row
    path = tmp_path / "known.index"
    HashIndex().save(path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UserError, match=message) as caught:
        HashIndex.open(path)
    assert "built again" in caught.value.remedy
