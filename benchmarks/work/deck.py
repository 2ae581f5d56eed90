"""A rate deck as carriers send it: nested country, mobile, operator and area codes, made by a seeded generator.

Shape: each of 210 countries has a fixed and a mobile zone, and one zone holds the special services, which makes 421. A country's prefixes
grow out of one another: an operator's block within the mobile range, a district within an area code, an exception within a block. So a
number has up to eight prefixes, and the longest one must be found. Two more zones are a deck of 10 digits and one of 11: small blocks that
cost a multiple of what is around them. Prefixes are text; a *place* is a number padded with zeros to 15 digits.
"""

from __future__ import annotations

import itertools
import random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

COUNTRIES = 210
ZONES = 2 * COUNTRIES + 1
LONG_ZONES = (ZONES, ZONES + 1)  # of the 10-digit and of the 11-digit deck
LONG_DIGITS = {ZONES: 10, ZONES + 1: 11}
LONG_PREFIXES = 2_000  # in each of them
NEST_DIGITS_MAX = 9
PLACE_DIGITS = 15
NUMBER_DIGITS_MIN, NUMBER_DIGITS_MAX = 11, 13  # of the destinations called: none is shorter than the longest prefix
SPECIAL = ("800", "808", "870", "878", "881", "882", "883", "888", "979")

_ONE_DIGIT = ("1", "7")
_TWO_DIGITS = (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98"
)
_THREE_DIGITS = (
    (211, 214), (216, 217), (218, 219), (220, 270), (290, 292), (297, 300), (350, 360), (370, 390), (420, 422), (423, 424), (500, 510),
    (590, 600), (670, 671), (672, 693), (850, 851), (852, 854), (855, 857), (880, 881), (886, 887), (960, 978), (992, 999),
)  # fmt: skip


class Deck(NamedTuple):
    """Prefixes by zone number: 0 .. 420 nested ones of 1 to 9 digits, 421 those of ten, 422 those of eleven."""

    zones: list[list[str]]

    @property
    def zone_of(self) -> dict[str, int]:
        """Zone number of each prefix."""
        return {prefix: zone for zone, prefixes in enumerate(self.zones) for prefix in prefixes}


class Intervals(NamedTuple):
    """The deck as what a binary search wants: places from `low` up to the next row's are of `zone`."""

    low: NDArray[np.int64]
    zone: NDArray[np.int64]  # -1: no prefix


def country_codes() -> list[str]:
    """The calling codes that the deck's countries have: those of ITU-T E.164, cut to the number wanted."""
    three = [str(code) for low, high in _THREE_DIGITS for code in range(low, high)]
    return [*_ONE_DIGIT, *_TWO_DIGITS.split(), *three][:COUNTRIES]


def make_deck(prefixes: int, seed: int) -> Deck:
    """`prefixes` nested ones in 421 zones, and the two decks of long ones."""
    rng = random.Random(seed)
    zone_of: dict[str, int] = {}
    families = []
    for country, code in enumerate(country_codes()):
        mobile = code + rng.choice("679")
        zone_of |= {code: 2 * country, mobile: 2 * country + 1}
        families.append([code, mobile])
    zone_of |= dict.fromkeys(SPECIAL, ZONES - 1)
    families.append(list(SPECIAL))
    _grow(rng, prefixes, zone_of, families)
    _add_long(rng, zone_of, families)
    zones: list[list[str]] = [[] for _ in range(ZONES + len(LONG_ZONES))]
    for prefix, zone in zone_of.items():
        zones[zone].append(prefix)
    return Deck(zones)


def _grow(rng: random.Random, prefixes: int, zone_of: dict[str, int], families: list[list[str]]) -> None:
    """Let families grow to `prefixes` in all; large countries have hundreds of times what small ones have."""
    weights = list(itertools.accumulate(1 / (1 + rank) ** 0.8 for rank in range(len(families))))
    order = rng.sample(families, len(families))
    while len(zone_of) < prefixes:
        family = rng.choices(order, cum_weights=weights)[0]
        parent = rng.choice(family)
        more = rng.choice((1, 1, 2, 3))
        child = parent + str(rng.randrange(10**more)).zfill(more)
        if len(child) > NEST_DIGITS_MAX or child in zone_of:
            continue
        zone = zone_of[parent]
        other = zone if zone == ZONES - 1 else zone ^ 1
        zone_of[child] = rng.choice((zone, zone, other))
        family.append(child)


def _add_long(rng: random.Random, zone_of: dict[str, int], families: list[list[str]]) -> None:
    parents = [prefix for family in families for prefix in family if len(prefix) >= 5]
    for zone, digits in LONG_DIGITS.items():
        added = 0
        while added < LONG_PREFIXES:
            parent = rng.choice(parents)
            rest = digits - len(parent)
            child = parent + str(rng.randrange(10**rest)).zfill(rest)
            added += child not in zone_of
            zone_of.setdefault(child, zone)


def intervals(zone_of: dict[str, int]) -> Intervals:
    """The same deck as disjoint intervals of places. Neighbours of one zone are joined, which is the fairest form for a search."""
    edges: dict[int, int] = {0: -1}
    for prefix in sorted(zone_of, key=len):
        low, span = int(prefix.ljust(PLACE_DIGITS, "0")), 10 ** (PLACE_DIGITS - len(prefix))
        parent = next((zone_of[prefix[:n]] for n in range(len(prefix) - 1, 0, -1) if prefix[:n] in zone_of), -1)
        edges[low] = zone_of[prefix]
        edges.setdefault(low + span, parent)
    rows = sorted(edges.items())
    kept = [row for row, before in zip(rows, [(0, None), *rows], strict=False) if row[1] != before[1]]
    return Intervals(np.array([row[0] for row in kept], np.int64), np.array([row[1] for row in kept], np.int64))


class Numbers(NamedTuple):
    """Destinations called, as integers, with their count of digits."""

    number: NDArray[np.int64]
    digits: NDArray[np.int64]

    @property
    def place(self) -> NDArray[np.int64]:
        """Each number padded with zeros to 15 digits."""
        return self.number * 10 ** (PLACE_DIGITS - self.digits)


def draw_numbers(rng: np.random.Generator, deck: Deck, count: int) -> Numbers:
    """Numbers of zones as popular as 1, 1/2, 1/3 and so on (in a random order of zones), all prefixes of a zone alike."""
    prefixes = [prefix for zone in deck.zones for prefix in zone]
    sizes = np.array([len(zone) for zone in deck.zones])
    popularity = 1 / (1 + rng.permutation(len(sizes)))
    zone = rng.choice(len(sizes), count, p=popularity / popularity.sum())
    first = np.cumsum(sizes) - sizes
    chosen = first[zone] + (rng.random(count) * sizes[zone]).astype(np.int64)
    digits = rng.integers(NUMBER_DIGITS_MIN, NUMBER_DIGITS_MAX + 1, count)
    spare = 10 ** (digits - np.array([len(prefix) for prefix in prefixes])[chosen])
    number = np.array([int(prefix) for prefix in prefixes], np.int64)[chosen] * spare + (rng.random(count) * spare).astype(np.int64)
    return Numbers(number, digits)
