"""Random events of a world: columns drawn from pools of edges, so that what a rule turns on is met as often as not.

A pool is a list from which entries are drawn evenly; an entry that should come often stands in it often.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from rating.model import Catalogue, Price, QuantityUnit, Service
from rating.outcome import Event
from tests.rating.generator_plans import CUSTOMER_GROUPS, RATING_GROUPS
from tests.rating.generator_tariffs import DAY_S, DAY_US, EDGES_S, EPOCH_DATE, SECOND_US, SPAN_DAYS, TIME_MAX_US, TIME_MIN_US, Era

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    import numpy as np

    from tests.rating.generator_state import Holder

NEAR_US = (0, 0, 0, -1, 1, -1_000, -999, 1_000, -500_000, *(-s * SECOND_US for s in (1, 3, 29, 30, 59, 60, 61, 600)))
# How far events of one holder lie from its moment: the same instant, the same call, the same hour, the same day, the next ones.
APART_US = (
    0, 0, 0, 1, 999, 1_000, 1_001, 30 * SECOND_US, 60 * SECOND_US - 1, 60 * SECOND_US, 600 * SECOND_US, 3_600 * SECOND_US,
    7_200 * SECOND_US, 40_000 * SECOND_US, DAY_US - 1, DAY_US, DAY_US, 2 * DAY_US, -SECOND_US, -3_600 * SECOND_US, -DAY_US,
)  # fmt: skip
START_EXTREMES = (-1, 0, TIME_MIN_US - 1, TIME_MIN_US, TIME_MAX_US - 1, TIME_MAX_US, 2**62, -(2**62))
QUANTITY_EXTREMES = (31 * DAY_US, 31 * DAY_US + 1, 2**40, 2**40 + 1, 1_000_000, 1_000_001, 2**62, -1, -(2**62))
CONTENT_EDGES = (0, 1, 990_000, 1_990_000, 4_999_999, 10**7, 10**12, 10**12, 10**12 + 1, 2**62, -5)
SERVICES = (*[Service.VOICE] * 10, *[Service.DATA] * 5, *[Service.SMS] * 4, Service.MMS, *[Service.CONTENT] * 2)
INPUT_UNIT = {Service.VOICE: SECOND_US, Service.DATA: 1_024}  # what edges of quantities are multiples of; else 1
LARGEST_LOG2 = {Service.VOICE: 41.2, Service.DATA: 40.0}  # else 19.9


class Pools(NamedTuple):
    """What the events of one world are drawn from."""

    moments: dict[str, list[int]]  # by identity: instants at which something changes
    plans: list[str | None]
    destinations: list[str | None]
    origins: list[str]
    quantities: dict[int, list[int]]  # by service, input units
    visited: list[int]
    timezones: list[str]
    contents: list[int]


def make_pools(rng: random.Random, catalogues: Sequence[Catalogue], era: Era) -> Pools:
    """The pools of a world. Destinations of every kind are among them, those that are ported as well."""
    by_identity: dict[str, list[int]] = {}
    for catalogue in catalogues:
        by_identity.setdefault(catalogue.identity, []).extend(_moments(catalogue, era))
    visited = [plmn for each in catalogues for zone in each.roaming_zones for plmn in zone.plmns]
    plans: list[str | None] = sorted({f"{each.identity}/{plan.name}" for each in catalogues for plan in each.plans})
    homes = [name for each in catalogues for name in each.home_timezones]
    return Pools(
        moments=by_identity,
        plans=[*plans, None, "mobile/none", "nobody/none"],
        destinations=[_destination(rng, rng.choice(catalogues)) for _ in range(600)],
        origins=[*[""] * 60, "1234567890123456", *(_destination(rng, rng.choice(catalogues)) or "" for _ in range(60))],
        quantities={service: _quantities(rng, service, catalogues) for service in (*Service, 0)},
        visited=[*[0] * (2 * len(visited) + 4), *visited, 1, 999_998],
        timezones=[*[""] * len(homes), *homes],
        contents=[*[-1] * 4, *CONTENT_EDGES, *(rng.randrange(10**8) for _ in range(8))],
    )


def make_events(generator: np.random.Generator, pools: Pools, holders: Sequence[Holder], holder_of: Sequence[int]) -> list[Event]:
    """One event for each entry of `holder_of`: an index into `holders`, or -1."""
    count = len(holder_of)

    def drawn(pool: Sequence[object]) -> list[object]:
        return [pool[index] for index in generator.integers(0, len(pool), count).tolist()]

    services = drawn([*SERVICES * 8, 0, 6, 9, -1, 127])
    own = [holders[index] if index >= 0 else None for index in holder_of]
    plans = [
        plan if holder is None or other else holder.plan
        for plan, holder, other in zip(drawn(pools.plans), own, drawn([True, *[False] * 15]), strict=True)
    ]
    rows = zip(
        _keys(generator, count),
        _starts(generator, pools, own),
        _drawn_quantities(generator, pools, services),
        services,
        plans,
        drawn(pools.destinations),
        drawn(pools.origins),
        drawn([0, 1, 1, 1, 2]),  # direction
        drawn([None, True, False]),  # on net
        drawn([False, False, True]),  # friend
        drawn(pools.visited),
        drawn([0, 0, 0, *RATING_GROUPS, 300]),
        drawn([0, 0, 0, *CUSTOMER_GROUPS, 2]),
        drawn(pools.timezones),
        drawn(pools.contents),
        strict=True,
    )
    return [Event(*row) for row in rows]  # type: ignore[arg-type]  # columns of one pool each, in the order of the fields


def _keys(generator: np.random.Generator, count: int) -> list[bytes]:
    """Each once; a third are alike in the high half, so that either half decides between events of one instant."""
    high = generator.integers(0, 2**64, count, dtype="u8").tolist()
    low = generator.integers(0, 2**64, count, dtype="u8").tolist()
    high[::3] = [high[0]] * len(high[::3])
    return [(one << 64 | other).to_bytes(16) for one, other in zip(high, low, strict=True)]


def _starts(generator: np.random.Generator, pools: Pools, own: Sequence[Holder | None]) -> list[int]:
    """Near the holder's moment for most, near any other else."""
    count = len(own)
    everywhere = [moment for moments in pools.moments.values() for moment in moments]
    other = generator.integers(0, len(everywhere), count).tolist()
    kind = generator.random(count).tolist()
    apart = generator.integers(0, len(APART_US), count).tolist()
    near = generator.integers(0, len(NEAR_US) + 6, count).tolist()
    far = generator.integers(-3_600 * SECOND_US, SECOND_US, count).tolist()
    starts = []
    for row, holder in enumerate(own):
        if kind[row] < 0.01:
            starts.append(START_EXTREMES[other[row] % len(START_EXTREMES)])
            continue
        moment = everywhere[other[row]] if holder is None or kind[row] < 0.06 else holder.moment_us + APART_US[apart[row]]
        starts.append(moment + (NEAR_US[near[row]] if near[row] < len(NEAR_US) else far[row]))
    return starts


