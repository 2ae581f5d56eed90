"""Numbers of files: read from names, counted on over wraps, and what is missing among them."""

from __future__ import annotations

import pytest

from billing.collection.sequences import Numbered, as_written, counted_on, gaps, numbered, round_of
from mediation.sources.model import FileSequence

NAMES = [
    # name, pattern, stream and number
    ("sw1_0007.csv", r"_(\d{4})\.", Numbered("", 7)),
    ("sw1_0007.csv.gz", r"_(\d{4})\.", Numbered("", 7)),
    ("CDR-beijing-000123.dat", r"CDR-(?P<stream>\w+)-(?P<number>\d+)", Numbered("beijing", 123)),
    ("CDR-beijing.dat", r"CDR-(?P<stream>\w+)-(?P<number>\d+)", None),
    ("sw1_x.csv", r"_(\w+)\.", None),
    ("sw1_\u0667.csv", r"_(\w+)\.", None),  # a digit, but not one of ours
    ("sw1_" + "9" * 19 + ".csv", r"_(\d+)\.", None),
    ("20260301_12.csv", r"(?P<stream>\d{8})_(?P<number>\d+)", Numbered("20260301", 12)),
]


@pytest.mark.parametrize(("name", "pattern", "expected"), NAMES)
def test_a_number_is_read_from_a_name(name: str, pattern: str, expected: Numbered | None) -> None:
    assert numbered(name, FileSequence(pattern)) == expected


ORDERS = [
    # numbers in the order in which files came, modulus, first, counted on, missing
    ([5, 6, 7], 0, 0, [5, 6, 7], []),
    ([5, 7, 8, 11], 0, 0, [5, 7, 8, 11], [(6, 6), (9, 10)]),
    ([5, 7, 6], 0, 0, [5, 7, 6], []),
    ([9998, 9999, 0, 1], 10_000, 0, [9998, 9999, 10_000, 10_001], []),
    ([9998, 0, 9999], 10_000, 0, [9998, 10_000, 9999], []),
    ([9998, 1], 10_000, 0, [9998, 10_001], [(9999, 10_000)]),
    ([999, 1, 2], 1_000, 1, [999, 1000, 1001], []),
    ([998, 2], 1_000, 1, [998, 1001], [(999, 1000)]),
    ([2, 9999, 1], 10_000, 0, [2, -1, 1], [(0, 0)]),
    ([3, 3, 4], 0, 0, [3, 3, 4], []),
    ([4, 2], 0, 0, [4, 2], [(3, 3)]),
    ([0, 51, 50], 100, 0, [0, -49, 50], [(-48, -1), (1, 49)]),
    ([], 100, 0, [], []),
]


@pytest.mark.parametrize(("numbers", "modulus", "first", "counted", "missing"), ORDERS)
def test_what_is_missing(numbers: list[int], modulus: int, first: int, counted: list[int], missing: list[tuple[int, int]]) -> None:
    rules = FileSequence("", modulus=modulus, first=first)
    found: list[int] = []
    for number in numbers:
        found.append(counted_on(number, max(found, default=None), rules))
    assert found == counted
    assert [(gap.first, gap.last) for gap in gaps(found)] == missing
    assert [as_written(value, first, round_of(rules)) for value in found] == numbers


def test_a_gap_knows_its_neighbours() -> None:
    gap = gaps([10, 3, 11])[0]
    assert (gap.first, gap.last, gap.below, gap.above) == (4, 9, 1, 0)
