"""The trail read from its end, page by page, and the ends of services that are gone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from billing.acting import Actor, Via, acting_as
from billing.store.home import Home
from rating.dates import DAY_US
from server.access import showing, trail
from server.access.trail import Entry, Trail
from tests.server.access.test_trail import KILLED, NOW_US, entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANA = Actor("ana", 7, Via.TOKEN, "finance", "ratewright.v1.PaymentService/RecordPayment")


def test_a_service_ends_the_files_of_those_that_are_gone(tmp_path: Path) -> None:
    """Two services ran and were killed; one is started again. Without an end nobody could see that the other's tail was cut."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    first = Trail(home, NOW_US)
    with subprocess.Popen([sys.executable, "-c", KILLED, str(home)], stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout is not None
        second.stdout.readline()
        Trail(home, NOW_US).close()  # a third one, while both run: it ends neither
        assert trail.day_ends(home) == []
        os.kill(second.pid, signal.SIGKILL)
    first.add(entry(1))
    first.close()
    again = Trail(home, NOW_US + DAY_US)
    ends = {path.name: list(trail.entries(path))[-1] for path in trail.files(home) if path.stat().st_size}
    assert {name: each["call"] for name, each in ends.items()} == {"2025-11-13.2.jsonl": trail.END, "2025-11-13.jsonl": trail.END}
    again.close()
    Trail(home, NOW_US + DAY_US).close()
    assert trail.verify(home) == []
    assert len(trail.day_ends(home)) == 2, "what is ended is not ended again"


def test_a_second_service_goes_on_behind_the_end_that_another_wrote(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    first, second = Trail(home, NOW_US), Trail(home, NOW_US)
    second.add(entry(1))
    first.close()
    second.close()
    first, second = Trail(home, NOW_US + 5), Trail(home, NOW_US + 5)
    second.add(entry(2, NOW_US + 5))
    second.add(entry(3, NOW_US + DAY_US))
    first.close()
    second.close()
    calls = [each["call"] for path in trail.files(home) for each in trail.entries(path) if ".2" in path.name]
    assert calls == ["Service/Call1", trail.END, "Service/Call2", trail.END, "Service/Call3"]
    assert trail.verify(home) == []


@pytest.mark.parametrize("block", [1, 7, 200, 64 * 1024])
def test_a_file_is_read_from_its_end_whatever_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    made = Trail(home, NOW_US)
    for number in range(9):
        made.add(entry(number))
    made.close()
    [path] = trail.files(home)
    path.write_bytes(path.read_bytes() + b'{"half')
    monkeypatch.setattr(trail, "BLOCK_BYTES", block)
    found = list(trail.before(path, path.stat().st_size))
    assert [each["call"] for _, each in found] == [f"Service/Call{number}" for number in reversed(range(9))]
    assert [[each["call"] for _, each in trail.before(path, start)] for start, _ in found[-3:]] == [
        ["Service/Call1", "Service/Call0"], ["Service/Call0"], [],
    ]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with entries of two services and commits on three days, in a random order."""
    with Home.open(tmp_path / "home", create=True) as opened:
        chance = random.Random(20_251_113)
        first, second = Trail(opened.path, NOW_US), Trail(opened.path, NOW_US)
        at_us = NOW_US
        for number in range(120):
            at_us += chance.randrange(1, 2 * 3 * DAY_US // 120)
            kind = chance.randrange(3)
            if kind == 2:
                with acting_as(ANA), opened.begin() as connection:
                    opened.next_commit_seq(connection, "test", at_us)
            else:
                (first, second)[kind].add(Entry(at_us, f"Service/Call{number}", "OK"))
        first.close()
        second.close()
        yield opened


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.slow
def test_pages_hold_each_entry_once_the_newest_first(home: Home, size: int) -> None:
    """As the list that is read whole; entries that come between pages are in none of them."""
    expected = list(reversed(showing.entries(home)))
    assert len(expected) == 120
    found: list[Entry] = []
    place = ""
    while True:
        page = [each for _, each in zip(range(size), showing.newest_first(home, place), strict=False)]
        if not page:
            break
        found += [each.entry for each in page]
        place = page[-1].place
        late = Trail(home.path, NOW_US + 9 * DAY_US)
        late.add(entry(len(found), NOW_US + 9 * DAY_US))
        late.close()
    assert found == expected


@pytest.mark.slow
def test_a_page_reads_its_own_days_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    before = trail.before

    def noted(path: Path, end: int) -> Iterator[tuple[int, dict[str, object]]]:
        read.append(path.name)
        return before(path, end)

    monkeypatch.setattr(trail, "before", noted)
    days = sorted({path.name[:10] for path in trail.files(home.path)})
    assert len(days) > 3
    newest = next(showing.newest_first(home))
    assert {name[:10] for name in read} <= set(days[-2:]), "the last file of each service"
    read.clear()
    next(showing.newest_first(home, newest.place))
    assert {name[:10] for name in read} <= set(days[-2:])


@pytest.mark.slow
def test_a_place_of_another_list_is_refused(home: Home) -> None:
    for place in ("57", "{}", "x"):
        with pytest.raises(showing.PlaceError):
            next(showing.newest_first(home, place))
