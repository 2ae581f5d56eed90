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

    from rating.engine import RatingInput

DIGITS_MAX: Final = 15


@dataclasses.dataclass(frozen=True, eq=False)
class PortedNumbers:
    """Entries sorted by (number, digits, from_us)."""

    number: NDArray[np.uint64]
    digits: NDArray[np.int8]
    from_us: NDArray[np.int64]
    stands_for: NDArray[np.uint64]
    stands_for_digits: NDArray[np.int8]

    @classmethod
    def of(cls, ported: Mapping[str, Sequence[tuple[int, str]]]) -> PortedNumbers:
        """From number -> (from_us, number that stands for it). Raises ValueError for what is not a number of 1 to 15 digits."""
        rows = sorted(
            (_value(number), len(number), from_us, _value(other), len(other))
            for number, entries in ported.items()
            for from_us, other in entries
        )
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], [], []]
        kinds = (np.uint64, np.int8, np.int64, np.uint64, np.int8)
        return cls(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))

    def routed(self, batch: RatingInput) -> RatingInput:
        """The batch with the numbers that stand for its destinations."""
        entries = len(self.number)
        if not entries or not len(batch.number):
            return batch
        known = np.flatnonzero(np.isin(batch.number, self.number))
        # Sorted by number, digits and instant: the last entry at or before each event, found by a sort of both together.
        number, digits, start = batch.number[known], batch.number_digits[known], batch.start_us[known]
        keys = [np.concatenate(pair) for pair in ((self.number, number), (self.digits, digits), (self.from_us, start))]
        is_event = np.arange(entries + len(known)) >= entries
        order = np.lexsort((is_event, keys[2], keys[1], keys[0]))
        last = np.maximum.accumulate(np.where(is_event[order], -1, np.arange(len(order))))
        entry = np.full(entries + len(known), -1, np.int64)
        entry[order] = np.where(last >= 0, order[np.maximum(last, 0)], -1)
        entry = entry[entries:]
        found = (entry >= 0) & (self.number[entry] == number) & (self.digits[entry] == digits)
        routed, routed_digits = batch.number.copy(), batch.number_digits.copy()
        routed[known[found]] = self.stands_for[entry[found]]
        routed_digits[known[found]] = self.stands_for_digits[entry[found]]
        return dataclasses.replace(batch, number=routed, number_digits=routed_digits)


def _value(number: str) -> int:
    if not (0 < len(number) <= DIGITS_MAX and number.isascii() and number.isdecimal()):
        message = f"{number!r} is not a number of 1 to 15 digits"
        raise ValueError(message)
    return int(number)