def _drawn_quantities(generator: np.random.Generator, pools: Pools, services: Sequence[object]) -> list[int]:
    """An edge for most; few are of any size up to the largest, or beyond it."""
    index = generator.integers(0, 2**31, len(services)).tolist()
    rare = generator.random(len(services)).tolist()
    quantities = []
    for row, service in enumerate(services):
        pool = pools.quantities.get(service, pools.quantities[0])  # type: ignore[call-overload]  # any number is a key
        if rare[row] < 0.005:
            quantities.append(QUANTITY_EXTREMES[index[row] % len(QUANTITY_EXTREMES)])
        elif rare[row] < 0.015:
            quantities.append(int(2 ** (index[row] / 2**31 * LARGEST_LOG2.get(service, 19.9))))  # type: ignore[call-overload]
        else:
            quantities.append(pool[index[row] % len(pool)])
    return quantities


def _quantities(rng: random.Random, service: int, catalogues: Sequence[Catalogue]) -> list[int]:
    """Multiples of what customers count in, and the edges of prices; exact, and a little off."""
    unit = INPUT_UNIT.get(Service(service) if service else Service.SMS, 1)
    edges = [edge * unit for edge in (0, 1, 6, 30, 59, 60, 61, 90, 180, 3_600, 7_200, 90_000)]
    edges += [rng.randrange(4_000) * unit for _ in range(20)] + [rng.randrange(40_000) * unit for _ in range(20)]
    counted = {Service.VOICE: QuantityUnit.MILLISECOND, Service.DATA: QuantityUnit.BYTE}.get(service, QuantityUnit.MESSAGE)  # type: ignore[call-overload]
    fine = 1_000 if counted is QuantityUnit.MILLISECOND else 1  # input units in one of the price's
    prices = [price for catalogue in catalogues for price in catalogue.prices if price.unit is counted]
    edges += [edge * fine for price in rng.sample(prices, min(len(prices), 12)) for edge in _price_edges(price) if edge < DAY_S * 2_000]
    off = [0, 0, 0, 1, -1] if unit == 1 else [0, 0, 0, 1, -1, 400, 1_000, -1_000]
    return [max(rng.choice(edges) + rng.choice(off), 0) if rng.random() < 0.99 else -1 for _ in range(400)]


