"""Segments of the calls and sessions that are in suspense because they are not whole or their segments disagree.

The call is one row of the table suspense; its segments are stored usage rows that count as suspended with it. A segment is called by the
key of its event, `e-...`. Corrected or written off, it takes no part as it was, and its call is put together afresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from billing.intake import marks
from billing.intake.assembly import segment_groups, stored_segments
from billing.suspense.selection import identifier, names
from billing.suspense.waiting import GROUP_REASONS, waiting

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.selection import Asking, Selection

_ALL: Final = 2**31
LISTED: Final = (
    "segment_first",
    "segment_last",
    "start_us",
    "duration_us",
    "served_id",
    "other_e164",
    "record_id",
)  # by which segments differ


class Segments(NamedTuple):
    """USAGE_V1 and commit_seq; and of each row why its call waits."""

    rows: pa.Table
    reasons: list[str]

    def listed(self) -> list[dict[str, Any]]:
        """For people: fields by which segments differ."""
        texts = self.rows.set_column(
            self.rows.schema.get_field_index("start_us"), "start_us", pc.strftime(self.rows["start_us"], "%Y-%m-%dT%H:%M:%SZ")
        )
        found: list[dict[str, Any]] = texts.select(["event_key", *LISTED]).sort_by("start_us").to_pylist()
        return [{"id": identifier(None, each.pop("event_key")), **each} for each in found]


def segments(home: Home, selection: Selection, asking: Asking) -> Segments:
    """The segments of the selected calls. An id names a call (its row in suspense) or a segment."""
    with home.connect() as connection:
        groups = waiting(connection, asking.seq, source=selection.source or None)
        reason_of, ids = _chosen(groups, selection, asking)
        known = segment_groups.incomplete(connection, _ALL) if reason_of else []
    suspended = [each for each in known if segment_groups.key_of(each.name, home.hash_key) in reason_of]
    rows = stored_segments.read(home, suspended).segments
    keys: list[bytes] = [segment_groups.key_of(str(name), home.hash_key) for name in marks.group_names(rows).to_pylist()]
    if selection.ids:
        own: list[Any] = rows["event_key"].to_pylist()
        wanted = [_is_named(selection, ids[key], segment) for key, segment in zip(keys, own, strict=True)]
        rows, keys = rows.filter(pa.array(wanted, pa.bool_())), [key for key, is_wanted in zip(keys, wanted, strict=True) if is_wanted]
    return Segments(rows, [reason_of[key] for key in keys])


def _chosen(groups: pa.Table, selection: Selection, asking: Asking) -> tuple[dict[bytes, str], dict[bytes, int]]:
    """Reason and suspense_id of each call that waits for one of the reasons, by its key."""
    known_by = asking.known_by_seq if asking.known_by_seq is not None else asking.seq
    columns: list[Any] = [groups[name].to_pylist() for name in ("event_key", "suspense_id", "source", "reason", "commit_seq")]
    anyone = selection._replace(ids=())
    chosen = [
        (key, suspense_id, reason)
        for key, suspense_id, source, reason, commit_seq in zip(*columns, strict=True)
        if reason in GROUP_REASONS and commit_seq <= known_by and anyone.wants(suspense_id, key, source, reason)
    ]
    return {key: reason for key, _, reason in chosen}, {key: suspense_id for key, suspense_id, _ in chosen}


def _is_named(selection: Selection, group_id: int, segment_key: bytes) -> bool:
    return any(names(each, group_id, None) or names(each, None, segment_key) for each in selection.ids)
