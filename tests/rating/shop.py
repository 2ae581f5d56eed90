"""Small catalogues for the tests of twin and explanation: one price at a time, everything else as plain as can be."""

from __future__ import annotations

import datetime as dt
import re

from rating.model import (
    ANY_BAND,
    UNIT_OF_SERVICE,
    Allowance,
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
from rating.reference import Event, Outcome, Reference

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NOON = "2026-03-02T12:00:00+01:00"  # a Monday
MINUTE_MS = 60_000
MICROS = 1_000_000


def instant_us(text: str) -> int:
    """Microseconds UTC of ISO text."""
    return (dt.datetime.fromisoformat(text) - EPOCH) // dt.timedelta(microseconds=1)


def micros(text: str) -> int:
    """Micro-units of a decimal, counted in another way than the product does."""
    whole, _, places = text.partition(".")
    return int(whole) * MICROS + int(places.ljust(6, "0"))


def rate(text: str, *, band: str = ANY_BAND, connect: str = "0") -> Rate:
    """A rate of its short text: "60/1 at 0.085/60s", steps parted by ", from 600s 1 at 0.05/60s"; data in B, messages in m."""
    first, *further = text.split(", from ")
    steps, first_increment = [], 0
    for begin, words in [("0s", first), *(part.split(" ", 1) for part in further)]:
        found = re.fullmatch(r"(?:(\d+)/)?(\d+) at ([\d.]+)/(\d+)([sBm])", words)
        assert found is not None, words
        factor = 1000 if found[5] == "s" else 1
        first_increment = first_increment or int(found[1]) * factor
        steps.append(Step(int(begin.rstrip("sBm")) * factor, micros(found[3]), int(found[4]) * factor, int(found[2]) * factor))
    return Rate(band, tuple(steps), first_increment, micros(connect))


def price(*rates: Rate, **terms: object) -> Price:
    """A price named `price` of these rates."""
    given = {"price_id": 7, "name": "price", "charge_code": 1, "revenue_code": 1, "tax_class": "standard", "unit": QuantityUnit.MILLISECOND}
    return Price(rates=rates, **{**given, **terms})  # type: ignore[arg-type]  # terms are checked by the model's users


def catalogue(the_price: Price, **terms: object) -> Catalogue:
    """A catalogue `shop` whose plan `plan` sells `service` to zone `home` (prefix 49) at `the_price`."""
    service = next(kind for kind, unit in UNIT_OF_SERVICE.items() if unit is the_price.unit)
    given: dict[str, object] = {
        "identity": "shop",
        "version": 1,
        "currency": "EUR",
        "minor_digits": 2,
        "timezone": "Europe/Berlin",
        "effective_from_us": instant_us("2026-01-01T00:00:00+01:00"),
        "zones": (Zone(1, "home", ("49",)),),
        "calendars": (),
        "prices": (the_price,),
        "plans": (Plan("plan", (UsageRule(service, "home", "price"), UsageRule(service, "*", "price")), {"en": "Plan"}),),
        "tax_classes": (TaxClass("standard", 1, ()),),
        "disclosure": {},
    }
    return Catalogue(**{**given, **terms})  # type: ignore[arg-type]  # terms are checked by the model's users


def minutes_plan(quantity_ms: int, zones: tuple[str, ...] = ("home",)) -> Plan:
    """A plan with a voice allowance."""
    rules = (UsageRule(Service.VOICE, "home", "price"), UsageRule(Service.VOICE, "*", "price"))
    return Plan("plan", rules, {"en": "Plan"}, (Allowance(1, "minutes", Service.VOICE, quantity_ms, zones),))


def calendar(*bands: tuple[str, str, str, str]) -> Calendar:
    """Bands of (name, ISO days, "08:00", "20:00")."""
    return Calendar(
        "week", tuple(WeeklyBand(name, tuple(map(int, days)), _second(start), _second(end)) for name, days, start, end in bands)
    )


def call(seconds: str, at: str = NOON, to: str | None = "4930123456", service: Service = Service.VOICE) -> Event:
    """A call of "60.0004" seconds."""
    return Event(bytes(16), instant_us(at), micros(seconds), service, "shop/plan", to)


def use(quantity: int, service: Service, at: str = NOON, to: str | None = "4930123456") -> Event:
    """Messages or bytes."""
    return Event(bytes(16), instant_us(at), quantity, service, "shop/plan", to)


def rated(the_price: Price, event: Event, left: int = 0, **terms: object) -> Outcome:
    """The twin's outcome of one event."""
    return Reference([catalogue(the_price, **terms)]).rate(event, left)


def _second(time: str) -> int:
    hour, minute = time.split(":")
    return int(hour) * 3600 + int(minute) * 60
