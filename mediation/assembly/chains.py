"""Checks that the segments of a group are whole and agree.

Problem: of a call in segments 0, 1, 2 (the first flagged FIRST, the last LAST) any may be missing, come twice, or contradict the others.
A call that is rated by a part of its segments is rated wrongly, one whose segments contradict each other cannot be rated at all.

Whole is a numbered chain with its first and last segment and all between; a chain without numbers that has its first and last and no
gap in time; and running totals without numbers whose closing one is there: they hold all that came before. Groups of Rule.EACH are
always whole, for each running total says how much there is, even if others between were not seen.

Segments agree when they name the same parties, service and destination; one that says nothing agrees with all. Each number is there
once, and nothing lies beyond the first and the last. Segments of a voice call follow each other without overlapping. Cells, networks
and trunks may change while a call is up.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mediation.assembly.rules import Rule
from mediation.assembly.segments import SUMMED, Segments, integers, valid
from rating.counted import counted
from rating.dates import utc_time
from rating.model import Service
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Iterator

OVERLAP_MAX_US: Final = 2_000_000  # times and durations are often whole seconds
GAP_MAX_US: Final = 60_000_000  # between segments without numbers
_SUM_MAX: Final = 2.0**62
_GAPS_SHOWN: Final = 5
_FIRST, _LAST, _CUMULATIVE = int(UsageFlag.FIRST), int(UsageFlag.LAST), int(UsageFlag.CUMULATIVE)  # plain numbers are compared much faster
_AGREED: Final = {  # what all segments of a group must say alike, in words
    "service": "service",
    "direction": "direction",
    "leg_role": "part of the call",
    "served_kind": "kind of served party",
    "served_id": "served party",
    "other": "other party",
    "third_e164": "forwarding party",
    "other_text": "APN, content or address",
    "routing_number": "routing number",
    "rating_group": "rating group",
    "source_currency": "currency",
}


class State(enum.IntEnum):
    """The state of a group."""

    WHOLE = 0
    INCOMPLETE = 1
    DISAGREES = 2


class Judgement(NamedTuple):
    """The state of each group, and what is missing or disagrees, in words; of whole ones: what was not seen, mostly nothing."""

    state: NDArray[np.int8]
    note: list[str]


class _Gaps(NamedTuple):
    """Rows before which something is missing, by number and by time."""

    holes: NDArray[np.bool_]
    in_time: NDArray[np.bool_]


class _Fault(NamedTuple):
    """Rows that contradict what comes before them, and how to say so of one."""

    rows: NDArray[np.bool_]
    say: Callable[[int], str]


def judge(segments: Segments, rule: NDArray[np.int8]) -> Judgement:
    """Judge every group. `rule` is a Rule a group."""
    row_rule = rule[segments.group]
    gaps = _Gaps(_holes(segments), _time_gaps(segments, row_rule))
    state = np.where(_is_whole(segments, gaps), np.int8(State.WHOLE), np.int8(State.INCOMPLETE))
    state[rule == Rule.EACH] = State.WHOLE
    faults = [fault for fault in _faults(segments, row_rule) if fault.rows.any()]
    for fault in faults:
        state[segments.any_of(fault.rows)] = State.DISAGREES
    note = [""] * len(state)
    for place in np.flatnonzero(segments.any_of(gaps.holes) | (state != State.WHOLE)).tolist():
        rows = range(segments.begin[place], segments.last[place] + 1)
        if state[place] == State.DISAGREES:
            note[place] = next(fault.say(row) for fault in faults for row in rows if fault.rows[row])
        else:
            note[place] = "; ".join(_missing(segments, rows, gaps, Rule(int(rule[place]))))
    return Judgement(state, note)


def _is_whole(segments: Segments, gaps: _Gaps) -> NDArray[np.bool_]:
    """Mask of the groups that have all their segments."""
    has_first = segments.any_of(segments.has(UsageFlag.FIRST))
    has_last = segments.any_of(segments.has(UsageFlag.LAST))
    totals_suffice = segments.all_of(segments.has(UsageFlag.CUMULATIVE) & ~segments.numbered)
    return has_last & (totals_suffice | (has_first & ~segments.any_of(gaps.holes | gaps.in_time)))


def _holes(segments: Segments) -> NDArray[np.bool_]:
    """Rows whose number does not follow on the one before."""
    expected = segments.before(segments.last_number, 0) + 1
    holes: NDArray[np.bool_] = segments.numbered & ~segments.opens & (segments.first_number > expected)
    return holes


def _time_gaps(segments: Segments, row_rule: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Rows without a number that begin long after the one before ended."""
    counts = ~segments.numbered & ~segments.has(UsageFlag.CUMULATIVE) & (row_rule == Rule.JOIN)
    counts &= segments.any_of(valid(segments.table, "duration_us"))[segments.group]  # else its two ends alone say how long it was
    gaps: NDArray[np.bool_] = counts & ~segments.opens & (segments.start_us - segments.before(segments.end_us, 0) > GAP_MAX_US)
    return gaps


