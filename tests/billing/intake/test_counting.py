"""Counts by file and day: where a row is counted when it comes in, and where when it becomes something else."""

from __future__ import annotations

import datetime as dt
import gzip
import random
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from billing.intake import marks
from billing.intake.arrivals import Arrival
from billing.intake.batch import Batch
from billing.intake.columns import Quantities, quantities
from billing.intake.counting import count_rows
from billing.intake.day_counts import by_day
from billing.intake.known_records.known_rejects import NewReject, Rejects
from billing.intake.settle import Outcome
from billing.intake.taking import Intake, Mark
from billing.store.tables import intake_counts, raw_files
from mediation.definitions.named import find
from tests.billing.usage_rows import DAY_US, MARCH_US, UNANSWERED, Event, batch, usage_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home

NOW_US = MARCH_US + 10 * DAY_US
ASTERISK = find("asterisk")
FIRST, SECOND = (dt.datetime(2026, 3, day, tzinfo=dt.UTC).date().isoformat() for day in (1, 2))


def row(unique: str, start: str, seconds: int) -> str:
    """A call of an Asterisk that was answered at once."""
    begin = dt.datetime.fromisoformat(start)
    times = f"{begin},{begin},{begin + dt.timedelta(seconds=seconds)}"
    return f",8613800000001,8613700000001,c,,SIP/a-{unique},SIP/b-{unique},Dial,,{times},{seconds},{seconds},ANSWERED,DOC,{unique},\n"


def counts(home: Home) -> dict[tuple[int, int, str, str], int]:
    """Rows by commit, file, day and outcome, without what was received."""
    table = intake_counts.c
    columns = (table.commit_seq, table.raw_file_id, table.day, table.outcome, table.rows)
    with home.connect() as connection:
        found = connection.execute(sa.select(*columns).where(table.outcome != "received")).all()
    return {tuple(key): rows for *key, rows in found if rows}


def test_files_and_days_are_counted_apart(home: Home, tmp_path: Path, balanced: Callable) -> None:
    intake = Intake(home)
    texts = [
        row("1", "2026-03-01 23:59:59", 60) + row("2", "2026-03-02 00:00:00", 30) + "broken\n",
        row("1", "2026-03-01 23:59:59", 61) + row("2", "2026-03-02 00:00:00", 30) + row("3", "2026-03-02 08:00:00", 5),
    ]
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.csv"
        path.write_text(text)
        intake.take_file(path, ASTERISK, NOW_US)
    assert counts(home) == {
        (1, 1, FIRST, "answered"): 1,
        (1, 1, SECOND, "answered"): 1,
        (1, 1, "", "rejected"): 1,
        (2, 1, FIRST, "answered"): -1,  # of the first file, and its day
        (2, 1, FIRST, "conflicting"): 1,
        (2, 2, FIRST, "conflicting"): 1,
        (2, 2, SECOND, "duplicate"): 1,
        (2, 2, SECOND, "answered"): 1,
    }
    balanced(home)


def test_a_corrected_row_is_counted_where_it_came_from(home: Home, tmp_path: Path, balanced: Callable) -> None:
    path = tmp_path / "1.csv"
    path.write_text(row("1", "2026-03-01 12:00:00", 60))
    intake = Intake(home)
    intake.take_file(path, ASTERISK, NOW_US)
    stored = intake.usage(pa.schema(usage_table([]).schema).names, 1)
    later = stored.set_column(stored.schema.get_field_index("start_us"), "start_us", _at(MARCH_US + DAY_US))
    intake.take_recycled(later, [Mark(stored.column("event_key")[0].as_py(), marks.CORRECTED)], NOW_US)
    assert counts(home) == {
        (1, 1, FIRST, "answered"): 1,
        (2, 1, FIRST, "answered"): -1,
        (2, 1, FIRST, "suspended"): 1,
        (2, 1, SECOND, "recycled"): 1,
    }
    balanced(home)


def test_streams_have_no_file(home: Home, balanced: Callable) -> None:
    events = [Event("a"), Event("b", 5, UNANSWERED), Event("c", start_us=MARCH_US + DAY_US), Event("a")]
    Intake(home).take_batch("sw1", batch(*events, rejects=["?"]), NOW_US)
    assert counts(home) == {
        (1, 0, FIRST, "answered"): 1,
        (1, 0, FIRST, "unanswered"): 1,
        (1, 0, FIRST, "duplicate"): 1,
        (1, 0, SECOND, "answered"): 1,
        (1, 0, "", "rejected"): 1,
    }
    balanced(home)


