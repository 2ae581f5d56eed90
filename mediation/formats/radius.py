"""RADIUS accounting in detail files: sessions as running totals of bytes and time.

A Start opens a session, Interim-Updates give its usage so far, a Stop gives the whole and closes it. So every record is a
running total of its session (flag CUMULATIVE): `start_us` is the session's start, the instant of the record less Acct-Session-Time,
and `duration_us` is Acct-Session-Time; bytes are gigawords * 2^32 + octets, of input (up) and output (down). Assembly computes
what the totals add. The rules of the source decide whether each addition or the whole session is rated (`each` unless they say otherwise).
With `partials: none` a Stop alone bills its session.

The instant is Event-Timestamp where the equipment gave one: seconds since 1970, or written, in the zone of the server that wrote the
file (`timezone`) unless it is UTC or an offset. Else it is the server's Timestamp less Acct-Delay-Time. A written one that names another
zone than the definition's (CST, but the definition says UTC) is ignored in favour of Timestamp, and refused where there is none; of the
two instants of an hour that clocks repeated the one nearer to Timestamp is taken.

A session is known by its equipment (NAS-Identifier, else NAS-IP-Address, else the client's address), and Acct-Unique-Session-Id,
else Acct-Session-Id. A record is known by its session, type, and, of an interim, Acct-Session-Time: copies that the
equipment sent again differ in their delay only. Where Event-Timestamp is missing, their instants may differ by what the network took;
so they are compared without. Accounting-On and -Off say that the equipment restarted: no session of it continues, and one that is joined
and still open ends with its last total. They are kept and never bill.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from mediation.assembly.rules import terms
from mediation.calls.events import Details, no_amounts
from mediation.calls.outcomes import Timing, calls
from mediation.formats.generic import named_columns
from mediation.formats.radius_lexer import WHOLE, names, room, scan_records
from mediation.reasons import Reason, mark
from mediation.records.csv_blocks import BLOCK_ROWS_MAX
from mediation.records.rows import Block, Spans
from mediation.sources.rules import Unit
from mediation.values import columns, written, written_kernel
from mediation.values.columns import Amounts, Identity, Times
from rating.dates import DAY_S, SECOND_US
from rating.model import Service
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mediation.bytes.memory_window import ByteWindow
    from mediation.calls.events import Events
    from mediation.sources.model import Source

TIME_COLUMNS: Final[tuple[str, ...]] = ()  # attributes have names: there is no order
CLOSING: Final = "Timestamp"  # servers write it last
WRITTEN_EVENT: Final = "%b %d %Y %H:%M:%S %z"
LOCAL_EVENT: Final = "%b %d %Y %H:%M:%S %Z"
ZONE_LETTERS_MAX: Final = 6
QUARTER_S: Final = 90 * DAY_S
GIGAWORD: Final = 1 << 32
GIGAWORDS_MAX: Final = 1 << 15  # 2^47 bytes
_STATUS: Final = {
    "START": "start",
    "1": "start",
    "STOP": "stop",
    "2": "stop",
    "INTERIM-UPDATE": "interim",
    "ALIVE": "interim",
    "3": "interim",
    "ACCOUNTING-ON": "restart",
    "7": "restart",
    "ACCOUNTING-OFF": "restart",
    "8": "restart",
}
_KINDS: Final = ("start", "interim", "stop", "restart")
_START, _INTERIM, _STOP, _RESTART = range(len(_KINDS))
_KIND_OF_WORD: Final = np.array([*(_KINDS.index(kind) for kind in _STATUS.values()), -1, -1], np.int64)
_CAUSES: Final = (  # Acct-Terminate-Cause, RFC 2866 section 5.10: from 1 on
    "USER-REQUEST",
    "LOST-CARRIER",
    "LOST-SERVICE",
    "IDLE-TIMEOUT",
    "SESSION-TIMEOUT",
    "ADMIN-RESET",
    "ADMIN-REBOOT",
    "PORT-ERROR",
    "NAS-ERROR",
    "NAS-REQUEST",
    "NAS-REBOOT",
    "PORT-UNNEEDED",
    "PORT-PREEMPTED",
    "PORT-SUSPENDED",
    "SERVICE-UNAVAILABLE",
    "CALLBACK",
    "USER-ERROR",
    "HOST-REQUEST",
)
_NAS: Final = ("NAS-Identifier", "NAS-IP-Address", "NAS-IPv6-Address", "Packet-Src-IP-Address", "Client-IP-Address")


def blocks(window: ByteWindow, source: Source) -> Iterator[Block]:
    """The window's records, with the attributes that are read and those that the source names."""
    wanted = tuple(dict.fromkeys((*source.layouts[0].columns, *named_columns(source))))
    attributes, found_room = names(wanted, CLOSING), room(BLOCK_ROWS_MAX, len(wanted))
    goes_on = WHOLE
    while window.begin < window.end or not window.is_last:
        found = scan_records(window.data, window.begin, window.end, found_room, attributes, is_last=window.is_last, in_long_record=goes_on)
        goes_on, size = found.in_long_record, found.size
        if size:
            yield Block(
                data=window.data,
                begin=found_room.begin[:size],
                end=found_room.end[:size],
                width=np.full(size, len(wanted), np.int32),
                code=found_room.fault[:size].copy(),
                field_begin=np.ascontiguousarray(found_room.field_begin[:-1, :size]),
                field_end=np.ascontiguousarray(found_room.field_end[:-1, :size]),
                columns=(wanted,),
                layout=np.zeros(size, np.int8),
            )
        if size < BLOCK_ROWS_MAX:
            window.go_on(found.position)
        else:
            window.begin = found.position


