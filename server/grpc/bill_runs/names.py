"""Resource names of bill runs, re-ratings, operations and accounts, and small values of their messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rating.errors import quoted
from server.grpc import convert
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf import timestamp_pb2
    from google.protobuf.message import Message
    from google.type import money_pb2

TEXT_CHARACTERS_MAX: Final = 2_000
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")  # what a database keeps has as many digits
_OPERATION: Final = re.compile(r"operations/([0-9a-f]{32})")


def run_name(run_id: int | None) -> str:
    """`billRuns/{run}`; empty for none."""
    return f"billRuns/{run_id}" if run_id else ""


def parse_run_name(name: str) -> int:
    """The number of a run."""
    return _number(name, "billRuns")


def parse_rerating_name(name: str) -> int:
    """The number of a re-rating."""
    return _number(name, "reratings")


def parse_operation_name(name: str) -> str:
    """The id of an operation."""
    found = _OPERATION.fullmatch(name)
    if found is None:
        raise invalid(
            "MALFORMED_NAME", f"{quoted(name)} does not have the form operations/{{operation}}", {"form": "operations/{operation}"}
        )
    return found[1]


def parse_accounts(names: Sequence[str]) -> tuple[str, ...] | None:
    """The ids of accounts; None for no names, which means all."""
    return tuple(parse_account(each) for each in names) or None


def parse_account(name: str) -> str:
    """The id of one account."""
    account_id = convert.parse_account_name(name)
    if account_id == convert.ALL_ACCOUNTS:
        raise invalid("MALFORMED_NAME", f"{quoted(name)} is not one account", {"form": "accounts/{account}"})
    return account_id


def threads(wanted: int) -> int:
    """The number of threads of a request."""
    if wanted < 0:
        raise invalid("MALFORMED_REQUEST", f"threads: {wanted} is below zero", {"field": "threads"})
    return wanted


def require_texts(request: Message) -> None:
    """Raises Refusal MALFORMED_REQUEST for a text that no database keeps, or that is too long to be meant."""
    for field, value in request.ListFields():
        if isinstance(value, str) and ("\0" in value or len(value) > TEXT_CHARACTERS_MAX):
            message = f"{field.name} is longer than {TEXT_CHARACTERS_MAX:,} characters, or has a NUL character"
            raise invalid("MALFORMED_REQUEST", message, {"field": field.name})


def amounts(by_currency: Mapping[str, int]) -> list[money_pb2.Money]:
    """One amount a currency, in the order of their codes."""
    return [convert.money(currency, micros) for currency, micros in sorted(by_currency.items())]


def instant(instant_us: int) -> timestamp_pb2.Timestamp | None:
    """An instant; None for one that is not yet."""
    return convert.timestamp(instant_us) if instant_us else None


def _number(name: str, collection: str) -> int:
    kind, slash, number = name.partition("/")
    if kind != collection or not slash or _NUMBER.fullmatch(number) is None:
        form = f"{collection}/{{number}}"
        raise invalid("MALFORMED_NAME", f"{quoted(name)} does not have the form {form}", {"form": form})
    return int(number)
