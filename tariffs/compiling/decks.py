"""Prefix tables of all plans in one set of arrays; plans that lead the same prefixes to the same classes share one."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rating.errors import UserError
from rating.tables import CODE_ROW, DECK_ROW, INTERVAL_ROW, LEAF_EXACT, PREFIX_ROW
from tariffs.compiling.prefix_kernel import LEAVES_OF_BLOCK
from tariffs.compiling.prefixes import PrefixTable, align, prefix_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray

    from rating.model import Catalogue


LEAVES_LIMIT: Final = 2**31 - 2  # of all decks: where one begins has 31 bits, and two follow the last


class DeckStack:
    """Gathers decks, then gives the arrays of `rating.tables.Tables` that hold them.

    Versions of a catalogue differ in few prefixes, so a block of a thousand leaves that an earlier deck has is not stored again.
    """

    def __init__(self) -> None:
        self._leaves = 0  # of all decks so far
        self._block_at: dict[bytes, int] = {}  # where the leaves of a block stand, by their digest
        self._tables: list[PrefixTable] = []
        self._of_zones: dict[tuple[int, tuple[int, ...], bool], int] = {}
        self._of_prefixes: dict[tuple[frozenset[tuple[str, int]], frozenset[tuple[str, int]]], int] = {}
        self._number: dict[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...], int] = {}  # of the prefixes and codes of all zones
        self._number_of_object: dict[int, int] = {}  # the same by identity, which is no work
        self._aligned: list[tuple[NDArray[np.uint64], NDArray[np.int8], NDArray[np.int64]]] = []  # by number

    def of_zones(self, catalogue: Catalogue, zones: tuple[int, ...], codes: Mapping[str, int]) -> int:
        """The deck in which class 1, 2, ... has the prefixes of these zones (indices into the catalogue's)."""
        number, (prefixes, digits, zone_of) = self._zones(catalogue)
        key = (number, zones, bool(codes))  # origins are looked up without short codes
        if key not in self._of_zones:
            class_of = np.zeros(len(catalogue.zones), np.int64)
            class_of[list(zones)] = np.arange(1, len(zones) + 1)
            classes = class_of[zone_of]
            kept = classes > 0
            place = f"catalogue {catalogue.identity}"
            self._of_zones[key] = self._add(prefix_table(prefixes[kept], digits[kept], classes[kept], codes, place=place))
        return self._of_zones[key]

    def of_prefixes(self, prefixes: Mapping[str, int], codes: Mapping[str, int], *, place: str) -> int:
        """The deck of prefixes and short codes with their classes; class 0 stands for no prefix. `place`: whose it is, for an error."""
        if not prefixes and not codes:
            return -1
        key = (frozenset(prefixes.items()), frozenset(codes.items()))
        if key not in self._of_prefixes:
            aligned, digits = align(list(prefixes))
            classes = np.fromiter(prefixes.values(), np.int64, len(prefixes))
            self._of_prefixes[key] = self._add(prefix_table(aligned, digits, classes, codes, place=place))
        return self._of_prefixes[key]

    def _add(self, table: PrefixTable) -> int:
        placed = self._placed(table)
        self._tables.append(placed)
        self._leaves += len(placed.leaves)
        if self._leaves >= LEAVES_LIMIT:
            raise UserError(
                f"the prefixes of all plans and versions need {len(self._tables)} tables, which together are too large",
                "let plans name the same zones for a service, so that they share a table, or retire versions",
            )
        return len(self._tables) - 1

    def _placed(self, table: PrefixTable) -> PrefixTable:
        """The table with leaf bases made absolute, without the blocks of leaves that another one has already.

        A block with a leaf that asks the intervals is its own: its place tells where to look.
        """
        blocks = np.flatnonzero(table.first & 1)
        end = table.singles + len(blocks) * LEAVES_OF_BLOCK
        leaves = table.leaves[table.singles : end].reshape(len(blocks), LEAVES_OF_BLOCK)
        digests = [b"" if exact else blake2b(row, digest_size=16).digest() for row, exact in zip(leaves, _exact(leaves), strict=True)]
        kept: list[int] = []
        places = np.empty(len(blocks), np.int64)
        for row, digest in enumerate(digests):
            if digest not in self._block_at or not digest:
                self._block_at[digest] = self._leaves + table.singles + len(kept) * LEAVES_OF_BLOCK
                kept.append(row)
            places[row] = self._block_at[digest]
        first = table.first.astype(np.int64) + (self._leaves << 1)
        first[table.first >= end << 1] -= (len(blocks) - len(kept)) * LEAVES_OF_BLOCK << 1  # blocks without leaves stand after the others
        first[blocks] = places << 1 | 1
        return table._replace(
            first=first.astype(np.uint32),
            leaves=np.concatenate([table.leaves[: table.singles], leaves[kept].reshape(-1), table.leaves[end:]]),
            block_from=np.concatenate([table.block_from[kept], table.block_from[len(blocks) :]]),
        )

    def _zones(self, catalogue: Catalogue) -> tuple[int, tuple[NDArray[np.uint64], NDArray[np.int8], NDArray[np.int64]]]:
        """The prefixes of all zones of a catalogue, aligned once; versions with the same prefixes and codes have the same number."""
        zones = catalogue.zones
        if id(zones) not in self._number_of_object:
            asked = tuple([(zone.prefixes, zone.short_codes) for zone in zones])
            number = self._number_of_object[id(zones)] = self._number.setdefault(asked, len(self._number))
            if number == len(self._aligned):
                prefixes, digits = align([prefix for zone in zones for prefix in zone.prefixes])
                self._aligned.append((prefixes, digits, np.repeat(np.arange(len(zones)), [len(zone.prefixes) for zone in zones])))
        number = self._number_of_object[id(zones)]
        return number, self._aligned[number]

    def arrays(self) -> dict[str, Any]:
        """One array of each kind for all decks, with intervals, parents and prefixes made absolute."""
        rows, first, leaves, blocks, intervals, prefixes, codes = [], [], [], [], [], [], []
        leaf_base = block_base = interval_base = prefix_base = first_base = code_base = 0
        for deck in self._tables:
            interval_to = interval_base + len(deck.intervals)
            code_to = code_base + len(deck.code_keys)
            rows.append((first_base, block_base, leaf_base + deck.singles, interval_base, interval_to, code_base, code_to))
            first.append(deck.first)
            leaves.append(deck.leaves)
            blocks.append(deck.block_from + np.int32(interval_base))
            intervals.append(_moved(deck.intervals, "prefix", prefix_base))
            prefixes.append(_moved(deck.prefixes, "parent", prefix_base))
            coded = np.zeros(len(deck.code_keys), CODE_ROW)
            coded["key"], coded["zone"] = deck.code_keys, deck.code_zones
            codes.append(coded)
            leaf_base += len(deck.leaves)
            block_base += len(deck.block_from)
            interval_base, code_base = interval_to, code_to
            prefix_base += len(deck.prefixes)
            first_base += len(deck.first)
        return {
            "decks": np.array(rows, DECK_ROW),
            # The last two entries lead to the last two leaves: no class, and a number that has to be looked up exactly.
            "first": _joined([*first, np.array([leaf_base << 1, (leaf_base + 1) << 1], np.uint32)], np.uint32),
            "leaves": _joined([*leaves, np.array([0, LEAF_EXACT], np.uint16)], np.uint16),
            "blocks": _joined(blocks, np.int32),
            "intervals": _joined(intervals, INTERVAL_ROW),
            "prefixes": _joined(prefixes, PREFIX_ROW),
            "codes": _joined(codes, CODE_ROW),
        }


def _exact(leaves: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Mask of the blocks with a leaf that asks the intervals."""
    asks: NDArray[np.bool_] = (leaves == LEAF_EXACT).any(axis=1)
    return asks


def _moved(rows: NDArray[np.void], field: str, by: int) -> NDArray[np.void]:
    moved = rows.copy()
    moved[field] += np.where(moved[field] >= 0, by, 0).astype(np.int32)
    return moved


def _joined(parts: Sequence[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.zeros(0, dtype)
