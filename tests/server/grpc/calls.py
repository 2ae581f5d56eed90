"""How tests call the service and look at a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import pyarrow as pa
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from mediation.stream import STREAM_V1
from ratewright.v1 import usage_service_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEADLINE_S = 20
HEADER = pb.StreamUsageRequest(header=pb.StreamHeader(source="stream", schema_version=1))


class Refused(NamedTuple):
    """What a program sees of a refused call."""

    code: grpc.StatusCode
    reason: str
    metadata: dict[str, str]
    message: str


def refused(call: Callable[[], object]) -> Refused:
    """The refusal of a call that must be refused."""
    with pytest.raises(grpc.RpcError) as raised:
        call()
    error = raised.value
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    assert status is not None, error
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "ratewright"
    return Refused(error.code(), info.reason, dict(info.metadata), status.message)


def records(ids: Sequence[int], **changes: object) -> list[dict[str, Any]]:
    """Calls of one minute, one an id, in STREAM_V1."""
    base = {"service": 1, "served": "8613800000001", "other": "8613900000001", "duration_us": 60_000_000}
    return [{**base, "record_id": f"call-{each}", "start_us": 1_760_000_000_000_000 + each, **changes} for each in ids]


def ipc(rows: Sequence[dict[str, Any]]) -> bytes:
    """One Arrow IPC stream of STREAM_V1."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, STREAM_V1) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist(list(rows), schema=STREAM_V1))
    return sink.getvalue().to_pybytes()


def batch(sequence: int, content: bytes) -> pb.StreamUsageRequest:
    """A batch as it is sent."""
    return pb.StreamUsageRequest(batch=pb.UsageBatch(sequence=sequence, arrow_ipc=content))


def send(channel: grpc.Channel, *contents: bytes) -> list[pb.BatchAck]:
    """Send batches on one stream, numbered from 1; their acks."""
    requests = [HEADER, *(batch(number, content) for number, content in enumerate(contents, start=1))]
    answers = list(usage_service_pb2_grpc.UsageServiceStub(channel).StreamUsage(iter(requests), timeout=DEADLINE_S))
    assert answers[0].HasField("opened")
    return [answer.ack for answer in answers[1:]]


def counts(ack: pb.BatchAck) -> tuple[int, int, int, int]:
    """Accepted, duplicate, conflicting, rejected."""
    return ack.accepted, ack.duplicate, ack.conflicting, ack.rejected
