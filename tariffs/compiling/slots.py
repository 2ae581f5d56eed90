"""Slots of buckets: a number for each allowance, pass, counter and cap of all catalogues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.model import BucketKind, Counting, QuantityUnit
from rating.tables import OF_CAPS, OF_COUNTERS, OF_MONEY, OF_QUANTITY, SLOT_BITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue

_ASKED_FOR: Final = {
    BucketKind.ALLOWANCE: OF_QUANTITY, BucketKind.DAY_PASS: OF_QUANTITY, BucketKind.COUNTER: OF_COUNTERS, BucketKind.CAP: OF_CAPS,
}  # fmt: skip


def bucket_slots(catalogues: Sequence[Catalogue]) -> dict[tuple[BucketKind, str, int], int]:
    """A number for everything a bucket can be of; in each catalogue by id, so that allowances and passes tie in this order."""
    found: set[tuple[str, int, BucketKind]] = set()
    for each in catalogues:
        for plan in each.plans:
            found.update((each.identity, a.allowance_id, BucketKind.ALLOWANCE) for a in plan.allowances)
            found.update((each.identity, p.pass_id, BucketKind.DAY_PASS) for p in plan.day_passes)
            found.update((each.identity, c.cap_id, BucketKind.CAP) for c in plan.caps)
        found.update((each.identity, p.counter_id, BucketKind.COUNTER) for p in each.prices if p.counting is not Counting.EVENT)
    money = {
        (each.identity, a.allowance_id)
        for each in catalogues
        for plan in each.plans
        for a in plan.allowances
        if a.unit is QuantityUnit.MICRO
    }

    def asked_for(kind: BucketKind, identity: str, number: int) -> int:
        return OF_MONEY if kind is BucketKind.ALLOWANCE and (identity, number) in money else _ASKED_FOR[kind]

    return {
        (kind, identity, number): asked_for(kind, identity, number) << SLOT_BITS | slot
        for slot, (identity, number, kind) in enumerate(sorted(found))
    }
