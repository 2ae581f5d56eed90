"""The trail of reads and refusals: chained, signed at the end of each day, whole after a kill; whatever is done to it is named."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from rating.dates import DAY_US
from rating.errors import UserError
from server.access import trail
from server.access.trail import Entry, Trail

if TYPE_CHECKING:
    from pathlib import Path

NOW_US = 1_763_000_000_000_000  # 13 November 2025, 02:13 UTC


def entry(number: int, at_us: int = NOW_US) -> Entry:
    """An entry that no other equals."""
    return Entry(at_us + number, f"Service/Call{number}", "OK", "ana", 7)


def written(home: Path, days: int = 3, a_day: int = 4) -> Path:
    """A trail of some days, ended but for the last."""
    home.mkdir(mode=0o700)
    made = Trail(home, NOW_US)
    for day in range(days):
        for number in range(a_day):
            made.add(entry(number, NOW_US + day * DAY_US))
    made.close()
    return home


def lines(home: Path, file: int) -> list[bytes]:
    return trail.files(home)[file].read_bytes().splitlines(keepends=True)


def rewrite(home: Path, file: int, changed: list[bytes]) -> None:
    trail.files(home)[file].write_bytes(b"".join(changed))


def test_a_trail_that_nobody_touched(tmp_path: Path) -> None:
    home = written(tmp_path / "home")
    assert [path.name for path in trail.files(home)] == ["2025-11-13.jsonl", "2025-11-14.jsonl", "2025-11-15.jsonl"]
    assert [len(lines(home, file)) for file in range(3)] == [5, 5, 4], "two days have their end"
    assert trail.verify(home) == []
    assert [(each.day, each.entries) for each in trail.day_ends(home)] == [("2025-11-13", 4), ("2025-11-14", 4)]


TAMPERED = {
    "changed": (lambda rows: [rows[0], rows[1].replace(b"ana", b"ben"), *rows[2:]], 2),
    "left out": (lambda rows: [rows[0], *rows[2:]], 2),
    "moved": (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], 2),
    "put in": (lambda rows: [rows[0], rows[0], *rows[1:]], 2),
    "the first": (lambda rows: rows[1:], 1),
    "no entry": (lambda rows: [rows[0], b"nonsense\n", *rows[1:]], 2),
}


@pytest.mark.parametrize("how", TAMPERED)
@pytest.mark.parametrize("file", [0, 1])
def test_what_was_done_to_it_is_named(tmp_path: Path, how: str, file: int) -> None:
    home = written(tmp_path / "home")
    change, line = TAMPERED[how]
    rewrite(home, file, change(lines(home, file)))  # type: ignore[no-untyped-call] -- rows of the table above
    found = trail.verify(home)
    assert found[0][:2] == (trail.files(home)[file].name, line), found


def test_a_whole_day_that_is_missing_is_named(tmp_path: Path) -> None:
    home = written(tmp_path / "home")
    trail.files(home)[1].unlink()
    assert [each[:2] for each in trail.verify(home)] == [("2025-11-15.jsonl", 1)]


def test_a_cut_tail_shows_against_an_exported_end(tmp_path: Path) -> None:
    """Without it a trail that was cut behind its last entries looks whole: the last day has no end yet."""
    home = written(tmp_path / "home")
    exported = trail.day_ends(home)
    rewrite(home, 1, lines(home, 1)[:3])
    trail.files(home)[2].unlink()
    assert trail.verify(home) == []
    assert [each[:2] for each in trail.verify(home, exported)] == [("2025-11-14.jsonl", 4)]


def test_an_end_by_another_key_is_named(tmp_path: Path) -> None:
    """Whoever writes all hashes anew lacks the key of the home."""
    home, other = written(tmp_path / "home"), written(tmp_path / "other", a_day=3)
    for file in range(3):
        rewrite(home, file, lines(other, file))
    assert {each.what for each in trail.verify(home)} == {"the end of the day is not that of its entries, or not signed by this home"}


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    home = written(tmp_path / "home", days=1)
    again = Trail(home, NOW_US + 10)
    again.add(entry(9))
    again.close()
    later = Trail(home, NOW_US + 5 * DAY_US)
    later.add(entry(1, NOW_US + 5 * DAY_US))
    later.close()
    assert trail.verify(home) == []
    assert [(each.day, each.entries) for each in trail.day_ends(home)] == [("2025-11-13", 5)], "the day before is ended by whom comes next"


def test_a_clock_that_was_set_back_leaves_the_chain_whole(tmp_path: Path) -> None:
    home = written(tmp_path / "home", days=2)
    back = Trail(home, NOW_US)
    back.add(entry(1, NOW_US))
    back.close()
    assert trail.verify(home) == []


def test_two_services_of_one_home_have_a_file_each(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    first, second = Trail(home, NOW_US), Trail(home, NOW_US)
    first.add(entry(1))
    second.add(entry(2))
    first.close()
    second.close()
    assert [path.name for path in trail.files(home)] == ["2025-11-13.2.jsonl", "2025-11-13.jsonl"]
    assert trail.verify(home) == []


def test_refusals_of_nobody_are_summed_by_peer_and_minute(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    made = Trail(home, NOW_US)
    for second in range(130):
        made.add_summed(Entry(NOW_US + second * 1_000_000, "S/C", "CREDENTIALS_MISSING", peer=f"10.0.0.{second % 2}"))
    made.close()
    counts = [(each["peer"], each.get("count", 1)) for each in trail.entries(trail.files(home)[0])]
    assert sum(count for _, count in counts) == 130
    assert len(counts) == 2, "two peers"
    assert trail.verify(home) == []


KILLED = """
import sys, pathlib
from server.access.trail import Entry, Trail
made = Trail(pathlib.Path(sys.argv[1]), 1_763_000_000_000_000)
for number in range(1_000_000):
    made.add(Entry(1_763_000_000_000_000 + number, "S/C", "OK"))
    print(number, flush=True)
