"""The plain twin with the compiled kernel at its side: every row of a rule's table is rated by both, and they must say the same.

The answers are the twin's, because it tells every figure on the way; that the kernel agrees is asserted here. Buckets that no catalogue
defines never reach the kernel (nothing has a slot for them): that the twin leaves them alone is asserted instead.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from rating.reference import Ordered, Reference
from rating.reference.rules import is_number
from tariffs.compiling.compiler import compile_catalogues
from tests.rating import harness
from tests.rating.generator import Case

if TYPE_CHECKING:
    from rating.model import Catalogue
    from rating.outcome import Bucket, Event, Outcome

_Holder = TypeVar("_Holder", bound=Hashable)
_Key = TypeVar("_Key", bound=Hashable)


class Both:
    """Published catalogues as both engines know them; asked like `Reference`."""

    def __init__(self, catalogues: Sequence[Catalogue], ported: Mapping[str, Sequence[tuple[int, str]]] | None = None) -> None:
        self._catalogues, self._ported = catalogues, ported or {}
        self._twin = Reference(catalogues, ported)
        self._tables = compile_catalogues(catalogues)

    def rate(self, event: Event, buckets: Sequence[Bucket] = ()) -> Outcome:
        """One event, whose holder has `buckets`."""
        named = dict(enumerate(buckets))
        return self.rate_in_order([event], ["holder"], {"holder": list(named)}, named).outcomes[0]

    def rate_in_order(
        self,
        events: Sequence[Event],
        holders: Sequence[_Holder | None],
        held: Mapping[_Holder, Sequence[_Key]],
        buckets: Mapping[_Key, Bucket],
    ) -> Ordered[_Key]:
        """Events of one rating unit, in order of (start, event key)."""
        ordered = self._twin.rate_in_order(events, holders, held, buckets)
        known = [key for key, each in buckets.items() if (each.kind, each.identity, each.definition_id) in self._tables.slots]
        assert all(ordered.buckets[key] == each for key, each in buckets.items() if key not in known)
        places = {key: place for place, key in enumerate(known)}
        owners = {holder: place for place, holder in enumerate(held)}
        case = Case(
            self._catalogues,
            [_as_numbers(event) for event in events],
            [None if holder is None else owners.get(holder) for holder in holders],  # who holds nothing is nobody
            {owners[holder]: [places[key] for key in keys if key in places] for holder, keys in held.items()},
            {place: buckets[key] for key, place in places.items()},
            [0] * len(owners),
            self._ported,
        )
        twin = harness.answer_of(ordered.outcomes, [ordered.buckets[key] for key in known], case)
        told = harness.differences(case, harness.by_kernel(case, self._tables), twin)
        assert not told, told[0]
        return ordered


def _as_numbers(event: Event) -> Event:
    """The event as columns can hold it: a destination that is no number is malformed, an origin that is none is not known."""
    malformed = bool(event.destination) and not is_number(event.destination or "")
    return msgspec.structs.replace(
        event, destination=None if malformed else event.destination, origin=event.origin if is_number(event.origin) else ""
    )
