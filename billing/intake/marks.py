"""Marks: rows of suspense with an event_key. Each takes stored rows of its event out of what counts, or says what they count as.

A mark of commit N hides the rows of its event that were committed up to its `through_seq`, as of N. What comes of the event later, such
as a corrected version, is appended behind it and counts. What a hidden row is in the books follows from the reason of its last mark.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray

from billing.intake.settle import Outcome, outcome_of_flags
from billing.store.tables import assemblies, suspense
from rating.schema import KEY, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Iterable


COMMIT_SEQ: Final = "commit_seq"
CONFLICTING: Final = "conflicting"  # other content came under the same key
ABSORBED_LATER: Final = "absorbed_later"  # a leg of a later file bills the call
SUPERSEDED: Final = "superseded"  # an assembled row that is no longer what its segments say
CORRECTED: Final = "corrected"  # another version counts in its stead
FUTURE_TIME: Final = "future_time"  # whole rows that wait
TOO_OLD: Final = "too_old"
COLUMNS: Final = ("event_key", "flags", COMMIT_SEQ)  # what outcomes() needs of any row,
SEGMENT_COLUMNS: Final = ("source", "call_ref")  # and of those that are segments
_VALUES_A_QUERY: Final = 500
_OUTCOMES: Final = {CONFLICTING: Outcome.CONFLICTING, ABSORBED_LATER: Outcome.ABSORBED, SUPERSEDED: Outcome.GONE}
_OF_STATE: Final = {"waiting": Outcome.WAITING, "assembled": Outcome.ABSORBED, "suspended": Outcome.SUSPENDED}
_HIDDEN_ALREADY: Final = (Outcome.CONFLICTING, Outcome.SUSPENDED, Outcome.GONE)
_BESIDE: Final = (Outcome.ASSEMBLED, Outcome.RECYCLED)


class Hidden(NamedTuple):
    """Events with stored rows that do not count: each key once, with the last commit that is hidden."""

    keys: pa.Array[Any]
    through_seq: NDArray[np.int64]


class Versions(NamedTuple):
    """Stored rows, by event key and commit; of an event one at most."""

    keys: pa.Array[Any]
    commit_seq: NDArray[np.int64]

    def holds(self, part: pa.Table) -> NDArray[np.bool_]:
        """Mask of the rows of `part` (with event_key and commit_seq) that are among them."""
        if not len(self.keys):
            return np.zeros(part.num_rows, np.bool_)
        found: Any = pc.index_in(part.column("event_key"), value_set=self.keys)
        place: NDArray[np.int32] = found.fill_null(-1).to_numpy()
        mask: NDArray[np.bool_] = (place >= 0) & (part.column(COMMIT_SEQ).to_numpy() == self.commit_seq[place])
        return mask


def as_texts(some: Versions | None) -> list[tuple[str, int]]:
    """Rows as they are stored as text: by event key in hexadecimal digits, and commit."""
    keys: list[Any] = [] if some is None else some.keys.to_pylist()
    return [] if some is None else [(key.hex(), commit) for key, commit in zip(keys, some.commit_seq.tolist(), strict=True)]


def from_texts(stored: Sequence[tuple[str, int]]) -> Versions | None:
    """The rows of `as_texts`; None for none."""
    keys, commits = [bytes.fromhex(key) for key, _ in stored], [commit for _, commit in stored]
    return Versions(keys_array(keys), np.array(commits, np.int64)) if keys else None


class Layer(NamedTuple):
    """At most one mark an event: the rows that it hides, by key and last commit, and its reason's place in `reasons`."""

    hidden: Hidden
    reason: NDArray[np.int32]
    reasons: tuple[str, ...]


class Standing(NamedTuple):
    """State by which stored rows count as of some number: marks, oldest layer first, and groups of segments that do not just wait."""

    layers: Sequence[Layer]
    groups: pa.Array[Any]  # names of `group_names`
    states: NDArray[np.int8]  # an Outcome each


