"""What the columns of the two switches mean: one row a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mediation.decode import decode
from mediation.definitions.named import find
from mediation.inspect import inspect
from mediation.sources.model import Format, Layout, Numbering, Plain, ServedBy, Source
from rating.schema import ServedKind

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-03-02"


def decode_text(folder: Path, text: str, source: Source) -> Any:  # noqa: ANN401 - a row's values, or its reason
    path = folder / "usage.csv"
    path.write_text(text + "\n")
    decoded = decode(path, source)
    return decoded.rejects[0].reason if decoded.rejects else decoded.usage.to_pylist()[0]


SHORT = Source(
    name="short",
    format=Format.ASTERISK,
    layouts=(Layout(("accountcode", "src", "dst", "start", "answer", "end", "billsec", "disposition", "uniqueid")),),
)
DISPOSITIONS = [
    ("ANSWERED", f"{DAY} 10:00:05", "60", ("answered", "10:00:05", 60)),
    ("answered", f"{DAY} 10:00:05", "60", ("answered", "10:00:05", 60)),
    ("8", f"{DAY} 10:00:05", "60", ("answered", "10:00:05", 60)),
    ("ANSWERED", f"{DAY} 10:00:05", "0", ("answered", "10:00:05", 0)),
    ("ANSWERED", "", "0", ("answered", "10:00:00", 0)),
    ("ANSWERED", f"{DAY} 10:00:05", "59.25", ("answered", "10:00:05", 59.25)),
    ("ANSWERED", f"{DAY} 10:00:05", "63", ("answered", "10:00:05", 63)),  # all that may be cut off and rounded
    ("ANSWERED", f"{DAY} 10:00:05", "64", "duration_exceeds_span"),  # billed from the ringing on, if it passed
    ("ANSWERED", f"{DAY} 10:00:05", "200", "duration_exceeds_span"),
    ("ANSWERED", f"{DAY} 10:00:05", "", "unreadable_number"),
    ("ANSWERED", "", "60", "missing_answer_time"),
    ("NO ANSWER", "", "0", ("unanswered", "10:00:00", 0)),
    ("BUSY", "", "0", ("unanswered", "10:00:00", 0)),
    ("FAILED", "", "0", ("unanswered", "10:00:00", 0)),
    ("CONGESTION", "", "0", ("unanswered", "10:00:00", 0)),
    ("NO ANSWER", f"{DAY} 10:00:05", "0", ("unanswered", "10:00:00", 0)),
    ("", "", "0", ("unanswered", "10:00:00", 0)),
    ("DOCUMENTATION", "", "0", "unknown_disposition"),
]


@pytest.mark.parametrize(("disposition", "answer", "billsec", "expected"), DISPOSITIONS)
def test_dispositions(tmp_path: Path, disposition: str, answer: str, billsec: str, expected: Any) -> None:  # noqa: ANN401
    found = decode_text(tmp_path, f",1001,1002,{DAY} 10:00:00,{answer},{DAY} 10:01:05,{billsec},{disposition},1.1", SHORT)
    if not isinstance(found, str):
        found = ("unanswered" if found["flags"] == 1 else "answered", f"{found['start_us']:%H:%M:%S}", found["duration_us"] / 1_000_000)
    assert found == expected


CHINA = Numbering(country_code="86", trunk_prefix="0", plain=Plain.NATIONAL)
PARTIES = [  # account code, caller, who is served by the caller's number, and by the account code
    ("acme", "8613900000001", ("8613900000001", ServedKind.E164), ("acme", ServedKind.ACCOUNT_CODE)),
    ("acme", "1001", ("acme", ServedKind.ACCOUNT_CODE), ("acme", ServedKind.ACCOUNT_CODE)),
    ("", "1001", ("1001", ServedKind.EXTENSION), ("1001", ServedKind.EXTENSION)),
    ("", "+8613900000001", ("8613900000001", ServedKind.E164), ("8613900000001", ServedKind.E164)),
    ("", "", ("", ServedKind.EXTENSION), ("", ServedKind.EXTENSION)),
]


@pytest.mark.parametrize(("account", "caller", "by_src", "by_account"), PARTIES)
@pytest.mark.parametrize("served", ServedBy)
def test_who_is_served(tmp_path: Path, account: str, caller: str, by_src: Any, by_account: Any, served: ServedBy) -> None:  # noqa: ANN401, PLR0913, PLR0917 - a table's columns
    source = msgspec.structs.replace(SHORT, served=served)
    row = decode_text(tmp_path, f"{account},{caller},1002,{DAY} 10:00:00,{DAY} 10:00:00,,60,ANSWERED,1.1", source)
    assert (row["served_id"], row["served_kind"]) == (by_src if served is ServedBy.SRC else by_account)
    assert row["served_raw"] == caller


def test_numbers_become_e164_by_the_source(tmp_path: Path) -> None:
    source = msgspec.structs.replace(SHORT, numbering=CHINA)
    row = decode_text(tmp_path, f",13900000001,010 1234 5678,{DAY} 10:00:00,{DAY} 10:00:00,,60,ANSWERED,1.1", source)
    assert (row["served_id"], row["other_e164"], row["other_raw"]) == ("8613900000001", 861012345678, "010 1234 5678")


def test_an_extension_is_no_number(tmp_path: Path) -> None:
    row = decode_text(tmp_path, f",alice,1002,{DAY} 10:00:00,{DAY} 10:00:00,,60,ANSWERED,1.1", SHORT)
    assert (row["other_e164"], row["other_raw"], row["served_kind"]) == (None, "1002", ServedKind.EXTENSION)


def test_seconds_since_1970_and_offsets_are_true_instants(tmp_path: Path) -> None:
    source = msgspec.structs.replace(SHORT, timezone="Asia/Shanghai")
    row = decode_text(tmp_path, f",1001,1002,1772445600.5,1772445605.25,{DAY} 18:01:05+0800,59.75,ANSWERED,1.1", source)
    assert (row["start_us"].isoformat(), row["duration_us"], row["offset_s"]) == (f"{DAY}T10:00:05.250000+00:00", 59_750_000, None)


RAW = [  # CDR(start,u), CDR(answer,u), CDR(disposition,u): a time that never came is zero
    ("0.000000,1772445665.000000,0.000000,1", ("unanswered", "10:00:00.500000")),
    ("1772445605.250000,1772445665.000000,59.750000,8", ("answered", "10:00:05.250000")),
    ("0.000000,1772445665.000000,0.000000,8", ("answered", "10:00:00.500000")),
    ("0.000000,1772445665.000000,59.750000,8", "missing_answer_time"),
]


@pytest.mark.parametrize(("row", "expected"), RAW, ids=[case[0] for case in RAW])
def test_times_as_counts_of_seconds(tmp_path: Path, row: str, expected: Any) -> None:  # noqa: ANN401
    found = decode_text(tmp_path, f",1001,1002,1772445600.500000,{row},1.1", SHORT)
    if not isinstance(found, str):
        found = ("unanswered" if found["flags"] == 1 else "answered", found["start_us"].time().isoformat())
    assert found == expected


KEYS = [  # two rows (uniqueid, sequence, channel, dstchannel, start, src, dst), and whether they are one record
    ("u,1,c,d,10:00:00,1,2", "u,1,x,y,11:00:00,3,4", True),
    ("u,1,c,d,10:00:00,1,2", "u,2,c,d,10:00:00,1,2", False),
    ("u,,c,d,10:00:00,1,2", "u,,c,d,10:00:00,3,2", True),
    ("u,,c,d,10:00:00,1,2", "u,,c,d,10:00:00,1,4", False),  # from the menu on to the queue
    ("u,,c,d,10:00:00,1,2", "u,,c,x,10:00:00,1,2", False),
    ("u,,c,d,10:00:00,1,2", "u,,c,d,10:00:01,1,2", False),
    (",,c,d,10:00:00,1,2", ",,c,d,10:00:00,1,2", True),
    (",,c,d,10:00:00,1,2", ",,c,d,10:00:00,1,3", False),
    (",9,c,d,10:00:00,1,2", ",8,c,d,10:00:00,1,2", True),  # a sequence alone starts anew with the switch
]


@pytest.mark.parametrize(("first", "second", "same"), KEYS)
def test_what_identifies_an_asterisk_record(tmp_path: Path, first: str, second: str, *, same: bool) -> None:
    names = ("uniqueid", "sequence", "channel", "dstchannel", "start", "src", "dst", "answer", "billsec", "disposition")
    source = Source(name="keys", format=Format.ASTERISK, layouts=(Layout(names),))
    keys = []
    for text in (first, second):
        row = text.replace(",10:", f",{DAY} 10:").replace(",11:", f",{DAY} 11:")
        keys.append(decode_text(tmp_path, f"{row},{DAY} 12:00:00,60,ANSWERED", source)["event_key"])
    assert (keys[0] == keys[1]) is same


def test_a_menu_and_a_queue_are_rows_of_one_channel(tmp_path: Path) -> None:
    """Forked records of logs without sequence: number, menu and queue begin alike, and none is another version of the other."""
    rows = [  # dst, dstchannel, start, answer, end, seconds, disposition
        ("2000000", "", "10:00:00", "10:00:10", "10:00:10", 0, "NO ANSWER"),
        ("8100", "", "10:00:00", "10:00:10", "10:00:40", 30, "ANSWERED"),
        ("8200", "", "10:00:40", "10:00:48", "10:00:48", 0, "ANSWERED"),
        ("205", "PJSIP/205-2", "10:00:48", "10:00:51", "10:08:18", 447, "ANSWERED"),
    ]
    lines = [
        f',8613900000001,{dst},in,"""A"" <1>",PJSIP/t-1,{channel},Queue,"a,,b",{DAY} {start},{DAY} {answer},{DAY} {end},1,{seconds},'
        f"{word},3,1772445600.1,Inbound\n"
        for dst, channel, start, answer, end, seconds, word in rows
    ]
    path = tmp_path / "Master.csv"
    path.write_text("".join(lines + lines[1:2]))
    found = inspect(path, find("asterisk"))
    assert (found.rows, found.answered, found.unanswered, found.duplicate, found.conflicting) == (5, 3, 1, 1, 0)
    assert (found.absorbed, found.rejected, found.answered_duration_us) == (0, {}, (30 + 447) * 1_000_000)


