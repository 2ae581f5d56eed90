"""Allowances that outlive their period: what a period leaves to the next, within a run.

A run prices the periods of such accounts oldest first. What is left of a period's grant then opens a bucket of its own in the next
ones: it keeps its expiry, and serves the plan that had it, or one that a change of plan carries it to (`billing.charges.rollover.follow`).
The oldest open period begins with what an earlier run stored (`billing.runs.usage.carried_allowances`).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from billing.charges.rollover import SHARED, Left, Owner, by_owner, follow, left_of
from billing.runs.usage.bucket_layout import Extra
from billing.runs.usage.entitlements import Part
from rating.model import BucketKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from billing.charges.lines import Int64s
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.facts import Account
    from billing.runs.usage.bucket_layout import Groups, Layout
    from billing.runs.usage.entitlements import Shape
    from billing.runs.usage.pools import Pools


class _Moving(NamedTuple):
    """A `Left` on its way through the next period, which ends at `end`. `plan`: that has it then, None when it has lapsed."""

    left: Left
    end: dt.date
    plan: str | None


class Carrying:
    """Amounts that are left while a run goes from period to period. `stored`: by earlier runs. `shapes` may grow meanwhile."""

    def __init__(self, contracts: Contracts, shapes: Sequence[Shape], stored: Iterable[Left], pools: Pools) -> None:
        self._contracts = contracts
        self._pools = pools
        self._shapes = shapes
        self._waiting = by_owner(stored)
        self._moving: list[_Moving] = []
        self.left: list[Left] = []  # by every period so far

    def extras(self, groups: Groups, holder_first: Int64s) -> list[Extra]:
        """A bucket for everything that the periods of `groups` begin with; at most one period of a rating unit is among them."""
        self._moving = []
        self._asked: set[tuple[int, int]] = set()
        members: dict[int, list[tuple[Shape, int]]] = {}
        found: list[Extra] = []
        roots = self._pools.root(groups.account, groups.place)
        columns = (groups.subscription.tolist(), roots.tolist(), groups.shape.tolist(), holder_first.tolist())
        for subscription, root, number, first in zip(*columns, strict=True):
            members.setdefault(root, []).append((self._shapes[number], first))
            found.extend(self._of_subscription(subscription, self._shapes[number], first))
        for root, of_root in members.items():
            found.extend(self._of_pool(self._contracts.facts.accounts[root], of_root))
        return found

    @property
    def before(self) -> list[Left]:
        """Rests with which the periods that were laid out last begin, in the order of their buckets."""
        return [each.left for each in self._moving]

    def settle(self, layout: Layout, amount_after: Int64s) -> None:
        """Take down what is left when the periods of `layout` are priced; `amount_after` by bucket, extras last."""
        amounts = amount_after.tolist()
        found = [
            moving.left._replace(plan=moving.plan, period_end=moving.end, amount=amount)
            for moving, amount in zip(self._moving, amounts[len(amounts) - len(self._moving) :], strict=True)
            if moving.plan is not None and moving.left.serves_to > moving.end
        ]
        found.extend(self._own_left(layout, amounts))
        found.extend(self._shared_left(layout, amounts))
        settled = by_owner(found)
        self.left.extend(left for of_owner in settled.values() for left in of_owner)
        for owner in self._asked:  # others begin in a later turn
            self._waiting.pop(owner, None)
        self._waiting |= settled

    def _of_subscription(self, subscription: int, shape: Shape, first_holder: int) -> Iterator[Extra]:
        owner = self._contracts.facts.subscriptions[subscription]
        account = self._contracts.facts.accounts[owner.account]
        plans = self._contracts.plans[subscription]
        self._asked.add((account.account_key, owner.subscription_key))
        for left in self._waiting.get((account.account_key, owner.subscription_key), ()):
            if not left.serves(shape.period) or left.plan not in plans:
                continue
            reach = follow(left.key, plans.index(left.plan), shape.stretches, shape.grantings, shape.period)
            if reach.plans:
                lapses = reach.plan is None
                part = self._part(left, shape, reach.plans, account, reach.end if lapses else left.serves_to)
                self._moving.append(_Moving(left, shape.period.end, None if reach.plan is None else plans[reach.plan]))
                yield Extra(part, tuple(first_holder + plan for plan in reach.plans))

    def _of_pool(self, account: Account, members: list[tuple[Shape, int]]) -> Iterator[Extra]:
        """Buckets of what an account or a pool (by its root) has left together, for every member that has the allowance.

        They open with the first member's period, and go on with the longest one.
        """
        self._asked.add((account.account_key, SHARED))
        for left in self._waiting.get((account.account_key, SHARED), ()):
            having = [
                (shape, first, sorted({each.plan for each in shape.stretches if left.key in shape.grantings[each.plan]}))
                for shape, first in members
                if left.serves_cycle(shape.period)
            ]
            having = [each for each in having if each[2]]
            if having:
                part = self._part(left, having[0][0], tuple(having[0][2]), account, left.serves_to)
                part = part._replace(from_us=min(shape.from_us for shape, _, _ in having))
                self._moving.append(_Moving(left, max(shape.period.end for shape, _, _ in having), ""))
                yield Extra(part, tuple(first + plan for _, first, plans in having for plan in plans))

    def _part(self, left: Left, shape: Shape, plans: tuple[int, ...], account: Account, to: dt.date) -> Part:
        slot = self._contracts.price_list.tables.slots[BucketKind.ALLOWANCE, left.key.identity, left.key.allowance_id]
        priority = shape.grantings[plans[0]][left.key].allowance.priority
        return Part(slot, left.amount, shape.from_us, self._contracts.midnights.instant_us(account.timezone, to), priority, plans)

    def _own_left(self, layout: Layout, amounts: list[int]) -> Iterator[Left]:
        groups, facts = layout.groups, self._contracts.facts
        columns = (groups.subscription.tolist(), groups.shape.tolist(), layout.bucket_first[:-1].tolist())
        for subscription, number, first in zip(*columns, strict=True):
            shape, owner = self._shapes[number], facts.subscriptions[subscription]
            account = facts.accounts[owner.account]
            for place, pot in enumerate(shape.own_pots):
                last = shape.stretches[-1].plan
                if last in pot.plans:
                    has = Owner(
                        account.account_key, account.all_bill_days, owner.subscription_key, self._contracts.plans[subscription][last]
                    )
                    left = left_of(pot, has, shape.period, amounts[first + place])
                    if left is not None:
                        yield left

    def _shared_left(self, layout: Layout, amounts: list[int]) -> Iterator[Left]:
        """Amounts left, once for each bucket. The period of a closed member ends early: the longest one says to when the rest goes on."""
        groups, found = layout.groups, dict[int, Left]()
        roots = self._pools.root(groups.account, groups.place)
        columns = (roots.tolist(), groups.shape.tolist(), layout.shared_first[:-1].tolist())
        for root, number, first in zip(*columns, strict=True):
            shape, account = self._shapes[number], self._contracts.facts.accounts[root]
            for place, pot in enumerate(shape.shared_pots):
                bucket = int(layout.shared_bucket[first + place])
                left = left_of(pot, Owner(account.account_key, account.all_bill_days, SHARED, ""), shape.period, amounts[bucket])
                if left is not None and (bucket not in found or found[bucket].period_end < left.period_end):
                    found[bucket] = left
        yield from found.values()
