"""Trying a definition on a file: rows before and after, and what was guessed. Counts are of small files written here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mediation import trial
from mediation.definitions.named import find
from mediation.records import csv_blocks
from mediation.sources.model import Format, Layout, LocalTime, Source

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

COLUMNS = ("src", "dst", "start", "answer", "billsec", "disposition", "uniqueid", "note")
SOURCE = Source("pbx", Format.ASTERISK, (Layout(COLUMNS),))
ROWS = (
    "8613800000001,8613900000009,2026-03-01 10:00:00,2026-03-01 10:00:05,60,ANSWERED,u1,x",
    "8613800000001,1002,2026-03-01 11:00:00,,0,BUSY,u2,x",
    "desk,1002,2026-03-01 12:00:00,2026-03-01 12:00:01,9,Answered,u3,x",
    "8613800000001,8613900000009,2026-03-01 13:00:00,,0,GONE,u4,x",
    "too,short",
)


def tried(folder: Path, source: Source, *texts: str, rows: int = 3) -> trial.Trial:
    path = folder / "cdr.csv"
    path.write_text("\n".join(texts) + "\n")
    return trial.attempt(path, source, rows)


def test_rows_before_and_after(tmp_path: Path) -> None:
    found = tried(tmp_path, SOURCE, *ROWS)
    assert [row.before for row in found.first_rows] == list(ROWS[:3])
    assert [row.offset for row in found.first_rows] == [0, len(ROWS[0]) + 1, len(ROWS[0]) + len(ROWS[1]) + 2]
    first = found.first_rows[0].after
    assert (first["start"], first["served_id"], first["other_e164"]) == ("2026-03-01T10:00:05Z", "8613800000001", 8613900000009)
    assert (first["duration_us"], first["service"], first["record_id"]) == (60_000_000, "voice", "u1")
    assert found.first_rows[1].after["flags"] == "unanswered"
    last = tried(tmp_path, SOURCE, *ROWS, rows=9).first_rows[3:]
    assert [(row.refused.split(":")[0], row.after, row.before) for row in last] == [
        ("unknown_disposition", {}, ROWS[3]),
        ("wrong_column_count", {}, ROWS[4]),
    ]


def test_what_was_taken_from_the_file(tmp_path: Path) -> None:
    found = tried(tmp_path, SOURCE, *ROWS)
    assert (found.figures.rows, found.figures.accepted, found.figures.rejected) == (
        5,
        3,
        {"unknown_disposition": 1, "wrong_column_count": 1},
    )
    assert found.widths == {2: 1, 8: 4}
    assert (found.times, found.served) == ({"source_zone": 3}, {"e164": 2, "extension": 1})
    assert (found.other, found.no_numbers) == ({"number": 1, "other": 2, "nothing": 0}, ["1002"])
    assert {(word.word, word.answered, word.unanswered, word.refused) for word in found.words} == {
        ("ANSWERED", 1, 0, 0),
        ("Answered", 1, 0, 0),
        ("BUSY", 0, 1, 0),
        ("GONE", 0, 0, 1),
        ("", 0, 0, 1),
    }
    assert "note" in found.columns_unused
    assert {"src", "dst", "start", "answer", "billsec", "disposition", "uniqueid"} <= set(found.columns_read)


def test_doubts_are_told(tmp_path: Path) -> None:
    notes = " ".join(tried(tmp_path, SOURCE, *ROWS).notes)
    assert "read as UTC" in notes
    assert "rows have 2, 8 columns; the definition has 8" in notes
    zoned = msgspec.structs.replace(SOURCE, timezone="Europe/Berlin", local_time=LocalTime.EARLIER)
    twice = ROWS[0].replace("03-01 10:00:0", "10-25 02:30:0")
    found = tried(tmp_path, zoned, twice, ROWS[0])
    assert found.times == {"source_zone": 1, "guessed": 1}
    assert any("happened twice or never" in note for note in found.notes)
    no_numbers = tried(tmp_path, zoned, ROWS[2])
    assert any("no destination is a number" in note for note in no_numbers.notes)
    assert any("no row is paid by a number" in note for note in no_numbers.notes)


def test_the_layouts_of_a_log_of_several_widths(fixtures: Path) -> None:
    found = trial.attempt(fixtures / "widths.csv", find("asterisk"), 0)
    assert found.first_rows == []
    assert sum(found.layouts.values()) == sum(found.widths.values()) == found.figures.rows
    assert "21 columns with uniqueid userfield peeraccount linkedid sequence" in found.layouts


def test_a_definition_of_fields(examples: Path) -> None:
    found = trial.attempt(examples / "gateway.csv", find(str(examples / "gateway.yaml")), 1)
    assert found.columns_unused == []
    assert [(word.word, word.rows, word.answered) for word in found.words] == [("200", 5, 5), ("486", 1, 0)]


def test_a_large_file_is_looked_at_in_part_and_counted_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "LOOKED_AT_MAX", 5)
    monkeypatch.setattr(csv_blocks, "BLOCK_ROWS_MAX", 2)
    found = tried(tmp_path, SOURCE, *ROWS, *ROWS)
    assert (found.looked_at, sum(found.widths.values()), found.figures.rows) == (6, 6, 10)


def test_it_encodes_to_json(tmp_path: Path) -> None:
    made = msgspec.json.decode(msgspec.json.encode(tried(tmp_path, SOURCE, *ROWS)))
    assert made["widths"] == {"2": 1, "8": 4}
    assert made["figures"]["answered_duration_us"] == 69_000_000
