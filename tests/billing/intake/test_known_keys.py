"""What is known survives: snapshots, damage to them, retention; and records of a time that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing.intake import marks, view
from billing.intake.arrivals import Arrival
from billing.intake.known_records import index_files
from billing.intake.known_records.known_keys import KnownKeys
from billing.intake.taking import Intake, Mark
from billing.store.tables import index_snapshots
from mediation.definitions.named import find
from mediation.sources.model import Sequence as Numbers
from tests.billing.intake.suspended import suspense_counts
from tests.billing.usage_rows import DAY_US, MARCH_US, Event, batch, key_of, usage_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home
    from mediation.sources.model import Source

NOW_US = MARCH_US + 10 * DAY_US
PLAIN = msgspec.structs.replace(find("freeswitch"), name="sw1")
NUMBERED = msgspec.structs.replace(PLAIN, name="counter", sequence=Numbers("uuid"))
THIRTY_DAYS = msgspec.structs.replace(PLAIN, retention_us=30 * DAY_US)


def take(intake: Intake, source: Source, *events: Event, now_us: int = NOW_US) -> dict[str, int]:
    """Take a batch with the rules of a source, as files come; the outcomes that there are."""
    arrival = Arrival(source.name, batch(*events, source=source.name), None, source)
    (report,) = intake._take([arrival], now_us)  # noqa: SLF001 - as take_file does with a file
    return {name: rows for name, rows in report.rows.items() if rows}


def filled(home: Home) -> Intake:
    """Both kinds of index, a snapshot, and a commit after it."""
    intake = Intake(home)
    take(intake, PLAIN, *(Event(f"e{i}", start_us=MARCH_US + i) for i in range(40)))
    take(intake, NUMBERED, *(Event(str(i), number=i) for i in range(1, 41)))
    intake.seal(NOW_US)
    take(intake, PLAIN, Event("later"))
    take(intake, NUMBERED, Event("41", number=41))
    return intake


def knows_all(home: Home) -> None:
    """Whoever opens the home now knows every record, and no other one."""
    intake = Intake(home)
    assert take(intake, PLAIN, *(Event(f"e{i}", start_us=MARCH_US + i) for i in range(40)), Event("later")) == {"duplicate": 41}
    assert take(intake, NUMBERED, *(Event(str(i), number=i) for i in range(1, 42))) == {"duplicate": 41}
    assert take(intake, PLAIN, Event("new")) == {"answered": 1}
    assert take(intake, NUMBERED, Event("42", number=42)) == {"answered": 1}


def test_a_snapshot_is_what_was_known_when_it_was_written(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(home)
    assert [(row.form, row.keys, row.through_seq) for row in snapshots(home)] == [("hash", 40, 3), ("bitmap", 40, 3)]
    read: list[int] = []
    plain = view.parts_under_lock

    def counted(*arguments: object) -> object:
        for part in plain(*arguments):  # type: ignore[arg-type]  # passed on
            read.append(part.num_rows)
            yield part

    monkeypatch.setattr(view, "parts_under_lock", counted)
    known = KnownKeys(home)
    known.catch_up()
    assert (len(known), sum(read)) == (82, 2), "of the usage files only what came after the snapshot is read"
    monkeypatch.undo()
    knows_all(home)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def clear(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("form", ["hash", "bitmap"])
@pytest.mark.parametrize("harm", [cut, flip, clear, lambda path: path.unlink()], ids=["cut", "flipped", "empty", "gone"])
def test_a_harmed_snapshot_is_passed_over(home: Home, harm: Callable[[Path], None], form: str) -> None:
    filled(home)
    (path,) = [home.path / row.path for row in snapshots(home) if row.form == form]
    harm(path)
    knows_all(home)


def test_a_snapshot_is_written_when_enough_has_come(home: Home) -> None:
    intake = Intake(home)
    take(intake, PLAIN, *(Event(f"e{i}") for i in range(80)))
    intake.seal(NOW_US)
    for number, is_written in ((5, False), (5, False), (20, True)):  # one in eight of 80 and those that came
        take(intake, PLAIN, *(Event(f"{head(home)}.{i}") for i in range(number)))
        intake.seal(NOW_US)
        assert {row.through_seq for row in snapshots(home)} == {head(home) if is_written else 2}
    assert len(list((home.path / index_files.FOLDER).iterdir())) == 1, "older ones are gone"


def test_what_another_process_committed_is_known(home: Home) -> None:
    one, two = filled(home), Intake(home)
    take(two, PLAIN, Event("by two"))
    two.seal(NOW_US)
    assert take(one, PLAIN, Event("by two"), Event("e3", start_us=MARCH_US + 3)) == {"duplicate": 2}


def test_keys_beyond_the_retention_are_dropped(home: Home, counting: Callable, balanced: Callable) -> None:
    """Copies of what is stored are told all the same; a record of that time that is not stored waits for somebody to decide."""
    intake = Intake(home)
    old, young = Event("old", start_us=NOW_US - 29 * DAY_US), Event("young", start_us=NOW_US - 2 * DAY_US)
    take(intake, THIRTY_DAYS, old, young)
    later_us = NOW_US + 10 * DAY_US
    intake.seal(later_us)
    for again in (intake, Intake(home)):
        known = KnownKeys(home)
        known.catch_up()
        assert len(known) == 1
        assert take(again, THIRTY_DAYS, young, old, now_us=later_us) == {"duplicate": 2}
    stranger = old._replace(name="stranger")
    assert take(intake, THIRTY_DAYS, stranger, now_us=later_us) == {"suspended": 1}
    assert take(Intake(home), THIRTY_DAYS, stranger, now_us=later_us) == {"duplicate": 1}, "waits already"
    assert take(Intake(home), THIRTY_DAYS, old._replace(seconds=61), now_us=later_us) == {"conflicting": 1}
    assert counting(home) == {"young": 60}
    assert [(each.reason, each.rows) for each in suspense_counts(home)] == [("conflicting", 2), ("too_old", 1)]
    assert balanced(home)["intake sw1: suspended"] == 1


def test_what_was_dropped_stays_too_old_when_the_retention_grows(home: Home, counting: Callable) -> None:
    intake = Intake(home)
    old = Event("old", start_us=NOW_US - 29 * DAY_US)
    take(intake, THIRTY_DAYS, old)
    take(intake, THIRTY_DAYS, Event("young", start_us=NOW_US))
    intake.seal(NOW_US + 10 * DAY_US)
    for retention_us in (0, 300 * DAY_US):
        longer = msgspec.structs.replace(PLAIN, retention_us=retention_us)
        other = Event(f"other {retention_us}", start_us=old.start_us)
        assert take(Intake(home), longer, other, now_us=NOW_US + 10 * DAY_US) == {"suspended": 1}
    assert sorted(counting(home)) == ["old", "young"]


def test_the_longest_retention_of_any_source_decides(home: Home) -> None:
    """Of two sources one is known for 30 days and the other for 300. After 40 days a record of the first day is new to the second alone."""
    intake = Intake(home)
    long = msgspec.structs.replace(PLAIN, name="sw2", retention_us=300 * DAY_US)
    take(intake, THIRTY_DAYS, Event("short"))
    take(intake, long, Event("long"))
    later_us = MARCH_US + 40 * DAY_US
    intake.seal(later_us)
    assert take(Intake(home), long, Event("long"), Event("new"), now_us=later_us) == {"answered": 1, "duplicate": 1}
    assert take(Intake(home), THIRTY_DAYS, Event("short"), Event("new"), now_us=later_us) == {"duplicate": 1, "suspended": 1}


def test_a_source_without_rules_keeps_everything_known(home: Home) -> None:
    intake = Intake(home)
    take(intake, THIRTY_DAYS, Event("old", start_us=NOW_US - 29 * DAY_US))
    intake.take_batch("stream", batch(Event("s"), source="stream"), NOW_US)
    intake.seal(NOW_US + 100 * DAY_US)
    known = KnownKeys(home)
    known.catch_up()
    assert len(known) == 2


MINUTE_US = 60_000_000


@pytest.mark.parametrize(
    ("ahead_us", "outcome"), [(0, "answered"), (10 * MINUTE_US, "answered"), (10 * MINUTE_US + 1, "suspended"), (DAY_US, "suspended")]
)
def test_a_time_that_has_not_come(home: Home, balanced: Callable, ahead_us: int, outcome: str) -> None:
    """Ten minutes are the clocks'; it is the end of an event that counts."""
    assert take(Intake(home), PLAIN, Event("a", 60, start_us=NOW_US + ahead_us - MINUTE_US)) == {outcome: 1}
    assert [each.reason for each in suspense_counts(home)] == (["future_time"] if outcome == "suspended" else [])
    assert balanced(home)["intake sw1: received"] == 1


