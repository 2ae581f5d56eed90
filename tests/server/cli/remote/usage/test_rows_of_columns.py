"""Places in files of columns: the row of a Parquet file, counted from 1, where a file of bytes has a byte."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.cli import app

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


def test_a_trial_names_the_row(usage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app.main(["source", "check", "canonical", str(usage)])
    printed = capsys.readouterr().out
    assert 'row 3: {"record_id":"c"' in printed
    assert "byte 2" not in printed