"""


def test_what_was_added_survives_a_kill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with subprocess.Popen([sys.executable, "-c", KILLED, str(home)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        added = [int(process.stdout.readline()) for _ in range(500)]
        os.kill(process.pid, signal.SIGKILL)
        added += [int(line) for line in process.stdout if line.strip()]
    assert trail.verify(home) == []
    assert sum(1 for _ in trail.entries(trail.files(home)[0])) >= len(added)


def test_half_a_line_of_a_power_cut_is_cut_off(tmp_path: Path) -> None:
    home = written(tmp_path / "home", days=1)
    path = trail.files(home)[0]
    path.write_bytes(path.read_bytes()[:-20])
    again = Trail(home, NOW_US)
    again.add(entry(9))
    again.close()
    assert trail.verify(home) == []
    assert [each["call"] for each in trail.entries(path)] == ["Service/Call0", "Service/Call1", "Service/Call2", "Service/Call9"]


def test_a_folder_of_keys_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    home = written(tmp_path / "home", days=1)
    (home / "keys").chmod(0o750)
    with pytest.raises(UserError, match="may be read or changed by others") as raised:
        Trail(home, NOW_US)
    assert "chmod go-rwx" in raised.value.remedy


def full_disk(monkeypatch: pytest.MonkeyPatch, *, takes: int | None) -> list[bool]:
    """The disk takes `takes` bytes of each write, or none and says so; until the list that is returned is emptied."""
    is_full = [True]
    write = os.write

    def short(file: int, data: bytes) -> int:
        if not is_full:
            return write(file, data)
        if takes is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[:takes])

    monkeypatch.setattr(os, "write", short)
    return is_full


@pytest.mark.parametrize("takes", [None, 0, 20])
def test_a_full_disk_leaves_whole_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: int | None) -> None:
    home = written(tmp_path / "home", days=1)
    made = Trail(home, NOW_US)
    is_full = full_disk(monkeypatch, takes=takes)
    for at_us in (NOW_US, NOW_US + DAY_US):  # within a day, and as it ends
        with pytest.raises(OSError, match="No space left"):
            made.add(entry(8, at_us))
    is_full.clear()
    made.add(entry(9, NOW_US + DAY_US))
    made.close()
    assert trail.verify(home) == []
    assert [path.name for path in trail.files(home)] == ["2025-11-13.jsonl", "2025-11-14.jsonl"]
    assert [each["call"] for each in trail.entries(trail.files(home)[1])] == ["Service/Call9"]


def test_refusals_that_could_not_be_written_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    made = Trail(home, NOW_US)
    monkeypatch.setattr(trail, "_MINUTE_S", 0.0)
    is_full = full_disk(monkeypatch, takes=None)
    made.add_summed(Entry(NOW_US, "S/C", "CREDENTIALS_MISSING", peer="10.0.0.1"))
    time.sleep(3 * trail.SYNC_S)
    is_full.clear()
    time.sleep(3 * trail.SYNC_S)
    assert [each["outcome"] for each in trail.entries(trail.files(home)[0])] == ["CREDENTIALS_MISSING"], (
        "written by the minute, not at the end"
    )
    made.close()
    assert trail.verify(home) == []


def test_a_day_on_which_nothing_was_recorded(tmp_path: Path) -> None:
    home = written(tmp_path / "home", days=1)
    for _ in range(2):
        Trail(home, NOW_US + DAY_US).close()
    later = Trail(home, NOW_US + DAY_US)
    later.add(entry(1, NOW_US + DAY_US))
    later.close()
    assert trail.verify(home) == []


def test_a_day_whose_end_was_taken_out_is_named(tmp_path: Path) -> None:
    """All later hashes are made again: no key is needed for that."""
    home = written(tmp_path / "home", days=2)
    first, second = trail.files(home)
    kept = list(trail.entries(first))[:-1]
    head = kept[-1]["hash"]
    rewrite(home, 0, [msgspec.json.encode(each) + b"\n" for each in kept])
    remade = []
    for content in trail.entries(second):
        content.pop("hash")
        head = trail._digest(head, content)  # noqa: SLF001 -- as an intruder would
        remade.append(msgspec.json.encode({**content, "hash": head}) + b"\n")
    rewrite(home, 1, remade)
    assert [each[:2] for each in trail.verify(home)] == [("2025-11-13.jsonl", 4)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"hash": 5}\n',
        b'{"call": "day_end", "hash": "x"}\n',
        b"[]\n",
        b"5\n",
        b'{"call":"day_end","day":[],"entries":{},"last":1,"signature":7,"hash":"x"}\n',
    ],
)
def test_rubbish_in_the_trail_is_named(tmp_path: Path, line: bytes) -> None:
    home = written(tmp_path / "home", days=1)
    rewrite(home, 0, [*lines(home, 0), line])
    assert trail.verify(home)[0][:2] == ("2025-11-13.jsonl", 5)
    assert len(list(trail.entries(trail.files(home)[0]))) >= 4
