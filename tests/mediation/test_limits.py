"""One set of bounds for files and streams: what is refused in the one is refused in the other, for the same reason."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mediation import limits
from mediation.decode import decode
from mediation.definitions.named import find
from mediation.sources.model import Format, Layout, Source
from mediation.stream import STREAM_V1, to_usage

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("record_id", "served", "other", "start", "duration")
FILE = Source("gw", Format.DELIMITED, (Layout(COLUMNS),))
LONGEST, TOO_LONG = "x" * limits.TEXT_BYTES_MAX, "x" * (limits.TEXT_BYTES_MAX + 1)
DAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
PLAIN_ROWS = "r0,alice,bob,2026-03-02 00:00:00Z,60\n" * 200  # the head of a file with NUL says that it is no text
CASES: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"record_id": LONGEST}, ""),
    ({"record_id": TOO_LONG}, "text_too_long"),
    ({"record_id": "x" * 100_000}, "text_too_long"),
    ({"served": TOO_LONG}, "text_too_long"),
    ({"other": TOO_LONG}, "text_too_long"),
    ({"record_id": "r\0"}, "nul_character"),
    ({"served": "al\0ice"}, "nul_character"),
    ({"other": "\0"}, "nul_character"),
    ({"start": dt.datetime(1999, 12, 31, tzinfo=dt.UTC)}, "time_out_of_range"),
    ({"start": dt.datetime(2070, 1, 1, tzinfo=dt.UTC)}, "time_out_of_range"),
    ({"start": dt.datetime(2068, 1, 1, tzinfo=dt.UTC)}, ""),  # waits, by the clock of who takes it in
    ({"duration": 1 << 47}, "quantity_too_large"),
    ({"duration": -1_000_000}, "negative_duration negative_quantity"),
]


@pytest.mark.parametrize(("changed", "reason"), CASES)
def test_a_file_a_stream_and_parquet_refuse_the_same(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    row = {"record_id": "r1", "served": "alice", "other": "bob", "start": DAY, "duration": 60_000_000} | changed
    text = tmp_path / "cdr.csv"
    start = f"{row['start']:%Y-%m-%d %H:%M:%S}Z"
    written = f"{row['record_id']},{row['served']},{row['other']},{start},{row['duration'] / 1_000_000:f}\n"
    text.write_text(PLAIN_ROWS + written)
    names = {"record_id": "record_id", "served": "served_raw", "other": "other_raw", "start": "start_us", "duration": "duration_us"}
    parquet = tmp_path / "cdr.parquet"
    values = {names[name]: [value] for name, value in row.items()} | {"service": [1], "served_id": [row["served"]]}
    pq.write_table(pa.table(values), parquet)
    streamed = {"record_id": row["record_id"], "service": 1, "served": row["served"], "other": row["other"]}
    batch = pa.RecordBatch.from_pylist([{**streamed, "start_us": row["start"], "duration_us": row["duration"]}], schema=STREAM_V1)
    decoded = (decode(text, FILE), decode(parquet, find("canonical")), to_usage(batch, FILE))
    found = [" ".join(reject.reason for reject in each.rejects) for each in decoded]
    assert all(each in reason.split(" ") for each in found), found


def test_a_stream_knows_how_far_its_source_may_be_ahead() -> None:
    batch = pa.RecordBatch.from_pylist([], schema=STREAM_V1)
    assert to_usage(batch, FILE).future_tolerance_us == limits.FUTURE_TOLERANCE_US
    assert to_usage(batch, Source("s", Format.FREESWITCH, (), future_tolerance_us=7)).future_tolerance_us == 7
