"""A file that ends without a line break: its last row is taken where something proves it whole, else it waits as truncated."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

import msgspec
import pytest

from mediation.bytes import containers
from mediation.decode import decode, decode_parts, decode_rows
from mediation.definitions.file import read_source
from mediation.definitions.text import definition
from mediation.sources.model import LAYOUTS, Format, Layout, Source
from mediation.sources.rules import ControlTotals, Dialect, FieldRule, Position, Unit
from rating.errors import ProblemsError

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-03-02 10:00:00"
FIELDS = {
    "served": FieldRule(column="from"),
    "other": FieldRule(column="to"),
    "start": FieldRule(column="at"),
    "duration": FieldRule(column="seconds", unit=Unit.SECOND),
}


def source_of(*columns: str, fields: dict[str, FieldRule] | None = None) -> Source:
    return Source("gw", Format.DELIMITED, (Layout(columns),), key=("id",), dialect=Dialect(delimiter=";"), fields=fields or FIELDS)


SECONDS_LAST = source_of("id", "from", "to", "at", "seconds")
TEXT_LAST = source_of("id", "from", "at", "seconds", "to")
UNREAD_LAST = source_of("id", "from", "to", "at", "seconds", "note")
KEY_LAST = source_of("from", "to", "at", "seconds", "id")
SERVICE_LAST = source_of("id", "from", "to", "at", "seconds", "service")
TOTALS = ControlTotals("#", "#(?P<count>[0-9]+)")
ROW = f"1;8613800000001;8613900000009;{DAY};60"
CASES: list[tuple[Source, str, list[str]]] = [  # reasons of what is refused
    (SECONDS_LAST, f"{ROW}\n", []),
    (SECONDS_LAST, f"{ROW}\r\n", []),
    (SECONDS_LAST, f"{ROW}\r", []),  # cut between the two bytes of a line break
    (SECONDS_LAST, ROW, ["truncated_record"]),  # 6000, perhaps
    (SECONDS_LAST, f"{ROW}\n{ROW.replace('1;', '2;', 1)}", ["truncated_record"]),
    (SECONDS_LAST, f"{ROW.removesuffix('60')}", ["truncated_record"]),
    (SECONDS_LAST, f"{ROW.removesuffix('60')}\n", ["unreadable_number"]),
    (SECONDS_LAST, f"1;8613800000001;8613900000009;{DAY}", ["truncated_record"]),
    (SECONDS_LAST, f"1;8613800000001;8613900000009;{DAY}\n", ["wrong_column_count"]),
    (SECONDS_LAST, f"1;8613800000001;8613900000009;{DAY[:7]}", ["truncated_record"]),
    (SERVICE_LAST, f"{ROW};voi", ["truncated_record"]),
    (SERVICE_LAST, f"{ROW};voi\n", ["unknown_service"]),
    (SERVICE_LAST, f'{ROW};"voi"', ["unknown_service"]),  # a quote closes it: it is whole, and no service
    (UNREAD_LAST, f"{ROW.replace(DAY, 'noon')};some te", ["unreadable_time"]),  # whole, and its time is none
    (SECONDS_LAST, f'1;8613800000001;8613900000009;{DAY};"60"', []),  # a quote closes it
    (SECONDS_LAST, f'1;8613800000001;8613900000009;{DAY};"6', ["truncated_record"]),
    (TEXT_LAST, f"1;8613800000001;{DAY};60;86139000000", ["truncated_record"]),  # a number of another destination
    (TEXT_LAST, f'1;8613800000001;{DAY};60;"86139000000"', []),
    (UNREAD_LAST, f"{ROW};some te", []),
    (KEY_LAST, f"8613800000001;8613900000009;{DAY};60;12", ["truncated_record"]),
    (msgspec.structs.replace(UNREAD_LAST, charge_columns=("note",)), f"{ROW};some te", ["truncated_record"]),
    (msgspec.structs.replace(SECONDS_LAST, ends_without_line_break=True), ROW, []),
    (msgspec.structs.replace(SECONDS_LAST, trailer=TOTALS), f"{ROW}\n#1", []),
    (msgspec.structs.replace(SECONDS_LAST, dialect=Dialect(delimiter=";", comment="*")), f"{ROW}\n* the end", []),
    (msgspec.structs.replace(SECONDS_LAST, header_lines=1), ROW, []),  # a header and nothing else
]


@pytest.mark.parametrize(("source", "text", "reasons"), CASES)
def test_a_last_row_without_a_line_break(tmp_path: Path, source: Source, text: str, reasons: list[str]) -> None:
    path = tmp_path / "cdr.csv"
    path.write_bytes(text.encode())
    for decoded in (decode(path, source), decode(path, source, threads=3), *decode_parts(path, source)):
        assert [reject.reason for reject in decoded.rejects] == reasons
        assert all(seconds == 60_000_000 for seconds in decoded.usage.column("duration_us").to_pylist())


def test_a_column_that_is_put_together_of_the_last_one_is_read(tmp_path: Path) -> None:
    fields = {**FIELDS, "start": FieldRule(column="day", more_columns=("clock",))}
    source = source_of("id", "from", "to", "seconds", "day", "clock", fields=fields)
    path = tmp_path / "cdr.csv"
    path.write_text("1;8613800000001;8613900000009;60;2026-03-02;10:00")  # 10:00:59, perhaps
    assert [reject.reason for reject in decode(path, source).rejects] == ["truncated_record"]
    path.write_text('1;8613800000001;8613900000009;60;2026-03-02;"10:00:59"')
    assert decode(path, source).rejects == []


def test_a_row_that_was_cut_to_a_narrower_layout_is_no_row_of_it(tmp_path: Path) -> None:
    """Asterisk's rows have 16 to 21 columns: what is left of a wide one reads like a narrow one."""
    times = f'"{DAY}","{DAY}","2026-03-02 10:01:00",60,60'
    parties = '"","8613800000001","8613900000009","out","x","SIP/a-1","SIP/b-1","Dial","x"'
    whole = f'{parties},{times},"ANSWERED","DOCUMENTATION","1690325492.2",""'
    source = Source("pbx", Format.ASTERISK, LAYOUTS[Format.ASTERISK])
    path = tmp_path / "Master.csv"
    path.write_text(whole)
    assert [reject.reason for reject in decode(path, source).rejects] == ["truncated_record"]
    path.write_text(f"{whole}\n")
    assert decode(path, source).rejects == []
    path.write_text(f'{whole},"","1690325492.2",12')  # a sequence of 123, perhaps: another record's key
    assert [reject.reason for reject in decode(path, source).rejects] == ["truncated_record"]


