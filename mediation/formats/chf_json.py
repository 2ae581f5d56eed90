"""5G charging data requests (3GPP TS 32.291, Nchf_ConvergedCharging) as JSON: one a file, a line each, or as a list.

Every used unit container is an event of its own, at its own start and with its rating group: the network closes a container where a
tariff changes (trigger TARIFF_TIME_CHANGE), so containers are never joined. A request without containers, as a session's first one,
is kept as an event that never bills; a one-time event without containers counts one unit. A request is known by its network function,
charging id and invocation sequence number, a container by its local sequence number besides: a retransmission is a duplicate.

Start: the first usage, else the event's time; else the time of the trigger that closed the container less the time that was used (or
less a microsecond, so that usage before a change of tariff lies before it); else the invocation. Volumes are bytes, times seconds.
Numbers of the form `msisdn-86139...` and `tel:+86139...` become `+86139...`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.calls.events import Details, Events
from mediation.formats.chf_fields import cause_numbers, served_services
from mediation.reasons import Reason, mark
from mediation.records.named_fields import record_block
from mediation.records.record_paths import check_path, compile_paths, scan_window
from mediation.records.rows import Spans
from mediation.sources.chf_paths import CLOSED_BY, FIELDS, LISTS, NUMBERS, ROWS, TARIFF_CHANGE
from mediation.values import columns
from mediation.values.columns import MNC_PLACES, Amounts, Identity, Times
from mediation.values.utc_offsets import offsets
from rating.dates import SECOND_US
from rating.model import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mediation.bytes.memory_window import ByteWindow
    from mediation.records.record_paths import Rows, ScannedRecords
    from mediation.records.rows import Block
    from mediation.sources.model import Source

TIME_COLUMNS: Final = ()  # fields have names: their order means nothing
INT32_MAX: Final = (1 << 31) - 1


def blocks(window: ByteWindow, source: Source) -> Iterator[Block]:
    """The window's containers, and requests without any; those of one request have the same place in the input."""
    further = {name: check_path(name, LISTS) for name in source.layouts[0].columns if name not in FIELDS}
    paths = compile_paths({**FIELDS, **further})
    for found in scan_window(window, paths):
        rows = found.rows(ROWS)
        spans = {name: found.row_field(name, rows) for name in (*FIELDS, *further) if name != CLOSED_BY}
        spans[CLOSED_BY] = found.first_of(CLOSED_BY, TARIFF_CHANGE, rows)
        for name in NUMBERS:
            spans[name] = _as_dialled(found.text, spans[name])
        yield _block(window, found, rows, spans)


def read(block: Block, source: Source) -> Events:
    """The block's events. Rows that cannot be read get a reason."""
    has_container = _has_container(block)
    is_single = columns.words(block, block.spans("one_time"), ("TRUE",)) == 0
    service = served_services(block)
    quantity = {name: _amounts(block, name) for name in ("total", "up", "down", "units")}
    used = columns.amounts(block, block.spans("time"), SECOND_US)
    _check(block, has_container, service, quantity, used)
    start, start_us, origin = _start(block, source, used)
    answered = has_container | (is_single & (service != Service.DATA))
    offset_s, has_offset = _offsets(block, start)
    last_us = columns.times(block, block.spans("last_usage"), source.timezone).latest_us
    up, down = _volumes(quantity)
    return Events(
        start_us=start_us,
        created_us=start_us,
        end_us=np.maximum(last_us, start_us + used.value),
        duration_us=used.value,
        answered=answered,
        offset_s=offset_s,
        has_offset=has_offset,
        offset_origin=origin,
        details=_details(block),
        service=np.where(service == 0, Service.DATA, service).astype(np.int8),  # such a row is refused
        has_duration=used.present | (service == Service.VOICE),
        bytes_up=up,
        bytes_down=down,
        units=_units(quantity["units"], answered & np.isin(service, (Service.SMS, Service.CONTENT))),
    )


def key_fields(block: Block, events: Events) -> Identity:  # noqa: ARG001 - one signature for all formats
    """Fields that identify a container: network function, session, request, rating group, place. Without a session: party and time."""
    session = [block.spans(name) for name in ("session", "pdu_session", "smf_session", "session_ref")]
    has_session = np.logical_or.reduce([span.filled for span in session])
    party = [block.spans(name).only(~has_session) for name in ("subscriber", "gpsi", "message_reference", "invoked")]
    place = [block.spans(name) for name in ("nf_name", "nf_ipv4", "nf_ipv6", "invocation", "rating_group", "place")]
    return Identity([*session, *party, *place], [_has_container(block).astype(np.int64)])


def _block(window: ByteWindow, found: ScannedRecords, rows: Rows, spans: dict[str, Spans]) -> Block:
    begin, end = (np.stack(side) for side in zip(*spans.values(), strict=True))
    raw = (window.data, found.begin[rows.record], found.end[rows.record])
    return record_block(tuple(spans), (found.text, begin, end), raw, found.fault[rows.record])


def _as_dialled(text: NDArray[np.uint8], spans: Spans) -> Spans:
    """`msisdn-86...` and `tel:+86...` as `+86...`, in place."""
    begin = spans.begin.copy()
    for scheme, skipped in ((b"msisdn-", 6), (b"tel:+", 4)):
        fits = np.flatnonzero(spans.end - spans.begin > len(scheme))
        for place, byte in enumerate(scheme):
            fits = fits[text[spans.begin[fits] + place] == byte]
        begin[fits] = spans.begin[fits] + skipped
        text[begin[fits]] = ord("+")
    return Spans(begin, spans.end)


