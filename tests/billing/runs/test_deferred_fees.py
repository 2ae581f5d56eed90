"""Billed amounts of running periods: what is held of each, and what counts as billed by the day. Amounts are cents."""

from __future__ import annotations

import pytest

from billing.charges.charge_keys import Kind
from billing.runs.settlement.deferred_fees import held
from tests.billing.charges.rows import lines

CENT = 10_000


@pytest.mark.parametrize(
    ("kind", "billed", "due", "ahead", "counted"),
    [
        (Kind.RECURRING, 3100, 1700, [1400], 1700),
        (Kind.RECURRING, 3100, 0, [3100], 0),
        (Kind.RECURRING, 3100, 3100, [], 3100),
        (Kind.RECURRING, 1000, 1700, [], 1000),  # 21.00 of 31.00 were credited: 7.00 of what is earned are unbilled
        (Kind.DISCOUNT, -310, -170, [-140], -170),
        (Kind.DISCOUNT, -100, -170, [], -100),  # 0.70 more are off what is earned than were billed
    ],
)
def test_nothing_is_held_where_more_is_earned_than_was_billed(kind: Kind, billed: int, due: int, ahead: list[int], counted: int) -> None:
    of_billed, of_due = (lines({"kind": kind, "amount_micros": cents * CENT}) for cents in (billed, due))
    found = held(of_billed, of_due, of_due)
    assert [amount // CENT for amount in found.lines["amount_micros"].tolist()] == ahead
    assert found.counted["amount_micros"].tolist() == [counted * CENT]
