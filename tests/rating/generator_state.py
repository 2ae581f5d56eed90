"""Random holders and what they hold: none to six allowances and passes of a plan, caps and counters, some shared, some stale.

A holder has one bucket of a cap or counter, and of an allowance or pass one for each expiry (what was rolled over expires earlier):
anything else would leave the order of drawing open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating.model import BucketKind, Catalogue, Plan, QuantityUnit
from rating.outcome import Bucket
from tests.rating.generator_events import APART_US
from tests.rating.generator_plans import DAY_LIMITS
from tests.rating.generator_prices import COUNTER_UNIT, SECOND
from tests.rating.generator_tariffs import DAY_US

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

HOLDERS_PER_UNIT = 2
LEFT = (0, 1, 3, 5, 10, 30, 59, 60, 61, 90, 120, 180, 400, 1_000, 2_000, 5_000, 20_000)  # of an allowance, in what customers count
LEFT_MICROS = (0, 1, 85_000, 333_333, 1_000_000, 20_000_000, 10**9)
SPENT_MICROS = (0, 0, 0, 0, 0, 1, 150_000, 333_332, 333_333, 9_999_999, 499_999_990, 10**12)
COUNTED = (0, 0, 0, 0, 1, 3, 9, 10, 59, 60, 61, 179, 3_600, 90_000, 10**9)


class Holder(NamedTuple):
    """Who events of one subscription draw for."""

    plan: str
    moment_us: int  # around which its events happen
    rating_unit: int


class State(NamedTuple):
    """Buckets by key, and the keys that each holder has, in no order."""

    held: dict[int, tuple[int, ...]]
    buckets: dict[int, Bucket]


def make_holders(rng: random.Random, count: int, catalogues: Sequence[Catalogue], moments: dict[str, list[int]]) -> list[Holder]:
    """Holders two to a rating unit, mostly of one moment."""
    holders: list[Holder] = []
    for number in range(count):
        catalogue = rng.choice(catalogues)
        plan = f"{catalogue.identity}/{rng.choice(catalogue.plans).name}"
        moment_us = max(rng.choices(moments[catalogue.identity], k=2), key=lambda each: each >= catalogue.effective_from_us)
        if number % HOLDERS_PER_UNIT and rng.random() < 0.7:
            moment_us = holders[-1].moment_us
        holders.append(Holder(plan, moment_us, number // HOLDERS_PER_UNIT - 3))
    return holders


def make_state(rng: random.Random, holders: Sequence[Holder], catalogues: Sequence[Catalogue]) -> State:
    """Every holder's buckets."""
    known = {identity: _definitions(catalogues, identity) for identity in {each.identity for each in catalogues}}
    held: dict[int, tuple[int, ...]] = {}
    buckets: dict[int, Bucket] = {}
    for number, holder in enumerate(holders):
        identity, _, plan_name = holder.plan.partition("/")
        own: dict[tuple[object, ...], int] = {}
        mates = held.get(number - 1, ()) if number % HOLDERS_PER_UNIT else ()
        for key in mates:
            if rng.random() < 0.3:
                own[_identity(buckets[key])] = key
        other = rng.choice(sorted(known))
        wanted = _chosen(rng, known[identity], plan_name) + (_chosen(rng, known[other], "")[:2] if rng.random() < 0.2 else [])
        for definition in wanted:
            bucket = _bucket(rng, definition, holder.moment_us)
            if _identity(bucket) not in own:
                own[_identity(bucket)] = len(buckets)
                buckets[len(buckets)] = bucket
        keys = list(own.values())
        rng.shuffle(keys)
        held[number] = tuple(keys)
    return State(held, buckets)


class _Definition(NamedTuple):
    """What a bucket may be of, and the plans that have it in any version."""

    kind: BucketKind
    identity: str
    definition_id: int
    unit: QuantityUnit
    plans: tuple[str, ...]


