"""What each run's periods left of allowances that roll over, in the table `carried_allowances`.

A run prices only open periods. What the period before the oldest of them left was worked out by the last run in which it was open; it
is closed now, and nothing changes it any more. So every run stores what each of its periods leaves, zeros as well, and a row that says
so where it leaves nothing: the next run finds it whatever its oldest open period is, and nothing older. Rows are written with the
numbering of a run: one that is resumed or made again replaces none.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing.charges.grants import AllowanceKey
from billing.charges.rollover import Left
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

CLASHING: Final = "what it has left of an allowance was worked out twice"


def stored(
    connection: sa.Connection, begins: Mapping[int, dt.date], before_run: int | None = None, without: AbstractSet[int] = frozenset()
) -> list[Left]:
    """What accounts (by key) have left at the date on which their oldest open period begins, as the last run knew it.

    `before_run`: as things stood for that run; runs `without` are not known.
    """
    row = tables.carried_allowances.c
    if not begins:
        return []
    query = sa.select(tables.carried_allowances).where(row.period_end.in_({day.isoformat() for day in begins.values()}))
    if before_run is not None:
        query = query.where(row.run_id < before_run)
    found: dict[int, list[Left]] = {}
    last: dict[int, int] = {}
    for each in connection.execute(query.order_by(row.run_id)):
        begin = begins.get(each.account_key)
        if begin is None or begin.isoformat() != each.period_end or each.run_id in without:
            continue
        if last.get(each.account_key) != each.run_id:
            last[each.account_key], found[each.account_key] = each.run_id, []
        key = AllowanceKey(each.identity, each.allowance_id)
        serves_to = dt.date.fromisoformat(each.serves_to)
        found[each.account_key].append(Left(each.account_key, each.subscription_key, each.plan, key, begin, serves_to, each.quantity))
    return [left for of_account in found.values() for left in of_account]


def clashing(lefts: Iterable[Left]) -> dict[int, str]:
    """Accounts (keys) that a run has two amounts of one leftover for, and the reason: a mistake of ours, for which they are put aside."""
    counts = collections.Counter(left._replace(plan="", amount=0) for left in lefts)
    return {left.account_key: CLASHING for left, count in counts.items() if count > 1}


def rows(run_id: int, lefts: Iterable[Left]) -> list[dict[str, object]]:
    """Rows of the table."""
    return [
        {
            "run_id": run_id,
            "account_key": left.account_key,
            "subscription_key": left.subscription_key,
            "identity": left.key.identity,
            "allowance_id": left.key.allowance_id,
            "period_end": left.period_end.isoformat(),
            "serves_to": left.serves_to.isoformat(),
            "plan": left.plan,
            "quantity": left.amount,
        }
        for left in lefts
    ]
