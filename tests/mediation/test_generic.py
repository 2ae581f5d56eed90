"""Delimited text and fixed width by a definition: no code for a new layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mediation.decode import decode
from mediation.definitions.file import read_source
from mediation.sources.model import Format, Layout, Source
from mediation.sources.rules import Dialect, FieldRule, Messages, Partials, ServiceRules, Services, Unit
from rating.errors import ProblemsError, UnusableFileError
from rating.model import Service
from rating.schema import Direction, UsageFlag

if TYPE_CHECKING:
    from pathlib import Path

PARTIAL, FIRST, LAST, UNANSWERED = UsageFlag.PARTIAL, UsageFlag.FIRST, UsageFlag.LAST, UsageFlag.UNANSWERED
DAY = "2026-03-02"


def test_three_services_in_one_file(fixtures: Path) -> None:
    decoded = decode(fixtures / "delimited" / "carrier.txt", read_source(fixtures / "delimited" / "carrier.yaml"))
    rows = [
        (
            row["record_id"],
            row["service"],
            f"{row['start_us']:%H:%M:%S}",
            row["duration_us"],
            row["bytes_up"],
            row["bytes_down"],
            row["units"],
        )
        for row in decoded.usage.to_pylist()
    ]
    assert rows == [  # Shanghai's offset in its column, else Berlin's winter
        ("1", Service.VOICE, "02:00:05", 90_000_000, None, None, None),
        ("2", Service.VOICE, "02:01:00", 0, None, None, None),
        ("3", Service.DATA, "16:30:00", 600_000_000, 1536, 1024, None),
        ("4", Service.SMS, "11:00:00", 0, None, None, 1),
        ("5", Service.SMS, "11:00:01", 0, None, None, 1),
        ("6", Service.SMS, "11:00:02", 0, None, None, 1),
    ]
    assert [reject.reason for reject in decoded.rejects] == [
        "missing_value",
        "unknown_service",
        "unknown_disposition",
        "unreadable_time",
        "unreadable_number",
        "unreadable_number",
        "wrong_column_count",
    ]
    assert decoded.control_lines == (b"H|20260302|7", b"T|13")


def test_a_file_without_records_keeps_its_line_of_totals(fixtures: Path, tmp_path: Path) -> None:
    path = tmp_path / "carrier.txt"
    path.write_bytes(b"".join((fixtures / "delimited" / "carrier.txt").read_bytes().splitlines(keepends=True)[:3]))
    decoded = decode(path, read_source(fixtures / "delimited" / "carrier.yaml"))
    assert (decoded.rows, decoded.control_lines) == (0, (b"H|20260302|7",))


def test_what_else_a_record_tells(fixtures: Path) -> None:
    rows = decode(fixtures / "delimited" / "carrier.txt", read_source(fixtures / "delimited" / "carrier.yaml")).usage.to_pylist()
    assert [row["flags"] for row in rows] == [0, UNANSWERED, 0, PARTIAL | FIRST, PARTIAL | LAST, FIRST | LAST]
    assert [row["segment_first"] for row in rows] == [None, None, None, 1, 2, 1]
    assert (rows[0]["source_amount_micros"], rows[0]["source_currency"], rows[1]["source_amount_micros"]) == (450_000, "CNY", None)
    assert {row["trunk_in"] for row in rows} == {"clearing house"}
    assert (rows[0]["offset_s"], rows[3]["offset_s"], rows[5]["other_raw"], rows[5]["other_e164"]) == (28_800, 3600, "10086|x", None)
    assert rows[3]["call_ref"] == rows[4]["call_ref"] == "m-4"


def test_fixed_width(fixtures: Path) -> None:
    decoded = decode(fixtures / "fixed-width" / "exchange.txt", read_source(fixtures / "fixed-width" / "exchange.yaml"))
    rows = [
        (
            row["record_id"],
            row["served_id"],
            row["other_e164"],
            f"{row['start_us']:%H:%M:%S}",
            row["duration_us"] // 1_000_000,
            row["cause"],
        )
        for row in decoded.usage.to_pylist()
    ]
    assert rows == [
        ("0001", "8613900000001", 8613700000001, "02:00:05", 90, 16),
        ("0002", "8613900000001", 8613700000002, "02:01:00", 0, 17),
        ("0003", "8613900000001", 8613700000003, "02:02:00", 5, 16),
        ("0005", "8613900000001", 8613700000001, "02:00:05", 90, 0),  # ends after a field
        ("0007", "8613900000001", 8613700000001, "02:00:05", 90, 16),  # is longer than its fields
    ]
    assert [row["direction"] for row in decoded.usage.to_pylist()] == [1, 1, Direction.TERMINATING, 1, 1]
    assert [reject.reason for reject in decoded.rejects] == ["truncated_record", "unreadable_time"]


def source_of(columns: str, *, services: Services = Services(), dialect: Dialect = Dialect(), **fields: FieldRule) -> Source:  # noqa: B008 - they are frozen
    layouts = (Layout(tuple(columns.split(","))),)
    return Source(name="own", format=Format.DELIMITED, layouts=layouts, key=("id",), services=services, dialect=dialect, fields=fields)


def decode_row(folder: Path, source: Source, row: str) -> Any:  # noqa: ANN401 - a row's values, or its reason
    path = folder / "usage.csv"
    path.write_text(row + "\n")
    decoded = decode(path, source)
    return decoded.rejects[0].reason if decoded.rejects else decoded.usage.to_pylist()[0]


VOICE: list[tuple[str, str, Any]] = [  # columns, a row's times after its id, and start, seconds and whether it bills
    ("start,duration", "10:00:00,60", ("10:00:00", 60, True)),
    ("start,duration", "10:00:00,0", ("10:00:00", 0, False)),
    ("start,duration", "10:00:00,", "unreadable_number"),
    ("start,duration", "10:00:00,-1", "negative_duration"),
    ("start,duration", ",60", "unreadable_time"),
    ("start,answer,duration", "10:00:00,10:00:05,60", ("10:00:05", 60, True)),
    ("start,answer,duration", "10:00:00,,0", ("10:00:00", 0, False)),
    ("start,answer,end", "10:00:00,10:00:05,10:01:05", ("10:00:05", 60, True)),
    ("start,answer,end", "10:00:00,,10:00:30", ("10:00:00", 0, False)),
    ("start,answer,end", "10:00:00,10:00:05,10:00:01", "end_before_start"),
    ("answer,duration", "10:00:05,60", ("10:00:05", 60, True)),
    ("answer,duration", ",60", "unreadable_time"),
    ("end,duration", "10:01:00,60", ("10:00:00", 60, True)),
    ("start,duration,answered", "10:00:00,60,yes", ("10:00:00", 60, True)),
    ("start,duration,answered", "10:00:00,60,no", ("10:00:00", 60, False)),
    ("start,duration,answered", "10:00:00,0,1", ("10:00:00", 0, True)),
    ("start,duration,answered", "10:00:00,60,maybe", "unknown_disposition"),
    ("start,answer,duration,answered", "10:00:00,,60,yes", "missing_answer_time"),
]


@pytest.mark.parametrize(("columns", "row", "expected"), VOICE)
def test_voice(tmp_path: Path, columns: str, row: str, expected: Any) -> None:  # noqa: ANN401 - values, or a reason
    found = decode_row(tmp_path, source_of(f"id,served,{columns}"), f"1,8613900000001,{row.replace('10:', f'{DAY} 10:')}")
    if not isinstance(found, str):
        seconds = found["duration_us"] // 1_000_000
        found = (f"{found['start_us']:%H:%M:%S}", seconds, found["flags"] & UNANSWERED == 0)
    assert found == expected


OTHER: list[tuple[str, str, Any]] = [  # service, quantities, and bytes up and down, units and duration
    ("data", "100,200,,", (100, 200, None, None)),
    ("data", "100,,,60", (100, None, None, 60_000_000)),
    ("data", ",,,60", "missing_value"),
    ("data", "-1,,,", "negative_quantity"),
    ("data", f"{1 << 47},,,", "quantity_too_large"),
    ("data", "1.5,,,", "unreadable_number"),
    ("sms", ",,2,", (None, None, 2, None)),
    ("sms", ",,,", "missing_value"),
    ("content", ",,1,", (None, None, 1, None)),
    ("4", "1,2,,", (1, 2, None, None)),
    ("fax", ",,1,", "unknown_service"),
    ("", ",,1,", "unknown_service"),
]


@pytest.mark.parametrize(("service", "row", "expected"), OTHER)
def test_other_services(tmp_path: Path, service: str, row: str, expected: Any) -> None:  # noqa: ANN401 - values, or a reason
    source = source_of("id,served,start,service,bytes_up,bytes_down,units,duration")
    found = decode_row(tmp_path, source, f"1,8613900000001,{DAY} 10:00:00,{service},{row}")
    if not isinstance(found, str):
        found = tuple(found[name] for name in ("bytes_up", "bytes_down", "units", "duration_us"))
    assert found == expected


DELIVERED = [
    ("sms", "yes", 0),
    ("sms", "", 0),
    ("sms", "no", UNANSWERED),
    ("data", "no", UNANSWERED),
    ("sms", "maybe", "unknown_disposition"),
]


@pytest.mark.parametrize(("service", "word", "expected"), DELIVERED)
def test_what_was_not_delivered_does_not_bill(tmp_path: Path, service: str, word: str, expected: int | str) -> None:
    source = source_of("id,served,start,service,answered,duration,bytes_up")
    found = decode_row(tmp_path, source, f"1,8613900000001,{DAY} 10:00:00,{service},{word},,")
    assert (found if isinstance(found, str) else found["flags"]) == expected


JOIN = Services(voice=ServiceRules(partials=Partials.JOIN, first_segment=1))
EACH = Services(data=ServiceRules(partials=Partials.EACH, cumulative=True))
PARTS = Services(sms=ServiceRules(messages=Messages.MESSAGE))
SEGMENTS: list[tuple[Services, str, str, int | str]] = [  # rules, service, segment with total, first and last, and the flags
    (JOIN, "voice", "1,,,", PARTIAL | FIRST),
    (JOIN, "voice", "2,,,", PARTIAL),
    (JOIN, "voice", "3,,,yes", PARTIAL | LAST),
    (JOIN, "voice", ",,yes,", PARTIAL | FIRST),
    (JOIN, "voice", ",,,", 0),
    (JOIN, "voice", "1,,,yes", FIRST | LAST),  # nothing to put together
    (JOIN, "voice", "3,3,,", PARTIAL | LAST),
    (JOIN, "voice", "4,3,,", "unreadable_number"),
    (JOIN, "data", "1,,,", 0),
    (EACH, "data", ",,,", PARTIAL | UsageFlag.CUMULATIVE),
    (EACH, "data", ",,,yes", PARTIAL | UsageFlag.CUMULATIVE | LAST),
    (PARTS, "sms", "1,2,,", PARTIAL | FIRST),
    (PARTS, "sms", "2,2,,", PARTIAL | LAST),
    (PARTS, "sms", "1,1,,", FIRST | LAST),
    (PARTS, "sms", "0,2,,", "unreadable_number"),
    (Services(), "sms", "3,3,,", 0),  # each bills
]


@pytest.mark.parametrize(("services", "service", "row", "expected"), SEGMENTS)
def test_segments(tmp_path: Path, services: Services, service: str, row: str, expected: int | str) -> None:
    source = source_of("id,served,start,duration,bytes_up,units,call_ref,service,segment,segment_total,first,last", services=services)
    found = decode_row(tmp_path, source, f"1,8613900000001,{DAY} 10:00:00,60,5,1,c,{service},{row}")
    assert (found if isinstance(found, str) else found["flags"]) == expected


def test_a_file_may_name_its_columns(tmp_path: Path) -> None:
    named = msgspec.structs.replace(
        source_of("", dialect=Dialect(delimiter=";", names_in_header=True), served=FieldRule(column="Caller")), layouts=(), header_lines=1
    )
    row = decode_row(tmp_path, named, f"duration;CALLER;start;unused;id\n60;8613900000001;{DAY} 10:00:00;x;1")
    assert (row["served_id"], row["duration_us"], row["raw_offset"]) == ("8613900000001", 60_000_000, 32)
    with pytest.raises(UnusableFileError, match="no column id, Caller; it begins: duration, start"):
        decode_row(tmp_path, named, f"duration;start\n60;{DAY} 10:00:00\n")
    with pytest.raises(UnusableFileError, match="the column id more than once"):
        decode_row(tmp_path, named, f"Caller;id;id\n8613900000001;1;{DAY}\n")


def test_names_may_be_of_any_language(tmp_path: Path) -> None:
    named = msgspec.structs.replace(source_of("", dialect=Dialect(names_in_header=True), served=FieldRule(column="主叫号码")), layouts=())
    row = decode_row(tmp_path, named, f"id,主叫号码,start,duration\n1,8613900000001,{DAY} 10:00:00,60")
    assert row["served_id"] == "8613900000001"


def test_what_databases_write_for_nothing(tmp_path: Path) -> None:
    names = ("id", "caller", "account", "called", "begin", "seconds", "state")
    fields = {
        "record_id": FieldRule("id"),
        "served": FieldRule("caller"),
        "account": FieldRule("account"),
        "other": FieldRule("called"),
        "start": FieldRule("begin"),
        "duration": FieldRule("seconds"),
        "answered": FieldRule("state", words={"ANSWERED": "yes", "*": "no"}),
    }
    source = Source(name="table", format=Format.DELIMITED, layouts=(Layout(names),), fields=fields, dialect=Dialect(nulls=("NULL", "\\N")))
    rows = [
        f'1,NULL,"NULL",8613700000001,{DAY} 10:00:00,5,ANSWERED',
        f"2,\\N,null,\\N,{DAY} 10:00:00,NULL,NO ANSWER",
        f"3,NULLA,acme,8613700000001,{DAY} 10:00:00,5,ANSWERED",
        f"4,1,2,3,{DAY} 10:00:00,NULL,ANSWERED",
        "5,1,2",
    ]
    path = tmp_path / "cdr.csv"
    path.write_text("".join(f"{row}\n" for row in rows))
    decoded = decode(path, source)
    found = [(row["served_id"], row["other_raw"], row["duration_us"]) for row in decoded.usage.to_pylist()]
    assert found == [("", "8613700000001", 5_000_000), ("", "", 0), ("acme", "8613700000001", 5_000_000)]
    assert [reject.reason for reject in decoded.rejects] == ["unreadable_number", "wrong_column_count"]
    as_they_are = decode(path, msgspec.structs.replace(source, dialect=Dialect()))
    assert as_they_are.usage.column("served_id").to_pylist()[0] == "NULL"


def test_words_may_stand_for_all_the_others(tmp_path: Path) -> None:
    source = source_of("id,served,start,duration,cause", answered=FieldRule(column="cause", words={"16": "yes", "*": "no"}))
    flags = [decode_row(tmp_path, source, f"1,8613900000001,{DAY} 10:00:00,60,{cause}")["flags"] for cause in ("16", "17", "")]
    assert flags == [0, UNANSWERED, UNANSWERED]


def test_words_may_be_of_any_language(tmp_path: Path) -> None:
    words = {"接通": "yes", "未接": "no", "Größe": "no"}
    source = source_of("id,served,start,duration,state", answered=FieldRule(column="state", words=words))
    rows = [decode_row(tmp_path, source, f"1,8613900000001,{DAY} 10:00:00,60,{word}") for word in ("接通", "未接", "größe", "接")]
    assert [row if isinstance(row, str) else row["flags"] for row in rows] == [0, UNANSWERED, UNANSWERED, "unknown_disposition"]


def test_amounts_of_several_columns_add_up(tmp_path: Path) -> None:
    rule = FieldRule(column="peak", more_columns=("off_peak",), unit=Unit.MINUTE)
    source = source_of("id,served,start,peak,off_peak", duration=rule)
    row = decode_row(tmp_path, source, f"1,8613900000001,{DAY} 10:00:00,1.5,2")
    assert row["duration_us"] == 210_000_000


def test_texts_of_several_columns_stand_beside_each_other(tmp_path: Path) -> None:
    source = source_of("id,served,start,duration,site,cell", location=FieldRule(column="site", more_columns=("cell",)))
    rows = [decode_row(tmp_path, source, f"1,8613900000001,{DAY} 10:00:00,60,{places}")["location"] for places in ("a,7", ",7", ",")]
    assert rows == ["a 7", "7", None]


def test_what_a_format_has_no_use_for_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "source.yaml"
    path.write_text("name: nas\nformat: radius-detail\nfields: { served: Class }\nstart_on_confirmed: true\n")
    with pytest.raises(ProblemsError) as error:
        read_source(path)
    assert [problem.path for problem in error.value.problems] == ["fields", "start_on_confirmed"]


NETWORKS = (  # as it is written, and as tariffs have it: MCC x 1000 + MNC
    ("26201", 262_001), ("262-01", 262_001), ("262-001", 262_001), ("262001", 262_001), ("310410", 310_410), ("310-410", 310_410),
    ("00101", 1_001), ("0", 0), ("", None), ("home", "unreadable_number"), ("26-201", "unreadable_number"), ("262-1", "unreadable_number"),
)  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), NETWORKS)
def test_a_visited_network_is_that_of_the_tariff(tmp_path: Path, written: str, expected: object) -> None:
    path = tmp_path / "packets.csv"
    path.write_text(f"1,43660,{DAY} 10:00:00,60,{written},9\n")
    layout = Layout(("record_id", "served", "start", "duration", "serving_plmn", "bytes_up"))
    fields = {"service": FieldRule(value="data")}
    decoded = decode(path, Source("packets", Format.DELIMITED, layouts=(layout,), fields=fields))
    found = [row["serving_plmn"] for row in decoded.usage.to_pylist()] + [reject.reason for reject in decoded.rejects]
    assert found == [expected]
