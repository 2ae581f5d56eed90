"""The quantities that the months of a re-rating leave of allowances that roll over: only of those that it corrects.

These are allowances of subscriptions that have the plan, and those of the plan that their accounts or pools share. They are left after each
period that holds a day of the months. Later periods leave the quantities that the cycle knows, until it, or another re-rating, computes
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from billing.charges.grants import AllowanceKey
from billing.charges.rollover import SHARED
from billing.runs.contracts.columns import index_of
from billing.runs.usage.carried_allowances import word
from billing.runs.usage.pools import Pools
from rating.dates import day_of

if TYPE_CHECKING:
    import datetime as dt

    from billing.charges.lines import Int64s
    from billing.charges.rollover import Left
    from billing.rerate.keeping import Kept
    from billing.runs.computing import Computed


def left_by(computed: Computed, kept: Kept, plan: str) -> list[Left]:
    """The quantities left, with a row for each that they replace. Accounts that are put aside have none."""
    within = _within(computed, kept)
    if not within:
        return []
    ends: dict[int, set[dt.date]] = {}
    for left in within:
        ends.setdefault(left.account_key, set()).add(left.period_end)
    facts = computed.contracts.facts
    keys = np.setdiff1d(kept.subscriptions, kept.others)
    index = index_of(facts.subscription_keys, keys)
    owners = facts.account_keys[facts.subscription_account[index]]
    own, shared = set(keys.tolist()), _shared(computed, index, plan)
    words = [word(account, key, end) for key, account in zip(keys.tolist(), owners.tolist(), strict=True) for end in ends.get(account, ())]
    words += [word(root, SHARED, end, key) for root, key in sorted(shared) for end in ends.get(root, ())]
    return words + [
        left for left in within if left.subscription_key in own or (not left.subscription_key and (left.account_key, left.key) in shared)
    ]


def _within(computed: Computed, kept: Kept) -> list[Left]:
    """The quantities left by periods that begin before the months end, of rating units that are not put aside."""
    facts, scope = computed.contracts.facts, computed.scope
    counted = np.arange(scope.periods_max) < scope.period_count[:, None]
    last = np.where(counted & (scope.period_from < kept.after_day), scope.period_to, -1).max(axis=1, initial=-1)
    rows = np.flatnonzero(scope.calendar >= 0)
    of_unit = np.full(len(facts.account_keys), -1, np.int64)
    np.maximum.at(of_unit, facts.account_unit[rows], last[scope.calendar[rows]])
    until = {
        key: day_of(day)
        for key, day in zip(facts.account_keys[rows].tolist(), of_unit[facts.account_unit[rows]].tolist(), strict=True)
        if day >= 0 and key not in computed.settlement.quarantined
    }
    return [left for left in computed.left if left.account_key in until and left.period_end <= until[left.account_key]]


def _shared(computed: Computed, subscription: Int64s, plan: str) -> set[tuple[int, AllowanceKey]]:
    """Shared allowances of the plan, by the account that has them: that of a subscription (index), or the root of its pool."""
    contracts, scope = computed.contracts, computed.scope
    facts = contracts.facts
    account = facts.subscription_account[subscription]
    places = np.arange(scope.periods_max)
    roots = Pools(facts, scope).root(np.repeat(account, places.size), np.tile(places, account.size)).reshape(-1, places.size)
    known: dict[tuple[str, ...], set[AllowanceKey]] = {}
    found: set[tuple[int, AllowanceKey]] = set()
    for each, of_each in zip(subscription.tolist(), roots, strict=True):
        names = contracts.plans[each]
        if names not in known:
            known[names] = {key for name in names if name.partition("+")[0] == plan for key in _shared_of(computed, name)}
        found |= {(root, key) for root in facts.account_keys[of_each].tolist() for key in known[names]}
    return found


def _shared_of(computed: Computed, name: str) -> set[AllowanceKey]:
    """All allowances of a plan: one that is not shared may have been, in a version that is corrected."""
    versions = computed.contracts.price_list.plan_versions(name)
    allowances = ((each.identity, allowance) for each, plan in versions for allowance in plan.allowances)
    return {AllowanceKey(identity, each.allowance_id) for identity, each in allowances}
