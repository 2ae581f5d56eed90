"""Asterisk's CDR rows: `Master.csv` in its widths of 16 to 21 columns, and the order of a cdr_custom.conf.

Disposition decides whether a call was answered; one that was not and has a `billsec` above zero contradicts itself. Billable time is
`billsec` as given (decimals where the switch writes them), counted from `answer`.

A record is known by (uniqueid, sequence), else by (uniqueid, channel, dstchannel, start, dst), else by
(channel, dstchannel, start, src, dst): a call that goes from a menu to a queue leaves rows of one channel and start which differ
in the destination alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.calls.events import LEG_KEY, Details, Events, event_key, text_hash
from mediation.calls.legs import AsteriskLegs
from mediation.calls.outcomes import Timing, calls
from mediation.reasons import Reason, mark
from mediation.records import fields
from mediation.records.csv_blocks import blocks
from mediation.records.rows import Spans
from mediation.values import columns
from mediation.values.columns import Identity
from rating.dates import SECOND_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.records.rows import Block
    from mediation.sources.model import Source
    from mediation.values.columns import Amounts, Times

__all__ = ["TIME_COLUMNS", "answered_legs", "blocks", "key_fields", "read"]

TIME_COLUMNS: Final = ("start", "answer", "end")
# What the switch writes, by name or by number (CDR(disposition,u)), and the cause of ITU-T Q.850 nearest to it.
_DISPOSITIONS: Final = {
    "ANSWERED": 16,
    "8": 16,
    "NO ANSWER": 19,
    "NOANSWER": 19,
    "0": 19,
    "1": 19,
    "FAILED": 41,
    "2": 41,
    "BUSY": 17,
    "4": 17,
    "CONGESTION": 34,
    "16": 34,
    "CANCEL": 16,
    "UNKNOWN": 0,
}
_ANSWERED_WORDS: Final = (0, 1)  # positions of the two words for ANSWERED
_CAUSES: Final = np.array([*_DISPOSITIONS.values(), 0, 0], np.int16)  # the last two: -2 empty, -1 unknown


def read(block: Block, source: Source) -> Events:
    """The block's call legs. Rows that cannot be read get a reason."""
    disposition = columns.words(block, block.spans("disposition"), tuple(_DISPOSITIONS))
    start, answer, end = (columns.times(block, block.spans(name), source.timezone) for name in TIME_COLUMNS)
    duration = columns.amounts(block, block.spans("billsec"), SECOND_US)
    answered = np.isin(disposition, _ANSWERED_WORDS)
    if block.has("billsec"):
        mark(block.code, answered & ~duration.present, Reason.UNREADABLE_NUMBER)
    mark(block.code, disposition == -1, Reason.UNKNOWN_DISPOSITION)
    mark(block.code, ~answered & (duration.value > 0), Reason.ANSWER_IN_DOUBT)
    mark(block.code, answered & _is_too_long(answer, end, duration), Reason.DURATION_EXCEEDS_SPAN)
    unique_id, channel = block.spans("uniqueid"), block.spans("channel")
    details = Details(
        caller=block.spans("src"),
        account=block.spans("accountcode"),
        other_raw=block.spans("dst"),
        record_id=unique_id.where(unique_id.filled, channel),
        call_ref=block.spans("linkedid"),
        trunk_in=channel,
        trunk_out=block.spans("dstchannel"),
        sequence=columns.amounts(block, block.spans("sequence"), 1, reason=None),
        cause=_CAUSES[disposition],
    )
    return calls(block, source, Timing(start, answer, end, answered, duration), details)


def _is_too_long(answer: Times, end: Times, duration: Amounts) -> NDArray[np.bool_]:
    """Mask of rows whose `billsec` is longer than from answer to end. Both are of one clock: only what is cut off or rounded may differ."""
    longest_us = end.latest_us - answer.earliest_us + answer.fineness_us + end.fineness_us + SECOND_US
    is_span = answer.present & end.present & (longest_us >= 0)
    return is_span & duration.present & (duration.value > longest_us)


def key_fields(block: Block, leg: Events) -> Identity:
    """Fields that identify a record: the best of the three keys that the row can give, and which one it is."""
    unique_id, sequence = block.spans("uniqueid"), block.spans("sequence")
    by_sequence = unique_id.filled & sequence.filled
    by_channels = ~by_sequence
    by_parties = ~unique_id.filled
    spans = [
        unique_id,
        sequence.only(by_sequence),
        block.spans("channel").only(by_channels),
        block.spans("dstchannel").only(by_channels),
        block.spans("src").only(by_parties),
        block.spans("dst").only(by_channels),
    ]
    which = np.where(by_sequence, 1, np.where(by_parties, 3, 2))
    return Identity(spans, [which, np.where(by_channels, leg.created_us, 0)])


def answered_legs(block: Block, source: Source, leg: Events, before: int) -> AsteriskLegs:
    """The block's answered legs, for `legs`. `before` is the number of rows of the file before the block."""
    key = event_key(block, source, key_fields(block, leg), LEG_KEY)
    good = np.flatnonzero(leg.answered & (block.code == 0))
    unique_id, channel = block.spans("uniqueid"), block.spans("channel")
    return AsteriskLegs(
        row=good + before,
        linked=text_hash(block, block.spans("linkedid"))[good],
        caller=text_hash(block, unique_id.where(unique_id.filled, channel))[good],
        local_in=text_hash(block, _local_names(block, channel))[good],
        local_out=text_hash(block, _local_names(block, block.spans("dstchannel")))[good],
        begin_us=leg.start_us[good],
        end_us=leg.end_us[good],
        duration_us=leg.duration_us[good],
        sequence=leg.details.sequence.value[good],
        key=key[good, 0],
    )


def _local_names(block: Block, channel: Spans) -> Spans:
    """Names of Local channels without the mark of their half; empty for other channels."""
    is_local, end = np.zeros(block.size, np.bool_), np.zeros(block.size, np.int32)
    fields.find_local_channels(block.data, channel.begin, channel.end, is_local, end)
    return Spans(channel.begin, end).only(is_local)
