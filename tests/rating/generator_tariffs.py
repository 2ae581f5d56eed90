"""Random catalogues: the versions of one, with zones, roaming zones and calendars; prices and plans have files of their own.

A world lies in one era: today, or near an end of the time that rating accepts, or where a zone did something odd (Apia left out a day).
It has a few days on which nearly everything happens: dates and holidays of calendars are among them, and so are the starts of events.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rating.model import Band, Calendar, Catalogue, DaySwap, Plan, Price, RoamingZone, TaxClass, Zone
from tests.rating.generator_plans import Wares, make_plans
from tests.rating.generator_prices import make_prices

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEZONES = (
    "Europe/Berlin", "Europe/Dublin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "UTC", "Asia/Shanghai",
    "Africa/Casablanca", "America/Caracas", "Pacific/Apia", "Pacific/Chatham",
)  # fmt: skip
# Worlds share calendars between versions and have few time zones: every calendar on every clock is laid out over seventy years.
IDENTITIES = {"mobile": (("small", "large", "base"), (1, 2, 2, 3)), "trunk": (("small", "base"), (1, 2))}  # plans, how many versions
TIMEZONES_OF_A_WORLD = 4
CALENDARS = ("week", "year", "feasts")
DAY_S = 86_400
SECOND_US = 1_000_000
DAY_US = DAY_S * SECOND_US
TIME_MIN_US = 946_684_800 * SECOND_US  # 2000-01-01T00:00Z
TIME_MAX_US = 3_155_760_000 * SECOND_US  # 2070-01-01T00:00Z
ERAS_US = (1_767_225_600 * SECOND_US,) * 5 + (TIME_MIN_US - 30 * DAY_US, 1_317_427_200 * SECOND_US, TIME_MAX_US - 300 * DAY_US)
SPAN_DAYS = 330
EDGES_S = (0, 1_800, 7_200, 10_800, 28_800, 28_801, 64_800, 72_000, 86_399)  # seconds of the day at which bands begin or end
BANDS = ("peak", "night", "noon", "feast")
EPOCH_DATE = dt.date(1970, 1, 1)


class Era(NamedTuple):
    """When a world happens."""

    from_us: int
    days: tuple[dt.date, ...]  # sorted
    timezones: tuple[str, ...]
    calendars: tuple[Calendar, ...]
    roots: tuple[str, ...]  # with which prefixes begin
    discounted: bool  # whether plans have discounts, which bound what prices may be
    plain: float  # share of prices and rules that are as simple as most are in real tariffs


def make_era(rng: random.Random) -> Era:
    """An era and its days, some of them neighbours."""
    from_us = rng.choice(ERAS_US)
    first = EPOCH_DATE + dt.timedelta(days=from_us // DAY_US)
    single = rng.sample(range(SPAN_DAYS), 7)
    days = sorted(first + dt.timedelta(days=day) for day in {*single, *(day + 1 for day in single[:3])})
    roots = (*(str(rng.randrange(1, 100)) for _ in range(5)), rng.choice(["0", "00", "086"]))
    timezones = tuple(rng.sample(TIMEZONES, TIMEZONES_OF_A_WORLD))
    calendars = tuple(_calendar(rng, name, days) for name in CALENDARS)
    return Era(from_us, tuple(days), timezones, calendars, roots, rng.random() < 0.8, rng.choice([0.2, 0.5, 0.9]))


def make_catalogues(rng: random.Random, era: Era) -> list[Catalogue]:
    """One to three versions of each identity, in any order."""
    catalogues = [version for identity in IDENTITIES for version in _versions(rng, identity, era)]
    rng.shuffle(catalogues)
    return catalogues


def _versions(rng: random.Random, identity: str, era: Era) -> list[Catalogue]:
    """The first version begins before the days of the era, later ones at their edges."""
    plans, counts = IDENTITIES[identity]
    days = sorted(rng.sample(era.days[2:], rng.choice(counts) - 1))
    asides_us = (0, 1, 1_800 * SECOND_US, 43_200 * SECOND_US)
    starts = [
        era.from_us - rng.choice([0, DAY_US, 40 * DAY_US]),
        *((day - EPOCH_DATE).days * DAY_US + rng.choice(asides_us) for day in days),
    ]
    timezone = rng.choice(era.timezones)
    clocks = [timezone if rng.random() < 0.9 else rng.choice(era.timezones) for _ in starts]
    return [
        msgspec.structs.replace(_catalogue(rng, number, plans, era), identity=identity, effective_from_us=start, timezone=clock)
        for number, (start, clock) in enumerate(zip(starts, clocks, strict=True), 1)
    ]


def _catalogue(rng: random.Random, version: int, plan_names: Sequence[str], era: Era) -> Catalogue:
    zones, roaming_zones = _zones(rng, era.roots), _roaming_zones(rng, era.timezones)
    calendars = tuple(each if rng.random() < 0.85 else _calendar(rng, each.name, era.days) for each in era.calendars)
    prices: tuple[Price, ...] = make_prices(rng, calendars, era.plain, discounted=era.discounted)
    names = [name for name in plan_names if version == 1 or rng.random() < 0.9]
    names += ["late"] if version > 1 else []
    wares = Wares(zones, roaming_zones, prices, tuple((day - EPOCH_DATE).days * DAY_US for day in era.days), era.discounted, era.plain)
    plans: tuple[Plan, ...] = make_plans(rng, names, wares)
    return Catalogue(
        identity="",
        version=version,
        currency="EUR",
        minor_digits=2,
        timezone="",
        effective_from_us=0,
        zones=zones,
        calendars=calendars,
        prices=prices,
        plans=plans,
        tax_classes=(TaxClass("standard", 1, ()),),
        disclosure={},
        roaming_zones=roaming_zones,
        home_timezones=tuple(rng.sample(era.timezones, 2)),
        content_hash=bytes([version]) * 32,
    )


def _zones(rng: random.Random, roots: tuple[str, ...]) -> tuple[Zone, ...]:
    """Ten zones over nested prefixes of 1 to 15 digits, decks of 10 and 11 digits, and short codes that prefixes hold as well."""
    taken = {root for root in roots if rng.random() < 0.6}
    while len(taken) < 60:
        root = rng.choice([*roots, *sorted(taken)])
        taken.add((root + "".join(rng.choices("0059", k=rng.randint(0, 5))))[:15])
    deck = rng.choice(roots).ljust(7, rng.choice("05"))
    while len(taken) < 90:
        taken.add(deck + "".join(rng.choices("0123456789", k=rng.choice([3, 4]))))
    prefixes = sorted(taken)
    rng.shuffle(prefixes)
    codes = list({*rng.sample(["110", "112", "10086", "0", "12345678", "086", "5"], 4), *(text for text in prefixes[:9] if len(text) <= 8)})
    codes.sort()
    rng.shuffle(codes)
    numbers = rng.sample([1, 65_534, *range(100, 110)], 10)
    return tuple(
        Zone(zone_id, f"zone {place}", tuple(sorted(prefixes[place::10])), tuple(codes[place::4]) if place < 4 else ())
        for place, zone_id in enumerate(numbers)
    )


def _roaming_zones(rng: random.Random, timezones: Sequence[str]) -> tuple[RoamingZone, ...]:
    """Up to three, some without a time zone of their own."""
    plmns = rng.sample([208_001, 208_010, 222_010, 310_410, 460_000, 999_999, 1_001], 6)
    zones = [RoamingZone(50 + n, f"abroad {n}", tuple(plmns[n::3]), rng.choice([None, *timezones])) for n in range(3)]
    return tuple(zones[: rng.choice([0, 1, 2, 3, 3])])


def _calendar(rng: random.Random, name: str, days: Sequence[dt.date]) -> Calendar:
    swaps = _swaps(name, days)
    if name == "week":
        return Calendar(name, tuple(_week(rng)), day_swaps=swaps)
    bands = _week(rng) if rng.random() < 0.6 else []
    bands += [_band(rng, days) for _ in range(rng.randint(1, 5))]
    rng.shuffle(bands)
    return Calendar(name, tuple(bands), tuple(rng.sample(days, 3)) if rng.random() < 0.8 else (), swaps)


def _swaps(name: str, days: Sequence[dt.date]) -> tuple[DaySwap, ...]:
    """Drawn apart, so that worlds are otherwise what they were without them."""
    rng = random.Random(f"{name} {days}")
    return tuple(DaySwap(day, rng.randint(1, 7)) for day in sorted(rng.sample(days, rng.choice([0, 0, 1, 4]))))


def _swaps(name: str, days: Sequence[dt.date]) -> tuple[DaySwap, ...]:
    """Drawn apart, so that worlds are otherwise what they were without them."""
    rng = random.Random(f"{name} {days}")
    return tuple(DaySwap(day, rng.randint(1, 7)) for day in sorted(rng.sample(days, rng.choice([0, 0, 1, 4]))))


def _week(rng: random.Random) -> list[Band]:
    """Bands by day of the week alone, that meet or leave gaps."""
    bands = []
    for days in rng.choice([[(day,) for day in range(1, 8)], [(1, 2, 3, 4, 5), (6, 7)], [(1, 3, 5, 7), (2,)], [()]]):
        hours = sorted(rng.sample([*EDGES_S, DAY_S], rng.choice([0, 2, 4, 5, 6])))
        names = rng.choices(BANDS[:3], k=6)
        meet = rng.random() < 0.5 or len(hours) % 2 == 1  # one band begins where the other ends
        spans = itertools.pairwise(hours) if meet else zip(hours[::2], hours[1::2], strict=True)
        bands += [Band(band, days, start, end) for band, (start, end) in zip(names, spans, strict=False)]
    return bands or [Band("noon", (), 36_000, 50_400)]


def _band(rng: random.Random, era_days: Sequence[dt.date]) -> Band:
    """One that names dates, holidays, months, days of the month or years, over others or under them by its weight."""
    start_s, end_s = rng.choice([(0, DAY_S), (0, DAY_S), tuple(sorted(rng.sample([*EDGES_S, DAY_S], 2)))])
    day = rng.choice(era_days)
    criteria: dict[str, object] = rng.choice(
        [
            {"dates": tuple(sorted(rng.sample(era_days, 2)))},
            {"dates": (day,), "days": (day.isoweekday(),)},
            {"holidays": True},
            {"holidays": True, "months": (day.month,)},
            {"months": tuple(sorted({day.month, rng.randint(1, 12)}))},
            {"month_days": tuple(sorted({day.day, 1, 31}))},
            {"years": (day.year,), "month_days": (day.day,)},
            {"years": (day.year,), "months": (day.month,), "days": (6, 7)},
            {"days": (day.isoweekday(),)},
        ]
    )
    wanted = {"days": (), **criteria}
    return Band(name=rng.choice(BANDS), start_s=start_s, end_s=end_s, weight=rng.choice([0, 0, 1, 1, 5, -3]), **wanted)
