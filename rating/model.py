"""The structs of a rule: what a checked catalogue says, in integers, before anything is compiled.

`tariffs` builds these from files; the reference twin interprets them; the compiler turns them into the kernel's tables.
Units: amounts in micro-units, voice in milliseconds, data in bytes, messages in messages, instants in microseconds UTC.
Structs are frozen and hold tuples only, so that a published version cannot change under a run.
"""

from __future__ import annotations

import datetime as dt
import enum

import msgspec

from rating.money import RoundingMode

ANY_ZONE = "*"  # a usage rule for every destination, and for usage without one
ANY_BAND = "any"  # the only band of a price without calendar
OTHER_BAND = "other"  # every instant of a calendar that no weekly band covers


class Service(enum.IntEnum):
    """What was used (Usage v1 `service`)."""

    VOICE = 1
    SMS = 2
    MMS = 3
    DATA = 4
    CONTENT = 5


class QuantityUnit(enum.IntEnum):
    """What a quantity of a price counts (Charge v1 `qty_unit`)."""

    MILLISECOND = 1  # usage arrives in microseconds and is rounded up once, by the increment
    MESSAGE = 2
    BYTE = 3


UNIT_OF_SERVICE = {
    Service.VOICE: QuantityUnit.MILLISECOND,
    Service.SMS: QuantityUnit.MESSAGE,
    Service.MMS: QuantityUnit.MESSAGE,
    Service.DATA: QuantityUnit.BYTE,
    Service.CONTENT: QuantityUnit.MESSAGE,
}


class BandPolicy(enum.StrEnum):
    """Which band prices a call that crosses a band boundary."""

    SPLIT = "split"  # every increment at the band of the instant in which it begins
    START = "start"  # the whole event at the band in which it begins; the only policy for messages and data


class Step(msgspec.Struct, frozen=True):
    """A rate from `from_qty` (counted from the start of the event) up to the next step.

    A started increment of `increment_qty` is charged whole at `rate_micros` per `per_qty`, and eats into what follows.
    """

    from_qty: int  # 0 in the first step, then strictly growing
    rate_micros: int  # >= 0
    per_qty: int  # > 0
    increment_qty: int  # > 0


class Rate(msgspec.Struct, frozen=True):
    """What a price charges in one band. The connect fee is that of the band in which the event begins."""

    band: str
    steps: tuple[Step, ...]
    first_increment_qty: int  # length of the very first increment of an event that begins in this band; > 0
    connect_fee_micros: int = 0


class Price(msgspec.Struct, frozen=True):
    """Everything that turns a chargeable quantity into one charge, rounded once."""

    price_id: int  # stable across versions, 1 .. 2**31-1
    name: str
    charge_code: int  # stable across versions, groups charges into invoice lines
    revenue_code: int
    tax_class: str
    unit: QuantityUnit
    rates: tuple[Rate, ...]  # one a band of the calendar and one for OTHER_BAND; a single ANY_BAND one without calendar
    calendar: str | None = None
    band_policy: BandPolicy = BandPolicy.SPLIT
    minimum_micros: int = 0  # of the whole charge, connect fee included
    maximum_micros: int | None = None
    rounding_mode: RoundingMode = RoundingMode.HALF_EVEN
    rounding_step_micros: int = 1
    charge_zero_usage: bool = False  # True: zero quantity still pays connect fee and minimum
    title: dict[str, str] = {}  # language -> what invoices call it; the name where there is none


class WeeklyBand(msgspec.Struct, frozen=True):
    """A span of wall-clock time on some days of the week, half open, in the catalogue's zone."""

    name: str
    days: tuple[int, ...]  # ISO: 1 Monday .. 7 Sunday, sorted
    start_s: int  # second of the wall-clock day, 0 .. 86399
    end_s: int  # exclusive, start_s+1 .. 86400; a band over midnight is two of these with one name


class Calendar(msgspec.Struct, frozen=True):
    """Weekly bands that do not overlap. An instant is in a band if and only if its wall-clock time is."""

    name: str
    bands: tuple[WeeklyBand, ...]


class Zone(msgspec.Struct, frozen=True):
    """A named set of E.164 prefixes of 1 to 15 digits; a prefix stands in one zone only."""

    zone_id: int  # 1 .. 65534
    name: str
    prefixes: tuple[str, ...]


class UsageRule(msgspec.Struct, frozen=True):
    """In a plan: usage of `service` to `zone` has this price. `price` None refuses it on purpose (NOT_SOLD)."""

    service: Service
    zone: str  # name of a zone, or ANY_ZONE
    price: str | None


class Allowance(msgspec.Struct, frozen=True):
    """Free quantity granted to each subscription for each bill period, drawn from the head of events in time order."""

    allowance_id: int
    name: str
    service: Service
    quantity: int  # in the unit of the service, granted for a whole period
    zones: tuple[str, ...]  # names of zones it serves; (ANY_ZONE,) for all
    prorate: bool = True  # a part period grants the exact day fraction, rounded down to the unit


class FeeTiming(enum.StrEnum):
    """When a recurring fee is charged."""

    ADVANCE = "advance"
    ARREARS = "arrears"


class RecurringFee(msgspec.Struct, frozen=True):
    """A fee for each bill period, prorated by exact day fractions when the period is cut."""

    price_id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    amount_micros: int
    timing: FeeTiming = FeeTiming.ARREARS
    prorate: bool = True
    title: dict[str, str] = {}


class LateUsage(enum.StrEnum):
    """What happens to usage that arrives after its period was billed."""

    ORIGIN_PERIOD = "origin_period"  # its period is computed again; the difference is a line naming that period
    WAIVE = "waive"


class Plan(msgspec.Struct, frozen=True):
    """What a subscription can have. Full name for subscriptions: `catalogue identity/plan name`."""

    name: str
    rules: tuple[UsageRule, ...]
    title: dict[str, str]  # language -> text for customers
    allowances: tuple[Allowance, ...] = ()
    recurring: tuple[RecurringFee, ...] = ()
    late_usage: LateUsage = LateUsage.ORIGIN_PERIOD


class TaxRate(msgspec.Struct, frozen=True):
    """A rate of tax in parts per million, from a date on."""

    effective_from: dt.date
    rate_ppm: int


class TaxClass(msgspec.Struct, frozen=True):
    """Prices are exclusive of tax. `code` is what charges carry (int16)."""

    name: str
    code: int
    rates: tuple[TaxRate, ...]  # sorted by date
    title: dict[str, str] = {}


class Catalogue(msgspec.Struct, frozen=True):
    """One version of a catalogue. It prices every event that starts at or after `effective_from_us`, until the next version does."""

    identity: str
    version: int
    currency: str  # ISO 4217
    minor_digits: int  # decimal places of the currency: 2 for CNY and EUR, 0 for JPY
    timezone: str  # IANA name
    effective_from_us: int
    zones: tuple[Zone, ...]
    calendars: tuple[Calendar, ...]
    prices: tuple[Price, ...]
    plans: tuple[Plan, ...]
    tax_classes: tuple[TaxClass, ...]
    disclosure: dict[str, str]  # language -> text shown with the tariff
    content_hash: bytes = b""  # SHA-256 of the canonical form, filled by tariffs
