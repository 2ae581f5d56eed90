"""Stored segments of some groups, and the rows that were made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from billing.intake import marks, view
from billing.intake.settle import Outcome
from rating.schema import USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from billing.intake.assembly.segment_groups import Past
    from billing.store.home import Home

_OF_ASSEMBLY = int(UsageFlag.PARTIAL | UsageFlag.ASSEMBLED)
_LOOKED_AT = ("source", "call_ref", "flags")
_COLUMNS = (*USAGE_V1.names, marks.COMMIT_SEQ)


class Stored(NamedTuple):
    """USAGE_V1 and commit_seq. `segments` are those that count; `made` are all versions of made rows."""

    segments: pa.Table
    made: pa.Table
    made_outcome: NDArray[np.int8]
    made_is_superseded: NDArray[np.bool_]


def read(home: Home, groups: Collection[Past]) -> Stored:
    """Stored segments of the groups, and rows made of them."""
    return view.steadily(lambda: _read(home, groups))


def _read(home: Home, groups: Collection[Past]) -> Stored:
    empty = view.schema_of(_COLUMNS).empty_table()
    if not groups:
        return Stored(empty, empty, np.zeros(0, np.int8), np.zeros(0, np.bool_))
    names = pa.array([past.name for past in groups])
    from_us, to_us = min(past.first_us for past in groups), max(past.last_us for past in groups) + 1
    found = [empty]
    with home.connect() as connection:
        seq = home.head_seq(connection)
        for file in view.stored(connection, 0, seq, from_us, to_us):
            if file.partial_rows != 0:
                found += _of_groups(home, file, names, seq)
        table = pa.concat_tables(found).combine_chunks()
        known = marks.Standing(marks.layers(connection, seq, table), pa.array([], pa.string()), np.zeros(0, np.int8))
    is_made = (table.column("flags").to_numpy() & int(UsageFlag.ASSEMBLED)) != 0
    hidden, superseded = hidden_rows(table, known.layers)
    made = table.filter(pa.array(is_made))
    return Stored(table.filter(pa.array(~is_made & ~hidden)), made, marks.outcomes(made, known), superseded[is_made])


def still_counts(outcome: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Mask of the made rows that count in the books."""
    counts: NDArray[np.bool_] = np.isin(outcome, (Outcome.ASSEMBLED, Outcome.RECYCLED))
    return counts


def hidden_rows(table: pa.Table, layers: Sequence[marks.Layer]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two masks: the rows that any mark hides, and those that a mark with the reason `superseded` hides."""
    hidden, superseded = np.zeros(table.num_rows, np.bool_), np.zeros(table.num_rows, np.bool_)
    for layer in layers:
        hidden |= marks.is_hidden(table, layer.hidden)
        if marks.SUPERSEDED in layer.reasons:
            places = np.flatnonzero(layer.reason == layer.reasons.index(marks.SUPERSEDED))
            keys: Any = layer.hidden.keys
            of_reason = marks.Hidden(keys.take(pa.array(places)), layer.hidden.through_seq[places])
            superseded |= marks.is_hidden(table, of_reason)
    return hidden, superseded


def _of_groups(home: Home, file: view.Stored, names: pa.Array[Any], seq: int) -> list[pa.Table]:
    """The rows of one file that belong to groups; only a file that has any is read in full."""
    (part,) = view.parts(home, [file], _LOOKED_AT, 0, seq)
    is_of_assembly = (part.column("flags").to_numpy() & _OF_ASSEMBLY) != 0
    if not is_of_assembly.any():
        return []
    found: Any = pc.is_in(marks.group_names(part), value_set=names)
    chosen = is_of_assembly & found.to_numpy()
    if not chosen.any():
        return []
    (whole,) = view.parts(home, [file], _COLUMNS, 0, seq)
    return [whole.filter(pa.array(chosen))]
