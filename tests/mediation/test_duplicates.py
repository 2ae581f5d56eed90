"""Duplicates and conflicts, against a plain dictionary."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from mediation.duplicates import KeyIndex, Verdict, as_pairs, sort_out
from mediation.usage import key_array

NEW, DUPLICATE, CONFLICTING = Verdict


def pairs(values: list[int]) -> np.ndarray:
    return np.array([[value, value * 7 % 3] for value in values], np.uint64)


def test_first_wins_within_a_batch_and_against_what_was_added() -> None:
    index = KeyIndex()
    keys, contents = pairs([1, 2, 1, 1]), pairs([5, 5, 5, 6])
    assert index.classify(keys, contents).tolist() == [NEW, NEW, DUPLICATE, CONFLICTING]
    assert index.classify(keys, contents).tolist() == [NEW, NEW, DUPLICATE, CONFLICTING], "classify adds nothing"
    index.add(keys, contents)
    assert len(index) == 2
    assert index.classify(pairs([1, 2, 3]), pairs([5, 6, 6])).tolist() == [DUPLICATE, CONFLICTING, NEW]


def test_a_key_of_zero_is_a_key() -> None:
    index = KeyIndex()
    zero = np.zeros((1, 2), np.uint64)
    assert index.classify(zero, zero).tolist() == [NEW]
    index.add(zero, zero)
    assert index.classify(zero, zero).tolist() == [DUPLICATE]


@pytest.mark.parametrize("seed", range(3))
def test_as_a_dictionary(seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    generator = random.Random(seed)
    index, twin = KeyIndex(), dict[tuple[int, ...], tuple[int, ...]]()
    for _ in range(20):
        keys = pairs([generator.randrange(1, 30_000) for _ in range(3000)])
        contents = pairs([generator.randrange(1, 3) for _ in range(3000)])
        expected, batch = [], dict[tuple[int, ...], tuple[int, ...]]()
        for key, content in zip(map(tuple, keys.tolist()), map(tuple, contents.tolist()), strict=True):
            known = twin.get(key) or batch.setdefault(key, content)
            is_new = key not in twin and known is content
            expected.append(NEW if is_new else DUPLICATE if known == content else CONFLICTING)
        verdicts = index.classify(keys, contents)
        assert verdicts.tolist() == expected
        index.add(keys[verdicts == NEW], contents[verdicts == NEW])
        twin.update(batch)
        assert len(index) == len(twin)


@pytest.mark.parametrize("seed", range(5))
def test_a_closed_set_is_sorted_out_whatever_its_order(seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    rows = [(1, 5), (1, 5), (1, 5), (2, 5), (3, 5), (3, 6), (3, 6), (4, 1), (4, 2), (4, 3)]
    random.Random(seed).shuffle(rows)
    verdicts = sort_out(pairs([key for key, _ in rows]), pairs([content for _, content in rows]))
    found = sorted((key, Verdict(verdict).name) for (key, _), verdict in zip(rows, verdicts.tolist(), strict=True))
    assert found == [
        (1, "DUPLICATE"),
        (1, "DUPLICATE"),
        (1, "NEW"),
        (2, "NEW"),
        (3, "CONFLICTING"),
        (3, "CONFLICTING"),
        (3, "DUPLICATE"),
        (4, "CONFLICTING"),
        (4, "CONFLICTING"),
        (4, "CONFLICTING"),
    ]


def test_nothing_to_sort_out() -> None:
    nothing = np.zeros((0, 2), np.uint64)
    assert sort_out(nothing, nothing).size == 0
    assert KeyIndex().classify(nothing, nothing).size == 0


def test_arrow_columns_and_numbers_are_the_same_keys() -> None:
    numbers = np.array([[1, 2], [3, 2**64 - 1], [5, 6]], np.uint64)
    column = key_array(numbers)
    assert column[1].as_py() == bytes(7) + b"\x03" + b"\xff" * 8
    assert as_pairs(column).tolist() == numbers.tolist()
    assert as_pairs(pa.chunked_array([column.slice(1, 1), column.slice(2)])).tolist() == numbers[1:].tolist()
