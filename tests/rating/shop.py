"""Small catalogues for the tests of twin and explanation: one price at a time, everything else as plain as can be."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from rating.model import (
    ANY_BAND,
    ANY_ZONE,
    UNIT_OF_SERVICE,
    Allowance,
    Band,
    BucketKind,
    Calendar,
    Catalogue,
    DayPass,
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
from rating.outcome import Bucket, Event, Outcome
from tests.rating.both import Both

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

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
    """A catalogue `shop` whose plan `plan` sells usage to zone `home` (prefix 49) and to everywhere at `the_price`."""
    services = [service for service, unit in UNIT_OF_SERVICE.items() if unit is the_price.unit]
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
        "plans": (plan(*(rule(zone, service=service) for service in services for zone in ("home", ANY_ZONE))),),
        "tax_classes": (TaxClass("standard", 1, ()),),
        "disclosure": {},
    }
    return Catalogue(**{**given, **terms})  # type: ignore[arg-type]  # terms are checked by the model's users


def rule(zone: str = ANY_ZONE, of: str | None = "price", service: Service = Service.VOICE, **conditions: object) -> UsageRule:
    """A rule: usage to `zone` at price `of`, under conditions."""
    return UsageRule(service, zone, of, **conditions)  # type: ignore[arg-type]  # conditions are checked by the model's users


def plan(*rules: UsageRule, **terms: object) -> Plan:
    """The plan `plan` of these rules; without any, voice to everywhere at `price`."""
    given: dict[str, object] = {"name": "plan", "rules": rules or (rule(),), "title": {"en": "Plan"}}
    return Plan(**{**given, **terms})  # type: ignore[arg-type]  # terms are checked by the model's users


def minutes(allowance_id: int = 1, quantity_ms: int = 600_000, **terms: object) -> Allowance:
    """A voice allowance for everywhere, named `minutes`."""
    given: dict[str, object] = {
        "allowance_id": allowance_id,
        "name": "minutes",
        "services": (Service.VOICE,),
        "unit": QuantityUnit.MILLISECOND,
        "quantity": quantity_ms,
        "zones": (ANY_ZONE,),
    }
    return Allowance(**{**given, **terms})  # type: ignore[arg-type]  # terms are checked by the model's users


def minutes_plan(quantity_ms: int, zones: tuple[str, ...] = ("home",)) -> Plan:
    """A plan with a voice allowance."""
    return plan(rule("home"), rule(), allowances=(minutes(1, quantity_ms, zones=zones),))


def bucket(kind: BucketKind, definition_id: int, amount: int, mark: int = 0, **terms: object) -> Bucket:
    """A bucket of catalogue `shop`."""
    return Bucket(kind, "shop", definition_id, amount, mark, **terms)  # type: ignore[arg-type]  # terms are checked by the model's users


def left(amount: int, allowance_id: int = 1, **terms: object) -> Bucket:
    """What is left of an allowance: milliseconds, bytes, messages or micro-units."""
    return Bucket(BucketKind.ALLOWANCE, "shop", allowance_id, amount, **terms)  # type: ignore[arg-type]  # terms are checked by the model's users


def day_pass(**terms: object) -> DayPass:
    """A voice pass of 2.00 a day for everywhere, without limit."""
    given: dict[str, object] = {
        "pass_id": 5,
        "name": "day",
        "fee_micros": 2 * MICROS,
        "services": (Service.VOICE,),
        "zones": (ANY_ZONE,),
        "unit": QuantityUnit.MILLISECOND,
    }
    return DayPass(**{**given, **terms})  # type: ignore[arg-type]  # terms are checked by the model's users


def closed_pass(pass_id: int = 5, **terms: object) -> Bucket:
    """The bucket of a pass that was never opened."""
    return Bucket(BucketKind.DAY_PASS, "shop", pass_id, 0, **terms)  # type: ignore[arg-type]  # terms are checked by the model's users


def calendar(*bands: tuple[str, str, str, str]) -> Calendar:
    """Weekly bands of (name, ISO days, "08:00", "20:00")."""
    return Calendar("week", tuple(Band(name, tuple(map(int, days)), second(start), second(end)) for name, days, start, end in bands))


def call(seconds: str, at: str = NOON, to: str | None = "4930123456", service: Service = Service.VOICE, **known: object) -> Event:
    """A call of "60.0004" seconds."""
    return use(micros(seconds), service, at, to, **known)


def use(quantity: int, service: Service, /, at: str = NOON, to: str | None = "4930123456", **known: object) -> Event:
    """Usage in input units: messages, bytes or microseconds."""
    given: dict[str, object] = {
        "event_key": bytes(16),
        "start_us": instant_us(at),
        "quantity": quantity,
        "service": service,
        "plan": "shop/plan",
        "destination": to,
    }
    return Event(**{**given, **known})  # type: ignore[arg-type]  # known is checked by the model's users


def rated(the_price: Price, event: Event, held: int | Sequence[Bucket] = (), **terms: object) -> Outcome:
    """The twin's outcome of one event, which the kernel shares. `held`: the holder's buckets, or what is left of allowance 1."""
    buckets = (left(held),) if isinstance(held, int) else held
    return Both([catalogue(the_price, **terms)]).rate(event, buckets)


def in_order(twin: Both, events: Sequence[Event], buckets: Sequence[Bucket]) -> tuple[list[Outcome], tuple[Bucket, ...]]:
    """Outcomes of the events of one holder, and its buckets after the last one."""
    named: dict[Hashable, Bucket] = dict(enumerate(buckets))
    ordered = twin.rate_in_order(events, ["holder"] * len(events), {"holder": list(named)}, named)
    return ordered.outcomes, tuple(ordered.buckets.values())


def second(time: str) -> int:
    """Second of the day of "20:00"; "24:00" is its end."""
    hour, minute = time.split(":")
    return int(hour) * 3600 + int(minute) * 60