def _price_edges(price: Price) -> list[int]:
    rate = price.rates[0]
    step = rate.steps[-1]
    first = rate.first_increment_qty
    return [first, first + step.increment_qty, step.from_qty or 1, step.from_qty + first, price.minimum_qty or 1, 3 * step.increment_qty]


def _destination(rng: random.Random, catalogue: Catalogue) -> str | None:
    kind = rng.random()
    if kind < 0.05:
        return rng.choice([None, "", "", "1234567890123456"])
    zone = rng.choice(catalogue.zones)
    if kind < 0.12 and zone.short_codes:
        return rng.choice(zone.short_codes) + rng.choice(["", "", "", "0"])
    prefix = rng.choice(zone.prefixes)
    if kind < 0.2:
        return prefix[: rng.randint(1, len(prefix))]
    if kind < 0.24:
        return "".join(rng.choices("0123456789", k=rng.randint(1, 15)))
    return (prefix + "".join(rng.choices("0005967", k=rng.randint(0, 12))))[:15]


def _moments(catalogue: Catalogue, era: Era) -> list[int]:
    """Edges of bands on the days of the era, by any clock; starts of versions and discounts; changes of the clock."""
    moments = [catalogue.effective_from_us] * 4 + [(day - EPOCH_DATE).days * DAY_US for day in era.days] * 3
    clocks = [catalogue.timezone, *catalogue.home_timezones, *(zone.timezone for zone in catalogue.roaming_zones if zone.timezone)]
    for place, name in enumerate(clocks):
        zone = ZoneInfo(name)
        for day in era.days:
            midnight = dt.datetime(day.year, day.month, day.day, tzinfo=zone)
            edges = EDGES_S if place == 0 else (0, 28_800)
            moments += [int((midnight + dt.timedelta(seconds=edge)).timestamp()) * SECOND_US for edge in edges]
    changes = _clock_changes(catalogue.timezone, era.from_us)
    moments += [change + aside * SECOND_US for change in changes for aside in (0, 0, 0, -DAY_S, DAY_S, -1_800, 1_800, 3_600, 7_200)]
    return moments


@functools.cache
def _clock_changes(timezone: str, from_us: int) -> list[int]:
    """The instants within `SPAN_DAYS` at which a zone's offset changes, to the minute."""
    zone = ZoneInfo(timezone)

    def offset(minute: int) -> dt.timedelta | None:
        return dt.datetime.fromtimestamp(minute * 60, zone).utcoffset()

    first = from_us // SECOND_US // 60
    days = [low for low in range(first, first + SPAN_DAYS * 1_440, 1_440) if offset(low) != offset(low + 1_440)]
    minutes = [next(minute for minute in range(low, low + 1_441) if offset(minute) != offset(low)) for low in days]
    return [minute * 60 * SECOND_US for minute in minutes]
