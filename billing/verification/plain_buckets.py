"""Buckets that subscriptions may draw on in one cycle, worked out for a few of them, without the arrays of a bill run.

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
from billing.verification.plain_facts import Account, Subscription
from rating.model import BucketKind, Catalogue, Counting
from rating.outcome import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from billing.charges.proration import Span
    from rating.model import Plan

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LONG_AGO_US = -(1 << 60)  # usage that came late may have begun before the period that it is billed in
MICROSECOND = dt.timedelta(microseconds=1)


class Holder(NamedTuple):
    """The holder of buckets: a plan of a subscription in a period."""

    subscription_key: int
    plan: str
    period: Period


class Present(NamedTuple):
    """One subscription, its account, and the period of a cycle that it is looked at in."""

    account: Account
    subscription: Subscription
    period: Period


class Member(NamedTuple):
    """One subscription in one period: its plans in order of first use, when it had them, and what they grant.

    `from_us`: since when events draw on what the period begins with.
    """

    account: Account
    subscription: Subscription
    period: Period
    from_us: int
    plans: list[str]
    stretches: list[Stretch]
    grantings: list[dict[AllowanceKey, Granting]]

    def holders(self, numbers: Sequence[int]) -> list[Holder]:
        """The holders of some of its plans."""
        return [Holder(self.subscription.subscription_key, self.plans[number], self.period) for number in numbers]


@dataclasses.dataclass
class Drawing:
    """The buckets of some subscriptions in one cycle, and who has them."""

    buckets: dict[Hashable, Bucket] = dataclasses.field(default_factory=dict)
    held: dict[Hashable, list[Hashable]] = dataclasses.field(default_factory=dict)
    pots: list[tuple[Hashable, Pot, Owner, Period]] = dataclasses.field(default_factory=list)  # that may outlive the period
    once: dict[Hashable, list[tuple[Pot, Period]]] = dataclasses.field(default_factory=dict)  # granted once to all members together
    moving: list[tuple[Hashable, Left, str, dt.date]] = dataclasses.field(default_factory=list)  # left before; plan and day at the end

    def add(self, key: Hashable, bucket: Bucket, holders: Sequence[Holder]) -> None:
        """One more bucket; one that is there already takes in its amount."""
        known = self.buckets.get(key)
        if known is not None:
            bucket = msgspec.structs.replace(
                known,
                amount=known.amount + bucket.amount,
                from_us=min(known.from_us, bucket.from_us),
                to_us=max(known.to_us, bucket.to_us),
                priority=min(known.priority, bucket.priority),
            )
        self.buckets[key] = bucket
        for holder in holders:
            keys = self.held.setdefault(holder, [])
            if key not in keys:
                keys.append(key)


class PlainBuckets:
    """Makes the buckets by the catalogues of a run.

    `bills_on_arrival`: late usage may be billed in the period in which it arrived, and stays there.
    """

    def __init__(self, catalogues: Sequence[Catalogue], *, bills_on_arrival: bool) -> None:
        self.bills_on_arrival = bills_on_arrival
        self._versions: dict[str, list[Catalogue]] = {}
        for each in sorted(catalogues, key=lambda each: each.effective_from_us):
            self._versions.setdefault(each.identity, []).append(each)

    def drawing(self, root: Account, present: Sequence[Present], lefts: Sequence[Left]) -> Drawing:
        """Everything that some subscriptions may draw on in their periods, all of one cycle and of one pool, whose `root` that is.

        `lefts`: what earlier periods left.
        """
        found = Drawing()
        zone = ZoneInfo(root.timezone)  # that of all accounts of a pool
        members = [self._member(each, zone) for each in present]
        for member in members:
            self._add_pots(found, member, root, zone)
            self._add_memories(found, member, zone)
        for name, pots in found.once.items():
            found.buckets[name] = msgspec.structs.replace(found.buckets[name], amount=found.buckets[name].amount + _granted_once(pots))
        for left in lefts:
            self._add_left(found, left, members, zone)
        return found

    def links(self, plan: str) -> bool:
        """Return whether a plan has an allowance that is shared or outlives its period: then its account's periods hang together."""
        name = plan.partition("/")[2]
        return any(
            allowance.shared or allowance.rollover_periods
            for catalogue in self._versions.get(plan.partition("/")[0], [])
            for each in catalogue.plans
            if each.name == name
            for allowance in each.allowances
        )

    def short_codes(self, plan: str | None, service: int, instant_us: int) -> set[str]:
        """Short codes, dialled exactly, in the rules for a service that the plan has at an instant."""
        identity, _, name = (plan or "").partition("/")
        begun = [each for each in self._versions.get(identity, []) if each.effective_from_us <= instant_us]
        version = next((each for each in begun[-1].plans if each.name == name), None) if begun else None
        if version is None:
            return set()
        named = {rule.zone for each in _asked(begun[-1], version, set()) for rule in each.rules if rule.service == service}
        return {code for zone in begun[-1].zones if zone.name in named for code in zone.short_codes}

    def _member(self, present: Present, zone: ZoneInfo) -> Member:
        account, subscription, period = present
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
        from_us = LONG_AGO_US if self.bills_on_arrival else _midnight_us(period.start, zone)
        return Member(account, subscription, period, from_us, plans, stretches, grantings)

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

    def _add_pots(self, found: Drawing, member: Member, root: Account, zone: ZoneInfo) -> None:
        key, account, period = member.subscription.subscription_key, member.account, member.period
        for number, pot in enumerate(grants.pots(member.stretches, member.grantings, period)):
            bucket = Bucket(
                BucketKind.ALLOWANCE,
                pot.key.identity,
                pot.key.allowance_id,
                pot.amount,
                from_us=member.from_us if pot.start == period.start else _midnight_us(pot.start, zone),
                to_us=_midnight_us(expiry(pot, period, account.all_bill_days), zone),
                priority=pot.allowance.priority,
            )
            name: Hashable = ("shared", pot.key) if pot.allowance.shared else ("pot", key, number)
            if pot.allowance.granted_once:
                bucket = msgspec.structs.replace(bucket, amount=0)
                found.once.setdefault(name, []).append((pot, period))
            found.add(name, bucket, member.holders(pot.plans))
            last = member.stretches[-1].plan
            if pot.allowance.shared:
                found.pots.append((name, pot, Owner(root.account_key, root.all_bill_days, SHARED, ""), period))
            elif last in pot.plans:
                found.pots.append((name, pot, Owner(account.account_key, account.all_bill_days, key, member.plans[last]), period))

    def _add_memories(self, found: Drawing, member: Member, zone: ZoneInfo) -> None:
        period, from_us, to_us = member.period, member.from_us, _midnight_us(member.period.end, zone)
        for number in sorted({each.plan for each in member.stretches}):
            for _, catalogue, version in self._in_force(member.plans[number], number, member.stretches, period, zone):
                for kind, definition_id, priority in _memories(catalogue, version):
                    key = (kind, catalogue.identity, definition_id, member.subscription.subscription_key)
                    bucket = found.buckets.get(key) or Bucket(kind, catalogue.identity, definition_id, 0, 0, from_us, to_us, priority)
                    found.add(key, bucket, member.holders([number]))

    def _add_left(self, found: Drawing, left: Left, members: Sequence[Member], zone: ZoneInfo) -> None:
        """Add what a pool has left: members that join it within the cycle have it as well, and it goes on with the longest period."""
        end, plan_at_end, priorities, served = left.serves_to, left.plan, list[int](), list[tuple[Member, list[int]]]()
        for member in members:
            period = member.period
            if left.subscription_key == SHARED and left.serves_cycle(period):
                reached = sorted({each.plan for each in member.stretches if left.key in member.grantings[each.plan]})
            elif left.subscription_key == member.subscription.subscription_key and left.plan in member.plans and left.serves(period):
                reach = follow(left.key, member.plans.index(left.plan), member.stretches, member.grantings, period)
                reached = list(reach.plans)
                end, plan_at_end = (reach.end, "lapsed") if reach.plan is None else (end, member.plans[reach.plan])
            else:
                continue
            if reached:
                served.append((member, reached))
                priorities.extend(member.grantings[number][left.key].allowance.priority for number in reached)
        if served:
            key = ("left", left)
            times = (min(member.from_us for member, _ in served), _midnight_us(end, zone))
            bucket = Bucket(BucketKind.ALLOWANCE, left.key.identity, left.key.allowance_id, left.amount, 0, *times, priorities[0])
            found.add(key, bucket, [holder for member, reached in served for holder in member.holders(reached)])
            if plan_at_end != "lapsed":
                found.moving.append((key, left, plan_at_end, max(member.period.end for member, _ in served)))


