"""Refusals of calls: a gRPC status with one sentence and a google.rpc.ErrorInfo that programs can read.

Where fields are at fault a google.rpc.BadRequest names them: the field in `metadata`, or the places of mistakes in a file that was sent.
A google.rpc.RetryInfo says when to try again, a google.rpc.RequestInfo which line of the log is about the call.

`Refusal` is raised anywhere below a servicer method; `answering` turns it, and every other exception, into the status of the call.
The domain is `ratewright`; reasons are the ones the .proto files list. A mistake of ours is logged and shown without its inside.

A status travels in metadata, and clients take 8 KiB of it: a longer one would not arrive. So what was sent is quoted in part
(`rating.errors.quoted`), and a sentence or a value of the metadata that is too long nevertheless is cut.
"""

from __future__ import annotations

import contextlib
import logging
import math
from typing import TYPE_CHECKING, Final

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from rating.errors import QUOTED_CHARACTERS_MAX, UnusableBatchError, UserError
from server.grpc import under_way

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from google.protobuf.message import Message

DOMAIN: Final = "ratewright"
MESSAGE_BYTES_MAX: Final = 800  # UTF-8; on the wire up to three times as many
VALUE_CHARACTERS_MAX: Final = QUOTED_CHARACTERS_MAX
REMEDY: Final = "remedy"  # what people read is as long as a message may be
VIOLATIONS_MAX: Final = 8  # of many mistakes in a file the first ones

_log = logging.getLogger(__name__)


class Refusal(Exception):  # noqa: N818 -- it is the answer to a call, which the caller may have wanted
    """A call that is not done. `reason` is UPPER_SNAKE_CASE and stable; `metadata` names what was at fault."""

    def __init__(  # noqa: PLR0913 -- one argument a part of the status
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
        violations: Iterable[tuple[str, str]] = (),
        *,
        retry_after_s: float | None = None,
    ) -> None:
        message = _cut(message)
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s
        self.metadata = {name: _cut(value) if name == REMEDY else value[:VALUE_CHARACTERS_MAX] for name, value in (metadata or {}).items()}
        told = [*violations, *([(self.metadata["field"], self.message)] if "field" in self.metadata else [])]
        self.violations = _violations(told[:VIOLATIONS_MAX])


def invalid(reason: str, message: str, metadata: Mapping[str, str] | None = None) -> Refusal:
    """The request itself is wrong, in any state of the server."""
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, reason, message, metadata)


def not_found(reason: str, message: str, metadata: Mapping[str, str] | None = None) -> Refusal:
    """The object that the request names is not there."""
    return Refusal(grpc.StatusCode.NOT_FOUND, reason, message, metadata)


def shutting_down() -> Refusal:
    """The end of a call when the server stops."""
    return Refusal(
        grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN", "the server is stopping; open a new stream and send again what was not acked"
    )


def as_refusal(error: BaseException) -> Refusal:
    """The answer to a call in which `error` was raised."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, UnusableBatchError):  # for ever: whoever took it for a condition of the store would send it for ever
        _log.warning("a batch that can never be stored was refused")  # its text, which the caller has, may hold usage of a customer
        return invalid("BATCH_UNUSABLE", f"{error.message}; {error.remedy}", {"remedy": error.remedy})
    if isinstance(error, UserError):  # a condition of the store, such as a locked database: the operator can mend it
        _log.error("%s; remedy: %s", error.message, error.remedy)
        return Refusal(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", error.message, {"remedy": error.remedy})
    if isinstance(error, OSError):
        _log.error("%s", error)
        return Refusal(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", f"the store failed: {error.strerror or error}")
    _log.error("internal error", exc_info=error)
    return Refusal(grpc.StatusCode.INTERNAL, "INTERNAL", "internal error; the server's log says more")


@contextlib.contextmanager
def answering(context: grpc.ServicerContext) -> Iterator[None]:
    """Run the body of a servicer method; any exception of it becomes the status of the call."""
    try:
        yield
    except grpc.RpcError:
        _log.info("the client ended its call before it was answered")
        raise  # as grpc knows it: there is nobody to answer
    except Exception as error:  # noqa: BLE001 -- the edge of the service: nothing may leave it but a status
        abort(context, as_refusal(error))


def abort(context: grpc.ServicerContext, refusal: Refusal) -> None:
    """End the call with the refusal's status. Raises, as grpc's own abort does."""
    call = under_way.current()
    if call is not None:
        call.reason = refusal.reason
    context.abort_with_status(rpc_status.to_status(_status(refusal)))


def _violations(told: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each place and its sentence: the fewer there are, the longer each may be. Together they have room for VIOLATIONS_MAX short ones."""
    room = VIOLATIONS_MAX * VALUE_CHARACTERS_MAX // max(len(told), 1)
    short = ((field[:VALUE_CHARACTERS_MAX], _cut(text)) for field, text in told)
    return [(field, text if len(text) <= room else f"{text[:room]}...") for field, text in short]


def _cut(message: str) -> str:
    data = message.encode("utf-8", "replace")
    if len(data) <= MESSAGE_BYTES_MAX:
        return message
    return data[:MESSAGE_BYTES_MAX].decode("utf-8", "ignore") + "..."


def _status(refusal: Refusal) -> status_pb2.Status:
    info = error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=refusal.metadata)
    told: list[Message] = [info]  # the first of all: who reads one detail alone reads the reason
    if refusal.violations:
        violation = error_details_pb2.BadRequest.FieldViolation
        fields = [violation(field=field, description=text) for field, text in refusal.violations]
        told.append(error_details_pb2.BadRequest(field_violations=fields))
    if refusal.retry_after_s is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(math.ceil(refusal.retry_after_s * 1_000))
        told.append(retry)
    call = under_way.current()
    if call is not None:
        told.append(error_details_pb2.RequestInfo(request_id=call.request_id))
    details = [any_pb2.Any() for _ in told]
    for detail, message in zip(details, told, strict=True):
        detail.Pack(message)
    number: int = refusal.code.value[0]
    return status_pb2.Status(code=number, message=refusal.message, details=details)
