"""Usage as the product rates it: twin and kernel together, one subscriber, events in their order.

A unit of a case is so many messages, milliseconds or bytes of ours that parts of it are whole: the first of these of which one event may
have enough. The content of a case is a message with the content provider's amount. Nothing is rounded but to the micro-unit.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges import volume
from rating.model import (
    ANY_ZONE,
    UNIT_OF_SERVICE,
    Allowance,
    BucketKind,
    CapWindow,
    ChargeCap,
    Counting,
    QuantityUnit,
    Service,
    Step,
    VolumeStep,
)
from rating.model import Rate as ModelRate
from rating.money import MICROS_PER_UNIT
from tariffs.compiling.bounds import QUANTITY_MAX
from tests.rating import shop
from tests.rating.both import Both
from tests.vectors.billing.form import ListedError, micros, ppm, units, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Price
    from rating.outcome import Bucket, Event, Outcome

COUNTER: Final = 3
ALLOWANCE: Final = 1
CAP: Final = 9
US_PER_MS: Final = 1000  # voice events are in microseconds, its prices in milliseconds
_NOON: Final = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


class Range(NamedTuple):
    """From more than `over` units on (0 and on for the first range): `flat` once it is reached, and `rate` a unit in it."""

    over: Fraction
    flat: Fraction
    rate: Fraction


class Meter(NamedTuple):
    """How a case's quantities are said in ours: `scale` of `unit` are one unit of the case."""

    scale: int
    unit: QuantityUnit

    @property
    def service(self) -> Service:
        """A service that is counted so."""
        return next(service for service in (Service.SMS, Service.VOICE, Service.DATA) if UNIT_OF_SERVICE[service] is self.unit)


def meter_of(*quantities: Fraction) -> Meter:
    """One by which all these quantities are whole, and none too much for one event."""
    scale = int(np.lcm.reduce([each.denominator for each in quantities]))
    most = max(quantities) * scale
    for unit, parts in ((QuantityUnit.MESSAGE, 1), (QuantityUnit.MILLISECOND, US_PER_MS), (QuantityUnit.BYTE, 1)):
        if most * parts <= QUANTITY_MAX[unit]:
            return Meter(scale, unit)
    message = f"{float(max(quantities))} units are more than one event may have"
    raise ValueError(message)


def require_not_below_zero(*values: Fraction) -> None:
    """Prices and quantities of ours are never below zero."""
    if any(each < 0 for each in values):
        raise ListedError("a price or a quantity below zero: ours are not")


def rate_per(amount: Fraction, quantity: int) -> tuple[int, int]:
    """`amount` for `quantity` as whole micro-units for a whole quantity."""
    require_not_below_zero(amount)
    exact_micros = amount * MICROS_PER_UNIT
    return exact_micros.numerator, quantity * exact_micros.denominator


def steps_price(ranges: Sequence[Range], meter: Meter, *, increments: Sequence[int] = (), counting: Counting = Counting.EVENT) -> Price:
    """A price by steps, without flat fees. `increments` in units: how much is begun at once in each range; a part of a unit otherwise."""
    scale = meter.scale
    lengths = [each * scale for each in increments] or [1] * len(ranges)
    steps = tuple(Step(whole(each.over * scale), *rate_per(each.rate, scale), length) for each, length in zip(ranges, lengths, strict=True))
    counter = {"counter_id": COUNTER} if counting is not Counting.EVENT else {}
    return shop.price(ModelRate("any", steps, lengths[0]), unit=meter.unit, counting=counting, **counter)


def fixed_price(amount: Fraction, meter: Meter) -> Price:
    """So much for each use, however long."""
    return shop.price(ModelRate("any", (Step(0, 0, 1, 1),), 1, micros(amount)), unit=meter.unit)


def use(place: int, quantity: Fraction, meter: Meter) -> Event:
    """The use of so many units; `place` orders uses."""
    require_not_below_zero(quantity)
    parts = US_PER_MS if meter.unit is QuantityUnit.MILLISECOND else 1
    return shop.use(whole(quantity * meter.scale) * parts, meter.service, (_NOON + dt.timedelta(minutes=place)).isoformat())


