"""The compiled deck finds the longest prefix that a dictionary of prefixes finds, for numbers of any length."""

from __future__ import annotations

import random

import numpy as np
import pytest

from rating import kernel
from rating.tables import LEAF_EXACT, PREFIX_TABLE_ROW
from tariffs.prefixes import prefix_table


def _zone(table, number: str) -> int:  # noqa: ANN001 - a PrefixTable
    row = np.array([(0, 0, len(table.intervals), table.digits_max)], PREFIX_TABLE_ROW)
    return int(kernel.zone_of(0, int(number), len(number), row, table.first, table.leaves, table.intervals, table.prefixes))


def _longest(zones: dict[str, int], number: str) -> int:
    return next((zones[number[:n]] for n in range(len(number), 0, -1) if number[:n] in zones), 0)


def _random_deck(rng: random.Random, size: int, digits_max: int) -> dict[str, int]:
    deck: dict[str, int] = {}
    stems = [""]
    while len(deck) < size:
        prefix = (rng.choice(stems) + "".join(rng.choices("0123456789", (6, 1, 1, 1, 1, 1, 1, 1, 1, 6), k=rng.randint(1, 4))))[:digits_max]
        deck.setdefault(prefix, rng.randint(1, 50))
        stems.append(prefix)
    return deck


@pytest.mark.parametrize(("size", "digits_max"), [(1, 1), (20, 3), (500, 6), (500, 7), (2_000, 11), (3_000, 15)])
def test_longest_prefix(size: int, digits_max: int) -> None:
    rng = random.Random(size)
    deck = _random_deck(rng, size, digits_max)
    table = prefix_table(deck)
    numbers = []
    for prefix in rng.sample(sorted(deck), min(size, 400)):
        numbers += [prefix, prefix[:-1] or "1", (prefix + "0" * 15)[:15], (prefix + "9" * 15)[:15]]
        numbers += [(prefix + "".join(rng.choices("0123456789", k=rng.randint(1, 14))))[:15], str(max(int(prefix) - 1, 0)).ljust(15, "9")]
    wrong = [(number, _zone(table, number), _longest(deck, number)) for number in numbers if _zone(table, number) != _longest(deck, number)]
    assert wrong == []


def test_a_number_shorter_than_a_prefix_of_zeros_does_not_match_it() -> None:
    table = prefix_table({"44": 1, "4400": 2, "440000000000": 3})
    assert [_zone(table, number) for number in ("4", "44", "440", "4400", "44000", "440000000000", "44000000000")] == [0, 1, 1, 2, 2, 3, 2]


def test_a_prefix_of_ten_digits_is_left_to_the_intervals() -> None:
    table = prefix_table({"49": 1, "4930123456": 2})
    assert LEAF_EXACT in table.leaves
    assert [_zone(table, number) for number in ("493012345", "4930123456", "49301234567", "4930123457")] == [1, 2, 2, 1]
