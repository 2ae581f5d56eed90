"""The connection of a command to a service, and values between messages and what commands print."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final

import grpc
from google.protobuf import timestamp_pb2

from rating.errors import NotFoundError, UserError
from server.cli.output import printable
from server.cli.remote.receiving import take
from server.client import CallError, Connection, Retries, micros, money

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.type import date_pb2, money_pb2

    from ratewright.v1 import settlement_pb2
    from server.cli.homes import Place

PAGE_SIZE: Final = 1_000
PORT_MAX: Final = 65_535
LONG_S: Final = 590.0  # deadline of a call that reads or computes much: within what a service takes by default
RETRIES: Final = Retries(attempts_max=4)  # some two seconds, for a service that starts again
_WRONG_CALL: Final = 2
_ALL: Final = "-"
_REMEDIES: Final = {
    grpc.StatusCode.UNAVAILABLE: "check the address, --ca, and that the service runs",
    grpc.StatusCode.DEADLINE_EXCEEDED: "see whether it was done before you give the command again",
    grpc.StatusCode.UNAUTHENTICATED: "name the file of a token that is valid with --token-file or RATEWRIGHT_TOKEN_FILE",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "send or ask for less at once, or give the command on the machine that holds the home",
    grpc.StatusCode.PERMISSION_DENIED: "ask an admin for the role: ratewright operators grant",
}


@contextlib.contextmanager
def connected(place: Place) -> Iterator[Connection]:
    """A connection to the service of `place`. Its refusals are errors of the command, with the remedy that the service names."""
    assert place.server is not None, place
    _require_address(place.server)
    if place.named is not None:
        message = f"both a service ({place.server}) and a home ({place.named}) are named"
        raise UserError(message, "leave out --server or --home, or unset RATEWRIGHT_SERVER or RATEWRIGHT_HOME", exit_status=2)
    try:
        with Connection(
            place.server,
            token_file=place.token_file,
            ca=place.ca,
            reason=place.why,
            retries=RETRIES,
            told=_say_pause,
            received=take,
        ) as connection:
            yield connection
    except CallError as error:
        raise _as_user_error(error) from error


def _require_address(text: str) -> None:
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdecimal() and 0 < int(port) <= PORT_MAX):
        raise UserError(f"--server: {text!a} is not HOST:PORT", "give one such as billing.example:50051", exit_status=2)


def account(account_id: str) -> str:
    """The resource name of an account."""
    return f"accounts/{account_id}"


def accounts(account_id: str | None) -> str:
    """The resource name of an account, or of all accounts where None is given. Raises NotFoundError for the id that means all."""
    if account_id == _ALL:
        raise NotFoundError(f"no account has the id {account_id}", "give the id as in accounts.csv")
    return account(_ALL if account_id is None else account_id)


def day(date: date_pb2.Date) -> str:
    """A date of a message as commands print it; empty where it is not set."""
    return f"{date.year:04}-{date.month:02}-{date.day:02}" if date.year else ""


def instant(at_us: int, option: str) -> timestamp_pb2.Timestamp:
    """An instant of the command line. Raises UserError for one before the year 1 or after the year 9999 in UTC."""
    found = timestamp_pb2.Timestamp()
    try:
        found.FromMicroseconds(at_us)
    except ValueError:
        raise UserError(f"{option}: that instant is beyond all years", "name another one", exit_status=2) from None
    return found


def amount(of_micros: int | None) -> money_pb2.Money | None:
    """An amount in the currency of what it is about; None where all is meant."""
    return None if of_micros is None else money(of_micros)


def by_currency(sums: Iterable[money_pb2.Money]) -> dict[str, int]:
    """Micro-units by currency."""
    return {each.currency_code: micros(each) for each in sums}


def last(name: str) -> str:
    """The id at the end of a resource name, such as `anna` of `accounts/anna`."""
    return name.rpartition("/")[2]


def tail(name: str) -> str:
    """The id behind the collection of a resource name, which people gave: it may hold a slash."""
    return name.partition("/")[2]


def settled(parts: Iterable[settlement_pb2.Settlement]) -> list[tuple[str, int]]:
    """Invoices that something settles, by their numbers."""
    return [(each.invoice, micros(each.amount)) for each in parts]


def _as_user_error(error: CallError) -> UserError:
    remedy = error.remedy or _REMEDIES.get(error.code, "") or f"the service refused it: {error.reason or error.code.name}"
    also = [f"{field}: {text}" for field, text in error.places if text != error.message]
    message = ": ".join([error.message or error.code.name, *(["; ".join(also)] if also else [])])
    if error.code == grpc.StatusCode.NOT_FOUND:
        return NotFoundError(message, remedy)
    has_mistakes = bool(error.places) and "field" not in error.metadata  # of what was sent, not of the call: a home ends with 1 for them
    is_wrong_call = error.code == grpc.StatusCode.INVALID_ARGUMENT and not has_mistakes
    return UserError(message, remedy, exit_status=_WRONG_CALL if is_wrong_call else 1)


def _say_pause(error: CallError, pause_s: float) -> None:
    print(f"{printable(str(error))}; again in {pause_s:.1f} s", file=sys.stderr)
