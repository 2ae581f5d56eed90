"""The words of a tariff file: one frozen struct for each kind of entry, as docs/tariffs.md describes them. Plans: `plans`.

Names a field cannot have in Python (`from`) are renamed. Unknown fields are refused. These structs hold only what is in the files;
`tariffs.reading.build` makes the model of them.
"""

from __future__ import annotations

import msgspec

from rating.dates import DAY_S
from rating.model import Counting, WallClock
from tariffs.language.plans import AddOnEntry, PlanEntry  # noqa: TC001 - msgspec reads the annotations
from tariffs.language.texts import Quantity
from tariffs.language.words import (
    Amount,
    BandEnd,
    BandStart,
    Clock,
    CountingName,
    Date,
    DayName,
    Days,
    Entry,
    Instant,
    Measure,
    Mode,
    Month,
    Network,
    Pair,
    Percent,
    Policy,
    Prefix,
    ServiceName,
    ShortCode,
    Unit,
)


class TaxRateEntry(Entry, frozen=True, kw_only=True):
    """A percentage from a date on."""

    from_: Date = msgspec.field(name="from")
    percent: Percent


class TaxClassEntry(Entry, frozen=True, kw_only=True):
    """A tax class with its dated percentages."""

    name: str
    code: int
    rates: tuple[TaxRateEntry, ...]
    title: dict[str, str] = msgspec.field(default_factory=dict)


class BandEntry(Entry, frozen=True, kw_only=True):
    """A time of day on the days that meet every criterion given; one whose end is before its start runs over midnight."""

    name: str
    days: Days = ()
    from_: BandStart = msgspec.field(name="from", default=0)
    to: BandEnd = DAY_S
    weight: int = 0
    years: tuple[int, ...] = ()
    months: tuple[Month, ...] = ()
    month_days: tuple[int, ...] = ()
    dates: tuple[Date, ...] = ()
    holidays: bool = False


class PublicHolidaysEntry(Entry, frozen=True, kw_only=True):
    """The public holidays of a country, or of a part of it, in some years; with `swaps` the weekend days that are worked for them."""

    country: str
    subdivision: str | None = None
    years: tuple[int, ...]
    swaps: bool = False


class WorkingDayEntry(Entry, frozen=True, kw_only=True):
    """A date that counts as another day of the week: a Saturday worked for a Friday off."""

    date: Date
    as_: DayName = msgspec.field(name="as")


class CalendarEntry(Entry, frozen=True, kw_only=True):
    """Bands under one name. Holidays inline, from a CSV file with a column `date`, or those of a country; or all of these together."""

    name: str
    bands: tuple[BandEntry, ...]
    holidays: tuple[Date, ...] = ()
    holidays_file: str | None = None
    public_holidays: PublicHolidaysEntry | None = None
    not_holidays: tuple[Date, ...] = ()
    working_days: tuple[WorkingDayEntry, ...] = ()


class ZoneEntry(Entry, frozen=True, kw_only=True):
    """Short codes, and prefixes: inline or from a CSV file with a column `prefix`, or both."""

    id: int
    name: str
    prefixes: tuple[Prefix, ...] = ()
    prefixes_file: str | None = None
    short_codes: tuple[ShortCode, ...] = ()
    title: dict[str, str] = msgspec.field(default_factory=dict)


class RoamingZoneEntry(Entry, frozen=True, kw_only=True):
    """Visited networks under one name."""

    id: int
    name: str
    plmns: tuple[Network, ...]
    timezone: str | None = None
    title: dict[str, str] = msgspec.field(default_factory=dict)


class StepEntry(Entry, frozen=True, kw_only=True):
    """A rate from a quantity on. `increment` defaults to the further increment of the rate."""

    from_: Measure = msgspec.field(name="from", default=Quantity(0, None))
    rate: Amount
    per: Measure
    increment: Measure | None = None


class PackageEntry(Entry, frozen=True, kw_only=True):
    """A quantity that is paid whole as soon as it is begun."""

    size: Measure
    price: Amount


class Lengths(Entry, frozen=True, kw_only=True):
    """The unit that is counted, and its increments: `increments: 60/1` or two fields."""

    per: Measure | None = None
    increments: Pair | None = None
    first_increment: Measure | None = None
    increment: Measure | None = None
    connect_fee: Amount = 0


class RateEntry(Lengths, frozen=True, kw_only=True):
    """The cost in one band: `rate` and `per`, or `steps`, or `flat`, or `package`."""

    band: str
    rate: Amount | None = None
    steps: tuple[StepEntry, ...] = ()
    flat: Amount | None = None
    package: PackageEntry | None = None


class RoundingEntry(Entry, frozen=True, kw_only=True):
    """The one rounding of a charge."""

    mode: Mode
    step: Amount = 1


class Pricing(Lengths, frozen=True, kw_only=True):
    """Fields that prices and decks share."""

    charge_code: int
    revenue_code: int
    tax_class: str
    title: dict[str, str] = msgspec.field(default_factory=dict)  # what invoices call it, by language
    minimum: Amount = 0
    maximum: Amount | None = None
    minimum_quantity: Measure | None = None
    rounding: RoundingEntry | None = None
    charge_zero_usage: bool = False


class PriceEntry(Pricing, frozen=True, kw_only=True):
    """A price: `rates` by band, or the fields of a single rate right here."""

    id: int
    name: str
    calendar: str | None = None
    clock: Clock = WallClock.TARIFF
    band_policy: Policy | None = None  # default: split for voice, start for everything else
    counting: CountingName = Counting.EVENT
    counter: int | None = None
    unit: Unit | None = None  # where no quantity tells what is counted
    content_percent: Percent = 0
    rates: tuple[RateEntry, ...] = ()
    rate: Amount | None = None
    steps: tuple[StepEntry, ...] = ()
    flat: Amount | None = None
    package: PackageEntry | None = None


class DeckEntry(Pricing, frozen=True, kw_only=True):
    """A rate deck: each row of a CSV file becomes a zone and its price, under the terms given here.

    Columns `zone_id,zone,prefixes,rate`, and where wanted `increments` and `connect_fee`; prefixes are parted by spaces.
    The id of a row's price is `price_ids_from` + zone_id, so that it stays the same in any order of the rows.
    """

    name: str
    file: str
    service: ServiceName
    price_ids_from: int
    titles_file: str | None = None  # what customers read of its zones, by language


class Document(Entry, frozen=True, kw_only=True):
    """A whole catalogue, from one file or from the files of a folder together."""

    identity: str
    version: int
    currency: str
    minor_digits: int | None = None  # default: that of the currency
    timezone: str
    home_timezones: tuple[str, ...] = ()
    effective_from: Instant
    tax_classes: tuple[TaxClassEntry, ...]
    calendars: tuple[CalendarEntry, ...] = ()
    zones: tuple[ZoneEntry, ...] = ()
    roaming_zones: tuple[RoamingZoneEntry, ...] = ()
    prices: tuple[PriceEntry, ...] = ()
    decks: tuple[DeckEntry, ...] = ()
    plans: tuple[PlanEntry, ...]
    disclosure: dict[str, str]
    effective_to: Instant | None = None
    corrects: int | None = None
    notice_days: int = 0
    complaint_channel: dict[str, str] = msgspec.field(default_factory=dict)
    add_ons: tuple[AddOnEntry, ...] = ()
    tax_inclusive: bool = False