def hidden(connection: sa.Connection, seq: int) -> Hidden:
    """Events with rows that do not count as of `seq`."""
    row = suspense.c
    query = sa.select(row.event_key, sa.func.max(row.through_seq)).where(row.event_key.is_not(None), row.commit_seq <= seq)
    return _hidden(connection.execute(query.group_by(row.event_key)))


def is_hidden(part: pa.Table, marked: Hidden) -> NDArray[np.bool_]:
    """Mask of rows of `part` (with event_key and commit_seq) that do not count."""
    mask, _ = _hits(part, marked)
    return mask


def keys_array(keys: Iterable[bytes]) -> pa.Array[Any]:
    """Event keys as Arrow has them."""
    return pa.array(list(keys), KEY)


def has_key(part: pa.Table, keys: pa.Array[Any]) -> NDArray[np.bool_]:
    """Mask of rows of `part` that have one of the `keys`."""
    found: Any = pc.is_in(part.column("event_key"), value_set=keys)
    mask: NDArray[np.bool_] = found.to_numpy()
    return mask


def standing(connection: sa.Connection, seq: int, rows: pa.Table | None = None) -> Standing:
    """State by which stored rows count as of `seq`: all of them, or these `rows`, which have COLUMNS and SEGMENT_COLUMNS."""
    return Standing(layers(connection, seq, rows), *_groups(connection, seq, rows))


def layers(connection: sa.Connection, seq: int, rows: pa.Table | None = None) -> list[Layer]:
    """The marks as of `seq`, oldest layer first: all of them, or those on these `rows`."""
    row = suspense.c
    query = sa.select(row.event_key, row.reason, row.through_seq).where(row.event_key.is_not(None), row.commit_seq <= seq)
    marks: list[tuple[bytes, str, int]] = []
    for chosen in _chunks(None if rows is None else rows.column("event_key").unique().to_pylist()):
        narrowed = query if chosen is None else query.where(row.event_key.in_(chosen))
        found = connection.execute(narrowed.order_by(row.commit_seq, row.suspense_id))
        marks += [(key, reason, through) for key, reason, through in found]
    return _layers(marks)


def outcomes(part: pa.Table, known: Standing) -> NDArray[np.int8]:
    """The Outcome of each stored row of `part`, which has COLUMNS, and SEGMENT_COLUMNS if any row is a segment."""
    outcome = outcome_of_flags(part.column("flags").to_numpy())
    _settle_segments(part, outcome, known)
    for layer in known.layers:
        mask, place = _hits(part, layer.hidden)
        at = np.flatnonzero(mask)
        for code in np.unique(layer.reason[place[at]]).tolist():
            rows = at[layer.reason[place[at]] == code]
            outcome[rows] = outcome_after(outcome[rows], layer.reasons[code])
    return outcome


def outcome_after(outcome: NDArray[np.int8], reason: str) -> NDArray[np.int8]:
    """Outcome of rows of `outcome` under a mark of `reason`. Assembled and recycled rows are beside what came in: they are gone."""
    after = np.full(len(outcome), _OUTCOMES.get(reason, Outcome.SUSPENDED), np.int8)
    if reason == CORRECTED:
        after = np.where(np.isin(outcome, _HIDDEN_ALREADY), outcome, after)
    return np.where(np.isin(outcome, (*_BESIDE, Outcome.GONE)), np.int8(Outcome.GONE), after)


def group_names(part: pa.Table) -> pa.ChunkedArray[Any]:
    """Name of the group of each segment: its source, and its call or session there."""
    pieces: tuple[Any, ...] = (part.column("source").cast(pa.string()), part.column("call_ref"), "\n")
    names: pa.ChunkedArray[Any] = pc.binary_join_element_wise(*pieces)
    return names


