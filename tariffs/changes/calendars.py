"""Changes between two calendars of one name, between tax classes of one code, and between roaming zones of one id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.counted import counted
from tariffs.changes import words
from tariffs.changes.change import Effect, Found, worst
from tariffs.changes.fields import more
from tariffs.language.texts import DAY_NAMES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from rating.model import Calendar, RoamingZone, TaxClass


def compare(old: Calendar, new: Calendar) -> Iterator[Found]:
    """Bands by name, holidays and swapped days."""
    names = list(dict.fromkeys(band.name for calendar in (new, old) for band in calendar.bands))
    for name in names:
        told = [_times(calendar, name) for calendar in (old, new)]
        if told[0] != told[1]:
            yield Found(f"band {name}", told[0], told[1], Effect.MAY)
    if [b.name for b in old.bands] != [b.name for b in new.bands] and set(old.bands) == set(new.bands):
        yield Found("order of bands", words.names(b.name for b in old.bands), words.names(b.name for b in new.bands), Effect.MAY)
    yield from _dates("holiday", set(old.holidays), set(new.holidays))
    swaps = [{each.date: each.as_day for each in calendar.day_swaps} for calendar in (old, new)]
    for date in sorted(swaps[0].keys() | swaps[1].keys()):
        days = [DAY_NAMES[swap[date] - 1] if date in swap else "itself" for swap in swaps]
        if days[0] != days[1]:
            yield Found(f"{date} counts as", days[0], days[1], Effect.MAY)
    if old.source != new.source:
        yield Found("where holidays come from", old.source or words.NOTHING, new.source or words.NOTHING, Effect.NONE)


def taxes(old: TaxClass, new: TaxClass) -> Iterator[Found]:
    """Name, title and dated percentages."""
    if old.name != new.name:
        yield Found("name", old.name, new.name, Effect.NONE)
    if old.title != new.title:
        yield Found("title", words.titles(old.title), words.titles(new.title), Effect.NONE)
    if old.rates != new.rates:
        dates = sorted({rate.effective_from for tax in (old, new) for rate in tax.rates})
        pairs = [(_percentage_on(old, date), _percentage_on(new, date)) for date in dates]
        effect = worst([more(*pair) for pair in pairs if pair[0] != pair[1]])
        yield Found("percentages", _percentages(old), _percentages(new), effect)


def networks(old: RoamingZone, new: RoamingZone) -> Iterator[Found]:
    """Networks gained and lost, and the wall clock there."""
    if old.name != new.name:
        yield Found("name", old.name, new.name, Effect.NONE)
    if old.title != new.title:
        yield Found("title", words.titles(old.title), words.titles(new.title), Effect.NONE)
    for what, here, there in (("gone", old, new), ("gained", new, old)):
        listed = [words.network(plmn) for plmn in sorted(set(here.plmns) - set(there.plmns))]
        if listed:
            told = words.such_as(listed)
            yield Found(f"{counted(len(listed), 'network')} {what}", *((told, "") if here is old else ("", told)), Effect.MAY)
    if old.timezone != new.timezone:
        yield Found("time zone", old.timezone or "the catalogue's", new.timezone or "the catalogue's", Effect.MAY)


def _times(calendar: Calendar, name: str) -> str:
    return "; ".join(words.band(band) for band in calendar.bands if band.name == name) or words.NOTHING


def _dates(what: str, old: set[dt.date], new: set[dt.date]) -> Iterator[Found]:
    lost, gained = ([str(date) for date in sorted(dates)] for dates in (old - new, new - old))
    if lost:
        yield Found(f"{counted(len(lost), what)} fewer", words.such_as(lost), "", Effect.MAY)
    if gained:
        yield Found(f"{counted(len(gained), what)} more", "", words.such_as(gained), Effect.MAY)


def _percentage_on(tax: TaxClass, date: dt.date) -> int:
    """Parts per million on a date; 0 before the first."""
    return next((rate.rate_ppm for rate in reversed(tax.rates) if rate.effective_from <= date), 0)


def _percentages(tax: TaxClass) -> str:
    return ", ".join(f"{words.percent(rate.rate_ppm)} from {rate.effective_from}" for rate in tax.rates) or words.NOTHING