def test_received_is_by_day_as_well() -> None:
    events = [Event("a", 60), Event("b", 30), Event("c", 5, start_us=MARCH_US - 1)]
    arrival = Arrival("sw1", batch(*events, rejects=["?", "?"]))
    rejects = [Rejects([NewReject(arrival.decoded.rejects[0], b"", 1)], Counter())]  # the second is a copy of the first
    made = count_rows(Batch([arrival], arrival.decoded.usage, np.zeros(3, np.int8), {}, rejects=rejects), 7)
    assert {each["outcome"]: each["rows"] for each in made if not each["day"]} == {"received": 2, "rejected": 1, "duplicate": 1}
    received = {each["day"]: (each["rows"], each["duration_us"]) for each in made if each["outcome"] == "received"}
    assert received == {"2026-02-28": (1, 5_000_000), FIRST: (2, 90_000_000), "": (2, 0)}
    assert {each["raw_file_id"] for each in made} == {7}


def test_what_is_gone_stands_in_no_book() -> None:
    table = usage_table([Event("a"), Event("b"), Event("c")])
    outcome = np.array([Outcome.GONE, Outcome.RECYCLED, Outcome.GONE], np.int8)
    assert list(by_day(table, outcome)) == [(FIRST, Outcome.RECYCLED, Quantities(1, 60_000_000, 0, 0))]


@pytest.mark.parametrize("seed", range(3))
def test_sums_are_those_of_python(seed: int) -> None:
    """Any number of groups, some empty, values up to the edge of 64 bits."""
    generator = random.Random(seed)
    rows, groups = generator.choice([0, 1, 500]), generator.choice([1, 3, 70_000])
    table = pa.table(
        {
            name: pa.array([generator.choice([None, 0, 1, 2**63 - 1, generator.randrange(2**63)]) for _ in range(rows)], pa.int64())
            for name in ("duration_us", "units", "bytes_up", "bytes_down")
        }
    )
    group = np.array([generator.randrange(groups) for _ in range(rows)], np.int64)
    expected = [Quantities()] * groups
    for place, values in zip(group.tolist(), table.to_pylist(), strict=True):
        filled = {name: value or 0 for name, value in values.items()}
        expected[place] += Quantities(1, filled["duration_us"], filled["units"], filled["bytes_up"] + filled["bytes_down"])
    assert quantities(table, group, groups) == expected


def test_a_file_that_comes_again_is_known_by_its_records(home: Home, tmp_path: Path, balanced: Callable) -> None:
    """Another name, another packing, another ending of lines: nothing is added, and the report says which file it was."""
    text = row("1", "2026-03-01 12:00:00", 60) + "broken\n" + row("2", "2026-03-01 12:00:00", 60)
    intake = Intake(home)
    first = tmp_path / "first.csv"
    first.write_text(text)
    intake.take_file(first, ASTERISK, NOW_US)
    for name, data in (("again.csv", text.encode()), ("packed.csv.gz", gzip.compress(text.encode()))):
        path = tmp_path / name
        path.write_bytes(data)
        for again in (intake, Intake(home)):
            report = again.take_file(path, ASTERISK, NOW_US)
            assert (report.already_taken, report.received, report.commit_seq, report.same_as) == (True, 0, 1, str(first))
    assert balanced(home)["intake asterisk: received"] == 3
    with home.connect() as connection:
        (file,) = connection.execute(sa.select(raw_files)).all()
    assert (file.file_name, file.rows, file.taken_us, len(file.content_sha256)) == ("first.csv", 3, NOW_US, 32)


@pytest.mark.parametrize(
    "other",
    [
        row("1", "2026-03-01 12:00:00", 60),
        row("2", "2026-03-01 12:00:00", 60) + row("1", "2026-03-01 12:00:00", 60) + "broken\n",
        row("1", "2026-03-01 12:00:00", 60) + row("2", "2026-03-01 12:00:00", 60) + "Broken\n",
        row("1", "2026-03-01 12:00:00", 60) + row("2", "2026-03-01 12:00:00", 61) + "broken\n",
    ],
    ids=["shorter", "other order", "other reject", "other content"],
)
def test_a_file_that_differs_anywhere_is_another_one(home: Home, tmp_path: Path, balanced: Callable, other: str) -> None:
    texts = [row("1", "2026-03-01 12:00:00", 60) + row("2", "2026-03-01 12:00:00", 60) + "broken\n", other]
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.csv"
        path.write_text(text)
        assert not Intake(home).take_file(path, ASTERISK, NOW_US).already_taken
    balanced(home)


def _at(start_us: int) -> pa.Array:
    return pa.array([start_us], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
