"""What subscriptions may draw on in one period, worked out for a few of them, without the arrays of a bill run.

A holder is a subscription's plan in a period. Its buckets have keys; two holders that have the same key share the bucket.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from billing.charges import grants
from billing.charges.grants import AllowanceKey, Granting, Pot, Stretch
from billing.charges.periods import Period
from billing.charges.proration import clip
from billing.charges.recurring import plan_spans
from billing.charges.rollover import SHARED, Left, Owner, expiry, follow, left_of
from billing.runs.facts import Subscription
from rating.model import BucketKind, Catalogue, Counting
from rating.outcome import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from billing.runs.facts import Account
    from rating.model import Plan

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


class Holder(NamedTuple):
    """Who draws: a plan of a subscription in a period."""

    subscription_key: int
    plan: str
    period: Period


class Member(NamedTuple):
    """One subscription in one period: its plans in order of first use, when it had them, and what they grant."""

    subscription: Subscription
    plans: list[str]
    stretches: list[Stretch]
    grantings: list[dict[AllowanceKey, Granting]]

    def holders(self, numbers: Sequence[int], period: Period) -> list[Holder]:
        """The holders of some of its plans."""
        return [Holder(self.subscription.subscription_key, self.plans[number], period) for number in numbers]


@dataclasses.dataclass
class Drawing:
    """The buckets of some subscriptions of an account in one period, and who has them."""

    buckets: dict[Hashable, Bucket] = dataclasses.field(default_factory=dict)
    held: dict[Hashable, list[Hashable]] = dataclasses.field(default_factory=dict)
    pots: list[tuple[Hashable, Pot, Owner]] = dataclasses.field(default_factory=list)  # that may outlive the period
    moving: list[tuple[Hashable, Left, str]] = dataclasses.field(default_factory=list)  # left before; the plan that has it at the end

    def add(self, key: Hashable, bucket: Bucket, holders: Sequence[Holder]) -> None:
        """One more bucket; one that is there already takes in its amount."""
        known = self.buckets.get(key)
        if known is not None:
            bucket = msgspec.structs.replace(
                known,
                amount=known.amount + bucket.amount,
                to_us=max(known.to_us, bucket.to_us),
                priority=min(known.priority, bucket.priority),
            )
        self.buckets[key] = bucket
        for holder in holders:
            keys = self.held.setdefault(holder, [])
            if key not in keys:
                keys.append(key)


class PlainBuckets:
    """Makes the buckets by the catalogues of a run."""

    def __init__(self, catalogues: Sequence[Catalogue]) -> None:
        self._versions: dict[str, list[Catalogue]] = {}
        for each in sorted(catalogues, key=lambda each: each.effective_from_us):
            self._versions.setdefault(each.identity, []).append(each)

    def drawing(self, account: Account, subscriptions: Sequence[Subscription], period: Period, lefts: Sequence[Left]) -> Drawing:
        """Everything that `subscriptions` of `account` may draw on in `period`. `lefts`: what earlier periods left to it."""
        found = Drawing()
        zone = ZoneInfo(account.timezone)
        members = [self._member(each, period, zone) for each in subscriptions]
        for member in members:
            self._add_pots(found, member, account, period, zone)
            self._add_memories(found, member, period, zone)
        for left in lefts:
            if left.serves(period):
                self._add_left(found, left, members, period, zone)
        return found

    def links(self, plan: str) -> bool:
        """Whether a plan has an allowance that is shared or outlives its period: then its account's periods hang together."""
        name = plan.partition("/")[2]
        return any(
            allowance.shared or allowance.rollover_periods
            for catalogue in self._versions.get(plan.partition("/")[0], [])
            for each in catalogue.plans
            if each.name == name
            for allowance in each.allowances
        )

    def short_codes(self, plan: str | None, service: int, instant_us: int) -> set[str]:
        """What is dialled exactly so, by the rules for a service that the plan has at an instant."""
        identity, _, name = (plan or "").partition("/")
        begun = [each for each in self._versions.get(identity, []) if each.effective_from_us <= instant_us]
        version = next((each for each in begun[-1].plans if each.name == name), None) if begun else None
        if version is None:
            return set()
        named = {rule.zone for each in _asked(begun[-1], version, set()) for rule in each.rules if rule.service == service}
        return {code for zone in begun[-1].zones if zone.name in named for code in zone.short_codes}

    def _member(self, subscription: Subscription, period: Period, zone: ZoneInfo) -> Member:
        plans = list(dict.fromkeys(plan for _, plan in subscription.plans))
        parts = [(each.plan, clip(each.span, period)) for each in plan_spans(subscription.plans, subscription.active)]
        stretches = [Stretch(plans.index(plan), part) for plan, part in parts if part is not None]
        grantings = []
        for number, plan in enumerate(plans):
            granted: dict[AllowanceKey, Granting] = {}
            for since_us, catalogue, version in self._in_force(plan, number, stretches, period, zone):
                day = (EPOCH + since_us * MICROSECOND).astimezone(zone).date()
                begun = all(day <= each.span.start for each in stretches if each.plan == number)
                for allowance in version.allowances:
                    base = f"{catalogue.identity}/{version.base or version.name}"
                    granting = Granting(allowance, period.start if begun else day, base)
                    granted.setdefault(AllowanceKey(catalogue.identity, allowance.allowance_id), granting)
            grantings.append(granted)
        return Member(subscription, plans, stretches, grantings)

    def _in_force(
        self, plan: str, number: int, stretches: Sequence[Stretch], period: Period, zone: ZoneInfo
    ) -> Iterator[tuple[int, Catalogue, Plan]]:
        """The plan in each version that holds at some instant from its first day in the period on, and from which instant."""
        days = [each.span.start for each in stretches if each.plan == number] or [period.start]
        identity, _, name = plan.partition("/")
        versions = self._versions.get(identity, [])
        from_us, to_us = _midnight_us(days[0], zone), _midnight_us(period.end, zone)
        for place, catalogue in enumerate(versions):
            until_us = versions[place + 1].effective_from_us if place + 1 < len(versions) else to_us
            since_us = max(catalogue.effective_from_us, from_us)
            found = next((each for each in catalogue.plans if each.name == name), None)
            if found is not None and since_us < min(until_us, to_us):
                yield since_us, catalogue, found

    def _add_pots(self, found: Drawing, member: Member, account: Account, period: Period, zone: ZoneInfo) -> None:
        key = member.subscription.subscription_key
        for number, pot in enumerate(grants.pots(member.stretches, member.grantings, period)):
            bucket = Bucket(
                BucketKind.ALLOWANCE,
                pot.key.identity,
                pot.key.allowance_id,
                pot.amount,
                from_us=_midnight_us(pot.start, zone),
                to_us=_midnight_us(expiry(pot, period, account.all_bill_days), zone),
                priority=pot.allowance.priority,
            )
            name: Hashable = ("shared", pot.key, period) if pot.allowance.shared else ("pot", key, number, period)
            found.add(name, bucket, member.holders(pot.plans, period))
            last = member.stretches[-1].plan
            if pot.allowance.shared:
                found.pots.append((name, pot, Owner(account.account_key, account.all_bill_days, SHARED, "")))
            elif last in pot.plans:
                found.pots.append((name, pot, Owner(account.account_key, account.all_bill_days, key, member.plans[last])))

    def _add_memories(self, found: Drawing, member: Member, period: Period, zone: ZoneInfo) -> None:
        from_us, to_us = _midnight_us(period.start, zone), _midnight_us(period.end, zone)
        for number in sorted({each.plan for each in member.stretches}):
            for _, catalogue, version in self._in_force(member.plans[number], number, member.stretches, period, zone):
                for kind, definition_id, priority in _memories(catalogue, version):
                    key = (kind, catalogue.identity, definition_id, member.subscription.subscription_key)
                    bucket = found.buckets.get(key) or Bucket(kind, catalogue.identity, definition_id, 0, 0, from_us, to_us, priority)
                    found.add(key, bucket, member.holders([number], period))

    def _add_left(self, found: Drawing, left: Left, members: Sequence[Member], period: Period, zone: ZoneInfo) -> None:
        end, plan_at_end, holders, priorities = left.serves_to, left.plan, list[Holder](), list[int]()
        for member in members:
            if left.subscription_key == SHARED:
                reached = sorted({each.plan for each in member.stretches if left.key in member.grantings[each.plan]})
            elif left.subscription_key == member.subscription.subscription_key and left.plan in member.plans:
                reach = follow(left.key, member.plans.index(left.plan), member.stretches, member.grantings, period)
                reached = list(reach.plans)
                end, plan_at_end = (reach.end, "lapsed") if reach.plan is None else (end, member.plans[reach.plan])
            else:
                continue
            holders.extend(member.holders(reached, period))
            priorities.extend(member.grantings[number][left.key].allowance.priority for number in reached)
        if holders:
            key = ("left", left)
            times = (_midnight_us(period.start, zone), _midnight_us(end, zone))
            bucket = Bucket(BucketKind.ALLOWANCE, left.key.identity, left.key.allowance_id, left.amount, 0, *times, priorities[0])
            found.add(key, bucket, holders)
            if plan_at_end != "lapsed":
                found.moving.append((key, left, plan_at_end))


