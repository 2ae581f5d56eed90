"""The structs of a rule: what a checked catalogue says, in integers, before anything is compiled.

`tariffs` builds these from files; the reference twin interprets them; the compiler turns them into the kernel's tables.
Units: amounts in micro-units, voice in milliseconds, data in bytes, messages in messages, instants in microseconds UTC.
Structs are frozen and hold tuples only, so that a published version cannot change under a run. The canonical form
leaves out a field that has its default value: a new word changes the hash of no tariff that does not use it. So a new field has a default,
comes after the others, and is never given another default.
"""

from __future__ import annotations

import datetime as dt
import enum

import msgspec

from rating.fees import (
    BillThreshold,
    Commitment,
    CommitmentCounts,
    FeeOccasion,
    FeeTiming,
    InvoiceDiscount,
    OneOffFee,
    RecurringFee,
    ServiceTerms,
    TaxShare,
    VolumeScope,
    VolumeStep,
    VolumeTier,
    WhilePaused,
)
from rating.money import RoundingMode

__all__ = [
    "ANY_BAND",
    "ANY_ZONE",
    "HOME_NETWORK",
    "OTHER_BAND",
    "PPM",
    "PPM_PER_PERCENT",
    "UNIT_OF_SERVICE",
    "AddOn",
    "Allowance",
    "AtPlanChange",
    "Band",
    "BandPolicy",
    "BillThreshold",
    "BucketKind",
    "Calendar",
    "CapWindow",
    "Catalogue",
    "ChargeCap",
    "Commitment",
    "CommitmentCounts",
    "Counting",
    "DayPass",
    "DaySwap",
    "Discount",
    "Draw",
    "FeeOccasion",
    "FeeTiming",
    "InvoiceDiscount",
    "LateUsage",
    "LimitAction",
    "OneOffFee",
    "Plan",
    "Price",
    "QuantityUnit",
    "Rate",
    "RecurringFee",
    "RoamingZone",
    "Service",
    "ServiceTerms",
    "SpendLimit",
    "Step",
    "TaxClass",
    "TaxRate",
    "TaxShare",
    "UsageRule",
    "VolumeScope",
    "VolumeStep",
    "VolumeTier",
    "WallClock",
    "WhilePaused",
    "Zone",
]

ANY_ZONE = "*"  # a usage rule for every destination, and for usage without one
ANY_BAND = "any"  # the only band of a price without calendar
OTHER_BAND = "other"  # every instant of a calendar that no band covers
HOME_NETWORK = "home"  # roaming condition of a rule: not roaming
PPM = 1_000_000  # parts per million in the whole
PPM_PER_PERCENT = PPM // 100


class Service(enum.IntEnum):
    """The kind of usage (Usage v1 `service`)."""

    VOICE = 1
    SMS = 2
    MMS = 3
    DATA = 4
    CONTENT = 5


class QuantityUnit(enum.IntEnum):
    """The unit that a quantity of a price counts (Charge v1 `qty_unit`)."""

    MILLISECOND = 1  # usage arrives in microseconds and is rounded up once, by the increment
    MESSAGE = 2
    BYTE = 3
    MICRO = 4  # micro-units of money: only what an allowance grants, never what a price counts


UNIT_OF_SERVICE = {
    Service.VOICE: QuantityUnit.MILLISECOND,
    Service.SMS: QuantityUnit.MESSAGE,
    Service.MMS: QuantityUnit.MESSAGE,
    Service.DATA: QuantityUnit.BYTE,
    Service.CONTENT: QuantityUnit.MESSAGE,
}


class BandPolicy(enum.StrEnum):
    """The choice of the band that prices a call which crosses a band boundary."""

    SPLIT = "split"  # every increment at the band of the instant in which it begins
    START = "start"  # the whole event at the band in which it begins; the only policy for messages and data


class WallClock(enum.StrEnum):
    """The wall clock that decides the band and the local day."""

    TARIFF = "tariff"  # the catalogue's time zone
    HOME = "home"  # the subscriber's, given with the event; the tariff's where it is not known
    VISITED = "visited"  # that of the roaming zone in which the event took place; the tariff's where there is none


