"""Prefix sets to the tables that find the longest prefix of a number.

Problem: decks hold up to a few hundred thousand prefixes of 1 to 15 digits, nested; every record needs the longest that fits.

Choice: on the line of 15-digit numbers a prefix is a range, and ranges nest. So the deck is a list of disjoint intervals, each with the
innermost prefix. That list is exact. Before it comes a branch-free table. The first six digits (a *block* of the line) give a leaf base
and a multiplier: 0 where all thousand numbers behind them agree, 1 where the next three digits choose the leaf. A leaf holds the zone, or
says that a longer prefix decides and the intervals must be asked. A block knows where its intervals lie, so that this search is short.
Numbers of fewer than nine digits are asked of the intervals too, and climb from a prefix longer than themselves to its parent.

The leaves of a block take 2 KB. A deck may need them for more blocks than memory should bear (300,000 random prefixes of nine digits
touch 260,000 blocks), so only the DENSE_BLOCKS_MAX blocks with the most intervals have them. Each other mixed block has one leaf,
LEAF_EXACT, so that a thousand such blocks share a place in `block_from` by the same division: their search is longer, and that is all.

A prefix with the zone of its parent is left out: it decides nothing. Left out too: a trie (42 M look-ups a second against 200 M) and one
level of nine digits (a gigabyte).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rating.errors import UserError
from rating.tables import INTERVAL_ROW, LEAF_EXACT, NUMBER_DIGITS_MAX, PREFIX_ROW, SHORT_DIGITS_MAX
from tariffs.compiling.prefix_kernel import BLOCK, LEAVES_OF_BLOCK, nest, paint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BLOCKS: Final = 10**6
DENSE_BLOCKS_MAX: Final = 80_000  # 160 MB of leaves
ZONES_MAX: Final = LEAF_EXACT - 1
_TEN: Final = 10


class PrefixTable(NamedTuple):
    """One deck. Indices into `leaves`, `intervals` and `prefixes` are relative to this deck's own arrays.

    Where the leaf with base `base` is LEAF_EXACT, block `b = (base - singles) // 1000` has the number's interval in
    `block_from[b] .. block_from[b + 1]`, the last included.
    """

    first: NDArray[np.uint32]  # 10**6 entries: leaf base << 1 | multiplier
    leaves: NDArray[np.uint16]
    block_from: NDArray[np.int32]
    singles: int  # leaves before those of the first mixed block: one a zone, and one for none
    intervals: NDArray[np.void]
    prefixes: NDArray[np.void]
    code_keys: NDArray[np.uint64]  # digits x 10**8 + value, sorted
    code_zones: NDArray[np.uint16]


def align(prefixes: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int8]]:
    """Prefixes of 1 to 15 digits as numbers of 15 digits (filled up with zeros), and how many digits each has."""
    digits = np.fromiter(map(len, prefixes), dtype=np.int8, count=len(prefixes))
    filled = "".join([prefix.ljust(NUMBER_DIGITS_MAX, "0") for prefix in prefixes]).encode()
    by_prefix = np.frombuffer(filled, dtype=np.uint8).reshape(len(prefixes), NUMBER_DIGITS_MAX)
    by_place = np.ascontiguousarray(by_prefix.T) - np.uint8(ord("0"))
    assert by_place.max(initial=0) < _TEN, "prefixes are checked before they are compiled"
    aligned = np.zeros(len(prefixes), dtype=np.uint64)
    for figures in by_place:
        aligned = aligned * np.uint64(_TEN) + figures
    return aligned, digits


def prefix_table(
    prefixes: NDArray[np.uint64],
    digits: NDArray[np.int8],
    zones: NDArray[np.integer[Any]],
    codes: Mapping[str, int],
    *,
    place: str = "a plan",
) -> PrefixTable:
    """Compile aligned prefixes, without duplicates and in any order, and short codes, each with its zone (1 .. 65534).

    `place` names in an error whose zones they are.
    """
    zone_max = max(int(zones.max(initial=0)), *codes.values(), 0)
    if zone_max > ZONES_MAX:
        raise UserError(
            f"{place} distinguishes {zone_max} kinds of destination; at most {ZONES_MAX} are possible",
            "join zones that are priced alike, or divide the plan",
        )
    intervals, rows = _nested(prefixes.astype(np.int64), digits, zones.astype(np.uint16))
    code_keys, code_zones = _codes(codes)
    first, leaves, block_from = _levels(intervals, rows, zone_max + 1)
    return PrefixTable(first, leaves, block_from, zone_max + 1, intervals, rows, code_keys, code_zones)


def _nested(begins: NDArray[np.int64], digits: NDArray[np.int8], zones: NDArray[np.uint16]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Disjoint intervals that cover the line, and the prefixes they belong to."""
    order = np.argsort(begins * 16 + digits)  # a prefix comes before all that extend it
    begins, digits, zones = begins[order], digits[order], zones[order]
    kept = np.empty(len(begins), np.int64)
    parents = np.empty(len(begins), np.int32)
    lows = np.empty(2 * len(begins) + 1, np.int64)
    owners = np.empty(2 * len(begins) + 1, np.int32)
    prefix_count, interval_count = nest(begins, digits, zones, kept, parents, lows, owners)
    kept = kept[:prefix_count]
    rows = np.zeros(prefix_count, PREFIX_ROW)
    rows["parent"], rows["digits"], rows["zone"] = parents[:prefix_count], digits[kept], zones[kept]
    intervals = np.zeros(interval_count, INTERVAL_ROW)
    intervals["low"], intervals["prefix"] = lows[:interval_count], owners[:interval_count]
    return intervals, rows


