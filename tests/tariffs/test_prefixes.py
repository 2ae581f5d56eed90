"""The compiled deck finds the longest prefix that a dictionary of prefixes finds, for numbers of any length."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rating.errors import UserError
from rating.tables import LEAF_EXACT
from tariffs.compiling import prefixes
from tariffs.compiling.prefixes import PrefixTable, align, prefix_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_CODES: dict[str, int] = {}
LEAVES = 1_000  # of a block


def _table(deck: Mapping[str, int], codes: Mapping[str, int] = NO_CODES) -> PrefixTable:
    return prefix_table(*align(list(deck)), np.array(list(deck.values()), np.uint16), codes)


def _zone(table: PrefixTable, number: str) -> int:
    """What the kernel does, step by step: code, leaf, intervals of the block, parents."""
    digits, aligned = len(number), int(number.ljust(15, "0"))
    if digits <= 8:
        key = np.uint64(digits * 10**8 + int(number))
        at = int(np.searchsorted(table.code_keys, key))
        if at < len(table.code_keys) and table.code_keys[at] == key:
            return int(table.code_zones[at])
    low, high = 0, len(table.intervals) - 1
    if digits >= 9:
        entry = int(table.first[aligned // 10**9])
        leaf = int(table.leaves[(entry >> 1) + (entry & 1) * (aligned // 10**6 % 1000)])
        if leaf != LEAF_EXACT:
            return leaf
        block = ((entry >> 1) - table.singles) // 1000
        low, high = int(table.block_from[block]), int(table.block_from[block + 1])
    lows = table.intervals["low"][low : high + 1]
    assert lows[0] <= aligned, "the search must not miss the number to its left"
    prefix = int(table.intervals["prefix"][low + int(np.searchsorted(lows, aligned, side="right")) - 1])
    while prefix >= 0 and table.prefixes["digits"][prefix] > digits:
        prefix = int(table.prefixes["parent"][prefix])
    return int(table.prefixes["zone"][prefix]) if prefix >= 0 else 0


def _longest(deck: Mapping[str, int], number: str) -> int:
    return next((deck[number[:n]] for n in range(len(number), 0, -1) if number[:n] in deck), 0)


def _random_deck(rng: random.Random, size: int, digits_max: int, zones: int) -> dict[str, int]:
    deck: dict[str, int] = {}
    stems = [""]
    while len(deck) < size:
        prefix = (rng.choice(stems) + "".join(rng.choices("0123456789", (6, 1, 1, 1, 1, 1, 1, 1, 1, 6), k=rng.randint(1, 4))))[:digits_max]
        deck.setdefault(prefix, rng.randint(1, zones))
        if len(prefix) < digits_max:
            stems.append(prefix)
    rows = list(deck.items())
    rng.shuffle(rows)
    return dict(rows)


def _numbers_near(rng: random.Random, deck: Mapping[str, int]) -> list[str]:
    numbers = ["0", "9", "0" * 15, "9" * 15]
    for prefix in rng.sample(list(deck), min(len(deck), 300)):
        numbers += [prefix, prefix[:-1] or "1", (prefix + "0" * 15)[:15], (prefix + "9" * 15)[:15], prefix.ljust(9, "0")]
        numbers += [(prefix + "".join(rng.choices("0123456789", k=rng.randint(1, 14))))[:15], str(max(int(prefix) - 1, 0)).ljust(15, "9")]
        numbers.append(str(int(prefix) + 1).zfill(len(prefix))[:15].ljust(15, "0"))
    return numbers


@pytest.mark.parametrize("dense_blocks_max", [80_000, 25, 0])
@pytest.mark.parametrize(
    ("size", "digits_max", "zones"),
    [(0, 1, 1), (1, 1, 1), (20, 3, 5), (500, 6, 50), (500, 7, 2), (1_500, 9, 50), (2_000, 11, 2), (3_000, 15, 50), (300, 15, 65_534)],
)
def test_longest_prefix(size: int, digits_max: int, zones: int, dense_blocks_max: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "DENSE_BLOCKS_MAX", dense_blocks_max)
    rng = random.Random(size)
    deck = _random_deck(rng, size, digits_max, zones)
    table = _table(deck)
    wrong = [number for number in _numbers_near(rng, deck) if _zone(table, number) != _longest(deck, number)]
    assert wrong == []


def test_an_empty_deck_knows_no_number() -> None:
    table = _table({})
    assert [_zone(table, number) for number in ("1", "49301234567", "9" * 15)] == [0, 0, 0]
    assert (len(table.prefixes), len(table.intervals), table.singles) == (0, 1, 1)


def test_a_number_shorter_than_a_prefix_of_zeros_does_not_match_it() -> None:
    table = _table({"44": 1, "4400": 2, "440000000000": 3})
    numbers = ["4", "44", "440", "4400", "44000", "440000000000", "44000000000"]
    assert [_zone(table, number) for number in numbers] == [0, 1, 1, 2, 2, 3, 2]


def test_a_leading_zero_counts() -> None:
    table = _table({"049": 1, "49": 2})
    assert [_zone(table, number) for number in ("0491234567", "491234567", "04", "4")] == [1, 2, 0, 0]


def test_a_prefix_of_ten_digits_is_left_to_the_intervals() -> None:
    table = _table({"49": 1, "4930123456": 2})
    assert LEAF_EXACT in table.leaves
    assert [_zone(table, number) for number in ("493012345", "4930123456", "49301234567", "4930123457")] == [1, 2, 2, 1]


def test_ten_longer_prefixes_of_one_zone_do_not_answer_for_the_shorter_number() -> None:
    table = _table({"49": 1, **{f"493012345{last}": 2 for last in range(10)}})
    assert [_zone(table, number) for number in ("493012345", "4930123450", "4930123459")] == [1, 2, 2]


def test_where_several_prefixes_end_the_outermost_goes_on() -> None:
    table = _table({"4": 1, "49": 2, "499": 3, "4999999999": 4})
    assert [_zone(table, number) for number in ("4999999999", "499999999", "4990000000", "500000000", "480000000")] == [4, 3, 3, 0, 1]


def test_a_prefix_with_the_zone_of_its_parent_takes_no_room() -> None:
    redundant = {"49": 1, "4930": 1, "4930123456": 1, "49301234567": 2}
    table, plain = _table(redundant), _table({"49": 1, "49301234567": 2})
    assert all((left == right).all() for left, right in zip(table[:3], plain[:3], strict=True))
    assert table.intervals.tolist() == plain.intervals.tolist()
    assert table.prefixes.tolist() == plain.prefixes.tolist() == [(-1, 2, 1), (0, 11, 2)]


def test_the_intervals_of_a_block_are_few() -> None:
    deck = {f"49{block:04}{tail}": zone for block in range(50) for zone, tail in ((1, "12345"), (2, "99999"))}
    table = _table(deck)
    spans = np.diff(table.block_from)
    assert len(spans) == 50
    assert spans.max() == 4  # two prefixes and the nothing after each


def test_scattered_prefixes_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "DENSE_BLOCKS_MAX", 100)
    rng = random.Random(9)
    crowded = {f"490000{tail:03}": 1 for tail in range(1, 1_000, 2)}
    deck = {**{str(rng.randrange(10**8, 10**9)): rng.randint(1, 9) for _ in range(3_000)}, **crowded}
    table = _table(deck)
    assert len(table.leaves) < 102 * LEAVES + 3_000
    assert table.first[490_000] & 1 == 1, "the block with the most prefixes has leaves of its own"
    assert all(_zone(table, number) == _longest(deck, number) for number in _numbers_near(rng, deck))


def test_a_short_code_is_a_whole_number_and_comes_before_prefixes() -> None:
    codes = {"112": 7, "0112": 8, "10086123": 9}
    table = _table({"1": 1, "112": 2, "10086": 3}, codes)
    numbers = ["112", "0112", "1120", "11", "10086123", "10086", "100861234"]
    assert [_zone(table, number) for number in numbers] == [7, 8, 2, 1, 9, 3, 3]
    assert table.code_keys.tolist() == sorted(table.code_keys.tolist())


def test_codes_alone_make_a_table() -> None:
    table = _table({}, {"112": 65_534})
    assert [_zone(table, "112"), _zone(table, "113"), table.singles] == [65_534, 0, 65_535]


@pytest.mark.parametrize(("zone", "codes"), [(65_535, NO_CODES), (1, {"112": 65_535}), (70_000, NO_CODES)])
def test_more_zones_than_a_leaf_can_name_are_refused(zone: int, codes: Mapping[str, int]) -> None:
    with pytest.raises(UserError, match=r"deck 'all': plan 'one' .*6553[45]") as raised:
        prefix_table(*align(["1"]), np.array([zone]), codes, place="deck 'all': plan 'one'")
    assert "zones" in raised.value.remedy


@pytest.mark.parametrize(
    ("texts", "values", "digits"),
    [
        ([], [], []),
        (["49", "049", "0", "999999999999999"], [49 * 10**13, 49 * 10**12, 0, 10**15 - 1], [2, 3, 1, 15]),
    ],
)
def test_prefixes_are_aligned_to_fifteen_digits(texts: Sequence[str], values: list[int], digits: list[int]) -> None:
    aligned, lengths = align(texts)
    assert (aligned.tolist(), lengths.tolist()) == (values, digits)
    assert (aligned.dtype, lengths.dtype) == (np.uint64, np.int8)