def _settle_segments(part: pa.Table, outcome: NDArray[np.int8], known: Standing) -> None:
    """Segments count as their group's state says; without a group they wait."""
    at = np.flatnonzero(outcome == Outcome.WAITING)
    if len(at) and len(known.groups):
        places: Any = pa.array(at)
        found: Any = pc.index_in(group_names(part.select(list(SEGMENT_COLUMNS)).take(places)), value_set=known.groups)
        place = found.fill_null(-1).to_numpy()
        outcome[at] = np.where(place < 0, np.int8(Outcome.WAITING), known.states[place])


def _groups(connection: sa.Connection, seq: int, rows: pa.Table | None) -> tuple[pa.Array[Any], NDArray[np.int8]]:
    """Groups and their states as of `seq`, but for those that wait: all, or those of the segments among `rows`."""
    row = assemblies.c
    newest = sa.select(sa.func.max(row.assembly_id)).where(row.commit_seq <= seq).group_by(row.source, row.call_ref)
    names, states = [], []
    for chosen in _chunks(None if rows is None else _calls_of_segments(rows)):
        narrowed = newest if chosen is None else newest.where(row.call_ref.in_(chosen))
        query = sa.select(row.source, row.call_ref, row.state).where(row.assembly_id.in_(narrowed), row.state != "waiting")
        for source, call_ref, state in connection.execute(query):
            names.append(f"{source}\n{call_ref}")
            states.append(_OF_STATE[state])
    return pa.array(names, pa.string()), np.array(states, np.int8)


def _calls_of_segments(rows: pa.Table) -> list[str]:
    is_segment = (rows.column("flags").to_numpy() & int(UsageFlag.PARTIAL)) != 0
    calls: Any = rows.column("call_ref").filter(pa.array(is_segment)).unique()
    return [call for call in calls.to_pylist() if call is not None]


def _layers(marks: Sequence[tuple[bytes, str, int]]) -> list[Layer]:
    """Marks in the order in which they were made, the n-th of each event in the n-th layer. Equal ones in a row are one."""
    of_key: dict[bytes, list[tuple[str, int]]] = collections.defaultdict(list)
    for key, reason, through in marks:
        before = of_key[key]
        if before and before[-1][0] == reason:
            before[-1] = (reason, max(through, before[-1][1]))
        else:
            before.append((reason, through))
    layers: list[list[tuple[bytes, str, int]]] = []
    for key, its_marks in of_key.items():
        for depth, (reason, through) in enumerate(its_marks):
            if depth == len(layers):
                layers.append([])
            layers[depth].append((key, reason, through))
    return [_layer(each) for each in layers]


def _layer(marks: Sequence[tuple[bytes, str, int]]) -> Layer:
    reasons = tuple(sorted({reason for _, reason, _ in marks}))
    place = {reason: index for index, reason in enumerate(reasons)}
    of_mark = np.array([place[reason] for _, reason, _ in marks], np.int32)
    return Layer(_hidden((key, through) for key, _, through in marks), of_mark, reasons)


def _hidden(pairs: Iterable[Any]) -> Hidden:
    keys, through_seq = [], []
    for key, through in pairs:
        keys.append(key)
        through_seq.append(through)
    return Hidden(keys_array(keys), np.array(through_seq, np.int64))


def _hits(part: pa.Table, marked: Hidden) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Mask of rows that a mark hides, and the place of that mark."""
    if not len(marked.keys):
        return np.zeros(part.num_rows, np.bool_), np.zeros(part.num_rows, np.int32)
    found: Any = pc.index_in(part.column("event_key"), value_set=marked.keys)
    place: NDArray[np.int32] = found.fill_null(-1).to_numpy()
    mask = (place >= 0) & (part.column(COMMIT_SEQ).to_numpy() <= marked.through_seq[place])
    return mask, place


def _chunks(values: Sequence[Any] | None) -> Iterable[Sequence[Any] | None]:
    """No restriction, or the values in pieces that a query can name."""
    if values is None:
        return [None]
    return [values[begin : begin + _VALUES_A_QUERY] for begin in range(0, len(values), _VALUES_A_QUERY)]