WIDE = {"from": (1, 13), "to": (14, 26), "at": (27, 45), "seconds": (46, 50), "id": (51, 53), "note": (54, 60)}
LINE = f"86138000000018613900000009{DAY}   60  1"


LINES = [
    (LINE, []),
    (f"{LINE}some te", []),
    (f"{LINE}\n", []),
    (LINE[:49], ["truncated_record"]),
    (LINE[:50], ["truncated_record"]),
    (LINE[:45], ["truncated_record"]),
    (f"{LINE[:50]}\n", ["missing_key"]),
]


@pytest.mark.parametrize(("line", "reasons"), LINES)
def test_a_line_of_fixed_width_is_whole_when_it_is_long_enough(tmp_path: Path, line: str, reasons: list[str]) -> None:
    positions = tuple(Position(name, *limits) for name, limits in WIDE.items())
    source = Source("ex", Format.FIXED_WIDTH, (Layout(tuple(WIDE)),), key=("id",), positions=positions, fields=FIELDS)
    path = tmp_path / "cdr.txt"
    path.write_text(line)
    assert [reject.reason for reject in decode(path, source).rejects] == reasons


def test_a_trimmed_line_of_fixed_width_without_a_line_break_may_be_cut(tmp_path: Path) -> None:
    """Without a line break nobody knows whether blanks were cut off or a field."""
    wide = {"from": (1, 13), "at": (14, 32), "seconds": (33, 37), "id": (38, 40), "to": (41, 55)}
    positions = tuple(Position(name, *limits) for name, limits in wide.items())
    source = Source("ex", Format.FIXED_WIDTH, (Layout(tuple(wide)),), key=("id",), positions=positions, fields=FIELDS)
    path = tmp_path / "cdr.txt"
    line = f"8613800000001{DAY}   60  1"
    path.write_text(line)
    assert [reject.reason for reject in decode(path, source).rejects] == ["truncated_record"]
    path.write_text(f"{line}\n")
    assert decode(path, source).rejects == []


def test_what_is_packed_is_as_long_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "cdr.csv"
    path.write_text(ROW)
    packed, archive = tmp_path / "cdr.csv.gz", tmp_path / "cdr.tar"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with tarfile.open(archive, "w") as made:
        made.add(path, "cdr.csv")
    assert decode(packed, SECONDS_LAST).rejects == []
    with containers.files_in(archive) as (member,):
        assert decode(member.path, SECONDS_LAST).rejects == []
    assert [reject.reason for reject in decode(path, SECONDS_LAST).rejects] == ["truncated_record"]


def test_a_row_that_was_kept_is_read_as_it_stands() -> None:
    found = decode_rows([ROW.encode()], SECONDS_LAST)
    assert (found.rejects, found.usage.column("duration_us").to_pylist()) == ([], [60_000_000])


def test_a_definition_says_that_files_end_so(tmp_path: Path) -> None:
    path = tmp_path / "source.yaml"
    path.write_text("name: sw\nformat: asterisk\nends_without_line_break: true\n")
    source = read_source(path)
    assert source.ends_without_line_break
    assert definition(source)["ends_without_line_break"] is True
    path.write_text("name: nas\nformat: radius-detail\nends_without_line_break: true\n")
    with pytest.raises(ProblemsError) as error:
        read_source(path)
    assert [(problem.path, problem.message) for problem in error.value.problems] == [
        ("ends_without_line_break", "radius-detail has no lines")
    ]
