"""Columns of protobuf in the place of Arrow: the same rows, or a refusal of the batch."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from mediation import stream
from mediation.stream import STREAM_V1
from ratewright.v1 import usage_service_pb2 as pb
from server.grpc.refusals import Refusal
from server.grpc.usage import arrow_batches
from server.grpc.usage.column_batches import read_columns
from server.grpc.usage.storing_sink import stream_sources
from tests.server.grpc.calls import ipc

ROWS: list[dict[str, Any]] = [
    # a call with a volume beside it, a message, data without a destination, a row without a quantity, a service that is none
    {"record_id": "a", "service": 1, "served": "8613800000001", "other": "8613900000001", "duration_us": 60, "volume_bytes": 5},
    {"record_id": "b", "service": 2, "served": "8613800000001", "other": "10086", "units": 0},
    {"record_id": "c", "service": 4, "served": "8613800000002", "other": None, "volume_bytes": 1 << 40},
    {"record_id": "d", "service": 4, "served": "8613800000002", "other": None},
    {"record_id": "e", "service": 77, "served": "8613800000002", "other": None, "units": 1},
    {"record_id": "", "service": 1, "served": "8613800000002", "other": None, "duration_us": -2},
]
QUANTITIES = ("duration_us", "volume_bytes", "units")


def columns(rows: list[dict[str, Any]]) -> pb.UsageColumns:
    """The message of some rows."""
    made = {name: [row[name] for row in rows] for name in ("record_id", "service", "served", "start_us")}
    made |= {name: [row.get(name, -1) for row in rows] for name in QUANTITIES}
    return pb.UsageColumns(**made, other=[row["other"] or "" for row in rows])


def test_the_rows_are_those_of_arrow() -> None:
    rows = [{**row, "start_us": 1_760_000_000_000_000 + place} for place, row in enumerate(ROWS)]
    read, expected = read_columns(columns(rows)), arrow_batches.read_batch(ipc(rows), STREAM_V1)
    assert read.to_pylist() == expected.to_pylist()
    (source,) = stream_sources(["stream"])
    ours, theirs = stream.to_usage(read, source), stream.to_usage(expected, source)
    assert ours.usage.equals(theirs.usage)
    assert ours.rejects == theirs.rejects
    assert [(each.offset, each.reason) for each in ours.rejects] == [(3, "missing_value"), (4, "unknown_service"), (5, "missing_value")]


def test_columns_without_values_have_none_in_any_row() -> None:
    read = read_columns(pb.UsageColumns(record_id=["a", "b"], service=[2, 2], served=["1", "2"], start_us=[7, 8], units=[1, 1]))
    assert [read.column(name).null_count for name in STREAM_V1.names] == [0, 0, 0, 2, 0, 2, 2, 0]


@pytest.mark.parametrize("service", [-(2**31), -129, 128, 257, 2**31 - 1])
def test_a_service_that_fits_no_column_is_a_fault_of_its_row(service: int) -> None:
    """257 is not read as 1."""
    read = read_columns(pb.UsageColumns(record_id=["a"], service=[service], served=["1"], start_us=[7], units=[1]))
    (reject,) = stream.to_usage(read, stream_sources(["stream"])[0]).rejects
    assert reject.reason == "unknown_service"


REFUSED = [
    (pb.UsageColumns(), "COLUMNS_MALFORMED", {}),
    (pb.UsageColumns(record_id=["a", "b"], service=[1]), "COLUMNS_MALFORMED", {"column": "service"}),
    (pb.UsageColumns(record_id=["a"] * (arrow_batches.BATCH_ROWS_MAX + 1)), "BATCH_TOO_LARGE", {}),
    (pb.UsageColumns(record_id=["a" * arrow_batches.BATCH_BYTES_MAX]), "BATCH_TOO_LARGE", {}),
]


@pytest.mark.parametrize(("message", "reason", "metadata"), REFUSED)
def test_columns_that_are_refused(message: pb.UsageColumns, reason: str, metadata: dict[str, str]) -> None:
    with pytest.raises(Refusal) as caught:
        read_columns(message)
    assert (caught.value.code, caught.value.reason, caught.value.metadata) == (grpc.StatusCode.INVALID_ARGUMENT, reason, metadata)
