"""A source's own rules over a format's rows: its numbers of records, what holds a call together, which leg bills, who forwarded it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mediation.decode import decode
from mediation.inspect import inspect
from mediation.sources.model import Bills, ControlTotals, Format, Layout, Legs, Sequence, Source

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("src", "dst", "start", "answer", "billsec", "disposition", "uniqueid", "node", "n", "call", "via")
PLAIN = Source("pbx", Format.ASTERISK, (Layout(COLUMNS),))


def row(src: str, n: str, call: str = "", seconds: int = 60, *, via: str = "", node: str = "a") -> str:  # noqa: PLR0913 - columns of a row
    return f"{src},8613900000009,2026-03-01 10:00:00,2026-03-01 10:00:05,{seconds},ANSWERED,u{n},{node},{n},{call},{via}"


def rows_of(folder: Path, source: Source, *texts: str) -> list[dict[str, Any]]:
    path = folder / "cdr.csv"
    path.write_text("\n".join(texts) + "\n")
    return decode(path, source).usage.to_pylist()


def changed(**parts: Any) -> Source:  # noqa: ANN401 - parts of a source
    return msgspec.structs.replace(PLAIN, **parts)


def test_records_are_known_by_node_and_number(tmp_path: Path) -> None:
    source = changed(sequence=Sequence("n", ("node",)))
    texts = (row("8613800000001", "7"), row("8613800000002", "7", node="b"), row("8613800000001", "7", seconds=61))
    first, other, version = rows_of(tmp_path, source, *texts)
    assert [record["record_id"] for record in (first, other, version)] == ["a-7", "b-7", "a-7"]
    assert [record["source_seq"] for record in (first, other)] == [7, 7]
    assert first["event_key"] == version["event_key"] != other["event_key"]
    assert first["content_hash"] != version["content_hash"]


@pytest.mark.parametrize(("number", "reason"), [("", "missing_key"), ("x", "unreadable_number")])
def test_a_record_without_its_number_is_refused(tmp_path: Path, number: str, reason: str) -> None:
    path = tmp_path / "cdr.csv"
    path.write_text(row("8613800000001", number) + "\n")
    assert [reject.reason for reject in decode(path, changed(sequence=Sequence("n"))).rejects] == [reason]


def test_the_key_of_a_definition_comes_before_the_number(tmp_path: Path) -> None:
    source = changed(sequence=Sequence("n"), key=("uniqueid", "node"))
    first, second = rows_of(tmp_path, source, row("8613800000001", "7"), row("8613800000001", "7", node="b"))
    assert first["event_key"] != second["event_key"]


def test_one_leg_of_a_call_bills(tmp_path: Path) -> None:
    texts = (
        row("8613800000001", "1", "c1", 30),
        row("8613800000002", "2", "c1", 60),
        row("8613800000003", "3", "", 5),
        row("8613800000004", "4", "", 6),
    )
    longest = changed(legs=Legs(group_by=("node", "call"), bills=Bills.LONGEST))
    rows = rows_of(tmp_path, longest, *texts)
    # The last two have half a reference, a node and nothing: each is a call of its own.
    assert [record["call_ref"] for record in rows] == ["a-c1", "a-c1", None, None]
    assert [record["flags"] for record in rows] == [2, 0, 0, 0]
    figures = inspect(tmp_path / "cdr.csv", longest)
    assert (figures.absorbed, figures.accepted, figures.answered_duration_us) == (1, 3, 71_000_000)


def test_rules_do_not_change_what_the_format_does_without_them(tmp_path: Path) -> None:
    texts = (row("8613800000001", "1", "c1", 30), row("8613800000002", "2", "c1", 60))
    assert [record["flags"] for record in rows_of(tmp_path, PLAIN, *texts)] == [0, 0]
    assert [record["flags"] for record in rows_of(tmp_path, changed(legs=Legs(bills=Bills.EACH)), *texts)] == [0, 0]


FORWARDED = {
    # who pays the forwarded leg, and the third party's number
    False: ("8613800000001", 8613800000005),
    True: ("8613800000005", 8613800000005),
}


@pytest.mark.parametrize("forwarder_pays", FORWARDED)
def test_who_pays_for_a_forwarded_leg(tmp_path: Path, forwarder_pays: bool) -> None:  # noqa: FBT001 - a row of the table
    source = changed(legs=Legs(forwarder="via", forwarder_pays=forwarder_pays))
    forwarded, plain = rows_of(tmp_path, source, row("8613800000001", "1", via="8613800000005"), row("8613800000001", "2"))
    assert (forwarded["served_id"], forwarded["third_e164"]) == FORWARDED[forwarder_pays]
    assert (plain["served_id"], plain["third_e164"]) == ("8613800000001", None)
    assert (forwarded["leg_role"], plain["leg_role"]) == (2, 1)
    assert forwarded["served_raw"] == "8613800000001"  # as written


def test_a_masked_forwarder_is_no_number(tmp_path: Path) -> None:
    source = changed(legs=Legs(forwarder="via", forwarder_pays=True))
    (forwarded,) = rows_of(tmp_path, source, row("8613800000001", "1", via="86138****0005"))
    assert (forwarded["served_kind"], forwarded["served_id"], forwarded["third_e164"]) == (3, "86138****0005", None)


def test_a_leg_that_its_forwarder_pays_is_not_absorbed_by_the_caller(tmp_path: Path) -> None:
    columns = (
        "caller_id_number",
        "destination_number",
        "start_stamp",
        "answer_stamp",
        "end_stamp",
        "billsec",
        "uuid",
        "bleg_uuid",
        "rdnis",
    )
    source = Source("fs", Format.FREESWITCH, (Layout(columns),), legs=Legs(forwarder="rdnis", forwarder_pays=True))
    times = "2026-03-01 10:00:00,2026-03-01 10:00:05,2026-03-01 10:01:05,60"
    texts = (f"8613800000001,8613800000002,{times},A,B,", f"8613800000001,8613900000009,{times},B,,8613800000002")
    caller, forwarder = rows_of(tmp_path, source, *texts)
    assert (caller["served_id"], caller["flags"]) == ("8613800000001", 0)
    assert (forwarder["served_id"], forwarder["flags"]) == ("8613800000002", 0)
    by_caller = msgspec.structs.replace(source, legs=Legs(forwarder="rdnis"))
    assert [record["flags"] for record in rows_of(tmp_path, by_caller, *texts)] == [0, 2]  # the b-leg, as without a forwarder


def test_header_and_trailer_stand_anywhere_and_keep_the_places_of_rows(tmp_path: Path) -> None:
    totals = ControlTotals("#", "#(?P<count>[0-9]+)")
    texts = ("#head", row("8613800000001", "1"), row("8613800000002", "2"), "#2")
    path = tmp_path / "cdr.csv"
    path.write_text("\n".join([*texts, ""]))
    found = decode(path, changed(header=totals, trailer=totals))
    assert (found.rows, found.control_lines, found.rejects) == (2, (b"#head", b"#2"), [])
    assert found.usage.column("raw_offset").to_pylist() == [6, 7 + len(texts[1])]
    assert [reject.reason for reject in decode(path, PLAIN).rejects] == ["wrong_column_count"] * 2