@pytest.mark.parametrize(("behind_us", "outcome"), [(30 * DAY_US, "answered"), (30 * DAY_US + 1, "suspended")])
def test_a_time_that_is_too_old(home: Home, balanced: Callable, behind_us: int, outcome: str) -> None:
    assert take(Intake(home), THIRTY_DAYS, Event("a", start_us=NOW_US - behind_us)) == {outcome: 1}
    assert balanced(home)["intake sw1: received"] == 1


def test_without_retention_nothing_is_too_old(home: Home) -> None:
    assert take(Intake(home), PLAIN, Event("a", start_us=0)) == {"answered": 1}


def test_a_suspended_row_is_known_counts_nowhere_and_comes_back(home: Home, counting: Callable, balanced: Callable) -> None:
    intake = Intake(home)
    event = Event("a", start_us=NOW_US + DAY_US)
    assert take(intake, PLAIN, event, event) == {"suspended": 1, "duplicate": 1}
    assert take(Intake(home), PLAIN, event) == {"duplicate": 1}
    assert counting(home, every=True) == {}
    intake.take_recycled(usage_table([event]), [Mark(key_of("a"), marks.CORRECTED)], NOW_US + DAY_US)
    assert counting(home) == {"a": 60}
    assert take(Intake(home), PLAIN, event, now_us=NOW_US + DAY_US) == {"duplicate": 1}
    books = balanced(home)
    assert (books["intake sw1: suspended"], books["intake sw1: recycled"]) == (1, 1)


def test_another_version_of_a_suspended_row_conflicts_with_it(home: Home, balanced: Callable) -> None:
    intake = Intake(home)
    take(intake, PLAIN, Event("a", start_us=NOW_US + DAY_US))
    assert take(intake, PLAIN, Event("a", 61, start_us=NOW_US + DAY_US)) == {"conflicting": 1}
    books = balanced(home)
    assert (books["intake sw1: conflicting"], books.get("intake sw1: suspended", 0)) == (2, 0)


def snapshots(home: Home) -> list[sa.Row]:
    with home.connect() as connection:
        return list(connection.execute(sa.select(index_snapshots).order_by(index_snapshots.c.snapshot_id)))


def head(home: Home) -> int:
    with home.connect() as connection:
        return home.head_seq(connection)
