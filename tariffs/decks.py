"""Prefix tables of all plans in one set of arrays; plans that lead the same prefixes to the same classes share one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rating.tables import CODE_ROW, DECK_ROW, INTERVAL_ROW, PREFIX_ROW
from tariffs.prefixes import PrefixTable, align, prefix_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray

    from rating.model import Catalogue, Zone


class DeckStack:
    """Gathers decks, then gives the arrays of `rating.tables.Tables` that hold them."""

    def __init__(self) -> None:
        self._tables: list[PrefixTable] = []
        self._of_zones: dict[tuple[int, tuple[int, ...], bool], int] = {}
        self._of_prefixes: dict[tuple[frozenset[tuple[str, int]], frozenset[tuple[str, int]]], int] = {}
        self._catalogue_zones: dict[int, tuple[Sequence[Zone], NDArray[np.uint64], NDArray[np.int8], NDArray[np.int64]]] = {}

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

    def of_prefixes(self, prefixes: Mapping[str, int], codes: Mapping[str, int]) -> int:
        """The deck of prefixes and short codes with their classes; class 0 stands for no prefix."""
        if not prefixes and not codes:
            return -1
        key = (frozenset(prefixes.items()), frozenset(codes.items()))
        if key not in self._of_prefixes:
            aligned, digits = align(list(prefixes))
            classes = np.fromiter(prefixes.values(), np.int64, len(prefixes))
            self._of_prefixes[key] = self._add(prefix_table(aligned, digits, classes, codes))
        return self._of_prefixes[key]

    def _add(self, table: PrefixTable) -> int:
        self._tables.append(table)
        return len(self._tables) - 1

    def _zones(self, catalogue: Catalogue) -> tuple[int, tuple[NDArray[np.uint64], NDArray[np.int8], NDArray[np.int64]]]:
        """The prefixes of all zones of a catalogue, aligned once; versions with the same zones have the same number."""
        for number, known in self._catalogue_zones.items():
            if known[0] is catalogue.zones or known[0] == catalogue.zones:
                return number, known[1:]
        prefixes, digits = align([prefix for zone in catalogue.zones for prefix in zone.prefixes])
        zone_of = np.repeat(np.arange(len(catalogue.zones)), [len(zone.prefixes) for zone in catalogue.zones])
        number = len(self._catalogue_zones)
        self._catalogue_zones[number] = (catalogue.zones, prefixes, digits, zone_of)
        return number, (prefixes, digits, zone_of)

    def arrays(self) -> dict[str, Any]:
        """One array of each kind for all decks, with leaf bases, intervals, parents and prefixes made absolute."""
        rows, first, leaves, blocks, intervals, prefixes, codes = [], [], [], [], [], [], []
        leaf_base = block_base = interval_base = prefix_base = first_base = code_base = 0
        for deck in self._tables:
            interval_to = interval_base + len(deck.intervals)
            code_to = code_base + len(deck.code_keys)
            rows.append((first_base, block_base, leaf_base + deck.singles, interval_base, interval_to, code_base, code_to))
            first.append(deck.first + np.uint32(leaf_base << 1))
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
        assert leaf_base < 2**31, "leaf bases are 31 bits"
        return {
            "decks": np.array(rows, DECK_ROW),
            "first": _joined([*first, np.zeros(1, np.uint32)], np.uint32),  # the last one leads to class 0 of every deck
            "leaves": _joined([*leaves, np.zeros(1, np.uint16)], np.uint16),
            "blocks": _joined(blocks, np.int32),
            "intervals": _joined(intervals, INTERVAL_ROW),
            "prefixes": _joined(prefixes, PREFIX_ROW),
            "codes": _joined(codes, CODE_ROW),
        }


def _moved(rows: NDArray[np.void], field: str, by: int) -> NDArray[np.void]:
    moved = rows.copy()
    moved[field] += np.where(moved[field] >= 0, by, 0).astype(np.int32)
    return moved


def _joined(parts: Sequence[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.zeros(0, dtype)
