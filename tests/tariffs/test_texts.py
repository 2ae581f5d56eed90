"""What a person writes and what it means: a row a text."""

from __future__ import annotations

import datetime as dt

import pytest

from rating.model import QuantityUnit
from tariffs.language import texts
from tariffs.language.texts import Quantity, TextError

MS, BYTE, MESSAGE, MONEY = QuantityUnit.MILLISECOND, QuantityUnit.BYTE, QuantityUnit.MESSAGE, QuantityUnit.MICRO

GOOD = [
    (texts.amount, "0.085", 85_000),
    (texts.amount, "0", 0),
    (texts.amount, "12", 12_000_000),
    (texts.amount, "0.000001", 1),
    (texts.amount, "999999999999.999999", 10**18 - 1),
    (texts.percent, "19", 190_000),
    (texts.percent, 19, 190_000),
    (texts.percent, "7.7", 77_000),
    (texts.percent, "0.0001", 1),
    (texts.quantity, "60s", Quantity(60_000, MS)),
    (texts.quantity, "100ms", Quantity(100, MS)),
    (texts.quantity, "1min", Quantity(60_000, MS)),
    (texts.quantity, "0.5 min", Quantity(30_000, MS)),
    (texts.quantity, "2h", Quantity(7_200_000, MS)),
    (texts.quantity, "1MB", Quantity(10**6, BYTE)),
    (texts.quantity, "1MiB", Quantity(2**20, BYTE)),
    (texts.quantity, "100KB", Quantity(10**5, BYTE)),
    (texts.quantity, "2GiB", Quantity(2**31, BYTE)),
    (texts.quantity, "0B", Quantity(0, BYTE)),
    (texts.quantity, "1 message", Quantity(1, MESSAGE)),
    (texts.quantity, "50 messages", Quantity(50, MESSAGE)),
    (texts.grant, "500MB", Quantity(500 * 10**6, BYTE)),
    (texts.grant, "5.00", Quantity(5_000_000, MONEY)),
    (texts.month, "Dec", 12),
    (texts.month, 1, 1),
    (texts.duration_us, "60.000400s", 60_000_400),
    (texts.duration_us, "1min", 60_000_000),
    (texts.days, "mon-fri", (1, 2, 3, 4, 5)),
    (texts.days, "sat,sun", (6, 7)),
    (texts.days, "Fri-Mon", (1, 5, 6, 7)),
    (texts.days, "daily", (1, 2, 3, 4, 5, 6, 7)),
    (texts.days, "wed", (3,)),
    (texts.band_start, "08:00", 28_800),
    (texts.band_start, "08:00:30", 28_830),
    (texts.band_start, "17:59", 64_740),
    (texts.band_end, "24:00", 86_400),
    (texts.instant, "2026-01-01T00:00:00+01:00", 1_767_222_000_000_000),
    (texts.instant, "2025-12-31T23:00:00Z", 1_767_222_000_000_000),
    (texts.date, "2026-01-01", dt.date(2026, 1, 1)),
]


@pytest.mark.parametrize(("read", "raw", "value"), GOOD)
def test_good(read: object, raw: object, value: object) -> None:
    assert callable(read)
    assert read(raw) == value


# reader, text, part of the message, part of the remedy
BAD = [
    (texts.amount, 0.085, "must be text", '"0.085"'),
    (texts.amount, 5, "must be text", '"5"'),
    (texts.amount, 1e-06, "must be text", '"0.000001"'),
    (texts.amount, True, "not true or false", '"0.085"'),
    (texts.amount, None, "not nothing", '"0.085"'),
    (texts.amount, "015", "needless zero", '"0.15"'),
    (texts.amount, "-1", "below zero", "zero or more"),
    (texts.amount, "1,5", "comma", '"1.5"'),
    (texts.amount, "0.0000001", "more than six places", "larger `per`"),
    (texts.amount, "1e3", "not a decimal", '"0.085"'),
    (texts.amount, ".5", "not a decimal", '"0.085"'),
    (texts.amount, "1234567890123", "not a decimal", '"0.085"'),
    (texts.amount, "٣", "not a decimal", '"0.085"'),
    (texts.percent, 19.5, "must be text", '"19.5"'),
    (texts.percent, "19%", "not a percentage", '"19"'),
    (texts.percent, "-3", "not a percentage", '"19"'),
    (texts.quantity, "60", "not a quantity", "60s"),
    (texts.quantity, 60, "the number 60", "60s"),
    (texts.quantity, "60sec", "not a quantity", "60s"),
    (texts.quantity, "1mb", "not a quantity", "MB"),
    (texts.quantity, "0.5ms", "not a whole number of milliseconds", "finer"),
    (texts.quantity, "0.5 messages", "not a whole number of messages", "finer"),
    (texts.grant, 5, "must be text", '"5"'),
    (texts.grant, "5 EUR", "not a quantity", "60s"),
    (texts.month, 13, "not a month", "1 to 12"),
    (texts.month, "13", "not a month", "dec"),
    (texts.month, True, "not a month", "1 to 12"),
    (texts.duration_us, "0.0001ms", "whole number", "fewer places"),
    (texts.duration_us, "5MB", "not a duration", "185.2s"),
    (texts.increments, "60", "not a pair", "60/1"),
    (texts.increments, "60/0", "not a quantity", "60s"),
    (texts.increments, "60/1/1", "not a pair", "60/1"),
    (texts.days, "monday", "does not name days", "mon-fri"),
    (texts.days, "mon-wed-fri", "does not name days", "mon-fri"),
    (texts.days, "", "does not name days", "mon-fri"),
    (texts.band_start, "24:00", "cannot begin", '"00:00"'),
    (texts.band_start, "8:00", "not a time", '"08:00"'),
    (texts.band_end, "17:59", "leaves out", '"18:00"'),
    (texts.band_end, "23:59:59", "leaves out", '"24:00"'),
    (texts.band_end, "24:01", "not a time", '"24:00"'),
    (texts.instant, "2026-01-01T00:00:00", "no offset", "+01:00"),
    (texts.instant, "1.1.2026", "not an instant", "2026-01-01T00:00:00+01:00"),
    (texts.date, "20260101", "not a date", "2026-01-01"),
    (texts.date, "2026-02-30", "not a date", "2026-01-01"),
]


@pytest.mark.parametrize(("read", "raw", "message", "remedy"), BAD)
def test_bad(read: object, raw: object, message: str, remedy: str) -> None:
    assert callable(read)
    with pytest.raises(TextError) as caught:
        read(raw)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "unit", "lengths"),
    [("60/1", MS, (60_000, 1_000)), ("100ms/100ms", MS, (100, 100)), ("10KB/1KB", BYTE, (10_000, 1_000)), ("1/1", MESSAGE, (1, 1))],
)
def test_increments(text: str, unit: QuantityUnit, lengths: tuple[int, int]) -> None:
    assert texts.increments(text).of(unit) == lengths
