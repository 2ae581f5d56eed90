"""Usage as the product rates it: twin and kernel together, one subscriber, events in their order.

Quantities of a case are data in bytes of ours, `scale` bytes a unit, so that parts of a unit are whole; the content of a case is a message
with the content provider's amount. Nothing is rounded but to the micro-unit.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges import volume
from rating.model import (
    ANY_ZONE,
    PPM,
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
from tests.rating import shop
from tests.rating.both import Both
from tests.vectors.billing.form import ListedError, micros, units, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Price
    from rating.outcome import Bucket, Event, Outcome

COUNTER: Final = 3
ALLOWANCE: Final = 1
CAP: Final = 9
_NOON: Final = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


class Range(NamedTuple):
    """From more than `over` units on (0 and on for the first range): `flat` once it is reached, and `rate` a unit in it."""

    over: Fraction
    flat: Fraction
    rate: Fraction


def scale_of(*quantities: Fraction) -> int:
    """Into how many parts a unit is divided so that all these quantities are whole."""
    return int(np.lcm.reduce([each.denominator for each in quantities]))


def rate_per(amount: Fraction, quantity: int) -> tuple[int, int]:
    """`amount` for `quantity` as whole micro-units for a whole quantity."""
    exact_micros = amount * MICROS_PER_UNIT
    return exact_micros.numerator, quantity * exact_micros.denominator


def steps_price(ranges: Sequence[Range], scale: int, *, increments: Sequence[int] = (), counting: Counting = Counting.EVENT) -> Price:
    """A price by steps, without flat fees. `increments` in units: how much is begun at once in each range; a part of a unit otherwise."""
    lengths = [each * scale for each in increments] or [1] * len(ranges)
    steps = tuple(
        Step(whole(each.over * scale), *rate_per(each.rate, scale), length) for each, length in zip(ranges, lengths, strict=True)
    )
    counter = {"counter_id": COUNTER} if counting is not Counting.EVENT else {}
    return shop.price(ModelRate("any", steps, lengths[0]), unit=QuantityUnit.BYTE, counting=counting, **counter)


def fixed_price(amount: Fraction) -> Price:
    """So much for each use, however long."""
    return shop.price(ModelRate("any", (Step(0, 0, 1, 1),), 1, micros(amount)), unit=QuantityUnit.BYTE)


def use(place: int, quantity: Fraction, scale: int) -> Event:
    """The use of so many units; `place` orders uses."""
    return shop.use(whole(quantity * scale), Service.DATA, (_NOON + dt.timedelta(minutes=place)).isoformat())


def content(place: int, amount: Fraction) -> Event:
    """A purchase of content at the provider's amount."""
    at = (_NOON + dt.timedelta(minutes=place)).isoformat()
    return shop.use(1, Service.CONTENT, at, content_micros=micros(amount))


def content_price(percent: Fraction, fixed: Fraction, least: Fraction = Fraction(0), most: Fraction | None = None) -> Price:
    """A share of what the content costs and a fixed amount, between a least and a most."""
    terms = {"minimum_micros": micros(least), "maximum_micros": None if most is None else micros(most)}
    ppm = whole(percent * PPM / 100)
    return shop.price(ModelRate("any", (Step(0, 0, 1, 1),), 1, micros(fixed)), unit=QuantityUnit.MESSAGE, content_ppm=ppm, **terms)


def rated(price: Price, events: Sequence[Event], *, cap: Fraction | None = None, free_events: int = 0) -> list[Outcome]:
    """Both engines' outcome of each event. `cap`: most of all charges of the period; `free_events`: an allowance of so many messages."""
    caps: tuple[ChargeCap, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    held: list[Bucket] = [shop.bucket(BucketKind.COUNTER, COUNTER, 0)] if price.counter_id else []
    if cap is not None:
        caps = (ChargeCap(CAP, "most", micros(cap), CapWindow.PERIOD, tuple(Service), (ANY_ZONE,)),)
        held.append(shop.bucket(BucketKind.CAP, CAP, 0))
    if free_events:
        allowances = (Allowance(ALLOWANCE, "free", (Service.CONTENT,), QuantityUnit.MESSAGE, free_events, (ANY_ZONE,)),)
        held.append(shop.left(free_events, ALLOWANCE))
    services = [Service.DATA] if price.unit is QuantityUnit.BYTE else [Service.CONTENT]
    plan = shop.plan(*(shop.rule(service=service) for service in services), caps=caps, allowances=allowances)
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
