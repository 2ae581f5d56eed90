"""The words of a tariff file: one frozen struct for each kind of entry, as docs/tariffs.md describes them.

A field marked with `Text` is written as text and held as what the text means. Names a field cannot have in Python (`from`) are
renamed. Unknown fields are refused. These structs say only what stands in the files; `tariffs.build` makes the model of them.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import msgspec

from rating.model import BandPolicy, FeeTiming, LateUsage, Service
from rating.money import RoundingMode
from tariffs import texts
from tariffs.texts import Increments, Quantity, Text

UNREAD: Final = Quantity(1, None)  # stands in for a quantity that could not be read: fits every unit
UNREAD_INSTANT: Final = 3_155_673_600_000_000  # stands in for an instant: the last day that is rated, so that no date is too late for it
UNREAD_TIME: Final = -1  # stands in for a time of day: a band that has one covers nothing
SERVICES: Final = {service.name.lower(): service for service in Service}

Amount = Annotated[int, Text(texts.amount, 0)]
Measure = Annotated[Quantity, Text(texts.quantity, UNREAD)]
Pair = Annotated[Increments, Text(texts.increments, Increments(UNREAD, UNREAD))]
ServiceName = Annotated[Service, Text(texts.choice(SERVICES, "a service"), Service.VOICE)]
Mode = Annotated[RoundingMode, Text(texts.choice({m.value: m for m in RoundingMode}, "a rounding mode"), RoundingMode.HALF_EVEN)]
Policy = Annotated[BandPolicy, Text(texts.choice({p.value: p for p in BandPolicy}, "a band policy"), BandPolicy.START)]
Timing = Annotated[FeeTiming, Text(texts.choice({t.value: t for t in FeeTiming}, "a timing"), FeeTiming.ARREARS)]
Late = Annotated[LateUsage, Text(texts.choice({u.value: u for u in LateUsage}, "a way to treat late usage"), LateUsage.ORIGIN_PERIOD)]
Prefix = Annotated[str, Text(texts.prefix, "")]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every entry has in common."""


class TaxRateEntry(_Entry, frozen=True, kw_only=True):
    """A percentage from a date on."""

    from_: Annotated[dt.date, Text(texts.date, dt.date(2000, 1, 1))] = msgspec.field(name="from")
    percent: Annotated[int, Text(texts.percent, 0)]


class TaxClassEntry(_Entry, frozen=True, kw_only=True):
    """A tax class with its dated percentages."""

    name: str
    code: int
    rates: tuple[TaxRateEntry, ...]
    title: dict[str, str] = {}


class BandEntry(_Entry, frozen=True, kw_only=True):
    """A weekly band; one whose end is before its start runs over midnight."""

    name: str
    days: Annotated[tuple[int, ...], Text(texts.days, ())]
    from_: Annotated[int, Text(texts.band_start, UNREAD_TIME)] = msgspec.field(name="from")
    to: Annotated[int, Text(texts.band_end, UNREAD_TIME)]


class CalendarEntry(_Entry, frozen=True, kw_only=True):
    """Weekly bands under one name."""

    name: str
    bands: tuple[BandEntry, ...]


class ZoneEntry(_Entry, frozen=True, kw_only=True):
    """Prefixes, inline or from a CSV file with a column `prefix`, or both."""

    id: int
    name: str
    prefixes: tuple[Prefix, ...] = ()
    prefixes_file: str | None = None


class StepEntry(_Entry, frozen=True, kw_only=True):
    """A rate from a quantity on. `increment` defaults to the further increment of the rate."""

    from_: Measure = msgspec.field(name="from", default=Quantity(0, None))
    rate: Amount
    per: Measure
    increment: Measure | None = None


class RateEntry(_Entry, frozen=True, kw_only=True):
    """What one band costs: `rate` and `per`, or `steps`. Increments as `increments: 60/1` or as two fields."""

    band: str
    rate: Amount | None = None
    per: Measure | None = None
    steps: tuple[StepEntry, ...] = ()
    increments: Pair | None = None
    first_increment: Measure | None = None
    increment: Measure | None = None
    connect_fee: Amount = 0


class RoundingEntry(_Entry, frozen=True, kw_only=True):
    """How the one rounding of a charge is done."""

    mode: Mode
    step: Amount = 1


class _Pricing(_Entry, frozen=True, kw_only=True):
    """What prices and decks share."""

    charge_code: int
    revenue_code: int
    tax_class: str
    title: dict[str, str] = {}  # what invoices call it, by language
    minimum: Amount = 0
    maximum: Amount | None = None
    rounding: RoundingEntry | None = None
    charge_zero_usage: bool = False
    per: Measure | None = None
    increments: Pair | None = None
    first_increment: Measure | None = None
    increment: Measure | None = None
    connect_fee: Amount = 0


class PriceEntry(_Pricing, frozen=True, kw_only=True):
    """A price: `rates` by band, or the fields of a single rate right here."""

    id: int
    name: str
    calendar: str | None = None
    band_policy: Policy | None = None  # default: split for voice, start for everything else
    rates: tuple[RateEntry, ...] = ()
    rate: Amount | None = None
    steps: tuple[StepEntry, ...] = ()


class DeckEntry(_Pricing, frozen=True, kw_only=True):
    """A rate deck: each row of a CSV file becomes a zone and its price, under the terms given here.

    Columns `zone_id,zone,prefixes,rate`, and where wanted `increments` and `connect_fee`; prefixes are parted by spaces.
    The id of a row's price is `price_ids_from` + zone_id, so that it stays the same whatever the order of the rows.
    """

    name: str
    file: str
    service: ServiceName
    price_ids_from: int


class RuleEntry(_Entry, frozen=True, kw_only=True):
    """Usage of a service to a zone has a price; `price: null` refuses it on purpose."""

    service: ServiceName
    zone: str
    price: str | None


class AllowanceEntry(_Entry, frozen=True, kw_only=True):
    """Free quantity in each bill period."""

    id: int
    name: str
    service: ServiceName
    quantity: Measure
    zones: tuple[str, ...] = ("*",)
    prorate: bool = True


class RecurringEntry(_Entry, frozen=True, kw_only=True):
    """A fee in each bill period."""

    id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    amount: Amount
    title: dict[str, str] = {}
    timing: Timing = FeeTiming.ARREARS
    prorate: bool = True


class PlanEntry(_Entry, frozen=True, kw_only=True):
    """A plan: its rules (written out and from decks), allowances and fees."""

    name: str
    title: dict[str, str]
    rules: tuple[RuleEntry, ...] = ()
    decks: tuple[str, ...] = ()
    allowances: tuple[AllowanceEntry, ...] = ()
    recurring: tuple[RecurringEntry, ...] = ()
    late_usage: Late = LateUsage.ORIGIN_PERIOD


class Document(_Entry, frozen=True, kw_only=True):
    """A whole catalogue, from one file or from the files of a folder together."""

    identity: str
    version: int
    currency: str
    minor_digits: int | None = None  # default: that of the currency
    timezone: str
    effective_from: Annotated[int, Text(texts.instant, UNREAD_INSTANT)]
    tax_classes: tuple[TaxClassEntry, ...]
    calendars: tuple[CalendarEntry, ...] = ()
    zones: tuple[ZoneEntry, ...] = ()
    prices: tuple[PriceEntry, ...] = ()
    decks: tuple[DeckEntry, ...] = ()
    plans: tuple[PlanEntry, ...]
    disclosure: dict[str, str]
