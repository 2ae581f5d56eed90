"""Events as columns: what the rows of every format become before they are usage, and what holds for all of them.

One event a row of the block, of any service. `start_us` is the chargeable start: of an answered call its answer. Durations are
microseconds as the source gave them. A record's `event_key` hashes the source's name and the fields that identify it; its
`content_hash` hashes what decides the charge: start, answered or not, quantities, who pays, destination. The cause of an end is not
charge-relevant.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediation.limits import QUANTITY_MAX, START_MAX_US, START_MIN_US, TEXT_BYTES_MAX
from mediation.reasons import Reason, mark
from mediation.records import fields
from mediation.records.rows import Spans
from mediation.sources.model import ServedBy
from mediation.values import columns, numbers
from mediation.values.columns import Amounts, Identity, Numbers
from rating.model import Service
from rating.schema import ServedKind, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mediation.records.rows import Block
    from mediation.sources.model import Source

LEG_KEY: Final = b"legs of one file"  # fixed: which of equal legs bills must not depend on the installation
_CHARGE_FLAGS: Final = UsageFlag.PARTIAL | UsageFlag.LAST | UsageFlag.CUMULATIVE | UsageFlag.FIRST


class Served(NamedTuple):
    """The payer: a number (digits 0 where the kind is another), or the text of an account code or extension."""

    kind: NDArray[np.int8]
    number: Numbers
    text: Spans


class Parties(NamedTuple):
    """The payer, the destination's number, and that of a third party."""

    served: Served
    other: Numbers
    third: Numbers | None = None


class Details(NamedTuple):
    """Columns of rows besides times and quantities. None: nothing in any row."""

    caller: Spans
    account: Spans
    other_raw: Spans
    record_id: Spans
    call_ref: Spans
    trunk_in: Spans
    trunk_out: Spans
    sequence: Amounts
    cause: NDArray[np.int16]
    call_ref_more: tuple[Spans, ...] = ()  # added to `call_ref`, with a dash before each
    record_id_more: tuple[Spans, ...] = ()  # added to `record_id`, with a dash before each
    other_text: Spans | None = None  # APN, content, URI
    routing_number: Spans | None = None
    location: Spans | None = None
    serving_plmn: Amounts | None = None
    rating_group: Amounts | None = None
    third: Spans | None = None  # number of the party who forwarded the call
    segment_first: Amounts | None = None
    segment_last: Amounts | None = None
    direction: NDArray[np.int8] | None = None  # Direction; none: originating
    leg_role: NDArray[np.int8] | None = None  # LegRole; none: call
    source_amount: Amounts | None = None  # micro-units of `source_currency`: what the source charged
    source_currency: Spans | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Events:
    """One event a row of the block; rows with a reason code hold nothing that counts."""

    start_us: NDArray[np.int64]  # chargeable start
    created_us: NDArray[np.int64]
    end_us: NDArray[np.int64]  # not before start_us
    duration_us: NDArray[np.int64]
    answered: NDArray[np.bool_]  # True too for what is neither answered nor not, such as a message that was sent
    offset_s: NDArray[np.int32]
    has_offset: NDArray[np.bool_]
    offset_origin: NDArray[np.int8]
    details: Details
    service: NDArray[np.int8] | None = None  # none: voice
    has_duration: NDArray[np.bool_] | None = None  # none: every row has one
    bytes_up: Amounts | None = None
    bytes_down: Amounts | None = None
    units: Amounts | None = None
    flags: NDArray[np.int32] | None = None  # UsageFlag bits besides UNANSWERED and ABSORBED
    agreed_start_us: NDArray[np.int64] | None = None  # what copies of a record tell of their start alike; none: all of it

    def with_details(self, details: Details) -> Events:
        """The same events with other details."""
        return dataclasses.replace(self, details=details)


def no_amounts(size: int) -> Amounts:
    """Amounts that are absent in every row."""
    return Amounts(np.zeros(size, np.int64), np.zeros(size, np.bool_))


def content_hash(block: Block, source: Source, events: Events, parties: Parties, hash_key: bytes) -> NDArray[np.uint64]:
    """128-bit hash a row of what decides the charge, and of the source's own charge columns."""
    served, other = parties.served, parties.other
    spans = [
        served.text.only(served.number.digits == 0),
        events.details.other_raw.only(other.digits == 0),
        *(block.spans(name) for name in source.charge_columns),
    ]
    values = [
        events.start_us if events.agreed_start_us is None else events.agreed_start_us,
        events.answered.astype(np.int64),
        events.duration_us,
        served.kind.astype(np.int64),
        served.number.value,
        other.value,
    ]
    hashed = columns.hashes(block, Identity(spans, values), b"content", hash_key)
    return _with_further(hashed, block, events, parties, hash_key)


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
    """The payer of each row, its destination, and the third party if there is one."""
    numbering, types = source.numbering, source.numbering.type_columns
    number = numbers.read(block, details.caller, numbering, types.served)
    other = numbers.read(block, details.other_raw, numbering, types.other)
    third = None if details.third is None else numbers.read(block, details.third, numbering, types.third)
    caller = details.caller
    if third is not None and details.third is not None and source.legs.forwarder_pays:
        forwarded = details.third.filled
        caller = details.third.where(forwarded, caller)
        number = Numbers(np.where(forwarded, third.value, number.value), np.where(forwarded, third.digits, number.digits))
    is_number, has_account = number.digits > 0, details.account.filled
    by_account = has_account if source.served is ServedBy.ACCOUNTCODE else has_account & ~is_number
    by_number = is_number & ~by_account
    kind = np.where(by_number, ServedKind.E164, np.where(by_account, ServedKind.ACCOUNT_CODE, ServedKind.EXTENSION))
    value, digits = np.where(by_number, number.value, 0), np.where(by_number, number.digits, 0)
    text = details.account.where(by_account, caller)
    return Parties(Served(kind.astype(np.int8), Numbers(value, digits.astype(np.int8)), text), other, third)


