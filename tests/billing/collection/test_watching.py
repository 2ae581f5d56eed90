"""Which files are finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.collection.folders import open_folders
from billing.collection.watching import Seen, Stability, listing, seen, without_markers
from tests.billing.collection.drop import files_in, put

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = Seen(10, 100, 1), Seen(20, 200, 1)

LOOKS = [
    # what is seen at each tick (us), settle_us, ticks at which it is finished
    ([OLD, OLD, OLD], 2, [2]),
    ([OLD, NEW, NEW, NEW], 2, [3]),
    ([OLD, OLD._replace(inode=2), OLD._replace(inode=2)], 1, [2]),
    ([OLD, OLD._replace(changed_ns=101), OLD], 1, []),
    ([OLD, None, OLD, OLD], 1, [3]),
    ([OLD], 0, [0]),
    ([OLD, NEW, OLD, NEW], 0, [0, 1, 2, 3]),
]


@pytest.mark.parametrize(("looks", "settle_us", "finished"), LOOKS)
def test_a_file_must_stay_as_it_is(looks: list[Seen | None], settle_us: int, finished: list[int]) -> None:
    stability = Stability(settle_us)
    found = [stability.finished({"a": look} if look else {}, lambda _name: "", tick) for tick, look in enumerate(looks)]
    assert [tick for tick, names in enumerate(found) if names] == finished


def test_a_file_waits_for_its_ready_file_however_long_it_stays_the_same() -> None:
    stability = Stability(0)
    assert stability.finished({"a": OLD}, lambda _name: ".ok", 0) == []
    assert stability.finished({"a": OLD}, lambda _name: ".ok", 10**9) == []
    assert stability.finished({"a": NEW, "a.ok": OLD}, lambda name: "" if name.endswith(".ok") else ".ok", 10**9)[0] == "a.ok"
    assert "a" in stability.finished({"a": NEW, "a.ok": OLD}, lambda name: "" if name.endswith(".ok") else ".ok", 10**9)
    assert without_markers({"a": NEW, "a.ok": OLD, "b.ok": OLD}, [".ok"]) == {"a": NEW}


def test_oldest_first_and_by_name_among_equals() -> None:
    files = {"c": Seen(1, 5, 1), "b": Seen(1, 5, 2), "a": Seen(1, 7, 3)}
    assert Stability(0).finished(files, lambda _name: "", 0) == ["b", "c", "a"]


def test_what_is_never_taken(tmp_path: Path) -> None:
    names = ("a.csv", "deep/er/b.csv", ".hidden.csv", "c.csv.tmp", "d.PART", "e.csv~", "f.filepart", ".git/g.csv", "rejected/h.csv")
    for name in names:
        put(tmp_path, name, "x")
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    (tmp_path / "outside").symlink_to(tmp_path.parent)
    folders = open_folders(tmp_path)
    put(tmp_path, "archive/2026-03-01/sw1/i.csv", "x")
    assert listing(folders) == {name: seen(tmp_path / name) for name in ("a.csv", "deep/er/b.csv")}


def test_with_a_folder_incoming_nothing_beside_it_is_looked_at(tmp_path: Path) -> None:
    put(tmp_path, "incoming/a.csv", "x")
    put(tmp_path, "incoming/archive/b.csv", "x")
    put(tmp_path, "c.csv", "x")
    assert set(listing(open_folders(tmp_path))) == {"a.csv", "archive/b.csv"}
    assert "c.csv" in files_in(tmp_path)
