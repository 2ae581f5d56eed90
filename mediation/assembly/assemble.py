"""Groups of segments to the events that bill: the whole of assembly, as a function.

The same set of segments makes the same events in any order. Nothing here knows the time: the caller decides whether a group that is not
whole still waits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediation.assembly import events
from mediation.assembly.chains import State, judge
from mediation.assembly.rules import Rule
from mediation.assembly.segments import ordered
from rating.schema import USAGE_V1


class Groups(NamedTuple):
    """Groups to put together: a number of its group for each segment (every number from 0 on has one), and for each group its Rule.

    `as_they_are`: groups for which a person decided that no further segment will come.
    """

    of_row: NDArray[np.int64]
    rule: NDArray[np.int8]
    as_they_are: NDArray[np.bool_]


class Assembly(NamedTuple):
    """Events (USAGE_V1, flag ASSEMBLED) with the group of each; and of each group its State and what is missing or disagrees, in words."""

    events: pa.Table
    group: NDArray[np.int64]
    state: NDArray[np.int8]
    note: list[str]


def assemble(table: pa.Table, groups: Groups, hash_key: bytes) -> Assembly:
    """Put together the segments in `table` (USAGE_V1)."""
    if table.num_rows == 0:
        return Assembly(USAGE_V1.empty_table(), np.zeros(0, np.int64), np.zeros(0, np.int8), [])
    segments = ordered(table, groups.of_row)
    judged = judge(segments, groups.rule)
    makes = (judged.state == State.WHOLE) | ((judged.state == State.INCOMPLETE) & groups.as_they_are)
    is_each = groups.rule == Rule.EACH
    joins = makes & ~is_each
    whole = events.joined(segments, groups.rule, joins, hash_key)
    single, single_group = events.one_by_one(segments, makes & is_each, hash_key)
    made = pa.concat_tables([whole, single]).combine_chunks()
    state = np.where(makes, np.int8(State.WHOLE), judged.state)
    return Assembly(made, np.concatenate([np.flatnonzero(joins), single_group]), state, judged.note)
