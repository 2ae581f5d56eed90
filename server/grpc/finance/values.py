"""Values of finance at the edge of the API: money that comes in, names of resources, days, texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from google.protobuf.message import Message

from billing.days import DayError, within_reach
from rating.errors import quoted
from rating.money import MICROS_LIMIT, MICROS_PER_UNIT
from server.grpc import calls, convert
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import grpc
    from google.type import date_pb2, money_pb2

    from billing.payments.writing import Act

TEXT_CHARACTERS_MAX: Final = 4_096
MAPPING: Final = "mapping"  # a field that is a file
_CURRENCY: Final = re.compile(r"[A-Z]{3}")

Answer = TypeVar("Answer", bound=Message)


class Given(NamedTuple):
    """An amount as it was given. `currency`: None where none was named; `micros`: None where all is meant."""

    currency: str | None
    micros: int | None


class Amount(NamedTuple):
    """An amount that was given. `currency`: None where none was named."""

    currency: str | None
    micros: int


def write(  # noqa: PLR0913, PLR0917 -- a call, what it does, and how it is answered again
    door: calls.Door,
    request: Any,  # noqa: ANN401 -- a message with `request_id` and `validate_only`
    context: grpc.ServicerContext,
    act: Callable[[Act], Answer],
    recover: Callable[[int], Answer],
    answer_type: type[Answer],
    answer_of: Callable[[Any], Answer] | None = None,
) -> Answer:
    """Do what a call asks for, once, where its texts can be stored (`server.grpc.calls.write`)."""

    def checked(by: Act) -> Answer:
        require_texts(request)
        return act(by)

    return calls.write(door, request, context, answer_type, checked, recover, answer_of)


def amount(value: money_pb2.Money, field: str) -> Amount:
    """The micro-units of a request's `field`. Refuses a currency that is no code, and what is no whole number of micro-units."""
    if value.currency_code and not _CURRENCY.fullmatch(value.currency_code):
        raise _malformed(field, f"{quoted(value.currency_code)} is not a code of a currency")
    micros, rest = divmod(abs(value.nanos), convert.NANOS_PER_MICRO)
    if rest or abs(value.nanos) >= MICROS_PER_UNIT * convert.NANOS_PER_MICRO or value.units * value.nanos < 0:
        raise _malformed(field, f"{value.units} units and {value.nanos} nanos are not an amount of whole micro-units")
    total = value.units * MICROS_PER_UNIT + (-micros if value.nanos < 0 else micros)
    if abs(total) >= MICROS_LIMIT:
        raise _malformed(field, f"{value.units} units are too much")
    return Amount(value.currency_code or None, total)


def required_amount(request: Message, field: str) -> Amount:
    """The amount of a field that has to be there."""
    if not request.HasField(field):
        raise _malformed(field, "it is missing")
    return amount(getattr(request, field), field)


def amount_or_all(request: Message, field: str) -> Given:
    """The amount of a field; all that is possible where it is absent."""
    return Given(*amount(getattr(request, field), field)) if request.HasField(field) else Given(None, None)


def day(request: Message, field: str) -> dt.date:
    """The day of a field that has to be there. Refuses one that no record has."""
    found = convert.parse_date(getattr(request, field), field)
    try:
        return within_reach(found)
    except DayError as error:
        raise _malformed(field, str(error)) from None


def day_or_none(request: Message, field: str) -> dt.date | None:
    """The day of a field; None where it is absent."""
    return day(request, field) if request.HasField(field) else None


def date_message(text: str) -> date_pb2.Date | None:
    """A day of an answer; None for an empty one."""
    return convert.date(text) if text else None


def account(name: str) -> str:
    """The id in `accounts/{account}`, of one account."""
    found = convert.parse_account_name(name)
    if found == convert.ALL_ACCOUNTS:
        raise invalid("MALFORMED_NAME", f"{quoted(name)} is not one account", {"form": "accounts/{account}"})
    return found


def account_or_all(name: str) -> str | None:
    """The id in `accounts/{account}`; None for `accounts/-`."""
    found = convert.parse_account_name(name)
    return None if found == convert.ALL_ACCOUNTS else found


def identity(name: str, collection: str, form: str) -> str:
    """The id in `collection/{form}`. Ids that people gave may hold a slash."""
    prefix = f"{collection}/"
    found = name.removeprefix(prefix)
    if not name.startswith(prefix) or not found or "\0" in found:
        raise invalid("MALFORMED_NAME", f"{quoted(name)} does not have the form {prefix}{{{form}}}", {"form": f"{prefix}{{{form}}}"})
    return found


def require_texts(request: Message) -> None:
    """Refuse a text that no database takes, or that is none of a person: with a NUL character, or too long."""
    for field, value in request.ListFields():
        for each in value if isinstance(value, (list, tuple)) or hasattr(value, "append") else (value,):
            if isinstance(each, Message):
                require_texts(each)
            elif isinstance(each, str) and "\0" in each:
                raise _malformed(field.name, "it has a NUL character")
            elif isinstance(each, str) and field.name != MAPPING and len(each) > TEXT_CHARACTERS_MAX:
                raise _malformed(field.name, f"it is longer than {TEXT_CHARACTERS_MAX:,} characters")


def _malformed(field: str, what: str) -> Exception:
    return invalid("MALFORMED_REQUEST", f"{field}: {what}", {"field": field})
