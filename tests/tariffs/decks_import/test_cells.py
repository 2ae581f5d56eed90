"""Amounts, increments and dates as carriers write them."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest

from rating.model import QuantityUnit
from tariffs.decks_import import cells
from tariffs.decks_import.mapping import AmountsEntry
from tariffs.language.texts import TextError

POINT = AmountsEntry()
COMMA = AmountsEntry(decimal=",", thousands=".")
ENGLISH = AmountsEntry(thousands=",")
TIME, BYTES = QuantityUnit.MILLISECOND, QuantityUnit.BYTE

AMOUNTS = [
    ("0.0142", POINT, "0.0142"),
    (" 12 ", POINT, "12"),
    ("12.", POINT, "12"),
    (".5", POINT, "0.5"),
    ("0.01230", POINT, "0.0123"),
    ("0.123456789", POINT, "0.123456789"),
    ("0,0142", COMMA, "0.0142"),
    ("1.234,50", COMMA, "1234.5"),
    ("1,234.50", ENGLISH, "1234.5"),
    ("1,234,567", ENGLISH, "1234567"),
]


@pytest.mark.parametrize(("text", "how", "expected"), AMOUNTS)
def test_amounts(text: str, how: AmountsEntry, expected: str) -> None:
    assert cells.amount(text, how) == Fraction(expected)


WRONG_AMOUNTS = [
    ("", POINT, "not an amount"),
    (".", POINT, "not an amount"),
    ("015", POINT, "needless zero"),
    ("-0.1", POINT, "below zero"),
    ("0,1", POINT, "has a comma"),
    ("1,5", ENGLISH, "groups of three"),
    ("0.1", COMMA, "groups of three"),
    ("0.1", AmountsEntry(decimal=","), "has a point"),
    ("1.2E-05", POINT, "not an amount"),
    ("$0.1", POINT, "not an amount"),
    ("1" * 400, POINT, "not an amount"),
    ("nan", POINT, "not an amount"),
]


@pytest.mark.parametrize(("text", "how", "message"), WRONG_AMOUNTS)
def test_wrong_amounts(text: str, how: AmountsEntry, message: str) -> None:
    with pytest.raises(TextError, match=message):
        cells.amount(text, how)


INCREMENTS = [
    ("60/1", TIME, (60_000, 1_000)),
    ("1/1", TIME, (1_000, 1_000)),
    ("6", TIME, (6_000, 6_000)),
    ("6.0", TIME, (6_000, 6_000)),
    ("30s / 6 sec", TIME, (30_000, 6_000)),
    ("500ms/100ms", TIME, (500, 100)),
    ("100KB", BYTES, (100_000, 100_000)),
]


@pytest.mark.parametrize(("text", "unit", "expected"), INCREMENTS)
def test_increments(text: str, unit: QuantityUnit, expected: tuple[int, int]) -> None:
    assert cells.increments(text, unit) == expected


@pytest.mark.parametrize("text", ["0/1", "60/0", "0", "-1/1", "60/1/1", "1MB", "x", "", "/", "9" * 30, "1.5"])
def test_wrong_increments(text: str) -> None:
    with pytest.raises(TextError):
        cells.increments(text, TIME)


# increments, minimum -> increments that charge it; by hand: the least first + n x further that is not below the minimum
MINIMA = [((6, 6), 30, (30, 6)), ((60, 1), 30, (60, 1)), ((1, 1), 60, (60, 1)), ((10, 6), 30, (34, 6)), ((30, 6), 30, (30, 6))]


@pytest.mark.parametrize(("lengths", "minimum", "expected"), MINIMA)
def test_a_minimum_grows_the_first_increment(lengths: tuple[int, int], minimum: int, expected: tuple[int, int]) -> None:
    assert cells.covering(lengths, minimum) == expected


DATES = [
    ("YYYY-MM-DD", "2026-12-01", dt.date(2026, 12, 1)),
    ("YYYY-MM-DD", "2026-12-01 00:00:00", dt.date(2026, 12, 1)),
    ("DD/MM/YYYY", "01/12/2026", dt.date(2026, 12, 1)),
    ("MM/DD/YYYY", "12/1/2026", dt.date(2026, 12, 1)),
    ("DD-MON-YYYY", "01-Dec-2026", dt.date(2026, 12, 1)),
    ("YYYYMMDD", "20261201", dt.date(2026, 12, 1)),
    ("DD.MM.YYYY", "1.12.2026", dt.date(2026, 12, 1)),
]


@pytest.mark.parametrize(("form", "text", "expected"), DATES)
def test_dates(form: str, text: str, expected: dt.date) -> None:
    assert cells.dates(cells.date_format(form))(text) == expected


@pytest.mark.parametrize("text", ["", "2026-13-01", "2026-02-30", "01/12/2026", "2026-12-01 12:00:00", "soon"])
def test_wrong_dates(text: str) -> None:
    with pytest.raises(TextError, match="is not a date like YYYY-MM-DD"):
        cells.dates("YYYY-MM-DD")(text)


@pytest.mark.parametrize("form", ["", "DD/MM", "YYYY-MM-DD-DD", "D.M.Y", 7, None])
def test_wrong_formats_of_dates(form: object) -> None:
    with pytest.raises(TextError, match="is not a format of dates"):
        cells.date_format(form)
