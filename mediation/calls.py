"""Calls as columns: what both switches' rows become before they are usage, and the checks that hold for both.

The chargeable start of an answered call is its answer; an unanswered one stands at its start. Durations are microseconds as the
source gave them. A record's `event_key` hashes the source's name and the fields that identify it; its `content_hash` hashes what
decides the charge: start, answered or not, duration, who pays, destination. Why a call ended is not charge-relevant.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediation import columns, fields
from mediation.columns import Amounts, Identity, Numbers, Times
from mediation.reasons import Reason, mark
from mediation.rows import Spans
from mediation.sources import ServedBy
from rating.schema import ServedKind

if TYPE_CHECKING:
    from mediation.rows import Block
    from mediation.sources import Source

LEG_KEY: Final = b"legs of one file"  # fixed: which of equal legs bills must not depend on the installation
SPAN_SLACK_US: Final = 60 * columns.SECOND_US  # a switch's clock may be set while a call is up


class Served(NamedTuple):
    """Who pays: a number (digits 0 where the kind is another), or the text of an account code or extension."""

    kind: NDArray[np.int8]
    number: Numbers
    text: Spans


class Parties(NamedTuple):
    """Who pays, and the destination's number."""

    served: Served
    other: Numbers


class Timing(NamedTuple):
    """When a leg came to be, was answered, ended, and for how long it is to be paid. Absent durations: from answer to end."""

    start: Times
    answer: Times
    end: Times
    answered: NDArray[np.bool_]
    duration: Amounts


class Details(NamedTuple):
    """What a switch's rows tell besides times."""

    caller: Spans
    account: Spans
    other_raw: Spans
    record_id: Spans
    call_ref: Spans
    trunk_in: Spans
    trunk_out: Spans
    sequence: Amounts
    cause: NDArray[np.int16]


@dataclasses.dataclass(frozen=True, eq=False)
class Calls:
    """One call leg a row of the block; rows with a reason code hold nothing that counts."""

    start_us: NDArray[np.int64]  # chargeable start
    created_us: NDArray[np.int64]
    end_us: NDArray[np.int64]  # not before start_us
    duration_us: NDArray[np.int64]
    answered: NDArray[np.bool_]
    offset_s: NDArray[np.int32]
    has_offset: NDArray[np.bool_]
    offset_origin: NDArray[np.int8]
    details: Details


def calls(block: Block, source: Source, timing: Timing, details: Details) -> Calls:
    """The block's calls, checked."""
    start, answer, end, answered, duration = timing
    mark(block.code, ~start.present & ~answered, Reason.UNREADABLE_TIME)
    from_answer = answered & answer.present
    chargeable = answer.where(from_answer, start)
    duration_us = np.where(duration.present, duration.value, _until_end(block, timing))
    mark(block.code, answered & ~from_answer & ((duration_us > 0) | ~chargeable.present), Reason.MISSING_ANSWER_TIME)
    start_us, origin = columns.settle(block, chargeable, source)
    created_us = np.where(start.present, start.earliest_us, chargeable.earliest_us)
    _check_span(block, timing, chargeable, duration_us)
    mark(block.code, duration_us < 0, Reason.NEGATIVE_DURATION)
    end_us = np.where(end.present, end.latest_us, start_us + duration_us)
    moved_s = (start_us - chargeable.earliest_us) // columns.SECOND_US  # by the policy for doubtful local times
    return Calls(
        start_us=start_us,
        created_us=created_us,
        end_us=np.maximum(end_us, start_us),
        duration_us=duration_us,
        answered=answered,
        offset_s=(chargeable.offset_s - moved_s).astype(np.int32),
        has_offset=chargeable.has_offset,
        offset_origin=origin,
        details=details,
    )


def content_hash(block: Block, source: Source, leg: Calls, parties: Parties, hash_key: bytes) -> NDArray[np.uint64]:
    """128-bit hash a row of what decides the charge, and of the source's own charge columns."""
    served, other = parties
    spans = [
        served.text.only(served.number.digits == 0),
        leg.details.other_raw.only(other.digits == 0),
        *(block.spans(name) for name in source.charge_columns),
    ]
    values = [
        leg.start_us,
        leg.answered.astype(np.int64),
        leg.duration_us,
        served.kind.astype(np.int64),
        served.number.value,
        other.value,
    ]
    return columns.hashes(block, Identity(spans, values), b"content", hash_key)