def _identity(bucket: Bucket) -> tuple[object, ...]:
    """What a holder has once."""
    expiry = bucket.to_us if bucket.kind in {BucketKind.ALLOWANCE, BucketKind.DAY_PASS} else 0
    return bucket.kind, bucket.identity, bucket.definition_id, expiry


def _definitions(catalogues: Sequence[Catalogue], identity: str) -> list[_Definition]:
    """Those of every version, each once."""
    plans: dict[tuple[BucketKind, int, QuantityUnit], list[str]] = {}
    for catalogue in catalogues:
        if catalogue.identity == identity:
            for plan in catalogue.plans:
                for kind, number, unit in _of_plan(plan):
                    plans.setdefault((kind, number, unit), []).append(plan.name)
            for price in catalogue.prices:
                if price.counter_id:
                    plans.setdefault((BucketKind.COUNTER, price.counter_id, price.unit), []).extend(plan.name for plan in catalogue.plans)
    return [_Definition(kind, identity, number, unit, tuple(names)) for (kind, number, unit), names in sorted(plans.items())]


def _of_plan(plan: Plan) -> list[tuple[BucketKind, int, QuantityUnit]]:
    return [
        *((BucketKind.ALLOWANCE, each.allowance_id, each.unit) for each in plan.allowances),
        *((BucketKind.DAY_PASS, each.pass_id, each.unit) for each in plan.day_passes),
        *((BucketKind.CAP, each.cap_id, QuantityUnit.MICRO) for each in plan.caps),
    ]


def _chosen(rng: random.Random, known: Sequence[_Definition], plan: str) -> list[_Definition]:
    """None to six to draw on, of the plan for the most part; most caps and counters."""
    drawn = [each for each in known if each.kind in {BucketKind.ALLOWANCE, BucketKind.DAY_PASS}]
    own = [each for each in drawn if plan in each.plans] or drawn
    chosen = rng.choices([*own * 6, *drawn], k=rng.choice([0, 1, 2, 3, 4, 5, 6, 6, 6])) if drawn else []
    for each in known:
        if each not in drawn and rng.random() < (0.8 if plan in each.plans else 0.2):
            chosen.append(each)
    return chosen


def _bucket(rng: random.Random, definition: _Definition, moment_us: int) -> Bucket:
    """A bucket whose window nearly always holds the holder's moment, often with an edge close by."""
    day = moment_us // DAY_US
    from_us = moment_us + rng.choice(APART_US) if rng.random() < 0.12 else moment_us - rng.choice([5, 30]) * DAY_US
    to_us = moment_us + rng.choice(APART_US) if rng.random() < 0.12 else moment_us + rng.choice([5, 30, 30]) * DAY_US
    amount, mark = _content(rng, definition, day)
    return Bucket(
        definition.kind, definition.identity, definition.definition_id, amount, mark, from_us, to_us, rng.choice([0, 0, 0, 1, 2, -1])
    )


def _content(rng: random.Random, definition: _Definition, day: int) -> tuple[int, int]:
    """What the bucket holds: amount and mark as `BucketKind` says."""
    unit = definition.unit
    aside = rng.choice([-1, 0, 0, 1, 7])
    if definition.kind is BucketKind.ALLOWANCE:
        if unit is QuantityUnit.MICRO:
            return rng.choice(LEFT_MICROS), 0
        return max(rng.choice(LEFT) * SECOND[unit] + aside, 0) if rng.random() < 0.97 else 2**50, 0
    if definition.kind is BucketKind.DAY_PASS:
        limit = DAY_LIMITS[unit]
        return rng.choice([0, 1, limit // 2, limit]), rng.choice([0, 0, day - 1, day, day + 1])
    if definition.kind is BucketKind.CAP:
        return rng.choice(SPENT_MICROS), rng.choice([0, day - 1, day, day + 1]) if definition.definition_id % 2 else 0
    counted = max(rng.choice(COUNTED) * SECOND[COUNTER_UNIT[definition.definition_id]] + aside, 0)
    return counted, rng.choice([0, 0, 1, 999, 5 * SECOND[unit], 60 * SECOND[unit]]) if counted else 0
