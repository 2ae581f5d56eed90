"""From a file in the folder to records that count, and to the file's last place."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing.collection import collecting, folders, stored
from billing.collection.claims import taken_place
from billing.intake import books, view
from billing.intake.taking import Intake
from billing.store import tables
from billing.store.home import Home
from rating.errors import UserError
from tests.billing.collection.drop import DAY, NOW_US, SOURCES, SW1, Call, collect, files_in, one_round, put, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


def _records(home: Home) -> list[str]:
    """The names of the calls that are stored, and the books hold."""
    with home.connect() as connection:
        head = home.head_seq(connection)
    for line in books.intake_book(home, head):
        assert line.left == line.right, line
    stored_rows = view.usage(home, ["record_id"], head, every=True).column("record_id").to_pylist()
    return sorted(each.split(".")[0] for each in stored_rows)


def _collected(home: Home) -> list[tuple[object, ...]]:
    row = tables.collected_files.c
    query = sa.select(row.file_name, row.source, row.state, row.raw_file_id, row.sequence_number).order_by(row.collected_id)
    with home.connect() as connection:
        return [tuple(each) for each in connection.execute(query)]


def _archived(home: Home) -> list[str]:
    with home.connect() as connection:
        return list(connection.execute(sa.select(tables.raw_files.c.archived_path).order_by(tables.raw_files.c.raw_file_id)).scalars())


def test_a_file_is_taken_and_archived(home: Home, root: Path) -> None:
    put(root, "sw1_0001.csv", text(Call("a"), Call("b", 0)))
    found = collect(home, root)
    assert [(each.file, each.source, each.state, each.received) for each in found.done] == [("sw1_0001.csv", "sw1", "taken", 2)]
    assert found.done[0].rows["answered"] == found.done[0].rows["unanswered"] == 1
    assert files_in(root) == {f"archive/{DAY}/sw1/sw1_0001.csv"}
    assert _archived(home) == [str(root / f"archive/{DAY}/sw1/sw1_0001.csv")]
    assert _collected(home) == [("sw1_0001.csv", "sw1", "taken", 1, 1)]
    assert _records(home) == ["a", "b"]
    assert collect(home, root).done == []


def test_a_resent_file_adds_nothing_under_whatever_name_or_packing(home: Home, root: Path) -> None:
    content = text(Call("a"))
    put(root, "sw1_0001.csv", content)
    collect(home, root)
    put(root, "sw1_0002.csv", content)
    put(root, "sw1_0001.csv", content)
    states = {each.file: (each.state, each.reason) for each in collect(home, root).done}
    told = "the same records as sw1_0001.csv; nothing was added"
    assert states == {"sw1_0001.csv": ("resent", told), "sw1_0002.csv": ("resent", told)}
    assert files_in(root) == {f"archive/{DAY}/sw1/{name}" for name in ("sw1_0001.csv", "sw1_0001.csv.2", "sw1_0002.csv")}
    assert _records(home) == ["a"]
    put(root, "sw1_0003.csv.gz", gzip.compress(content.encode()))
    assert [each.state for each in collect(home, root).done] == ["resent"]
    assert _records(home) == ["a"]
    assert [row[4] for row in _collected(home)] == [1, 1, 2, 3], "a number has come, whatever came with it"


def test_two_files_of_one_name_are_both_kept(home: Home, root: Path) -> None:
    put(root, "sw1_0001.csv", text(Call("a")))
    collect(home, root)
    put(root, "sw1_0001.csv", text(Call("b")))
    collect(home, root)
    assert files_in(root) == {f"archive/{DAY}/sw1/sw1_0001.csv", f"archive/{DAY}/sw1/sw1_0001.csv.2"}
    assert [each.rpartition("/")[2] for each in _archived(home)] == ["sw1_0001.csv", "sw1_0001.csv.2"]
    assert _records(home) == ["a", "b"]


REJECTED = [
    # name, content, what the reason says, what the remedy says
    ("sw1_0001.csv", "", "sw1_0001.csv holds no rows", "check that the switch has written it"),
    ("sw1_0001.csv", "a,b,c\n", "no row of sw1_0001.csv can be read as source sw1", "name another --source"),
    ("sw1_0001.csv.gz", gzip.compress(text(Call("a")).encode())[:-9], "is a truncated or damaged gzip file", "fetch the file again"),
    ("other.csv", text(Call("a")), "no source takes files with names such as other.csv", "add a pattern to `files`"),
    ("sw2/x.csv", text(Call("a")), "x.csv has no single trailer: no line begins with 'TRAILER'", "fetch the file again"),
    ("sw2/x.csv", text(Call("a"), "TRAILER,2,60"), "records: 2 by the file, 1 counted", "fetch the file again"),
    ("sw2/x.csv", text(Call("a"), "TRAILER,1,61"), "microseconds: 61,000,000 by the file, 60,000,000 counted", "fetch the file again"),
    ("sw2/x.csv", text(Call("a"), "TRAILER,1,60", "TRAILER,1,60"), "2 lines begin with 'TRAILER'", "fetch the file again"),
    ("sw2/x.csv", text(Call("a"), "TRAILER;1;60"), "the trailer of x.csv is not as its source says: 'TRAILER;1;60'", "correct `trailer`"),
    ("sw2/x.csv", "", "x.csv has no single trailer", "fetch the file again"),
]


@pytest.mark.parametrize("row", REJECTED)
def test_a_file_is_rejected_whole_with_its_reason_beside_it(home: Home, root: Path, row: tuple[str, str | bytes, str, str]) -> None:
    name, content, reason, remedy = row
    path = put(root, name, content)
    before = path.read_bytes()
    found = collect(home, root).done[0]
    assert (found.file, found.state) == (name, "rejected")
    assert reason in found.reason
    assert ".claimed" not in found.reason
    assert remedy in found.remedy
    base = name.rpartition("/")[2]
    assert files_in(root) == {f"rejected/{base}", f"rejected/{base}.reason.json"}
    assert (root / "rejected" / base).read_bytes() == before
    told = json.loads((root / f"rejected/{base}.reason.json").read_text())
    assert (told["file"], told["reason"], told["remedy"]) == (name, found.reason, found.remedy)
    assert told["claimed_at"] == f"{DAY}T00:00:00+00:00"
    assert _records(home) == []
    (root / "rejected" / base).rename(path)
    collect(home, root)
    assert files_in(root) == {f"rejected/{base}", f"rejected/{base}.reason.json"}, "again, in the same place"


def test_control_totals_that_agree_are_kept(home: Home, root: Path) -> None:
    put(root, "sw2/x.csv", text(Call("a", 61), Call("b", 0), Call("c", 5), "TRAILER,3,66"))
    assert collect(home, root).done[0].state == "taken"
    with home.connect() as connection:
        kept = json.loads(connection.execute(sa.select(tables.collected_files.c.control_totals)).scalar_one())
    assert kept["said"] == {"count": 3, "duration": 66_000_000}
    assert kept["counted"] == {"count": 3, "duration": 66_000_000, "bytes": 0, "units": 0}


def test_rows_that_cannot_be_read_count_as_records_and_leave_sums_open(home: Home, root: Path) -> None:
    put(root, "sw2/x.csv", text(Call("a", 61), "broken,row", "TRAILER,2,99"))
    assert collect(home, root).done[0].rows["rejected"] == 1


def test_an_hour_without_calls_is_no_mistake_where_the_file_says_so(home: Home, root: Path) -> None:
    put(root, "sw2/x.csv", text("TRAILER,0,0"))
    put(root, "sw1_0007.csv", "\n")
    found = collect(home, root).done
    assert [(each.state, each.reason) for each in found] == [("taken", "holds no records")] * 2
    assert files_in(root) == {f"archive/{DAY}/sw2/x.csv", f"archive/{DAY}/sw1/sw1_0007.csv"}
    assert [row[2:] for row in _collected(home)] == [("taken", None, 7), ("taken", None, None)]


def test_names_that_are_long_or_no_text_are_kept(home: Home, root: Path) -> None:
    names = [
        b"sw1_0001." + b"x" * 242 + b".csv",
        b"sw1_\xff\xfe.csv",
        "sw1_\u4e0a\u6d77 'x'.csv".encode(),
        b"sw1_" + b"\xe4\xb8\x8a" * 82 + b".csv",
    ]
    for index, name in enumerate(names):
        put(root, os.fsdecode(name), text(Call(f"c{index}")))
    assert {each.state for each in collect(home, root).done} == {"taken"}
    put(root, os.fsdecode(b"other" + b"y" * 250), "what?")
    assert [each.state for each in collect(home, root).done] == ["rejected"]
    kept = [os.fsencode(path.name) for path in (root / f"archive/{DAY}/sw1").iterdir()]
    assert sorted(kept) == sorted(name[:243] for name in names)
    assert len(_records(home)) == 4


def test_a_file_that_no_source_wants_may_be_in_transfer_and_is_left_for_a_while(home: Home, root: Path) -> None:
    young = NOW_US - collecting.UNWANTED_AGE_US + 1
    put(root, "sw1_0001.csv.xfer", text(Call("a")), changed_us=young)
    found = collect(home, root)
    assert (found.done, found.waiting, files_in(root)) == ([], 1, {"sw1_0001.csv.xfer"})
    assert [each.state for each in collect(home, root, machine_us=NOW_US + 1).done] == ["rejected"]


def test_the_age_of_a_file_is_of_the_machine_and_not_of_the_home(home: Home, root: Path) -> None:
    """The day of a practice home is moved, and files are written on the machine's."""
    day_us = 86_400_000_000
    put(root, "notes_1.txt", "x", changed_us=NOW_US - 30 * day_us - 1)
    assert (collect(home, root, machine_us=NOW_US - 30 * day_us).waiting, files_in(root)) == (1, {"notes_1.txt"})
    put(root, "notes_1.txt", "x", changed_us=NOW_US + 30 * day_us - collecting.UNWANTED_AGE_US)
    assert [each.state for each in collect(home, root, machine_us=NOW_US + 30 * day_us).done] == ["rejected"]