def lefts_after(drawing: Drawing, buckets: Mapping[Hashable, Bucket], period: Period) -> list[Left]:
    """What is left when the events of `period` are priced. Of a shared bucket the first member whose plan lets it roll over decides."""
    found: dict[Hashable, Left] = {}
    for key, pot, owner in drawing.pots:
        left = left_of(pot, owner, period, buckets[key].amount)
        if left is not None:
            found.setdefault(key, left)
    before = [
        left._replace(plan=plan, period_end=period.end, amount=buckets[key].amount)
        for key, left, plan in drawing.moving
        if left.serves_to > period.end
    ]
    return [*found.values(), *before]


def _memories(catalogue: Catalogue, plan: Plan) -> Iterator[tuple[BucketKind, int, int]]:
    """Kind, id and priority of everything but allowances that a plan remembers."""
    for day_pass in plan.day_passes:
        yield BucketKind.DAY_PASS, day_pass.pass_id, day_pass.priority
    for cap in plan.caps:
        yield BucketKind.CAP, cap.cap_id, 0
    names = {rule.price for each in _asked(catalogue, plan, set()) for rule in each.rules}
    for counter_id in sorted({each.counter_id for each in catalogue.prices if each.name in names and each.counting is not Counting.EVENT}):
        yield BucketKind.COUNTER, counter_id, 0


def _asked(catalogue: Catalogue, plan: Plan, seen: set[str]) -> Iterator[Plan]:
    """The plan, and the plans it falls back to."""
    seen.add(plan.name)
    yield plan
    for each in catalogue.plans:
        if each.name in plan.fallbacks and each.name not in seen:
            yield from _asked(catalogue, each, seen)


def _midnight_us(day: dt.date, zone: ZoneInfo) -> int:
    return (dt.datetime(day.year, day.month, day.day, tzinfo=zone) - EPOCH) // MICROSECOND