def _missing(segments: Segments, rows: range, gaps: _Gaps, rule: Rule) -> Iterator[str]:
    """Descriptions of the segments that a group lacks."""
    has_numbers = bool(segments.numbered[rows[0]])
    totals_suffice = not has_numbers and bool(segments.flags[rows[0]] & _CUMULATIVE)
    flags = int(np.bitwise_or.reduce(segments.flags[rows.start : rows.stop]))
    ends = rule is not Rule.EACH
    if ends and not totals_suffice and not flags & _FIRST:
        yield f"the first segment, before {segments.first_number[rows[0]]}" if has_numbers else "the segment that opens it"
    between = [_between(segments, row, gaps) for row in rows if gaps.holes[row] or gaps.in_time[row]]
    yield from between[:_GAPS_SHOWN]
    if len(between) > _GAPS_SHOWN:
        yield counted(len(between) - _GAPS_SHOWN, "more gap")
    if ends and not flags & _LAST:
        yield f"the last segment, after {segments.last_number[rows[-1]]}" if has_numbers else "the segment that closes it"


def _between(segments: Segments, row: int, gaps: _Gaps) -> str:
    """Description of the segments that are missing before `row`."""
    if gaps.in_time[row]:
        return f"what lies between {_instant(segments.end_us[row - 1])} and {_instant(segments.start_us[row])}"
    begin, end = int(segments.last_number[row - 1]) + 1, int(segments.first_number[row]) - 1
    return f"segment {begin}" if begin == end else f"segments {begin} to {end}"


def _faults(segments: Segments, row_rule: NDArray[np.int8]) -> Iterator[_Fault]:
    """Every way in which segments can contradict each other, the gravest first."""
    later = ~segments.opens
    cumulative = segments.has(UsageFlag.CUMULATIVE)
    yield _Fault(_differs(segments, segments.numbered), lambda _: "some segments have a number and others have none")
    yield _Fault(_differs(segments, cumulative), lambda _: "some segments are running totals and others are not")
    last_number = segments.before(segments.last_number, 0)
    twice = later & segments.numbered & (segments.first_number <= last_number)
    yield _Fault(twice, lambda row: f"segment {segments.first_number[row]} came twice, with other contents")
    yield _Fault(
        later & segments.before(segments.has(UsageFlag.LAST), at_begin=0), lambda row: f"{_name(segments, row)} comes after the last one"
    )
    yield _Fault(later & segments.has(UsageFlag.FIRST), lambda row: f"{_name(segments, row)} says that it is the first, and is not")
    yield from _party_faults(segments)
    yield from _time_faults(segments, row_rule, cumulative)
    yield _sum_fault(segments)


