"""What holds for the events of every format: hashes of what decides the charge, ranges, and records whose fields have names."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mediation.calls import events
from mediation.calls.events import Details, Events
from mediation.reasons import CODES, Reason
from mediation.sources.model import Format, Source
from mediation.usage import Records, table
from mediation.values.columns import Amounts
from rating.schema import UsageFlag
from tests.mediation.texts import block_of_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.records.rows import Block

COLUMNS = ("caller", "other", "id", "apn")
SOURCE = Source("s", Format.FREESWITCH_JSON, ())
KEY = b"0123456789abcdef"
START_US = 1_772_359_200_000_000


def made(**further: Any) -> tuple[Block, Events]:  # noqa: ANN401 - columns of any kind
    """One event, with some of its columns or details changed."""
    nothing = np.zeros(1, np.int64)
    block = block_of_texts(COLUMNS, [[b"8613800000001", b"8613900000002", b"r1", b"web"]], (np.zeros(0, np.uint8), nothing, nothing))
    empty = block.empty()
    details = Details(
        caller=block.spans("caller"),
        account=empty,
        other_raw=block.spans("other"),
        record_id=block.spans("id"),
        call_ref=empty,
        trunk_in=empty,
        trunk_out=empty,
        sequence=events.no_amounts(1),
        cause=np.zeros(1, np.int16),
    )
    of_details = {name: value for name, value in further.items() if name in Details._fields}
    event = Events(
        start_us=np.array([START_US]),
        created_us=np.array([START_US]),
        end_us=np.array([START_US]),
        duration_us=np.array([5_000_000]),
        answered=np.ones(1, np.bool_),
        offset_s=np.zeros(1, np.int32),
        has_offset=np.zeros(1, np.bool_),
        offset_origin=np.ones(1, np.int8),
        details=details._replace(**of_details),
    )
    return block, dataclasses.replace(event, **{name: value for name, value in further.items() if name not in of_details})


def amounts(value: int) -> Amounts:
    return Amounts(np.array([value]), np.ones(1, np.bool_))


def content(block: Block, event: Events) -> bytes:
    hashed: NDArray[np.uint64] = events.content_hash(block, SOURCE, event, events.parties(block, SOURCE, event.details), KEY)
    return hashed.tobytes()


DECISIVE: dict[str, dict[str, Any]] = {
    "duration": {"duration_us": np.array([5_000_001])},
    "start": {"start_us": np.array([START_US + 1])},
    "not answered": {"answered": np.zeros(1, np.bool_)},
    "another service": {"service": np.array([4], np.int8)},
    "bytes": {"bytes_up": amounts(1)},
    "bytes the other way": {"bytes_down": amounts(1)},
    "units": {"units": amounts(1)},
    "no units, but said so": {"units": amounts(0)},
    "rating group": {"rating_group": amounts(1)},
    "segment": {"segment_first": amounts(1)},
    "last segment": {"segment_last": amounts(1)},
    "a segment": {"flags": np.array([UsageFlag.PARTIAL], np.int32)},
    "running totals": {"flags": np.array([UsageFlag.CUMULATIVE], np.int32)},
    "what the source charged": {"source_amount": amounts(1)},
}
INDIFFERENT: dict[str, dict[str, Any]] = {
    "voice, said so": {"service": np.array([1], np.int8)},
    "no bytes": {"bytes_up": events.no_amounts(1), "units": events.no_amounts(1)},
    "why it ended": {"cause": np.array([16], np.int16)},
    "recycled": {"flags": np.array([UsageFlag.RECYCLED], np.int32)},
}


def test_what_decides_the_charge_changes_the_hash() -> None:
    hashes = {name: content(*made(**further)) for name, further in DECISIVE.items()}
    assert len({*hashes.values(), content(*made())}) == len(DECISIVE) + 1


@pytest.mark.parametrize("name", INDIFFERENT)
def test_what_does_not_decide_it_leaves_the_hash(name: str) -> None:
    assert content(*made(**INDIFFERENT[name])) == content(*made())


RANGES: dict[str, tuple[dict[str, Any], Reason | None]] = {
    "good": ({}, None),
    "negative bytes": ({"bytes_down": amounts(-1)}, Reason.NEGATIVE_QUANTITY),
    "absurd bytes": ({"bytes_up": amounts(1 << 47)}, Reason.QUANTITY_TOO_LARGE),
    "the most bytes": ({"bytes_up": amounts((1 << 47) - 1)}, None),
    "absurd duration": ({"duration_us": np.array([1 << 47])}, Reason.QUANTITY_TOO_LARGE),
    "negative units": ({"units": amounts(-5)}, Reason.NEGATIVE_QUANTITY),
    "before 2000": ({"start_us": np.array([946_684_799_999_999])}, Reason.TIME_OUT_OF_RANGE),
    "in 2070": ({"start_us": np.array([3_155_760_000_000_000])}, Reason.TIME_OUT_OF_RANGE),
    "nothing used": ({"duration_us": np.array([0])}, None),
}


@pytest.mark.parametrize("name", RANGES)
def test_ranges(name: str) -> None:
    further, reason = RANGES[name]
    block, event = made(**further)
    events.check_ranges(block, event)
    assert block.code.tolist() == [0 if reason is None else CODES[reason]]


def test_every_column_of_an_event_reaches_usage() -> None:
    further: dict[str, Any] = {
        "service": np.array([4], np.int8),
        "has_duration": np.zeros(1, np.bool_),
        "bytes_up": amounts(7),
        "bytes_down": amounts(8),
        "units": events.no_amounts(1),
        "rating_group": amounts(9),
        "serving_plmn": amounts(46000),
        "segment_first": amounts(2),
        "segment_last": amounts(3),
        "source_amount": amounts(1_500_000),
        "direction": np.array([2], np.int8),
        "leg_role": np.array([3], np.int8),
        "flags": np.array([UsageFlag.LAST], np.int32),
    }
    block, event = made(**further)
    apn = block.spans("apn")
    texts: dict[str, Any] = dict.fromkeys(("other_text", "routing_number", "location", "source_currency", "third"), apn)
    event = event.with_details(event.details._replace(**texts, call_ref=block.spans("id"), call_ref_more=(apn, block.empty())))
    parties = events.parties(block, SOURCE, event.details)
    key = np.zeros((1, 2), np.uint64)
    (row,) = table(block, "s", Records(event, parties, key, key), 100).to_pylist()
    expected = {
        "service": 4,
        "duration_us": None,
        "bytes_up": 7,
        "bytes_down": 8,
        "units": None,
        "rating_group": 9,
        "serving_plmn": 46000,
        "segment_first": 2,
        "segment_last": 3,
        "source_amount_micros": 1_500_000,
        "direction": 2,
        "leg_role": 3,
        "flags": int(UsageFlag.LAST),
        "other_text": "web",
        "routing_number": "web",
        "location": "web",
        "source_currency": "web",
        "third_e164": None,  # web is no number
        "call_ref": "r1-web-",
        "raw_offset": 100,
    }
    assert {name: row[name] for name in expected} == expected


def test_texts_of_records_are_not_taken_for_quoted_fields() -> None:
    """In rows of text a quote before a field says that doubled quotes inside it are one; here every text stands for itself."""
    nothing = np.zeros(2, np.int64)
    texts = [[b'ends with "', b'two "" quotes'], [b"", b'""']]
    block = block_of_texts(("a", "b"), texts, (np.frombuffer(b"raw", np.uint8), nothing, nothing))
    from mediation.usage import text  # noqa: PLC0415 - this test's own

    rows = np.arange(2)
    found = [text(block, block.spans(name), rows).to_pylist() for name in ("a", "b")]
    assert found == [['ends with "', ""], ['two "" quotes', '""']]
    assert block.raw_data.tobytes() == b"raw"
