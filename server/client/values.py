"""Money and dates between Python and the messages of the service. Money is integer micro-units: no float, no rounding."""

from __future__ import annotations

import datetime as dt
from typing import Final

from google.protobuf import timestamp_pb2
from google.type import date_pb2, money_pb2

MICROS_PER_UNIT: Final = 1_000_000
NANOS_PER_MICRO: Final = 1_000


def money(amount_micros: int, currency: str = "") -> money_pb2.Money:
    """An amount in micro-units as the service takes it; without a currency it is that of the account."""
    units, rest_micros = divmod(abs(amount_micros), MICROS_PER_UNIT)
    sign = -1 if amount_micros < 0 else 1
    return money_pb2.Money(currency_code=currency, units=sign * units, nanos=sign * rest_micros * NANOS_PER_MICRO)


def micros(amount: money_pb2.Money) -> int:
    """An amount of the service in micro-units. Raises ValueError for one that is no whole number of them, or has two signs."""
    sign = -1 if amount.nanos < 0 else 1
    whole, rest_nanos = divmod(abs(amount.nanos), NANOS_PER_MICRO)
    if rest_nanos or amount.units * amount.nanos < 0:
        message = f"{amount.units} units and {amount.nanos} nanos do not make whole micro-units"
        raise ValueError(message)
    return amount.units * MICROS_PER_UNIT + sign * whole


def date(of: dt.date) -> date_pb2.Date:
    """A date as the service takes it."""
    return date_pb2.Date(year=of.year, month=of.month, day=of.day)


def timestamp(at_us: int) -> timestamp_pb2.Timestamp:
    """An instant, in microseconds UTC, as the service takes it."""
    seconds, micros_of_second = divmod(at_us, MICROS_PER_UNIT)
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=micros_of_second * NANOS_PER_MICRO)


def day(of: date_pb2.Date) -> dt.date:
    """A date of the service."""
    return dt.date(of.year, of.month, of.day)
