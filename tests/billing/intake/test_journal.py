"""The journal: what is committed can be read for ever, whatever lies behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.intake import journal, records, view
from billing.intake.taking import Intake
from billing.store.tables import usage_manifest
from rating.errors import UserError
from rating.schema import USAGE_V1
from tests.billing.usage_rows import Event, batch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home

NOW_US = 1_772_323_200_000_000


def segment(home: Home) -> Path:
    (only,) = home.journal_folder.iterdir()
    return only


@pytest.mark.parametrize("garbage", [b"\x00", b"\xff" * 1000, b"ARROW1\x00\x00" * 500])
def test_garbage_behind_the_last_commit_is_cut_off(home: Home, counting: Callable, balanced: Callable, garbage: bytes) -> None:
    Intake(home).take_batch("sw1", batch(Event("a")), NOW_US)
    with segment(home).open("ab") as file:
        file.write(garbage)
    assert counting(home) == {"a": 60}
    Intake(home).take_batch("sw1", batch(Event("b")), NOW_US)
    assert counting(home) == {"a": 60, "b": 60}
    assert balanced(home)["intake sw1: answered"] == 2
    with home.connect() as connection:
        ranges = connection.execute(sa.select(usage_manifest.c.byte_from, usage_manifest.c.byte_to)).all()
    assert ranges[0][1] == ranges[1][0]
    assert segment(home).stat().st_size == ranges[1][1]


def test_a_segment_that_nobody_names_goes(home: Home, counting: Callable) -> None:
    (home.journal_folder / "00000001.arrow").write_bytes(b"half a batch")
    (home.sealed_folder / "2026-03-000000000001-000000000000.parquet").write_bytes(b"half a file")
    Intake(home).take_batch("sw1", batch(Event("a")), NOW_US)
    assert counting(home) == {"a": 60}
    assert list(home.sealed_folder.iterdir()) == []


def test_a_full_segment_is_followed_by_a_new_one(home: Home, counting: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "SEGMENT_BYTES_MAX", 1)
    intake = Intake(home)
    for name in "abc":
        intake.take_batch("sw1", batch(Event(name)), NOW_US)
    assert [file.name for file in sorted(home.journal_folder.iterdir())] == ["00000001.arrow", "00000002.arrow", "00000003.arrow"]
    assert len(counting(home)) == 3


@pytest.mark.parametrize("is_first", [True, False])
def test_a_full_disk_is_told_and_nothing_of_the_batch_stays(
    home: Home, counting: Callable, balanced: Callable, full_disk: Callable, *, is_first: bool
) -> None:
    intake = Intake(home)
    if not is_first:
        intake.take_batch("sw1", batch(Event("a")), NOW_US)
    before = {file: file.read_bytes() for file in home.journal_folder.iterdir()}
    many = batch(*(Event(f"e{i}") for i in range(2000)))
    with full_disk(20_000), pytest.raises(UserError, match=r"00000001.arrow cannot be written: .*") as caught:
        intake.take_batch("sw1", many, NOW_US)
    assert "nothing was stored" in caught.value.remedy
    assert sum(file.stat().st_size for file in home.journal_folder.iterdir()) == sum(map(len, before.values()))
    assert len(counting(home)) == len(before)
    intake.take_batch("sw1", many, NOW_US)
    assert len(counting(home)) == 2000 + len(before)
    balanced(home)


def test_every_column_comes_back(home: Home) -> None:
    """Those that are null throughout as well, and those that are null in one batch only."""
    intake = Intake(home)
    one, two = batch(Event("a")), batch(Event("b", volume_bytes=5))
    intake.take_batch("sw1", one, NOW_US)
    intake.take_batch("sw1", two, NOW_US)
    table = view.usage(home, USAGE_V1.names, 2)
    assert table.schema.equals(USAGE_V1)
    assert table.to_pylist() == one.usage.to_pylist() + two.usage.to_pylist()


@pytest.mark.parametrize("change", ["flip", "cut"])
def test_a_changed_segment_is_told_and_never_sealed(home: Home, change: str) -> None:
    intake = Intake(home)
    intake.take_batch("sw1", batch(*(Event(f"e{i}") for i in range(50))), NOW_US)
    path = segment(home)
    content = bytearray(path.read_bytes())
    if change == "flip":
        content[len(content) // 2] ^= 0xFF
    else:
        del content[-100:]
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not what was committed"):
        intake.seal(NOW_US)
    assert path.exists()
    if change == "cut":
        with pytest.raises(UserError, match="is not what was committed"):
            view.usage(home, ["served_id"], 1)


@pytest.mark.parametrize("garbage", [b"", b"behind the last commit"])
def test_a_few_records_are_written_as_many_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, garbage: bytes) -> None:
    """At once, from memory, or buffer by buffer: the same bytes in the same place, with the same hash."""
    usage = batch(*(Event(f"record {number}") for number in range(3))).usage
    columns = [name for name in USAGE_V1.names if usage.column(name).null_count < usage.num_rows]
    written = []
    for name, few_rows in (("at once", journal.FEW_ROWS), ("buffer by buffer", 0)):
        monkeypatch.setattr(journal, "FEW_ROWS", few_rows)
        segment = tmp_path / name
        first = journal.append(segment, 0, columns, usage.to_batches())
        with segment.open("ab") as file:
            file.write(garbage)
        second = journal.append(segment, first.byte_to, columns, usage.slice(1).to_batches())
        journal.check(segment, *second)
        assert journal.read(segment, second.byte_from, second.byte_to, ["record_id"]).num_rows == 2
        written.append((first, second, segment.read_bytes()))
    assert written[0] == written[1]
    assert len(written[0][2]) == written[0][1].byte_to


@pytest.mark.parametrize("rows", [1, 5_000], ids=["few", "many"])
@pytest.mark.parametrize("left", [0, 100, None], ids=["empty", "cut off", "gone"])
def test_a_segment_that_ends_too_early_takes_no_more(home: Home, rows: int, left: int | None) -> None:
    Intake(home).take_batch("sw1", batch(Event("a")), NOW_US)
    if left is None:
        segment(home).unlink()
    else:
        with segment(home).open("r+b") as file:
            file.truncate(left)
    with pytest.raises(UserError, match=r"00000001\.arrow"):
        Intake(home).take_batch("sw1", batch(*(Event(f"b{number}") for number in range(rows))), NOW_US)
    assert [file.stat().st_size for file in home.journal_folder.iterdir()] == ([] if left is None else [left])
