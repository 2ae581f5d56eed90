"""A catalogue as plain text for a terminal: versions, plans, prices with bands and steps, calendars, short codes and roaming zones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.model import ANY_BAND, BandPolicy, Counting, QuantityUnit, WallClock
from rating.money import format_micros
from server.cli.output import plain_table
from server.cli.pages import plan_sheet
from server.cli.pages.plan_sheet import instant, quantity

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from rating.model import Band, Calendar, Catalogue, Price, Rate, RoamingZone, Step

PRICES_SHOWN: Final = 40
_DAYS: Final = ("", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MNC_PLACES: Final = 1_000


def lines(catalogue: Catalogue, versions: Sequence[Catalogue]) -> list[str]:
    """The sheet of `catalogue`; `versions` are all published ones of its identity."""
    amounts = f"{catalogue.currency}{' with tax' if catalogue.tax_inclusive else ''}"
    sheet = [
        f"{catalogue.identity} version {catalogue.version}, {amounts}, {catalogue.timezone}",
        f"content hash {catalogue.content_hash.hex()}",
        "versions: " + ", ".join(f"{each.version} from {instant(each.effective_from_us, each.timezone)}" for each in versions),
    ]
    if catalogue.effective_to_us is not None:
        sheet.append(f"prices nothing from {instant(catalogue.effective_to_us, catalogue.timezone)}")
    for plan in catalogue.plans:
        sheet += ["", *plan_sheet.lines(catalogue, plan)] if plan.base is None else []
    for add_on in catalogue.add_ons:
        sheet += ["", *plan_sheet.add_on_lines(catalogue, add_on)]
    sheet += ["", "prices:", *_price_table(catalogue)]
    if len(catalogue.prices) > PRICES_SHOWN:
        sheet.append(f"  and {len(catalogue.prices) - PRICES_SHOWN} more; --json has them all")
    sheet += _section("calendars:", [line for calendar in catalogue.calendars for line in _calendar_lines(calendar)])
    sheet += _section("short codes:", [f"  {zone.name}: {', '.join(zone.short_codes)}" for zone in catalogue.zones if zone.short_codes])
    sheet += _section("roaming zones:", [_roaming_zone(zone) for zone in catalogue.roaming_zones])
    sheet += ["", f"home clocks: {', '.join(catalogue.home_timezones)}"] if catalogue.home_timezones else []
    complaints = [f"{language}, complaints: {text}" for language, text in catalogue.complaint_channel.items()]
    return [*sheet, "", *(f"{language}: {text}" for language, text in catalogue.disclosure.items()), *complaints]


def _section(title: str, found: list[str]) -> list[str]:
    return ["", title, *found] if found else []


def _price_table(catalogue: Catalogue) -> list[str]:
    rows = [row for price in catalogue.prices[:PRICES_SHOWN] for row in _price_rows(price)]
    columns = ("  id", "price", "band", "from", "rate", "per", "increments", "connect", "minimum", "maximum", "rounding", "")
    return plain_table(columns, rows, right=("  id", "rate"))


def _price_rows(price: Price) -> list[list[str]]:
    return [_row(price, rate, step) for rate in price.rates for step in rate.steps]


def _row(price: Price, rate: Rate, step: Step) -> list[str]:
    return [
        str(price.price_id),
        price.name,
        "" if rate.band == ANY_BAND else rate.band,
        quantity(step.from_qty, price.unit) if step.from_qty else "",
        format_micros(step.rate_micros),
        quantity(step.per_qty, price.unit),
        f"{quantity(rate.first_increment_qty, price.unit)} / {quantity(step.increment_qty, price.unit)}",
        format_micros(rate.connect_fee_micros) if rate.connect_fee_micros else "",
        format_micros(price.minimum_micros) if price.minimum_micros else "",
        format_micros(price.maximum_micros) if price.maximum_micros is not None else "",
        f"{price.rounding_mode.value} {format_micros(price.rounding_step_micros)}",
        ", ".join(_terms(price)),
    ]


def _terms(price: Price) -> Iterator[str]:
    """Terms that differ from the usual ones."""
    if price.calendar is not None and price.clock is not WallClock.TARIFF:
        yield f"{price.clock.value} clock"
    if price.calendar is not None and price.unit is QuantityUnit.MILLISECOND and price.band_policy is BandPolicy.START:
        yield "band of the start"
    if price.counting is not Counting.EVENT:
        yield f"{price.counting.value} over the period, counter {price.counter_id}"
    if price.minimum_qty:
        yield f"at least {quantity(price.minimum_qty, price.unit)}"
    if price.content_ppm:
        yield f"and {format_micros(price.content_ppm * 100, 0)} % of the content amount"
    if price.charge_zero_usage:
        yield "zero usage is charged"


def _calendar_lines(calendar: Calendar) -> list[str]:
    holidays = [f"  {calendar.name}, holidays: {', '.join(map(str, calendar.holidays))}"] if calendar.holidays else []
    swaps = ", ".join(f"{each.date} as {_DAYS[each.as_day]}" for each in calendar.day_swaps)
    bands = [f"  {calendar.name}, {band.name}: {', '.join(_when(band))}" for band in calendar.bands]
    source = [f"  {calendar.name}, from {calendar.source}"] if calendar.source else []
    return [*bands, *holidays, *([f"  {calendar.name}, day swaps: {swaps}"] if swaps else []), *source]


def _when(band: Band) -> Iterator[str]:
    """Times and criteria."""
    yield f"{_time(band.start_s)} to {_time(band.end_s)}"
    if band.days or not (band.month_days or band.dates or band.holidays):
        yield " ".join(_DAYS[day] for day in band.days) or "daily"
    named: tuple[tuple[str, tuple[int, ...] | tuple[dt.date, ...]], ...] = (
        ("in", band.years),
        ("months", band.months),
        ("days of the month", band.month_days),
        ("on", band.dates),
    )
    for word, values in named:
        if values:
            yield f"{word} {' '.join(map(str, values))}"
    if band.holidays:
        yield "on holidays"
    if band.weight:
        yield f"weight {band.weight}"


def _time(second: int) -> str:
    time = f"{second // 3600:02d}:{second // 60 % 60:02d}"
    return f"{time}:{second % 60:02d}" if second % 60 else time


def _roaming_zone(zone: RoamingZone) -> str:
    networks = ", ".join(f"{plmn // _MNC_PLACES:03d}-{plmn % _MNC_PLACES:02d}" for plmn in zone.plmns)
    return f"  {zone.name}: {networks}{'' if zone.timezone is None else f' ({zone.timezone})'}"
