"""A switch that streams its call records to `ratewright serve`, and resumes after a broken connection without losing or doubling any.

    .venv/bin/python examples/switch_stream.py                          # makes a few records of its own
    .venv/bin/python examples/switch_stream.py --file calls.csv --cut-after 3
    .venv/bin/python examples/switch_stream.py --stream switch-7 --cut-after 3
    .venv/bin/python examples/switch_stream.py --ca keys/ca.pem --token-file keys/switch-1.token    # over TLS

The rule of `server.client.Switch`, which it uses: keep every batch until its ack has come; after a broken connection send again all
that was not acked. The server knows records by their ids, so that one sent twice counts once. With --stream it knows batches as well:
each has its offset in a stream of that name. After a broken connection, or when it is started again with the same records, the server
says where to go on.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv

from server.client import COUNTS, CallError, Connection, Progress, Retries, Switch

if TYPE_CHECKING:
    from collections.abc import Sequence

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
CUT_WAIT_S = 10.0  # for the last batch to leave before the connection is cut


class CutError(Exception):
    """The connection is broken on purpose."""


def main() -> int:
    """Send everything; the exit status is 1 when the server refuses or cannot be reached."""
    options = _options()
    try:
        records = _records(options)
        shown = {"token_file": options.token_file, "ca": options.ca}
        with Connection(options.address, **shown, retries=Retries(attempts_max=ATTEMPTS_MAX), told=_tell) as connection:
            _send_all(Switch(connection, options.source), records, options)
    except (OSError, pa.ArrowException) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except CallError as error:
        reason = f"{error.message} ({error.reason} {error.metadata})" if error.reason else str(error)
        sys.stderr.write(f"error: {reason}\n")
        return 1
    return 0


def _tell(error: CallError, pause_s: float) -> None:
    """One attempt has failed."""
    sys.stderr.write(f"{error}; trying again in {pause_s:g} s\n")


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
    parser.add_argument("--ca", type=Path, help="certificate of the authority, ca.pem: calls are made over TLS")
    return parser.parse_args()


def _count(text: str) -> int:
    """A number of one or more, or argparse says that it is not."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _send_all(switch: Switch, records: pa.Table, options: argparse.Namespace) -> None:
    """Send until all is acked, and say what came of it."""
    batches = _batches(records, options.batch_rows)
    started_s = time.monotonic()
    first = _cut(switch, batches, options) if options.cut_after else Progress(0, 0)
    left = first.next_offset  # what was acked before the cut is not sent again, so that no batch is counted twice
    done = switch.send(batches[left:], options.stream, first_offset=left)
    totals = {"batches": first.acked + done.acked} | {name: first.rows[name] + done.rows[name] for name in COUNTS}
    stored = {}
    if options.stream:
        rows = switch.stream(options.stream).rows
        stored = {name: getattr(rows, name) for name in COUNTS}
    rows_sent, seconds = records.num_rows, time.monotonic() - started_s
    if options.json:
        of_stream = {"stored": stored} if stored else {}
        print(json.dumps({"rows": rows_sent, **totals, **of_stream, "seconds": round(seconds, 3)}))
        return
    print(
        f"{rows_sent:,} records in {len(batches)} batches, all acked in {seconds:.1f} s: {_listed({name: totals[name] for name in COUNTS})}"
    )
    if stored:
        known = len(batches) - totals["batches"]
        others = f", {known} had been stored and were not sent again" if known else ""
        print(f"stream {options.stream} has {_listed(stored)}; {first.repeated + done.repeated} batches were acked as repeated{others}")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _cut(switch: Switch, batches: Sequence[bytes], options: argparse.Namespace) -> Progress:
    """Send the first batches, and break the connection when they are sent: at the first ack, most of them unread."""
    seen = Progress(0, 0)

    def cut(progress: Progress) -> None:
        nonlocal seen
        seen = progress
        waited_until = time.monotonic() + CUT_WAIT_S
        while progress.sent < len(to_send) and time.monotonic() < waited_until:
            time.sleep(0.001)
        raise CutError

    to_send = batches[: options.cut_after]
    try:
        switch.send(to_send, options.stream, progress=cut)
    except CutError:
        sys.stderr.write(f"connection broken on purpose after {len(to_send)} batches, {seen.acked} of them acked\n")
    return seen


def _batches(records: pa.Table, rows_max: int) -> list[bytes]:
    """Every batch is one complete Arrow IPC stream."""
    batches = []
    for batch in records.combine_chunks().to_batches(max_chunksize=rows_max):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        batches.append(sink.getvalue().to_pybytes())
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


if __name__ == "__main__":
    sys.exit(main())
