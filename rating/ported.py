"""Numbers that moved to another network: which number stands for a ported one when its destination is looked up.

An entry holds from an instant on, until the next one of the same number.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIGITS_MAX: Final = 15


@dataclasses.dataclass(frozen=True, eq=False)
class PortedNumbers:
    """Entries sorted by (number, from_us); of those of one number and instant the last one given counts.

    Before them is one of no number, at which a search backwards ends.
    """

    key: NDArray[np.uint64]  # ported number x 16 + its digits; 0 none
    from_us: NDArray[np.int64]
    stands_for: NDArray[np.uint64]
    stands_for_digits: NDArray[np.int8]

    @classmethod
    def of(cls, ported: Mapping[str, Sequence[tuple[int, str]]]) -> PortedNumbers:
        """From number -> (from_us, number that stands for it). Raises ValueError for what is not a number of 1 to 15 digits."""
        given = [(number, *entry) for number in ported for entry in ported[number]]
        key = np.array([0, *(_value(number) * 16 + len(number) for number, _, _ in given)], np.uint64)
        from_us = np.array([0, *(from_us for _, from_us, _ in given)], np.int64)
        stands_for = np.array([0, *(_value(other) for _, _, other in given)], np.uint64)
        digits = np.array([0, *(len(other) for _, _, other in given)], np.int8)
        order = np.lexsort((from_us, key))
        return cls(key[order], from_us[order], stands_for[order], digits[order])

    def routed(
        self, number: NDArray[np.uint64], number_digits: NDArray[np.int8], start_us: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int8]]:
        """The numbers, and their digits, that stand for destinations at the start of each event."""
        key = _keys(number, number_digits)
        entry = np.searchsorted(self.key, key, "right") - 1  # the last one of its number, or one of another
        rows = np.flatnonzero(self.key[entry] == key)
        entry, key, start_us = entry[rows], key[rows], start_us[rows]
        while (later := (self.key[entry] == key) & (self.from_us[entry] > start_us)).any():
            entry -= later
        holds = self.key[entry] == key
        rows, entry = rows[holds], entry[holds]
        routed, routed_digits = number.copy(), number_digits.copy()
        routed[rows] = self.stands_for[entry]
        routed_digits[rows] = self.stands_for_digits[entry]
        return routed, routed_digits


def _keys(number: NDArray[np.uint64], digits: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Number x 16 + its digits, which distinguish leading zeros; the largest for what is no number."""
    is_number = (digits > 0) & (digits <= DIGITS_MAX) & (number < np.uint64(10**DIGITS_MAX))
    return np.where(is_number, number * np.uint64(16) + digits.astype(np.uint64), np.iinfo(np.uint64).max)


def _value(number: str) -> int:
    if not (0 < len(number) <= DIGITS_MAX and number.isascii() and number.isdecimal()):
        message = f"{number!r} is not a number of 1 to 15 digits"
        raise ValueError(message)
    return int(number)
