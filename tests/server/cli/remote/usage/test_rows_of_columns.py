"""Places in files of columns and in batches of a stream: the row, counted from 1, where a file of bytes has a byte."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billing.intake.taking import Intake
from mediation.decode import Decoded, Reject
from server.cli import app
from tests.billing.usage_rows import usage_table
from tests.server.access.conftest import NOW_US

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.cli.remote.conftest import Both

pytestmark = pytest.mark.slow


@pytest.fixture
def usage(tmp_path: Path) -> Path:
    """Four calls: the service of the third one is unknown, the duration of the fourth is below zero."""
    starts = [dt.datetime(2025, 10, day, 10, tzinfo=dt.UTC) for day in (1, 2, 3, 4)]
    columns = {
        "record_id": ["a", "b", "c", "d"],
        "service": pa.array([1, 1, 77, 1], pa.int8()),
        "start_us": pa.array(starts, pa.timestamp("us", "UTC")),
        "served_id": ["8613800000001"] * 4,
        "duration_us": pa.array([60_000_000, 60_000_000, 60_000_000, -5], pa.int64()),
    }
    path = tmp_path / "usage.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_records_that_wait_are_named_by_their_row(both: Both, usage: Path) -> None:
    for way in (both.here, both.there):
        way("usage", "ingest", "--source", "canonical", usage)
        listed = way("usage", "suspense", "list").splitlines()
        assert "place" in next(line for line in listed if line.startswith("id "))
        rows = [line for line in listed if "usage.parquet" in line]
        assert ["row 3" in rows[0], "row 4" in rows[1], "byte" in "".join(rows)] == [True, True, False]
        found = json.loads(way("usage", "suspense", "list", "--json"))["rows"]
        assert [(each["row"], each["offset"]) for each in found if "usage.parquet" in each["file"]] == [(3, 2), (4, 3)]
        shown = way("usage", "suspense", "show", found[-1]["id"])
        assert "usage.parquet, row 4\n" in shown


def test_a_row_that_cannot_be_read_is_sent_again_and_written_off(both: Both, usage: Path, tmp_path: Path) -> None:
    """No change of a rule makes it readable. As docs/formats/canonical.md says: the record comes again, and the row may be given up."""
    mended = pq.read_table(usage).slice(2, 1)
    pq.write_table(mended.set_column(1, "service", pa.array([1], pa.int8())), tmp_path / "mended.parquet")
    for way in (both.here, both.there):
        way("usage", "ingest", "--source", "canonical", usage)
        chosen = ("--source", "canonical", "--reason", "unknown_service")
        assert "it still cannot be read: unknown_service" in way("usage", "suspense", "correct", *chosen, "--service", "voice")
        taken = json.loads(way("usage", "ingest", "--source", "canonical", tmp_path / "mended.parquet", "--json"))
        assert (taken[0]["rows"]["answered"], taken[0]["suspended_by_reason"]) == (1, {})
        assert "proposal 1" in way("usage", "suspense", "write-off", *chosen, "--note", "sent again")


def test_a_record_of_a_stream_is_named_by_its_row_in_the_batch(both: Both) -> None:
    """A stream leaves no bytes: its second row that could not be read is row 2 of its batch."""
    refused = [Reject("negative_quantity", row, 0, f'{{"record_id":"{row}"}}'.encode()) for row in (0, 1)]
    for home in (both.twin.home, both.guarded.home):
        Intake(home).take_batch("canonical", Decoded(usage_table([], "canonical"), refused, 2, b"", 0), NOW_US)
    for way in (both.here, both.there):
        listed = [" ".join(line.split()) for line in way("usage", "suspense", "list").splitlines()]
        assert sum("stream row 2" in line for line in listed) == 1, listed
        found = json.loads(way("usage", "suspense", "list", "--json"))["rows"]
        assert sorted((each["file"], each["row"], each["offset"]) for each in found) == [("", 1, 0), ("", 2, 1)]
        second = next(each["id"] for each in found if each["row"] == 2)
        assert "stream, row 2\n" in way("usage", "suspense", "show", second)


def test_a_trial_names_the_row(usage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app.main(["source", "check", "canonical", str(usage)])
    printed = capsys.readouterr().out
    assert 'row 3: {"record_id":"c"' in printed
    assert "byte 2" not in printed
