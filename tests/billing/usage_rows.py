"""Usage as intake gets it, written by hand: a few named events instead of a file."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from mediation.decoded import Decoded, Reject
from rating.schema import USAGE_V1, Direction, LegRole, OffsetOrigin, ServedKind, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

MARCH_US = int(dt.datetime(2026, 3, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
DAY_US = 86_400_000_000


class Event(NamedTuple):
    """One row: `name` identifies the event, `seconds` is its content. `flags` as in UsageFlag."""

    name: str
    seconds: int = 60
    flags: int = 0
    start_us: int = MARCH_US
    served_id: str = "8613800000001"
    service: int = 1
    volume_bytes: int | None = None
    key: str = ""  # what its key is made of; none: of its name
    number: int | None = None  # that its source gave it


def key_of(name: str) -> bytes:
    """The event_key of an event."""
    return hashlib.sha256(f"key {name}".encode()).digest()[:16]


def batch(*events: Event, source: str = "sw1", rejects: Sequence[str] = (), sha256: bytes = b"") -> Decoded:
    """The decoded batch of these rows, and a reject for each text in `rejects`."""
    refused = [Reject("wrong_column_count", 1000 + index, len(text), text.encode()) for index, text in enumerate(rejects)]
    return Decoded(usage_table(events, source), refused, len(events) + len(refused), sha256, 0)


def usage_table(events: Sequence[Event], source: str = "sw1") -> pa.Table:
    """USAGE_V1 of the events."""
    columns = {
        "event_key": [key_of(event.key or event.name) for event in events],
        "content_hash": [hashlib.sha256(repr(event).encode()).digest()[:16] for event in events],
        "source": [source] * len(events),
        "record_id": [event.name for event in events],
        "source_seq": [event.number for event in events],
        "raw_file_id": [0] * len(events),
        "raw_offset": [100 * index for index in range(len(events))],
        "raw_length": [100] * len(events),
        "service": [event.service for event in events],
        "direction": [Direction.ORIGINATING] * len(events),
        "leg_role": [LegRole.CALL] * len(events),
        "served_kind": [ServedKind.E164] * len(events),
        "served_id": [event.served_id for event in events],
        "served_raw": [event.served_id for event in events],
        "other_e164": [8_613_900_000_000] * len(events),
        "start_us": [event.start_us for event in events],
        "offset_origin": [OffsetOrigin.GIVEN] * len(events),
        "duration_us": [event.seconds * 1_000_000 for event in events],
        "bytes_up": [event.volume_bytes for event in events],
        "cause": [16] * len(events),
        "flags": [event.flags for event in events],
    }
    arrays = [_column(columns.get(field.name), field, len(events)) for field in USAGE_V1]
    return pa.table(arrays, schema=USAGE_V1)


def _column(values: Sequence[object] | None, field: pa.Field, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, field.type)
    if pa.types.is_dictionary(field.type):
        return pa.array(values, pa.string()).cast(field.type)
    if pa.types.is_timestamp(field.type):
        return pa.array(values, pa.int64()).cast(field.type)
    return pa.array(values, field.type)


ANSWERED = 0
UNANSWERED = int(UsageFlag.UNANSWERED)
ABSORBED = int(UsageFlag.ABSORBED)
