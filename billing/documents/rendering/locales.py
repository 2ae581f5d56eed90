"""Numbers, amounts and dates as a language or a country writes them. Pure.

A locale that is not in the table is that of its language, and `locale_of` says so. Amounts are exact: they have the decimal places of
their currency, and more where they are finer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rating.money import format_micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

NO_BREAK: Final = "\u00a0"
_ENGLISH: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_GERMAN: Final = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
_AUSTRIAN: Final = ("Jänner", *_GERMAN[1:])
_NUMBERED: Final = tuple(str(month) for month in range(1, 13))


class Locale(NamedTuple):
    """The writing of numbers and dates. Dates have {y}, {m}, {d}, {name} of the month; `short` is for tables."""

    point: str
    group: str
    months: tuple[str, ...]
    long: str
    short: str
    month: str

    def number(self, text: str) -> str:
        """A decimal such as -1234.5 with the separators of this locale."""
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        whole, point, places = digits.partition(".")
        grouped = f"{int(whole):,}".replace(",", self.group)
        return f"{sign}{grouped}{self.point if point else ''}{places}"

    def amount(self, micros: int, minor_digits: int) -> str:
        """An amount without its currency."""
        return self.number(format_micros(micros, minor_digits))

    def date(self, day: dt.date) -> str:
        """A day in a sentence."""
        return self._filled(self.long, day)

    def short_date(self, day: dt.date) -> str:
        """A day in a table."""
        return self._filled(self.short, day)

    def month_of(self, day: dt.date) -> str:
        """The month of a day, with its year."""
        return self._filled(self.month, day)

    def _filled(self, pattern: str, day: dt.date) -> str:
        padded = {"y": f"{day.year:04d}", "mm": f"{day.month:02d}", "dd": f"{day.day:02d}"}
        return pattern.format(m=day.month, d=day.day, name=self.months[day.month - 1], **padded)


_GREAT_BRITAIN: Final = Locale(".", ",", _ENGLISH, "{d} {name} {y}", "{dd}/{mm}/{y}", "{name} {y}")
_GERMANY: Final = Locale(",", ".", _GERMAN, "{d}. {name} {y}", "{dd}.{mm}.{y}", "{name} {y}")
_CHINA: Final = Locale(".", ",", _NUMBERED, "{y}年{m}月{d}日", "{y}-{mm}-{dd}", "{y}年{m}月")
# English without a country writes days in tables as ISO 8601 does, which no country reads in another order.
LOCALES: Final[Mapping[str, Locale]] = {
    "de": _GERMANY,
    "de-AT": _GERMANY._replace(months=_AUSTRIAN),
    "de-CH": _GERMANY._replace(point=".", group="\u2019"),
    "en": _GREAT_BRITAIN._replace(short="{y}-{mm}-{dd}"),
    "en-GB": _GREAT_BRITAIN,
    "en-IE": _GREAT_BRITAIN,
    "en-US": Locale(".", ",", _ENGLISH, "{name} {d}, {y}", "{mm}/{dd}/{y}", "{name} {y}"),
    "zh": _CHINA,
    "zh-CN": _CHINA,
}


class LocaleChoice(NamedTuple):
    """A locale. `wanted`: the one that was asked for where there is none of that name, else empty."""

    locale: Locale
    wanted: str


def locale_of(language: str, names: Mapping[str, str]) -> LocaleChoice:
    """The locale of a language. `names`: locales by language, as the issuer wants them."""
    wanted = names.get(language, language)
    found = LOCALES.get(wanted)
    return LocaleChoice(LOCALES[language], wanted) if found is None else LocaleChoice(found, "")
