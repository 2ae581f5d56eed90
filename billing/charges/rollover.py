"""Quantities left of an allowance at the end of a period, and their use in later periods.

The rest of a period's own grant, up to `rollover_max`, serves `rollover_periods` more periods: as a quantity of its own, which expires with
the last of them. It stays with the plan that had it as the period ended. It follows the subscription to another plan only where a change
between the two carries the rest (`billing.charges.grants`); elsewhere it lapses. Shared quantities stay with the rating unit. Dates are
local and half open, quantities in the allowance's unit.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from billing.charges.grants import AllowanceKey, change_between
from billing.charges.periods import BillDays, bill_day_on, period_from
from rating.model import AtPlanChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from billing.charges.grants import Granting, Pot, Stretch
    from billing.charges.periods import Period
    from rating.model import Allowance

SHARED = 0  # as subscription key: the allowance is the rating unit's


class Left(NamedTuple):
    """The quantity that a period left of an allowance, and the date until which it may serve."""

    account_key: int
    subscription_key: int  # or SHARED
    plan: str  # that had it as the period ended; "" of the rating unit
    key: AllowanceKey
    period_end: dt.date
    serves_to: dt.date
    amount: int

    def serves(self, period: Period) -> bool:
        """Return whether it was left to `period`, and does not expire before it."""
        return self.period_end == period.start and self.serves_to > period.start

    def serves_cycle(self, period: Period) -> bool:
        """Return whether it was left to the cycle of `period`, which may begin later than others of a pool, and has not expired by then."""
        return period.cycle_start <= self.period_end <= period.start and self.serves_to > period.start


def nothing_left(account_key: int, period_end: dt.date) -> Left:
    """Records that a period left nothing at all: it serves no period, and replaces what was known before."""
    return Left(account_key, SHARED, "", AllowanceKey("", 0), period_end, period_end, 0)


class Owner(NamedTuple):
    """The holder of a quantity left: an account's subscription and its plan, or (SHARED, "") the whole rating unit."""

    account_key: int
    bill_days: BillDays
    subscription_key: int
    plan: str


class Reach(NamedTuple):
    """The plans that a period's opening quantity serves, and its end in it.

    `plan`: its plan at the period's end, None where it has lapsed.
    """

    plans: tuple[int, ...]
    end: dt.date
    plan: int | None


def expiry(pot: Pot, period: Period, bill_days: BillDays) -> dt.date:
    """The date on which a grant of `period` expires: later than the period where it rolls over. The earliest expiry is drawn first."""
    end = pot.end
    for _ in range(pot.allowance.rollover_periods if end == period.end else 0):
        end = period_from(end, bill_day_on(bill_days, end)).end
    return end


def left_of(pot: Pot, owner: Owner, period: Period, amount: int) -> Left | None:
    """The rest that `period` leaves of its own grant, when `amount` is left; None where the allowance does not outlive its period."""
    if pot.allowance.rollover_periods == 0 or pot.end != period.end:
        return None
    carried = _capped(pot.allowance, amount)
    return Left(owner.account_key, owner.subscription_key, owner.plan, pot.key, period.end, expiry(pot, period, owner.bill_days), carried)


def follow(
    key: AllowanceKey, plan: int, stretches: Sequence[Stretch], grantings: Sequence[Mapping[AllowanceKey, Granting]], period: Period
) -> Reach:
    """The reach in the next period of the rest that `plan` has of an allowance: to the first plan that lacks it, or is not handed it."""
    reached: list[int] = []
    for stretch in stretches:
        new = grantings[stretch.plan].get(key)
        if new is None or (stretch.plan != plan and not _hands_on(grantings[plan].get(key), new)):
            return Reach(tuple(reached), stretch.span.start, None)
        plan = stretch.plan
        if plan not in reached:
            reached.append(plan)
    return Reach(tuple(reached), period.end, plan if stretches else None)


def by_owner(lefts: Iterable[Left]) -> dict[tuple[int, int], list[Left]]:
    """By account and subscription; rows that differ only in the amount are added up, so that no two of an allowance expire at once."""
    sums: dict[Left, int] = {}
    for left in lefts:
        kind = left._replace(amount=0)
        sums[kind] = sums.get(kind, 0) + left.amount
    found: dict[tuple[int, int], list[Left]] = {}
    for kind in sorted(sums):
        found.setdefault((kind.account_key, kind.subscription_key), []).append(kind._replace(amount=sums[kind]))
    return found


def _capped(allowance: Allowance, amount: int) -> int:
    return amount if allowance.rollover_max is None else min(amount, allowance.rollover_max)


def _hands_on(left: Granting | None, new: Granting) -> bool:
    return left is not None and change_between(left, new) is AtPlanChange.CARRY
