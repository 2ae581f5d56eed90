"""One random world for the equality of kernel and twin: catalogues, events that lie on their edges, and the state they change.

Everything follows from a seed. The parts have files of their own: `generator_tariffs` (versions, zones, calendars), `generator_prices`,
`generator_plans` (rules, allowances, passes, caps, discounts), `generator_events` and `generator_state` (holders, buckets).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rating.model import Catalogue
from rating.outcome import Bucket, Event
from tests.rating.generator_events import Pools, make_events, make_pools
from tests.rating.generator_state import make_holders, make_state
from tests.rating.generator_tariffs import DAY_US, make_catalogues, make_era

EVENTS_PER_HOLDER = 25
WITHOUT_HOLDER = 0.1


class Case(NamedTuple):
    """Catalogues and events, the holder of each event, and what holders hold."""

    catalogues: Sequence[Catalogue]
    events: Sequence[Event]
    holders: Sequence[int | None]  # of each event
    held: Mapping[int, Sequence[int]] = {}  # keys of buckets by holder, from 0 on
    buckets: Mapping[int, Bucket] = {}  # by key, from 0 on
    units: Sequence[int] = ()  # rating unit of each holder
    ported: Mapping[str, Sequence[tuple[int, str]]] = {}


def generate(seed: int, events: int) -> Case:
    """One world with `events` events."""
    rng = random.Random(seed)
    era = make_era(rng)
    catalogues = make_catalogues(rng, era)
    pools = make_pools(rng, catalogues, era)
    holders = make_holders(rng, max(1, events // EVENTS_PER_HOLDER), catalogues, pools.moments)
    state = make_state(rng, holders, catalogues)
    generator = np.random.default_rng(seed)
    holder_of = np.where(generator.random(events) < WITHOUT_HOLDER, -1, generator.integers(0, len(holders), events)).tolist()
    made = make_events(generator, pools, holders, holder_of)
    owners = [None if index < 0 else index for index in holder_of]
    return Case(catalogues, made, owners, state.held, state.buckets, [each.rating_unit for each in holders], _ported(rng, pools))


def _ported(rng: random.Random, pools: Pools) -> dict[str, list[tuple[int, str]]]:
    """Destinations that stand for others from an instant on: once, more than once, for themselves or for one that is ported too."""
    numbers = sorted({number for number in pools.destinations if number and len(number) <= 15})
    moments = [moment for each in pools.moments.values() for moment in each]
    ported = {}
    for number in rng.sample(numbers, min(len(numbers), 40)):
        entries = [
            (rng.choice([0, *rng.choices(moments, k=3)]) + rng.choice([0, 1]), rng.choice(numbers)) for _ in range(rng.randint(1, 3))
        ]
        ported[number] = list(dict(entries).items())
    return ported


__all__ = ["DAY_US", "Case", "generate"]
