"""Fields to numbers: one row a form that switches write, and forms that are none."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediation.records import fields
from mediation.values import hashing


def spans(texts: list[bytes]) -> tuple[Any, Any, Any]:
    limits = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    return np.frombuffer(b"".join(texts) or b"-", np.uint8), limits[:-1].copy(), limits[1:].copy()


def times(texts: list[bytes]) -> list[tuple[int, int, int, int]]:
    out = [np.zeros(len(texts), dtype) for dtype in (np.int64, np.int8, np.int32, np.int8)]
    fields.read_times(*spans(texts), *out)
    return list(zip(*(column.tolist() for column in out), strict=True))


def micros(text: str) -> int:
    moment = dt.datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


TIMES = [
    (b"2026-03-02 10:00:05", "2026-03-02T10:00:05", fields.LOCAL, 0, fields.SECOND),
    (b"2026-03-02T10:00:05", "2026-03-02T10:00:05", fields.LOCAL, 0, fields.SECOND),
    (b"2026-03-02 10:00:05.5", "2026-03-02T10:00:05.500", fields.LOCAL, 0, fields.PLACES + 1),
    (b"2026-03-02 10:00:05.1234567", "2026-03-02T10:00:05.123456", fields.LOCAL, 0, fields.EXACT),
    (b"2020/2/10 22:41", "2020-02-10T22:41:00", fields.LOCAL, 0, fields.MINUTE),
    (b"2020/2/1 2:41:07", "2020-02-01T02:41:07", fields.LOCAL, 0, fields.SECOND),
    (b"2024-02-29 00:00:00", "2024-02-29T00:00:00", fields.LOCAL, 0, fields.SECOND),
    (b"2000-02-29 00:00:00", "2000-02-29T00:00:00", fields.LOCAL, 0, fields.SECOND),
    (b"2099-12-31 23:59:59", "2099-12-31T23:59:59", fields.LOCAL, 0, fields.SECOND),
    (b"1970-01-01 00:00:00", "1970-01-01T00:00:00", fields.LOCAL, 0, fields.SECOND),
    (b"2026-03-02 10:00:05+0800", "2026-03-02T10:00:05+08:00", fields.WITH_OFFSET, 28800, fields.SECOND),
    (b"2026-03-02 10:00:05 -03:30", "2026-03-02T10:00:05-03:30", fields.WITH_OFFSET, -12600, fields.SECOND),
    (b"2026-03-02T10:00:05.25Z", "2026-03-02T10:00:05.250", fields.WITH_OFFSET, 0, fields.PLACES + 2),
    (b"2026-03-02 10:00:05+08", "2026-03-02T10:00:05+08:00", fields.WITH_OFFSET, 28800, fields.SECOND),
    (b"1772445605.123456", "2026-03-02T10:00:05.123456", fields.EPOCH, 0, fields.EXACT),
    (b"1772445605", "2026-03-02T10:00:05", fields.EPOCH, 0, fields.SECOND),
    (b"1772445605.123", "2026-03-02T10:00:05.123", fields.EPOCH, 0, fields.PLACES + 3),
]


@pytest.mark.parametrize(("text", "iso", "kind", "offset_s", "precision"), TIMES, ids=[case[0].decode() for case in TIMES])
def test_times(text: bytes, iso: str, kind: int, offset_s: int, precision: int) -> None:
    assert times([text]) == [(micros(iso), kind, offset_s, precision)]


@pytest.mark.parametrize("after", [b":30", b"30", b":", b"x"])
def test_an_offset_ends_with_its_field(after: bytes) -> None:
    """Fields of a fixed width stand side by side: what follows an offset of two digits is the next field's."""
    assert times([b"2026-03-02 10:00:05+08", after])[0] == (micros("2026-03-02T02:00:05"), fields.WITH_OFFSET, 28_800, fields.SECOND)


@pytest.mark.parametrize("text", [b"", b"0", b"0.000000", b"0000000000.0", b"0000-00-00 00:00:00", b"0000-00-00 00:00"])
def test_no_time(text: bytes) -> None:
    assert times([text]) == [(0, fields.EMPTY, 0, fields.EXACT)]


BAD_TIMES = b"""0.
0.000001
0.0x
2026-02-29 00:00:00
2100-01-01 00:00:00
1969-12-31 23:59:59
1900-02-29 00:00:00
2026-04-31 00:00:00
2026-13-01 00:00:00
2026-00-01 00:00:00
2026-01-00 00:00:00
2026-01-01 24:00:00
2026-01-01 10:60:00
2026-01-01 10:00:60
2026-01-01 10:00:0x
2026-01-01 10:00:00x
2026-01-01 10:00:00.
2026-01-01 10:00:00+8
2026-01-01 10:00:00+9999
1970-01-01 00:00:00+0100
2026-01-01
2026-01/01 10:00:00
26-01-01 10:00:00
31
99999999999
nonsense
0000-00-00 00:00:01""".splitlines()