def event_key(block: Block, source: Source, identity: Identity, hash_key: bytes) -> NDArray[np.uint64]:
    """128-bit hash a row of what identifies the record: the source's key columns if it names any, else the format's `identity`."""
    if source.key:
        identity = Identity([block.spans(name) for name in source.key], [])
    filled = np.logical_or.reduce([span.filled for span in identity.spans])
    mark(block.code, ~filled, Reason.MISSING_KEY)
    return columns.hashes(block, identity, source.name.encode() + b"\0", hash_key)


def text_hash(block: Block, text: Spans) -> NDArray[np.uint64]:
    """A number for each field's text, 0 for an empty one; for comparing within a file."""
    if not text.filled.any():
        return np.zeros(block.size, np.uint64)
    return np.where(text.filled, columns.hashes(block, Identity([text], []), b"", LEG_KEY)[:, 0], np.uint64(0))


def parties(block: Block, source: Source, details: Details) -> Parties:
    """Who pays for each row, and its destination."""
    number = columns.numbers(block, details.caller, source.numbering)
    is_number, has_account = number.digits > 0, details.account.filled
    by_account = has_account if source.served is ServedBy.ACCOUNTCODE else has_account & ~is_number
    by_number = is_number & ~by_account
    kind = np.where(by_number, ServedKind.E164, np.where(by_account, ServedKind.ACCOUNT_CODE, ServedKind.EXTENSION))
    value, digits = np.where(by_number, number.value, 0), np.where(by_number, number.digits, 0)
    text = details.account.where(by_account, details.caller)
    served = Served(kind.astype(np.int8), columns.Numbers(value, digits.astype(np.int8)), text)
    return Parties(served, columns.numbers(block, details.other_raw, source.numbering))


def check_order(block: Block, time_columns: tuple[str, ...]) -> None:
    """Rows that were refused, but hold their first time in a column that is none: the file's columns are in another order."""
    wanted = ((block.code > 0) & (block.layout >= 0)).astype(np.int8)
    if not wanted.any():
        return
    found = np.full(block.size, -1, np.int32)
    fields.find_times(block.data, block.field_begin, block.field_end, block.width, wanted, found)
    for layout, names in enumerate(block.columns):
        expected = [names.index(name) for name in time_columns if name in names]
        elsewhere = (block.layout == layout) & (found >= 0) & ~np.isin(found, expected)
        block.code[elsewhere] = 0
        mark(block.code, elsewhere, Reason.COLUMNS_IN_ANOTHER_ORDER)


def _until_end(block: Block, timing: Timing) -> NDArray[np.int64]:
    """Time from answer to end, for files without a duration."""
    known = timing.answered & timing.answer.present & timing.end.present & ~timing.duration.present
    mark(block.code, known & (timing.end.latest_us < timing.answer.earliest_us), Reason.END_BEFORE_START)
    return np.where(known, timing.end.latest_us - timing.answer.latest_us, 0)


def _check_span(block: Block, timing: Timing, chargeable: Times, duration_us: NDArray[np.int64]) -> None:
    """A leg may not end before it begins, nor last over a minute longer than from begin to end, as finely as times are written."""
    start, answer, end = timing[:3]
    start_us = np.where(start.present, start.earliest_us, chargeable.earliest_us)
    last_begin_us = np.maximum(start_us, chargeable.earliest_us)
    mark(block.code, end.present & (end.latest_us + end.fineness_us < last_begin_us), Reason.END_BEFORE_START)
    longest_us = end.latest_us - np.minimum(start_us, chargeable.earliest_us) + SPAN_SLACK_US
    longest_us += start.fineness_us + answer.fineness_us + end.fineness_us
    mark(block.code, end.present & (duration_us > longest_us), Reason.DURATION_EXCEEDS_SPAN)
