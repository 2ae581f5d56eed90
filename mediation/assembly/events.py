"""The events that groups of segments make, as rows of USAGE_V1 with the flag ASSEMBLED.

A joined event begins where its first segment begins and is what that one says it is. A value that the first leaves open is taken from the
next that has it. Its quantities are sums, its cause is the last one's. A voice call with a record of its two ends only lasts from one
to the other. Running totals that are rated one by one make an event for what each segment adds, from where the one before it
was taken; a segment that adds nothing makes none.

An event's key hashes the source and the group, of one-by-one events the segment as well: the same facts make the same key, other facts
another content under it. Its content hash is of all of its columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mediation import usage
from mediation.assembly import deltas
from mediation.assembly.rules import Rule
from mediation.assembly.segments import COUNTERS, Segments, integers, key_words, take, valid
from mediation.records.rows import Spans, text_block
from mediation.values import columns
from mediation.values.columns import Identity
from rating.model import Service
from rating.schema import INSTANT, USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_FIRST_SAID: Final = (  # what a joined event has from the first segment that says it
    "other_e164",
    "third_e164",
    "other_raw",
    "other_text",
    "routing_number",
    "trunk_in",
    "trunk_out",
    "source_currency",
    "serving_plmn",
    "rating_group",
    "location",
)
_NOT_HASHED: Final = ("event_key", "content_hash", "raw_file_id", "raw_offset", "raw_length")
_Columns = dict[str, Any]


def joined(segments: Segments, rule: NDArray[np.int8], chosen: NDArray[np.bool_], hash_key: bytes) -> pa.Table:
    """One event for each `chosen` group, in order."""
    groups = np.flatnonzero(chosen)
    first, last = segments.begin[groups], segments.last[groups]
    made: _Columns = {name: _first_said(segments, name, groups) for name in _FIRST_SAID}
    grown = deltas.added(segments)
    for name in COUNTERS:
        known = segments.any_of(valid(segments.table, name))[groups]
        made[name] = usage.integers(segments.sums(grown[name])[groups], known, pa.int64())
    made["duration_us"] = _with_spans(segments, groups, made["duration_us"])
    is_message = rule[groups] == Rule.MESSAGE
    if is_message.any():
        made["units"] = pc.if_else(pa.array(is_message), pa.scalar(1, pa.int64()), made["units"])
    amount = integers(segments.table, "source_amount_micros")
    has_amount = segments.any_of(valid(segments.table, "source_amount_micros"))[groups]
    made["source_amount_micros"] = usage.integers(segments.sums(amount)[groups], has_amount, pa.int64())
    made["cause"] = take(segments.table.column("cause"), last)
    made["segment_first"] = usage.integers(segments.first_number[first], segments.numbered[first], pa.int32())
    made["segment_last"] = usage.integers(segments.last_number[last], segments.numbered[last], pa.int32())
    return _events(segments, first, made, hash_key, np.zeros((groups.size, 2), np.int64))


def one_by_one(segments: Segments, chosen: NDArray[np.bool_], hash_key: bytes) -> tuple[pa.Table, NDArray[np.int64]]:
    """Events of what each segment of the `chosen` groups adds, and the group of each of these events."""
    grown = deltas.added(segments)
    adds = np.logical_or.reduce([grown[name] != 0 for name in COUNTERS])
    rows = np.flatnonzero(adds & chosen[segments.group])
    made: _Columns = {name: usage.integers(grown[name][rows], valid(segments.table, name)[rows], pa.int64()) for name in COUNTERS}
    has_time = valid(segments.table, "duration_us")
    begin_us = np.where(has_time, segments.end_us - grown["duration_us"], segments.before(segments.start_us, 0))
    begin_us = np.where(~has_time & segments.opens, segments.start_us, begin_us)
    made["start_us"] = pa.array(begin_us[rows]).cast(INSTANT)
    number = np.where(segments.opens, segments.first_number, segments.before(segments.last_number, 0) + 1)
    made["segment_first"] = usage.integers(number[rows], segments.numbered[rows], pa.int32())
    made["segment_last"] = usage.integers(segments.last_number[rows], segments.numbered[rows], pa.int32())
    made["record_id"] = take(segments.table.column("record_id"), rows)
    keys = key_words(segments.table)[rows].view(np.int64)
    return _events(segments, rows, made, hash_key, keys), segments.group[rows]


def _events(segments: Segments, like: NDArray[np.int64], made: Mapping[str, Any], hash_key: bytes, identity: NDArray[np.int64]) -> pa.Table:
    """Events that are as the rows `like`, but for the columns `made`. `identity` distinguishes events of one group."""
    table = take(segments.table, like)
    size = table.num_rows
    nothing = pa.array(np.zeros(size, np.int64))
    fixed: _Columns = {
        "record_id": table.column("call_ref"),
        "source_seq": pa.nulls(size, pa.int64()),
        "raw_file_id": nothing,
        "raw_offset": nothing,
        "raw_length": nothing,
        "flags": pa.array(np.full(size, int(UsageFlag.ASSEMBLED), np.int32)),
    }
    for name, column in {**fixed, **made}.items():
        field = USAGE_V1.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, column.cast(field.type))
    return _with_hashes(table, hash_key, identity)


def _with_hashes(table: pa.Table, hash_key: bytes, identity: NDArray[np.int64]) -> pa.Table:
    """The same events with their event_key and content_hash."""
    texts = [field.name for field in USAGE_V1 if field.type == pa.string() or isinstance(field.type, pa.DictionaryType)]
    numbers = [field.name for field in USAGE_V1 if field.name not in {*texts, *_NOT_HASHED}]
    block = text_block([_text(table, name) for name in texts])
    spans = {name: Spans(block.field_begin[place], block.field_end[place]) for place, name in enumerate(texts)}
    key = Identity([spans["source"], spans["call_ref"]], [identity[:, 0], identity[:, 1]])
    values = [integers(table, name) for name in numbers] + [valid(table, name).astype(np.int64) for name in numbers]
    hashes = {
        "event_key": columns.hashes(block, key, b"assembled\0", hash_key),
        "content_hash": columns.hashes(block, Identity(list(spans.values()), values), b"assembled content\0", hash_key),
    }
    for name, hashed in hashes.items():
        table = table.set_column(table.schema.get_field_index(name), USAGE_V1.field(name), usage.key_array(hashed))
    return table


def _with_spans(segments: Segments, groups: NDArray[np.int64], durations: Any) -> Any:  # noqa: ANN401 - a column of any type
    """The durations of voice calls; of one whose first and last records are the times of its ends alone, the time between them."""
    first, last = segments.begin[groups], segments.last[groups]
    has_ends = segments.has(UsageFlag.FIRST)[first] & segments.has(UsageFlag.LAST)[last]
    is_voice = integers(segments.table, "service")[first] == Service.VOICE
    spans_us = segments.start_us[last] - segments.start_us[first]
    spanned = has_ends & is_voice & durations.is_null().to_numpy(zero_copy_only=False)
    return pc.if_else(pa.array(spanned), pa.array(spans_us), durations)


def _first_said(segments: Segments, name: str, groups: NDArray[np.int64]) -> Any:  # noqa: ANN401 - a column of any type
    """A column's first value in each of the groups that is not null."""
    said = np.where(valid(segments.table, name), np.arange(segments.rows), segments.rows)
    place = np.minimum.reduceat(said, segments.begin)[groups]
    places: Any = pa.array(place, pa.int64(), mask=place == segments.rows)
    return segments.table.column(name).take(places)


def _text(table: pa.Table, name: str) -> Any:  # noqa: ANN401 - pyarrow's stubs do not type text
    """A column's text, empty where it is null."""
    column: Any = table.column(name).cast(pa.string())
    return pc.fill_null(column, "").combine_chunks()
