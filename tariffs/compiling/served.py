"""Buckets that serve usage and discounts on it, by rule: the rows of the kernel's tables that rules point to.

Rules with equal buckets or equal discounts share their rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rating.dates import FAR_US
from rating.model import ANY_ZONE, BucketKind, CapWindow, Draw, QuantityUnit
from rating.tables import DEFINITION_ROW, DISCOUNT_ROW, SLOT_MASK
from tariffs.compiling.rows import CLOCKS, DefinitionRow, DiscountRow, records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rating.model import Allowance, Catalogue, ChargeCap, DayPass, Discount, Plan, Service, UsageRule


class ServedStack:
    """Gathers lists of buckets and of discounts, then gives the arrays of `rating.tables.Tables` that hold them."""

    def __init__(self, slots: Mapping[tuple[BucketKind, str, int], int]) -> None:
        self._slots = slots
        self._serves: dict[tuple[int, ...], int] = {}
        self._definition_of: list[int] = []
        self._draws: dict[int, bool] = {}  # by `serves`
        self._settles: dict[int, bool] = {}
        self._definitions: dict[DefinitionRow, int] = {}
        self._discounts: dict[tuple[DiscountRow, ...], int] = {}
        self._discount_rows: list[DiscountRow] = []

    def serves_of(self, identity: str, served: Mapping[tuple[BucketKind, int], DefinitionRow]) -> int:
        """Position in `definition_of` of the buckets that serve a rule, given the definitions (rows) that do; -1: none."""
        if not served:
            return -1
        slots = {self._slots[kind, identity, number] & SLOT_MASK: row for (kind, number), row in served.items()}
        low, high = min(slots), max(slots)
        key = (low, high - low + 1, *(self._definition(slots[slot]) if slot in slots else -1 for slot in range(low, high + 1)))
        if key not in self._serves:
            self._serves[key] = serves = len(self._definition_of)
            self._draws[serves] = any(row.unit != QuantityUnit.MICRO for row in slots.values())
            self._settles[serves] = any(row.unit == QuantityUnit.MICRO or row.kind == BucketKind.DAY_PASS for row in slots.values())
            self._definition_of += key
        return self._serves[key]

    def draws(self, serves: int) -> bool:
        """Return whether allowances or passes are among the buckets at `serves`."""
        return self._draws.get(serves, False)

    def settles(self, serves: int) -> bool:
        """Return whether money, caps, or passes with their fee are among the buckets at `serves`."""
        return self._settles.get(serves, False)

    def _definition(self, row: DefinitionRow) -> int:
        return self._definitions.setdefault(row, len(self._definitions))

    def discounts_of(self, rows: Sequence[DiscountRow]) -> tuple[int, int]:
        """Range of the rows of a rule's discounts."""
        if not rows:
            return 0, 0
        key = tuple(rows)
        if key not in self._discounts:
            self._discounts[key] = len(self._discount_rows)
            self._discount_rows += rows
        return self._discounts[key], self._discounts[key] + len(rows)

    def arrays(self) -> dict[str, Any]:
        """The lists of buckets, their definitions, and the discounts."""
        return {
            "definition_of": np.array(self._definition_of, np.int32),
            "definitions": records(self._definitions, DEFINITION_ROW),
            "discounts": records(self._discount_rows, DISCOUNT_ROW),
        }


class BucketsAndDiscounts:
    """Buckets that may serve usage of one service of a plan, and discounts on it, by zone."""

    def __init__(self, stack: ServedStack, catalogue: Catalogue, plan: Plan, service: Service) -> None:
        self._stack, self._identity = stack, catalogue.identity
        self._served = [
            *(_Served(a.allowance_id, a.zones, _of_allowance(a)) for a in plan.allowances if service in a.services),
            *(_Served(p.pass_id, p.zones, _of_day_pass(p)) for p in plan.day_passes if service in p.services),
            *(_Served(c.cap_id, c.zones, _of_cap(c)) for c in plan.caps if service in c.services),
        ]
        ordered = sorted((d for d in plan.discounts if service in d.services), key=lambda d: (-d.percent_ppm, d.discount_id))
        self._discounts = [(d.zones, _of_discount(d)) for d in ordered]
        self._known: dict[tuple[str, str | None], tuple[int, tuple[int, int]]] = {}
        self._named: set[str | None] = {zone for each in self._served for zone in each.zones}
        self._named.update(zone for zones, _row in self._discounts for zone in zones)
        self._elsewhere = self._of("", None)

    def serves(self, rule: UsageRule) -> int:
        """`RULE_ROW.serves` of a rule."""
        return self._find(rule.zone, rule.roaming)[0]

    def discounts(self, rule: UsageRule) -> tuple[int, int]:
        """The rows of a rule's discounts."""
        return self._find(rule.zone, rule.roaming)[1]

    def _find(self, zone: str, roaming: str | None) -> tuple[int, tuple[int, int]]:
        if zone not in self._named and roaming not in self._named:
            return self._elsewhere
        if (zone, roaming) not in self._known:
            self._known[zone, roaming] = self._of(zone, roaming)
        return self._known[zone, roaming]

    def _of(self, zone: str, roaming: str | None) -> tuple[int, tuple[int, int]]:
        wanted = {zone, roaming, ANY_ZONE}
        served = {(each.row.kind, each.number): each.row for each in self._served if not wanted.isdisjoint(each.zones)}
        discounts = [row for zones, row in self._discounts if not wanted.isdisjoint(zones)]
        return self._stack.serves_of(self._identity, served), self._stack.discounts_of(discounts)


class _Served(NamedTuple):
    """A bucket by its number in the catalogue, the zones of the usage that it serves, and its definition."""

    number: int
    zones: tuple[str, ...]
    row: DefinitionRow


def _of_allowance(allowance: Allowance) -> DefinitionRow:
    return DefinitionRow(
        amount=0,
        fee=0,
        kind=BucketKind.ALLOWANCE,
        unit=allowance.unit,
        whole=allowance.draw is Draw.WHOLE_INCREMENTS,
        connect_when_free=allowance.connect_when_free,
        limited=True,
    )


def _of_day_pass(day_pass: DayPass) -> DefinitionRow:
    return DefinitionRow(
        amount=day_pass.quantity or 0,
        fee=day_pass.fee_micros,
        kind=BucketKind.DAY_PASS,
        unit=day_pass.unit,
        clock=CLOCKS[day_pass.clock],
        limited=day_pass.quantity is not None,
    )


def _of_cap(cap: ChargeCap) -> DefinitionRow:
    return DefinitionRow(amount=cap.amount_micros, fee=0, kind=BucketKind.CAP, unit=QuantityUnit.MICRO, daily=cap.window is CapWindow.DAY)


def _of_discount(discount: Discount) -> DiscountRow:
    from_us = -FAR_US if discount.from_us is None else discount.from_us
    to_us = FAR_US if discount.to_us is None else discount.to_us
    return DiscountRow(discount.percent_ppm, from_us, to_us, discount.friends_only)
