"""A switch that streams its call records to `ratewright serve`, and resumes after a broken connection without losing or doubling any.

    .venv/bin/python examples/switch_stream.py                          # makes a few records of its own
    .venv/bin/python examples/switch_stream.py --file calls.csv --cut-after 3
    .venv/bin/python examples/switch_stream.py --stream switch-7 --cut-after 3

The rule it follows: keep every batch until its ack has come; after a broken connection send again all that was not acked. The server knows
records by their ids, so that one sent twice counts once. With --stream it knows batches as well: each has its offset in a stream of that
name. After a broken connection, or when it is started again with the same records, it asks the server at which offset to go on.

It uses nothing of Ratewright but the generated code in `ratewright.v1`, as a client in any language would.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import grpc
import pyarrow as pa
import pyarrow.csv as pa_csv
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from ratewright.v1 import usage_service_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA_VERSION = 1
# The columns of schema version 1. The quantity stands in the column of the service: microseconds, bytes or units.
COLUMNS: dict[str, pa.DataType] = {
    "record_id": pa.string(),  # identifies the record within its source, for ever
    "service": pa.int8(),  # 1 voice, 2 SMS, 3 MMS, 4 data, 5 content
    "served": pa.string(),  # who pays: a number in E.164
    "other": pa.string(),  # destination
    "start_us": pa.timestamp("us", tz="UTC"),
    "duration_us": pa.int64(),
    "volume_bytes": pa.int64(),
    "units": pa.int64(),
}
STREAM_V1 = pa.schema(COLUMNS)
VOICE, SMS = 1, 2
FIRST_START = dt.datetime(2025, 3, 1, 8, tzinfo=dt.UTC)
ATTEMPTS_MAX = 6
PAUSE_S = 0.25  # before the second attempt; twice as long before each further one
CUT_WAIT_S = 10  # for the last batch to leave before the connection is cut
COUNTS = ("accepted", "duplicate", "conflicting", "rejected", "absorbed")


class Batch(NamedTuple):
    """Records as they travel, kept until they are acked."""

    sequence: int
    rows: int
    arrow_ipc: bytes


class Acked:
    """What the server has said is safe on its disk."""

    def __init__(self) -> None:
        self.last_sequence = 0
        self.totals = dict.fromkeys(("batches", *COUNTS), 0)
        self.repeated = 0  # batches that were stored before they were sent again
        self.of_stream: dict[str, int] = {}  # rows of the whole stream, also of connections and processes before

    def skip(self, batches: int) -> None:
        """So many batches are durable, acked or not."""
        self.last_sequence = max(self.last_sequence, batches)

    def note(self, ack: pb.BatchAck) -> None:
        """One more batch is durable."""
        self.last_sequence = ack.sequence
        self.totals["batches"] += 1
        self.repeated += ack.repeated
        for name in COUNTS:
            self.totals[name] += getattr(ack, name)


def main() -> int:
    """Send everything; the exit status is 1 when the server refuses or cannot be reached."""
    options = _options()
    try:
        batches = _batches(_records(options), options.batch_rows)
        acked, seconds = _send_all(batches, options)
    except (OSError, pa.ArrowException) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except grpc.RpcError as error:
        sys.stderr.write(f"error: {_refusal(error)}\n")
        return 1
    rows = sum(batch.rows for batch in batches)
    if options.json:
        stored = {"stored": acked.of_stream} if options.stream else {}
        print(json.dumps({"rows": rows, **acked.totals, **stored, "seconds": round(seconds, 3)}))
    else:
        counts = ", ".join(f"{name} {acked.totals[name]:,}" for name in COUNTS)
        print(f"{rows:,} records in {len(batches)} batches, all acked in {seconds:.1f} s: {counts}")
        if options.stream:
            rows_of_stream = ", ".join(f"{name} {count:,}" for name, count in acked.of_stream.items())
            print(f"stream {options.stream} has {rows_of_stream}; {acked.repeated} batches were acked as repeated")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Stream call records to ratewright serve.")
    parser.add_argument("--address", default="127.0.0.1:50051", help="HOST:PORT of the server")
    parser.add_argument(
        "--file", type=Path, help="records to send: CSV with a header line, or an Arrow IPC file; default: a few of its own"
    )
    parser.add_argument("--source", default="stream", help="name of this switch, part of every record's key")
    parser.add_argument("--stream", default="", help="id of a usage stream, made where it is not there: resume by its offset")
    parser.add_argument("--batch-rows", type=_count, default=1_000, help="records in one batch")
    parser.add_argument("--cut-after", type=_count, metavar="N", help="break the connection on purpose after N batches, then resume")
    parser.add_argument("--rows", type=_count, default=2_500, help="how many records to make without --file")
    parser.add_argument("--json", action="store_true", help="print the totals as JSON")
    parser.add_argument(
        "--token-file", type=Path, default=os.environ.get("RATEWRIGHT_TOKEN_FILE"), help="file with a token; default: RATEWRIGHT_TOKEN_FILE"
    )
    return parser.parse_args()


def _metadata(token_file: Path | None) -> tuple[tuple[str, str], ...]:
    """The metadata that shows the token; none without one."""
    return () if token_file is None else (("authorization", f"Bearer {token_file.read_text(encoding='ascii').strip()}"),)


def _count(text: str) -> int:
    """A number of one or more, or argparse says that it is not."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _send_all(batches: Sequence[Batch], options: argparse.Namespace) -> tuple[Acked, float]:
    """Send until all is acked, opening a new stream after each break. Returns what was acked and the seconds it took."""
    acked = Acked()
    started_s = time.monotonic()
    cut_after = options.cut_after
    for attempt in range(ATTEMPTS_MAX):
        try:
            with grpc.insecure_channel(options.address) as channel:
                stub = usage_service_pb2_grpc.UsageServiceStub(channel)
                if options.stream:
                    acked.skip(_opened(stub, options).next_offset)
                left = [batch for batch in batches if batch.sequence > acked.last_sequence]
                if left:
                    _send(stub, left, acked, options, cut_after)
                if acked.last_sequence >= len(batches):
                    if options.stream:
                        rows = _opened(stub, options).rows
                        acked.of_stream = {name: getattr(rows, name) for name in COUNTS}
                    break
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or attempt + 1 == ATTEMPTS_MAX:
                raise
            sys.stderr.write(f"{_refusal(error)}; trying again\n")
            time.sleep(PAUSE_S * 2**attempt)
        cut_after = None  # once is enough
    return acked, time.monotonic() - started_s


