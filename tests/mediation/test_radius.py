"""RADIUS accounting: what each attribute means, and what comes of whole sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from mediation.assembly.assemble import Groups, assemble
from mediation.assembly.rules import Rule
from mediation.decode import DEFAULT_HASH_KEY, decode
from mediation.definitions.named import find
from mediation.inspect import inspect
from mediation.sources.model import Partials, ServiceRules, Services, Source
from rating.schema import ServedKind, UsageFlag

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

DETAIL = find("radius-detail")
SHANGHAI = msgspec.structs.replace(DETAIL, timezone="Asia/Shanghai")
BERLIN = msgspec.structs.replace(DETAIL, timezone="Europe/Berlin")
GIB4 = 1 << 32
TOTALS = UsageFlag.PARTIAL | UsageFlag.CUMULATIVE


def record(**attributes: str | int) -> str:
    """A record of a stop; keyword `Acct_Delay_Time=3` is an attribute; an empty text leaves one out."""
    usual: dict[str, str | int] = {
        "Acct_Status_Type": "Stop",
        "Acct_Session_Id": '"1"',
        "User_Name": '"anna"',
        "NAS_IP_Address": "192.0.2.1",
        "Acct_Session_Time": 60,
        "Acct_Input_Octets": 10,
        "Acct_Output_Octets": 20,
        "Timestamp": 1_772_445_660,  # 2026-03-02 10:01:00 UTC
    }
    lines = [f"\t{name.replace('_', '-')} = {value}" for name, value in (usual | attributes).items() if value != ""]
    return "\n".join(["Mon Mar  2 10:01:00 2026", *lines, "", ""])


def decode_text(folder: Path, text: str, source: Source = DETAIL) -> list[Any]:
    """Rows, or reasons."""
    path = folder / "detail"
    path.write_text(text)
    decoded = decode(path, source)
    rows: list[Any] = decoded.usage.to_pylist()
    return rows + [reject.reason for reject in decoded.rejects]


def decode_one(folder: Path, source: Source = DETAIL, **attributes: str | int) -> Any:  # noqa: ANN401 - a row, or its reason
    [found] = decode_text(folder, record(**attributes), source)
    return found


INSTANTS: list[tuple[dict[str, str | int], Source, str]] = [  # what is given, and the session's start: a minute before
    ({}, DETAIL, "10:00:00"),
    ({"Acct_Delay_Time": 5}, DETAIL, "09:59:55"),
    ({"Event_Timestamp": 1_772_445_650, "Acct_Delay_Time": 5}, DETAIL, "09:59:50"),
    ({"Event_Timestamp": '"Mar  2 2026 10:00:30 UTC"', "Acct_Delay_Time": 99}, DETAIL, "09:59:30"),
    ({"Event_Timestamp": '"Mar  2 2026 18:00:30 +08"'}, DETAIL, "09:59:30"),
    ({"Event_Timestamp": '"Mar  2 2026 18:00:30 CST"'}, SHANGHAI, "09:59:30"),
    ({"Event_Timestamp": '"Mar  2 2026 18:00:30"'}, SHANGHAI, "09:59:30"),
    ({"Event_Timestamp": '"Mar  2 2026 18:00:30 CST"'}, DETAIL, "10:00:00"),  # which CST is not known: the server's time is
    ({"Event_Timestamp": '"Mar  2 2026 18:00:30 EST"', "Acct_Delay_Time": 5}, SHANGHAI, "09:59:55"),
    ({"Event_Timestamp": '"Mar  2 2026 18:00:30 CST"', "Timestamp": ""}, DETAIL, "other_time_zone"),
    ({"Event_Timestamp": '"yesterday"'}, DETAIL, "unreadable_time"),
    ({"Event_Timestamp": '"Mar  2 2026 10:00:30 UTC"', "Timestamp": "", "User_Password": "x"}, DETAIL, "09:59:30"),
    ({"Timestamp": "", "User_Password": "x"}, DETAIL, "unreadable_time"),
    ({"Acct_Session_Time": ""}, DETAIL, "missing_value"),
    ({"Acct_Session_Time": -1}, DETAIL, "negative_duration"),
    ({"Acct_Delay_Time": -1}, DETAIL, "negative_duration"),
]


@pytest.mark.parametrize(("attributes", "source", "expected"), INSTANTS)
def test_instants(tmp_path: Path, attributes: dict[str, str | int], source: Source, expected: str) -> None:
    found = decode_one(tmp_path, source, **attributes)
    if not isinstance(found, str):
        assert found["duration_us"] == 60_000_000
        found = f"{found['start_us']:%H:%M:%S}"
    assert found == expected


def test_a_repeated_hour_is_told_by_the_servers_time(tmp_path: Path) -> None:
    """Clocks in Berlin went back at 01:00 UTC: 02:30 came at 00:30 and at 01:30 UTC."""
    starts = []
    for timestamp, name in ((1_792_888_205, "CEST"), (1_792_891_805, "CET")):
        written = f'"Oct 25 2026 02:30:00 {name}"'
        row = decode_one(tmp_path, BERLIN, Event_Timestamp=written, Timestamp=timestamp, Acct_Session_Time=0)
        starts.append((f"{row['start_us']:%H:%M}", row["offset_s"]))
    assert starts == [("00:30", 7200), ("01:30", 3600)]


QUANTITIES: list[tuple[dict[str, str | int], Any]] = [
    ({}, (10, 20)),
    ({"Acct_Input_Gigawords": 1}, (GIB4 + 10, 20)),
    ({"Acct_Output_Gigawords": 3, "Acct_Output_Octets": 4_294_967_295}, (10, 4 * GIB4 - 1)),
    ({"Acct_Input_Octets": 4_294_967_296}, "quantity_too_large"),
    ({"Acct_Input_Gigawords": 32_768}, "quantity_too_large"),
    ({"Acct_Input_Octets": -1}, "negative_quantity"),
    ({"Acct_Input_Octets": ""}, "missing_value"),
    ({"Acct_Output_Octets": "many"}, "unreadable_number"),
    ({"Acct_Output_Octets": "1.5"}, "unreadable_number"),
]


@pytest.mark.parametrize(("attributes", "expected"), QUANTITIES)
def test_bytes(tmp_path: Path, attributes: dict[str, str | int], expected: Any) -> None:  # noqa: ANN401 - bytes, or a reason
    found = decode_one(tmp_path, **attributes)
    assert (found if isinstance(found, str) else (found["bytes_up"], found["bytes_down"])) == expected


KINDS = [
    ("Start", TOTALS | UsageFlag.FIRST),
    ("1", TOTALS | UsageFlag.FIRST),
    ("Interim-Update", TOTALS),
    ("Alive", TOTALS),
    ("3", TOTALS),
    ("Stop", TOTALS | UsageFlag.LAST),
    ("2", TOTALS | UsageFlag.LAST),
    ("Accounting-On", UsageFlag.UNANSWERED | UsageFlag.CUMULATIVE | UsageFlag.LAST),
    ("Accounting-Off", UsageFlag.UNANSWERED | UsageFlag.CUMULATIVE | UsageFlag.LAST),
    ("Failed", "unknown_record_type"),
    ("", "missing_value"),
]


@pytest.mark.parametrize(("status", "expected"), KINDS)
def test_types_of_records(tmp_path: Path, status: str, expected: UsageFlag | str) -> None:
    found = decode_one(tmp_path, Acct_Status_Type=status)
    assert (found if isinstance(found, str) else found["flags"]) == expected


def test_without_assembly_a_stop_alone_bills(tmp_path: Path) -> None:
    plain = msgspec.structs.replace(DETAIL, services=Services())
    flags = {status: decode_one(tmp_path, plain, Acct_Status_Type=status)["flags"] for status in ("Start", "Interim-Update", "Stop")}
    assert flags["Stop"] & (UsageFlag.UNANSWERED | UsageFlag.PARTIAL) == 0
    assert flags["Start"] & flags["Interim-Update"] & UsageFlag.UNANSWERED


PARTIES: list[tuple[dict[str, str | int], tuple[str, ServedKind, str | None, str | None]]] = [  # served, kind, text of the other, trunk out
    ({}, ("anna", ServedKind.ACCOUNT_CODE, None, None)),
    ({"Calling_Station_Id": '"8613900000001"'}, ("8613900000001", ServedKind.E164, None, None)),
    ({"Calling_Station_Id": '"+8613900000001"', "Called_Station_Id": '"internet"'}, ("8613900000001", ServedKind.E164, "internet", None)),
    ({"Calling_Station_Id": '"00-11-22-33-44-55"'}, ("anna", ServedKind.ACCOUNT_CODE, None, None)),
    ({"Calling_Station_Id": '"0011.2233.4455"'}, ("anna", ServedKind.ACCOUNT_CODE, None, None)),
    ({"Called_Station_Id": '"00-11-22-33-44-55:lobby"'}, ("anna", ServedKind.ACCOUNT_CODE, None, "00-11-22-33-44-55:lobby")),
    ({"User_Name": "", "Calling_Station_Id": '"00:11:22:33:44:55"'}, ("00:11:22:33:44:55", ServedKind.EXTENSION, None, None)),
]


@pytest.mark.parametrize(("attributes", "expected"), PARTIES)
def test_who_pays(tmp_path: Path, attributes: dict[str, str | int], expected: tuple[Any, ...]) -> None:
    row = decode_one(tmp_path, **attributes)
    assert (row["served_id"], row["served_kind"], row["other_text"], row["trunk_out"]) == expected


SAME: list[tuple[dict[str, str | int], dict[str, str | int], str]] = [  # two records: other, or one record with the same or other content
    ({}, {}, "same"),
    ({}, {"Acct_Delay_Time": 4, "Timestamp": 1_772_445_666}, "same"),  # sent again: 4 seconds of delay, 2 seconds on its way
    ({}, {"Acct_Output_Octets": 21}, "conflict"),
    ({}, {"Acct_Session_Time": 61}, "conflict"),
    ({}, {"User_Name": '"bert"'}, "conflict"),
    ({}, {"Acct_Session_Id": '"2"'}, "other"),
    ({}, {"NAS_IP_Address": "192.0.2.2"}, "other"),
    ({}, {"NAS_Identifier": '"bras"'}, "other"),
    ({}, {"Acct_Status_Type": "Start"}, "other"),
    ({"Acct_Status_Type": "Alive"}, {"Acct_Status_Type": "Alive", "Acct_Session_Time": 61}, "other"),
    ({"Event_Timestamp": 1_772_445_650}, {"Event_Timestamp": 1_772_445_651}, "conflict"),
    ({"Acct_Status_Type": "Accounting-On"}, {"Acct_Status_Type": "Accounting-On", "Timestamp": 1_772_445_999}, "other"),
]


@pytest.mark.parametrize(("first", "second", "expected"), SAME)
def test_what_identifies_a_record(tmp_path: Path, first: dict[str, str | int], second: dict[str, str | int], expected: str) -> None:
    one, two = decode_one(tmp_path, **first), decode_one(tmp_path, **second)
    same_key, same_content = (one[name] == two[name] for name in ("event_key", "content_hash"))
    assert ("other" if not same_key else "same" if same_content else "conflict") == expected


MISSING_KEYS: list[dict[str, str | int]] = [
    {"Acct_Session_Id": ""},
    {"NAS_IP_Address": ""},
    {"NAS_IP_Address": "", "Acct_Status_Type": "Accounting-On"},
]


@pytest.mark.parametrize("attributes", MISSING_KEYS)
def test_a_record_without_session_or_equipment_is_refused(tmp_path: Path, attributes: dict[str, str | int]) -> None:
    assert decode_one(tmp_path, **attributes) == "missing_key"


def test_a_unique_session_id_names_the_session(tmp_path: Path) -> None:
    row = decode_one(tmp_path, Acct_Unique_Session_Id='"9f3a"', NAS_Identifier='"bras"')
    assert (row["call_ref"], row["record_id"], row["trunk_in"]) == ("bras-9f3a", "1", "bras")


def test_a_file_of_every_kind_of_record(fixtures: Path) -> None:
    decoded = decode(fixtures / "radius-detail" / "sessions.detail", DETAIL)
    rows = [(row["record_id"], row["duration_us"], row["bytes_up"], row["bytes_down"]) for row in decoded.usage.to_pylist()]
    assert rows == [
        ("80100014", 0, None, None),
        ("80100014", 3_600_000_000, 4_294_967_295, 5_000_000_000),
        ("80100014", 3_600_000_000, 4_294_967_295, 5_000_000_000),
        ("80100014", 9_000_000_000, 4_294_967_396, 8_589_934_592),
        ("80100015", 0, None, None),
        ("Accounting-On", None, None, None),
    ]
    assert [reject.reason for reject in decoded.rejects] == ["unknown_record_type", "truncated_record"]
    assert decoded.rejects[1].raw.startswith(b"Mon Mar  2 13:20:00 2026\n\tPacket-Type")
    found = inspect(fixtures / "radius-detail" / "sessions.detail", DETAIL)
    assert (found.rows, found.duplicate, found.conflicting) == (8, 1, 0)


def put_together(usage: pa.Table, rule: Rule) -> list[tuple[str, int, int, int]]:
    """Start, seconds, bytes up and down of what the segments make."""
    refs = usage.column("call_ref").to_pylist()
    names = sorted(set(refs))
    groups = Groups(
        np.array([names.index(ref) for ref in refs], np.int64), np.full(len(names), rule, np.int8), np.zeros(len(names), np.bool_)
    )
    made = assemble(usage, groups, DEFAULT_HASH_KEY).events
    rows = sorted(made.to_pylist(), key=lambda row: row["start_us"])
    return [(f"{row['start_us']:%H:%M:%S}", row["duration_us"] // 1_000_000, row["bytes_up"], row["bytes_down"]) for row in rows]


WHOLE_SESSION = [("10:00:05", 9000, GIB4 + 100, 2 * GIB4)]
EACH_ADDITION = [("10:00:05", 3600, GIB4 - 1, 5_000_000_000), ("11:00:05", 5400, 101, 2 * GIB4 - 5_000_000_000)]


@pytest.mark.parametrize(("rule", "expected"), [(Rule.JOIN, WHOLE_SESSION), (Rule.EACH, EACH_ADDITION)])
def test_running_totals_become_what_was_used(fixtures: Path, rule: Rule, expected: list[tuple[str, int, int, int]]) -> None:
    usage = decode(fixtures / "radius-detail" / "sessions.detail", DETAIL).usage
    session = usage.take([0, 1, 3])  # the third is a duplicate, which intake leaves out
    assert put_together(session, rule) == expected
    assert put_together(session.take([2, 0, 1]), rule) == expected


def test_a_session_of_which_the_equipment_lost_the_end_bills_what_it_told(fixtures: Path) -> None:
    usage = decode(fixtures / "radius-detail" / "sessions.detail", DETAIL).usage.take([0, 1])
    assert put_together(usage, Rule.EACH) == EACH_ADDITION[:1]
    assert put_together(usage, Rule.JOIN) == []


def test_the_source_says_how_sessions_are_put_together(tmp_path: Path) -> None:
    joins = msgspec.structs.replace(DETAIL, services=Services(data=ServiceRules(partials=Partials.JOIN)))
    assert decode_one(tmp_path, joins, Acct_Status_Type="Start")["flags"] == TOTALS | UsageFlag.FIRST


def test_what_decides_the_charge_does_not_depend_on_the_record_beside(tmp_path: Path) -> None:
    odd = record(Acct_Status_Type="Interim-Update", Acct_Input_Octets="", Acct_Input_Gigawords=1)  # gigawords without octets
    alone, beside = decode_text(tmp_path, odd), decode_text(tmp_path, odd + record(Acct_Session_Id='"2"'))
    assert [row["content_hash"] for row in beside[:1]] == [row["content_hash"] for row in alone]


@pytest.mark.parametrize(
    ("written", "network"), [("26201", 262_001), ('"26201"', 262_001), ("310410", 310_410), ("", None), ("none", None)]
)
def test_the_visited_network_is_that_of_the_tariff(tmp_path: Path, written: str, network: int | None) -> None:
    assert decode_one(tmp_path, **{"3GPP_SGSN_MCC_MNC": written})["serving_plmn"] == network
