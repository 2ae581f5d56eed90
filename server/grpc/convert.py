"""Values at the edge of the API: money, dates, resource names and page tokens.

Money inside is int64 micro-units; google.type.Money has whole units and nanos (1e-9) of one sign, so that 1 micro is 1000 nanos.
A page token is text that a client cannot read or make: a place in a list, bound to the list it belongs to by a keyed hash.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re
from typing import Final, NamedTuple

from google.protobuf import timestamp_pb2
from google.type import date_pb2, money_pb2

from rating.errors import quoted
from rating.explain import LANGUAGES
from rating.money import MICROS_PER_UNIT
from server.grpc.refusals import invalid

NANOS_PER_MICRO: Final = 1_000
SECONDS_MIN: Final = -62_135_596_800  # year 1, as a timestamp of protobuf begins
SECONDS_MAX: Final = 253_402_300_799  # year 9999, as it ends
MAC_BYTES: Final = 8
INT32_MIN: Final = -(1 << 31)
INT32_MAX: Final = (1 << 31) - 1
ALL_ACCOUNTS: Final = "-"

_ACCOUNT: Final = re.compile(r"accounts/([^/]+)")
_APPROVAL: Final = re.compile(r"approvals/([0-9]{1,18})")
_INVOICE: Final = re.compile(r"accounts/([^/]+)/invoices/([^/]+)")
_DUNNING_STATE: Final = re.compile(r"accounts/([^/]+)/dunningState")
_USAGE_STREAM: Final = re.compile(r"usageStreams/([^/]+)")
_STATEMENT: Final = re.compile(r"accounts/([^/]+)/statement")


class InvoiceName(NamedTuple):
    """The two ids in `accounts/{account}/invoices/{invoice}`."""

    account_id: str
    number: str


def money(currency: str, micros: int) -> money_pb2.Money:
    """`micros` micro-units of `currency` (ISO 4217), exactly."""
    units, rest_micros = divmod(abs(micros), MICROS_PER_UNIT)
    sign = -1 if micros < 0 else 1
    return money_pb2.Money(currency_code=currency, units=sign * units, nanos=sign * rest_micros * NANOS_PER_MICRO)


def int32_or_0(number: int) -> int:
    """A number that 32 bits hold; of another one 0: a field of 64 bits beside it has that."""
    return number if INT32_MIN <= number <= INT32_MAX else 0


def date(day: dt.date | str) -> date_pb2.Date:
    """A local date; text is ISO, such as 2025-03-31."""
    parsed = dt.date.fromisoformat(day) if isinstance(day, str) else day
    return date_pb2.Date(year=parsed.year, month=parsed.month, day=parsed.day)


def timestamp(at_us: int) -> timestamp_pb2.Timestamp:
    """An instant, in microseconds UTC."""
    seconds, micros = divmod(at_us, MICROS_PER_UNIT)
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=micros * NANOS_PER_MICRO)


def parse_timestamp(value: timestamp_pb2.Timestamp, field: str) -> int:
    """The instant of a request's `field`, in microseconds UTC; what is no instant of any year is refused."""
    if not (SECONDS_MIN <= value.seconds <= SECONDS_MAX and 0 <= value.nanos < NANOS_PER_MICRO * MICROS_PER_UNIT):
        raise invalid(
            "MALFORMED_REQUEST", f"{field}: {value.seconds} seconds and {value.nanos} nanos do not make an instant", {"field": field}
        )
    return value.seconds * MICROS_PER_UNIT + value.nanos // NANOS_PER_MICRO


def parse_date(value: date_pb2.Date, field: str) -> dt.date:
    """The date of a request's `field`; a date without year, month or day is refused."""
    try:
        return dt.date(value.year, value.month, value.day)
    except ValueError:
        text = f"{value.year:04d}-{value.month:02d}-{value.day:02d}"
        raise invalid("MALFORMED_REQUEST", f"{field}: {text} is not a date", {"field": field}) from None


def parse_account_name(name: str) -> str:
    """The account's id, or `-` for all accounts."""
    return _parse(_ACCOUNT, name, "accounts/{account}")[0]


def parse_approval_name(name: str) -> int:
    """The number of a proposal."""
    return int(_parse(_APPROVAL, name, "approvals/{approval}")[0])


def parse_invoice_name(name: str) -> InvoiceName:
    """The ids of an invoice's name."""
    account_id, number = _parse(_INVOICE, name, "accounts/{account}/invoices/{invoice}")
    return InvoiceName(account_id, number)


def parse_dunning_state_name(name: str) -> str:
    """The account's id in the name of its dunning state."""
    return _parse(_DUNNING_STATE, name, "accounts/{account}/dunningState")[0]


def parse_usage_stream_name(name: str) -> str:
    """The stream's id."""
    return _parse(_USAGE_STREAM, name, "usageStreams/{usage_stream}")[0]


def parse_statement_name(name: str) -> str:
    """The account's id in the name of its statement."""
    return _parse(_STATEMENT, name, "accounts/{account}/statement")[0]


def parse_language(code: str) -> str | None:
    """A language of ours, with or without a region in `code`; None where nothing is asked for."""
    language = code.partition("-")[0].lower()
    if language and language not in LANGUAGES:
        message = f"language_code: {quoted(code)} is not one of {', '.join(LANGUAGES)}"
        raise invalid("MALFORMED_REQUEST", message, {"field": "language_code"})
    return language or None


def page_token(parent: str, last: str, key: bytes) -> str:
    """A token for what comes after `last` in the list of `parent`."""
    body = last.encode()
    return base64.urlsafe_b64encode(_mac(parent, body, key) + body).decode()


def parse_page_token(token: str, parent: str, key: bytes) -> str:
    """The `last` in a token made by `page_token` for the same parent; empty for the empty token of a first page."""
    if not token:
        return ""
    refusal = invalid("PAGE_TOKEN", "page_token is not one that was given for this parent", {"field": "page_token"})
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        mac, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(parent, body, key)):
            raise refusal
        return body.decode()
    except ValueError:  # no base64, or no UTF-8
        raise refusal from None


def _mac(parent: str, body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(parent.encode() + b"\0" + body, key=key, digest_size=MAC_BYTES).digest()


def _parse(pattern: re.Pattern[str], name: str, form: str) -> tuple[str, ...]:
    match = pattern.fullmatch(name)
    if match is None or "\0" in name:  # which no id has, and PostgreSQL does not take in a question
        raise invalid("MALFORMED_NAME", f"{quoted(name)} does not have the form {form}", {"form": form})
    return match.groups()
