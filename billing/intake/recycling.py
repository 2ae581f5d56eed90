"""Rows that come back: out of suspense, or as corrected versions of rows that count.

They are appended like any others, with the flag RECYCLED, in one commit with the marks on the rows that they replace. They count as if
they had come in time. What is marked is either the stored rows of an event, or none yet: events that wait are hidden already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.intake import finding, marks, records, view
from billing.intake.assembly import assembling
from billing.intake.batch import Batch, kept_rows
from billing.intake.columns import key_bytes
from billing.intake.legs.rules import leg_rule
from billing.intake.legs.split_calls import NamesOfFiles, settle_split_calls
from billing.intake.settle import COUNTED_NAMES, Outcome, Settled, settle
from billing.store.tables import suspense
from mediation.sources.model import Source
from rating.schema import USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from billing.intake.arrivals import Change
    from billing.intake.known_records.known_keys import KnownKeys
    from billing.store.home import Home

# Called in the transaction: with the connection, its commit, the outcome of each row (recycled, duplicate, conflicting), and the
# suspense_id of the first mark on each event that was marked.
Also: TypeAlias = Callable[[sa.Connection, int, Sequence[str], Mapping[bytes, int]], None]


class Mark(NamedTuple):
    """Stored rows of an event stop counting, because of `reason` (marks.CORRECTED: another version counts in their stead)."""

    event_key: bytes
    reason: str


class Returning(NamedTuple):
    """Rows that come back, and the marks on those that they replace. `sources`: rules by name, for segments."""

    rows: pa.Table
    replaced: Sequence[Mark]
    sources: Mapping[str, Source]


def store(home: Home, known: KnownKeys, returning: Returning, now_us: int, also: Also | None) -> int:
    """Append the rows. The caller holds the intake lock, and `known` is up to date. Returns the commit."""
    rows = _flagged(returning.rows)
    replaced = frozenset(mark.event_key for mark in returning.replaced)
    verified = known.verified(rows, forgotten=_forgotten(known, rows, now_us), replaced=replaced)
    rows = verified.usage
    settled = settle(
        key_bytes(rows.column("event_key")),
        rows.column("flags").to_numpy(),
        duplicate=verified.duplicate,
        conflicting=verified.conflicting,
    )
    judged = Settled(settled.outcome, replaced | settled.taken_back)
    rows, absorbed_later = _with_legs(home, rows, judged, returning.sources, known.names)
    disputed = replaced & _conflicting_keys(rows, settled)
    changes = [*_marks(home, returning.replaced), *_changes(home, settled.taken_back - replaced, marks.CONFLICTING)]
    changes += _disputed(home, disputed)
    changes += _changes(home, absorbed_later, marks.ABSORBED_LATER)
    assembly = assembling.settle_partials(home, rows, settled.outcome, changes=changes, sources=returning.sources, now_us=now_us)
    is_conflicting = settled.outcome == Outcome.CONFLICTING
    stored = settled.outcome != Outcome.DUPLICATE
    batch = Batch(
        (),
        rows.slice(0, 0),
        np.zeros(0, np.int8),
        {},
        changes,
        recycled=assembly.usage.filter(pa.array(stored)),
        conflicting=is_conflicting[stored],
        assembly=assembly,
    )
    names = [COUNTED_NAMES[code] for code in settled.outcome.tolist()]

    def more(connection: sa.Connection, commit_seq: int) -> None:
        if also is not None:
            also(connection, commit_seq, names, _mark_ids(connection, commit_seq, {mark.reason for mark in returning.replaced}))

    return known.store(kept_rows(batch), lambda: records.store(home, batch, now_us, more))


def _forgotten(known: KnownKeys, rows: pa.Table, now_us: int) -> NDArray[np.bool_]:
    """Rows so old that their copies may have been dropped from the index."""
    start_us: Any = rows.column("start_us").cast(pa.int64()).to_numpy()
    names = np.array(rows.column("source").cast(pa.string()).to_pylist(), dtype=object)
    forgotten = np.zeros(rows.num_rows, np.bool_)
    for source, memory in known.memory.items():
        forgotten |= (names == source) & (start_us < memory.oldest_us(now_us))
    return forgotten


def _flagged(rows: pa.Table) -> pa.Table:
    """The rows with the flag RECYCLED, in USAGE_V1."""
    flags: NDArray[np.int32] = rows.column("flags").to_numpy() | np.int32(UsageFlag.RECYCLED)
    table = rows.select(USAGE_V1.names).cast(USAGE_V1)
    return table.set_column(USAGE_V1.get_field_index("flags"), USAGE_V1.field("flags"), pa.array(flags)).combine_chunks()


def _marks(home: Home, replaced: Sequence[Mark]) -> list[Change]:
    reasons = sorted({mark.reason for mark in replaced})
    keys = [sorted({mark.event_key for mark in replaced if mark.reason == reason}) for reason in reasons]
    found = [finding.change(finding.stored_rows(home, marks.keys_array(each)), reason) for reason, each in zip(reasons, keys, strict=True)]
    return [change for change in found if change.rows.num_rows]


def _changes(home: Home, keys: frozenset[bytes], reason: str) -> list[Change]:
    return [finding.change(finding.stored_rows(home, marks.keys_array(sorted(keys))), reason)] if keys else []


def _with_legs(
    home: Home, rows: pa.Table, settled: Settled, sources: Mapping[str, Source], known: NamesOfFiles
) -> tuple[pa.Table, frozenset[bytes]]:
    """The rows, legs of calls that stored legs bill flagged as absorbed; and stored legs that one of the rows bills from now on.

    As for a file that comes in: a call bills once, even if one of its legs could not be read at first.
    """
    absorbed_later: frozenset[bytes] = frozenset()
    names = np.array(rows.column("source").cast(pa.string()).to_pylist(), dtype=object)
    never = (rows.column("flags").to_numpy() & int(view.NEVER_BILLS)) != 0
    for name in sorted(set(names.tolist()) & sources.keys()):
        rules = sources[name]
        if leg_rule(rules) is not None:
            bills = (names == name) & (settled.outcome == Outcome.RECYCLED) & ~never
            judged = np.where(bills, np.int8(Outcome.ANSWERED), np.int8(Outcome.RECYCLED))
            judged[(names == name) & (settled.outcome == Outcome.CONFLICTING)] = Outcome.CONFLICTING
            split = settle_split_calls(home, rules, rows, settled._replace(outcome=judged), known)
            rows, absorbed_later = split.usage, absorbed_later | split.absorbed_later
    return rows, absorbed_later


def _conflicting_keys(rows: pa.Table, settled: Settled) -> frozenset[bytes]:
    """Events with a version that conflicts among the rows that come back."""
    chosen = rows.column("event_key").filter(pa.array(settled.outcome == Outcome.CONFLICTING))
    return frozenset(key for key in chosen.to_pylist() if key is not None)


def _disputed(home: Home, keys: frozenset[bytes]) -> list[Change]:
    """Changes of events with several versions that come back at once: their stored rows become conflicting, after their marks."""
    if not keys:
        return []
    found = finding.stored_rows(home, marks.keys_array(sorted(keys)))
    marked = np.where(finding.counting(found.outcome), marks.outcome_after(found.outcome, marks.CORRECTED), found.outcome)
    change = finding.change(found._replace(outcome=marked), marks.CONFLICTING)
    return [change] if change.rows.num_rows else []


def _mark_ids(connection: sa.Connection, commit_seq: int, reasons: Collection[str]) -> dict[bytes, int]:
    """The first suspense_id of each event that the commit marked for one of the `reasons`."""
    row = suspense.c
    query = sa.select(row.event_key, sa.func.min(row.suspense_id)).where(row.commit_seq == commit_seq, row.event_key.is_not(None))
    found = connection.execute(query.where(row.reason.in_(reasons)).group_by(row.event_key))
    return {key: int(first) for key, first in found}
