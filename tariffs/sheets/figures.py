"""Figures of a tariff sheet: amounts, quantities, dates and times of day.

Amounts have the places of their currency, quantities the largest unit that holds them whole. Nothing is rounded on the way to text, but
by `about`.

Units: amounts in micro-units, durations in milliseconds, volumes in bytes, times of day in seconds, instants in microseconds UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from rating.dates import day_after, utc_time
from rating.explain.figures import grouped, percent
from rating.model import QuantityUnit, Service
from rating.money import format_micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from fractions import Fraction

    from rating.model import Catalogue
    from tariffs.sheets.words import Figures

_SECONDS_PER_MINUTE: Final = 60
_SECONDS_PER_HOUR: Final = 3_600
_MINUTES_SHOWN_FROM: Final = 2  # 95 seconds, but 2 minutes 35 seconds
_BYTE_UNITS: Final = (
    ("TB", 10**12),
    ("GiB", 2**30),
    ("GB", 10**9),
    ("MiB", 2**20),
    ("MB", 10**6),
    ("KiB", 2**10),
    ("KB", 10**3),
    ("B", 1),
)
_ONE_OF: Final = {60_000: "minute", 1_000: "second", 3_600_000: "hour"}

__all__ = ["Writer", "percent"]


class Writer:
    """Writes the figures of one catalogue in one language."""

    def __init__(self, catalogue: Catalogue, words: Figures) -> None:
        self._words = words
        self._places = catalogue.minor_digits
        self._currency = words.currency.get(catalogue.currency, catalogue.currency)
        self._zone = ZoneInfo(catalogue.timezone)

    def amount(self, micros: int) -> str:
        """An exact amount with its currency."""
        return self._words.amount.format(amount=grouped(format_micros(micros, self._places)), currency=self._currency)

    def about(self, micros: Fraction) -> str:
        """An amount that need not be exact: six places, and a mark where there would be more."""
        if micros.denominator == 1:
            return self.amount(micros.numerator)
        number = format_micros(micros.numerator // micros.denominator, 6)
        return self._words.amount.format(amount=f"{grouped(number)}…", currency=self._currency)

    def quantity(self, quantity: int, unit: QuantityUnit, service: Service | None = None) -> str:
        """A quantity of time, volume, messages, purchases or money."""
        if unit is QuantityUnit.MICRO:
            return self.amount(quantity)
        if unit is QuantityUnit.MILLISECOND:
            return self._duration(quantity)
        if unit is QuantityUnit.BYTE:
            name, size = next((name, size) for name, size in _BYTE_UNITS if quantity % size == 0 and (quantity or size == 1))
            return self._words.bytes.format(f"{quantity // size:,}", name)
        return _counted(quantity, self._words.purchase if service is Service.CONTENT else self._words.message)

    def volume(self, quantity: int) -> str:
        """A volume of an example, in MB with the places it needs."""
        return self._words.bytes.format(grouped(format_micros(quantity, 0)), "MB")

    def per(self, quantity: int, unit: QuantityUnit, service: Service, one: dict[str, str]) -> str:
        """The quantity that a rate is for: `minute`, `MB`, `message`, or so many of them."""
        if unit is QuantityUnit.MILLISECOND and quantity in _ONE_OF:
            return one[_ONE_OF[quantity]]
        if unit is QuantityUnit.BYTE and (name := next((name for name, size in _BYTE_UNITS if size == quantity), None)):
            return name
        if unit is QuantityUnit.MESSAGE and quantity == 1:
            return one["purchase" if service is Service.CONTENT else "message"]
        return self.quantity(quantity, unit, service)

    def instant(self, at_us: int) -> str:
        """The local date of an instant, and the time where it is not midnight."""
        local = utc_time(at_us).astimezone(self._zone)
        second = local.hour * _SECONDS_PER_HOUR + local.minute * _SECONDS_PER_MINUTE + local.second
        return f"{self.date(local.date())} {time_of_day(second)}" if second else self.date(local.date())

    def date(self, date: dt.date) -> str:
        """A date in words."""
        return self._words.date.format(year=date.year, month=date.month, day=date.day, name=self._words.months[date.month - 1])

    def dates(self, dates: Iterable[dt.date]) -> str:
        """Dates in their order, those of days that follow each other as a span."""
        runs: list[list[dt.date]] = []
        for date in sorted(dates):
            if runs and date == day_after(runs[-1][-1]):
                runs[-1].append(date)
            else:
                runs.append([date])
        ends = (dict.fromkeys([run[0], run[-1]]) for run in runs)
        return self._words.semicolon.join(self._words.span.join(map(self.date, each)) for each in ends)

    def list(self, texts: Iterable[str]) -> str:
        """Several texts in one line."""
        return self._words.comma.join(texts)

    def _duration(self, ms: int) -> str:
        seconds, rest = divmod(ms, 1_000)
        if rest:
            return _counted(ms, self._words.millisecond)
        minutes, seconds = divmod(seconds, _SECONDS_PER_MINUTE)
        if seconds and minutes < _MINUTES_SHOWN_FROM:
            return _counted(minutes * _SECONDS_PER_MINUTE + seconds, self._words.second)
        told = [_counted(minutes, self._words.minute)] if minutes else []
        return " ".join([*told, _counted(seconds, self._words.second)] if seconds or not minutes else told)


def time_of_day(second: int) -> str:
    """Such as 08:00; the end of a day is 24:00."""
    hour, rest = divmod(second, _SECONDS_PER_HOUR)
    minute, seconds = divmod(rest, _SECONDS_PER_MINUTE)
    return f"{hour:02d}:{minute:02d}" + (f":{seconds:02d}" if seconds else "")


def _counted(number: int, words: tuple[str, str]) -> str:
    return words[number != 1].format(f"{number:,}")
