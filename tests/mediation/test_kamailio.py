"""Kamailio's two tables: rows of INVITE and BYE that make calls, and rows that are calls but may hold the time of ringing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from mediation.assembly.assemble import Assembly, Groups, assemble
from mediation.assembly.chains import State
from mediation.assembly.rules import Rule
from mediation.decode import DEFAULT_HASH_KEY, decode
from mediation.definitions.file import read_source
from mediation.definitions.named import find
from mediation.inspect import inspect
from mediation.sources.model import Format, Layout, Source
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

ACC = find("kamailio-acc")
DAY = "2026-03-02"
PARTIAL, FIRST, LAST, UNANSWERED = UsageFlag.PARTIAL, UsageFlag.FIRST, UsageFlag.LAST, UsageFlag.UNANSWERED


def test_each_transaction_is_a_segment_a_failed_call_or_nothing_that_bills(fixtures: Path) -> None:
    decoded = decode(fixtures / "kamailio-acc" / "acc.csv", ACC)
    rows = [(row["source_seq"], row["flags"], row["cause"], row["served_id"], row["other_raw"]) for row in decoded.usage.to_pylist()]
    assert rows == [
        (1, PARTIAL | FIRST, 200, "8613900000001", "8613700000001"),
        (2, UNANSWERED, 486, "8613900000001", "8613700000002"),
        (3, PARTIAL | LAST, 200, "", ""),
        (4, PARTIAL | FIRST, 200, "8613900000002", "8613700000003"),
        (5, PARTIAL | LAST, 200, "", ""),
        (6, UNANSWERED, 408, "8613900000002", "8613700000004"),  # the request's number where the routed one is NULL
        (7, UNANSWERED, 200, "8613900000002", "8613700000004"),
        (8, PARTIAL | FIRST, 200, "8613900000002", "8613700000005"),
    ]
    assert [reject.reason for reject in decoded.rejects] == ["unreadable_number", "unreadable_time"]


def put_together(usage: pa.Table) -> tuple[Assembly, list[str]]:
    segments = usage.filter([flags & PARTIAL != 0 for flags in usage.column("flags").to_pylist()])
    refs = segments.column("call_ref").to_pylist()
    names = sorted(set(refs))
    group = np.array([names.index(ref) for ref in refs], np.int64)
    rule, nobody = np.full(len(names), Rule.JOIN, np.int8), np.zeros(len(names), np.bool_)
    return assemble(segments, Groups(group, rule, nobody), DEFAULT_HASH_KEY), names


@pytest.mark.parametrize("seed", range(4))
def test_invite_and_bye_make_a_call_in_any_order(fixtures: Path, seed: int) -> None:
    usage = decode(fixtures / "kamailio-acc" / "acc.csv", ACC).usage
    order = random.Random(seed).sample(range(usage.num_rows), usage.num_rows)
    made, names = put_together(usage.take(order))
    calls = [(f"{row['start_us']:%H:%M:%S}", row["duration_us"], row["other_raw"], row["cause"]) for row in made.events.to_pylist()]
    assert calls == [("10:00:05", 90_000_000, "8613700000001", 200), ("23:59:50", 30_000_000, "8613700000003", 200)]
    assert [State(state) for state in made.state] == [State.WHOLE, State.WHOLE, State.INCOMPLETE]
    assert (made.note[2], names[2].partition("-ftag")[0][:6]) == ("the segment that closes it", "call-e")


def test_a_bye_that_was_challenged_closes_nothing(tmp_path: Path) -> None:
    """A BYE closes its call whatever the other side said to it, but for being asked for a password."""
    names = ("method", "callid", "from_tag", "to_tag", "sip_code", "time", "src_user", "dst_user")
    source = Source(name="acc", format=Format.KAMAILIO_ACC, layouts=(Layout(names),), services=ACC.services)
    lines = [f"{row},8613900000001,8613700000001" for row in (f"INVITE,c,f,t,200,{DAY} 10:00:00", f"BYE,c,f,t,407,{DAY} 10:01:00")]
    path = tmp_path / "acc.csv"
    for code in ("200", "408", "481"):
        path.write_text("\n".join([*lines, f"BYE,c,f,t,{code},{DAY} 10:01:01,,", ""]))
        made, _ = put_together(decode(path, source).usage)
        assert [row["duration_us"] for row in made.events.to_pylist()] == [61_000_000]
        figures = inspect(path, source)
        assert (figures.rows, figures.waiting, figures.unanswered) == (3, 2, 1)


def test_times_are_as_fine_as_the_table_has_them(tmp_path: Path) -> None:
    names = ("method", "callid", "from_tag", "to_tag", "sip_code", "time", "time_exten", "time_attr", "src_user", "dst_user")
    source = Source(name="acc", format=Format.KAMAILIO_ACC, layouts=(Layout(names),), services=ACC.services)
    path = tmp_path / "acc.csv"
    times = ("2026-03-02 10:00:05,,", "2026-03-02 10:00:05,250001,", "2026-03-02 10:00:05,,1772445605.750")
    rows = [f"INVITE,c{number},f,t,200,{time},1,2" for number, time in enumerate(times)]
    path.write_text("\n".join([*rows, "INVITE,c9,f,t,200,2026-03-02 10:00:05,1000000,,1,2", ""]))
    decoded = decode(path, source)
    assert [row["start_us"].time().isoformat() for row in decoded.usage.to_pylist()] == ["10:00:05", "10:00:05.250001", "10:00:05.750000"]
    assert [reject.reason for reject in decoded.rejects] == ["unreadable_time"]


def test_a_row_without_number_is_known_by_its_dialog_and_time(tmp_path: Path) -> None:
    names = ("method", "callid", "from_tag", "to_tag", "sip_code", "time", "src_user", "dst_user")
    source = Source(name="acc", format=Format.KAMAILIO_ACC, layouts=(Layout(names),), services=ACC.services)
    rows = ["INVITE,c,f,t,200,10:00:05", "INVITE,c,f,t,200,10:00:05", "INVITE,c,f,t,200,10:00:06", "BYE,c,f,t,200,10:00:05"]
    path = tmp_path / "acc.csv"
    path.write_text("\n".join(row.replace("10:", f"{DAY} 10:") + ",1,2" for row in [*rows, "INVITE,,f,t,200,10:00:05"]) + "\n")
    decoded = decode(path, source)
    keys = decoded.usage.column("event_key").to_pylist()
    assert (keys[0] == keys[1], len(set(keys))) == (True, 3)
    assert [reject.reason for reject in decoded.rejects] == ["missing_key"]


CDRS = Source(
    name="sbc",
    format=Format.KAMAILIO_CDRS,
    layouts=(Layout(("start_time", "end_time", "duration", "callid", "src_user", "dst_user", "sip_code", "answer_time")),),
)
CONFIRMED = msgspec.structs.replace(CDRS, start_on_confirmed=True)
CASES: list[tuple[str, str, str, str, Source, Any]] = [  # end, duration, code and answer of a dialog that began at 10:00:00
    ("10:01:30", "90.250", "", "", CONFIRMED, ("10:00:00", 90_250_000)),
    ("10:01:30", "90.25", "200", "", CONFIRMED, ("10:00:00", 90_250_000)),
    ("10:01:30", "9.025e+01", "", "", CONFIRMED, ("10:00:00", 90_250_000)),
    ("10:01:30", "90.250", "", "10:00:20", CONFIRMED, ("10:00:20", 90_250_000)),
    ("10:00:00", "0", "", "", CONFIRMED, ("10:00:00", None)),
    ("10:00:20", "20.0", "486", "", CONFIRMED, "answer_in_doubt"),
    ("10:00:20", "0", "486", "10:00:05", CONFIRMED, "answer_in_doubt"),
    ("10:01:30", "90.250", "", "", CDRS, "missing_answer_time"),  # the time of ringing is in it
    ("10:01:30", "90.250", "", "10:00:20", CDRS, ("10:00:20", 70_000_000)),
    ("", "90.250", "", "10:00:20", CDRS, "missing_answer_time"),
    ("10:00:00", "0", "", "", CDRS, ("10:00:00", None)),
    ("10:00:20", "20.0", "487", "", CDRS, "answer_in_doubt"),
    ("10:01:30", "90.250", "481", "10:00:20", CDRS, "answer_in_doubt"),  # the code of the BYE
    ("10:00:20", "0.000000", "487", "", CDRS, ("10:00:00", None)),
    ("10:01:30", "NULL", "200", "", CONFIRMED, "unreadable_number"),
    ("10:01:30", "ninety", "", "", CONFIRMED, "unreadable_number"),
    ("10:01:30", "1.1e+06", "", "", CONFIRMED, "unreadable_number"),
    ("10:01:30", "900", "", "", CONFIRMED, "duration_exceeds_span"),
]


@pytest.mark.parametrize(("end", "duration", "code", "answer", "source", "expected"), CASES)
def test_calls_of_the_dialog_module(  # noqa: PLR0913, PLR0917 - a table's columns
    tmp_path: Path,
    end: str,
    duration: str,
    code: str,
    answer: str,
    source: Source,
    expected: Any,  # noqa: ANN401 - of any type
) -> None:
    end, answer = (f"{DAY} {time}" if time else "" for time in (end, answer))
    path = tmp_path / "cdrs.csv"
    path.write_text(f"{DAY} 10:00:00,{end},{duration},c1,8613900000001,8613700000001,{code},{answer}\n")
    decoded = decode(path, source)
    if decoded.rejects:
        assert decoded.rejects[0].reason == expected
        return
    [row] = decoded.usage.to_pylist()
    is_answered = row["flags"] & UNANSWERED == 0
    assert (f"{row['start_us']:%H:%M:%S}", row["duration_us"] if is_answered else None) == expected


def test_cdrs_need_a_definition() -> None:
    with pytest.raises(Exception, match="no source 'kamailio-cdrs'"):
        find("kamailio-cdrs")


def test_a_table_of_the_dialog_module(fixtures: Path) -> None:
    folder = fixtures / "kamailio-cdrs"
    decoded = decode(folder / "cdrs.csv", read_source(folder / "sbc.yaml"))
    rows = [(row["start_us"].isoformat()[11:19], row["duration_us"], row["flags"], row["cause"]) for row in decoded.usage.to_pylist()]
    assert rows == [("09:00:05", 90_250_000, 0, 200), ("09:00:06", 0, UNANSWERED, 486), ("09:02:00", 150_000, 0, 200)]
    assert [reject.reason for reject in decoded.rejects] == ["nonexistent_local_time", "unreadable_number"]
