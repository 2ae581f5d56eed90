"""One stateless rating job, stated twice: as a catalogue for the kernel and as SQL for DuckDB."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np

from rating.engine import RatingInput
from rating.model import (
    OTHER_BAND,
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

PREFIXES = 30_000
ZONES = 421
STEP_AT_MS = 180_000
FIRST_DAY_US = 1_767_225_600_000_000  # 2026-01-01, a Thursday
DAY_US = 86_400_000_000
NUMBER_DIGITS = 12

QUERY = """
    with matched as (
        select r.row, r.start_us, (r.duration_us + 999) // 1000 as duration_ms, d.zone,
            (r.start_us // 86400000000 + 3) % 7 < 5
                and r.start_us // 1000000 % 86400 >= 28800 and r.start_us // 1000000 % 86400 < 72000 as peak
        from records r asof join deck d on r.number >= d.low
    ), quantified as (
        select m.row, p.*, case
            when duration_ms = 0 then 0
            when duration_ms <= first_ms then first_ms
            else first_ms + (duration_ms - first_ms + further_ms - 1) // further_ms * further_ms end as chargeable_ms
        from matched m join prices p on m.zone = p.zone and m.peak = p.peak
    ), priced as (
        select row, case when chargeable_ms = 0 then 0 else greatest(
            least(chargeable_ms, 180000) * rate_1 + greatest(chargeable_ms - 180000, 0) * rate_2 + connect_micros * 60000,
            minimum_micros * 60000) end as numerator
        from quantified
    )
    select row, (2 * numerator + 6000000) // 12000000 * 100 as charge_micros from priced
"""


class Workload(NamedTuple):
    """A catalogue, a batch, and the same as plain columns for SQL."""

    catalogue: Catalogue
    batch: RatingInput
    deck: dict[str, np.ndarray]
    prices: dict[str, list[int]]
    records: dict[str, np.ndarray]


def workload(records: int, seed: int = 1) -> Workload:
    """`records` calls of January 2026 over a deck of nested prefixes."""
    rng = random.Random(seed)
    prefixes = _prefixes(rng)
    zones = tuple(Zone(number + 1, f"zone {number}", tuple(prefixes[number::ZONES])) for number in range(ZONES))
    calendar = Calendar("week", (WeeklyBand("peak", (1, 2, 3, 4, 5), 28_800, 72_000),))
    prices = tuple(_price(rng, number) for number in range(ZONES))
    rules = tuple(UsageRule(Service.VOICE, zone.name, price.name) for zone, price in zip(zones, prices, strict=True))
    catalogue = Catalogue(
        "bench", 1, "EUR", 2, "UTC", FIRST_DAY_US, zones, (calendar,), prices, (Plan("bench", rules, {}),), (TaxClass("none", 1, ()),), {}
    )
    batch = _batch(np.random.default_rng(seed), prefixes, records)
    columns = {"row": np.arange(records), "start_us": batch.start_us, "duration_us": batch.quantity, "number": batch.number.view(np.int64)}
    return Workload(catalogue, batch, _deck(zones), _price_columns(prices), columns)


def _prefixes(rng: random.Random) -> list[str]:
    """Nested prefixes of 1 to 9 digits; every first digit is priced, so that every number is."""
    found = {str(digit) for digit in range(1, 10)}
    while len(found) < PREFIXES:
        found.add(str(rng.randrange(10**8, 10**9))[: rng.choice([3, 4, 5, 5, 6, 6, 7, 8, 9])])
    prefixes = sorted(found)
    rng.shuffle(prefixes)
    return prefixes


def _price(rng: random.Random, number: int) -> Price:
    def rate(band: str) -> Rate:
        increment = rng.choice([1_000, 6_000, 30_000, 60_000])
        steps = tuple(Step(start, rng.randrange(10_000, 900_000), 60_000, increment) for start in (0, STEP_AT_MS))
        return Rate(band, steps, rng.choice([increment, 60_000]), rng.choice([0, 50_000]))

    return Price(
        number + 1, f"price {number}", 1, 1, "none", QuantityUnit.MILLISECOND, (rate("peak"), rate(OTHER_BAND)), "week", BandPolicy.START,
        minimum_micros=rng.choice([0, 20_000]), rounding_mode=RoundingMode.HALF_UP, rounding_step_micros=100,
    )  # fmt: skip


def _batch(rng: np.random.Generator, prefixes: list[str], records: int) -> RatingInput:
    low = np.array([int(prefix.ljust(NUMBER_DIGITS, "0")) for prefix in prefixes], np.int64)
    span = np.array([10 ** (NUMBER_DIGITS - len(prefix)) for prefix in prefixes], np.int64)
    chosen = rng.integers(0, len(prefixes), records)
    number = low[chosen] + rng.integers(0, span[chosen])
    return RatingInput(
        start_us=rng.integers(FIRST_DAY_US, FIRST_DAY_US + 31 * DAY_US, records),
        quantity=rng.exponential(120e6, records).astype(np.int64),
        service=np.full(records, Service.VOICE, np.int8),
        plan=np.zeros(records, np.int32),
        number=number.astype(np.uint64),
        number_digits=np.full(records, NUMBER_DIGITS, np.int8),
        allowance=np.full(records, -1, np.int32),
        rating_unit=np.zeros(records, np.int64),
        event_key=np.zeros((records, 2), np.uint64),
    )


def _deck(zones: tuple[Zone, ...]) -> dict[str, np.ndarray]:
    """Prefixes as disjoint intervals of 12-digit numbers, the fairest form for SQL: one ASOF join."""
    zone_of = {prefix: zone.zone_id for zone in zones for prefix in zone.prefixes}
    edges: dict[int, int] = {}
    for prefix in sorted(zone_of, key=len):
        low, span = int(prefix.ljust(NUMBER_DIGITS, "0")), 10 ** (NUMBER_DIGITS - len(prefix))
        parent = next((zone_of[prefix[:n]] for n in range(len(prefix) - 1, 0, -1) if prefix[:n] in zone_of), 0)
        edges[low] = zone_of[prefix]
        edges.setdefault(low + span, parent)
    rows = sorted(edges.items())
    return {"low": np.array([row[0] for row in rows], np.int64), "zone": np.array([row[1] for row in rows], np.int64)}


def _price_columns(prices: tuple[Price, ...]) -> dict[str, list[int]]:
    rows = [(price, rate) for price in prices for rate in price.rates]
    return {
        "zone": [price.price_id for price, _rate in rows],
        "peak": [rate.band == "peak" for _price_, rate in rows],
        "first_ms": [rate.first_increment_qty for _price_, rate in rows],
        "further_ms": [rate.steps[0].increment_qty for _price_, rate in rows],
        "rate_1": [rate.steps[0].rate_micros for _price_, rate in rows],
        "rate_2": [rate.steps[1].rate_micros for _price_, rate in rows],
        "connect_micros": [rate.connect_fee_micros for _price_, rate in rows],
        "minimum_micros": [price.minimum_micros for price, _rate in rows],
    }
