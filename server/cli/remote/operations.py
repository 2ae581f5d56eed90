"""Long work by a service: the operation is waited for, and its progress is shown as a command shows its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, TypeVar

from rating.errors import UserError
from server.cli.remote.calling import account
from server.client import CallError, Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.longrunning import operations_pb2
    from google.protobuf.message import Message

    from ratewright.v1 import operation_pb2
    from server.client import Connection

    Report = Callable[[str, int, int], None]

Answer = TypeVar("Answer", bound="Message")
_INT32_MAX: Final = 2**31 - 1


def waited(service: Connection, asked: operations_pb2.Operation, response: Answer, report: Report) -> Answer:
    """The response of an operation, once it has ended; it fills `response`. `report` gets each stage (stage, done, total)."""

    def told(metadata: operation_pb2.OperationMetadata) -> None:
        if metadata.stage:
            report(metadata.stage, metadata.done, metadata.total)

    try:
        return Operator(service).wait(asked, response, told)
    except (KeyboardInterrupt, CallError) as error:
        has_ended = isinstance(error, CallError) and "operation" in error.metadata
        if not has_ended:  # the waiting has: by Ctrl-C, or since nobody answers
            print(f"{asked.name} goes on without this command", file=sys.stderr)
        raise


def named(account_ids: Iterable[str] | None) -> list[str]:
    """The resource names of the accounts of `--accounts`. Raises UserError for a list without any: a request without names means all."""
    if account_ids is None:
        return []
    names = [account(each) for each in sorted(account_ids)]
    if not names:
        raise UserError("--accounts names no account", "name some, or leave it out for all", exit_status=2)
    return names


def fitting(value: int, option: str) -> int:
    """A number of the command line that a request can hold. Raises UserError for one that it cannot."""
    if not -_INT32_MAX <= value <= _INT32_MAX:
        raise UserError(f"{option} {value} is out of range", f"give at most {_INT32_MAX}", exit_status=2)
    return value
