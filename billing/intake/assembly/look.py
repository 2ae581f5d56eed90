"""The groups that one settlement looks at, with all their segments: the stored ones that count, and those of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from billing.intake import marks
from billing.intake.assembly import segment_groups, stored_segments
from billing.intake.assembly.group_verdicts import Group
from billing.intake.assembly.segment_groups import InSuspense, Past
from mediation.assembly.rules import Rule, Terms
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.store.home import Home


class Look(NamedTuple):
    """The groups that one settlement looks at, with their segments: the stored ones first, then `new_rows` of the batch."""

    groups: Sequence[Group]
    segments: pa.Table
    group: NDArray[np.int64]  # of each segment
    stored: stored_segments.Stored
    stored_rows: int
    new_rows: NDArray[np.int64]


def groups(home: Home, wanted: Mapping[str, Terms | None], pasts: Mapping[str, Past]) -> list[Group]:
    """The `wanted` groups, by name with their terms if these are known; else the terms of the last time hold."""
    keys = {name: segment_groups.key_of(name, home.hash_key) for name in wanted}
    with home.connect() as connection:
        in_suspense = segment_groups.in_suspense(connection, [keys[name] for name in pasts])
    made = []
    for name, terms_ in wanted.items():
        past = pasts.get(name)
        source, _, call_ref = name.partition("\n")
        last_terms = Terms() if past is None else Terms(Rule[past.rule.upper()], past.timeout_us)
        made.append(Group(source, call_ref, past, terms_ or last_terms, keys[name], in_suspense.get(keys[name], InSuspense())))
    return made


def look(home: Home, groups: Sequence[Group], new: pa.Table, new_rows: NDArray[np.int64], changed: Sequence[pa.Table]) -> Look:
    """All segments of the groups that count."""
    stored = stored_segments.read(home, [group.past for group in groups if group.past is not None])
    segments = stored.segments
    gone = {key for table in changed for key in values(table, "event_key")}
    if gone:
        segments = segments.filter(pa.array(~marks.has_key(segments, marks.keys_array(sorted(gone)))))
    together = pa.concat_tables([segments.select(USAGE_V1.names), new]).combine_chunks()
    return Look(groups, together, group_of(together, groups), stored, segments.num_rows, new_rows)


def group_of(table: pa.Table, groups: Sequence[Group]) -> NDArray[np.int64]:
    """The place in `groups` of each row's group."""
    place = {f"{group.source}\n{group.call_ref}": index for index, group in enumerate(groups)}
    return np.array([place[name] for name in names(table)], np.int64)


def taken(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """Some rows, in the order given."""
    places: Any = pa.array(rows, pa.int64())
    return table.take(places)


def names(table: pa.Table) -> list[str]:
    """The name of each row's group."""
    found: Any = marks.group_names(table).to_pylist()
    assert None not in found, "a segment names its group"
    return list(found)


def values(table: pa.Table, name: str) -> list[Any]:
    """A column as Python has it."""
    found: list[Any] = table.column(name).to_pylist()
    return found
