"""The state of a group of segments after a look at it, and the rows of tables assemblies and suspense that record it.

A group that is whole is assembled. One whose segments contradict each other is suspended at once. One that lacks a segment waits, after
each further segment as long as its source lets it; then it is suspended, and stays so until it is whole. One that was written off is
never made.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import pyarrow as pa

from billing.intake.assembly.segment_groups import (
    ASSEMBLED,
    MISSING_SEGMENT,
    SEGMENTS_DISAGREE,
    SUSPENDED,
    WAITING,
    WRITTEN_OFF,
    InSuspense,
    Past,
)
from mediation.assembly.chains import State
from mediation.assembly.rules import Terms
from rating.schema import UsageFlag

_CHARACTERS_MAX: Final = 2000
_NUMBERS_SHOWN: Final = 20
_Row = dict[str, Any]


class Group(NamedTuple):
    """A group that is looked at: its state before, its terms, and what is known of it in suspense."""

    source: str
    call_ref: str
    past: Past | None
    terms: Terms
    suspense_key: bytes
    in_suspense: InSuspense

    @property
    def is_written_off(self) -> bool:
        """True if a person decided that it is never made."""
        return self.in_suspense.decision == WRITTEN_OFF


class AssembledState(NamedTuple):
    """The state that assembly found of a group's segments. None: it has no segment that counts."""

    state: State | None
    note: str
    has_new: bool


class Verdict(NamedTuple):
    """The state of a group now; `reason` where it is suspended."""

    state: str
    note: str
    reason: str
    deadline_us: int


def verdict(group: Group, found: AssembledState, now_us: int) -> Verdict:
    """The state of `group` at `now_us`."""
    if found.state is State.WHOLE and not group.is_written_off:
        return Verdict(ASSEMBLED, found.note, "", now_us)
    if found.state is State.DISAGREES:
        return Verdict(SUSPENDED, found.note, SEGMENTS_DISAGREE, now_us)
    past = group.past
    deadline_us = past.deadline_us if past is not None and past.state == WAITING and not found.has_new else now_us + group.terms.timeout_us
    note = "every segment" if found.state is None else found.note
    if found.state is None:
        return Verdict(WAITING, note, "", deadline_us)
    was_missed = past is not None and past.state == SUSPENDED and group.in_suspense.reason != SEGMENTS_DISAGREE
    if group.is_written_off or was_missed or deadline_us <= now_us:
        return Verdict(SUSPENDED, note, MISSING_SEGMENT, now_us)
    return Verdict(WAITING, note, "", deadline_us)


def decision(group: Group, now: Verdict) -> tuple[int, str, str] | None:
    """The decision on the group's open row in suspense: (suspense_id, kind, reason). None where it has no such row, or the row stays."""
    before = group.in_suspense
    if not before.suspense_id or (now.state == SUSPENDED and not _is_new(group, now)):
        return None
    if now.state == ASSEMBLED:
        return before.suspense_id, "recycled", "its segments are complete now"
    return before.suspense_id, "dropped", "its segments were assembled again"


def suspense_row(group: Group, now: Verdict, segments: pa.Table, *, first_is_new: bool) -> _Row | None:
    """The group's row in suspense, where it needs one. `segments`: its own, by time; `first_is_new`: the first is of the batch."""
    if now.state != SUSPENDED or group.is_written_off or not _is_new(group, now):
        return None
    (first,) = segments.slice(0, 1).to_pylist()
    return {
        "event_key": group.suspense_key,
        "content_hash": group.suspense_key,
        "source": group.source,
        "reason": now.reason,
        "raw_file_id": None if first_is_new and not first["raw_file_id"] else first["raw_file_id"],
        "raw_offset": first["raw_offset"],
        "raw_length": first["raw_length"],
        "raw": _described(group, now, segments),
        "duration_us": _duration_us(segments),
        "start_us": segments.column("start_us").cast(pa.int64())[0].as_py(),
        "served_id": first["served_id"],
        "other_raw": first["other_raw"],
    }


def _is_new(group: Group, now: Verdict) -> bool:
    """Return whether suspense has no row yet with this note and reason of the group."""
    past = group.past
    return not group.in_suspense.suspense_id or past is None or (past.missing, group.in_suspense.reason) != (now.note, now.reason)


def _described(group: Group, now: Verdict, segments: pa.Table) -> str:
    numbers = [str(number) for number in segments.column("segment_first").to_pylist() if number is not None]
    shown = ",".join(numbers[:_NUMBERS_SHOWN]) + (",..." if len(numbers) > _NUMBERS_SHOWN else "")
    what = "missing" if now.reason == MISSING_SEGMENT else "disagrees"
    return f"call_ref={group.call_ref} segments={shown or segments.num_rows} {what}: {now.note}"[:_CHARACTERS_MAX]


def _duration_us(segments: pa.Table) -> int:
    """Duration that the segments hold together: a sum; of running totals the largest."""
    durations = [value or 0 for value in segments.column("duration_us").to_pylist()]
    is_total = bool((segments.column("flags").to_numpy() & int(UsageFlag.CUMULATIVE)).any())
    return min(max(durations) if is_total else sum(durations), 2**63 - 1)
