"""Changes of the store after a look at groups of segments: made rows, counts, and rows of tables suspense and assemblies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from billing.intake.assembly import stored_segments
from billing.intake.assembly.group_verdicts import suspense_row
from billing.intake.assembly.look import group_of, taken, values
from billing.intake.assembly.segment_groups import ASSEMBLED, SUSPENDED, WAITING
from billing.intake.day_counts import CountPlace, by_day
from billing.intake.settle import COUNTED_NAMES, Outcome
from rating.schema import USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.intake.assembly.group_verdicts import Group, Verdict
    from billing.intake.assembly.look import Look
    from billing.intake.columns import Quantities

OUTCOME_OF_STATE: Final = {WAITING: Outcome.WAITING, ASSEMBLED: Outcome.ABSORBED, SUSPENDED: Outcome.SUSPENDED}
_INT64_MAX: Final = 2**63 - 1


def compared(stored: stored_segments.Stored, made: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Made rows that are not stored, and stored ones that count and are no longer made.

    The stored row of a key is its newest version that is no correction (flag RECYCLED). While the facts make just that row, every decision
    about it is kept: a correction of it, or that it was written off.
    """
    newest: dict[bytes, tuple[int, bytes, bool]] = {}
    rows = zip(
        *(values(stored.made, name) for name in ("event_key", "commit_seq", "content_hash", "flags")),
        stored.made_is_superseded.tolist(),
        strict=True,
    )
    for key, commit_seq, content, flags, is_superseded in rows:
        if not flags & UsageFlag.RECYCLED and commit_seq > newest.get(key, (-1,))[0]:
            newest[key] = (commit_seq, content, not is_superseded)
    wanted = dict(zip(values(made, "event_key"), values(made, "content_hash"), strict=True))
    stands = {key for key, (_, content, is_valid) in newest.items() if is_valid and wanted.get(key) == content}
    is_new = np.array([key not in stands for key in wanted], np.bool_)
    is_gone = np.array([key not in stands for key in values(stored.made, "event_key")], np.bool_)
    counted = stored_segments.still_counts(stored.made_outcome)
    return made.filter(pa.array(is_new)), stored.made.filter(pa.array(is_gone & counted)).select(USAGE_V1.names)


def move_stored(counts: dict[CountPlace, Quantities], look: Look, verdicts: Sequence[Verdict]) -> None:
    """Count stored segments under the outcome of their group's new state. Those that came out of suspense stay `recycled`."""
    group = look.group[: look.stored_rows]
    segments = look.segments.slice(0, look.stored_rows)
    is_recycled = (segments.column("flags").to_numpy() & int(UsageFlag.RECYCLED)) != 0
    before = np.array([OUTCOME_OF_STATE[WAITING if each.past is None else each.past.state] for each in look.groups], np.int8)[group]
    after = np.array([OUTCOME_OF_STATE[each.state] for each in verdicts], np.int8)[group]
    for old, new in {(old, new) for old, new in zip(before.tolist(), after.tolist(), strict=True) if old != new}:
        moved = segments.filter(pa.array((before == old) & (after == new) & ~is_recycled))
        count(counts, moved, old, -1)
        count(counts, moved, new, 1)


def count(counts: dict[CountPlace, Quantities], rows: pa.Table, outcome: int, sign: int) -> None:
    """Add or take away rows under one outcome, each at its source, file and day."""
    if rows.num_rows == 0:
        return
    sources: Any = rows.column("source").cast(pa.string())
    file_ids = rows.column("raw_file_id").to_numpy()
    for source in sources.unique().to_pylist():
        is_of_source = np.array([each == source for each in sources.to_pylist()], np.bool_)
        for file_id in np.unique(file_ids[is_of_source]).tolist():
            chosen = rows.filter(pa.array(is_of_source & (file_ids == file_id)))
            for day, code, each in by_day(chosen, np.full(chosen.num_rows, outcome, np.int8)):
                counts[CountPlace(source, file_id, day, COUNTED_NAMES[code])] += each if sign > 0 else -each


def suspense_rows(look: Look, verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """A row for each group that goes into suspense."""
    start_us = look.segments.column("start_us").cast(pa.int64()).to_numpy()
    order = np.lexsort((start_us, look.group))
    limits = np.searchsorted(look.group[order], np.arange(len(look.groups) + 1))
    rows = []
    for place in [place for place, each in enumerate(verdicts) if each.state == SUSPENDED]:
        at = order[limits[place] : limits[place + 1]]
        first_is_new = bool(at[0] >= look.stored_rows)
        rows.append(suspense_row(look.groups[place], verdicts[place], taken(look.segments, at), first_is_new=first_is_new))
    return [row for row in rows if row is not None]


def states(look: Look, verdicts: Sequence[Verdict], made: pa.Table) -> list[dict[str, Any]]:
    """A row of table assemblies for each group."""
    start_us = np.concatenate([table.column("start_us").cast(pa.int64()).to_numpy() for table in (look.segments, made)])
    group = np.concatenate([look.group, group_of(made, look.groups)])
    first_us, last_us = (np.full(len(look.groups), value, np.int64) for value in (_INT64_MAX, -_INT64_MAX))
    np.minimum.at(first_us, group, start_us)
    np.maximum.at(last_us, group, start_us)
    segments = np.bincount(look.group, minlength=len(look.groups))
    rows = zip(look.groups, verdicts, first_us.tolist(), last_us.tolist(), segments.tolist(), strict=True)
    return [_state(*row) for row in rows]


def _state(group: Group, now: Verdict, first_us: int, last_us: int, segments: int) -> dict[str, Any]:
    past = group.past
    return {
        "source": group.source,
        "call_ref": group.call_ref,
        "state": now.state,
        "missing": now.note,
        "segments": segments,
        "first_us": first_us if past is None else min(first_us, past.first_us),
        "last_us": last_us if past is None else max(last_us, past.last_us),
        "deadline_us": now.deadline_us,
        "rule": group.terms.rule.word,
        "timeout_us": group.terms.timeout_us,
    }
