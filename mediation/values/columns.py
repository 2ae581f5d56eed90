"""Columns of a block as numbers: instants, amounts of time, words, hashes.

Each function asks a kernel and marks rows that cannot be read. Microseconds throughout; keys and hashes are 128 bits as two numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediation.reasons import Reason, mark
from mediation.records import fields
from mediation.records.rows import Spans
from mediation.sources.model import LocalTime
from mediation.values import clock, hashing
from rating.dates import SECOND_US
from rating.schema import OffsetOrigin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mediation.records.rows import Block
    from mediation.sources.model import Source

MNC_PLACES: Final = 1_000  # a network is MCC x 1000 + MNC
# By fields.EXACT, SECOND, MINUTE, and one to five places of a second.
_FINENESS_US: Final = np.array([0, SECOND_US, 60 * SECOND_US, *(SECOND_US // 10**places for places in range(1, fields.PLACES_MAX))])

_NETWORK_LENGTH_MAX: Final = len("310-410")
_NINE: Final = 9
_HUNDREDS: Final = np.array([100, 10, 1])


class Times(NamedTuple):
    """One instant a row. Two candidates where the local time is doubtful; 0 where absent."""

    earliest_us: NDArray[np.int64]
    latest_us: NDArray[np.int64]
    present: NDArray[np.bool_]
    state: NDArray[np.int8]  # clock.UNIQUE, AMBIGUOUS, NONEXISTENT
    offset_s: NDArray[np.int32]  # east of UTC, of the earliest candidate
    has_offset: NDArray[np.bool_]  # False: the source gave the instant itself
    is_local: NDArray[np.bool_]  # True: the offset is that of the source's zone
    fineness_us: NDArray[np.int64]  # how far the written time may lie before the true one

    def where(self, chosen: NDArray[np.bool_], other: Times) -> Times:
        """These times where `chosen`, else the `other` ones."""
        if chosen.all():
            return self
        mine, theirs = (tuple[Any, ...](times_) for times_ in (self, other))
        mixed: Any = [np.where(chosen, *pair) for pair in zip(mine, theirs, strict=True)]
        return Times(*mixed)


class Written(NamedTuple):
    """Times as they are written: microseconds (UTC if an offset is given), kind, offset in seconds, precision (see `fields`)."""

    at_us: NDArray[np.int64]
    kind: NDArray[np.int8]
    offset_s: NDArray[np.int32]
    precision: NDArray[np.int8]


class Amounts(NamedTuple):
    """One amount a row; 0 where absent."""

    value: NDArray[np.int64]
    present: NDArray[np.bool_]


class Numbers(NamedTuple):
    """One E.164 number a row: value and count of digits; 0 and 0 where the field is none."""

    value: NDArray[np.int64]
    digits: NDArray[np.int8]


class Identity(NamedTuple):
    """Fields and numbers that are hashed together, one of each a row."""

    spans: list[Spans]
    values: list[NDArray[np.int64]]


def times(block: Block, spans: Spans, zone: str) -> Times:
    """Written times or seconds since 1970, in `zone` where they carry no offset."""
    size = block.size
    at_us, kind = np.zeros(size, np.int64), np.zeros(size, np.int8)
    offset_s, precision = np.zeros(size, np.int32), np.zeros(size, np.int8)
    fields.read_times(block.data, spans.begin, spans.end, at_us, kind, offset_s, precision)
    return instants(block, Written(at_us, kind, offset_s, precision), zone)


def instants(block: Block, written: Written, zone: str) -> Times:
    """Times as a kernel read them, in `zone` where they carry no offset. The arrays of `written` are used up."""
    at_us, kind, offset_s, precision = written
    mark(block.code, kind == fields.UNREADABLE, Reason.UNREADABLE_TIME)
    present, is_local = kind > fields.EMPTY, kind == fields.LOCAL
    latest_us, state = at_us.copy(), np.zeros(at_us.size, np.int8)
    if zone != "UTC" and is_local.any():
        candidates = clock.to_utc(at_us[is_local], zone)
        offset_s[is_local] = (at_us[is_local] - candidates.earliest_us) // SECOND_US
        at_us[is_local], latest_us[is_local], state[is_local] = candidates
    fineness_us = _FINENESS_US[precision]
    return Times(at_us, latest_us, present, state, offset_s, kind != fields.EPOCH, is_local, fineness_us)


def epochs(block: Block, spans: Spans, unit_us: int) -> Times:
    """Counts since 1970 in units of `unit_us` microseconds; 0 means absent."""
    value, present = amounts(block, spans, unit_us, Reason.UNREADABLE_TIME)
    mark(block.code, (value < 0) | (value >= fields.EPOCH_US_MAX), Reason.UNREADABLE_TIME)
    nothing, no = np.zeros(block.size, np.int64), np.zeros(block.size, np.bool_)
    at = (nothing.astype(np.int8), nothing.astype(np.int32), no, no, count_fineness_us(block, spans, unit_us))
    return Times(value, value, present & (value > 0), *at)


def count_fineness_us(block: Block, spans: Spans, unit_us: int, decimal_mark: str = ".") -> NDArray[np.int64]:
    """The fineness of written counts of units of `unit_us` microseconds; 0: to the microsecond."""
    if unit_us == 1:
        return np.zeros(block.size, np.int64)
    places = np.zeros(block.size, np.int8)
    fields.count_places(block.data, spans.begin, spans.end, ord(decimal_mark), places)
    fineness_us: NDArray[np.int64] = unit_us // 10 ** np.minimum(places, fields.PLACES_MAX).astype(np.int64)
    return np.where(fineness_us > 1, fineness_us, 0)


def amounts(block: Block, spans: Spans, scale: int, reason: Reason | None = Reason.UNREADABLE_NUMBER) -> Amounts:
    """Decimal numbers times `scale`. A field that is none gives the row `reason`; without one it counts as absent."""
    value, kind = np.zeros(block.size, np.int64), np.zeros(block.size, np.int8)
    fields.read_amounts(block.data, spans.begin, spans.end, scale, value, kind)
    if reason is not None:
        mark(block.code, kind == fields.UNREADABLE, reason)
    return Amounts(value, kind == fields.READ)


def networks(block: Block, spans: Spans, reason: Reason | None = Reason.UNREADABLE_NUMBER) -> Amounts:
    """Visited networks as MCC x 1000 + MNC, of 26201, 262-01, 310410 or 310-410: three digits of country, two or three of network.

    Other whole numbers stay as they are: 0 is no network. A text that is neither gives the row `reason`, or counts as absent.
    """
    value, present = amounts(block, spans, 1, None)
    length = spans.end - spans.begin
    places = np.minimum(spans.begin[:, None] + np.arange(_NETWORK_LENGTH_MAX), max(block.data.size - 1, 0))
    text = block.data[places] if block.data.size else np.zeros(places.shape, np.uint8)
    digits = text.astype(np.int64) - ord("0")
    is_digit = (digits >= 0) & (digits <= _NINE)
    parted = text[:, 3] == ord("-")
    for first, chosen in ((3, ~parted), (4, parted)):
        for size in (2, 3):
            network = slice(first, first + size)
            is_one = chosen & (length == first + size) & is_digit[:, :3].all(1) & is_digit[:, network].all(1)
            code = digits[:, :3] @ _HUNDREDS * MNC_PLACES + digits[:, network] @ _HUNDREDS[-size:]
            value, present = np.where(is_one, code, value), present | is_one
    if reason is not None:
        mark(block.code, spans.filled & ~present, reason)
    return Amounts(value, present)


def words(block: Block, spans: Spans, vocabulary: Sequence[str]) -> NDArray[np.int16]:
    """Index of each field in `vocabulary` (upper case), in any case; -1 another word, -2 empty."""
    encoded = [word.encode() for word in vocabulary]
    text = np.frombuffer(b"".join(encoded), np.uint8)
    limits = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    found = np.full(block.size, -2, np.int16)
    fields.match_words(block.data, spans.begin, spans.end, text, limits, found)
    return found


def hashes(block: Block, hashed: Identity, prefix: bytes, key: bytes) -> NDArray[np.uint64]:
    """Keyed 128-bit hash a row of some fields and numbers, as (rows, 2)."""
    spans, values = hashed
    limits = (np.stack([span.begin for span in spans]), np.stack([span.end for span in spans]))
    stacked = np.stack(values) if values else np.zeros((0, block.size), np.int64)
    return hashes_of(block.data, limits, stacked, prefix, key)


def hashes_of(
    data: NDArray[np.uint8],
    limits: tuple[NDArray[np.int32], NDArray[np.int32]],
    values: NDArray[np.int64],
    prefix: bytes,
    key: bytes,
) -> NDArray[np.uint64]:
    """The same of fields and numbers that lie in one piece each: (fields, rows) begins and ends in `data`, and (numbers, rows)."""
    out = np.empty((values.shape[1], 2), np.uint64)
    hashing.hash_fields(data, *limits, values, np.frombuffer(prefix, np.uint8), np.frombuffer(key, "<u8"), out)
    return out


def settle(block: Block, moment: Times, source: Source) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """The instant that counts, by the source's policy for doubtful local times, and the origin of its offset."""
    if source.local_time is LocalTime.SUSPENSE:
        mark(block.code, moment.state == clock.NONEXISTENT, Reason.NONEXISTENT_LOCAL_TIME)
        mark(block.code, moment.state == clock.AMBIGUOUS, Reason.AMBIGUOUS_LOCAL_TIME)
    origin = np.where(moment.is_local, OffsetOrigin.SOURCE_ZONE, OffsetOrigin.GIVEN)
    origin[moment.state != clock.UNIQUE] = OffsetOrigin.GUESSED
    chosen = moment.latest_us if source.local_time is LocalTime.LATER else moment.earliest_us
    return chosen, origin.astype(np.int8)
