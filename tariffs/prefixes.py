"""Prefix sets to the tables that find the longest prefix of a number.

Problem: decks hold up to a few hundred thousand prefixes of 1 to 15 digits, nested; every record needs the longest that fits. Choice:
on the line of 15-digit numbers a prefix is a range, and ranges nest, so the deck is a list of disjoint intervals, each with the
innermost prefix. That list is exact. Before it stands a branch-free table: the first six digits give a leaf base and a multiplier (0
where all thousand numbers behind them agree), the next three choose the leaf; a leaf holds the zone, or says that a longer prefix
decides and the intervals must be asked. Numbers shorter than the deck's longest prefix are asked of the intervals too, and climb from a
prefix longer than themselves to its parent. Left out: a trie (42 M look-ups a second against 200 M) and one level of nine digits (a
gigabyte).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rating.tables import INTERVAL_ROW, LEAF_EXACT, NUMBER_DIGITS_MAX, PREFIX_ROW

if TYPE_CHECKING:
    from collections.abc import Mapping


FIRST_DIGITS = 6
NINE_DIGITS = 9
LINE_END = 10**NUMBER_DIGITS_MAX
_THOUSAND = 1_000


class PrefixTable(NamedTuple):
    """One deck. Indices into `leaves`, `intervals` and `prefixes` are relative to this deck's own arrays."""

    first: NDArray[np.uint32]  # 10**6 entries: leaf base << 1 | multiplier
    leaves: NDArray[np.uint16]
    intervals: NDArray[np.void]
    prefixes: NDArray[np.void]
    digits_max: int


def prefix_table(zone_of_prefix: Mapping[str, int]) -> PrefixTable:
    """Compile prefixes (1 to 15 digits) with their zones (1 .. 65534)."""
    texts = sorted(zone_of_prefix)  # text order is nesting order: a prefix comes before all that extend it
    lows = np.array([int(text.ljust(NUMBER_DIGITS_MAX, "0")) for text in texts], dtype=np.int64)
    digits = np.array([len(text) for text in texts], dtype=np.int64)
    zones = np.array([zone_of_prefix[text] for text in texts], dtype=np.int64)
    parents = _parents(texts)
    prefixes = np.zeros(len(texts), PREFIX_ROW)
    prefixes["parent"], prefixes["digits"], prefixes["zone"] = parents, digits, zones
    intervals = _intervals(lows, digits, parents)
    first, leaves = _leaves(intervals, prefixes)
    return PrefixTable(first, leaves, intervals, prefixes, int(digits.max()))


def _parents(texts: list[str]) -> list[int]:
    """Index of the longest prefix that each prefix extends, -1 where none does."""
    parents: list[int] = []
    open_prefixes: list[int] = []
    for index, text in enumerate(texts):
        while open_prefixes and not text.startswith(texts[open_prefixes[-1]]):
            open_prefixes.pop()
        parents.append(open_prefixes[-1] if open_prefixes else -1)
        open_prefixes.append(index)
    return parents


def _intervals(lows: NDArray[np.int64], digits: NDArray[np.int64], parents: list[int]) -> NDArray[np.void]:
    """Disjoint intervals that cover the line; where a prefix ends, its parent goes on."""
    ends = lows + 10 ** (NUMBER_DIGITS_MAX - digits)
    edges: dict[int, int] = {0: -1}
    # Where ranges end at the same number, the outermost one's parent goes on: outer prefixes come first, so keep the first.
    for end, parent in zip(ends.tolist(), parents, strict=True):
        edges.setdefault(end, parent)
    # Where ranges begin at the same number, the innermost one decides: inner prefixes come last, so let the last win.
    edges.update((low, index) for index, low in enumerate(lows.tolist()))
    rows = sorted((low, prefix) for low, prefix in edges.items() if low < LINE_END)
    intervals = np.zeros(len(rows), INTERVAL_ROW)
    intervals["low"] = [row[0] for row in rows]
    intervals["prefix"] = [row[1] for row in rows]
    return intervals


def _leaves(intervals: NDArray[np.void], prefixes: NDArray[np.void]) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    """The two branch-free levels."""
    lows = intervals["low"]
    owner = intervals["prefix"]
    zone = np.where(owner >= 0, prefixes["zone"][np.maximum(owner, 0)], 0).astype(np.int64)
    six = 10 ** (NUMBER_DIGITS_MAX - FIRST_DIGITS)
    nine = 10 ** (NUMBER_DIGITS_MAX - NINE_DIGITS)
    begins = np.arange(10**FIRST_DIGITS, dtype=np.int64) * six
    at_begin = np.searchsorted(lows, begins, side="right") - 1
    at_end = np.searchsorted(lows, begins + six - 1, side="right") - 1
    uniform = at_begin == at_end
    mixed = np.flatnonzero(~uniform)

    leaf_begins = (begins[mixed][:, None] + np.arange(_THOUSAND, dtype=np.int64)[None, :] * nine).ravel()
    from_interval = np.searchsorted(lows, leaf_begins, side="right") - 1
    to_interval = np.searchsorted(lows, leaf_begins + nine - 1, side="right") - 1
    mixed_leaves = np.where(from_interval == to_interval, zone[from_interval], LEAF_EXACT)

    # The first leaves stand for one zone each, for all six-digit beginnings that lie in that zone alone.
    single_leaves = np.arange(zone.max() + 1, dtype=np.int64)
    first = np.empty(10**FIRST_DIGITS, dtype=np.int64)
    first[uniform] = zone[at_begin[uniform]] << 1
    first[mixed] = ((len(single_leaves) + np.arange(len(mixed), dtype=np.int64) * _THOUSAND) << 1) | 1
    return first.astype(np.uint32), np.concatenate([single_leaves, mixed_leaves]).astype(np.uint16)
