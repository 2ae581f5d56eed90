"""Bytes from the wire: whole and right ones are read, everything else is refused, and nothing of it hurts the process."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from server.grpc.refusals import Refusal
from server.grpc.usage import arrow_batches

SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string(), nullable=False),
        pa.field("quantity", pa.int64()),
        pa.field("start", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)
ROWS = pa.record_batch([["a", "bb", "ccc"], [1, None, 3], [1, 2, 3]], schema=SCHEMA)
MUTATIONS = 3_000


def ipc(*batches: pa.RecordBatch, compression: str | None = None, end: bool = True) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    data = sink.getvalue().to_pybytes()
    return data if end else data[:-8]


def reason(data: bytes) -> tuple[str, str]:
    with pytest.raises(Refusal) as refused:
        arrow_batches.read_batch(data, SCHEMA)
    return refused.value.reason, refused.value.message


def test_a_whole_stream_is_read_as_one_batch() -> None:
    assert arrow_batches.read_batch(ipc(ROWS), SCHEMA).equals(ROWS)
    assert arrow_batches.read_batch(ipc(ROWS, ROWS), SCHEMA).num_rows == 6


def other(*fields: pa.Field[pa.DataType]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=pa.schema(fields))


REFUSED = [
    (b"", "ARROW_MALFORMED", "lacks the end of the stream"),
    (b"hello", "ARROW_MALFORMED", "lacks the end of the stream"),
    (ipc(ROWS, end=False), "ARROW_MALFORMED", "lacks the end of the stream"),
    (ipc(ROWS) * 2, "ARROW_MALFORMED", "goes on after the end of the stream"),
    (b"\xff\xff\xff\xff\xff\xff\xff\x7f" + ipc(ROWS), "ARROW_MALFORMED", "not a whole, valid Arrow IPC stream"),
    (ipc(ROWS, compression="lz4"), "ARROW_MALFORMED", "compressed"),
    (ipc(ROWS, compression="zstd"), "ARROW_MALFORMED", "compressed"),
    (ipc(ROWS.slice(0, 0)), "ARROW_MALFORMED", "holds no rows"),
    (ipc(*[ROWS] * 21_846), "BATCH_TOO_LARGE", "a batch of 65538 rows"),
    (bytes(arrow_batches.BATCH_BYTES_MAX + 1), "BATCH_TOO_LARGE", "bytes"),
    (ipc(other()), "ARROW_SCHEMA", "column 1 must be record_id"),
    (ipc(other(SCHEMA.field(0), SCHEMA.field(2))), "ARROW_SCHEMA", "column 2 must be quantity"),
    (ipc(other(*SCHEMA, pa.field("more", pa.int8()))), "ARROW_SCHEMA", "column 'more' is not part of the schema"),
    (ipc(other(pa.field("record_id", pa.binary()), *list(SCHEMA)[1:])), "ARROW_SCHEMA", "must be string, not binary"),
    (ipc(other(SCHEMA.field(0), pa.field("quantity", pa.float64()), SCHEMA.field(2))), "ARROW_SCHEMA", "must be int64, not double"),
]


@pytest.mark.parametrize(("data", "name", "text"), REFUSED)
def test_refused(data: bytes, name: str, text: str) -> None:
    given, message = reason(data)
    assert given == name
    assert text in message


def test_metadata_and_nulls_of_the_schema_do_not_matter() -> None:
    assert arrow_batches.read_batch(ipc(ROWS.replace_schema_metadata({"writer": "x"})), SCHEMA).num_rows == 3
    loose = pa.schema([pa.field(field.name, field.type) for field in SCHEMA])
    assert arrow_batches.read_batch(ipc(ROWS.cast(loose)), SCHEMA).num_rows == 3


def test_every_cut_is_refused() -> None:
    data = ipc(ROWS, ROWS)
    for length in range(len(data)):
        assert reason(data[:length])[0] == "ARROW_MALFORMED"


def test_an_offset_outside_of_its_buffer_is_found() -> None:
    """Arrow reads such a batch without complaint; only validation in full finds it before somebody follows the offset."""
    data = ipc(ROWS)
    offsets = b"".join(value.to_bytes(4, "little") for value in (0, 1, 3, 6))
    assert data.count(offsets) == 1
    assert "Offset" in reason(data.replace(offsets, offsets[:4] + b"\xff\xff\xff\x7f" + offsets[8:]))[1]


@pytest.mark.parametrize("seed", [20250101, 7])
def test_random_damage_is_read_right_or_refused(seed: int) -> None:
    """Random damage: never a crash, never another exception than a Refusal, never more rows than were sent."""
    chance = random.Random(seed)
    data = ipc(ROWS, ROWS)
    refused = 0
    for _ in range(MUTATIONS):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(damaged) - 8)
            if chance.random() < 0.5:
                damaged[place] = chance.randrange(256)
            else:
                damaged[place : place + 8] = chance.choice([b"\xff" * 8, bytes(8), b"\xff\xff\xff\x7f" * 2, b"\xff" * 7 + b"\x7f"])
        try:
            assert arrow_batches.read_batch(bytes(damaged), SCHEMA).num_rows <= 6
        except Refusal:
            refused += 1
    assert MUTATIONS // 2 < refused < MUTATIONS
