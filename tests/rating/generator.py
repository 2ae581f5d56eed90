"""Random catalogues and events for the equality of kernel and twin, edges favoured. Everything follows from a seed.

A world lies in one era: today, or near an end of the time that rating accepts, or where a zone did something odd (Apia left out a day).
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import random
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from rating.model import (
    ANY_BAND,
    ANY_ZONE,
    OTHER_BAND,
    UNIT_OF_SERVICE,
    Allowance,
    BandPolicy,
    Calendar,
    Catalogue,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    Service,
    Step,
    TaxClass,
    UsageRule,
    WeeklyBand,
    Zone,
)
from rating.money import RoundingMode
from rating.reference import Event

TIMEZONES = (
    "Europe/Berlin", "Europe/Dublin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "UTC", "Asia/Shanghai",
    "Africa/Casablanca", "America/Caracas", "Pacific/Apia", "Pacific/Chatham",
)  # fmt: skip
DAY_S = 86_400
SECOND_US = 1_000_000
DAY_US = DAY_S * SECOND_US
TIME_MIN_US = 946_684_800 * SECOND_US  # 2000-01-01T00:00Z
TIME_MAX_US = 3_155_760_000 * SECOND_US  # 2070-01-01T00:00Z
ERAS_US = (1_767_225_600 * SECOND_US,) * 5 + (TIME_MIN_US - 30 * DAY_US, 1_317_427_200 * SECOND_US, TIME_MAX_US - 300 * DAY_US)
SPAN_DAYS = 400
ALLOWANCES = ((Service.VOICE, "minutes"), (Service.SMS, "messages"), (Service.DATA, "volume"))
OPENINGS = (0, 1, 999, 1_000, 6_000, 30_000, 60_000, 61_000, 90_000, 120_000, 180_000, 2**20, 2**50)


class Case(NamedTuple):
    """Catalogues, events, the bucket each event draws from, and what the buckets hold."""

    catalogues: list[Catalogue]
    events: list[Event]
    buckets: list[int | None]
    openings: dict[int, int]


def generate(seed: int, events: int) -> Case:
    """One world: catalogues of up to three versions and `events` events that lie on their edges as often as not."""
    rng = random.Random(seed)
    era_us = rng.choice(ERAS_US)
    catalogues = [version for identity in ("mobile", "trunk") for version in _versions(rng, identity, era_us)]
    buckets = max(1, events // 40)
    openings = {bucket: rng.choice([*OPENINGS, rng.randrange(5_000_000)]) for bucket in range(buckets)}
    plans = [f"{each.identity}/{plan.name}" for each in catalogues for plan in each.plans]
    made: list[Event] = []
    drawn: list[int | None] = []
    while len(made) < events:
        made.append(_event(rng, catalogues, plans))
        drawn.append(rng.randrange(buckets) if rng.random() < 0.7 else None)
        if rng.random() < 0.04 and len(made) < events:  # another at the same instant on the same bucket: the key decides
            key = int.from_bytes(made[-1].event_key) ^ rng.choice([1, 2**63, 2**64, 2**127])
            again = _event(rng, catalogues, plans)
            made.append(msgspec.structs.replace(again, event_key=key.to_bytes(16), start_us=made[-1].start_us, plan=made[-1].plan))
            drawn.append(drawn[-1])
    return Case(catalogues, made, drawn, openings)


def _versions(rng: random.Random, identity: str, era_us: int) -> list[Catalogue]:
    starts = sorted(rng.sample(range(90), rng.randint(1, 3)))
    first = _catalogue(rng, identity, 1, era_us + starts[0] * DAY_US)
    later = [
        _catalogue(rng, identity, number, era_us + start * DAY_US + rng.choice([0, 1, 1_800 * SECOND_US]))
        for number, start in enumerate(starts[1:], 2)
    ]
    return [first, *later]


def _catalogue(rng: random.Random, identity: str, version: int, effective_from_us: int) -> Catalogue:
    zones = _zones(rng)
    calendars = tuple(_calendar(rng, name) for name in ("week", "year"))
    prices = tuple(_price(rng, number, calendars) for number in range(1, 13))
    names = [name for name in ("small", "large") if version == 1 or rng.random() < 0.9]
    plans = tuple(_plan(rng, name, zones, prices) for name in [*names, *(["late"] if version > 1 else [])])
    return Catalogue(
        identity=identity,
        version=version,
        currency="EUR",
        minor_digits=2,
        timezone=rng.choice(TIMEZONES),
        effective_from_us=effective_from_us,
        zones=zones,
        calendars=calendars,
        prices=prices,
        plans=plans,
        tax_classes=(TaxClass("standard", 1, ()),),
        disclosure={},
        content_hash=bytes([version]) * 32,
    )


def _zones(rng: random.Random) -> tuple[Zone, ...]:
    free: set[str] = set()
    roots = [str(rng.randrange(1, 100)) for _ in range(5)] + [rng.choice(["0", "00", "086"])]
    while len(free) < 60:
        root = rng.choice([*roots, *free]) if free else rng.choice(roots)
        free.add((root + "".join(rng.choices("0059", k=rng.randint(0, 5))))[:15])
    prefixes = sorted(free)
    rng.shuffle(prefixes)
    cuts = [prefixes[start::8] for start in range(8)]
    return tuple(Zone(100 + number, f"zone {number}", tuple(sorted(cut))) for number, cut in enumerate(cuts))


def _calendar(rng: random.Random, name: str) -> Calendar:
    bands = []
    for days in rng.choice([[(day,) for day in range(1, 8)], [(1, 2, 3, 4, 5), (6, 7)], [(1, 3, 5, 7), (2,)]]):
        hours = sorted(rng.sample([0, 1_800, 7_200, 10_800, 28_800, 28_801, 64_800, 72_000, 86_399, DAY_S], rng.choice([0, 2, 3, 4])))
        names = rng.choices(["peak", "night", "noon"], k=3)
        meet = rng.random() < 0.5 or len(hours) == 3  # one band begins where the other ends
        spans = itertools.pairwise(hours) if meet else zip(hours[::2], hours[1::2], strict=True)
        bands += [WeeklyBand(band, days, start, end) for band, (start, end) in zip(names, spans, strict=False)]
    return Calendar(name, tuple(bands))


def _price(rng: random.Random, number: int, calendars: tuple[Calendar, ...]) -> Price:
    unit = (QuantityUnit.MILLISECOND, QuantityUnit.MILLISECOND, QuantityUnit.MESSAGE, QuantityUnit.BYTE)[number % 4]
    calendar = rng.choice([*calendars, None])
    names = [ANY_BAND] if calendar is None else [*dict.fromkeys(band.name for band in calendar.bands), OTHER_BAND]
    minimum = rng.choice([0, 0, 0, 100_000, 123_457])
    maximum = rng.choice([None, None, None, 0, 1, 20_000, minimum, 250_000, 1_000_000])
    return Price(
        price_id=number,
        name=f"price {number}",
        charge_code=number,
        revenue_code=1,
        tax_class="standard",
        unit=unit,
        rates=tuple(_rate(rng, name, unit) for name in names),
        calendar=None if calendar is None else calendar.name,
        band_policy=rng.choice(list(BandPolicy)) if unit is QuantityUnit.MILLISECOND else BandPolicy.START,
        minimum_micros=minimum,
        maximum_micros=maximum if maximum is None else max(maximum, rng.choice([0, minimum])),
        rounding_mode=rng.choice(list(RoundingMode)),
        rounding_step_micros=rng.choice([1, 1, 100, 10_000, 50_000, 7, 1_000_000, 10**9]),
        charge_zero_usage=rng.random() < 0.2,
    )


def _rate(rng: random.Random, band: str, unit: QuantityUnit) -> Rate:
    second = {QuantityUnit.MILLISECOND: 1_000, QuantityUnit.MESSAGE: 1, QuantityUnit.BYTE: 1_024}[unit]
    per = [2**20, 2**21] if unit is QuantityUnit.BYTE else [second, 60 * second, 7 * second]
    lengths = [1, second, 6 * second, 60 * second, 7_200 * second]
    froms = [0, *sorted(rng.sample([second * n for n in (1, 3, 10, 59, 60, 61, 180, 3_600, 90_000)], rng.randint(0, 3)))]
    steps = tuple(
        Step(
            from_qty=start,
            rate_micros=rng.choice([0, 1, 85_000, 170_000, rng.randrange(1_000_000)]),
            per_qty=rng.choice(per),
            increment_qty=rng.choice([*lengths, 100 if second > 100 else 2]),
        )
        for start in froms
    )
    first_increment = rng.choice([*lengths, 30 * second, 90 * second, 2 * DAY_S * second])
    return Rate(band, steps, first_increment, rng.choice([0, 0, 50_000, 33_333, 5_000_000]))


def _plan(rng: random.Random, name: str, zones: tuple[Zone, ...], prices: tuple[Price, ...]) -> Plan:
    rules = []
    shared = [zone.name for zone in zones if rng.random() < 0.8]  # services that name the same zones share one deck
    for service in Service:
        fitting = [price.name for price in prices if price.unit is UNIT_OF_SERVICE[service]]
        named = rng.choice([shared, shared, [zone.name for zone in zones], [zones[0].name], []])
        choices = [*fitting, None] if rng.random() < 0.5 else fitting
        rules += [UsageRule(service, zone, rng.choice(choices)) for zone in named]
        if rng.random() < 0.5:
            rules.append(UsageRule(service, ANY_ZONE, rng.choice(choices)))
    allowances = []
    for number, (service, title) in enumerate(ALLOWANCES, 1):
        served = (ANY_ZONE,) if rng.random() < 0.5 else tuple(zone.name for zone in zones if rng.random() < 0.6)
        if rng.random() < 0.8:
            allowances.append(Allowance(number, title, service, 6_000_000, served))
    return Plan(name, tuple(rules), {}, tuple(allowances))


def _event(rng: random.Random, catalogues: list[Catalogue], plans: list[str]) -> Event:
    catalogue = rng.choice(catalogues)
    own = [f"{catalogue.identity}/{plan.name}" for plan in catalogue.plans]
    plan = rng.choice(own) if own and rng.random() < 0.8 else rng.choice([*plans, None, "mobile/none", "nobody/none"])
    service = rng.choice([Service.VOICE] * 6 + [Service.SMS, Service.DATA, Service.DATA, Service.MMS, Service.CONTENT])
    if rng.random() < 0.03:
        service = rng.choice([0, 6, 9])
    return Event(
        event_key=rng.getrandbits(128).to_bytes(16),
        start_us=_start(rng, catalogue),
        quantity=_quantity(rng, service),
        service=service,
        plan=plan,
        destination=_destination(rng, catalogue),
    )


def _start(rng: random.Random, catalogue: Catalogue) -> int:
    kind = rng.random()
    if kind < 0.03:
        return rng.choice([-1, 0, TIME_MIN_US - 1, TIME_MIN_US, TIME_MAX_US - 1, TIME_MAX_US, 2**62, -(2**62)])
    near = rng.choice([0, 0, -1, 1, -1_000, -999, 1_000, -59 * SECOND_US, -rng.randrange(4 * 3_600 * SECOND_US), rng.randrange(SECOND_US)])
    if kind < 0.1:
        return catalogue.effective_from_us + near
    zone = ZoneInfo(catalogue.timezone)
    changes = _clock_changes(catalogue.timezone, catalogue.effective_from_us)
    if kind < 0.2 and changes:  # around the instant at which the zone moves its clock, or a day before or after it
        return rng.choice(changes) + rng.choice([0, 0, 0, -DAY_US, DAY_US, *(s * SECOND_US for s in (-1_800, 1_800, 3_600, 7_200))]) + near
    day = _local_day(catalogue.effective_from_us, zone) + dt.timedelta(days=rng.randrange(SPAN_DAYS))
    edge_s = rng.choice([0, 1_800, 7_200, 10_800, 28_800, 28_801, 64_800, 72_000, 86_399, rng.randrange(DAY_S)])
    moment = (day + dt.timedelta(seconds=edge_s)).astimezone(dt.UTC)
    return int(moment.timestamp()) * SECOND_US + near


def _local_day(instant_us: int, zone: ZoneInfo) -> dt.datetime:
    """Midnight of the day that holds an instant."""
    return dt.datetime.fromtimestamp(instant_us // SECOND_US, zone).replace(hour=0, minute=0, second=0)


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


def _quantity(rng: random.Random, service: int) -> int:
    unit = {Service.VOICE: SECOND_US, Service.DATA: 1_024}.get(service, 1)
    edge = rng.choice([0, 1, 6, 30, 59, 60, 61, 90, 180, 3_600, 7_200, 90_000, rng.randrange(10_000)]) * unit
    quantity = edge + rng.choice([0, 0, 0, 1, -1, 400, 1_000, -1_000])
    rare = rng.random()
    if rare < 0.01:
        bounds = [31 * DAY_US, 31 * DAY_US + 1, 2**40, 2**40 + 1, 1_000_000, 1_000_001, 2**62, -(2**62)]
        return rng.choice(bounds)
    if rare < 0.05:  # of any size up to the largest
        return int(2 ** (rng.random() * {Service.VOICE: 41.2, Service.DATA: 40}.get(service, 19.9)))
    return quantity if rare < 0.08 else max(quantity, 0)


def _destination(rng: random.Random, catalogue: Catalogue) -> str | None:
    kind = rng.random()
    if kind < 0.03:
        return rng.choice([None, "", "", "1234567890123456"])
    prefix = rng.choice(rng.choice(catalogue.zones).prefixes)
    if kind < 0.15:
        return prefix[: rng.randint(1, len(prefix))]
    if kind < 0.2:
        return "".join(rng.choices("0123456789", k=rng.randint(1, 15)))
    return (prefix + "".join(rng.choices("0005967", k=rng.randint(0, 12))))[:15]
