"""Figures of files: own ones, two samples counted by hand, and the identity that must hold for any file in any order."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from mediation.definitions.named import find
from mediation.inspect import Inspection, encode, inspect

if TYPE_CHECKING:
    from pathlib import Path

ASTERISK, FREESWITCH = find("asterisk"), find("freeswitch")


def check(figures: Inspection) -> None:
    others = figures.absorbed + figures.waiting + figures.duplicate + figures.conflicting + sum(figures.rejected.values())
    assert figures.rows == figures.accepted + others
    assert figures.accepted == figures.answered + figures.unanswered


def test_duplicates_and_conflicts(fixtures: Path) -> None:
    figures = inspect(fixtures / "duplicates.csv", ASTERISK)
    check(figures)
    # Accepted: the record that came three times, and the ring-all winner. Two versions of one key do not count, their copy is a duplicate.
    assert (figures.rows, figures.accepted, figures.answered, figures.duplicate) == (10, 2, 2, 5)
    assert (figures.conflicting, figures.absorbed, figures.answered_duration_us) == (2, 1, 120_000_000)


def test_freeswitch_fixture(fixtures: Path) -> None:
    figures = inspect(fixtures / "freeswitch.csv", FREESWITCH)
    check(figures)
    assert (figures.answered, figures.unanswered, figures.absorbed, figures.duplicate) == (2, 1, 1, 1)
    assert (figures.rejected, figures.answered_duration_us) == ({"missing_key": 1}, 120_000_000)


def test_json_has_every_figure(fixtures: Path) -> None:
    path = fixtures / "broken.csv"
    figures = json.loads(encode(inspect(path, ASTERISK)))
    assert figures == {
        "file": str(path),
        "source": "asterisk",
        "rows": 18,
        "accepted": 4,
        "answered": 4,
        "unanswered": 0,
        "duplicate": 0,
        "conflicting": 0,
        "absorbed": 0,
        "waiting": 0,
        "rejected": {
            "columns_in_another_order": 1,
            "duration_exceeds_span": 1,
            "end_before_start": 1,
            "missing_answer_time": 1,
            "negative_duration": 1,
            "unknown_disposition": 1,
            "unreadable_number": 2,
            "unreadable_time": 3,
            "unterminated_quote": 2,
            "wrong_column_count": 1,
        },
        "answered_duration_us": 240_000_000,
        "bytes": 0,
        "units": 0,
        "first": "2026-03-02T10:00:05Z",
        "last": "2026-03-02T10:00:05Z",
    }


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    figures = inspect(path, ASTERISK)
    assert (figures.rows, figures.first, figures.last_us) == (0, None, None)
    assert figures.notes() == [f"{path} holds no rows"]


def test_notes_tell_what_to_do(fixtures: Path) -> None:
    notes = inspect(fixtures / "broken.csv", ASTERISK).notes()
    assert any("columns_in_another_order" in note and "docs/sources.md" in note for note in notes)
    assert any("conflicting" in note for note in inspect(fixtures / "duplicates.csv", ASTERISK).notes())


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_rows_changes_nothing(fixtures: Path, tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    names = ("legs.csv", "duplicates.csv", "widths.csv")
    lines = [line for name in names for line in (fixtures / name).read_bytes().splitlines()]
    lines += [b"rubbish", *lines[3:9], *lines[3:5]]
    path = tmp_path / "all.csv"
    path.write_bytes(b"\n".join(lines) + b"\n")
    before = inspect(path, ASTERISK)
    check(before)
    random.Random(seed).shuffle(lines)
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert inspect(path, ASTERISK) == before


# Counted by hand from the files.


def test_freeswitch_sample(samples: Path) -> None:
    figures = inspect(samples / "freeswitch" / "Master_cdr_csv.csv", FREESWITCH)
    check(figures)
    # Ten rows; the last three are one call, twice with NORMAL_CLEARING and once with USER_BUSY; the third row was not answered.
    assert (figures.rows, figures.accepted, figures.answered, figures.unanswered) == (10, 8, 7, 1)
    assert (figures.duplicate, figures.conflicting, figures.absorbed, figures.rejected) == (2, 0, 0, {})
    assert figures.answered_duration_us == (9 + 61 + 21 + 327 + 20 + 32 + 20) * 1_000_000
    assert (figures.first, figures.last) == ("2020-02-10T22:40:00Z", "2020-02-11T11:13:00Z")


def test_asterisk_sample_in_custom_order(samples: Path, examples: Path) -> None:
    source = find(str(examples / "asterisk_custom.yaml"))
    figures = inspect(samples / "asterisk" / "cdr_custom_19col.csv", source)
    check(figures)
    # Fourteen rows; rows 2, 5 and 10 say NO ANSWER. The first call was answered at 01:51:50, the last at 09:25:02.
    assert (figures.rows, figures.accepted, figures.answered, figures.unanswered) == (14, 14, 11, 3)
    assert (figures.duplicate, figures.conflicting, figures.absorbed, figures.rejected) == (0, 0, 0, {})
    assert figures.answered_duration_us == (13 + 13 + 18 + 8 + 8 + 7 + 3 + 2 + 2 + 2 + 2) * 1_000_000
    assert (figures.first, figures.last) == ("2023-07-26T01:51:50Z", "2023-07-26T09:25:02Z")


def test_asterisk_sample_under_the_built_in_source(samples: Path) -> None:
    figures = inspect(samples / "asterisk" / "cdr_custom_19col.csv", ASTERISK)
    assert figures.rejected == {"columns_in_another_order": 14}
    assert "source definition" in figures.notes()[0]