def _party_faults(segments: Segments) -> Iterator[_Fault]:
    """Rows that name another party, service or destination than the first one that says anything."""
    for name, words in _AGREED.items():
        column = _others(segments.table) if name == "other" else segments.table.column(name)
        code = _codes(column)
        if name == "served_kind":  # of a party that is not named
            code = np.where(_codes(segments.table.column("served_id")) >= 0, code, -1)
        said = np.where(code >= 0, np.arange(segments.rows), segments.rows)
        first_said = np.minimum.reduceat(said, segments.begin)[segments.group]
        expected = np.append(code, -1)[first_said]

        def say(row: int, column: Any = column, first_said: NDArray[np.int64] = first_said, words: str = words) -> str:  # noqa: ANN401 - a column
            return f"{_name(segments, row)} names another {words}: {column[row].as_py()} instead of {column[int(first_said[row])].as_py()}"

        yield _Fault((code >= 0) & (code != expected), say)


def _time_faults(segments: Segments, row_rule: NDArray[np.int8], cumulative: NDArray[np.bool_]) -> Iterator[_Fault]:
    """Segments of a voice call that do not follow each other; totals that go on after they were closed."""
    later = ~segments.opens
    is_voice = integers(segments.table, "service") == Service.VOICE
    joins = later & is_voice & (row_rule == Rule.JOIN) & ~cumulative
    earlier_start_us = segments.before(segments.start_us, 0)
    yield _Fault(joins & (segments.start_us < earlier_start_us), lambda row: f"{_name(segments, row)} begins before the one before it")
    earlier_end_us = segments.before(segments.end_us, 0)
    overlaps = joins & (segments.start_us < earlier_end_us - OVERLAP_MAX_US)
    yield _Fault(
        overlaps, lambda row: f"{_name(segments, row)} begins at {_instant(segments.start_us[row])}, before the one before it ends"
    )
    closes = later & cumulative & ~segments.numbered & segments.has(UsageFlag.LAST)
    yield _Fault(closes & (segments.end_us < earlier_end_us - OVERLAP_MAX_US), lambda _: "running totals go on after they were closed")


def _sum_fault(segments: Segments) -> _Fault:
    """Quantities that add up to more than can be counted: all rows of such a group."""
    too_much = np.zeros(segments.begin.size, np.bool_)
    for name in SUMMED:
        total = np.add.reduceat(np.abs(integers(segments.table, name).astype(np.float64)), segments.begin)
        too_much |= total > _SUM_MAX
    return _Fault(too_much[segments.group], lambda _: "the quantities add up to more than can be counted")


def _differs(segments: Segments, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows that are not as the first of their group."""
    differs: NDArray[np.bool_] = mask != mask[segments.begin][segments.group]
    return differs


def _others(table: pa.Table) -> pa.ChunkedArray[Any]:
    """The other party: its number where there is one, else what was dialled; null where nothing was said."""
    number: Any = table.column("other_e164").cast(pa.string())
    others: pa.ChunkedArray[Any] = pc.coalesce(number, _said(table.column("other_raw")))
    return others


def _codes(column: Any) -> NDArray[np.int64]:  # noqa: ANN401 - a column of any type
    """A number for each distinct value; -1 for null and empty text."""
    if isinstance(column.type, pa.DictionaryType):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        column = _said(column)
    encoded: Any = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes: NDArray[np.int64] = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return codes


def _said(column: Any) -> Any:  # noqa: ANN401 - pyarrow's stubs do not type text
    """Text, null where it is empty."""
    return pc.if_else(pc.is_in(column, value_set=pa.array([""])), pa.scalar(None, pa.string()), column)


def _name(segments: Segments, row: int) -> str:
    if segments.numbered[row]:
        return f"segment {segments.first_number[row]}"
    return f"the segment of {_instant(segments.end_us[row] if segments.flags[row] & UsageFlag.CUMULATIVE else segments.start_us[row])}"


def _instant(at_us: int) -> str:
    return utc_time(int(at_us)).isoformat()