def _opened(stub: usage_service_pb2_grpc.UsageServiceStub, options: argparse.Namespace) -> pb.UsageStream:
    """The stream, made where it is not there."""
    name = f"usageStreams/{options.stream}"
    try:
        return stub.GetUsageStream(pb.GetUsageStreamRequest(name=name), metadata=_metadata(options.token_file))
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
    return stub.CreateUsageStream(
        pb.CreateUsageStreamRequest(usage_stream=pb.UsageStream(source=options.source), usage_stream_id=options.stream),
        metadata=_metadata(options.token_file),
    )


def _send(
    stub: usage_service_pb2_grpc.UsageServiceStub, left: Sequence[Batch], acked: Acked, options: argparse.Namespace, cut_after: int | None
) -> None:
    """One stream: header and `left`; acks are noted as they come. With `cut_after` it breaks off, most acks unread."""
    all_sent, stop = threading.Event(), threading.Event()
    to_send = left if cut_after is None else left[:cut_after]

    def requests() -> Iterator[pb.StreamUsageRequest]:
        header = pb.StreamHeader(source=options.source, schema_version=SCHEMA_VERSION, stream_id="example")
        if options.stream:
            header.usage_stream = f"usageStreams/{options.stream}"
        yield pb.StreamUsageRequest(header=header)
        for batch in to_send:
            offset = batch.sequence - 1 if options.stream else None
            yield pb.StreamUsageRequest(batch=pb.UsageBatch(sequence=batch.sequence, offset=offset, arrow_ipc=batch.arrow_ipc))
        all_sent.set()
        if cut_after is not None:
            stop.wait()

    call = stub.StreamUsage(requests(), metadata=_metadata(options.token_file))
    try:
        for answer in call:
            if answer.HasField("ack"):
                acked.note(answer.ack)
                if cut_after is not None:
                    all_sent.wait(CUT_WAIT_S)
                    call.cancel()  # type: ignore[no-untyped-call] # the stubs leave its result open
                    sys.stderr.write(
                        f"connection broken on purpose after {len(to_send)} batches, {acked.totals['batches']} of them acked\n"
                    )
                    return
    finally:
        stop.set()


def _batches(records: pa.Table, rows_max: int) -> list[Batch]:
    """Every batch is one complete Arrow IPC stream."""
    batches = []
    for sequence, batch in enumerate(records.combine_chunks().to_batches(max_chunksize=rows_max), start=1):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        batches.append(Batch(sequence, batch.num_rows, sink.getvalue().to_pybytes()))
    return batches


def _records(options: argparse.Namespace) -> pa.Table:
    """The records to send, in the columns of the schema."""
    if options.file is None:
        return _own_records(options.rows)
    if options.file.suffix.lower() == ".csv":
        convert = pa_csv.ConvertOptions(column_types=STREAM_V1, strings_can_be_null=True, include_columns=STREAM_V1.names)
        return pa_csv.read_csv(options.file, convert_options=convert).cast(STREAM_V1)
    with pa.memory_map(str(options.file)) as file:
        return pa.ipc.open_file(file).read_all().select(STREAM_V1.names).cast(STREAM_V1)


def _own_records(rows: int) -> pa.Table:
    """A few calls and messages, the same ones each time: sent twice, they count once."""
    instants = [FIRST_START + dt.timedelta(seconds=37 * row, microseconds=row) for row in range(rows)]
    is_call = [row % 5 != 0 for row in range(rows)]
    columns = {
        "record_id": [f"example-{row:06d}" for row in range(rows)],
        "service": [VOICE if call else SMS for call in is_call],
        "served": [f"86138000{row % 50:05d}" for row in range(rows)],
        "other": [f"86139000{row % 97:05d}" for row in range(rows)],
        "start_us": instants,
        "duration_us": [1_000_000 * (1 + row % 600) + row if call else None for row, call in enumerate(is_call)],
        "volume_bytes": [None] * rows,
        "units": [None if call else 1 for call in is_call],
    }
    return pa.table(columns, schema=STREAM_V1)


def _refusal(error: grpc.RpcError) -> str:
    """The server's sentence and the reason programs can act on."""
    if not isinstance(error, grpc.Call):
        return str(error)
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return f"{error.details()} ({info.reason} {dict(info.metadata)})"
    return f"{error.code().name}: {error.details()}"


if __name__ == "__main__":
    sys.exit(main())
