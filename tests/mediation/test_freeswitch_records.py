"""FreeSWITCH's JSON and XML records: what they say of a call, which legs bill, and what becomes of broken ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mediation.decode import decode, decode_parts, decode_rows
from mediation.definitions.named import find
from mediation.inspect import inspect
from rating.errors import UserError
from rating.schema import ServedKind, UsageFlag

if TYPE_CHECKING:
    from pathlib import Path

    from mediation.decoded import Decoded

JSON, XML = find("freeswitch-json"), find("freeswitch-xml")
CALLS = {"freeswitch-json": "freeswitch-json/calls.json", "freeswitch-xml": "freeswitch-xml/calls.xml"}


def rows_of(decoded: Decoded, *names: str) -> list[tuple[Any, ...]]:
    decoded.usage.validate(full=True)
    assert decoded.rows == decoded.usage.num_rows + len(decoded.rejects)
    return list(zip(*(decoded.usage.column(name).to_pylist() for name in names), strict=True))


def record(**variables: str) -> bytes:
    """A record with a caller and a destination."""
    known = {"uuid": "u-1", "start_uepoch": "1772445600000000", "end_uepoch": "1772445700000000", "hangup_cause": "NORMAL_CLEARING"}
    profile = {"caller_id_number": "8613900000001", "destination_number": "8613700000001"}
    return json.dumps({"variables": known | variables, "callflow": [{"caller_profile": profile}]}).encode()


@pytest.mark.parametrize("name", CALLS)
def test_the_fixture(name: str, fixtures: Path) -> None:
    found = decode(fixtures / CALLS[name], find(name))
    columns = ("record_id", "served_id", "other_e164", "other_raw", "duration_us", "cause", "flags", "call_ref")
    assert rows_of(found, *columns) == [
        ("u-a", "8613900000001", 8613700000001, "8613700000001", 67_200_001, 16, 0, "u-a"),  # billsec says 68
        ("u-b", "8613900000001", 8613700000001, "8613700000001", 67_350_000, 16, UsageFlag.ABSORBED, "u-a"),
        ("u-c", "1002", 8613700000002, "+8613700000002", 0, 19, UsageFlag.UNANSWERED, "u-c"),
        ("u-d", "8613900000003", None, "s", 0, 16, 0, "u-d"),  # answered, but of no length
        ("u-b", "8613900000001", 8613700000001, "8613700000001", 67_350_000, 16, UsageFlag.ABSORBED, "u-a"),
    ]
    assert found.usage.column("start_us").to_pylist()[0].isoformat() == "2026-03-02T10:00:05.900000+00:00"
    assert found.usage.column("trunk_in").to_pylist()[0] == "sofia/internal/8613900000001"
    last = "truncated_record" if name == "freeswitch-json" else "malformed_record"
    assert [reject.reason for reject in found.rejects] == ["unreadable_time", last]


@pytest.mark.parametrize("name", CALLS)
def test_the_figures_of_the_fixture(name: str, fixtures: Path) -> None:
    figures = inspect(fixtures / CALLS[name], find(name))
    assert (figures.rows, figures.accepted, figures.answered, figures.unanswered) == (7, 3, 2, 1)
    assert (figures.absorbed, figures.duplicate, figures.conflicting) == (1, 1, 0)
    assert figures.answered_duration_us == 67_200_001


def test_parts_are_the_whole(fixtures: Path) -> None:
    path = fixtures / CALLS["freeswitch-json"]
    whole, parts = decode(path, JSON), list(decode_parts(path, JSON))
    assert sum(part.rows for part in parts) == whole.rows
    assert parts[0].usage.equals(whole.usage)


def test_a_kept_record_reads_as_it_did(fixtures: Path) -> None:
    for name, path in CALLS.items():
        found = decode(fixtures / path, find(name))
        data = (fixtures / path).read_bytes()
        places = zip(found.usage.column("raw_offset").to_pylist(), found.usage.column("raw_length").to_pylist(), strict=True)
        raws = [data[offset : offset + length] for offset, length in places]
        again = decode_rows([*raws, *(reject.raw for reject in found.rejects)], find(name))
        assert again.usage.column("event_key").equals(found.usage.column("event_key"))
        assert again.usage.column("raw_offset").to_pylist() == list(range(found.usage.num_rows))
        assert len(again.rejects) == len(found.rejects)


def test_who_pays_by_account_code() -> None:
    raw = record(answer_uepoch="1772445610000000", billusec="90000000", accountcode="acme%20ltd").replace(b"8613900000001", b"1002")
    assert rows_of(decode_rows([raw], JSON), "served_kind", "served_id", "served_raw") == [(ServedKind.ACCOUNT_CODE, "acme ltd", "1002")]


@pytest.mark.parametrize(
    ("variables", "duration_us", "flags"),
    [
        ({"answer_uepoch": "1772445632460104", "billusec": "67539896", "billsec": "68"}, 67_539_896, 0),
        ({"answer_uepoch": "1772445632460104", "billsec": "68"}, 67_539_896, 0),  # from the epochs
        ({"answer_uepoch": "1772445632460104", "billusec": "", "billmsec": "67540"}, 67_539_896, 0),
        ({"answer_epoch": "1772445632", "billusec": "67539896"}, 67_539_896, 0),
        ({"answer_stamp": "2026-03-02%2010%3A00%3A32", "billusec": "67539896"}, 67_539_896, 0),
        ({"answer_uepoch": "0", "billusec": "0"}, 0, UsageFlag.UNANSWERED),
        ({}, 0, UsageFlag.UNANSWERED),
    ],
)
def test_the_billable_time(variables: dict[str, str], duration_us: int, flags: int) -> None:
    assert rows_of(decode_rows([record(**variables)], JSON), "duration_us", "flags") == [(duration_us, flags)]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (record(answer_uepoch="1772445632460104", billusec="x"), "unreadable_number"),
        (record(answer_epoch="1772445632", billsec="68"), "unreadable_number"),  # billsec is no time to bill by
        (record(answer_uepoch="yesterday", billusec="1"), "unreadable_time"),
        (record(answer_uepoch="1772445632460104", billusec="-1"), "negative_duration"),
        (record(answer_uepoch="1772445632460104", billusec="999000000"), "duration_exceeds_span"),
        (record(uuid="", answer_uepoch="1772445632460104", billusec="1"), "missing_key"),
        (b'{"invocationSequenceNumber": 1, "invocationTimeStamp": "2026-03-02T10:00:00Z"}', "missing_key"),  # of another kind
        (b"{}", "missing_key"),
        (b'{"variables": "x"}', "missing_key"),
        (b"[1]", "malformed_record"),
    ],
)
def test_what_is_refused(raw: bytes, reason: str) -> None:
    found = decode_rows([raw], JSON)
    assert [reject.reason for reject in found.rejects] == [reason]
    assert found.usage.num_rows == 0


LEGS = {
    "a b-leg names its caller's leg": ([("a", "", "b", 0), ("b", "a", "a", 1)], "b"),
    "two b-legs after each other, of which the last is named": ([("a", "", "c", 0), ("b", "a", "a", 1), ("c", "a", "a", 2)], "bc"),
    "the caller's leg is not there": ([("b", "a", "a", 1)], ""),
    "in whatever order": ([("b", "a", "a", 1), ("a", "", "b", 0)], "b"),
    "legs that name each other": ([("a", "b", "", 0), ("b", "a", "", 0)], "b"),
}


@pytest.mark.parametrize("case", LEGS)
def test_which_legs_are_absorbed(case: str, tmp_path: Path) -> None:
    legs, expected = LEGS[case]
    path = tmp_path / "calls.json"
    lines = [
        record(
            uuid=uuid,
            originator=originator,
            bridge_uuid=bridged,
            start_uepoch=str(1772445600_000000 + created),
            answer_uepoch="1772445632460104",
            billusec="67539896",
        )
        for uuid, originator, bridged, created in legs
    ]
    path.write_bytes(b"\n".join(lines))
    found = rows_of(decode(path, JSON), "record_id", "flags")
    absorbed = "".join(sorted(uuid for uuid, flags in found if flags & UsageFlag.ABSORBED))
    if case == "legs that name each other":
        assert len(absorbed) == 1  # which of the two, the hash of their names decides: one is left to bill
    else:
        assert absorbed == expected


def test_further_columns_are_variables_or_paths(tmp_path: Path) -> None:
    definition = tmp_path / "lab.yaml"
    definition.write_text(
        "name: lab\nformat: freeswitch-json\ncolumns: [sip_call_id, 'callflow[0].caller_profile.context']\n"
        "key: [sip_call_id, 'callflow[0].caller_profile.context']\n"
    )
    raw = record(answer_uepoch="1772445610000000", billusec="90000000", sip_call_id="x")
    same = record(uuid="u-2", answer_uepoch="1772445610000000", billusec="90000000", sip_call_id="x")
    other = record(answer_uepoch="1772445610000000", billusec="90000000", sip_call_id="y")
    keys = [key for (key,) in rows_of(decode_rows([raw, same, other], find(str(definition))), "event_key")]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("['callflow[1].extension.name']", "is not a path"),
        ("['callflow[].extension.name']", "is not a path"),
        ("['variables..x']", "is not a path"),
        ("['variables.accountcode']", "variables.accountcode has the name accountcode already"),
        ("['callflow[0].caller_profile']", "callflow\\[0\\].caller_profile is not a field: another column lies inside it"),
    ],
)
def test_columns_that_are_no_fields(columns: str, message: str, tmp_path: Path) -> None:
    definition = tmp_path / "lab.yaml"
    definition.write_text(f"name: lab\nformat: freeswitch-json\ncolumns: {columns}\n")
    with pytest.raises(UserError, match=message):
        decode_rows([record()], find(str(definition)))


def test_the_sample(samples: Path) -> None:
    path = samples / "freeswitch" / "json_cdr_1.json"
    variables = json.loads(path.read_bytes())["variables"]
    true_us = int(variables["end_uepoch"]) - int(variables["answer_uepoch"])
    figures = inspect(path, JSON)
    assert (figures.rows, figures.answered, figures.answered_duration_us) == (1, 1, true_us)
    assert true_us == int(variables["billusec"])
    assert true_us != 1_000_000 * int(variables["billsec"])
    assert figures.first_us == int(variables["answer_uepoch"])