def check_ranges(block: Block, events: Events) -> None:
    """Refuse rows with quantities below zero or absurdly large, and with a start that no switch of ours has seen."""
    amounts = [found.value for found in (events.bytes_up, events.bytes_down, events.units) if found is not None]
    for value in (events.duration_us, *amounts):
        mark(block.code, value < 0, Reason.NEGATIVE_QUANTITY)
        mark(block.code, value >= QUANTITY_MAX, Reason.QUANTITY_TOO_LARGE)
    mark(block.code, (events.start_us < START_MIN_US) | (events.start_us >= START_MAX_US), Reason.TIME_OUT_OF_RANGE)
    check_texts(block, [found for found in _texts(events.details) if found is not None])


def check_texts(block: Block, texts: Sequence[Spans]) -> None:
    """Refuse rows with a text that is longer than any id or name, or holds NUL: it would be stored, counted and shown as it is."""
    has_nul = _has_nul(block, texts)
    for text in texts:
        length = text.end - text.begin
        if length.max(initial=0) > TEXT_BYTES_MAX:  # hardly ever
            mark(block.code, length > TEXT_BYTES_MAX, Reason.TEXT_TOO_LONG)
        if has_nul:
            found = np.zeros(block.size, np.bool_)
            fields.find_nul(block.data, text.begin, text.end, found)
            mark(block.code, found, Reason.NUL_CHARACTER)


def _has_nul(block: Block, texts: Sequence[Spans]) -> bool:
    """True where NUL is anywhere between the first of the texts and the last: hardly ever."""
    begin = min((int(text.begin.min()) for text in texts if text.begin.size), default=0)
    end = max((int(text.end.max()) for text in texts if text.end.size), default=0)
    return not block.data[begin:end].all()


def check_order(block: Block, time_columns: tuple[str, ...]) -> None:
    """Rows that were refused, but hold their first time in a column that is none: the file's columns are in another order."""
    wanted = ((block.code > 0) & (block.layout >= 0)).astype(np.int8)
    if not wanted.any() or not time_columns:
        return
    found = np.full(block.size, -1, np.int32)
    places = (np.ascontiguousarray(part) for part in (block.field_begin, block.field_end))
    fields.find_times(block.data, *places, block.width, wanted, found)
    for layout, names in enumerate(block.columns):
        expected = [names.index(name) for name in time_columns if name in names]
        elsewhere = (block.layout == layout) & (found >= 0) & ~np.isin(found, expected)
        block.code[elsewhere] = 0
        mark(block.code, elsewhere, Reason.COLUMNS_IN_ANOTHER_ORDER)


def _with_further(hashed: NDArray[np.uint64], block: Block, events: Events, parties: Parties, hash_key: bytes) -> NDArray[np.uint64]:
    """The hashes, changed where a row says more than a plain call does. A plain call's hash is that of the first part alone."""
    details = events.details
    amounts = (
        events.bytes_up,
        events.bytes_down,
        events.units,
        details.rating_group,
        details.segment_first,
        details.segment_last,
        details.source_amount,
    )
    nothing = np.zeros(block.size, np.int64)
    values = [column for amount in amounts for column in _columns(amount, nothing)]
    values.append(nothing if events.service is None else np.where(events.service == Service.VOICE, 0, events.service).astype(np.int64))
    values.append(nothing if events.flags is None else (events.flags & _CHARGE_FLAGS).astype(np.int64))
    values.append(nothing if parties.third is None else parties.third.value)
    text = block.empty() if details.other_text is None else details.other_text
    telling = [value != 0 for value in values if value.any()]
    if not telling and not text.filled.any():
        return hashed
    says_more = np.logical_or.reduce([text.filled, *telling])
    further = columns.hashes(block, Identity([text], values), b"further", hash_key)
    return np.where(says_more[:, None], hashed ^ further, hashed)


def _texts(details: Details) -> tuple[Spans | None, ...]:
    """Every text that is stored of a record."""
    parties = (details.caller, details.account, details.other_raw, details.third, details.routing_number, details.other_text)
    names = (details.record_id, *details.record_id_more, details.call_ref, *details.call_ref_more)
    return (*parties, *names, details.trunk_in, details.trunk_out, details.location, details.source_currency)


def _columns(amounts: Amounts | None, nothing: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Values, and 1 where there is one."""
    if amounts is None or not amounts.present.any():
        return nothing, nothing
    return np.where(amounts.present, amounts.value, 0), amounts.present.astype(np.int64)  # whatever stands beside an absent one
