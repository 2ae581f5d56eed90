"""Numbers, amounts and dates by locale, as the Unicode locale data (CLDR) has them; and the words of all languages."""

# ruff: noqa: RUF001 - Switzerland groups by an apostrophe
from __future__ import annotations

import datetime as dt
import string
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec
import pytest

from billing.accounts.parties.kinds import Style
from billing.documents.rendering.clean import Cleaner
from billing.documents.rendering.frame import Frame, grouped_iban
from billing.documents.rendering.locales import LOCALES, locale_of
from billing.documents.rendering.rendering import render
from billing.documents.rendering.words import LANGUAGES, words_of
from billing.documents.semantic.model import BillDifference, Days, Preceding, Settled, Tax
from tests.billing.documents.rendering import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.rendering.words import Language

DAY = dt.date(2026, 3, 7)
# locale, 1,234,567.89, -0.0001 (with two places at least), the day, the day in a table, the month
WRITTEN = """
de    | 1.234.567,89 | -0,0001 | 7. März 2026  | 07.03.2026 | März 2026
de-AT | 1.234.567,89 | -0,0001 | 7. März 2026  | 07.03.2026 | März 2026
de-CH | 1’234’567.89 | -0.0001 | 7. März 2026  | 07.03.2026 | März 2026
en    | 1,234,567.89 | -0.0001 | 7 March 2026  | 2026-03-07 | March 2026
en-GB | 1,234,567.89 | -0.0001 | 7 March 2026  | 07/03/2026 | March 2026
en-IE | 1,234,567.89 | -0.0001 | 7 March 2026  | 07/03/2026 | March 2026
en-US | 1,234,567.89 | -0.0001 | March 7, 2026 | 03/07/2026 | March 2026
zh    | 1,234,567.89 | -0.0001 | 2026年3月7日  | 2026-03-07 | 2026年3月
zh-CN | 1,234,567.89 | -0.0001 | 2026年3月7日  | 2026-03-07 | 2026年3月
"""
ROWS = [tuple(cell.strip() for cell in row.split("|")) for row in WRITTEN.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_locale(row: tuple[str, ...]) -> None:
    locale = LOCALES[row[0]]
    found = (locale.amount(1_234_567_890_000, 2), locale.amount(-100, 2), locale.date(DAY), locale.short_date(DAY), locale.month_of(DAY))
    assert found == row[1:]


def test_each_locale_is_in_the_table() -> None:
    assert {row[0] for row in ROWS} == set(LOCALES)
    assert LOCALES["de-AT"].date(dt.date(2026, 1, 1)) == "1. Jänner 2026"


def test_a_locale_that_is_not_known_is_told() -> None:
    assert locale_of("de", {"de": "de-CH"}).locale.point == "."
    assert locale_of("de", {"en": "en-US"}).wanted == ""
    style = samples.STYLED.style
    assert style is not None
    seller = samples.invoice(seller=samples.SELLER).seller
    made = render(samples.small(100, seller=_with_style(seller, Style(locales={"en": "en-ZA"}))), "text", "en")
    (finding,) = made.findings
    assert (finding.code, "en-ZA" in finding.message) == ("locale", True)
    assert "1 November 2025" in made.content.decode()


def _with_style(seller: Any, style: Style) -> Any:  # noqa: ANN401 - a Seller
    return msgspec.structs.replace(seller, style=style)


def frame(language: Language) -> Frame:
    """The frame that parts of a page are made with."""
    return Frame(samples.invoice(), language, words_of(language), LOCALES[language], Cleaner("document R-1"))


# unit, shown unit, quantity: English, German, Chinese
QUANTITIES = """
millisecond | - | 0          | 0:00 min           | 0:00 min           | 0:00 分钟
millisecond | - | 72247935   | 1,204:07.935 min   | 1.204:07,935 min   | 1,204:07.935 分钟
millisecond | - | -60000     | -1:00 min          | -1:00 min          | -1:00 分钟
byte        | GB | 1234567890123 | 1,234.56789… GB | 1.234,56789… GB | 1,234.56789… GB
byte        | - | 5368709120 | 5 GiB              | 5 GiB              | 5 GiB
byte        | - | 0          | 0 B                | 0 B                | 0 B
message     | - | 1          | 1 message          | 1 Nachricht        | 1 条
message     | message | 1200 | 1,200 messages     | 1.200 Nachrichten  | 1,200 条
message     | purchase | 1   | 1 purchase         | 1 Kauf             | 1 次
message     | purchase | -2  | -2 purchases       | -2 Käufe           | -2 次
micro       | - | 1234560000 | EUR 1,234.56       | 1.234,56 €         | 1,234.56 欧元
"""


@pytest.mark.parametrize("row", [tuple(cell.strip() for cell in row.split("|")) for row in QUANTITIES.strip().splitlines()])
def test_quantities(row: tuple[str, ...]) -> None:
    unit: Any = row[0]
    shown = "" if row[1] == "-" else row[1]
    found = [frame(language).quantity(int(row[2]), unit, shown).replace("\u00a0", " ") for language in LANGUAGES]
    assert found == list(row[3:])


def test_spans_of_days() -> None:
    """A whole month by its name, February of a leap year too; a day alone; else both ends."""
    english = frame("en")
    february = Days(dt.date(2028, 2, 1), dt.date(2028, 2, 29))
    assert english.span(february) == "February 2028"
    assert english.span(Days(dt.date(2028, 2, 1), dt.date(2028, 2, 28))) == "2028-02-01 to 2028-02-28"
    assert english.span(Days(DAY, DAY)) == "2026-03-07"
    assert frame("zh").span(Days(DAY, dt.date(2026, 12, 31))) == "2026-03-07 至 2026-12-31"
    assert frame("de").span(Days(dt.date(2026, 12, 1), dt.date(2026, 12, 31))) == "Dezember 2026"


def test_rates_and_accounts() -> None:
    assert [frame(language).percent(75_500).replace("\u00a0", " ") for language in LANGUAGES] == ["7.55 %", "7,55 %", "7.55 %"]
    assert grouped_iban("DE89 370400440532013000").replace("\u00a0", " ") == "DE89 3704 0044 0532 0130 00"


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - words, or a part of them
    if isinstance(value, str):
        yield place, value
    elif hasattr(value, "items"):
        for name, text in value.items():
            yield from _texts(text, f"{place}.{name}")
    else:
        names = getattr(value, "_fields", range(len(value)))
        for name, text in zip(names, value, strict=True):
            yield from _texts(text, f"{place}.{name}")


def _fields(text: str) -> list[str]:
    """The values that a text names."""
    return sorted(str(field) for _, field, _, _ in string.Formatter().parse(text) if field is not None)


@pytest.mark.parametrize("language", ["de", "zh"])
def test_words_of_all_languages_have_the_same_fields(language: Language) -> None:
    """Each text is there, and names the same values; names of currencies differ."""
    english, other = (
        {place: _fields(text) for place, text in _texts(words_of(each)) if ".currencies." not in place} for each in ("en", language)
    )
    assert other == english
    assert all(text.strip() for _, text in _texts(words_of(language)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_choice_of_the_documents_has_a_word(language: Language) -> None:
    words = words_of(language)
    assert set(words.charges.reasons) == set(_choices(BillDifference, "reason"))
    assert set(words.heads.about) == set(_choices(Preceding, "sense"))
    assert set(words.sums.categories) == set(_choices(Tax, "category"))
    assert set(words.sums.settled) == {"payment", "deposit", "document"}
    assert Settled.__doc__


def _choices(struct: type, field: str) -> tuple[str, ...]:
    return get_args(get_type_hints(struct)[field])