def read(block: Block, source: Source) -> Events:
    """The block's records. Those that cannot be read get a reason."""
    kind = _kinds(block)
    moment = _moment(block, source)
    time_used = _session_time(block, kind)
    start = _before(moment.at, time_used.value)
    no_time = start._replace(present=np.zeros(block.size, np.bool_))
    bills = kind != _RESTART
    timing = Timing(start, start, no_time, np.ones(block.size, np.bool_), time_used)
    events = calls(block, source, timing, _details(block, bills))
    up, down = (_bytes(block, side, bills & (kind != _START)) for side in ("Input", "Output"))
    mark(block.code, (kind == _STOP) & ~(up.present & down.present & time_used.present), Reason.MISSING_VALUE)
    return dataclasses.replace(
        events,
        answered=_answered(source, kind),
        service=np.full(block.size, int(Service.DATA), np.int8),
        has_duration=time_used.present,
        bytes_up=up,
        bytes_down=down,
        flags=_flags(source, kind),
        agreed_start_us=np.where(moment.is_own, events.start_us, 0),
    )


def key_fields(block: Block, events: Events) -> Identity:
    """Fields that identify a record."""
    kind = _kinds(block)
    equipment, session = nas(block), _session(block)
    mark(block.code, ~equipment.filled | ((kind != _RESTART) & ~session.filled), Reason.MISSING_KEY)
    by_time = (kind == _RESTART) | ((kind == _INTERIM) & (events.duration_us == 0))
    used_us, at_us = np.where(kind == _INTERIM, events.duration_us, 0), np.where(by_time, events.start_us, 0)
    return Identity([equipment, session], [kind, used_us, at_us])


def nas(block: Block) -> Spans:
    """The equipment that a record is of."""
    found = block.empty()
    for name in _NAS:
        found = found.where(found.filled, block.spans(name))
    return found


def _session(block: Block) -> Spans:
    """Text that distinguishes a session from others of its equipment."""
    unique = block.spans("Acct-Unique-Session-Id")
    return unique.where(unique.filled, block.spans("Acct-Session-Id"))


class _Moment(NamedTuple):
    """The instant of each record; whether the equipment gave it itself."""

    at: Times
    is_own: NDArray[np.bool_]


def _kinds(block: Block) -> NDArray[np.int64]:
    """The kind of each record; -1 of a type that is none."""
    word = columns.words(block, block.spans("Acct-Status-Type"), tuple(_STATUS))
    mark(block.code, word == -2, Reason.MISSING_VALUE)  # noqa: PLR2004 - empty
    mark(block.code, word == -1, Reason.UNKNOWN_RECORD_TYPE)
    kinds: NDArray[np.int64] = _KIND_OF_WORD[word]
    return kinds


