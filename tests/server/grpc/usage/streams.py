"""Usage streams in tests: made, and sent batches by offset."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import grpc

from billing.intake.taking import Intake
from billing.store.home import Home
from ratewright.v1 import usage_service_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc
from tests.server.grpc.calls import DEADLINE_S, Refused, ipc, records, refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


class Sent(NamedTuple):
    """Answers on one connection: acks in their order, and the refusal that ended it, if one did."""

    acks: list[pb.BatchAck]
    refusal: Refused | None


def stub(channel: grpc.Channel) -> usage_service_pb2_grpc.UsageServiceStub:
    """The service behind a channel."""
    return usage_service_pb2_grpc.UsageServiceStub(channel)


def make(channel: grpc.Channel, stream_id: str = "", **fields: object) -> pb.UsageStream:
    """A new stream of the source `stream`."""
    source = pb.UsageStream(source="stream")
    return stub(channel).CreateUsageStream(pb.CreateUsageStreamRequest(usage_stream=source, usage_stream_id=stream_id, **fields))


def get(channel: grpc.Channel, name: str) -> pb.UsageStream:
    """A stream as it is."""
    return stub(channel).GetUsageStream(pb.GetUsageStreamRequest(name=name))


def finalize(channel: grpc.Channel, name: str, **fields: object) -> pb.UsageStream:
    """End a stream."""
    return stub(channel).FinalizeUsageStream(pb.FinalizeUsageStreamRequest(name=name, **fields))


def header(name: str, source: str = "stream") -> pb.StreamUsageRequest:
    """The first message of a connection."""
    return pb.StreamUsageRequest(header=pb.StreamHeader(source=source, schema_version=1, usage_stream=name))


def at(offset: int, ids: Sequence[int], **changes: object) -> pb.StreamUsageRequest:
    """A batch of calls of one minute at an offset."""
    return pb.StreamUsageRequest(batch=pb.UsageBatch(offset=offset, arrow_ipc=ipc(records(ids, **changes))))


def in_columns(offset: int, ids: Sequence[int]) -> pb.StreamUsageRequest:
    """The batch of `at`, for clients without Arrow."""
    rows = records(ids)
    columns = {name: [row[name] for row in rows] for name in ("record_id", "service", "served", "other", "start_us", "duration_us")}
    return pb.StreamUsageRequest(batch=pb.UsageBatch(offset=offset, columns=pb.UsageColumns(**columns)))


def send(channel: grpc.Channel, name: str, *batches: pb.StreamUsageRequest) -> Sent:
    """Send batches on one connection, all at once."""
    acks: list[pb.BatchAck] = []
    answers = stub(channel).StreamUsage(iter([header(name), *batches]), timeout=DEADLINE_S)
    try:
        acks.extend(answer.ack for answer in answers if answer.HasField("ack"))
    except grpc.RpcError as error:
        ended = error
        return Sent(acks, refused(lambda: _raise(ended)))
    return Sent(acks, None)


def outline(acks: Iterable[pb.BatchAck]) -> list[tuple[int, bool, int, int]]:
    """Offset, repeated, accepted, duplicate."""
    return [(ack.offset, ack.repeated, ack.accepted, ack.duplicate) for ack in acks]


def stored(folder: Path) -> list[str]:
    """Ids of the records that count, as another process finds them on disk."""
    with Home.open(folder) as home, home.connect() as connection:
        return sorted(Intake(home).usage(["record_id"], home.head_seq(connection)).column("record_id").to_pylist())


def _raise(error: grpc.RpcError) -> None:
    raise error
