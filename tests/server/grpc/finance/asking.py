"""Requests and answers in tests of finance: amounts and days as text, answers as a command prints them with --json."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from ratewright.v1 import payment_service_pb2 as pb
from ratewright.v1 import settlement_pb2
from rating.money import parse_micros
from server.grpc import convert

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.type import date_pb2, money_pb2

MAPPING = """
name: city-bank
account: CB
header_lines: 1
columns: {id: id, date: booked, amount: amount, currency: currency, payer: payer, reference: [purpose]}
date: "%Y-%m-%d"
outgoing: ignore
match: {invoice: "R-[0-9]{10}"}
"""
BANK_FILE = b"""id,booked,amount,currency,payer,purpose
T-1,2025-11-10,4.00,CNY,anna,R-0000000001
T-2,2025-11-10,7.00,CNY,somebody,thank you
T-3,2025-11-11,-1.50,CNY,bank,fees
T-4,2025-11-11,2.00,CNY,somebody,hello
"""


def money(text: str, currency: str = "CNY") -> money_pb2.Money:
    """An amount such as 12.50."""
    return convert.money(currency, parse_micros(text))


def day(text: str) -> date_pb2.Date:
    """A day of 2025, such as 11-10."""
    return convert.date(dt.date.fromisoformat(f"2025-{text}"))


def micros(amount: money_pb2.Money) -> int:
    """The micro-units of an answer."""
    return int(amount.units) * 1_000_000 + amount.nanos // 1_000


def iso(date: date_pb2.Date) -> str:
    """The ISO text of an answer's day; empty for none."""
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}" if date.year else ""


def tail(name: str) -> str:
    """The id behind the collection of a name."""
    return name.partition("/")[2]


def settled(parts: Iterable[settlement_pb2.Settlement]) -> list[list[Any]]:
    """Settlements as --json has them."""
    return [[each.invoice, micros(each.amount)] for each in parts]


def payment(
    payment_id: str = "P-1",
    amount: str | money_pb2.Money | None = "4.00",
    account: str = "anna",
    **more: Any,  # noqa: ANN401 -- fields of the message
) -> pb.RecordPaymentRequest:
    """A payment of 10 November."""
    given = money(amount) if isinstance(amount, str) else amount
    fields = {"amount": given, "receive_date": day("11-10"), "reference": "thanks", **more}
    return pb.RecordPaymentRequest(parent=f"accounts/{account}", payment_id=payment_id, **fields)


def bank_file(**more: Any) -> pb.ImportBankFileRequest:  # noqa: ANN401 -- fields of the message
    """Three payments and a fee: one names anna's invoice, two match nothing."""
    return pb.ImportBankFileRequest(**{"file_name": "bank.csv", "content": BANK_FILE, "mapping": MAPPING, **more})
