"""Duplicates and conflicts in a closed set of rows."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from mediation.known_records.duplicates import Verdict, as_pairs, sort_out
from mediation.usage import key_array


def pairs(values: list[int]) -> np.ndarray:
    return np.array([[value, value * 7 % 3] for value in values], np.uint64)


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


def test_arrow_columns_and_numbers_are_the_same_keys() -> None:
    numbers = np.array([[1, 2], [3, 2**64 - 1], [5, 6]], np.uint64)
    column = key_array(numbers)
    assert column[1].as_py() == bytes(7) + b"\x03" + b"\xff" * 8
    assert as_pairs(column).tolist() == numbers.tolist()
    assert as_pairs(pa.chunked_array([column.slice(1, 1), column.slice(2)])).tolist() == numbers[1:].tolist()
