"""Figures, dates and times of day as customers read them: a table of rows, English and Chinese."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from rating.model import Band, Calendar, QuantityUnit, Service
from tariffs.sheets import bands, zones
from tariffs.sheets.figures import Writer
from tariffs.sheets.words_en import ENGLISH
from tariffs.sheets.words_zh import CHINESE
from tests.tariffs.sheets.shown import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

TIME, BYTES, MESSAGES, MONEY = QuantityUnit.MILLISECOND, QuantityUnit.BYTE, QuantityUnit.MESSAGE, QuantityUnit.MICRO


@pytest.fixture(scope="module")
def writers() -> tuple[Writer, Writer]:
    found = catalogue("mobile")
    return Writer(found, ENGLISH.figures), Writer(found, CHINESE.figures)


QUANTITIES = [
    (60_000, TIME, "1 minute", "1 分钟"),
    (95_000, TIME, "95 seconds", "95 秒"),
    (1_000, TIME, "1 second", "1 秒"),
    (0, TIME, "0 seconds", "0 秒"),
    (250, TIME, "250 milliseconds", "250 毫秒"),
    (155_000, TIME, "2 minutes 35 seconds", "2 分钟 35 秒"),
    (18_000_000, TIME, "300 minutes", "300 分钟"),
    (10_000, BYTES, "10 KB", "10 KB"),
    (1_048_576, BYTES, "1 MiB", "1 MiB"),
    (5_000_000_000, BYTES, "5 GB", "5 GB"),
    (1_234, BYTES, "1,234 B", "1,234 B"),
    (0, BYTES, "0 B", "0 B"),
    (1, MESSAGES, "1 message", "1 条"),
    (1_500, MESSAGES, "1,500 messages", "1,500 条"),
    (12_500_000, MONEY, "EUR 12.50", "12.50 欧元"),
]


@pytest.mark.parametrize("row", QUANTITIES)
def test_quantities(writers: tuple[Writer, Writer], row: tuple[int, QuantityUnit, str, str]) -> None:
    value, unit, *expected = row
    assert [writer.quantity(value, unit) for writer in writers] == expected


def test_purchases_are_no_messages(writers: tuple[Writer, Writer]) -> None:
    assert [writer.quantity(2, MESSAGES, Service.CONTENT) for writer in writers] == ["2 purchases", "2 次"]


PER = [
    (60_000, TIME, Service.VOICE, "minute", "分钟"),
    (1_000, TIME, Service.VOICE, "second", "秒"),
    (3_600_000, TIME, Service.VOICE, "hour", "小时"),
    (180_000, TIME, Service.VOICE, "3 minutes", "3 分钟"),
    (10**6, BYTES, Service.DATA, "MB", "MB"),
    (10**7, BYTES, Service.DATA, "10 MB", "10 MB"),
    (1, MESSAGES, Service.SMS, "message", "条"),
    (1, MESSAGES, Service.CONTENT, "purchase", "次"),
    (10, MESSAGES, Service.SMS, "10 messages", "10 条"),
]


@pytest.mark.parametrize("row", PER)
def test_what_rates_are_for(writers: tuple[Writer, Writer], row: tuple[int, QuantityUnit, Service, str, str]) -> None:
    value, unit, service, *expected = row
    words = (ENGLISH.prices.per_one, CHINESE.prices.per_one)
    assert [writer.per(value, unit, service, one) for writer, one in zip(writers, words, strict=True)] == expected


AMOUNTS = [
    (1_234_567_890_000, "EUR 1,234,567.89"),
    (5_000, "EUR 0.005"),
    (0, "EUR 0.00"),
]


@pytest.mark.parametrize(("micros", "expected"), AMOUNTS)
def test_amounts(writers: tuple[Writer, Writer], micros: int, expected: str) -> None:
    assert writers[0].amount(micros) == expected


def test_an_amount_that_no_decimal_holds_is_marked(writers: tuple[Writer, Writer]) -> None:
    assert [writer.about(Fraction(1_000_000, 3)) for writer in writers] == ["EUR 0.333333…", "0.333333… 欧元"]
    assert writers[0].about(Fraction(250_000)) == "EUR 0.25"


def test_dates(writers: tuple[Writer, Writer]) -> None:
    days = [dt.date(2026, 10, day) for day in (3, 1, 2, 9)]
    assert writers[0].dates(days) == "1 October 2026 – 3 October 2026; 9 October 2026"  # noqa: RUF001 - the dash of a span
    assert writers[1].dates(days) == "2026 年 10 月 1 日 至 2026 年 10 月 3 日；2026 年 10 月 9 日"  # noqa: RUF001 - Chinese punctuation
    assert writers[0].instant(1_760_479_200_000_000) == "15 October 2025"
    assert writers[0].instant(1_760_481_000_000_000) == "15 October 2025 00:30"


def band(days: tuple[int, ...] = (), start: int = 0, end: int = 24, **more: object) -> Band:
    """A band by hours, of the name that is asked for."""
    return Band("it", days, start * 3600, end * 3600, **more)  # type: ignore[arg-type]  # fields of a band, by name


DAILY = tuple(range(1, 8))
BANDS = [
    ([band((1, 2, 3, 4, 5), 8, 20)], "Mon-Fri 08:00-20:00", "周一至周五 08:00-20:00"),
    ([band((6, 7))], "Sat-Sun", "周六至周日"),
    ([band((1, 3, 4))], "Mon, Wed-Thu", "周一，周三至周四"),  # noqa: RUF001 - Chinese punctuation
    ([band(DAILY, 22, 24), band(DAILY, 0, 6)], "daily 22:00-06:00", "每天 22:00-06:00"),
    ([band(DAILY, 22, 24), band(DAILY, 0, 2), band(DAILY, 3, 6)], "daily 22:00-02:00, 03:00-06:00", "每天 22:00-02:00，03:00-06:00"),  # noqa: RUF001 - as above
    ([band(holidays=True)], "public holidays", "法定节假日"),
    ([band(months=(7, 8), years=(2026,))], "2026 July, August", "2026 7 月，8 月"),  # noqa: RUF001 - as above
    ([band((), 12, 14, month_days=(1, 15))], "on day 1, 15 of the month 12:00-14:00", "每月 1，15 日 12:00-14:00"),  # noqa: RUF001 - as above
    ([band(dates=(dt.date(2026, 12, 31),))], "31 December 2026", "2026 年 12 月 31 日"),
    ([band((5,), 20, 24), band((6,), 0, 4)], "Fri 20:00-24:00; Sat 00:00-04:00", "周五 20:00-24:00；周六 00:00-04:00"),  # noqa: RUF001 - as above
]


@pytest.mark.parametrize("row", BANDS)
def test_times_of_day(row: tuple[list[Band], str, str]) -> None:
    found, *expected = row
    calendar = Calendar("of a price", tuple(found))
    assert [bands.told("it", calendar, words).replace("–", "-") for words in (ENGLISH, CHINESE)] == expected  # noqa: RUF001 - dashes


MEETINGS = [
    ([band((1,), 8, 20), band((1,), 19, 22)], False),  # one name
    ([band((1,), 8, 20), Band("other one", (1,), 19 * 3600, 22 * 3600)], True),
    ([band((1,), 8, 20), Band("other one", (1,), 20 * 3600, 22 * 3600)], False),
    ([band((1,), 8, 20), Band("other one", (2,), 8 * 3600, 20 * 3600)], False),
    ([band((1,), 8, 20), Band("other one", (), 0, 86_400, holidays=True)], True),
]


@pytest.mark.parametrize(("found", "expected"), MEETINGS)
def test_bands_that_may_meet(found: list[Band], expected: bool) -> None:  # noqa: FBT001 - a row of the table
    assert bands.may_meet(Calendar("of a price", tuple(found))) is expected


NAMES = [("service-numbers", "Service Numbers"), ("USA - Hawaii", "USA - Hawaii"), ("eu", "Eu"), ("香港", "香港")]


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_names(name: str, expected: str) -> None:
    read: Callable[[str], str] = zones.name_of
    assert read(name) == expected
