"""Random catalogues and events for the equality of kernel and twin, edges favoured. Everything follows from a seed."""

from __future__ import annotations

import datetime as dt
import random
from typing import NamedTuple
from zoneinfo import ZoneInfo

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

TIMEZONES = ("Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "UTC", "Asia/Shanghai")
DAY_S = 86_400
SECOND_US = 1_000_000
FIRST_VERSION_US = 1_767_225_600 * SECOND_US  # 2026-01-01T00:00Z
YEAR_US = 365 * DAY_S * SECOND_US


class Case(NamedTuple):
    """Catalogues, events, the bucket each event draws from, and what the buckets hold."""

    catalogues: list[Catalogue]
    events: list[Event]
    buckets: list[int | None]
    openings: dict[int, int]


def generate(seed: int, events: int) -> Case:
    """One world: catalogues of up to three versions and `events` events that lie on their edges as often as not."""
    rng = random.Random(seed)
    catalogues = [version for identity in ("mobile", "trunk") for version in _versions(rng, identity)]
    buckets = max(1, events // 40)
    openings = {bucket: rng.choice([0, 1, 999, 1_000, 60_000, 61_000, rng.randrange(5_000_000)]) for bucket in range(buckets)}
    plans = [f"{each.identity}/{plan.name}" for each in catalogues for plan in each.plans]
    made = [_event(rng, catalogues, plans) for _ in range(events)]
    drawn = [rng.randrange(buckets) if event.service == Service.VOICE and rng.random() < 0.8 else None for event in made]
    return Case(catalogues, made, drawn, openings)


def _versions(rng: random.Random, identity: str) -> list[Catalogue]:
    starts = sorted(rng.sample(range(90), rng.randint(1, 3)))
    first = _catalogue(rng, identity, 1, FIRST_VERSION_US + starts[0] * DAY_S * SECOND_US)
    later = [
        _catalogue(rng, identity, number, FIRST_VERSION_US + start * DAY_S * SECOND_US + rng.choice([0, 1, 1_800 * SECOND_US]))
        for number, start in enumerate(starts[1:], 2)
    ]
    return [first, *later]


def _catalogue(rng: random.Random, identity: str, version: int, effective_from_us: int) -> Catalogue:
    zones = _zones(rng)
    calendars = tuple(_calendar(rng, name) for name in ("week", "year"))
    prices = tuple(_price(rng, number, calendars) for number in range(1, 13))
    plans = tuple(_plan(rng, name, zones, prices) for name in ("small", "large") if version == 1 or rng.random() < 0.9)
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
    roots = [str(rng.randrange(1, 100)) for _ in range(6)]
    while len(free) < 60:
        root = rng.choice([*roots, *free]) if free else rng.choice(roots)
        free.add((root + "".join(rng.choices("0059", k=rng.randint(0, 5))))[:15])
    prefixes = sorted(free)
    rng.shuffle(prefixes)
    cuts = [prefixes[start::8] for start in range(8)]
    return tuple(Zone(100 + number, f"zone {number}", tuple(sorted(cut))) for number, cut in enumerate(cuts))


def _calendar(rng: random.Random, name: str) -> Calendar:
    bands = []
    for day in range(1, 8):
        hours = sorted(rng.sample([0, 1_800, 7_200, 10_800, 28_800, 28_801, 64_800, 72_000, 86_399, DAY_S], rng.choice([0, 2, 4])))
        names = rng.choices(["peak", "night", "noon"], k=2)
        bands += [WeeklyBand(names[i // 2], (day,), hours[i], hours[i + 1]) for i in range(0, len(hours), 2)]
    return Calendar(name, tuple(bands))


def _price(rng: random.Random, number: int, calendars: tuple[Calendar, ...]) -> Price:
    unit = (QuantityUnit.MILLISECOND, QuantityUnit.MILLISECOND, QuantityUnit.MESSAGE, QuantityUnit.BYTE)[number % 4]
    calendar = rng.choice([*calendars, None])
    names = [ANY_BAND] if calendar is None else [*dict.fromkeys(band.name for band in calendar.bands), OTHER_BAND]
    minimum = rng.choice([0, 0, 0, 100_000, 123_457])
    return (
        Price(
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
            maximum_micros=rng.choice([None, None, minimum, 250_000, 1_000_000]),
            rounding_mode=rng.choice(list(RoundingMode)),
            rounding_step_micros=rng.choice([1, 1, 100, 10_000, 50_000, 7]),
            charge_zero_usage=rng.random() < 0.2,
        )
        if minimum <= 100_000
        else _price(rng, number, calendars)
    )


def _rate(rng: random.Random, band: str, unit: QuantityUnit) -> Rate:
    second = {QuantityUnit.MILLISECOND: 1_000, QuantityUnit.MESSAGE: 1, QuantityUnit.BYTE: 1_024}[unit]
    per = [2**20, 2**21] if unit is QuantityUnit.BYTE else [second, 60 * second, 7 * second]
    froms = [0, *sorted(rng.sample([second * n for n in (1, 3, 10, 59, 60, 61, 180, 3_600)], rng.randint(0, 3)))]
    steps = tuple(
        Step(
            from_qty=start,
            rate_micros=rng.choice([0, 1, 85_000, 170_000, rng.randrange(1_000_000)]),
            per_qty=rng.choice(per),
            increment_qty=rng.choice([1, second, 6 * second, 60 * second, 100 if second > 100 else 2]),
        )
        for start in froms
    )
    return Rate(band, steps, rng.choice([1, second, 30 * second, 60 * second, 90 * second]), rng.choice([0, 0, 50_000, 33_333]))


def _plan(rng: random.Random, name: str, zones: tuple[Zone, ...], prices: tuple[Price, ...]) -> Plan:
    rules = []
    for service in Service:
        fitting = [price.name for price in prices if price.unit is UNIT_OF_SERVICE[service]]
        named = [zone.name for zone in zones if rng.random() < 0.8] if rng.random() < 0.9 else []
        choices = [*fitting, None] if rng.random() < 0.5 else fitting
        rules += [UsageRule(service, zone, rng.choice(choices)) for zone in named]
        if rng.random() < 0.5:
            rules.append(UsageRule(service, ANY_ZONE, rng.choice(choices)))
    served = (ANY_ZONE,) if rng.random() < 0.5 else tuple(zone.name for zone in zones if rng.random() < 0.6)
    allowances = (Allowance(1, "minutes", Service.VOICE, 6_000_000, served),) if rng.random() < 0.8 else ()
    return Plan(name, tuple(rules), {}, allowances)


def _event(rng: random.Random, catalogues: list[Catalogue], plans: list[str]) -> Event:
    catalogue = rng.choice(catalogues)
    plan = rng.choice([*plans * 8, None, "mobile/none", "nobody/none"])
    service = rng.choice([Service.VOICE] * 6 + [Service.SMS, Service.DATA, Service.MMS, Service.CONTENT, 0, 6, 9])
    return Event(
        event_key=rng.getrandbits(128).to_bytes(16) if rng.random() < 0.9 else rng.randrange(4).to_bytes(16),
        start_us=_start(rng, catalogue),
        quantity=_quantity(rng, service),
        service=service,
        plan=plan,
        destination=_destination(rng, catalogue),
    )


def _start(rng: random.Random, catalogue: Catalogue) -> int:
    kind = rng.random()
    if kind < 0.03:
        return rng.choice([-1, 0, 946_684_800 * SECOND_US - 1, 946_684_800 * SECOND_US, 3_155_760_000 * SECOND_US, 2**62, -(2**62)])
    near = rng.choice([0, 0, -1, 1, -1_000, -999, 1_000, -59 * SECOND_US, -rng.randrange(4 * 3_600 * SECOND_US), rng.randrange(SECOND_US)])
    if kind < 0.15:
        return catalogue.effective_from_us + near
    zone = ZoneInfo(catalogue.timezone)
    day = dt.datetime(2026, 1, 1, tzinfo=zone) + dt.timedelta(days=rng.randrange(400))
    if kind < 0.3:  # a day on which some zone moves its clock
        day = dt.datetime(
            *rng.choice([(2026, 3, 29), (2026, 10, 25), (2026, 4, 5), (2026, 10, 4), (2026, 3, 8), (2026, 11, 1)]), tzinfo=zone
        )
    edge_s = rng.choice([0, 1_800, 7_200, 10_800, 28_800, 28_801, 64_800, 72_000, 86_399, rng.randrange(DAY_S)])
    moment = (day + dt.timedelta(seconds=edge_s)).astimezone(dt.UTC)
    return int(moment.timestamp()) * SECOND_US + near


def _quantity(rng: random.Random, service: int) -> int:
    unit = {Service.VOICE: SECOND_US, Service.DATA: 1_024}.get(service, 1)
    edge = rng.choice([0, 1, 6, 30, 59, 60, 61, 90, 180, 3_600, 7_200, 90_000, rng.randrange(10_000)]) * unit
    quantity = edge + rng.choice([0, 0, 0, 1, -1, 400, 1_000, -1_000])
    rare = rng.random()
    if rare < 0.01:
        bounds = [31 * DAY_S * SECOND_US, 31 * DAY_S * SECOND_US + 1, 2**40, 2**40 + 1, 1_000_000, 1_000_001, 2**62, -(2**62)]
        return rng.choice(bounds)
    return quantity if rare < 0.05 else max(quantity, 0)


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