def test_key_and_charge_columns_of_a_source(tmp_path: Path) -> None:
    source = msgspec.structs.replace(SHORT, key=("dst",), charge_columns=("uniqueid",))
    rows = [
        decode_text(tmp_path, f",1001,{dst},{DAY} 10:00:00,{DAY} 10:00:00,,60,ANSWERED,{unique}", source)
        for dst, unique in ("12", "13", "42")
    ]
    assert rows[0]["event_key"] == rows[1]["event_key"] != rows[2]["event_key"]
    assert rows[0]["content_hash"] != rows[1]["content_hash"]


def freeswitch(*names: str) -> Source:
    columns = ("caller_id_number", "destination_number", "uuid", *names)
    return Source(name="fs", format=Format.FREESWITCH, layouts=(Layout(columns),))


S, A, E = f"{DAY} 10:00:00", f"{DAY} 10:00:05", f"{DAY} 10:01:13"
EXACT = "1772445600100000,1772445605900000,1772445673439896"  # answered for 67.539896 s
STAMPS = ("start_stamp", "answer_stamp", "end_stamp")
EPOCHS = ("start_uepoch", "answer_uepoch", "end_uepoch")
DURATIONS = [
    (freeswitch(*STAMPS, "billsec"), f"{S},{A},{E},68", ("10:00:05", 68_000_000)),
    (freeswitch(*STAMPS), f"{S},{A},{E}", ("10:00:05", 68_000_000)),
    (freeswitch(*STAMPS, "billsec", "billmsec"), f"{S},{A},{E},68,67540", ("10:00:05", 67_540_000)),
    (freeswitch(*STAMPS, "billsec", "billusec"), f"{S},{A},{E},68,67539896", ("10:00:05", 67_539_896)),
    (freeswitch(*STAMPS, *EPOCHS, "billsec"), f"{S},{A},{E},{EXACT},68", ("10:00:05.900000", 67_539_896)),
    (freeswitch(*EPOCHS, "billmsec"), f"{EXACT},67540", ("10:00:05.900000", 67_539_896)),
    (freeswitch("start_epoch", "answer_epoch", "end_epoch", "billsec"), "1772445600,1772445605,1772445673,68", ("10:00:05", 68_000_000)),
    (freeswitch(*EPOCHS, "billusec"), "1772445600100000,0,1772445673439896,0", "unanswered"),
    (freeswitch(*STAMPS, "billsec"), f"{S},,{E},0", "unanswered"),
    (freeswitch("answer_stamp", "end_stamp", "billsec"), f",{E},0", "unanswered"),
    (freeswitch("answer_stamp", "end_stamp", "billsec"), f"{A},{E},68", ("10:00:05", 68_000_000)),
    (freeswitch(*STAMPS, "billsec"), f"{S},{A},{E},", "unreadable_number"),
    (freeswitch(*STAMPS, "billsec"), f",,{E},0", "unanswered"),
    (freeswitch(*STAMPS, "billsec"), ",,,0", "unreadable_time"),
    (freeswitch(*EPOCHS), "1772445600100000,1772445673439896,1772445605900000", "end_before_start"),
    (freeswitch(*EPOCHS), "1772445600100000,x,1772445605900000", "unreadable_time"),
    (freeswitch(*STAMPS, "billsec"), "2020/2/10 22:42,2020/2/10 22:42,2020/2/10 22:47,327", ("22:42:00", 327_000_000)),  # minutes only
]