class Counting(enum.StrEnum):
    """The point from which the steps and increments of a price are counted."""

    EVENT = "event"  # from the start of the event
    GRADUATED = "graduated"  # steps from the start of the period, over all events of the counter; increments from the start of the event
    PACKAGE = "package"  # both from the start of the period: an increment (a package) begun by one event serves the next ones too


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rate from `from_qty` (counted as the price's `Counting` says) up to the next step.

    A started increment of `increment_qty` is charged whole at `rate_micros` per `per_qty`, and eats into what follows.
    """

    from_qty: int  # 0 in the first step, then strictly growing
    rate_micros: int  # >= 0
    per_qty: int  # > 0
    increment_qty: int  # > 0


class Rate(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rate of a price in one band. The connect fee is that of the band in which the event begins."""

    band: str
    steps: tuple[Step, ...]
    first_increment_qty: int  # length of the very first increment of an event that begins in this band; > 0
    connect_fee_micros: int = 0


class Price(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that turns a chargeable quantity into one charge, rounded once.

    A price is *active* in the bands it has a rate for. An event that begins in any other band is not priced by it (the next rule that
    holds is asked); one that runs on into such a band keeps the rate of the last band that had one.
    """

    price_id: int  # stable across versions, 1 .. 2**31-1
    name: str
    charge_code: int  # stable across versions, groups charges into invoice lines
    revenue_code: int
    tax_class: str
    unit: QuantityUnit
    rates: tuple[Rate, ...]  # at most one a band of the calendar and one for OTHER_BAND; a single ANY_BAND one without calendar
    calendar: str | None = None
    clock: WallClock = WallClock.TARIFF  # of the calendar
    band_policy: BandPolicy = BandPolicy.SPLIT
    counting: Counting = Counting.EVENT
    counter_id: int = 0  # GRADUATED and PACKAGE: prices of one counter id count together; > 0, stable across versions
    minimum_qty: int = 0  # usage above zero is charged as if it were at least this
    content_ppm: int = 0  # share of the event's content amount that is charged, 0 .. PPM
    minimum_micros: int = 0  # of the whole charge, connect fee and content share included
    maximum_micros: int | None = None
    rounding_mode: RoundingMode = RoundingMode.HALF_EVEN
    rounding_step_micros: int = 1
    charge_zero_usage: bool = False  # True: zero quantity still pays connect fee and minimum
    title: dict[str, str] = {}  # language -> what invoices call it; the name where there is none


class Band(msgspec.Struct, frozen=True, omit_defaults=True):
    """A span of wall-clock time, half open, on the days that meet every criterion given; an empty criterion is met by all days.

    Where several bands cover an instant the heaviest wins, then the one with the latest `start_s`, then the first in the calendar.
    """

    name: str
    days: tuple[int, ...]  # ISO: 1 Monday .. 7 Sunday, sorted; empty: every day of the week
    start_s: int  # second of the wall-clock day, 0 .. 86399
    end_s: int  # exclusive, start_s+1 .. 86400; a band over midnight is two of these with one name
    weight: int = 0
    years: tuple[int, ...] = ()
    months: tuple[int, ...] = ()  # 1 .. 12
    month_days: tuple[int, ...] = ()  # 1 .. 31
    dates: tuple[dt.date, ...] = ()
    holidays: bool = False  # True: only on the calendar's holidays


class DaySwap(msgspec.Struct, frozen=True, omit_defaults=True):
    """A date that counts as another day of the week: a Saturday worked for a Friday off. Only the `days` of bands look at it."""

    date: dt.date
    as_day: int  # ISO: 1 Monday .. 7 Sunday


class Calendar(msgspec.Struct, frozen=True, omit_defaults=True):
    """Bands and public holidays. An instant is in a band if and only if its wall-clock time is."""

    name: str
    bands: tuple[Band, ...]
    holidays: tuple[dt.date, ...] = ()
    day_swaps: tuple[DaySwap, ...] = ()  # sorted by date, each date once
    source: str = ""  # where holidays and swaps came from when they were frozen, such as "holidays 0.109 CN 2026-2027"


class Zone(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named set of E.164 prefixes of 1 to 15 digits and of short codes; a prefix or code is in one zone only."""

    zone_id: int  # 1 .. 65534
    name: str
    prefixes: tuple[str, ...]
    short_codes: tuple[str, ...] = ()  # whole numbers of 1 to 8 digits (112, 10086): exact matches, before any prefix
    title: dict[str, str] = {}  # language -> what the tariff sheet calls it; the name where there is none


class RoamingZone(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named set of visited networks."""

    roaming_zone_id: int  # 1 .. 65534
    name: str
    plmns: tuple[int, ...]  # MCC x 1000 + MNC; a network is in one roaming zone only
    timezone: str | None = None  # IANA name of the wall clock there; None: the catalogue's
    title: dict[str, str] = {}


class UsageRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """In a plan: usage of `service` to `zone` that meets every condition has this price. `price` None refuses it on purpose (NOT_SOLD).

    Rules of the longest prefix come first, those of ANY_ZONE last; among rules of one zone the order of the plan decides: the first whose
    conditions hold and whose price is active at the start of the event.
    """

    service: Service
    zone: str  # name of a zone, or ANY_ZONE
    price: str | None
    direction: int | None = None  # rating.schema.Direction; None: both
    origin: str | None = None  # name of a zone: the calling number's longest prefix, among zones that rules name as origin, is of it
    on_net: bool | None = None  # whether the other side is a subscriber of this network; an event that does not say so meets neither
    roaming: str | None = None  # HOME_NETWORK or the name of a roaming zone
    rating_group: int | None = None
    customer_group: int | None = None


class Draw(enum.StrEnum):
    """The end of an allowance that runs out inside an event."""

    EXACT = "exact"  # to the last unit
    WHOLE_INCREMENTS = "whole_increments"  # at the end of the last increment that it covers whole; the remnant stays


class AtPlanChange(enum.StrEnum):
    """The treatment of what is left of an allowance when the subscription changes to a plan that has it too (the same id)."""

    CARRY = "carry"  # what is left goes on, and the new plan grants nothing more in this period
    RESET = "reset"  # the new plan's whole grant, what was left lapses
    PRORATE = "prorate"  # each plan grants its days' share, what was left of the old share lapses


class Allowance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Free quantity granted for each bill period, drawn from the head of events in time order.

    Allowances are drawn in order of priority (lowest number first), then earliest expiry, then id.
    """

    allowance_id: int  # stable across versions; unique among allowances and day passes of a catalogue
    name: str
    services: tuple[Service, ...]
    unit: QuantityUnit  # that of its services, or MICRO: money that pays charges after rounding
    quantity: int  # in `unit`, granted for a whole period
    zones: tuple[str, ...]  # it serves rules for these zones, or with these roaming conditions; (ANY_ZONE,) for all
    prorate: bool = True  # a part period grants the exact day fraction, rounded down to the unit
    priority: int = 0
    draw: Draw = Draw.EXACT
    connect_when_free: bool = False  # True: an event that it makes wholly free still pays connect fee and minimum
    shared: bool = False  # True: one bucket for all subscriptions of the rating unit that have this allowance
    granted_once: bool = False  # of a shared one: granted once to the rating unit, for the days on which any has it; else once to each
    rollover_periods: int = 0  # what is left at the end of a period stays for so many more
    rollover_max: int | None = None  # no more than this is rolled over, in `unit`
    at_plan_change: AtPlanChange = AtPlanChange.PRORATE
    title: dict[str, str] = {}


class DayPass(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fee for a local day, opened by the first event of the day that is left with something to charge; then usage of that day is free.

    Drawn in one order with the allowances. Its fee joins the charge of the event that opens it, after rounding and discount.
    """

    pass_id: int  # stable across versions; unique among allowances and day passes of a catalogue
    name: str
    fee_micros: int
    services: tuple[Service, ...]
    zones: tuple[str, ...]
    unit: QuantityUnit
    quantity: int | None = None  # free in the day, in `unit`; None: everything
    clock: WallClock = WallClock.TARIFF
    priority: int = 0
    title: dict[str, str] = {}


class CapWindow(enum.StrEnum):
    """The time that a charge cap counts before it begins anew."""

    DAY = "day"  # a local day of the catalogue's zone
    PERIOD = "period"


class ChargeCap(msgspec.Struct, frozen=True, omit_defaults=True):
    """Once charges of its services and zones reach `amount_micros` within the window, the rest is free."""

    cap_id: int  # stable across versions
    name: str
    amount_micros: int
    window: CapWindow
    services: tuple[Service, ...]
    zones: tuple[str, ...]
    title: dict[str, str] = {}


class Discount(msgspec.Struct, frozen=True, omit_defaults=True):
    """A percentage off the exact charge, before the one rounding. Where several hold for an event the largest applies, alone."""

    discount_id: int
    name: str
    percent_ppm: int  # 0 .. PPM
    services: tuple[Service, ...]
    zones: tuple[str, ...]
    friends_only: bool = False  # True: only where the event says that the other side is one of the subscriber's chosen numbers
    from_us: int | None = None  # time-limited: events that start in [from_us, to_us)
    to_us: int | None = None
    title: dict[str, str] = {}


class LimitAction(enum.StrEnum):
    """The action when a spend limit is reached."""

    NOTIFY = "notify"
    BAR = "bar"


class SpendLimit(msgspec.Struct, frozen=True, omit_defaults=True):
    """An amount in a window at which a subscriber is notified, or barred. It changes no charge: it alarms or bars."""

    limit_id: int  # stable across versions
    name: str
    amount_micros: int
    window: CapWindow
    action: LimitAction
    services: tuple[Service, ...]
    zones: tuple[str, ...]
    title: dict[str, str] = {}


class BucketKind(enum.IntEnum):
    """The kind of what a bucket remembers from one event to the next. `amount` and `mark` are the two numbers it holds."""

    ALLOWANCE = 1  # amount: what is left, in the allowance's unit; mark: unused
    DAY_PASS = 2  # amount: what is left of the day opened last (unused where the pass has no limit); mark: that day's number, 0 none
    CAP = 3  # amount: charged so far in the window; mark: the day's number for CapWindow.DAY, else 0
    COUNTER = 4  # amount: position on the line of the period; mark: for Counting.PACKAGE what is paid and not yet used


class AddOn(msgspec.Struct, frozen=True, omit_defaults=True):
    """An add-on, bought on top of a plan. Plan and add-ons bought together are a `Plan` of their own, named `plan+add-on`."""

    name: str
    title: dict[str, str]
    allowances: tuple[Allowance, ...] = ()
    day_passes: tuple[DayPass, ...] = ()
    caps: tuple[ChargeCap, ...] = ()
    discounts: tuple[Discount, ...] = ()
    recurring: tuple[RecurringFee, ...] = ()
    one_offs: tuple[OneOffFee, ...] = ()
    excludes: tuple[str, ...] = ()  # names of add-ons that cannot be bought beside it


class LateUsage(enum.StrEnum):
    """The treatment of usage that arrives after its period was billed."""

    ORIGIN_PERIOD = "origin_period"  # its period is computed again; the difference is a line naming that period
    ARRIVAL_PERIOD = "arrival_period"  # what came later than `late_after_days` after its period's end is billed in the period it came in
    WAIVE = "waive"


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """A plan that a subscription can have. Full name for subscriptions: `catalogue identity/plan name`."""

    name: str
    rules: tuple[UsageRule, ...]
    title: dict[str, str]  # language -> text for customers
    allowances: tuple[Allowance, ...] = ()
    recurring: tuple[RecurringFee, ...] = ()
    late_usage: LateUsage = LateUsage.ORIGIN_PERIOD
    fallbacks: tuple[str, ...] = ()  # plans of this catalogue whose rules are asked, in this order, where none of this plan's matches
    day_passes: tuple[DayPass, ...] = ()
    caps: tuple[ChargeCap, ...] = ()  # applied in this order
    discounts: tuple[Discount, ...] = ()
    one_offs: tuple[OneOffFee, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    spend_limits: tuple[SpendLimit, ...] = ()
    terms: ServiceTerms | None = None
    sold_from: dt.date | None = None  # first local day on which it is sold
    sold_to: dt.date | None = None  # last one
    base: str | None = None  # of a plan with add-ons: the name of the plan without them, whose rules it has
    add_ons: tuple[str, ...] = ()  # of a plan with add-ons: their names, sorted
    volume_tiers: tuple[VolumeTier, ...] = ()
    invoice_discounts: tuple[InvoiceDiscount, ...] = ()
    bill_thresholds: tuple[BillThreshold, ...] = ()
    late_after_days: int = 0  # see LateUsage.ARRIVAL_PERIOD
    late_usage_days_max: int | None = None  # what comes more than so many days after it began is not billed


class TaxRate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rate of tax in parts per million, from a date on."""

    effective_from: dt.date
    rate_ppm: int


class TaxClass(msgspec.Struct, frozen=True, omit_defaults=True):
    """A class of tax with its rates. `code` is what charges carry (int16)."""

    name: str
    code: int
    rates: tuple[TaxRate, ...]  # sorted by date
    title: dict[str, str] = {}


class Catalogue(msgspec.Struct, frozen=True, omit_defaults=True):
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
    plans: tuple[Plan, ...]  # those with add-ons after all others
    tax_classes: tuple[TaxClass, ...]
    disclosure: dict[str, str]  # language -> text shown with the tariff
    roaming_zones: tuple[RoamingZone, ...] = ()
    home_timezones: tuple[str, ...] = ()  # IANA names that WallClock.HOME may be asked for
    effective_to_us: int | None = None  # from this instant on it prices nothing, even where no other version follows
    corrects: int | None = None  # the version that it replaces from the beginning, where both begin at one instant
    notice_days: int = 0  # customers are told of a price that rises so many days ahead
    complaint_channel: dict[str, str] = {}  # language -> where customers complain
    add_ons: tuple[AddOn, ...] = ()
    tax_inclusive: bool = False  # prices, fees and all other amounts hold their tax
    content_hash: bytes = b""  # SHA-256 of the canonical form, filled by tariffs
