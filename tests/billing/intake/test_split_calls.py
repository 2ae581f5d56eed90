"""Calls whose legs came in different files bill once, whichever file came first."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.intake.taking import Intake
from mediation.definitions.named import find
from tests.billing.intake.suspended import suspended_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from billing.store.home import Home

NOW_US = 1_773_187_200_000_000  # ten days after the first of March
ASTERISK = find("asterisk")
CALL, OTHER_CALL = "1772445600.1", "1772445600.9"


def leg(sequence: int, channel: str, answer: int, end: int, **other: str) -> str:
    """A row of 21 columns: answered at second `answer` of ten o'clock, ended at `end`. Its channel's unique id is that of the call."""
    linked, unique = other.get("linked", CALL), other.get("unique", CALL)
    dst = other.get("dst", f"PJSIP/z-{sequence}")
    clock = [f"2026-03-02 10:{second // 60:02d}:{second % 60:02d}" for second in (answer, answer, end)]
    times = ",".join(clock)
    lasted = f"{end - answer},{end - answer}"
    return f",8613800000001,8613700000001,c,,{channel},{dst},Dial,,{times},{lasted},ANSWERED,DOC,{unique},,,{linked},{sequence}\n"


RING_ALL = [leg(1, "PJSIP/a", 10, 20), leg(2, "PJSIP/a", 10, 70), leg(3, "PJSIP/a", 10, 70)]
LOCAL = [leg(1, "PJSIP/a", 5, 65, dst="Local/1@c-1;1"), leg(2, "Local/1@c-1;2", 5, 66, unique="1772445600.3")]
TRANSFER = [leg(1, "PJSIP/a", 5, 40), leg(2, "PJSIP/b", 20, 40, unique="1772445620.5"), leg(3, "PJSIP/a", 40, 100)]
TWO_CALLS = [leg(1, "PJSIP/a", 5, 65), leg(2, "PJSIP/b", 5, 65, linked=OTHER_CALL, unique=OTHER_CALL)]
CALLS = {"ring-all": (RING_ALL, 60), "Local channel": (LOCAL, 60), "transfer": (TRANSFER, 35 + 20 + 60), "two calls": (TWO_CALLS, 120)}


def take(home: Home, folder: Path, files: Sequence[str], *, sealed: bool = False) -> None:
    for number, text in enumerate(files):
        path = folder / f"Master.csv.{number}"
        path.write_text(text)
        Intake(home).take_file(path, ASTERISK, NOW_US)
        if sealed:
            Intake(home).seal(NOW_US)


@pytest.mark.parametrize(("rows", "seconds"), CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_one_row_a_file(  # noqa: PLR0913 - fixtures and a table's columns
    home: Home, tmp_path: Path, balanced: Callable, rows: list[str], seconds: int, *, sealed: bool, turned: bool
) -> None:
    take(home, tmp_path, list(reversed(rows)) if turned else rows, sealed=sealed)
    assert counted_seconds(home) == seconds
    books = balanced(home)
    assert books["intake asterisk: received"] == len(rows)
    assert books["intake asterisk: conflicting"] == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_files_does_not_matter(home: Home, tmp_path: Path, balanced: Callable, order: tuple[int, ...]) -> None:
    take(home, tmp_path, [RING_ALL[place] for place in order])
    assert counted_seconds(home) == 60
    assert balanced(home)["intake asterisk: absorbed"] == 2


def test_a_stored_leg_that_a_later_one_bills_is_told(home: Home, tmp_path: Path, balanced: Callable) -> None:
    take(home, tmp_path, RING_ALL[:1])
    path = tmp_path / "later.csv"
    path.write_text(RING_ALL[1])
    assert Intake(home).take_file(path, ASTERISK, NOW_US).absorbed_later == 1
    (row,) = suspended_rows(home)
    assert (row.reason, row.file, row.offset) == ("absorbed_later", str(tmp_path / "Master.csv.0"), 0)
    assert "duration_us=10000000" in row.raw
    balanced(home)


def test_a_file_that_grew_in_the_middle_of_a_call(home: Home, tmp_path: Path, balanced: Callable) -> None:
    """The first leg comes again, as a duplicate, and the longer one is new."""
    take(home, tmp_path, [RING_ALL[0], "".join(RING_ALL)])
    assert counted_seconds(home) == 60
    books = balanced(home)
    assert (books["intake asterisk: received"], books["intake asterisk: answered"], books["intake asterisk: absorbed"]) == (4, 1, 2)


def test_a_conflict_with_a_leg_that_was_absorbed_later(home: Home, tmp_path: Path, balanced: Callable) -> None:
    other_version = RING_ALL[0].replace(",10,10,ANSWERED", ",10,9,ANSWERED")
    take(home, tmp_path, [RING_ALL[0], RING_ALL[1], other_version, other_version + RING_ALL[0] + "broken\n"])
    assert counted_seconds(home) == 60
    books = balanced(home)
    assert (books["intake asterisk: answered"], books["intake asterisk: absorbed"], books["intake asterisk: conflicting"]) == (1, 0, 2)


def test_another_source_is_another_switch(home: Home, tmp_path: Path) -> None:
    take(home, tmp_path, RING_ALL[:1])
    path = tmp_path / "other.csv"
    path.write_text(RING_ALL[1])
    Intake(home).take_file(path, msgspec.structs.replace(ASTERISK, name="branch"), NOW_US)
    assert counted_seconds(home) == 70


def counted_seconds(home: Home) -> int:
    with home.connect() as connection:
        seq = home.head_seq(connection)
    return sum(Intake(home).usage(["duration_us"], seq).column("duration_us").to_pylist()) // 1_000_000
