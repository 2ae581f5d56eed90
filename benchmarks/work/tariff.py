"""The tariffs of the benchmarks: 20 plans over 423 zones, which is 8,460 prices with three weekly bands each.

Three catalogues grow out of one another, so that what a rule costs can be seen by itself:
- `stateless`: bands (half of the prices `split`, half `start`), steps inside the call, first and further increments, connect fee, minimum,
  three rounding modes and three rounding steps;
- `stateful`: every plan also has an allowance of seconds for half of the zones, and a tenth of its prices count in tiers over the month;
- `everything`: three allowances (one draws whole increments, one is of money), a cap for the day and one for the month, three discounts,
  and every price `split`.
Rates are per minute: an amount is an integer over 60,000 ms.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from rating.model import (
    ANY_ZONE,
    OTHER_BAND,
    Allowance,
    Band,
    BandPolicy,
    Calendar,
    CapWindow,
    Catalogue,
    ChargeCap,
    Counting,
    Discount,
    Draw,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    Service,
    Step,
    TaxClass,
    UsageRule,
    Zone,
)
from rating.money import RoundingMode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.work.deck import Deck

IDENTITY = "bench"
PLANS = 20
MINUTE_MS = 60_000
NO_STEP_MS = 1 << 40  # where a rate has one step: the second one begins after every call
COUNTER_ID = 1
FROM_US = 1_767_225_600_000_000  # 2026-01-01T00:00Z, a Thursday
WEEK = Calendar(
    "week",
    (Band("peak", (1, 2, 3, 4, 5), 28_800, 72_000), Band("weekend", (6, 7), 0, 86_400)),
)
BANDS = ("peak", "weekend", OTHER_BAND)  # in the order of the columns that peers join by

_INCREMENTS_MS = ((60_000, 60_000), (1_000, 1_000), (6_000, 6_000), (30_000, 6_000), (60_000, 1_000), (30_000, 30_000))
_MODES = (RoundingMode.HALF_UP, RoundingMode.HALF_EVEN, RoundingMode.UP)
_MINUTE = QuantityUnit.MILLISECOND
_VOICE = (Service.VOICE,)


def stateless(deck: Deck, seed: int = 2, plans: int = PLANS) -> Catalogue:
    """Bands, steps, increments and rounding; nothing that an event leaves to the next one."""
    return _catalogue(deck, _prices(random.Random(seed), plans, len(deck.zones)), plans, _NOTHING)


def stateful(deck: Deck, seed: int = 2) -> Catalogue:
    """The same prices, a tenth of them in tiers over the month, and an allowance of ten minutes in every plan."""
    prices = _prices(random.Random(seed), PLANS, len(deck.zones))
    allowance = Allowance(1, "minutes", _VOICE, _MINUTE, 600_000, half_of_zones(deck))
    return _catalogue(deck, [_tiered(price) for price in prices], PLANS, {"allowances": (allowance,)})


def everything(deck: Deck, seed: int = 2) -> Catalogue:
    """The same again, every price split, and all that a plan can have: allowances, caps, discounts."""
    prices = [_split(_tiered(price)) for price in _prices(random.Random(seed), PLANS, len(deck.zones))]
    extras = {
        "allowances": (
            Allowance(1, "minutes", _VOICE, _MINUTE, 300_000, half_of_zones(deck)),
            Allowance(2, "whole minutes", _VOICE, _MINUTE, 240_000, (ANY_ZONE,), priority=1, draw=Draw.WHOLE_INCREMENTS),
            Allowance(3, "credit", _VOICE, QuantityUnit.MICRO, 500_000, (ANY_ZONE,), priority=2),
        ),
        "caps": (
            ChargeCap(1, "day", 1_500_000, CapWindow.DAY, _VOICE, (ANY_ZONE,)),
            ChargeCap(2, "month", 6_000_000, CapWindow.PERIOD, _VOICE, (ANY_ZONE,)),
        ),
        "discounts": (
            Discount(1, "loyal", 50_000, _VOICE, half_of_zones(deck)),
            Discount(2, "friends", 200_000, _VOICE, (ANY_ZONE,), friends_only=True),
            Discount(3, "first week", 100_000, _VOICE, (ANY_ZONE,), from_us=FROM_US, to_us=FROM_US + 7 * 86_400_000_000),
        ),
    }
    return _catalogue(deck, prices, PLANS, extras)


def half_of_zones(deck: Deck) -> tuple[str, ...]:
    """Names of the zones that the first allowance and the first discount serve."""
    return tuple(zone_name(zone) for zone in range(0, len(deck.zones), 2))


def zone_name(zone: int) -> str:
    """Name of a zone number of the deck."""
    return f"zone {zone}"


def rate_columns(catalogue: Catalogue) -> dict[str, NDArray[np.int64]]:
    """A row for each plan, zone and band, in that order: what the peers join by `(plan x zones + zone) x 3 + band`.

    Everything that a clever reader would work out once stands in the row: how many micro-units times 60,000 a step of rounding is, and
    what is added before the division so that it rounds.
    """
    rows = []
    for price in catalogue.prices:
        assert tuple(rate.band for rate in price.rates) == BANDS
        rows += [_rate_row(price, rate) for rate in price.rates]
    names = tuple(rows[0])
    return {name: np.array([row[name] for row in rows], np.int64) for name in names}


def _rate_row(price: Price, rate: Rate) -> dict[str, int]:
    one, two = rate.steps[0], rate.steps[-1]
    divisor = MINUTE_MS * price.rounding_step_micros
    added = {RoundingMode.HALF_UP: divisor // 2, RoundingMode.HALF_EVEN: divisor // 2, RoundingMode.UP: divisor - 1}
    return {
        "first_ms": rate.first_increment_qty,
        "increment_1": one.increment_qty,
        "increment_2": two.increment_qty,
        "step_at": two.from_qty or NO_STEP_MS,
        "rate_1": one.rate_micros,
        "rate_2": two.rate_micros,
        "connect": rate.connect_fee_micros * MINUTE_MS,
        "minimum": price.minimum_micros * MINUTE_MS,
        "divisor": divisor,
        "added": added[price.rounding_mode],
        "half_even": price.rounding_mode is RoundingMode.HALF_EVEN,
        "step_micros": price.rounding_step_micros,
        "split": price.band_policy is BandPolicy.SPLIT,
        "tiered": price.counting is Counting.GRADUATED,
    }


_NOTHING: dict[str, tuple[object, ...]] = {}


def _catalogue(deck: Deck, prices: list[Price], plans: int, extras: dict[str, tuple[object, ...]]) -> Catalogue:
    zones = tuple(Zone(zone + 1, zone_name(zone), tuple(prefixes)) for zone, prefixes in enumerate(deck.zones))
    rules = [UsageRule(Service.VOICE, zones[number % len(zones)].name, price.name) for number, price in enumerate(prices)]
    of_plan = [tuple(rules[low : low + len(zones)]) for low in range(0, len(rules), len(zones))]
    return Catalogue(
        IDENTITY, 1, "EUR", 2, "UTC", FROM_US, zones, (WEEK,), tuple(prices),
        tuple(Plan(plan_name(plan), tuple(of_plan[plan]), {}, **extras) for plan in range(plans)), (TaxClass("none", 1, ()),), {},
    )  # fmt: skip


def plan_name(plan: int) -> str:
    """Name of a plan number; numbers keep the order of names."""
    return f"plan {plan:02}"


def _prices(rng: random.Random, plans: int, zones: int) -> list[Price]:
    return [_price(rng, number) for number in range(plans * zones)]


def _price(rng: random.Random, number: int) -> Price:
    first, further = rng.choice(_INCREMENTS_MS)
    step_at = rng.choice((0, 60_000, 180_000))
    rates = tuple(_rate(rng, band, first, further, step_at) for band in BANDS)
    return Price(
        number + 1, f"price {number}", 1, 1, "none", _MINUTE, rates, WEEK.name,
        band_policy=rng.choice((BandPolicy.SPLIT, BandPolicy.START)),
        minimum_micros=rng.choice((0, 0, 0, 20_000)),
        rounding_mode=rng.choice(_MODES),
        rounding_step_micros=rng.choice((1, 100, 10_000)),
    )  # fmt: skip


def _rate(rng: random.Random, band: str, first: int, further: int, step_at: int) -> Rate:
    """A fifth of the rates count another increment than the price's other bands, and a quarter of the second steps than their first."""
    if rng.random() < 0.2:
        first, further = rng.choice(_INCREMENTS_MS)
    steps = [Step(0, rng.randrange(10_000, 900_000), MINUTE_MS, further)]
    if step_at:
        later = rng.choice((further, further, further, 1_000))
        steps.append(Step(step_at, rng.randrange(5_000, 600_000), MINUTE_MS, later))
    return Rate(band, tuple(steps), first, rng.choice((0, 0, 50_000)))


def _tiered(price: Price) -> Price:
    """Every tenth price in tiers of 10 minutes over the month; its increments do not change with the tier, so that SQL can say it too."""
    if price.price_id % 10:
        return price
    rates = tuple(Rate(rate.band, _tiers(rate.steps), rate.first_increment_qty, rate.connect_fee_micros) for rate in price.rates)
    return msgspec.structs.replace(price, rates=rates, counting=Counting.GRADUATED, counter_id=COUNTER_ID)


def _tiers(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    one = steps[0]
    return (one, Step(600_000, one.rate_micros // 2, MINUTE_MS, one.increment_qty))


def _split(price: Price) -> Price:
    return msgspec.structs.replace(price, band_policy=BandPolicy.SPLIT)
