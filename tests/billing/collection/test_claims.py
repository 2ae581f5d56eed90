"""A file is claimed by one, and what the dead leave is taken over."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from billing.collection.claims import PLACES_MAX, taken_place
from billing.collection.folders import open_folders
from rating.errors import UserError
from tests.billing.collection.drop import files_in, put

if TYPE_CHECKING:
    from pathlib import Path


def never(_name: str, _claimed_us: int) -> bool:
    """No file was ever claimed before."""
    return False


def test_one_of_many_wins_each_file(tmp_path: Path) -> None:
    names = [f"f{number:03d}" for number in range(60)]
    for name in names:
        put(tmp_path, f"in/{name}", name)
    folders = open_folders(tmp_path)
    won: list[tuple[int, str]] = []
    start = threading.Barrier(4)

    def work() -> None:
        with taken_place(folders) as claims:
            start.wait()
            for name in names:
                claim = claims.claim(f"in/{name}", "", 7, never)
                if claim is not None:
                    won.append((claims.place, claim.name))
                    assert claim.path.read_text() == name
            start.wait()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name for _, name in won) == [f"in/{name}" for name in names]
    assert list((tmp_path / "in").iterdir()) == []
    assert len(files_in(tmp_path)) == len(names), "and none is lost"


def test_what_a_dead_collector_left_is_taken_over_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put(tmp_path, name, name)
    folders = open_folders(tmp_path)
    with taken_place(folders) as first, taken_place(folders) as second:
        first.claim("a", "", 1, never)
        with taken_place(folders) as third:
            third.claim("b", "", 1, never)
            third.claim("c", "", 2, never)
            assert second.left() == [], "both are alive"
        assert [(claim.name, claim.claimed_us) for claim in second.left()] == [("b", 1), ("c", 2)]
        assert [(claim.name, claim.claimed_us) for claim in first.left()] == [("a", 1)]
    with taken_place(folders) as again:
        assert again.place == 1
        assert [claim.name for claim in again.left()] == ["a", "c"], "b has the instant of a: next time"
        again.forget(again.left()[0])
        for claim in again.left():
            claim.path.unlink()
            again.forget(claim)
        assert [claim.name for claim in again.left()] == ["b"]


def test_the_instant_moves_on_where_it_is_in_use(tmp_path: Path) -> None:
    put(tmp_path, "a", "1")
    with taken_place(open_folders(tmp_path)) as claims:
        first = claims.claim("a", "", 5, never)
        put(tmp_path, "a", "2")
        second = claims.claim("a", "", 5, lambda name, at: (name, at) == ("a", 6))
        assert first is not None
        assert second is not None
        assert (first.claimed_us, second.claimed_us) == (5, 7)
        assert (first.path.read_text(), second.path.read_text()) == ("1", "2")


def test_a_ready_file_goes_with_its_file_and_comes_back_with_it(tmp_path: Path) -> None:
    put(tmp_path, "d/a", "1")
    put(tmp_path, "d/a.ok", "")
    with taken_place(open_folders(tmp_path)) as claims:
        claim = claims.claim("d/a", ".ok", 5, never)
        assert claim is not None
        assert files_in(tmp_path) == {".claimed/1/0000000000000005/file/d/a", ".claimed/1/0000000000000005/marker/d/a.ok"}
        assert claims.put_back(claim, ".ok")
        assert files_in(tmp_path) == {"d/a", "d/a.ok"}
        claim = claims.claim("d/a", ".ok", 5, never)
        assert claim is not None
        put(tmp_path, "d/a", "2")
        assert not claims.put_back(claim, ".ok"), "a new one of the name is there"
        assert claim.path.read_text() == "1"


def test_a_ready_file_that_a_kill_left_behind_is_fetched(tmp_path: Path) -> None:
    put(tmp_path, "a", "1")
    put(tmp_path, "a.ok", "")
    with taken_place(open_folders(tmp_path)) as claims:
        claim = claims.claim("a", "", 5, never)  # as if killed between the two moves
        assert claim is not None
        put(tmp_path, "a", "2")
        claims.refresh(claim, ".ok")
        assert (tmp_path / "a.ok").exists(), "it may be that of the new file"
        (tmp_path / "a").unlink()
        claims.refresh(claim, ".ok")
        assert claim.marker_path(".ok").exists()


def test_a_file_that_is_gone_leaves_nothing(tmp_path: Path) -> None:
    with taken_place(open_folders(tmp_path)) as claims:
        assert claims.claim("a", "", 5, never) is None
        assert list((tmp_path / ".claimed" / "1").iterdir()) == []


def test_places_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PLACES_MAX > 2
    monkeypatch.setattr("billing.collection.claims.PLACES_MAX", 2)
    folders = open_folders(tmp_path)
    with taken_place(folders), taken_place(folders), pytest.raises(UserError, match="2 collectors"), taken_place(folders):
        pass
