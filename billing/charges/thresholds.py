"""Bill thresholds: a bill at once, in mid-cycle, because a running period's unbilled usage reached an amount.

Each threshold acts once a period: the caller records those that have acted, and a total that falls and rises again (late usage, a
correction) acts no second time. The bill made at once is a bill of the running period; the cycle's bill has the rest, by reconciliation.
Amounts are micro-units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from rating.model import BillThreshold


def reached(total_micros: int, thresholds: Iterable[BillThreshold], acted: Collection[int]) -> list[BillThreshold]:
    """The thresholds that `total_micros` reaches (an equal total does) and that have not `acted` (ids) in this period, lowest first."""
    found = [each for each in thresholds if each.amount_micros <= total_micros and each.threshold_id not in acted]
    return sorted(found, key=lambda each: (each.amount_micros, each.threshold_id))
