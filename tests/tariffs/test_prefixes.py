"""The compiled deck finds the longest prefix that a dictionary of prefixes finds, for numbers of any length."""

from __future__ import annotations

import random

import numpy as np
import pytest

from rating.engine import RatingInput, rate
from rating.model import ANY_BAND, Catalogue, Plan, Price, QuantityUnit, Rate, Service, Step, TaxClass, UsageRule, Zone
from rating.tables import LEAF_EXACT
from tariffs.compiler import compile_catalogues

NOON_US = 1_767_268_800_000_000
ROOT = Price(1, "call", 1, 1, "none", QuantityUnit.MESSAGE, (Rate(ANY_BAND, (Step(0, 1, 1, 1),), 1),))


def _catalogue(deck: dict[str, int]) -> Catalogue:
    zones = tuple(
        Zone(zone, f"zone {zone}", tuple(prefix for prefix in deck if deck[prefix] == zone)) for zone in sorted(set(deck.values()))
    )
    plan = Plan("plan", tuple(UsageRule(Service.SMS, zone.name, "call") for zone in zones), {})
    return Catalogue("deck", 1, "EUR", 2, "UTC", 0, zones, (), (ROOT,), (plan,), (TaxClass("none", 1, ()),), {})


def _zones(deck: dict[str, int], numbers: list[str]) -> list[int]:
    """Zone ids by the kernel, 0 for none."""
    rows = len(numbers)
    batch = RatingInput(
        start_us=np.full(rows, NOON_US),
        quantity=np.ones(rows, np.int64),
        service=np.full(rows, Service.SMS, np.int8),
        plan=np.zeros(rows, np.int32),
        number=np.array([int(number) for number in numbers], np.uint64),
        number_digits=np.array([len(number) for number in numbers], np.int8),
        allowance=np.full(rows, -1, np.int32),
        rating_unit=np.zeros(rows, np.int64),
        event_key=np.zeros((rows, 2), np.uint64),
    )
    return rate(compile_catalogues([_catalogue(deck)]), batch, np.zeros(0, np.int64)).zone_id.tolist()


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
    numbers = []
    for prefix in rng.sample(sorted(deck), min(size, 400)):
        numbers += [prefix, prefix[:-1] or "1", (prefix + "0" * 15)[:15], (prefix + "9" * 15)[:15]]
        numbers += [(prefix + "".join(rng.choices("0123456789", k=rng.randint(1, 14))))[:15], str(max(int(prefix) - 1, 0)).ljust(15, "9")]
    wrong = [row for row in zip(numbers, _zones(deck, numbers), strict=True) if row[1] != _longest(deck, row[0])]
    assert wrong == []


def test_a_number_shorter_than_a_prefix_of_zeros_does_not_match_it() -> None:
    deck = {"44": 1, "4400": 2, "440000000000": 3}
    numbers = ["4", "44", "440", "4400", "44000", "440000000000", "44000000000"]
    assert _zones(deck, numbers) == [0, 1, 1, 2, 2, 3, 2]


def test_a_prefix_of_ten_digits_is_left_to_the_intervals() -> None:
    deck = {"49": 1, "4930123456": 2}
    assert LEAF_EXACT in compile_catalogues([_catalogue(deck)]).leaves
    assert _zones(deck, ["493012345", "4930123456", "49301234567", "4930123457"]) == [1, 2, 2, 1]