def test_two_sources_that_want_one_file_are_a_mistake(home: Home, root: Path) -> None:
    put(root, "sw1_0001.csv", text(Call("a")))
    second = msgspec.structs.replace(SW1, name="sw9")
    found = collect(home, root, sources=(SW1, second)).done[0]
    assert found.reason == "sources sw1 and sw9 both take sw1_0001.csv"


def test_a_name_without_a_number_is_told(home: Home, root: Path) -> None:
    put(root, "sw1_extra.csv", text(Call("a")))
    assert "has no number" in collect(home, root).done[0].reason


def test_a_file_with_a_ready_file_waits_for_it_and_both_are_archived(home: Home, root: Path) -> None:
    put(root, "r_1.csv", text(Call("a")))
    first = collect(home, root)
    assert (first.done, first.waiting) == ([], 1)
    put(root, "r_1.csv.ok", "")
    assert [each.state for each in collect(home, root).done] == ["taken"]
    assert files_in(root) == {f"archive/{DAY}/ready/r_1.csv", f"archive/{DAY}/ready/r_1.csv.ok"}


def test_a_file_must_settle(home: Home, root: Path) -> None:
    path = put(root, "sw1_0001.csv", text(Call("a")))
    opened = folders.open_folders(root)
    with taken_place(opened) as place:
        clocks = collecting.Clocks(lambda: NOW_US, lambda: NOW_US)
        collector = collecting.Collector(home, opened, place, collecting.Rules(SOURCES, 5), clocks)
        assert one_round(collector, 0).waiting == 1
        path.write_text(text(Call("a"), Call("b")))
        assert one_round(collector, 5).waiting == 1
        assert one_round(collector, 9).waiting == 1
        assert one_round(collector, 10).done[0].received == 2


