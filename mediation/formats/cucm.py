"""Call detail records of Cisco Unified Communications Manager: a line of column names, a line of types, a row a leg.

Exports may lack the line of types. It is recognised by its words, so that no record is taken for it.
Times are seconds since 1970 UTC. A call was answered if it has a time of connection (`dateTimeConnect` is not 0); its duration is
`duration`, and one above 0 without such a time contradicts it. The destination is the final called party. A forwarded call is one row:
the party who forwarded it last is in `lastRedirectDn`, unless that is the pilot of a hunt group, which forwards nothing for anyone;
it is the column `forwarder` for the rules of legs. Legs of one call share their
globalCallID, which a definition may group by (`legs`). A record is known by its `pkid`, else by the ids of its call and legs and
its origination. Files of call quality (CMR) are refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.calls.events import Details, no_amounts, text_hash
from mediation.calls.outcomes import Timing, calls
from mediation.formats.generic import named_columns
from mediation.reasons import Reason, mark
from mediation.records import csv_blocks, header_names
from mediation.records.scan import ROW_BYTES_MAX
from mediation.values import columns, written
from mediation.values.columns import Identity
from rating.dates import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mediation.bytes.memory_window import ByteWindow
    from mediation.calls.events import Events
    from mediation.records.rows import Block, Spans
    from mediation.sources.model import Source

TIME_COLUMNS: Final[tuple[str, ...]] = ()  # the header says where they are
_TYPES: Final = re.compile(
    rb"\s*\"?(integer|int|bigint|smallint|char|varchar|nvarchar|lvarchar|uniqueidentifier|timestamp|datetime)\b[^\n]*\n?", re.IGNORECASE
)
NEEDED: Final = (
    "cdrRecordType",
    "globalCallID_callManagerId",
    "globalCallID_callId",
    "dateTimeOrigination",
    "dateTimeConnect",
    "dateTimeDisconnect",
    "callingPartyNumber",
    "finalCalledPartyNumber",
    "duration",
)
OPTIONAL: Final = (
    "pkid",
    "globalCallId_ClusterID",
    "origLegCallIdentifier",
    "destLegIdentifier",
    "originalCalledPartyNumber",
    "lastRedirectDn",
    "huntPilotDN",
    "origCause_value",
    "destCause_value",
    "origDeviceName",
    "destDeviceName",
    "clientMatterCode",
)
FORWARDER: Final = "forwarder"  # a column that is made here, for `legs`
_CALL_RECORD: Final = "1"


def blocks(window: ByteWindow, source: Source) -> Iterator[Block]:
    """The window's rows, by the columns that its first line names."""
    needed = [*NEEDED, *(name for name in named_columns(source) if name != FORWARDER)]
    header = header_names.named(window, source, needed, lines=1, also_known=OPTIONAL)
    if header is not None:
        _pass_types(window)
        for rows in csv_blocks.blocks(window, header.source):
            yield written.with_columns(rows, {FORWARDER: _forwarder(rows)})


def read(block: Block, source: Source) -> Events:
    """The block's legs. Rows that cannot be read get a reason."""
    record_type = columns.words(block, block.spans("cdrRecordType"), (_CALL_RECORD,))
    mark(block.code, record_type != 0, Reason.UNKNOWN_RECORD_TYPE)
    names = ("dateTimeOrigination", "dateTimeConnect", "dateTimeDisconnect")
    start, connect, end = (columns.epochs(block, block.spans(name), SECOND_US) for name in names)
    duration = columns.amounts(block, block.spans("duration"), SECOND_US)
    mark(block.code, connect.present & ~duration.present, Reason.UNREADABLE_NUMBER)
    mark(block.code, ~connect.present & (duration.value > 0), Reason.ANSWER_IN_DOUBT)
    return calls(block, source, Timing(start, connect, end, connect.present, duration), _details(block))


def key_fields(block: Block, events: Events) -> Identity:
    """Fields that identify a record."""
    unique = block.spans("pkid")
    ids = ("globalCallId_ClusterID", "globalCallID_callManagerId", "globalCallID_callId", "origLegCallIdentifier", "destLegIdentifier")
    spans = [unique, *(block.spans(name).only(~unique.filled) for name in ids)]
    return Identity(spans, [np.where(unique.filled, 0, events.created_us)])


def _details(block: Block) -> Details:
    """Columns of the rows besides times."""
    unique, call_id = block.spans("pkid"), block.spans("globalCallID_callId")
    return Details(
        caller=block.spans("callingPartyNumber"),
        account=block.spans("clientMatterCode"),
        other_raw=block.spans("finalCalledPartyNumber"),
        record_id=unique.where(unique.filled, call_id),
        call_ref=block.spans("globalCallId_ClusterID"),
        call_ref_more=(block.spans("globalCallID_callManagerId"), call_id),
        trunk_in=block.spans("origDeviceName"),
        trunk_out=block.spans("destDeviceName"),
        sequence=no_amounts(block.size),
        cause=_cause(block),
        third=_forwarder(block),
    )


def _pass_types(window: ByteWindow) -> None:
    """Move the window behind the line of types, if it begins with one."""
    in_sight = window.data[window.begin : min(window.end, window.begin + ROW_BYTES_MAX)].tobytes()
    types = _TYPES.match(in_sight)
    if types is not None:
        window.begin += types.end()


def _forwarder(block: Block) -> Spans:
    """The party who forwarded the call: the last one who did, if it was a person's line."""
    final, original, last = (block.spans(name) for name in ("finalCalledPartyNumber", "originalCalledPartyNumber", "lastRedirectDn"))
    final_hash, original_hash, last_hash = (text_hash(block, spans) for spans in (final, original, last))
    was_forwarded = original.filled & (original_hash != final_hash) & (last_hash != final_hash)
    return last.only(was_forwarded & (last_hash != text_hash(block, block.spans("huntPilotDN"))))


def _cause(block: Block) -> NDArray[np.int16]:
    """The cause of the side that released the call: the other side has 0."""
    dest, orig = (columns.amounts(block, block.spans(f"{side}Cause_value"), 1, reason=None).value for side in ("dest", "orig"))
    cause = np.where(dest > 0, dest, orig)
    return np.where((cause >= 0) & (cause < 1 << 15), cause, 0).astype(np.int16)  # larger ones are Cisco's own, of conferences
