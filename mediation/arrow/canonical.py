"""Usage in canonical form: Arrow IPC (file or stream) and Parquet with columns of Usage v1, checked value by value like any input.

Needed are record_id, service, served_id, start_us and a quantity (duration_us, bytes_up, bytes_down or units); any other column of
Usage v1 may be there. Keys, hashes, source and place in the raw file are our own: such columns are ignored. Text may be string,
large string or dictionary; whole numbers of any width; times are timestamps with a zone, or whole microseconds since 1970. Refused as
a whole are files that are damaged, have unknown columns, columns of another type or none of the needed ones. Every mistake is reported at
once. A refused row is kept as a line of JSON, which `blocks` reads again. Memory: one record batch of the file at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mediation import decode
from mediation.arrow.canonical_files import NUMBERS_DIALLED, TAKEN, TEXTS, slices
from mediation.calls.events import Details, Events
from mediation.reasons import Reason, mark
from mediation.records.named_fields import record_block
from mediation.records.record_paths import compile_paths, scan_window
from mediation.values import columns
from mediation.values.columns import Amounts, Identity
from rating.errors import UserError
from rating.model import Service
from rating.schema import Direction, LegRole, OffsetOrigin, ServedKind, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from mediation.bytes.memory_window import ByteWindow
    from mediation.decoded import Decoded, Reject
    from mediation.records.rows import Block
    from mediation.sources.model import Source

TIME_COLUMNS: Final = ()  # columns have names: their order means nothing
INT32_MAX: Final = (1 << 31) - 1
INT16_MAX: Final = (1 << 15) - 1
_compute: Final[Any] = pc  # its stubs know no mixture of arrays and single values
_SERVICES: Final = tuple(int(kind) for kind in Service)
_FLAGS_MAX: Final = sum(UsageFlag)
_STORE_FLAGS: Final = UsageFlag.ASSEMBLED | UsageFlag.RECYCLED


def batches(path: Path, source: Source, *, hash_key: bytes) -> Iterator[Decoded]:
    """The file's rows in parts, as usage and rejects; `raw_offset` is the row's number in the file."""
    _check_names(source)
    before = 0
    for batch in slices(path):
        block = _block_of(batch, before)
        part = decode.part_of(source, block, decode.read_block(block, source), 0, hash_key)
        rejects = [_with_row(reject, batch, before) for reject in part.rejects]
        yield part._replace(usage=_with_raw_texts(part.usage, batch, before), rejects=rejects)
        before += batch.num_rows


def blocks(window: ByteWindow, source: Source) -> Iterator[Block]:  # noqa: ARG001 - one signature for all formats
    """Rows that were kept as JSON."""
    for found in scan_window(window, compile_paths({name: name for name in TAKEN})):
        begin, end = (np.stack(side) for side in zip(*(found.field(name) for name in TAKEN), strict=True))
        raw = (window.data, found.begin.copy(), found.end.copy())
        yield record_block(TAKEN, (found.text, begin, end), raw, found.fault.copy())


def read(block: Block, source: Source) -> Events:  # noqa: ARG001 - one signature for all formats
    """The block's events. Rows that cannot be read get a reason."""
    number = {name: columns.amounts(block, block.spans(name), 1) for name in TAKEN if name not in TEXTS and name != "start_us"}
    start = columns.epochs(block, block.spans("start_us"), 1)
    _check(block, number)
    mark(block.code, ~start.present, Reason.MISSING_VALUE)
    service = np.where(np.isin(number["service"].value, _SERVICES), number["service"].value, Service.VOICE)
    flags = number["flags"].value
    origin = np.where(number["offset_origin"].present, number["offset_origin"].value, OffsetOrigin.GIVEN)
    return Events(
        start_us=start.earliest_us,
        created_us=start.earliest_us,
        end_us=start.earliest_us + np.maximum(number["duration_us"].value, 0),
        duration_us=number["duration_us"].value,
        answered=flags & UsageFlag.UNANSWERED == 0,
        offset_s=number["offset_s"].value.astype(np.int32),
        has_offset=number["offset_s"].present,
        offset_origin=origin.astype(np.int8),
        details=_details(block, number),
        service=service.astype(np.int8),
        has_duration=number["duration_us"].present,
        bytes_up=number["bytes_up"],
        bytes_down=number["bytes_down"],
        units=number["units"],
        flags=flags.astype(np.int32),
    )


def key_fields(block: Block, events: Events) -> Identity:  # noqa: ARG001 - one signature for all formats
    """Fields that identify a record."""
    return Identity([block.spans("record_id")], [])


def _check_names(source: Source) -> None:
    """A definition's columns have to be such of Usage v1."""
    for name in (*source.key, *source.charge_columns, *source.sequence.per, *filter(None, [source.sequence.column])):
        if name not in TAKEN:
            raise UserError(f"source {source.name}: canonical usage has no column {name!r}", f"use {', '.join(TAKEN)}")


