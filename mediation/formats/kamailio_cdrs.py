"""Kamailio's table `acc_cdrs`: a row a call, made by the dialog module.

By default the switch counts from the creation of the dialog, so that the time of ringing is in `start_time` and `duration`: no one
may be billed for it. A definition says `start_on_confirmed: true` if the switch is set so (cdr_start_on_confirmed = 1); then
`start_time` is the answer. Else the answer has to be in a column `answer_time` or `connect_time` (cdr_extra), and the call lasts from
there to `end_time`; an answered call without one is refused.

A call was answered if its `sip_code` is 2xx, or, without that column, if its duration is above zero: failed calls are written with
zero. A code that is none of 2xx beside a duration or a time of answer contradicts it, and the row is refused: it may be the code of
the BYE. Durations are taken as written; in scientific notation, as databases show a FLOAT, only while the last digit is worth a second
or less. A record is known by its `id`, else its call-id and tags, and its start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.calls.events import Details, no_amounts
from mediation.calls.outcomes import Timing, calls
from mediation.formats.kamailio import text
from mediation.reasons import Reason, mark
from mediation.records.csv_blocks import blocks
from mediation.sources.rules import Unit
from mediation.values import columns, written
from mediation.values.columns import Amounts, Identity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.calls.events import Events
    from mediation.records.rows import Block
    from mediation.sources.model import Source
    from mediation.values.columns import Times

__all__ = ["TIME_COLUMNS", "blocks", "key_fields", "moments", "read"]

TIME_COLUMNS: Final = ("start_time", "end_time", "answer_time", "connect_time")
_SUCCESS: Final = (200, 299)


def read(block: Block, source: Source) -> Events:
    """The block's calls. Rows that cannot be read get a reason."""
    start, answer, end = moments(block, source)
    duration = written.amounts(block, text(block, "duration"), Unit.SECOND)
    code = columns.amounts(block, text(block, "sip_code"), 1, reason=None)
    answered = _answered(code, duration)
    mark(block.code, answered & ~duration.present, Reason.UNREADABLE_NUMBER)
    mark(block.code, ~answered & code.present & (answer.present | (duration.value > 0)), Reason.ANSWER_IN_DOUBT)
    if source.start_on_confirmed:
        answer = answer.where(answer.present, start)
    else:  # the duration holds the time of ringing
        duration = no_amounts(block.size)
        mark(block.code, answered & ~(answer.present & end.present), Reason.MISSING_ANSWER_TIME)
    return calls(block, source, Timing(start, answer, end, answered, duration), _details(block, code.value))


def key_fields(block: Block, events: Events) -> Identity:
    """Fields that identify a record."""
    number = text(block, "id")
    spans = [number, *(text(block, name).only(~number.filled) for name in ("callid", "from_tag", "to_tag"))]
    return Identity(spans, [events.created_us])


def moments(block: Block, source: Source) -> tuple[Times, Times, Times]:
    """The dialog's start, the answer from a column of its own, and the end."""
    start, end, answer, connect = (columns.times(block, text(block, name), source.timezone) for name in TIME_COLUMNS)
    return start, answer.where(answer.present, connect), end


def _answered(code: Amounts, duration: Amounts) -> NDArray[np.bool_]:
    is_success = (code.value >= _SUCCESS[0]) & (code.value <= _SUCCESS[1])
    return np.where(code.present, is_success, duration.value > 0)


def _details(block: Block, code: NDArray[np.int64]) -> Details:
    """Columns of the rows besides times."""
    called, dialled, number = text(block, "dst_user"), text(block, "dst_ouser"), text(block, "id")
    call_id = text(block, "callid")
    return Details(
        caller=text(block, "src_user"),
        account=text(block, "account"),
        other_raw=called.where(called.filled, dialled),
        record_id=call_id.where(call_id.filled, number),
        call_ref=call_id,
        trunk_in=text(block, "src_ip"),
        trunk_out=text(block, "dst_domain"),
        sequence=columns.amounts(block, number, 1, reason=None),
        cause=np.where((code >= 0) & (code < 1000), code, 0).astype(np.int16),  # noqa: PLR2004 - three digits
    )
