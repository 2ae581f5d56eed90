"""One event priced by kernel and twin alike: the kernel's answer is what a bill run would charge, the twin's tells how it comes about.

Both the command line and the service quote through here. When the two differ nothing is quoted: that is our mistake, and an assertion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rating import engine
from rating.reference import Event, Outcome, Reference
from tariffs.compiler import compile_catalogues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue

NUMBER_DIGITS_MAX: Final = 15
INT64: Final = np.iinfo(np.int64)


class CheckedQuote:
    """The given versions, compiled for the kernel and resolved for the twin."""

    def __init__(self, catalogues: Sequence[Catalogue]) -> None:
        self._reference = Reference(catalogues)
        self._tables = compile_catalogues(catalogues)

    def rate(self, event: Event, allowance_left: int) -> Outcome:
        """The twin's outcome of `event`, after the kernel has come to the same one. `allowance_left` >= 0, in units of the service."""
        outcome = self._reference.rate(event, allowance_left)
        by_twin = (
            int(outcome.status),
            outcome.charge_micros,
            outcome.chargeable_qty,
            outcome.free_qty,
            outcome.price_id,
            outcome.zone_id,
            outcome.allowance_after,
        )
        by_kernel = self._by_kernel(event, allowance_left)
        assert by_kernel == by_twin, f"kernel and twin disagree about this event: {by_kernel} and {by_twin}"
        return outcome

    def _by_kernel(self, event: Event, allowance_left: int) -> tuple[int, ...]:
        digits = event.destination or ""
        is_number = not digits or (digits.isascii() and digits.isdecimal() and len(digits) <= NUMBER_DIGITS_MAX)
        batch = engine.RatingInput(
            start_us=np.array([_within_int64(event.start_us)], np.int64),
            quantity=np.array([_within_int64(event.quantity)], np.int64),
            service=np.array([event.service], np.int8),
            plan=np.array([self._tables.plan_index.get(event.plan or "", -2)], np.int32),
            number=np.array([int(digits) if digits and is_number else 0], np.uint64),
            number_digits=np.array([len(digits) if is_number else -1], np.int8),
            allowance=np.zeros(1, np.int32),
            rating_unit=np.zeros(1, np.int64),
            event_key=np.zeros((1, 2), np.uint64),
        )
        rated = engine.rate(self._tables, batch, np.array([allowance_left], np.int64))
        columns = (rated.status, rated.charge_micros, rated.chargeable_qty, rated.free_qty, rated.price_id, rated.zone_id)
        return (*(int(column[0]) for column in columns), int(rated.allowance_left[0]))


def _within_int64(value: int) -> int:
    """`value`, or the end of the range beyond which it lies: either is far outside what can be rated."""
    return min(max(value, int(INT64.min)), int(INT64.max))
