"""Calendars: bands over midnight become two, criteria are sorted, public holidays become dates.

Holidays are those of a country, of the entry and of its file together, without those that the entry takes away. Days that count as
another day of the week are the swaps that came with public holidays and the entry's own, which win.
A band that was not read whole covers nothing, so that it is not judged by the placeholders of its texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from rating.dates import DAY_S, ONE_DAY, day_after
from rating.model import Band, Calendar, DaySwap
from tariffs.documents.document import Finding
from tariffs.language.texts import DAY_NAMES, TextError
from tariffs.language.words import NO_DAYS
from tariffs.public_holidays import Frozen, frozen

if TYPE_CHECKING:
    import datetime as dt

    from tariffs.documents.document import Place
    from tariffs.language.entries import BandEntry, CalendarEntry

_TWO_BANDS: Final = 'write two bands: one that ends at "24:00", and one from "00:00" with its own days'
_NO_PUBLIC: Final = Frozen((), (), "")
_HOLIDAYS: Final = ("holidays", "holidays_file", "public_holidays")  # fields of a calendar
_OF_A_DATE: Final = ("years", "months", "month_days", "holidays")  # criteria that the day after a day does not inherit


def calendar(entry: CalendarEntry, from_file: tuple[dt.date, ...], place: Place, findings: list[Finding]) -> Calendar:
    """The calendar of its entry and of the dates that its file holds."""
    asked = _public(entry, place, findings)
    public = asked or _NO_PUBLIC
    holidays = {*entry.holidays, *from_file, *public.dates}
    _note_needless(entry, holidays, place, findings)
    swaps = _swaps(entry, public, place, findings)
    bands: list[Band] = []
    for index, each in enumerate(entry.bands):
        unread = asked is None and each.holidays
        bands += [_covers_nothing(each)] if unread else _bands(each, swaps, (*place, "bands", index), findings)
    return Calendar(
        entry.name,
        tuple(bands),
        tuple(sorted(holidays - set(entry.not_holidays))),
        tuple(DaySwap(date, swaps[date]) for date in sorted(swaps)),
        public.source,
    )


def _public(entry: CalendarEntry, place: Place, findings: list[Finding]) -> Frozen | None:
    """The public holidays that an entry asks for; None where they are not known."""
    here = (*place, "public_holidays")
    if any(finding.place[: len(here)] == here for finding in findings):
        return None
    if entry.public_holidays is None:
        return _NO_PUBLIC
    try:
        return frozen(entry.public_holidays)
    except TextError as error:
        findings.append(Finding(here, error.message, error.remedy))
        return None


def _note_needless(entry: CalendarEntry, holidays: set[dt.date], place: Place, findings: list[Finding]) -> None:
    """A date that is taken away must be there: one that is not is probably a slip, unless some holidays could not be read."""
    noted = {finding.place for finding in findings}
    if any((*place, name) == each[: len(place) + 1] for each in noted for name in _HOLIDAYS):
        return
    for index, date in enumerate(entry.not_holidays):
        here = (*place, "not_holidays", index)
        if date not in holidays and here not in noted:
            findings.append(Finding(here, f"{date} is not a holiday of calendar `{entry.name}`", "take it out of `not_holidays`"))


def _swaps(entry: CalendarEntry, public: Frozen, place: Place, findings: list[Finding]) -> dict[dt.date, int]:
    """By date: the day of the week that it counts as."""
    came = {swap.date: swap.as_day for swap in public.swaps}
    own: dict[dt.date, int] = {}
    noted = {finding.place[: len(place) + 2] for finding in findings}
    for index, each in enumerate(entry.working_days):
        here = (*place, "working_days", index)
        if here in noted:
            continue
        if each.date in own:
            findings.append(Finding(here, f"{each.date} is here twice", "keep it once"))
        elif each.as_ == came.get(each.date, each.date.isoweekday()):
            message = f"{each.date} counts as {DAY_NAMES[each.as_ - 1]} anyway"
            findings.append(Finding(here, message, "write the day that it counts as, or another date"))
        own[each.date] = each.as_
    return {date: as_day for date, as_day in {**came, **own}.items() if as_day != date.isoweekday()}


def _bands(entry: BandEntry, swaps: dict[dt.date, int], place: Place, findings: list[Finding]) -> list[Band]:
    """The bands of an entry: two when it runs over midnight, the second of them on the next day."""
    if any(finding.place[: len(place)] == place for finding in findings):
        return [_covers_nothing(entry)]
    band = Band(
        name=entry.name,
        days=_days(entry.days),
        start_s=entry.from_,
        end_s=entry.to if entry.from_ < entry.to else DAY_S,
        weight=entry.weight,
        years=tuple(sorted(set(entry.years))),
        months=tuple(sorted(set(entry.months))),
        month_days=tuple(sorted(set(entry.month_days))),
        dates=tuple(sorted(set(entry.dates))),
        holidays=entry.holidays,
    )
    if entry.from_ < entry.to or entry.to == 0:
        return [band]
    named = next((name for name in _OF_A_DATE if getattr(entry, name)), None)
    if named is not None:
        message = f"band `{entry.name}` runs over midnight, and `{named}` does not say which day that is"
        findings.append(Finding(place, message, _TWO_BANDS))
    torn = _torn_night(entry, swaps)
    if named is None and torn is not None:
        message = f"band `{entry.name}` runs over midnight, and the calendar counts {torn} or the day after it as another day of the week"
        findings.append(Finding(place, message, _TWO_BANDS))
    next_days = _days(tuple(day % 7 + 1 for day in entry.days))
    morning = msgspec.structs.replace(band, days=next_days, start_s=0, end_s=entry.to, dates=tuple(day_after(date) for date in band.dates))
    return [band, morning]


def _covers_nothing(entry: BandEntry) -> Band:
    return Band(entry.name, NO_DAYS, 0, DAY_S)


def _torn_night(entry: BandEntry, swaps: dict[dt.date, int]) -> dt.date | None:
    """A date on which only one half of a band over midnight would be, because a date counts as another day; None where there is none."""

    def counts_as(date: dt.date) -> int:
        return swaps.get(date, date.isoweekday())

    nights = sorted({night for date in swaps for night in (date - ONE_DAY, date)})
    for night in nights if entry.days else ():
        evening, morning = counts_as(night) in entry.days, (counts_as(day_after(night)) - 2) % 7 + 1 in entry.days
        if evening != morning and (not entry.dates or night in entry.dates):
            return night
    return None


def _days(days: tuple[int, ...]) -> tuple[int, ...]:
    """Sorted; none for all, which is the same."""
    return () if len(days) == len(DAY_NAMES) else tuple(sorted(days))
