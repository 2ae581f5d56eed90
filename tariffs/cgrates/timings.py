"""Timings: when a rate is active, by days and a time of the wall clock from which on it is.

Without an end a time lasts to midnight; an end is the last second of it. `*any` criteria are met by every day. Weekdays are 1 Monday to
7 Sunday, and 0 is Sunday too.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.dates import DAY_S
from tariffs.cgrates.carried import CarryError
from tariffs.cgrates.reading import ANY, LIST_MARK, several
from tariffs.language import texts
from tariffs.language.texts import DAY_NAMES
from tariffs.public_holidays import YEARS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tariffs.cgrates.carried import Ledger
    from tariffs.cgrates.reading import Row

OPEN: Final = frozenset({"", ANY, "*asap", "*always", "*now"})  # from the first second on, or to the last
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,4}")
_SUNDAY: Final = 7


class Span(NamedTuple):
    """Days that meet every criterion given, and seconds of the day, the end exclusive."""

    years: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    week_days: tuple[int, ...] = ()
    start_s: int = 0
    end_s: int = DAY_S

    @property
    def is_always(self) -> bool:
        """Return whether it covers every instant."""
        return self == Span()

    @property
    def is_never(self) -> bool:
        """Return whether it ends before it begins, or is on no day, such as 30 February."""
        return self.start_s >= self.end_s or not any(map(self._is_on, self._candidates()))

    def _candidates(self) -> Iterator[dt.date]:
        """Candidate days: if it is on any day, it is on one of these."""
        days = self.month_days or range(1, _SUNDAY + 1)
        for year, month, day in itertools.product(self.years or YEARS, self.months or range(1, 13), days):
            if day <= calendar.monthrange(year, month)[1]:
                yield dt.date(year, month, day)

    def _is_on(self, date: dt.date) -> bool:
        return not self.week_days or date.isoweekday() in self.week_days

    def may_meet(self, other: Span) -> bool:
        """Return whether no criterion parts the days of both; they may still be on no day together."""
        pairs = zip(self[:4], other[:4], strict=True)
        return all(not ours or not theirs or set(ours) & set(theirs) for ours, theirs in pairs)

    def fields(self) -> dict[str, object]:
        """The fields of a band of ours."""
        days = {"days": _days(self.week_days)} if self.week_days else {}
        dated = {"years": self.years, "months": self.months, "month_days": self.month_days}
        times = {"from": _clock(self.start_s) if self.start_s else None, "to": _clock(self.end_s) if self.end_s < DAY_S else None}
        return {**days, **{name: value for name, value in {**dated, **times}.items() if value}}


class Timings:
    """The timings of a folder by tag."""

    def __init__(self, rows: Iterable[Row], ledger: Ledger) -> None:
        self._spans: dict[str, Span | None] = {}
        self.places: dict[str, tuple[str, int]] = {}
        for row in rows:
            tag = row.cells[0]
            if tag in self._spans:
                ledger.add(row.place, tag, "the row is left out", "the tag is used above already")
                continue
            self.places[tag] = row.place
            try:
                self._spans[tag] = _span(row)
            except CarryError as error:
                self._spans[tag] = None
                ledger.add(row.place, tag, "rates at this time are refused", str(error))

    def span(self, tag: str) -> Span:
        """The days and times of `tag`. Raises CarryError where our words cannot say it."""
        if tag in OPEN and tag not in self._spans:
            return Span()
        if tag not in self._spans:
            raise CarryError(f"there is no timing {tag}")
        found = self._spans[tag]
        if found is None:
            raise CarryError(f"timing {tag} was not carried over")
        return found


def _span(row: Row) -> Span:
    _, years, months, month_days, week_days, time = row.cells
    start, _, end = time.partition(LIST_MARK)
    end_s = DAY_S if end.strip() in OPEN else _second(end) + 1
    days = {day or _SUNDAY for day in _numbers(week_days, range(_SUNDAY + 1), "a day of the week")}
    span = Span(
        _numbers(years, YEARS, "a year in which usage is rated"),
        _numbers(months, range(1, 13), "a month"),
        _numbers(month_days, range(1, 32), "a day of the month"),
        tuple(sorted(days)) if len(days) < _SUNDAY else (),
        0 if start.strip() in OPEN else _second(start),
        end_s,
    )
    if not span.is_never:
        try:
            texts.band_end(_clock(span.end_s))
        except texts.TextError as error:
            raise CarryError(f"{error.message}; write the full hour in {row.file} if that is meant") from None
    return span


def _days(week_days: tuple[int, ...]) -> str:
    """Such as mon-fri, or sat,sun."""
    names = [DAY_NAMES[day - 1] for day in week_days]
    is_run = len(names) > 2 and week_days[-1] - week_days[0] == len(names) - 1  # noqa: PLR2004 - two are as short as they are
    return f"{names[0]}-{names[-1]}" if is_run else ",".join(names)


def _numbers(text: str, allowed: range, what: str) -> tuple[int, ...]:
    if text in OPEN:
        return ()
    parts = several(text)
    wrong = next((part for part in parts if not (_NUMBER.fullmatch(part) and int(part) in allowed)), None)
    if wrong is not None:
        raise CarryError(f'"{wrong}" is not {what}')
    return tuple(sorted({int(part) for part in parts}))


def _second(text: str) -> int:
    match = _TIME.fullmatch(text.strip())
    hour, minute, second = (int(part) for part in match.groups()) if match is not None else (24, 0, 0)
    if hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - the clock's
        raise CarryError(f'"{text}" is not a time of day')
    return hour * 3600 + minute * 60 + second


def _clock(second: int) -> str:
    text = f"{second // 3600:02d}:{second // 60 % 60:02d}"
    return f"{text}:{second % 60:02d}" if second % 60 else text
