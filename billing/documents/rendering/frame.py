"""A document with the words, the locale and the cleaner of its page: figures and texts, ready to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from billing.documents.rendering.clean import Cleaner
from billing.documents.rendering.locales import NO_BREAK, Locale
from billing.documents.rendering.words import Language, Words
from billing.documents.semantic.model import Charged, Days, Unit
from rating.dates import ONE_DAY
from rating.durations import minutes_text
from rating.explain.volumes import unit_of, volume_text
from rating.model import PPM
from rating.money import MICROS_PER_UNIT, format_micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

_PURCHASE: Final = "purchase"


class Frame(NamedTuple):
    """The document, words, locale and cleaner of a page."""

    document: Charged
    language: Language
    words: Words
    locale: Locale
    clean: Cleaner

    def amount(self, micros: int) -> str:
        """An amount without its currency, exact."""
        return self.locale.amount(micros, self.document.minor_digits)

    def money(self, micros: int) -> str:
        """An amount with its currency."""
        return self.words.units.money.format(amount=self.amount(micros), currency=self.currency)

    @property
    def currency(self) -> str:
        """The currency of the document, as this language writes it."""
        code = self.document.currency
        return self.words.units.currencies.get(code, code)

    def percent(self, rate_ppm: int) -> str:
        """A rate."""
        return self.words.units.percent.format(self.locale.number(format_micros(rate_ppm * 100 * MICROS_PER_UNIT // PPM, 0)))

    def span(self, days: Days) -> str:
        """A span of days: a month by its name."""
        if days.first.day == 1 and days.last == _month_end(days.first):
            return self.locale.month_of(days.first)
        if days.first == days.last:
            return self.locale.short_date(days.first)
        first, last = self.locale.short_date(days.first), self.locale.short_date(days.last)
        return self.words.units.span.format(first=first, last=last)

    def spans(self, days: Iterable[Days]) -> str:
        """Several spans of days."""
        return self.words.units.comma.join(map(self.span, days))

    def records(self, count: int) -> str:
        """A number of records."""
        return self._counted(self.words.units.record, count)

    def quantity(self, quantity: int, unit: Unit, shown_unit: str = "") -> str:
        """A quantity, exact. `shown_unit`: the unit in which its price is stated."""
        units = self.words.units
        if unit == "millisecond":
            return units.minutes.format(self._figures(minutes_text(quantity)))
        if unit == "byte":
            own = shown_unit or (unit_of(quantity) if quantity else "B")
            return units.bytes.format(self._figures(volume_text(quantity, own)), unit=own)
        if unit == "micro":
            return self.money(quantity)
        return self._counted(units.purchase if shown_unit == _PURCHASE else units.message, quantity)

    def _counted(self, forms: tuple[str, str], count: int) -> str:
        return forms[abs(count) != 1].format(self.locale.number(str(count)))

    def _figures(self, text: str) -> str:
        """Figures in English writing with the separators of the locale."""
        return text.replace(".", "\0").replace(",", self.locale.group).replace("\0", self.locale.point)


def last_day_before(day: dt.date) -> dt.date:
    """The day before one."""
    return day - ONE_DAY


def joined(parts: Iterable[str], between: str) -> str:
    """The parts that are not empty."""
    return between.join(each for each in parts if each)


def grouped_iban(iban: str) -> str:
    """An IBAN in groups of four, as on paper; it breaks nowhere."""
    plain = iban.replace(" ", "")
    return NO_BREAK.join(plain[place : place + 4] for place in range(0, len(plain), 4))


def _month_end(day: dt.date) -> dt.date:
    return (day.replace(day=28) + 4 * ONE_DAY).replace(day=1) - ONE_DAY
