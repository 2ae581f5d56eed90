"""The one exception of the client: a call that was refused, was not answered in time or found no service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

import grpc
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.longrunning import operations_pb2
    from google.protobuf import any_pb2
    from google.rpc import status_pb2

    from ratewright.v1 import operation_pb2

NANOS: Final = 1_000_000_000


class CallError(Exception):
    """A call or an operation that did not succeed.

    `code` is the status of gRPC. `reason` is the word of docs/api.md, or empty where the service said none. `remedy` says what to do, or is
    empty. `metadata` names what was at fault. `retry_after_s` is what the service asked for, or None. `places` are the fields, places of a
    file or conditions that were at fault, each with a sentence.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- the parts of a status
        self,
        code: grpc.StatusCode,
        message: str,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
        places: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.places = list(places)

    @property
    def deadline_max_s(self) -> float | None:
        """The latest deadline that the service takes, where it refused a later one; None of other errors."""
        text = self.metadata.get("deadline_max_s", "") if self.reason == "DEADLINE_REQUIRED" else ""
        return float(text) if text.isascii() and text.isdecimal() else None

    @property
    def remedy(self) -> str:
        """The remedy of the service; empty where it named none."""
        return self.metadata.get("remedy", "")

    def __str__(self) -> str:
        """The sentence, with the reason or the status."""
        return f"{self.message} ({self.reason})" if self.reason else f"{self.code.name}: {self.message}"


def of_call(error: grpc.RpcError) -> CallError:
    """The error of a call that ended with another status than OK."""
    if not isinstance(error, grpc.Call):
        return CallError(grpc.StatusCode.UNKNOWN, str(error))
    try:
        status = rpc_status.from_call(error)
        details = () if status is None else status.details
        told, places = _details(details), _places(details)
    except (ValueError, DecodeError):  # details that are not of this status, or that are no messages: the status alone is told
        told, places = ("", {}, None), []
    return CallError(error.code(), error.details() or "", *told, places=places)


def of_operation(operation: operations_pb2.Operation, metadata: operation_pb2.OperationMetadata) -> CallError:
    """The error of an operation that ended without a response; its `metadata` names the operation."""
    reason, told, retry_after_s = _details(operation.error.details)
    told |= {"operation": operation.name} | ({"remedy": metadata.remedy} if metadata.remedy else {})
    return CallError(_code(operation.error), operation.error.message, reason, told, retry_after_s)


def refuse_plain(address: str) -> NoReturn:
    """Raise the error for a token that would be sent to another machine without TLS: no call is made then."""
    raise CallError(
        grpc.StatusCode.UNAUTHENTICATED,
        f"a token is not sent to {address} without TLS",
        "TLS_MISSING",
        {"remedy": "name the certificate of its authority, ca.pem"},
    )


def refuse_open(file: object) -> NoReturn:
    """Raise the error for a token that others may read: no call is made then."""
    _refuse_key(f"{file} may be read or changed by others than its owner", f"close it: chmod go-rwx {file}")


def refuse_token(file: object) -> NoReturn:
    """Raise the error for a file that holds no token: no call is made then."""
    _refuse_key(f"{file} does not hold a token", "name the file that `ratewright tokens issue` wrote")


def refuse_to_read(file: object, error: OSError) -> NoReturn:
    """Raise the error for a key file that cannot be read: no call is made then."""
    _refuse_key(f"{file} cannot be read: {error.strerror or error}", "name a file that exists and that this account may read")


def refuse_page_token() -> NoReturn:
    """Raise the error for a list that names a page that it gave before."""
    raise CallError(
        grpc.StatusCode.INTERNAL,
        "the service names a page of the list again that it gave before",
        "PAGE_TOKEN_AGAIN",
        {"remedy": "see that this program and the service are of one version"},
    )


def _refuse_key(message: str, remedy: str) -> NoReturn:
    raise CallError(grpc.StatusCode.UNAUTHENTICATED, message, "KEY_FILE", {"remedy": remedy})


def _details(details: Iterable[any_pb2.Any]) -> tuple[str, dict[str, str], float | None]:
    reason, metadata, retry_after_s = "", dict[str, str](), None
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in details:
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.seconds + retry.retry_delay.nanos / NANOS  # beyond what a timedelta holds as well
    return reason, metadata, retry_after_s


def _places(details: Iterable[any_pb2.Any]) -> list[tuple[str, str]]:
    found = error_details_pb2.BadRequest()
    return [(each.field, each.description) for detail in details if detail.Unpack(found) for each in found.field_violations]


def _code(status: status_pb2.Status) -> grpc.StatusCode:
    name = code_pb2.Code.Name(code_pb2.Code.ValueType(status.code))
    return grpc.StatusCode[name]