@pytest.mark.parametrize(("source", "row", "expected"), DURATIONS, ids=[case[1] for case in DURATIONS])
def test_freeswitch_takes_the_truest_times(tmp_path: Path, source: Source, row: str, expected: Any) -> None:  # noqa: ANN401
    found = decode_text(tmp_path, f"1001,1002,u-1,{row}", source)
    if not isinstance(found, str):
        clock = found["start_us"].time().isoformat()
        found = "unanswered" if found["flags"] == 1 else (clock, found["duration_us"])
    assert found == expected


def test_why_a_call_ended_is_not_charge_relevant(tmp_path: Path) -> None:
    source = freeswitch(*STAMPS, "billsec", "hangup_cause")
    rows = [decode_text(tmp_path, f"1001,1002,u-1,{S},{A},{E},68,{cause}", source) for cause in ("NORMAL_CLEARING", "USER_BUSY")]
    assert rows[0]["content_hash"] == rows[1]["content_hash"]
    assert [row["cause"] for row in rows] == [16, 17]


CONTENT = ["1001,1002,u-1", "1001,1003,u-1", "1003,1002,u-1"]


def test_parties_times_and_durations_are_charge_relevant(tmp_path: Path) -> None:
    source = freeswitch(*STAMPS, "billsec")
    texts = [f"{parties},{S},{A},{E},68" for parties in CONTENT]
    texts += [f"1001,1002,u-1,{S},{A},{E},67", f"1001,1002,u-1,{S},{S},{E},68", f"1001,1002,u-1,{A},,{E},0"]
    hashes = {decode_text(tmp_path, text, source)["content_hash"] for text in texts}
    assert len(hashes) == len(texts)


def test_the_built_in_source_tells_columns_in_another_order(samples: Path) -> None:
    decoded = decode(samples / "asterisk" / "cdr_custom_19col.csv", find("asterisk"))
    assert {reject.reason for reject in decoded.rejects} == {"columns_in_another_order"}
