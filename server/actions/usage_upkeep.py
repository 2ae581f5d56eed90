"""The end of waiting for segments: what a command and a call of the service do alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from billing.intake.assembly import segment_groups
from billing.intake.assembly.segment_groups import Past

if TYPE_CHECKING:
    from billing.intake.taking import Intake
    from billing.store.home import Home


class Assembled(NamedTuple):
    """Groups of segments: how many changed just now, how many there are by state, and the first of those that are incomplete."""

    changed: int
    counts: dict[str, int]
    incomplete: Sequence[Past]


def assemble(home: Home, intake: Intake, now_us: int, due_us: int | None, limit: int) -> Assembled:
    """Put groups into suspense whose time is up by `due_us` (None: now). `limit`: incomplete ones to return."""
    commit_seq = intake.assemble(now_us, due_us)
    with home.connect() as connection:
        counts = segment_groups.counts(connection)
        changed = 0 if commit_seq is None else segment_groups.changed(connection, commit_seq)
        rows = segment_groups.incomplete(connection, limit)
    states = (segment_groups.ASSEMBLED, segment_groups.WAITING, segment_groups.SUSPENDED)
    return Assembled(changed, {state: counts.get(state, 0) for state in states}, rows)