def test_a_file_that_grows_while_it_is_taken_is_read_again(home: Home, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "sw1_0001.csv", text(Call("a")))
    take, grown = Intake.take_file, []

    def slow(self: Intake, path: Path, *args: object, **named: object) -> object:
        report = take(self, path, *args, **named)  # type: ignore[arg-type]  # as it was called
        if not grown:
            with path.open("a") as file:
                file.write(text(Call("b")))
            grown.append(path)
        return report

    monkeypatch.setattr(Intake, "take_file", slow)
    assert [each.state for each in collect(home, root).done] == ["taken"]
    assert _records(home) == ["a", "b"]


def test_a_file_that_never_stops_growing_stays_claimed_and_is_tried_again(home: Home, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "sw1_0001.csv", text(Call("a")))
    with monkeypatch.context() as patched:
        take = Intake.take_file

        def slow(self: Intake, path: Path, *args: object, **named: object) -> object:
            report = take(self, path, *args, **named)  # type: ignore[arg-type]  # as it was called
            with path.open("a") as file:
                file.write(text(Call(f"b{path.stat().st_size}")))
            return report

        patched.setattr(Intake, "take_file", slow)
        found = collect(home, root)
    assert (found.done, [each.file for each in found.troubles]) == ([], ["sw1_0001.csv"])
    assert "still being written to" in found.troubles[0].error.message
    assert len(files_in(root)) == 1
    assert [each.state for each in collect(home, root).done] == ["taken"]
    assert len(_records(home)) == 4


