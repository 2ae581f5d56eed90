"""The files that an import may hold, their columns, and the permitted contents of their cells.

Dates are ISO in the account's zone; instants of numbers are ISO with an offset; amounts are decimal text in the account's currency.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import zoneinfo
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa

from billing.accounts.importing.sheets import CellError, Column, Layout
from billing.accounts.kinds import CATEGORIES, PAYMENT_DAYS_MAX
from billing.days import DayError, read_day, within_reach
from rating import definition_file
from rating.dates import instant_of
from rating.errors import quoted
from rating.money import MoneyError, parse_micros
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN_ID: Final = "^[0-9A-Za-z_.:@-]{1,64}$"
_ID: Final = re.compile(r"[^\s/]{1,64}")
_SERVED_ID: Final = re.compile(r"(?!\+[1-9][0-9]{6,14}$)[^\s/\0]{1,64}")  # usage has numbers without +: one with it would never be found
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
ENTITY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_REFERENCE: Final = re.compile(r"[^\s\0]([^\n\0]{0,62}[^\s\0])?")
_KIND: Final = re.compile(r"[a-z][a-z_]{0,31}")
_CATALOGUE: Final = re.compile(r"[^\s/\0]{1,64}")
_PLAN: Final = re.compile(r"[^\s/]+/[^\s/]+")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_WHOLE: Final = re.compile(r"[0-9]{1,18}")


def read_date(text: str) -> str:
    """An ISO date within reach. Raises CellError."""
    try:
        return read_day(text).isoformat()
    except DayError as error:
        raise CellError(str(error), error.remedy) from None


def read_instant(text: str) -> int:
    """Microseconds UTC of an ISO instant with its offset. Raises CellError."""
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise CellError(f"{text!r} is not an instant with its offset", "write it as 2026-01-31T00:00:00+08:00")
    try:
        within_reach(instant.date())
    except DayError as error:
        raise CellError(str(error), error.remedy) from None
    return instant_of(instant)


def _matching(pattern: re.Pattern[str], remedy: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise CellError(f"{text!r} cannot be used", remedy)
        return text

    return read


def _currency(text: str) -> str:
    if text not in MINOR_DIGITS:
        raise CellError(f"{text!r} is not a currency of ISO 4217", "use its three capital letters, such as CNY")
    return text


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else None


def _free_text(text: str) -> str:
    if not text.isprintable():
        raise CellError(f"{text!r} holds control characters", "write plain text")
    return text


def _entity_or_none(text: str) -> str:
    """The name of a legal entity; empty for the one without a name."""
    return _matching(ENTITY, "use letters, digits, - and _; leave it empty for the one without a name")(text) if text else ""


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if _WHOLE.fullmatch(text) is None or not low <= int(text) <= high:
            raise CellError(f"{text!r} is not a whole number from {low} to {high}", "give such a number")
        return int(text)

    return read


def _timezone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise CellError(f"{text!r} is not a time zone", "use an IANA name such as Asia/Shanghai") from None
    return text


def _amount(text: str) -> int:
    try:
        return parse_micros(text)
    except MoneyError as error:
        raise CellError(str(error), "write it as 12.50, or -12.50 for a credit") from None


def _category(text: str) -> str | None:
    if text and text not in CATEGORIES:
        raise CellError(f"{text!r} is not a category", f"use one of {', '.join(CATEGORIES)}, or leave it empty")
    return None if text in {"", "normal"} else text


def _object(example: str) -> Callable[[str], str]:
    """Read a JSON object, such as `example`, in one spelling."""

    def read(text: str) -> str:
        try:
            value = definition_file.from_json(text or "{}", dict[str, Any])
            json.loads(text or "{}", object_pairs_hook=_once)
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError):
            raise CellError(f"{quoted(text)} is not a JSON object", f"write it as {example}, quotes doubled in CSV") from None
        return msgspec.json.encode(value).decode()

    return read


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these keys and values. Raises CellError for a key that is there twice: one of the values would be lost."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise CellError(f"the key {quoted(key)} is there twice", "give each key once")
        found[key] = value
    return found


a_served_id: Final = _matching(_SERVED_ID, "use 1 to 64 characters without spaces and slashes; an E.164 number as digits without +")
an_id: Final = _matching(_ID, "use 1 to 64 characters without spaces and slashes")
_a_plan = _matching(_PLAN, "name it as catalogue/plan, such as mobile/smart-m")
_TEXT: Final = pa.string()
_INT: Final = pa.int64()
_id_column: Final = Column(an_id, _TEXT, plain=_PLAIN_ID)
_date_column: Final = Column(read_date, _TEXT)
_open_date: Final = Column(_or_none(read_date), _TEXT)


def _fact(example: str) -> dict[str, Column]:
    return {
        "kind": Column(_matching(_KIND, "use a word such as payer"), _TEXT),
        "from_date": _date_column,
        "to_date": _open_date,
        "detail": Column(_object(example), _TEXT),
    }


ACCOUNTS: Final = Layout(
    "accounts",
    {
        "account_id": _id_column,
        "name": Column(_free_text, _TEXT, plain=r"^[ -~\x{4E00}-\x{9FFF}]*$"),
        "currency": Column(_currency, _TEXT),
        "timezone": Column(_timezone, _TEXT),
        "bill_day": Column(_whole(1, 31), _INT),
        "language": Column(_matching(_LANGUAGE, "use a language tag such as zh or en"), _TEXT),
        "opened_on": _date_column,
        "billed_through": _open_date,
        "dunning_policy": Column(_matching(_NAME, "name a policy with small letters, digits, - and _"), _TEXT),
        "payment_days": Column(_whole(0, PAYMENT_DAYS_MAX), _INT),
        "legal_entity": Column(_or_none(_matching(ENTITY, "use letters, digits, - and _")), _TEXT, may_be_missing=True),
        "category": Column(_category, _TEXT, may_be_missing=True),
    },
)
SUBSCRIPTIONS: Final = Layout(
    "subscriptions",
    {
        "subscription_id": _id_column,
        "account_id": _id_column,
        "plan": Column(_a_plan, _TEXT),
        "from_date": _date_column,
        "to_date": _open_date,
        "transferred_from": Column(_or_none(an_id), _TEXT, may_be_missing=True),
    },
)
NUMBERS: Final = Layout(
    "numbers",
    {
        "served_id": Column(a_served_id, _TEXT, plain=_PLAIN_ID),
        "subscription_id": _id_column,
        "from": Column(read_instant, _INT),
        "to": Column(_or_none(read_instant), _INT),
    },
)
PLAN_CHANGES: Final = Layout(
    "plan_changes", {"subscription_id": _id_column, "from_date": _date_column, "plan": Column(_a_plan, _TEXT)}, may_be_missing=True
)
ACCOUNT_FACTS: Final = Layout("account_facts", {"account_id": _id_column, **_fact('{"bill_day": 15}')}, may_be_missing=True)
SUBSCRIPTION_FACTS: Final = Layout(
    "subscription_facts", {"subscription_id": _id_column, **_fact('{"minimum_months": 12}')}, may_be_missing=True
)
OPENING_ITEMS: Final = Layout(
    "opening_items",
    {
        "account_id": _id_column,
        "reference": Column(_matching(_REFERENCE, "use 1 to 64 characters, such as the number of the old invoice"), _TEXT),
        "issued_on": _date_column,
        "due_on": _date_column,
        "amount": Column(_amount, _INT),
    },
    may_be_missing=True,
)
OPENING_ALLOWANCES: Final = Layout(
    "opening_allowances",
    {
        "account_id": _id_column,
        "subscription_id": Column(_or_none(an_id), _TEXT),
        "catalogue": Column(_matching(_CATALOGUE, "give its identity, such as mobile"), _TEXT),
        "plan": Column(_or_none(_a_plan), _TEXT),
        "allowance": Column(_whole(1, 2**31 - 1), _INT),
        "period_end": _date_column,
        "serves_to": _date_column,
        "quantity": Column(_whole(0, 10**18 - 1), _INT),
    },
    may_be_missing=True,
)
BASELINES: Final = Layout(
    "baselines",
    {"account_id": _id_column, "month": Column(_matching(_MONTH, "write it as 2026-10"), _TEXT), "amount": Column(_amount, _INT)},
    may_be_missing=True,
)
_party_fact: Final = {
    "kind": Column(_matching(_KIND, "use a word such as address"), _TEXT),
    "name": Column(_free_text, _TEXT, plain=r"^[a-z0-9_.-]*$"),
    "from_date": _date_column,
    "to_date": _open_date,
    "detail": Column(_object('{"city": "Berlin"}'), _TEXT),
}
PARTY_FACTS: Final = Layout("party_facts", {"account_id": _id_column, **_party_fact}, may_be_missing=True)
ISSUER_FACTS: Final = Layout("issuer_facts", {"entity": Column(_entity_or_none, _TEXT), **_party_fact}, may_be_missing=True)
LAYOUTS: Final = (
    ACCOUNTS,
    SUBSCRIPTIONS,
    NUMBERS,
    PLAN_CHANGES,
    ACCOUNT_FACTS,
    SUBSCRIPTION_FACTS,
    OPENING_ITEMS,
    OPENING_ALLOWANCES,
    BASELINES,
    PARTY_FACTS,
    ISSUER_FACTS,
)
