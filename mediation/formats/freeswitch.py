"""FreeSWITCH's CSV rows, in the columns of a mod_cdr_csv template.

A call was answered if it has a time of answer; one without it that has a billable time contradicts itself. Instants are taken from the
finest column there is: `*_uepoch`, `*_epoch`, `*_stamp`. The billable time is `billusec`, else `end_uepoch - answer_uepoch`, else
`billmsec`, else `billsec` as given: the switch computes billsec from whole seconds, so it may be a second off. A record is known by its
uuid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.calls.events import LEG_KEY, Details, Events, event_key, text_hash
from mediation.calls.legs import FreeswitchLegs
from mediation.calls.outcomes import Timing, calls
from mediation.reasons import Reason, mark
from mediation.records.csv_blocks import blocks
from mediation.values import columns
from mediation.values.columns import Amounts, Identity, Times
from rating.dates import SECOND_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.records.rows import Block
    from mediation.sources.model import Source

__all__ = ["TIME_COLUMNS", "answered_legs", "blocks", "key_fields", "read"]

TIME_COLUMNS: Final = ("start_stamp", "answer_stamp", "end_stamp")
# Hangup causes and their numbers: ITU-T Q.850, above 127 FreeSWITCH's own.
_CAUSES: Final = {
    "UNALLOCATED_NUMBER": 1,
    "NO_ROUTE_TRANSIT_NET": 2,
    "NO_ROUTE_DESTINATION": 3,
    "CHANNEL_UNACCEPTABLE": 6,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "NUMBER_CHANGED": 22,
    "DESTINATION_OUT_OF_ORDER": 27,
    "INVALID_NUMBER_FORMAT": 28,
    "FACILITY_REJECTED": 29,
    "NORMAL_UNSPECIFIED": 31,
    "NORMAL_CIRCUIT_CONGESTION": 34,
    "NETWORK_OUT_OF_ORDER": 38,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "SWITCH_CONGESTION": 42,
    "REQUESTED_CHAN_UNAVAIL": 44,
    "OUTGOING_CALL_BARRED": 52,
    "INCOMING_CALL_BARRED": 54,
    "BEARERCAPABILITY_NOTAVAIL": 58,
    "INCOMPATIBLE_DESTINATION": 88,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
    "MANDATORY_IE_MISSING": 96,
    "PROTOCOL_ERROR": 111,
    "INTERWORKING": 127,
    "ORIGINATOR_CANCEL": 487,
    "LOSE_RACE": 502,
    "MANAGER_REQUEST": 503,
    "ATTENDED_TRANSFER": 601,
    "ALLOTTED_TIMEOUT": 602,
    "USER_NOT_REGISTERED": 606,
    "MEDIA_TIMEOUT": 604,
    "PICKED_OFF": 605,
}
_CAUSE_NUMBERS: Final = np.array([*_CAUSES.values(), 0, 0], np.int16)  # the last two: -2 empty, -1 unknown


def read(block: Block, source: Source) -> Events:
    """The block's call legs. Rows that cannot be read get a reason."""
    start, answer, end = (_moment(block, source, name) for name in ("start", "answer", "end"))
    start = start.where(start.present | answer.present, end)  # a template without start: an unanswered call stands at its end
    answered = answer.present
    duration = _duration(block, answered)
    if any(block.has(name) for name in ("billusec", "billmsec", "billsec")):
        mark(block.code, answered & ~duration.present, Reason.UNREADABLE_NUMBER)
        mark(block.code, ~answered & (duration.value > 0), Reason.ANSWER_IN_DOUBT)
    caller, ani = block.spans("caller_id_number"), block.spans("ani")
    uuid = block.spans("uuid")
    details = Details(
        caller=caller.where(caller.filled, ani),
        account=block.spans("accountcode"),
        other_raw=block.spans("destination_number"),
        record_id=uuid,
        call_ref=block.spans("bleg_uuid"),
        trunk_in=block.spans("channel_name"),
        trunk_out=block.spans("bridge_channel"),
        sequence=Amounts(np.zeros(block.size, np.int64), np.zeros(block.size, np.bool_)),
        cause=_CAUSE_NUMBERS[columns.words(block, block.spans("hangup_cause"), tuple(_CAUSES))],
    )
    return calls(block, source, Timing(start, answer, end, answered, duration), details)


def key_fields(block: Block, leg: Events) -> Identity:  # noqa: ARG001 - one signature for all formats
    """Fields that identify a record."""
    return Identity([block.spans("uuid")], [])


def answered_legs(block: Block, source: Source, leg: Events, before: int) -> FreeswitchLegs:
    """The block's answered legs, for `legs`. `before` is the number of rows of the file before the block."""
    event_key(block, source, key_fields(block, leg), LEG_KEY)  # refuses rows without a key
    good = np.flatnonzero(leg.answered & (block.code == 0))
    uuid, b_leg = (text_hash(block, block.spans(name))[good] for name in ("uuid", "bleg_uuid"))
    return FreeswitchLegs(good + before, uuid, b_leg, leg.created_us[good], np.zeros(good.size, np.uint64))


def _moment(block: Block, source: Source, name: str) -> Times:
    """The instant `name` from the finest of its columns that has it."""
    moment = columns.times(block, block.spans(f"{name}_stamp"), source.timezone)
    for suffix, unit_us in (("epoch", SECOND_US), ("uepoch", 1)):
        if block.has(f"{name}_{suffix}"):
            finer = columns.epochs(block, block.spans(f"{name}_{suffix}"), unit_us)
            moment = finer.where(finer.present, moment)
    return moment


def _duration(block: Block, answered: NDArray[np.bool_]) -> Amounts:
    """Billable time from the truest column that has it."""
    duration = columns.amounts(block, block.spans("billsec"), SECOND_US)
    duration = _better(duration, columns.amounts(block, block.spans("billmsec"), 1000))
    ends = [columns.epochs(block, block.spans(name), 1) for name in ("answer_uepoch", "end_uepoch")]
    known = answered & ends[0].present & ends[1].present
    duration = _better(duration, Amounts(ends[1].earliest_us - ends[0].earliest_us, known))
    return _better(duration, columns.amounts(block, block.spans("billusec"), 1))


def _better(amounts: Amounts, truer: Amounts) -> Amounts:
    return Amounts(np.where(truer.present, truer.value, amounts.value), amounts.present | truer.present)