def test_trouble_with_the_store_leaves_files_where_they_are(home: Home, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        put(root, f"sw1_000{number}.csv", text(Call(f"c{number}")))

    def locked(*_args: object, **_named: object) -> None:
        raise UserError("the database is locked", "wait")

    with monkeypatch.context() as patched:
        patched.setattr(stored, "note", locked)
        found = collect(home, root)
        assert len(found.troubles) == collecting.FAILING_MAX, "no more are claimed"
        assert len(collect(home, root).troubles) == collecting.FAILING_MAX
    assert len(files_in(root)) == 9
    found = collect(home, root)
    assert len(found.done) == 9
    assert {each.state for each in found.done} == {"taken"}
    assert _records(home) == [f"c{number}" for number in range(9)]


def _zip(members: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_each_file_of_an_archive_is_taken_and_the_archive_kept(home: Home, root: Path) -> None:
    put(root, "sw2/day.csv", _zip({"x/1.csv": text(Call("a"), "TRAILER,1,60"), "2.csv": text(Call("b"), Call("c"), "TRAILER,2,120")}))
    found = collect(home, root).done[0]
    assert (found.state, found.received, found.rows["answered"]) == ("taken", 3, 3)
    assert files_in(root) == {f"archive/{DAY}/sw2/day.csv"}
    assert _archived(home) == [str(root / f"archive/{DAY}/sw2/day.csv")] * 2
    assert _records(home) == ["a", "b", "c"]


def test_of_an_archive_the_good_files_are_taken_and_the_bad_one_is_told(home: Home, root: Path) -> None:
    members = {
        "1.csv": text(Call("a"), "TRAILER,1,60"),
        "2.csv": text(Call("b"), "TRAILER,2,120"),
        "3.csv": text(Call("c"), "TRAILER,1,60"),
    }
    put(root, "sw2/day.csv", _zip(members))
    found = collect(home, root).done[0]
    assert found.state == "rejected"
    assert found.reason == (
        "day.csv/2.csv does not hold what it says it holds: records: 2 by the file, 1 counted; "
        "microseconds: 120,000,000 by the file, 60,000,000 counted; of 3 files 1 was refused, the others are taken"
    )
    assert _records(home) == ["a", "c"]
    assert files_in(root) == {"rejected/day.csv", "rejected/day.csv.reason.json"}
    put(root, "sw2/day.csv", _zip({**members, "2.csv": text(Call("b"), Call("d"), "TRAILER,2,120")}))
    assert collect(home, root).done[0].state == "taken"
    assert _records(home) == ["a", "b", "c", "d"]


def test_a_claim_whose_file_somebody_removed_is_told(home: Home, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "sw1_0001.csv", text(Call("a")))

    def gone(_self: Intake, path: Path, *_args: object, **_named: object) -> None:
        path.unlink()
        raise UserError("gone", "look")

    with monkeypatch.context() as patched:
        patched.setattr(Intake, "take_file", gone)
        assert len(collect(home, root).troubles) == 1
    assert collect(home, root) == collecting.Round([], [], 0)
    assert files_in(root) == set()


def test_folders_that_cannot_be_used_are_refused(root: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        folders.open_folders(root / "nowhere")
    put(root, "file", "x")
    with pytest.raises(UserError, match="is not a folder"):
        folders.open_folders(root / "file")
    put(root, "archive", "x")
    with pytest.raises(UserError, match="cannot be written"):
        folders.open_folders(root)
