"""Segments as decoders make them, written by hand."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from rating.schema import USAGE_V1, Direction, LegRole, OffsetOrigin, ServedKind, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND_US = 1_000_000
BEGIN_US = int(dt.datetime(2028, 2, 29, 23, 0, tzinfo=dt.UTC).timestamp()) * SECOND_US  # an hour before a leap day ends
PARTIAL, FIRST, LAST, TOTALS = (int(flag) for flag in (UsageFlag.PARTIAL, UsageFlag.FIRST, UsageFlag.LAST, UsageFlag.CUMULATIVE))
UNANSWERED = int(UsageFlag.UNANSWERED)


class Segment(NamedTuple):
    """A segment of `call`: its number, when it begins (seconds after BEGIN_US), how long it lasts. `flags` besides PARTIAL.

    One that is UNANSWERED is no segment, and names no call.
    """

    call: str
    number: int | None
    begin_s: int = 0
    seconds: int | None = 60
    flags: int = 0
    served_id: str = "8613800000001"
    other_e164: int | None = 8_613_900_000_002
    other_raw: str | None = None
    bytes_up: int | None = None
    bytes_down: int | None = None
    units: int | None = None
    service: int = 1
    location: str | None = None
    cause: int = 16
    rating_group: int | None = None
    last_number: int | None = None
    trunk_in: str | None = None
    name: str = ""  # tells records apart that are otherwise of one segment

    @property
    def record_id(self) -> str:
        """What the source calls the record."""
        place = self.begin_s if self.number is None else self.number
        return f"{self.call}/{place}/{self.seconds if self.flags & TOTALS else ''}{self.name}"

    @property
    def event_key(self) -> bytes:
        """Of the record; not of its content."""
        return hashlib.sha256(f"key {self.record_id}".encode()).digest()[:16]


def call(name: str, *seconds: int, first: int = 0, begin_s: int = 0) -> list[Segment]:
    """A whole call in segments that follow each other."""
    made, at_s = [], begin_s
    for index, each in enumerate(seconds):
        flags = (FIRST if index == 0 else 0) | (LAST if index == len(seconds) - 1 else 0)
        made.append(Segment(name, first + index, at_s, each, flags))
        at_s += each
    return made


def segment_table(segments: Sequence[Segment], source: str = "msc1") -> pa.Table:
    """USAGE_V1 of the segments, as a decoder gives them."""
    columns = {
        "event_key": [each.event_key for each in segments],
        "content_hash": [hashlib.sha256(repr(each).encode()).digest()[:16] for each in segments],
        "source": [source] * len(segments),
        "record_id": [each.record_id for each in segments],
        "raw_file_id": [0] * len(segments),
        "raw_offset": [100 * index for index in range(len(segments))],
        "raw_length": [100] * len(segments),
        "service": [each.service for each in segments],
        "direction": [Direction.ORIGINATING] * len(segments),
        "leg_role": [LegRole.CALL] * len(segments),
        "served_kind": [ServedKind.E164] * len(segments),
        "served_id": [each.served_id for each in segments],
        "served_raw": [each.served_id for each in segments],
        "other_e164": [each.other_e164 for each in segments],
        "other_raw": [each.other_raw for each in segments],
        "start_us": [BEGIN_US + each.begin_s * SECOND_US for each in segments],
        "offset_origin": [OffsetOrigin.GIVEN] * len(segments),
        "duration_us": [None if each.seconds is None else each.seconds * SECOND_US for each in segments],
        "bytes_up": [each.bytes_up for each in segments],
        "bytes_down": [each.bytes_down for each in segments],
        "units": [each.units for each in segments],
        "location": [each.location for each in segments],
        "rating_group": [each.rating_group for each in segments],
        "trunk_in": [each.trunk_in for each in segments],
        "call_ref": [None if each.flags & UNANSWERED else each.call for each in segments],
        "segment_first": [each.number for each in segments],
        "segment_last": [each.number if each.last_number is None else each.last_number for each in segments],
        "cause": [each.cause for each in segments],
        "flags": [each.flags | (0 if each.flags & UNANSWERED else PARTIAL) for each in segments],
    }
    arrays = [_column(columns.get(field.name), field, len(segments)) for field in USAGE_V1]
    return pa.table(arrays, schema=USAGE_V1)


def _column(values: Sequence[object] | None, field: pa.Field, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, field.type)
    if pa.types.is_dictionary(field.type):
        return pa.array(values, pa.string()).cast(field.type)
    if pa.types.is_timestamp(field.type):
        return pa.array(values, pa.int64()).cast(field.type)
    return pa.array(values, field.type)
