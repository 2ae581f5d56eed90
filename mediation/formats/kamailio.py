"""Kamailio's table `acc`: a row a transaction, so that a call is the row of its INVITE and the row of its BYE.

An INVITE that was answered (2xx) opens its call, a BYE closes it. Both are segments, put together by call-id and tags in any
order, and the call lasts from the one time to the other. A BYE may come from either side, with the tags exchanged, so it names no
parties. An INVITE with another final code is a call that was not answered. Other methods are kept and never bill, nor does a BYE whose
answer only asks for a password (401, 407).

Times are those of `time_attr` (seconds since 1970, whole or with milliseconds, or written), else of `time`; where these are whole
seconds, the microseconds of `time_exten` are added. A record is known by its `id` and call-id, else by call-id, tags, method, code
and time.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.calls.events import Details, no_amounts, text_hash
from mediation.calls.outcomes import Timing, calls
from mediation.reasons import Reason, mark
from mediation.records.csv_blocks import blocks
from mediation.values import columns
from mediation.values.columns import Amounts, Identity
from rating.dates import SECOND_US
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.calls.events import Events
    from mediation.records.rows import Block, Spans
    from mediation.sources.model import Source
    from mediation.values.columns import Times

__all__ = ["TIME_COLUMNS", "blocks", "key_fields", "moment", "read", "text"]

TIME_COLUMNS: Final = ("time", "time_attr")
NULLS: Final = ("\\N", "NULL", "<NULL>")
_METHODS: Final = ("INVITE", "BYE")
_INVITE, _BYE = range(len(_METHODS))
_SUCCESS: Final = (200, 299)
_CHALLENGES: Final = (401, 407)  # the caller is asked who it is, and sends the same request again


def read(block: Block, source: Source) -> Events:
    """The block's segments and failed calls. Rows that cannot be read get a reason."""
    method = columns.words(block, block.spans("method"), _METHODS)
    code = columns.amounts(block, text(block, "sip_code"), 1)
    mark(block.code, ~code.present | ~block.spans("method").filled, Reason.MISSING_VALUE)
    is_answer = (method == _INVITE) & (code.value >= _SUCCESS[0]) & (code.value <= _SUCCESS[1])
    is_end = (method == _BYE) & ~np.isin(code.value, _CHALLENGES)
    at = moment(block, source)
    mark(block.code, ~at.present, Reason.UNREADABLE_TIME)
    absent = at._replace(present=np.zeros(block.size, np.bool_))
    timing = Timing(at, at, absent, is_answer | is_end, no_amounts(block.size))
    events = calls(block, source, timing, _details(block, method != _BYE, code.value))
    flags = np.zeros(block.size, np.int32)
    flags[is_answer], flags[is_end] = UsageFlag.PARTIAL | UsageFlag.FIRST, UsageFlag.PARTIAL | UsageFlag.LAST
    return dataclasses.replace(events, flags=flags, has_duration=~(is_answer | is_end))


def key_fields(block: Block, events: Events) -> Identity:
    """Fields that identify a record."""
    number = text(block, "id")
    spans = [number, *(text(block, name).only(~number.filled) for name in ("from_tag", "to_tag", "sip_code"))]
    spans += [text(block, "callid"), block.spans("method")]
    mark(block.code, ~text(block, "callid").filled, Reason.MISSING_KEY)
    return Identity(spans, [np.where(number.filled, 0, _key_us(block, events))])


def moment(block: Block, source: Source) -> Times:
    """The end of the transaction: `time_attr`, else `time`, with the microseconds of `time_exten` where it has whole seconds only."""
    at = _written_moment(block, source)
    fraction = _fraction(block)
    if fraction is None:
        return at
    mark(block.code, (fraction.value < 0) | (fraction.value >= SECOND_US), Reason.UNREADABLE_TIME)
    adds = fraction.present & (at.fineness_us == SECOND_US)
    more_us = np.where(adds, fraction.value, 0)
    return at._replace(
        earliest_us=at.earliest_us + more_us,
        latest_us=at.latest_us + more_us,
        fineness_us=np.where(adds, 0, at.fineness_us),
    )


def text(block: Block, name: str) -> Spans:
    """A column, empty where a database says NULL."""
    spans = block.spans(name)
    return spans.only(columns.words(block, spans, NULLS) < 0)


def _written_moment(block: Block, source: Source) -> Times:
    """`time_attr`, else `time`."""
    plain = columns.times(block, text(block, "time"), source.timezone)
    if not block.has("time_attr"):
        return plain
    told = columns.times(block, text(block, "time_attr"), source.timezone)
    return told.where(told.present, plain)


def _fraction(block: Block) -> Amounts | None:
    """The microseconds of `time_exten`; None where no row can have them."""
    return columns.amounts(block, text(block, "time_exten"), 1) if block.has("time_exten") else None


def _key_us(block: Block, events: Events) -> NDArray[np.int64]:
    """The instant by which a record without `id` is known: what `time_exten` adds to `time_attr` is no part of it, so that keys stay."""
    fraction = _fraction(block)
    if fraction is None or not block.has("time_attr"):
        return events.start_us
    by_attr = columns.times(block, text(block, "time_attr"), "UTC")  # how finely it is written is the same in every zone
    was_added = by_attr.present & (by_attr.fineness_us == SECOND_US)
    return events.start_us - np.where(was_added, fraction.value, 0)


def _details(block: Block, names_parties: NDArray[np.bool_], code: NDArray[np.int64]) -> Details:
    """Columns of the rows besides times."""
    from_tag, to_tag = text(block, "from_tag"), text(block, "to_tag")
    exchanged = text_hash(block, from_tag) > text_hash(block, to_tag)
    called, dialled = text(block, "dst_user"), text(block, "dst_ouser")
    return Details(
        caller=text(block, "src_user").only(names_parties),
        account=text(block, "account").only(names_parties),
        other_raw=called.where(called.filled, dialled).only(names_parties),
        record_id=text(block, "callid"),
        record_id_more=(block.spans("method"),),
        call_ref=text(block, "callid"),
        call_ref_more=(to_tag.where(exchanged, from_tag), from_tag.where(exchanged, to_tag)),
        trunk_in=text(block, "src_ip").only(names_parties),
        trunk_out=text(block, "dst_domain").only(names_parties),
        sequence=Amounts(*columns.amounts(block, text(block, "id"), 1, reason=None)),
        cause=np.where((code >= 0) & (code < 1000), code, 0).astype(np.int16),  # noqa: PLR2004 - three digits
    )
