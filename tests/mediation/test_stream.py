"""Streamed batches: schema, quantities, rows that are refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from mediation.definitions.named import find
from mediation.stream import STREAM_V1, to_usage, to_usage_together
from rating.errors import UserError
from rating.schema import USAGE_V1, ServedKind

SOURCE = find("freeswitch")
START = dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC)
CALL = {
    "record_id": "r-1",
    "service": 1,
    "served": "+8613900000001",
    "other": "008613700000001",
    "start_us": START,
    "duration_us": 1_500_000,
}


def batch_of(*rows: dict[str, Any]) -> pa.RecordBatch:
    nullable = pa.schema([field.with_nullable(True) for field in STREAM_V1])
    return pa.RecordBatch.from_pylist([dict(row) for row in rows], schema=nullable)


def test_a_call_a_message_and_data() -> None:
    message = {"record_id": "r-2", "service": 2, "served": "alice", "start_us": START, "units": 2}
    data = {"record_id": "r-3", "service": 4, "served": "8613900000001", "other": "internet", "start_us": START, "volume_bytes": 5 << 30}
    decoded = to_usage(batch_of(CALL, message, data), SOURCE)
    decoded.usage.validate(full=True)
    assert decoded.usage.schema.equals(USAGE_V1, check_metadata=True)
    names = ("raw_offset", "service", "served_kind", "served_id", "other_e164", "other_raw", "duration_us", "bytes_down", "units")
    found = list(zip(*(decoded.usage.column(name).to_pylist() for name in names), strict=True))
    assert found == [
        (0, 1, ServedKind.E164, "8613900000001", 8613700000001, "008613700000001", 1_500_000, None, None),
        (1, 2, ServedKind.EXTENSION, "alice", None, None, None, None, 2),
        (2, 4, ServedKind.E164, "8613900000001", None, "internet", None, 5 << 30, None),
    ]
    assert (decoded.rows, decoded.rejects, decoded.file_sha256) == (3, [], b"")


REFUSED = [
    ({"record_id": None}, "missing_value"),
    ({"record_id": ""}, "missing_value"),
    ({"served": None}, "missing_value"),
    ({"service": None}, "missing_value"),
    ({"start_us": None}, "missing_value"),
    ({"duration_us": None}, "missing_value"),
    ({"duration_us": None, "units": 1}, "missing_value"),
    ({"service": 4}, "missing_value"),
    ({"service": 9}, "unknown_service"),
    ({"service": -1}, "unknown_service"),
    ({"duration_us": -1}, "negative_quantity"),
    ({"duration_us": 1 << 47}, "quantity_too_large"),
    ({"service": 4, "volume_bytes": 2**63 - 1}, "quantity_too_large"),
    ({"volume_bytes": 1 << 47}, "quantity_too_large"),  # of another service, and counted all the same
    ({"units": 2**63 - 1}, "quantity_too_large"),
    ({"volume_bytes": -1}, "negative_quantity"),
    ({"service": 4, "volume_bytes": 1, "duration_us": 2**63 - 1}, "quantity_too_large"),
    ({"service": 2, "units": 1, "duration_us": -(2**63)}, "negative_quantity"),
    ({"start_us": dt.datetime(1999, 12, 31, tzinfo=dt.UTC)}, "time_out_of_range"),
    ({"start_us": dt.datetime(2070, 1, 1, tzinfo=dt.UTC)}, "time_out_of_range"),
]


@pytest.mark.parametrize(("change", "reason"), REFUSED, ids=[str(case[0]) for case in REFUSED])
def test_refused_rows(change: dict[str, Any], reason: str) -> None:
    decoded = to_usage(batch_of(CALL, {**CALL, **change}, {**CALL, "record_id": "r-9"}), SOURCE)
    assert [(reject.reason, reject.offset) for reject in decoded.rejects] == [(reason, 1)]
    assert decoded.usage.column("record_id").to_pylist() == ["r-1", "r-9"]
    assert decoded.rows == 3


def test_a_record_sent_again_has_the_same_key_in_any_batch() -> None:
    first = to_usage(batch_of(CALL), SOURCE).usage
    again = to_usage(batch_of({**CALL, "record_id": "r-0"}, CALL).slice(1), SOURCE).usage
    changed = to_usage(batch_of({**CALL, "duration_us": 1}), SOURCE).usage
    for name in ("event_key", "content_hash"):
        assert first.column(name).to_pylist() == again.column(name).to_pylist()
    assert first.column("event_key").to_pylist() == changed.column("event_key").to_pylist()
    assert first.column("content_hash").to_pylist() != changed.column("content_hash").to_pylist()


def test_an_empty_batch() -> None:
    assert to_usage(batch_of(), SOURCE).usage.num_rows == 0


WRONG_SCHEMAS = [
    (STREAM_V1.remove(0), "no column record_id"),
    (STREAM_V1.append(pa.field("colour", pa.string())), "unknown column colour"),
    (STREAM_V1.append(STREAM_V1.field(0)), "more than once"),
    (STREAM_V1.set(1, pa.field("service", pa.int64())), "column service of the stream is int64, not int8"),
    (STREAM_V1.set(4, pa.field("start_us", pa.timestamp("us"))), "column start_us"),
]


@pytest.mark.parametrize(("schema", "message"), WRONG_SCHEMAS, ids=[case[1] for case in WRONG_SCHEMAS])
def test_wrong_schemas_name_the_column(schema: pa.Schema, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        to_usage(pa.RecordBatch.from_pylist([], schema=schema), SOURCE)
    assert "start_us timestamp[us, tz=UTC]" in caught.value.remedy


def test_a_quote_in_a_text_leaves_the_text_of_the_next_row_as_it_came() -> None:
    """The served id `a""b` keeps both quotes behind a row that ends with one, and beside a number that is written in another form."""
    rows = [{**CALL, "record_id": f"q-{place}", "served": text} for place, text in enumerate(('desk"', 'a""b', "+4930111"))]
    assert to_usage(batch_of(*rows), SOURCE).usage.column("served_id").to_pylist() == ['desk"', 'a""b', "4930111"]


def test_rows_of_a_part_of_a_batch_keep_their_own_numbers() -> None:
    """Row 1 of three has no id, so two are left, each with its own number: `+4930111` and `+4930333` as they are written out."""
    rows = [
        {**CALL, "record_id": name, "served": text} for name, text in (("x", "+1"), ("r", "+4930111"), ("", "+4930222"), ("s", "+4930333"))
    ]
    found = to_usage(batch_of(*rows).slice(1), SOURCE)
    assert found.usage.column("served_id").to_pylist() == ["4930111", "4930333"]
    assert [(each.offset, each.reason) for each in found.rejects] == [(1, "missing_value")]


def test_numbers_that_lie_anywhere_in_memory_are_read() -> None:
    """A sender may put its columns at any byte: one byte further they say the same."""
    plain = batch_of(CALL, {**CALL, "record_id": "r-2"})
    moved = []
    for column in plain.columns:
        buffers = []
        for buffer in column.buffers():
            room = None if buffer is None else pa.py_buffer(b"\0" + buffer.to_pybytes())
            buffers.append(None if room is None else room.slice(1))
        moved.append(pa.Array.from_buffers(column.type, len(column), buffers))
    read = to_usage(pa.RecordBatch.from_arrays(moved, schema=plain.schema), SOURCE)
    assert read.usage.equals(to_usage(plain, SOURCE).usage)


def test_batches_that_are_read_together_are_as_each_by_itself() -> None:
    """Three batches, of two, one and three rows; the first one's second row and the last one's first row cannot be read."""
    batches = [
        batch_of(CALL, {**CALL, "record_id": ""}),
        batch_of({**CALL, "record_id": "b", "served": "+4930111"}),
        batch_of({**CALL, "service": 99}, {**CALL, "record_id": "c", "other": None}, {**CALL, "record_id": "d", "served": "desk"}),
    ]
    found = to_usage_together(batches, SOURCE)
    assert [each.rows for each in found.decoded] == [2, 1, 3]
    assert [[reject.offset for reject in each.rejects] for each in found.decoded] == [[1], [], [0]]
    for batch, each in zip(batches, found.decoded, strict=True):
        alone = to_usage(batch, SOURCE)
        assert each.usage.equals(alone.usage)
        assert each.rejects == alone.rejects
    assert found.usage.equals(pa.concat_tables([each.usage for each in found.decoded]))
    assert found.usage.column("raw_offset").to_pylist() == [0, 0, 1, 2]


def test_a_batch_of_another_schema_is_not_read_together_with_others() -> None:
    with pytest.raises(UserError, match="no column other"):
        to_usage_together([batch_of(CALL), batch_of(CALL).drop_columns(["other"])], SOURCE)