@pytest.mark.parametrize("text", BAD_TIMES, ids=[text.decode() for text in BAD_TIMES])
def test_what_is_no_time(text: bytes) -> None:
    assert times([text])[0][1] == fields.UNREADABLE


def test_an_absent_time() -> None:
    assert times([b""]) == [(0, fields.EMPTY, 0, fields.EXACT)]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2099, 12, 31)))  # noqa: DTZ001 - local times
def test_every_time_is_read_as_datetime_reads_it(moment: dt.datetime) -> None:
    assert times([moment.isoformat(" ").encode()])[0][0] == micros(moment.isoformat())


AMOUNTS = [
    (b"60", 1_000_000, 60_000_000),
    (b"0", 1_000_000, 0),
    (b"67.539896", 1_000_000, 67_539_896),
    (b"67.5398969", 1_000_000, 67_539_896),
    (b"-1", 1_000_000, -1_000_000),
    (b"+1.5", 1_000_000, 1_500_000),
    (b"67539896", 1, 67_539_896),
    (b"67539.5", 1000, 67_539_500),
    (b"1772445605123456", 1, 1_772_445_605_123_456),
    (b"", 1, "empty"),
    (b"x", 1, "bad"),
    (b"1x", 1, "bad"),
    (b"1.", 1, "bad"),
    (b".5", 1, "bad"),
    (b"-", 1, "bad"),
    (b"1e3", 1, "bad"),
    (b"9999999999999999999999", 1, "bad"),
    (b"99999999999", 1_000_000, "bad"),
]


@pytest.mark.parametrize(("text", "scale", "expected"), AMOUNTS, ids=[f"{case[0].decode()} x {case[1]}" for case in AMOUNTS])
def test_amounts(text: bytes, scale: int, expected: int | str) -> None:
    value, kind = np.zeros(1, np.int64), np.zeros(1, np.int8)
    fields.read_amounts(*spans([text]), scale, value, kind)
    found = {fields.EMPTY: "empty", fields.UNREADABLE: "bad", fields.READ: int(value[0])}[int(kind[0])]
    assert found == expected


UNIQUE_IDS = {
    b"1690325492.2": True,
    b"pbx1-1690325492.2": True,
    b"my-pbx-1690325492.2": True,
    b"1690325492.": False,
    b"-1690325492.2": False,
    b".1": False,
    b"12.50": False,  # an amount
    b"pbx1-12.50": False,
    b"12": False,
    b"": False,
    b"desk 1690325492.2": False,
    b"a1690325492.2": False,
}


def test_what_looks_like_a_unique_id() -> None:
    found = np.zeros(len(UNIQUE_IDS), np.bool_)
    fields.look_like_unique_ids(*spans(list(UNIQUE_IDS)), found)
    assert dict(zip(UNIQUE_IDS, found.tolist(), strict=True)) == UNIQUE_IDS


def test_words_in_any_case() -> None:
    words, limits = np.frombuffer(b"ANSWEREDBUSY", np.uint8), np.array([0, 8, 12], np.int32)
    found = np.zeros(4, np.int16)
    fields.match_words(*spans([b"Busy", b"ANSWERED", b"ANSWER", b""]), words, limits, found)
    assert found.tolist() == [1, 0, -1, -2]


# SipHash's reference implementation: vectors_sip128 for the key 00..0f and the messages of 0, 1 and 15 bytes 00, 01, ...
SIP_HASHES = {
    0: "a3817f04ba25a8e66df67214c7550293",
    1: "da87c1d86b99af44347659119b22fc45",
    15: "5493e99933b0a8117e08ec0f97cfc3d9",
}


@pytest.mark.parametrize("size", SIP_HASHES)
def test_hashes_are_siphash(size: int) -> None:
    message = np.arange(size, dtype=np.uint8)
    out = np.zeros((1, 2), np.uint64)
    nothing, none = np.zeros((0, 1), np.int32), np.zeros((0, 1), np.int64)
    key = np.frombuffer(bytes(range(16)), np.uint64)
    hashing.hash_fields(message, nothing, nothing, none, message, key, out)
    assert out.astype("<u8").tobytes().hex() == SIP_HASHES[size]


def test_a_hash_depends_on_where_fields_end() -> None:
    data, begin, end = spans([b"ab", b"c", b"a", b"bc"])
    out = np.zeros((2, 2), np.uint64)
    begin, end = begin.reshape(2, 2).T.copy(), end.reshape(2, 2).T.copy()
    hashing.hash_fields(data, begin, end, np.zeros((0, 2), np.int64), data[:0], np.zeros(2, np.uint64), out)
    assert out[0].tolist() != out[1].tolist()