def content(place: int, amount: Fraction) -> Event:
    """A purchase of content at the provider's amount."""
    at = (_NOON + dt.timedelta(minutes=place)).isoformat()
    return shop.use(1, Service.CONTENT, at, content_micros=micros(amount))


def content_price(percent: Fraction, fixed: Fraction, least: Fraction = Fraction(0), most: Fraction | None = None) -> Price:
    """A share of what the content costs and a fixed amount, between a least and a most."""
    require_not_below_zero(percent, fixed, least)
    terms = {"minimum_micros": micros(least), "maximum_micros": None if most is None else micros(most)}
    rate = ModelRate("any", (Step(0, 0, 1, 1),), 1, micros(fixed))
    return shop.price(rate, unit=QuantityUnit.MESSAGE, content_ppm=ppm(percent), **terms)


def package_price(size: Fraction, amount: Fraction, meter: Meter) -> Price:
    """So much for each package, which the uses of a period share."""
    packages = [Range(Fraction(0), Fraction(0), amount / size)]
    return steps_price(packages, meter, increments=[whole(size)], counting=Counting.PACKAGE)


def rated(price: Price, events: Sequence[Event], *, cap: Fraction | None = None, free_events: int = 0) -> list[Outcome]:
    """Both engines' outcome of each event. `cap`: most of all charges of the period; `free_events`: an allowance of so many messages."""
    require_not_below_zero(Fraction(free_events), cap or Fraction(0))
    caps: tuple[ChargeCap, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    held: list[Bucket] = [shop.bucket(BucketKind.COUNTER, COUNTER, 0)] if price.counter_id else []
    if cap is not None:
        caps = (ChargeCap(CAP, "most", micros(cap), CapWindow.PERIOD, tuple(Service), (ANY_ZONE,)),)
        held.append(shop.bucket(BucketKind.CAP, CAP, 0))
    if free_events:
        allowances = (Allowance(ALLOWANCE, "free", (Service.CONTENT,), QuantityUnit.MESSAGE, free_events, (ANY_ZONE,)),)
        held.append(shop.left(free_events, ALLOWANCE))
    plan = shop.plan(*(shop.rule(service=each) for each in {Service(event.service) for event in events}), caps=caps, allowances=allowances)
    outcomes, _ = shop.in_order(Both([shop.catalogue(price, plans=(plan,))]), events, held)
    return outcomes


def charge(outcomes: Sequence[Outcome]) -> Fraction:
    """What events are charged together, in units."""
    return units(sum(each.charge_micros for each in outcomes))


def volume_price(steps: Sequence[VolumeStep], quantity: int) -> Fraction:
    """The price of a period's whole quantity, to the micro-unit."""
    return units(int(volume.prices(steps, np.array([quantity], np.int64), np.ones(1, np.int64)).exact_micros[0]))


def volume_steps(ranges: Sequence[Range], scale: int) -> list[VolumeStep]:
    """Tiers of which the one reached prices everything."""
    return [VolumeStep(_from(each, place, scale), *rate_per(each.rate, scale), micros(each.flat)) for place, each in enumerate(ranges)]


def graduated_steps(ranges: Sequence[Range], scale: int) -> list[VolumeStep]:
    """The same price as ranges of which each prices what lies in it, with a flat fee for each that is reached.

    Up to the next range such a price is a straight line, which is what a tier is: its own rate for everything, and as its flat amount what
    the ranges before it cost more than that. Refuses a line that begins below zero, which no tier may.
    """
    steps = []
    before = Fraction(0)
    for place, each in enumerate(ranges):
        flat = before + each.flat - each.over * each.rate
        if flat < 0:
            message = "fees for ranges whose rates rise: our tiers have no amount below zero, and our steps no fees"
            raise ListedError(message)
        steps.append(VolumeStep(_from(each, place, scale), *rate_per(each.rate, scale), micros(flat)))
        if place + 1 < len(ranges):
            before += each.flat + (ranges[place + 1].over - each.over) * each.rate
    return steps


def _from(each: Range, place: int, scale: int) -> int:
    """The first quantity that is in a range: a part of a unit beyond the last one of the range before."""
    return whole(each.over * scale) + 1 if place else 0