def _check(block: Block, number: dict[str, Amounts]) -> None:
    """The values of each row."""
    for name in ("record_id", "served_id", "service"):
        mark(block.code, ~block.spans(name).filled, Reason.MISSING_VALUE)
    service = number["service"].value
    mark(block.code, ~np.isin(service, _SERVICES), Reason.UNKNOWN_SERVICE)
    volume = number["bytes_up"].present | number["bytes_down"].present
    has_quantity = np.where(
        service == Service.VOICE, number["duration_us"].present, np.where(service == Service.DATA, volume, number["units"].present)
    )
    mark(block.code, ~has_quantity, Reason.MISSING_VALUE)
    codes = {"direction": Direction, "leg_role": LegRole, "served_kind": ServedKind, "offset_origin": OffsetOrigin}
    for name, kind in codes.items():
        mark(block.code, number[name].present & ~np.isin(number[name].value, [int(code) for code in kind]), Reason.UNREADABLE_NUMBER)
    flags = number["flags"].value
    mark(block.code, (flags < 0) | (flags > _FLAGS_MAX) | (flags & _STORE_FLAGS != 0), Reason.UNREADABLE_NUMBER)
    for name in ("offset_s", "cause", "rating_group", "serving_plmn", "segment_first", "segment_last"):
        largest = INT16_MAX if name == "cause" else INT32_MAX
        mark(block.code, np.abs(number[name].value) > largest, Reason.UNREADABLE_NUMBER)


def _details(block: Block, number: dict[str, Amounts]) -> Details:
    is_account = number["served_kind"].value == ServedKind.ACCOUNT_CODE
    served, other = block.spans("served_id"), block.spans("other_e164")
    return Details(
        caller=block.spans("served_raw").where(is_account, served),
        account=served.only(is_account),
        other_raw=other.where(other.filled, block.spans("other_raw")),
        record_id=block.spans("record_id"),
        call_ref=block.spans("call_ref"),
        trunk_in=block.spans("trunk_in"),
        trunk_out=block.spans("trunk_out"),
        sequence=number["source_seq"],
        cause=number["cause"].value.astype(np.int16),
        other_text=block.spans("other_text"),
        routing_number=block.spans("routing_number"),
        location=block.spans("location"),
        serving_plmn=number["serving_plmn"],
        rating_group=number["rating_group"],
        third=block.spans("third_e164"),
        segment_first=number["segment_first"],
        segment_last=number["segment_last"],
        direction=np.where(number["direction"].present, number["direction"].value, Direction.ORIGINATING).astype(np.int8),
        leg_role=np.where(number["leg_role"].present, number["leg_role"].value, LegRole.CALL).astype(np.int8),
        source_amount=number["source_amount_micros"],
        source_currency=block.spans("source_currency"),
    )


# ---- Arrow to text


def _block_of(batch: pa.RecordBatch, before: int) -> Block:
    """The batch's columns as texts, each after a line break; rows are at their numbers in the file."""
    size = batch.num_rows
    begin, end = np.zeros((len(TAKEN), size), np.int32), np.zeros((len(TAKEN), size), np.int32)
    pieces: list[NDArray[np.uint8]] = [np.zeros(0, np.uint8)]
    at = 0
    for place, name in enumerate(TAKEN):
        if name in batch.schema.names:
            limits, data = _text_of(batch.column(name))
            begin[place], end[place] = limits[:-1] + at + 1, limits[1:] + at
            pieces.append(data)
            at += data.size
    row = np.arange(before, before + size)
    return record_block(TAKEN, (np.concatenate(pieces), begin, end), (np.zeros(0, np.uint8), row, row))


def _text_of(texts: pa.Array[Any]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    made = _compute.binary_join_element_wise("", texts.fill_null(""), "\n")
    _, limits_buffer, data_buffer = made.buffers()
    assert limits_buffer is not None
    limits = np.frombuffer(memoryview(limits_buffer), np.int32)[made.offset : made.offset + len(made) + 1]
    data = np.zeros(0, np.uint8) if data_buffer is None else np.frombuffer(memoryview(data_buffer), np.uint8)
    return limits - limits[0], data[limits[0] : limits[-1]]


def _with_row(reject: Reject, batch: pa.RecordBatch, before: int) -> Reject:
    """The reject with its row as JSON."""
    row = {name: value for name, value in batch.slice(reject.offset - before, 1).to_pylist()[0].items() if value is not None}
    values = {name: value if name in TEXTS or name in NUMBERS_DIALLED else int(value) for name, value in row.items()}
    return decode.reject_of(reject.reason, reject.offset, msgspec.json.encode(values))


def _with_raw_texts(made: pa.Table, batch: pa.RecordBatch, before: int) -> pa.Table:
    """The texts as dialled, which the file may have besides the numbers."""
    rows = _compute.subtract(made.column("raw_offset"), before)
    for name in ("served_raw", "other_raw"):
        if name in batch.schema.names:
            given = batch.column(name).take(rows)
            place = made.schema.get_field_index(name)
            made = made.set_column(place, made.schema.field(name), _compute.coalesce(given, made.column(name)))
    return made
