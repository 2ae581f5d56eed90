"""CreateUsageStream, GetUsageStream, FinalizeUsageStream: streams that count their batches, each of one operator."""

from __future__ import annotations

import contextlib
import re
import secrets
from typing import TYPE_CHECKING, Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from billing import acting
from billing.intake.streams import registry
from ratewright.v1 import usage_service_pb2 as pb
from rating.errors import NotFoundError
from server.grpc import calls, convert
from server.grpc.entrance import about
from server.grpc.refusals import Refusal, invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.intake.streams.registry import Stream
    from billing.payments.writing import Act
    from server.grpc.calls import Door

ID_BYTES: Final = 16
_ID: Final = re.compile(r"[a-z][a-z0-9-]{2,61}[a-z0-9]")


def random_id() -> str:
    """An id for a stream that no stream has yet, and no client guesses."""
    return f"s{secrets.token_hex(ID_BYTES)}"


class StreamCalls:
    """The calls about streams, without their batches.

    `allow` refuses sources; `new_id` gives the id of a stream for which the client has none.
    """

    def __init__(self, door: Door, allow: Callable[[str], None], new_id: Callable[[], str]) -> None:
        self._door = door
        self._allow = allow
        self._new_id = new_id

    def create(self, request: pb.CreateUsageStreamRequest, context: grpc.ServicerContext) -> pb.UsageStream:
        """Make a stream."""

        def make(act: Act) -> pb.UsageStream:
            source = request.usage_stream.source
            self._allow(source)
            stream_id = _checked_id(request.usage_stream_id) if request.usage_stream_id else self._new_id()
            with refused():
                made = registry.create(self._door.home, acting.current(), stream_id, source, act.now_us, dry_run=act.dry_run)
            return message(made)

        return calls.write(self._door, request, context, pb.UsageStream, make, self._of_commit, message)

    def get(self, request: pb.GetUsageStreamRequest, context: grpc.ServicerContext) -> pb.UsageStream:
        """A stream as it is now."""
        return calls.read(context, lambda: message(self.find(request.name)))

    def finalize(self, request: pb.FinalizeUsageStreamRequest, context: grpc.ServicerContext) -> pb.UsageStream:
        """Let a stream take no more."""

        def end(act: Act) -> pb.UsageStream:
            stream_id = self.find(request.name).stream_id
            with refused():
                return message(registry.finalize(self._door.home, acting.current(), stream_id, act.now_us, dry_run=act.dry_run))

        return calls.write(self._door, request, context, pb.UsageStream, end, self._of_commit, message)

    def find(self, name: str) -> Stream:
        """The stream of a name, if it is the caller's."""
        with refused():
            found = registry.find(self._door.home, acting.current(), convert.parse_usage_stream_name(name))
        about(f"usage stream {found.stream_key}")
        return found

    def _of_commit(self, commit_seq: int) -> pb.UsageStream:
        return message(registry.of_commit(self._door.home, commit_seq))


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Turn the errors about streams into the refusals of a call."""
    try:
        yield
    except registry.ExistsError as error:
        raise Refusal(grpc.StatusCode.ALREADY_EXISTS, "STREAM_EXISTS", error.message, {"remedy": error.remedy}) from error
    except registry.OfAnotherError as error:
        raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "STREAM_OF_ANOTHER", error.message, {"remedy": error.remedy}) from error
    except NotFoundError as error:
        raise not_found("STREAM_UNKNOWN", error.message, {"remedy": error.remedy}) from error


def message(stream: Stream) -> pb.UsageStream:
    """A stream as it is answered."""
    is_open = stream.finalized_us is None
    made = pb.UsageStream(
        name=f"usageStreams/{stream.stream_id}",
        source=stream.source,
        state=pb.UsageStream.STATE_OPEN if is_open else pb.UsageStream.STATE_FINALIZED,
        next_offset=stream.next_offset,
        rows=pb.RowCounts(**stream.counts._asdict()),
        create_time=_timestamp(stream.at_us),
    )
    if stream.finalized_us is not None:
        made.finalize_time.CopyFrom(_timestamp(stream.finalized_us))
    return made


def _timestamp(at_us: int) -> Timestamp:
    made = Timestamp()
    made.FromMicroseconds(at_us)
    return made


def _checked_id(stream_id: str) -> str:
    if _ID.fullmatch(stream_id) is None:
        form = "4 to 63 small letters, digits and hyphens, the first one a letter and the last one no hyphen"
        raise invalid("MALFORMED_REQUEST", f"usage_stream_id is not {form}", {"field": "usage_stream_id"})
    return stream_id