def _moment(block: Block, source: Source) -> _Moment:
    """The instant of what each record reports."""
    received = columns.epochs(block, block.spans("Timestamp"), SECOND_US)
    delay = columns.amounts(block, block.spans("Acct-Delay-Time"), SECOND_US)
    mark(block.code, delay.value < 0, Reason.NEGATIVE_DURATION)
    sent = _before(received, delay.value)
    own = _own_moment(block, source, sent)
    moment = own.where(own.present, sent)
    mark(block.code, ~moment.present, Reason.UNREADABLE_TIME)
    return _Moment(moment, own.present)


def _own_moment(block: Block, source: Source, sent: Times) -> Times:
    """Event-Timestamp: seconds since 1970, or written; of two instants of a repeated hour the one nearer to `sent`."""
    spans = block.spans("Event-Timestamp")
    is_count = columns.amounts(block, spans, 1, reason=None).present
    counted = columns.epochs(block, spans.only(is_count), SECOND_US)
    is_written = spans.filled & ~is_count
    if not is_written.any():
        return counted
    scratch = dataclasses.replace(block, code=np.zeros(block.size, np.int8))
    exact = written.times_by(scratch, spans.only(is_written), WRITTEN_EVENT, "UTC")
    is_local = is_written & (scratch.code != 0)
    local = written.times_by(block, spans.only(is_local), LOCAL_EVENT, source.timezone)
    is_later = np.abs(local.latest_us - sent.earliest_us) < np.abs(local.earliest_us - sent.earliest_us)
    chosen_us = np.where(is_later & sent.present, local.latest_us, local.earliest_us)
    settled = np.where(sent.present, 0, local.state).astype(np.int8)
    moved_s = ((chosen_us - local.earliest_us) // SECOND_US).astype(np.int32)
    local = local._replace(earliest_us=chosen_us, latest_us=chosen_us, state=settled, offset_s=local.offset_s - moved_s)
    is_foreign = is_local & local.present & ~_names_zone(block, spans, local, source.timezone)
    mark(block.code, is_foreign & ~sent.present, Reason.OTHER_TIME_ZONE)
    local = local._replace(present=local.present & ~is_foreign)
    return counted.where(is_count, exact.where(is_written & ~is_local, local))


def _names_zone(block: Block, spans: Spans, local: Times, zone: str) -> NDArray[np.bool_]:
    """Mask of written times that end with a name which `zone` has about that time, or with none."""
    word = Spans(spans.end.copy(), spans.end)
    is_letter = (spans.end > spans.begin).copy()
    for back in range(1, ZONE_LETTERS_MAX + 1):
        before = np.maximum(spans.end - back, spans.begin)
        is_letter &= (block.data[np.minimum(before, block.data.size - 1)] | 32) >= ord("a")
        word.begin[is_letter] = before[is_letter]
    if not local.present.any():
        return np.ones(block.size, np.bool_)
    first_us, last_us = int(local.earliest_us[local.present].min()), int(local.latest_us[local.present].max())
    known = tuple(sorted(_zone_names(zone, first_us // SECOND_US, last_us // SECOND_US)))
    named: NDArray[np.bool_] = ~word.filled | (columns.words(block, word, known) >= 0)
    return named


def _zone_names(zone: str, first_s: int, last_s: int) -> set[str]:
    """The short names that a zone has from a quarter of a year before to as long after."""
    info = ZoneInfo(zone)
    steps = range(first_s - QUARTER_S, min(last_s, first_s + 40 * QUARTER_S) + 2 * QUARTER_S, QUARTER_S // 3)
    return {dt.datetime.fromtimestamp(at_s, info).strftime("%Z").upper() for at_s in steps}


def _before(times: Times, span_us: NDArray[np.int64]) -> Times:
    """The instants `span_us` earlier."""
    return times._replace(earliest_us=times.earliest_us - span_us, latest_us=times.latest_us - span_us)


def _session_time(block: Block, kind: NDArray[np.int64]) -> Amounts:
    """The duration of each session so far; 0 at its start."""
    used = columns.amounts(block, block.spans("Acct-Session-Time"), SECOND_US)
    mark(block.code, used.value < 0, Reason.NEGATIVE_DURATION)
    opens = kind == _START
    return Amounts(np.where(opens | (kind == _RESTART), 0, used.value), used.present | opens)


def _bytes(block: Block, side: str, counts: NDArray[np.bool_]) -> Amounts:
    """Bytes of one side: octets and how often their counter of 32 bits wrapped."""
    octets = written.amounts(block, block.spans(f"Acct-{side}-Octets"), Unit.BYTE)
    gigawords = written.amounts(block, block.spans(f"Acct-{side}-Gigawords"), Unit.COUNT)
    mark(block.code, (octets.value < 0) | (gigawords.value < 0), Reason.NEGATIVE_QUANTITY)
    mark(block.code, (octets.value >= GIGAWORD) | (gigawords.value >= GIGAWORDS_MAX), Reason.QUANTITY_TOO_LARGE)
    value = np.minimum(gigawords.value, GIGAWORDS_MAX) * GIGAWORD + np.minimum(octets.value, GIGAWORD)
    return Amounts(np.where(counts, value, 0), octets.present & counts)


def _answered(source: Source, kind: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask of records that can bill: with `partials: none` a Stop alone."""
    bills: NDArray[np.bool_] = kind == _STOP if terms(source, int(Service.DATA)) is None else kind != _RESTART
    return bills


def _flags(source: Source, kind: NDArray[np.int64]) -> NDArray[np.int32]:
    """Running totals of their session, which one opens and one closes; a restart closes all sessions of its equipment."""
    flags = np.zeros(kind.size, np.int32)
    flags[kind == _START], flags[(kind == _STOP) | (kind == _RESTART)] = UsageFlag.FIRST, UsageFlag.LAST
    if terms(source, int(Service.DATA)) is not None:
        flags |= UsageFlag.CUMULATIVE
    return flags


def _details(block: Block, bills: NDArray[np.bool_]) -> Details:
    """Columns of the records besides times and quantities."""
    session, name = _session(block), block.spans("Acct-Session-Id")
    station, called = block.spans("Calling-Station-Id"), block.spans("Called-Station-Id")
    user, equipment = block.spans("User-Name"), nas(block)
    is_number, is_mac = _looks_like_number(block, station), _looks_like_mac(block, called)
    cause = columns.words(block, block.spans("Acct-Terminate-Cause"), _CAUSES)
    return Details(
        caller=station.where(is_number, user.where(user.filled, station)),
        account=user,
        other_raw=block.empty(),
        record_id=name.where(name.filled, session).where(bills, block.spans("Acct-Status-Type")),
        call_ref=equipment.only(bills),
        call_ref_more=(session.only(bills),),
        trunk_in=equipment,
        trunk_out=called.only(is_mac),
        sequence=no_amounts(block.size),
        cause=np.where(cause >= 0, cause + 1, 0).astype(np.int16),
        other_text=called.only(~is_mac),
        serving_plmn=columns.networks(block, block.spans("3GPP-SGSN-MCC-MNC"), reason=None),
    )


def _looks_like_number(block: Block, spans: Spans) -> NDArray[np.bool_]:
    """Fields of digits alone, with or without a plus: the address of a network card is no telephone number."""
    found = np.zeros(block.size, np.bool_)
    written_kernel.are_numbers(block.data, spans.begin, spans.end, found)
    return found


def _looks_like_mac(block: Block, spans: Spans) -> NDArray[np.bool_]:
    """Fields that begin with the address of a radio cell or network card, such as 00-11-22-33-44-55 or 00:11:22:33:44:55."""
    size = spans.end - spans.begin
    rows = np.flatnonzero(size >= 17)  # noqa: PLR2004 - six pairs and five marks
    found = np.zeros(block.size, np.bool_)
    marks = block.data[spans.begin[rows, None] + np.array([2, 5, 8, 11, 14])]
    is_mark = (marks == ord("-")) | (marks == ord(":"))
    found[rows] = is_mark.all(axis=1)
    return found
