"""Calls whose legs came in different files, because a rotation cut the log between them or a file grew: they bill once as well.

Each file is judged by itself when it is decoded (mediation/legs). Here the answered legs that this left are judged once more, by the
same rules, together with stored legs of the same calls: those of one source that have a linkedid or a caller's channel in common and
start within a day before the file's. A new leg that loses is absorbed. A stored leg that loses waits in suspense with the reason
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
from billing.intake.settle import Outcome
from mediation import legs, usage
from mediation.usage_legs import COLUMNS, asterisk_legs

if TYPE_CHECKING:
    from billing.store.home import Home

_BEFORE_US: Final = 86_400_000_000  # how long a leg may have been up when another one of its call begins
_CALL_COLUMNS: Final = ("source", "flags", "start_us", "call_ref", "record_id")


class SplitCalls(NamedTuple):
    """The decision: usage with its flags and outcomes, and the event keys of stored legs that are absorbed from now on."""

    usage: pa.Table
    outcome: NDArray[np.int8]
    absorbed_later: frozenset[bytes]


def settle_split_calls(home: Home, source: str, made: pa.Table, outcome: NDArray[np.int8], taken_back: frozenset[bytes]) -> SplitCalls:
    """Judge the answered rows of `made`, all of one Asterisk source. `taken_back` names stored rows that conflict with it."""
    answered = np.flatnonzero(outcome == Outcome.ANSWERED)
    nearby = _Nearby(home, source, made, answered)
    if not nearby.files:
        return SplitCalls(made, outcome, frozenset())
    names = _names(made).filter(pa.array(outcome == Outcome.ANSWERED))
    stored = nearby.legs_of(names, taken_back)
    answered = answered[_is_in(names, _distinct(_names(stored)))]
    places: Any = pa.array(answered)
    new = made.select(list(COLUMNS)).take(places)
    lost = legs.absorbed(asterisk_legs(pa.concat_tables([new, stored])))
    absorbed = np.zeros(made.num_rows, np.bool_)
    absorbed[answered[lost[: new.num_rows]]] = True
    stored_keys = key_bytes(stored.column("event_key"))[lost[new.num_rows :]]
    return SplitCalls(
        usage.with_absorbed(made, absorbed),
        np.where(absorbed, np.int8(Outcome.ABSORBED), outcome),
        frozenset(key.tobytes() for key in stored_keys),
    )


class _Nearby:
    """Stored files with rows that may belong to calls of the `answered` rows of `made`, as time and source tell."""

    def __init__(self, home: Home, source: str, made: pa.Table, answered: NDArray[np.intp]) -> None:
        self._home = home
        self._source = pa.array([source])
        start_us = made.column("start_us").cast(pa.int64()).to_numpy()[answered]
        end_us = start_us + made.column("duration_us").to_numpy()[answered]
        self._first_us = int(start_us.min(initial=view.TIME_MAX_US)) - _BEFORE_US
        self._last_us = int(end_us.max(initial=0)) + 1
        with home.connect() as connection:
            self._seq = home.head_seq(connection)
            self.files = view.stored(connection, 0, self._seq, self._first_us, self._last_us)
            self._hidden = marks.hidden(connection, self._seq)

    def legs_of(self, names: pa.ChunkedArray[Any], taken_back: frozenset[bytes]) -> pa.Table:
        """COLUMNS of the stored legs that bill and whose calls are among `names`."""
        wanted, gone = _distinct(names), marks.keys_array(taken_back)
        found = [view.schema_of(COLUMNS).empty_table()]
        for file in self.files:
            (part,) = view.parts(self._home, [file], _CALL_COLUMNS, 0, self._seq)
            chosen = self._bills_nearby(part)
            if chosen.any() and (chosen := chosen & _is_in(_names(part), wanted)).any():
                (whole,) = view.parts(self._home, [file], (*COLUMNS, marks.COMMIT_SEQ), 0, self._seq)
                legs_ = whole.filter(pa.array(chosen))
                counts = ~marks.is_hidden(legs_, self._hidden) & ~marks.has_key(legs_, gone)
                found.append(legs_.filter(pa.array(counts)).select(list(COLUMNS)))
        return pa.concat_tables(found)

    def _bills_nearby(self, part: pa.Table) -> NDArray[np.bool_]:
        begin_us = part.column("start_us").cast(pa.int64()).to_numpy()
        is_near = (begin_us >= self._first_us) & (begin_us < self._last_us)
        bills: NDArray[np.bool_] = (part.column("flags").to_numpy() & int(view.NEVER_BILLS)) == 0
        return is_near & bills & _is_in(part.column("source").cast(pa.string()), self._source)


def _names(table: pa.Table) -> pa.ChunkedArray[Any]:
    """What each row's call is known by: its linkedid, else its caller's channel; empty or null where it has neither."""
    names: pa.ChunkedArray[Any] = pc.coalesce(table.column("call_ref"), table.column("record_id"))
    return names


def _distinct(names: Any) -> pa.Array[Any]:  # noqa: ANN401 - pyarrow's stubs do not type text
    """Each name once, none that is null or empty."""
    found: Any = names.unique()
    known: pa.Array[Any] = found.filter(pc.invert(pc.is_in(found, value_set=pa.array(["", None]))))
    return known


def _is_in(values: pa.ChunkedArray[Any], wanted: pa.Array[Any]) -> NDArray[np.bool_]:
    """Which values are among `wanted`."""
    mask: Any = pc.is_in(values, value_set=wanted)
    found: NDArray[np.bool_] = mask.to_numpy()
    return found
