"""One event priced by kernel and twin alike: the kernel's answer is what a bill run would charge, the twin's explains it.

Both the command line and the service quote through here. When the two differ nothing is quoted: that is our mistake, and an assertion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rating import engine
from rating.reference import Reference
from rating.status import REFUSALS_FROM
from rating.tables import no_circumstances
from server.quote_state import Known, buckets, plan_in_force
from tariffs.compiling.compiler import compile_catalogues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue
    from rating.outcome import Bucket, Event, Outcome

NUMBER_DIGITS_MAX: Final = 15
INT64: Final = np.iinfo(np.int64)
_SCALARS: Final = ("charge_micros", "gross_micros", "chargeable_qty", "free_qty", "price_id", "zone_id")


class CheckedQuote:
    """The given versions, compiled for the kernel and resolved for the twin."""

    def __init__(self, catalogues: Sequence[Catalogue]) -> None:
        self._catalogues = tuple(catalogues)
        self._reference = Reference(catalogues)
        self._tables = compile_catalogues(catalogues)

    def rate(self, event: Event, known: Known) -> Outcome:
        """The twin's outcome of `event`, after the kernel has come to the same one. `known`: of the period so far."""
        version = plan_in_force(self._catalogues, event.plan or "", event.start_us)
        without = self._reference.rate(event)
        held = buckets(version, event, known, without) if version is not None and without.status < REFUSALS_FROM else []
        outcome = self._reference.rate(event, held)
        by_twin = (
            int(outcome.status),
            *(int(getattr(outcome, name)) for name in _SCALARS),
            tuple((each.amount, each.mark) for each in outcome.buckets),
        )
        by_kernel = self._by_kernel(event, held)
        assert by_kernel == by_twin, f"kernel and twin disagree about this event: {by_kernel} and {by_twin}"
        return outcome

    def _by_kernel(self, event: Event, held: Sequence[Bucket]) -> tuple[object, ...]:
        number, digits = _number(event.destination or "")
        batch = engine.RatingInput(
            start_us=np.array([_within_int64(event.start_us)], np.int64),
            quantity=np.array([_within_int64(event.quantity)], np.int64),
            service=np.array([event.service], np.int8),
            plan=np.array([self._tables.plan_index.get(event.plan or "", -2)], np.int32),
            number=np.array([number], np.uint64),
            number_digits=np.array([digits], np.int8),
            holder=np.zeros(1, np.int32),
            rating_unit=np.zeros(1, np.int64),
            event_key=np.zeros((1, 2), np.uint64),
            circumstances=self._circumstances(event),
        )
        rated = engine.rate(self._tables, batch, self._buckets(held))
        after = zip(rated.amount_after.tolist(), rated.mark_after.tolist(), strict=True)
        return (int(rated.status[0]), *(int(getattr(rated, name)[0]) for name in _SCALARS), tuple(after))

    def _circumstances(self, event: Event) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        row = no_circumstances(1)
        origin, digits = _number(event.origin)
        if digits > 0:
            row["origin"], row["origin_digits"] = origin, digits
        timezones = self._tables.timezones
        row["home_clock"] = timezones.index(event.home_timezone) if event.home_timezone in timezones else -1
        row["on_net"] = -1 if event.on_net is None else event.on_net
        row["content_micros"] = _within_int64(event.content_micros)
        for name in ("direction", "friend", "visited", "rating_group", "customer_group"):
            row[name] = getattr(event, name)
        return row

    def _buckets(self, held: Sequence[Bucket]) -> engine.Buckets:
        """One holder who has them all."""
        return engine.Buckets.of(
            slot=np.array([self._tables.slots[each.kind, each.identity, each.definition_id] for each in held], np.int32),
            amount=np.array([each.amount for each in held], np.int64),
            mark=np.array([each.mark for each in held], np.int64),
            from_us=np.array([each.from_us for each in held], np.int64),
            to_us=np.array([each.to_us for each in held], np.int64),
            priority=np.array([each.priority for each in held], np.int32),
            holder_from=np.array([0, len(held)], np.int64),
            held=np.arange(len(held), dtype=np.int32),
        )


def _number(digits: str) -> tuple[int, int]:
    """A number and how many digits it has: 0 for none, -1 for what is no number."""
    if digits and not (digits.isascii() and digits.isdecimal() and len(digits) <= NUMBER_DIGITS_MAX):
        return 0, -1
    return int(digits or 0), len(digits)


def _within_int64(value: int) -> int:
    """`value`, or the end of the range beyond which it lies: either is far outside what can be rated."""
    return min(max(value, int(INT64.min)), int(INT64.max))