def _granted_once(pots: Sequence[tuple[Pot, Period]]) -> int:
    """The quantity for the days on which anybody has it, counted one by one, as the pot says that begins first."""
    days = {span.start + dt.timedelta(days=day) for pot, _ in pots for span in pot.days for day in range(_length(span))}
    if not days:
        return 0
    beginning = [(pot.allowance, period) for pot, period in pots if min(days) in {span.start for span in pot.days}]
    allowance, period = max(beginning, key=lambda each: (each[0].quantity, not each[0].prorate))
    cycle = (period.cycle_end or period.end) - period.cycle_start
    return allowance.quantity * len(days) // cycle.days if allowance.prorate else allowance.quantity


def _length(span: Span) -> int:
    assert span.end is not None, "days of a period end with it"
    return (span.end - span.start).days


def lefts_after(drawing: Drawing, buckets: Mapping[Hashable, Bucket]) -> list[Left]:
    """Amounts left when the events are priced. Of a shared bucket the first member whose plan lets it roll over longest decides."""
    found: dict[Hashable, Left] = {}
    for key, pot, owner, period in drawing.pots:
        left = left_of(pot, owner, period, buckets[key].amount)
        if left is not None and (key not in found or found[key].period_end < left.period_end):
            found[key] = left
    before = [
        left._replace(plan=plan, period_end=end, amount=buckets[key].amount)
        for key, left, plan, end in drawing.moving
        if left.serves_to > end
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
