"""Calls whose legs came in different files: they bill once as well. A rotation cut the log, a file grew, or each leg is a file.

Each file is judged by itself when it is decoded (mediation/legs). Here the answered legs that this left are judged once more, by the
same rules, together with stored legs of the same calls: those of one source that have a name in common (see `rules`) and start
within a day before the file's. A new leg that loses is absorbed. A stored leg that loses waits in suspense with the reason
`absorbed_later`: it counts as absorbed from this commit on, and what it was billed comes back with the next bill. A leg that was
absorbed once stays so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from billing.intake import marks, view
from billing.intake.columns import key_bytes
from billing.intake.legs.rules import leg_rule
from billing.intake.settle import Outcome
from mediation import usage
from rating.dates import DAY_US, NEVER
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from billing.intake.legs.rules import LegRule
    from billing.intake.settle import Settled
    from billing.store.home import Home
    from mediation.sources.model import Source

_BEFORE_US: Final = DAY_US  # how long a leg may have been up when another one of its call begins
_SMALL_FILE_ROWS: Final = 4096
_FILES_MAX: Final = 20_000
_NO_LEG: Final = int(view.NEVER_BILLS | UsageFlag.ASSEMBLED)


class NamesOfFiles:
    """Names of the legs in small stored files, which never change: where each leg is a file, there are thousands of them to look at."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str, int], frozenset[str]] = {}

    def rules_out(self, source: str, file: view.Stored, wanted: AbstractSet[str]) -> bool:
        """Return whether it is known that the file has no leg of the source with one of these names."""
        names = self._names.get((source, file.path, file.byte_from))
        return names is not None and names.isdisjoint(wanted)

    def learn(self, source: str, file: view.Stored, names: Sequence[pa.ChunkedArray[Any]]) -> None:
        """Remember all names of the source's legs in the file."""
        if file.rows > _SMALL_FILE_ROWS:
            return
        if len(self._names) >= _FILES_MAX:
            self._names.clear()
        self._names[source, file.path, file.byte_from] = _texts(_distinct(names))


class SplitCalls(NamedTuple):
    """The decision: usage with its flags and outcomes, and the event keys of stored legs that are absorbed from now on."""

    usage: pa.Table
    outcome: NDArray[np.int8]
    absorbed_later: frozenset[bytes]


def settle_split_calls(  # noqa: PLR0913 - what is judged, and what is known of it
    home: Home, source: Source, made: pa.Table, settled: Settled, known: NamesOfFiles, *, judged: AbstractSet[int] = frozenset()
) -> SplitCalls:
    """Judge the answered rows of `made`, all of one source, and decided so far as `settled`.

    Versions in conflict compete like the others, for one of them will count; they stay what they are.
    `judged`: commits whose rows were judged together with these already, as chunks of one file.
    """
    outcome = settled.outcome
    rule = leg_rule(source)
    competes = outcome == Outcome.ANSWERED
    competes |= (outcome == Outcome.CONFLICTING) & ((made.column("flags").to_numpy() & _NO_LEG) == 0)
    answered = np.flatnonzero(competes)
    if rule is None or not len(answered):
        return SplitCalls(made, outcome, frozenset())
    nearby = _Nearby(home, (source.name, rule, known), made, answered)
    nearby.files = [file for file in nearby.files if file.commit_seq not in judged]
    if not nearby.files:
        return SplitCalls(made, outcome, frozenset())
    legs = made.select(list(dict.fromkeys((*rule.columns, "call_ref", "record_id")))).filter(pa.array(competes))
    stored = nearby.legs_of(rule.names(legs), settled.taken_back)
    chosen = _has_any(rule.names(legs), _distinct(rule.names(stored)))
    new = legs.select(list(rule.columns)).filter(pa.array(chosen))
    lost = rule.absorbed(pa.concat_tables([new, stored.select(list(rule.columns))]))
    absorbed = np.zeros(made.num_rows, np.bool_)
    absorbed[answered[chosen][lost[: new.num_rows]]] = True
    absorbed &= outcome == Outcome.ANSWERED
    stored_keys = key_bytes(stored.column("event_key"))[lost[new.num_rows :]]
    return SplitCalls(
        usage.with_absorbed(made, absorbed),
        np.where(absorbed, np.int8(Outcome.ABSORBED), outcome),
        frozenset(key.tobytes() for key in stored_keys),
    )