def _levels(
    intervals: NDArray[np.void], prefixes: NDArray[np.void], singles: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.int32]]:
    """The two branch-free levels, and where the intervals of a mixed block lie."""
    lows = np.ascontiguousarray(intervals["low"]).astype(np.int64, copy=False)
    zones = np.append(prefixes["zone"], np.uint16(0))[intervals["prefix"]]  # owner -1: the zero at the end
    # By block: the interval in force where it begins.
    at_begin = np.cumsum(np.bincount(-(-lows // BLOCK), minlength=BLOCKS + 1))[:BLOCKS] - 1
    mixed, begun_inside = np.unique(lows[lows % BLOCK != 0] // BLOCK, return_counts=True)
    dense, sparse = _dense_and_sparse(mixed, begun_inside)

    dense_base = singles
    sparse_base = dense_base + (len(dense) + 1) * LEAVES_OF_BLOCK
    leaves = np.empty(sparse_base + len(sparse) if len(sparse) else singles + len(dense) * LEAVES_OF_BLOCK, np.uint16)
    leaves[:singles] = np.arange(singles)
    leaves[dense_base + len(dense) * LEAVES_OF_BLOCK :] = LEAF_EXACT
    first = zones[at_begin].astype(np.uint32) << 1
    first[dense] = ((dense_base + np.arange(len(dense)) * LEAVES_OF_BLOCK) << 1) | 1
    first[sparse] = (sparse_base + np.arange(len(sparse))) << 1

    # An entry that says only where the one before it ends stands after the dense blocks and after the sparse ones.
    last = [len(lows) - 1]
    groups = at_begin[sparse[::LEAVES_OF_BLOCK]]
    block_from = np.concatenate([at_begin[dense], last, groups, last if len(sparse) else []]).astype(np.int32)
    dense_leaves = leaves[dense_base : dense_base + len(dense) * LEAVES_OF_BLOCK].reshape(len(dense), LEAVES_OF_BLOCK)
    paint(dense, block_from, lows, zones, dense_leaves)
    return first, leaves, block_from


def _dense_and_sparse(mixed: NDArray[np.int64], begun_inside: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The mixed blocks that have leaves of their own, and those that have not; both in order."""
    if len(mixed) <= DENSE_BLOCKS_MAX:
        return mixed, mixed[:0]
    is_dense = np.zeros(len(mixed), np.bool_)
    is_dense[np.argsort(-begun_inside, kind="stable")[:DENSE_BLOCKS_MAX]] = True
    return mixed[is_dense], mixed[~is_dense]


def _codes(codes: Mapping[str, int]) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
    assert all(len(code) <= SHORT_DIGITS_MAX for code in codes)
    rows = sorted((len(code) * 10**SHORT_DIGITS_MAX + int(code), zone) for code, zone in codes.items())
    return np.array([key for key, _ in rows], np.uint64), np.array([zone for _, zone in rows], np.uint16)
