"""The public holidays of a country as plain dates, and the weekend days that are worked for some of them, from the package `holidays`.

They are read once, with the tariff, and are dates in its version: a later edition of the package, which may know more or
otherwise, changes no version that there is. `source` says which edition it was and what it was asked.
The package knows swapped weekends only for years whose holidays have been announced; `source` names those too.
Refuses, with `TextError`, a country, part or year that the package does not know.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import warnings
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.dates import day_after
from rating.model import DaySwap
from tariffs.language.texts import TextError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from holidays import HolidayBase

    from tariffs.language.entries import PublicHolidaysEntry

YEARS: Final = range(2000, 2071)  # in which usage is rated, by anybody's wall clock
_PAIR: Final = 4  # month and day of the day off, month and day worked for it; its year may follow


class Frozen(NamedTuple):
    """The answer of the package, sorted by date."""

    dates: tuple[dt.date, ...]
    swaps: tuple[DaySwap, ...]
    source: str


def frozen(entry: PublicHolidaysEntry) -> Frozen:
    """The holidays that `entry` asks for, and its swaps where it wants them."""
    years = _years(entry.years)
    known = _asked(entry.country, entry.subdivision, years)
    found = {year: sorted(date for date in known if date.year == year) for year in years}
    empty = next((year for year, dates in found.items() if not dates), None)
    if empty is not None:
        raise TextError(
            f"no public holiday of {entry.country} is known for {empty}", "leave that year out, or write its dates as `holidays`"
        )
    swaps = _swaps(entry, years) if entry.swaps else []
    return Frozen(tuple(date for dates in found.values() for date in dates), tuple(swaps), _source(entry, years, swaps))


def _years(years: Iterable[int]) -> list[int]:
    wanted = sorted(set(years))
    if not wanted or wanted[0] not in YEARS or wanted[-1] not in YEARS:
        raise TextError(
            "public holidays of no year, or of one out of range", f"write years from {YEARS[0]} to {YEARS[-1]}, such as [2026, 2027]"
        )
    return wanted


def _asked(country: str, subdivision: str | None, years: Sequence[int]) -> HolidayBase:
    """The package's answer."""
    import holidays  # noqa: PLC0415 - only a tariff that asks for it pays for the import

    known = holidays.list_supported_countries()
    if country not in known:
        raise TextError(f'no public holidays are known for the country "{country}"', "write its ISO 3166 code, such as CN or DE")
    if subdivision is not None and subdivision not in known[country]:
        parts = ", ".join(known[country])
        raise TextError(f'{country} has no part "{subdivision}"', f"write one of {parts}" if parts else "leave `subdivision` out")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it knows nothing of a year, which is told by who asks
        return holidays.country_holidays(country, subdiv=subdivision, years=years, expand=False)


def _swaps(entry: PublicHolidaysEntry, years: Sequence[int]) -> list[DaySwap]:
    """Weekend days that are worked, each as the day that is off for it. Those of December may be announced with the next year."""
    known = _asked(entry.country, entry.subdivision, [*years, years[-1] + 1])
    off_for = _days_off(known)
    worked = sorted(date for date in known.weekend_workdays if date.year in years)
    return [DaySwap(date, off_for.get(date, _after_weekend(date, known.weekend)).isoweekday()) for date in worked]


def _days_off(known: HolidayBase) -> dict[dt.date, dt.date]:
    """By day that is worked: the day off that it pays for, as far as the package gives pairs."""
    pairs: dict[dt.date, dt.date] = {}
    for year, rows in getattr(known, "special_public_holidays", {}).items():
        for row in rows if rows and isinstance(rows[0], tuple) else (rows,):
            if len(row) >= _PAIR:
                month, day, worked_month, worked_day, *worked_year = row
                pairs[dt.date(worked_year[0] if worked_year else year, worked_month, worked_day)] = dt.date(year, month, day)
    return pairs


def _after_weekend(date: dt.date, weekend: Iterable[int]) -> dt.date:
    """The first day after `date` that is no day of the weekend (Monday is 0 there)."""
    while date.weekday() in weekend:
        date = day_after(date)
    return date


def _source(entry: PublicHolidaysEntry, years: Sequence[int], swaps: Sequence[DaySwap]) -> str:
    where = entry.country if entry.subdivision is None else f"{entry.country}-{entry.subdivision}"
    swapped = ", working weekends of " + (_spans({swap.date.year for swap in swaps}) or "no year") if entry.swaps else ""
    return f"holidays {importlib.metadata.version('holidays')} {where} {_spans(years)}{swapped}"


def _spans(years: Iterable[int]) -> str:
    """Years as 2026-2028, 2030."""
    spans: list[list[int]] = []
    for year in sorted(years):
        if spans and spans[-1][-1] == year - 1:
            spans[-1].append(year)
        else:
            spans.append([year])
    return ", ".join(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans)