class _Nearby:
    """Stored files with rows that may belong to calls of the `answered` rows of `made`, by time and source."""

    def __init__(self, home: Home, asked: tuple[str, LegRule, NamesOfFiles], made: pa.Table, answered: NDArray[np.intp]) -> None:
        self._home = home
        self._source, self._rule, self._known = asked
        rule = self._rule
        self._columns = list(dict.fromkeys((*rule.columns, "record_id", *marks.COLUMNS, *marks.SEGMENT_COLUMNS)))
        start_us = made.column("start_us").cast(pa.int64()).to_numpy()[answered]
        end_us = start_us + _durations(made)[answered]
        self._first_us = int(start_us.min(initial=NEVER)) - _BEFORE_US
        self._last_us = int(end_us.max(initial=0)) + rule.after_us + 1
        with home.connect() as connection:
            self._seq = home.head_seq(connection)
            self.files = view.stored(connection, 0, self._seq, self._first_us, self._last_us)
            self._hidden = marks.hidden(connection, self._seq)

    def legs_of(self, names: Sequence[pa.ChunkedArray[Any]], taken_back: frozenset[bytes]) -> pa.Table:
        """The stored legs that bill, or may once a conflict is decided, and whose calls are among `names`."""
        wanted, gone = _distinct(names), marks.keys_array(taken_back)
        texts = _texts(wanted) if len(wanted) <= _SMALL_FILE_ROWS else None  # for many it is no dearer to look at the files
        found = [view.schema_of(self._columns).empty_table()]
        for file in self.files:
            if texts is not None and self._known.rules_out(self._source, file, texts):
                continue
            (part,) = view.parts_under_lock(self._home, [file], ("source", "flags", "start_us", "call_ref", "record_id"), 0, self._seq)
            bills = self._bills(part)
            self._known.learn(self._source, file, self._rule.names(part.filter(pa.array(bills))))
            chosen = bills & self._is_near(part)
            if chosen.any() and (chosen := chosen & _has_any(self._rule.names(part), wanted)).any():
                (whole,) = view.parts_under_lock(self._home, [file], self._columns, 0, self._seq)
                legs = whole.filter(pa.array(chosen))
                competes = self._competes(legs) & ~marks.has_key(legs, gone)
                found.append(legs.filter(pa.array(competes)))
        return pa.concat_tables(found)

    def _competes(self, legs: pa.Table) -> NDArray[np.bool_]:
        """Legs that count, and versions in conflict: one of these will count, and which one does not matter to the others of its call."""
        hidden = marks.is_hidden(legs, self._hidden)
        if not hidden.any():
            return ~hidden
        with self._home.connect() as connection:
            outcome = marks.outcomes(legs, marks.standing(connection, self._seq, legs))
        competes: NDArray[np.bool_] = ~hidden | (outcome == Outcome.CONFLICTING)
        return competes

    def _is_near(self, part: pa.Table) -> NDArray[np.bool_]:
        begin_us: NDArray[np.int64] = part.column("start_us").cast(pa.int64()).to_numpy()
        return (begin_us >= self._first_us) & (begin_us < self._last_us)

    def _bills(self, part: pa.Table) -> NDArray[np.bool_]:
        bills: NDArray[np.bool_] = (part.column("flags").to_numpy() & _NO_LEG) == 0
        return bills & _is_in(part.column("source").cast(pa.string()), pa.array([self._source]))


def _durations(made: pa.Table) -> NDArray[np.int64]:
    column: Any = made.column("duration_us")
    durations: NDArray[np.int64] = column.fill_null(0).to_numpy()
    return durations


def _distinct(columns: Sequence[pa.ChunkedArray[Any]]) -> pa.Array[Any]:
    """Each name once, none that is null or empty."""
    chunks = [chunk for column in columns for chunk in column.chunks]
    found: Any = pa.chunked_array(chunks, pa.string()).unique()
    known: pa.Array[Any] = found.filter(pc.invert(pc.is_in(found, value_set=pa.array(["", None]))))
    return known


def _texts(names: pa.Array[Any]) -> frozenset[str]:
    return frozenset(str(name) for name in names.to_pylist())


def _has_any(columns: Sequence[pa.ChunkedArray[Any]], wanted: pa.Array[Any]) -> NDArray[np.bool_]:
    """Rows that have one of the wanted names."""
    found: NDArray[np.bool_] = np.logical_or.reduce([_is_in(column, wanted) for column in columns])
    return found


def _is_in(values: pa.ChunkedArray[Any], wanted: pa.Array[Any]) -> NDArray[np.bool_]:
    """Mask of values that are among `wanted`."""
    mask: Any = pc.is_in(values, value_set=wanted)
    found: NDArray[np.bool_] = mask.to_numpy()
    return found
