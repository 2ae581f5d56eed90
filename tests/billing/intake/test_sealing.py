"""Sealing: the same rows in another form, sorted, by month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from billing.intake import records, sealing, view
from billing.intake.sealing import Portion
from billing.intake.taking import Intake
from billing.store.tables import usage_manifest
from rating.errors import UserError
from rating.schema import USAGE_V1
from tests.billing.usage_rows import DAY_US, MARCH_US, UNANSWERED, Event, batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home

NOW_US = 1_772_323_200_000_000


def fill(home: Home) -> Intake:
    """Three commits over three months, several numbers."""
    intake = Intake(home)
    for commit in range(3):
        events = [
            Event(f"{commit}.{i}", 10 + i, UNANSWERED if i % 5 == 0 else 0, MARCH_US + (i * 7 % 60 - 20) * DAY_US + i, f"86138{i % 7:08d}")
            for i in range(40)
        ]
        intake.take_batch("sw1", batch(*events, source="sw1"), NOW_US)
    return intake


def everything(home: Home, seq: int) -> list[dict[str, object]]:
    table = view.usage(home, [*USAGE_V1.names, view.COMMIT_SEQ], seq, every=True)
    return sorted(table.to_pylist(), key=lambda row: str(row["record_id"]))


def test_a_full_disk_leaves_no_half_file(home: Home, full_disk: Callable) -> None:
    intake = fill(home)
    before = everything(home, 3)
    with full_disk(2_000), pytest.raises(UserError, match="sealed cannot be written"):
        intake.seal(NOW_US)
    assert list(home.sealed_folder.iterdir()) == []
    assert everything(home, 3) == before
    assert intake.seal(NOW_US).rows == 120


def test_sealing_changes_nothing_that_counts(home: Home, balanced: Callable) -> None:
    intake = fill(home)
    before = [everything(home, seq) for seq in range(4)]
    report = intake.seal(NOW_US)
    assert (report.rows, report.ranges, report.files) == (120, 3, 3)
    assert [everything(home, seq) for seq in range(4)] == before
    assert [len(rows) for rows in before] == [0, 40, 80, 120]
    assert list(home.journal_folder.iterdir()) == []
    assert balanced(home)["intake sw1: answered"] == 96


def test_files_are_sorted_and_hold_one_month_each(home: Home) -> None:
    fill(home).seal(NOW_US)
    months = []
    for path in sorted(home.sealed_folder.iterdir()):
        rows = pq.read_table(path).to_pylist()
        assert {f"{row['start_us']:%Y-%m}" for row in rows} == {path.name[:7]}
        order = [(sealing.shard_of(row["served_id"]), row["served_id"], row["start_us"]) for row in rows]
        assert order == sorted(order)
        months.append(path.name[:7])
    assert months == ["2026-02", "2026-03", "2026-04"]


def test_the_shard_of_a_number_is_for_ever() -> None:
    assert [sealing.shard_of(number) for number in ("8613800000001", "alice", "张")] == [245, 71, 5]


def test_small_buckets_and_groups_give_the_same_rows(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    intake = fill(home)
    before = everything(home, 3)
    monkeypatch.setattr(sealing, "BUCKET_ROWS", 5)
    monkeypatch.setattr(sealing, "ROWS_MAX", 50)
    assert intake.seal(NOW_US).files == 9
    assert everything(home, 3) == before
    for path in home.sealed_folder.iterdir():
        rows = pq.read_table(path, columns=["served_id", "start_us"]).to_pylist()
        order = [(sealing.shard_of(row["served_id"]), row["served_id"], row["start_us"]) for row in rows]
        assert order == sorted(order)


def test_sealing_again_takes_only_what_is_new(home: Home, counting: Callable) -> None:
    intake = fill(home)
    intake.seal(NOW_US)
    assert intake.seal(NOW_US) == (0, 0, 0, 0)
    intake.take_batch("sw1", batch(Event("late", start_us=MARCH_US)), NOW_US)
    assert [file.name for file in home.journal_folder.iterdir()] == ["00000002.arrow"], "the name of a sealed segment is not used again"
    assert intake.seal(NOW_US).rows == 1
    assert len(list(home.sealed_folder.iterdir())) == 4
    assert counting(home)["late"] == 60


def test_the_oldest_ranges_are_sealed_first_and_the_others_stay(home: Home) -> None:
    """Three ranges of 40 rows: no more than 90 rows are the first two. What comes after goes behind the third one, in its segment."""
    intake = fill(home)
    before = everything(home, 3)
    assert intake.seal_oldest(NOW_US, Portion(9, 90))[:2] == (80, 2)
    assert everything(home, 3) == before
    intake.take_batch("sw1", batch(Event("late", start_us=MARCH_US)), NOW_US)
    assert [file.name for file in home.journal_folder.iterdir()] == ["00000001.arrow"]
    assert records.unsealed(home) == (2, 41)
    assert intake.seal_oldest(NOW_US, Portion(9, 1))[:2] == (40, 1), "one range at least"
    assert intake.seal_oldest(NOW_US, Portion(9, 90))[:2] == (1, 1)
    assert intake.seal_oldest(NOW_US, Portion(9, 90)) == (0, 0, 0, 0)
    assert list(home.journal_folder.iterdir()) == []
    assert everything(home, 3) == before
    assert len(everything(home, 99)) == 121


def test_no_more_ranges_are_sealed_at_once_than_are_asked_for(home: Home) -> None:
    intake = fill(home)
    assert intake.seal_oldest(NOW_US, Portion(2, 1_000))[:2] == (80, 2)
    assert records.unsealed(home) == (1, 40)


def test_progress_is_told_in_rows(home: Home) -> None:
    told: list[tuple[int, int]] = []
    fill(home).seal(NOW_US, lambda done, total: told.append((done, total)))
    assert told == [(120, 120)]


def test_types_survive(home: Home) -> None:
    fill(home).seal(NOW_US)
    table = view.usage(home, USAGE_V1.names, 3)
    assert table.schema.equals(USAGE_V1)
    path = next(home.sealed_folder.iterdir())
    assert pq.read_schema(path).metadata[b"ratewright.schema"] == b"usage"
    encodings = {
        column: pq.ParquetFile(path).metadata.row_group(0).column(i).encodings for i, column in enumerate(pq.read_schema(path).names)
    }
    assert not any("DICTIONARY" in encoding for encoding in encodings["event_key"])
    assert any("DICTIONARY" in encoding for encoding in encodings["source"])
    assert pa.types.is_timestamp(pq.read_schema(path).field("start_us").type)


def test_a_changed_file_is_told(home: Home) -> None:
    fill(home).seal(NOW_US)
    path = next(home.sealed_folder.iterdir())
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError, match="is not what was committed"):
        view.usage(home, ["served_id"], 3)


def test_a_reader_that_was_overtaken_looks_again(home: Home, counting: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is sealed between a reader's look at the manifest and its look at the files."""
    intake = fill(home)
    plain = view.stored
    overtaken = []

    def slow(*arguments: object) -> list[view.Stored]:
        found = plain(*arguments)  # type: ignore[arg-type]  # passed on
        if not overtaken:
            overtaken.append(True)
            intake.seal(NOW_US)
        return found

    monkeypatch.setattr(view, "stored", slow)
    assert len(counting(home, 3)) == 96
    assert overtaken


def test_every_range_keeps_its_place_in_the_manifest(home: Home) -> None:
    fill(home).seal(NOW_US)
    with home.connect() as connection:
        rows = connection.execute(sa.select(usage_manifest.c.form, usage_manifest.c.rows, usage_manifest.c.sealed_at_seq)).all()
    assert [tuple(row) for row in rows[:3]] == [("journal", 40, 4)] * 3
    assert sum(row.rows for row in rows[3:]) == 120
    assert {row.sealed_at_seq for row in rows[3:]} == {None}