def _has_container(block: Block) -> NDArray[np.bool_]:
    names = ("place", "time", "total", "up", "down", "units", CLOSED_BY, "triggered", "first_usage", "event_time")
    found: NDArray[np.bool_] = np.logical_or.reduce([block.spans(name).filled for name in names])
    return found


def _amounts(block: Block, name: str) -> Amounts:
    return columns.amounts(block, block.spans(name), 1)


def _check(block: Block, has_container: NDArray[np.bool_], service: NDArray[np.int8], quantity: dict[str, Amounts], used: Amounts) -> None:
    """Check that a request says what it has to say, and so does a container of each service."""
    mark(block.code, ~(block.spans("invocation").filled & block.spans("invoked").filled), Reason.MISSING_VALUE)
    mark(block.code, service == 0, Reason.UNKNOWN_SERVICE)
    mark(block.code, has_container & ~block.spans("place").filled, Reason.MISSING_VALUE)
    says_how_much = used.present | np.logical_or.reduce([amount.present for amount in quantity.values()])
    mark(block.code, has_container & ~says_how_much, Reason.MISSING_VALUE)
    mark(block.code, has_container & (service == Service.VOICE) & ~used.present, Reason.MISSING_VALUE)
    total, up, down = quantity["total"], quantity["up"], quantity["down"]
    has_all = total.present & up.present & down.present
    mark(block.code, has_all & (total.value != up.value + down.value), Reason.VOLUMES_DISAGREE)
    mark(block.code, total.present & (total.value >= 0) & (total.value < up.value + down.value), Reason.VOLUMES_DISAGREE)


def _volumes(quantity: dict[str, Amounts]) -> tuple[Amounts, Amounts]:
    """Bytes up and down. The rest of the total beyond them, or all of it without them, counts as down (or up, if only down is given)."""
    total, up, down = quantity["total"], quantity["up"], quantity["down"]
    rest = np.where(total.present, total.value - up.value - down.value, 0)
    is_up = down.present & ~up.present
    more_up, more_down = np.where(is_up, rest, 0), np.where(is_up, 0, rest)
    return (
        Amounts(up.value + more_up, up.present | (is_up & total.present)),
        Amounts(down.value + more_down, down.present | (total.present & ~is_up)),
    )


def _units(given: Amounts, counts: NDArray[np.bool_]) -> Amounts:
    """Units as given; an event that counts and gives none is one."""
    return Amounts(np.where(counts & ~given.present, 1, given.value), given.present | counts)


def _start(block: Block, source: Source, used: Amounts) -> tuple[Times, NDArray[np.int64], NDArray[np.int8]]:
    """The instant at which the row's usage began, as it is written and as it counts, and the origin of its offset."""
    first, event, closed, invoked = (
        columns.times(block, block.spans(name), source.timezone) for name in ("first_usage", "event_time", "triggered", "invoked")
    )
    by_trigger = closed.present & ~first.present & ~event.present
    moment = first.where(first.present, event.where(event.present, closed.where(closed.present, invoked)))
    mark(block.code, ~moment.present, Reason.UNREADABLE_TIME)
    start_us, origin = columns.settle(block, moment, source)
    back_us = np.where(used.present & (used.value > 0), used.value, 1)
    return moment, start_us - np.where(by_trigger, back_us, 0), origin


def _offsets(block: Block, start: Times) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The party's offset in seconds east of UTC: that of the device's time zone, else of the written time. And whether it was given."""
    own, session = (offsets(block, block.spans(name)) for name in ("container_zone", "session_zone"))
    offset_s = np.where(own.present, own.value, np.where(session.present, session.value, start.offset_s))
    return offset_s.astype(np.int32), own.present | session.present | (start.has_offset & (start.offset_s != 0))


def _details(block: Block) -> Details:
    gpsi, subscriber = block.spans("gpsi"), block.spans("subscriber")
    sender, receiver, address = block.spans("sender"), block.spans("receiver"), block.spans("receiver_address")
    called, dnn, api = block.spans("called"), block.spans("dnn"), block.spans("api")
    smf, pdu, session, reference = (block.spans(name) for name in ("smf_session", "pdu_session", "session", "session_ref"))
    session = smf.where(smf.filled, pdu.where(pdu.filled, session.where(session.filled, reference)))
    group = columns.amounts(block, block.spans("rating_group"), 1)
    mark(block.code, (group.value < 0) | (group.value > INT32_MAX), Reason.UNREADABLE_NUMBER)
    country, network = (columns.amounts(block, block.spans(name), 1) for name in ("mcc", "mnc"))
    at_country, at_network = (columns.amounts(block, block.spans(name), 1) for name in ("location_mcc", "location_mnc"))
    has_both = country.present & network.present
    plmn = np.where(has_both, country.value * MNC_PLACES + network.value, at_country.value * MNC_PLACES + at_network.value)
    return Details(
        caller=gpsi.where(gpsi.filled, sender.where(sender.filled, subscriber)),
        account=block.empty(),
        other_raw=receiver.where(receiver.filled, address.where(address.filled, called)),
        record_id=session.where(session.filled, subscriber),
        call_ref=session,
        trunk_in=block.empty(),
        trunk_out=block.empty(),
        sequence=columns.amounts(block, block.spans("invocation"), 1),
        cause=cause_numbers(block),
        record_id_more=(block.spans("invocation"), block.spans("place")),
        other_text=dnn.where(dnn.filled, api),
        location=block.spans("cell"),
        serving_plmn=Amounts(plmn, has_both | (at_country.present & at_network.present)),
        rating_group=group,
    )
