"""Allowances and what is left of them on a day, taken down while usage is priced: grants of the running period, and rests of earlier ones.

An answer to a customer: nothing is billed by it. One object serves several threads.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from billing.charges.rollover import SHARED, expiry
from rating.model import Allowance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from billing.charges.grants import AllowanceKey, Pot
    from billing.charges.lines import Int64s
    from billing.charges.rollover import Left
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.usage.bucket_layout import Layout
    from billing.runs.usage.entitlements import Shape


class Balance(NamedTuple):
    """Rest of one quantity. `subscription_key`: SHARED where members have it together; `account_keys`: those that draw on it."""

    account_keys: frozenset[int]
    subscription_key: int
    allowance: Allowance
    granted: int
    left: int
    expires_on: dt.date  # the first day on which it is gone


class Balances:
    """Balances of the periods in which a day lies."""

    def __init__(self, contracts: Contracts, day: dt.date) -> None:
        self._contracts, self._day = contracts, day
        self.found: list[Balance] = []

    def add(self, layout: Layout, shapes: Sequence[Shape], before: Sequence[Left], amount_after: Int64s) -> None:
        """Take down what `layout` has left. `before`: what earlier periods left, whose buckets are the last ones."""
        granted, left = layout.buckets.state["amount"].tolist(), amount_after.tolist()
        groups = layout.groups
        columns = (groups.subscription.tolist(), groups.account.tolist(), groups.shape.tolist())
        places = (layout.bucket_first[:-1].tolist(), layout.shared_first[:-1].tolist())
        shared: dict[int, tuple[set[int], Pot, Shape]] = {}
        for subscription, account, number, own_first, shared_first in zip(*columns, *places, strict=True):
            shape = shapes[number]
            if not shape.period.start <= self._day < shape.period.end:
                continue
            account_key = int(self._contracts.facts.account_keys[account])
            subscription_key = int(self._contracts.facts.subscription_keys[subscription])
            for place, pot in enumerate(shape.own_pots):
                bucket = own_first + place
                self._note(frozenset({account_key}), subscription_key, (pot, shape), (granted[bucket], left[bucket]), account)
            for place, pot in enumerate(shape.shared_pots):
                members = shared.setdefault(int(layout.shared_bucket[shared_first + place]), (set(), pot, shape))[0]
                members.add(account)
        for bucket, (members, pot, shape) in shared.items():
            keys = frozenset(int(self._contracts.facts.account_keys[each]) for each in members)
            self._note(keys, SHARED, (pot, shape), (granted[bucket], left[bucket]), min(members))
        first = len(granted) - len(before)
        for place, each in enumerate(before, start=first):
            self._note_before(each, shapes, granted[place], left[place])

    def _note(
        self, account_keys: frozenset[int], subscription_key: int, of: tuple[Pot, Shape], amounts: tuple[int, int], account: int
    ) -> None:
        pot, shape = of
        expires_on = expiry(pot, shape.period, self._contracts.facts.accounts[account].all_bill_days)
        if pot.start <= self._day < expires_on:
            self.found.append(Balance(account_keys, subscription_key, pot.allowance, *amounts, expires_on))

    def _note_before(self, left: Left, shapes: Sequence[Shape], granted: int, rest: int) -> None:
        allowance = next(_defined(shapes, left.key), None)
        if allowance is not None and left.period_end <= self._day < left.serves_to:
            self.found.append(Balance(frozenset({left.account_key}), left.subscription_key, allowance, granted, rest, left.serves_to))


def _defined(shapes: Iterable[Shape], key: AllowanceKey) -> Iterator[Allowance]:
    """Definitions of an allowance."""
    of_plans = (granting for shape in shapes for granting in shape.grantings)
    return (each[key].allowance for each in of_plans if key in each)
