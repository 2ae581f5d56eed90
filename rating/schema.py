"""Arrow schemas of usage (v1) and charges (v1), and the small code tables their int8 columns use.

Columns are only ever added. The version is in the schema's metadata. Times are microseconds UTC; durations microseconds;
money is decimal64(18,6) on disk and int64 micro-units in memory, the same eight bytes. Unit and meaning of each column stand in its
metadata (`rating.meanings`).
"""

from __future__ import annotations

import enum
from typing import Any, Final

import pyarrow as pa

from rating.meanings import CHARGE, USAGE, Meaning

MONEY = pa.decimal64(18, 6)
KEY = pa.binary(16)
INSTANT = pa.timestamp("us", tz="UTC")
NAME = pa.dictionary(pa.int32(), pa.string())


class Direction(enum.IntEnum):
    """Seen from the served party."""

    ORIGINATING = 1
    TERMINATING = 2


class LegRole(enum.IntEnum):
    """The part of a call that a row describes."""

    CALL = 1  # the leg that bills
    FORWARD = 2
    OTHER = 3


class ServedKind(enum.IntEnum):
    """The kind of `served_id`."""

    E164 = 1
    ACCOUNT_CODE = 2
    EXTENSION = 3  # a name or number of the switch, not in E.164


class OffsetOrigin(enum.IntEnum):
    """The origin of a row's UTC offset."""

    GIVEN = 1
    SOURCE_ZONE = 2
    GUESSED = 3


class UsageFlag(enum.IntFlag):
    """Bits of `flags`. A row with UNANSWERED, ABSORBED or PARTIAL is kept for the books and for duplicates; it never bills."""

    UNANSWERED = 1
    ABSORBED = 2  # a further leg of a call that another row bills
    PARTIAL = 4  # a segment that is put together with others
    ASSEMBLED = 8  # put together from segments: no row of a file
    LAST = 16  # the segment that closes its call or session
    CUMULATIVE = 32  # the quantities are running totals of the session
    RECYCLED = 64  # came back out of suspense
    FIRST = 128  # the segment that opens its call or session


def _explained(fields: list[pa.Field[Any]], meanings: dict[str, Meaning]) -> list[pa.Field[Any]]:
    """The fields with their unit and meaning as metadata: a reader of the file finds there what a name does not say."""
    assert {field.name for field in fields} == meanings.keys()
    return [field.with_metadata(dict(zip(("unit", "meaning"), meanings[field.name], strict=True))) for field in fields]


_USAGE_FIELDS: list[pa.Field[Any]] = [
    pa.field("event_key", KEY, nullable=False),
    pa.field("content_hash", KEY, nullable=False),
    pa.field("source", NAME, nullable=False),
    pa.field("record_id", pa.string(), nullable=False),
    pa.field("source_seq", pa.int64()),
    pa.field("raw_file_id", pa.int64(), nullable=False),
    pa.field("raw_offset", pa.int64(), nullable=False),
    pa.field("raw_length", pa.int32(), nullable=False),
    pa.field("service", pa.int8(), nullable=False),
    pa.field("direction", pa.int8(), nullable=False),
    pa.field("leg_role", pa.int8(), nullable=False),
    pa.field("served_kind", pa.int8(), nullable=False),
    pa.field("served_id", pa.string(), nullable=False),
    pa.field("served_raw", pa.string(), nullable=False),
    pa.field("other_e164", pa.int64()),
    pa.field("third_e164", pa.int64()),
    pa.field("other_raw", pa.string()),
    pa.field("other_text", pa.string()),
    pa.field("routing_number", pa.string()),
    pa.field("trunk_in", pa.string()),
    pa.field("trunk_out", pa.string()),
    pa.field("start_us", INSTANT, nullable=False),
    pa.field("offset_s", pa.int32()),
    pa.field("offset_origin", pa.int8(), nullable=False),
    pa.field("duration_us", pa.int64()),
    pa.field("bytes_up", pa.int64()),
    pa.field("bytes_down", pa.int64()),
    pa.field("units", pa.int64()),
    pa.field("source_amount_micros", pa.int64()),
    pa.field("source_currency", NAME),
    pa.field("serving_plmn", pa.int32()),
    pa.field("rating_group", pa.int32()),
    pa.field("location", NAME),
    pa.field("call_ref", pa.string()),
    pa.field("segment_first", pa.int32()),
    pa.field("segment_last", pa.int32()),
    pa.field("cause", pa.int16(), nullable=False),
    pa.field("flags", pa.int32(), nullable=False),
]
USAGE_V1: Final = pa.schema(_explained(_USAGE_FIELDS, USAGE), metadata={"ratewright.schema": "usage", "ratewright.version": "1"})


class Component(enum.IntEnum):
    """The priced part of an event that a charge row is. One rounding a charge: the connect fee is part of USAGE."""

    USAGE = 1
    CONNECT = 2
    PASS = 3
    CONTENT = 4


class Stage(enum.IntEnum):
    """Provisional charges answer a stream; only final ones are invoiced."""

    PROVISIONAL = 1
    FINAL = 2


_CHARGE_FIELDS: list[pa.Field[Any]] = [
    pa.field("event_key", KEY, nullable=False),
    pa.field("component", pa.int8(), nullable=False),
    pa.field("run_seq", pa.int64(), nullable=False),
    pa.field("stage", pa.int8(), nullable=False),
    pa.field("rating_unit_id", pa.int64(), nullable=False),
    pa.field("subscription_id", pa.int64(), nullable=False),
    pa.field("payer_account_id", pa.int64(), nullable=False),
    pa.field("period_from", pa.date32(), nullable=False),
    pa.field("period_to", pa.date32(), nullable=False),
    pa.field("tax_point", pa.date32(), nullable=False),
    pa.field("start_us", INSTANT, nullable=False),
    pa.field("tariff_version", pa.dictionary(pa.int32(), pa.binary(32))),
    pa.field("chargeable_qty", pa.int64(), nullable=False),
    pa.field("free_qty", pa.int64(), nullable=False),
    pa.field("qty_unit", pa.int8(), nullable=False),
    pa.field("gross_micros", MONEY),
    pa.field("discount_micros", MONEY),
    pa.field("charge_micros", MONEY),
    pa.field("currency", NAME, nullable=False),
    pa.field("rounding_mode", pa.int8(), nullable=False),
    pa.field("step_num", pa.int64(), nullable=False),
    pa.field("step_den", pa.int64(), nullable=False),
    pa.field("revenue_code", pa.int16(), nullable=False),
    pa.field("tax_class", pa.int16(), nullable=False),
    pa.field("status", pa.int16(), nullable=False),
    pa.field("rule_id", pa.int32(), nullable=False),
    pa.field("price_id", pa.int32(), nullable=False),
    pa.field("zone_id", pa.int32(), nullable=False),
    pa.field("charge_code", pa.int32(), nullable=False),
]
CHARGE_V1: Final = pa.schema(_explained(_CHARGE_FIELDS, CHARGE), metadata={"ratewright.schema": "charge", "ratewright.version": "1"})
