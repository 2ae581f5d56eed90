"""What rules make of usage rows, as a table: a row a rule and what it leaves of one record."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from billing.suspense.changes import apply, concerns
from billing.suspense.rule import rule_of
from rating.model import Service
from rating.schema import USAGE_V1, Direction, LegRole, OffsetOrigin, ServedKind

KEY = b"sixteen byte key"
E164, EXTENSION = int(ServedKind.E164), int(ServedKind.EXTENSION)


def instant_us(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * 1_000_000


def usage(**changes: Any) -> pa.Table:  # noqa: ANN401 -- columns of USAGE_V1
    """One call of 13800000001 at 10:00 in Shanghai."""
    row: dict[str, Any] = {
        "event_key": bytes(16), "content_hash": b"c" * 16, "source": "north-1", "record_id": "r1", "raw_file_id": 1, "raw_offset": 0,
        "raw_length": 9, "service": int(Service.VOICE), "direction": int(Direction.ORIGINATING), "leg_role": int(LegRole.CALL),
        "served_kind": E164, "served_id": "13800000001", "served_raw": "13800000001", "other_e164": 13900000002,
        "other_raw": "13900000002", "start_us": instant_us("2026-03-01T10:00+08:00"), "offset_s": 28_800,
        "offset_origin": int(OffsetOrigin.SOURCE_ZONE), "duration_us": 60_000_000, "cause": 16, "flags": 0,
    }  # fmt: skip
    return pa.Table.from_pylist([row | changes], schema=USAGE_V1)


NOTHING: dict[str, Any] = {}
# the record, the rule, what is new in the record; or the problem in words
CHANGES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any] | str]] = [
    (NOTHING, {"served": {"add": "86"}}, {"served_id": "8613800000001"}),
    (NOTHING, {"served": {"strip": "1", "add": "861"}}, {"served_id": "8613800000001"}),
    (NOTHING, {"served": {"set": "8613700000000"}}, {"served_id": "8613700000000"}),
    (NOTHING, {"other": {"add": "86"}}, {"other_e164": 8613900000002}),
    ({"served_id": "8001", "served_kind": EXTENSION}, {"served": {"add": "861055"}}, {"served_id": "8610558001", "served_kind": E164}),
    ({"served_id": "shop-7", "served_kind": EXTENSION}, {"served": {"strip": "shop-"}}, {"served_id": "7"}),
    ({"other_e164": None, "other_raw": "5550100"}, {"other": {"add": "8610"}}, {"other_e164": 86105550100}),
    (NOTHING, {"served": {"add": "0"}}, "013800000001 is not a number in E.164"),
    (NOTHING, {"served": {"strip": "13800000001"}}, "nothing is left of the served number"),
    (NOTHING, {"other": {"strip": "139000000"}}, "02 is not a number in E.164"),
    ({"other_e164": None, "other_raw": None}, {"other": {"add": "86"}}, "86 is not a number in E.164"),
    (NOTHING, {"time": {"shift": "-1h"}}, {"start_us": instant_us("2026-03-01T09:00+08:00")}),
    (NOTHING, {"time": {"zone": "UTC"}}, {"start_us": instant_us("2026-03-01T10:00+00:00"), "offset_s": 0}),
    (NOTHING, {"time": {"offset": "+09:00"}}, {"start_us": instant_us("2026-03-01T10:00+09:00"), "offset_s": 32_400, "offset_origin": 1}),
    ({"offset_s": None}, {"time": {"zone": "UTC"}}, "its source gave the instant itself, not a local time: only `shift` can move it"),
    ({"offset_s": None}, {"time": {"shift": "1d"}}, {"start_us": instant_us("2026-03-02T10:00+08:00")}),
    (
        {"start_us": instant_us("2026-03-29T02:30+00:00"), "offset_s": 0},
        {"time": {"zone": "Europe/Berlin"}},
        "its local time never happened in Europe/Berlin: say `doubtful: earlier` or `later`",
    ),
    (
        {"start_us": instant_us("2026-10-25T02:30+00:00"), "offset_s": 0},
        {"time": {"zone": "Europe/Berlin"}},
        "its local time happened twice in Europe/Berlin: say `doubtful: earlier` or `later`",
    ),
    (
        {"start_us": instant_us("2026-10-25T02:30+00:00"), "offset_s": 0},
        {"time": {"zone": "Europe/Berlin", "doubtful": "later"}},
        {"start_us": instant_us("2026-10-25T02:30+01:00"), "offset_s": 3600, "offset_origin": 3},
    ),
    ({"start_us": instant_us("2000-01-01T00:30+00:00")}, {"time": {"shift": "-1h"}}, "it would start before 2000 or after 2069"),
    (NOTHING, {"service": "sms"}, {"service": int(Service.SMS)}),
    (NOTHING, {"service": "data"}, "it has no bytes_up or bytes_down, which data is measured by"),
    ({"bytes_up": 5}, {"service": "data"}, {"service": int(Service.DATA)}),
]


@pytest.mark.parametrize(("record", "change", "expected"), CHANGES, ids=[f"{a} {b}" for a, b, _ in CHANGES])
def test_what_a_rule_makes_of_a_record(record: dict[str, Any], change: dict[str, Any], expected: dict[str, Any] | str) -> None:
    before = usage(**record)
    done = apply(before, rule_of({"source": "north-1", **change}, "options"), KEY)
    was, now = (as_numbers(each) for each in (before, done.rows))
    if isinstance(expected, str):
        assert done.problem == [expected]
        assert now == was
        return
    assert done.problem == [""]
    assert {name: value for name, value in now.items() if value != was[name] and name != "content_hash"} == expected
    assert now["content_hash"] != was["content_hash"]


def as_numbers(rows: pa.Table) -> dict[str, Any]:
    """The only row, its start in microseconds."""
    return rows.set_column(rows.schema.get_field_index("start_us"), "start_us", rows["start_us"].cast(pa.int64())).to_pylist()[0]


CONCERNS = [
    ({}, {"served": {"add": "86"}}, True),
    ({}, {"served": {"begins": "13", "add": "86"}}, True),
    ({}, {"served": {"begins": "86", "add": "00"}}, False),
    ({}, {"served": {"digits": 11, "add": "86"}}, True),
    ({}, {"served": {"digits": 8, "add": "86"}}, False),
    ({}, {"served": {"strip": "0", "add": "86"}}, False),
    ({}, {"other": {"begins": "139", "add": "86"}}, True),
    ({}, {"service": "sms", "from": "2026-03-01", "zone": "Asia/Shanghai"}, True),
    ({}, {"service": "sms", "from": "2026-03-01T02:00:00+00:00"}, True),
    ({}, {"service": "sms", "from": "2026-03-01T02:00:01+00:00"}, False),
    ({}, {"service": "sms", "before": "2026-03-01T02:00:00+00:00"}, False),
    ({}, {"service": "sms", "before": "2026-03-02"}, True),
]


@pytest.mark.parametrize(("record", "change", "wanted"), CONCERNS)
def test_which_records_a_rule_is_about(record: dict[str, Any], change: dict[str, Any], wanted: bool) -> None:  # noqa: FBT001 -- a cell
    assert concerns(usage(**record), rule_of({"source": "north-1", **change}, "options")).tolist() == [wanted]


def test_one_record_that_cannot_be_changed_leaves_the_others_alone() -> None:
    both = pa.concat_tables([usage(), usage(other_e164=None, other_raw="12")])
    done = apply(both, rule_of({"source": "north-1", "other": {"add": "86"}}, "options"), KEY)
    assert done.problem == ["", "8612 is not a number in E.164"]
    assert done.rows["other_e164"].to_pylist() == [8613900000002, None]


def test_the_same_change_gives_the_same_content_and_another_installation_another() -> None:
    rule = rule_of({"source": "north-1", "served": {"add": "86"}}, "options")
    hashes = [apply(usage(), rule, key).rows["content_hash"][0].as_py() for key in (KEY, KEY, b"another key, too")]
    assert hashes[0] == hashes[1] != hashes[2]
