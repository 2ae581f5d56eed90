"""The records that a recycling would bring back: as they would be stored, what is wrong with those that cannot be, and what they replace.

Four kinds of record wait, and each comes back by its own way:

    could not be read     decoded once more from its bytes, by the definition that its source has now (in the rule's zone, if it has one)
    stored, but waits     the stored row (future_time, too_old, ...)
    refused by rating     the stored row, which counts; only a rule makes anything else of it, so without one it is left alone

    a segment             one of a call or session that is not whole, or whose segments disagree; only a rule makes anything else of it

Versions that conflict are not among them: a person has to choose (`resolving`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.intake import marks
from billing.runs.refused_events import STATUS
from billing.suspense import changes, refused
from billing.suspense.segments import segments
from billing.suspense.waiting import GROUP_REASONS, places, stored_rows, waiting
from mediation.formats.registry import is_in_lines
from mediation.limits import FUTURE_TOLERANCE_US
from mediation.reasons import Reason
from rating.on_use import ModuleOnUse
from rating.schema import USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from billing.store.home import Home
    from billing.suspense import decoding
    from billing.suspense.rule import Rule
    from billing.suspense.selection import Asking, Selection
    from mediation.sources.model import Source
else:
    decoding = ModuleOnUse("billing.suspense.decoding")

DECODED, STORED, REFUSED, SEGMENT = "decoded", "stored", "refused", "segment"
_TO_BE_RESOLVED: Final = (marks.CONFLICTING, *GROUP_REASONS)
_EMPTY: Final = USAGE_V1.empty_table()
_CUT_OFF: Final = "its file may have been cut off: recycle it by its id once it is known to be whole"


class Candidates(NamedTuple):
    """n records. `before` is what was read so far; of what could not be read it is what would be read now."""

    before: pa.Table  # USAGE_V1
    after: pa.Table  # USAGE_V1, flag RECYCLED
    problem: list[str]  # why the record stays where it is; empty for those that come back
    way: list[str]  # DECODED, STORED, REFUSED, SEGMENT
    reason: list[str]
    suspense_id: list[int | None]  # None: the table suspense does not hold it
    raw: list[str]

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Mask of the records that come back."""
        return np.array([not text for text in self.problem], np.bool_)

    def chosen(self, mask: npt.NDArray[np.bool_]) -> Candidates:
        """Some of them."""
        rows, columns = np.flatnonzero(mask).tolist(), tuple[Any, ...](self)[2:]
        lists: list[Any] = [[column[row] for row in rows] for column in columns]
        return Candidates(self.before.filter(pa.array(mask)), self.after.filter(pa.array(mask)), *lists)


def candidates(home: Home, selection: Selection, rule: Rule | None, asking: Asking) -> Candidates:
    """Selected records as they would come back, by the rule if there is one.

    Raises UserError where a row has to be decoded again and the definition of its source is not known.
    """
    found = [_undecoded(home, selection, rule, asking), _stored(home, selection, rule, asking)]
    if rule is not None:
        found += [_refused(home, selection, rule, asking), _segments(home, selection, rule, asking)]
    return _joined(found)


def _open_rows(home: Home, selection: Selection, asking: Asking, *, readable: bool) -> pa.Table:
    """Rows of the table suspense that are selected; those that were read, or those that could not be."""
    with home.connect() as connection:
        table = waiting(connection, asking.seq, source=selection.source or None)
    is_read = pc.is_valid(table["event_key"])
    mask: Any = is_read if readable else pc.invert(is_read)
    mask = pc.and_(mask, pc.invert(pc.is_in(table["reason"], value_set=pa.array(_TO_BE_RESOLVED))))
    if selection.reasons:
        mask = pc.and_(mask, pc.is_in(table["reason"], value_set=pa.array(selection.reasons)))
    if selection.ids:
        mask = pc.and_(mask, pc.is_in(table["suspense_id"], value_set=pa.array(sorted(selection.suspense_ids), pa.int64())))
    if asking.known_by_seq is not None:
        mask = pc.and_(mask, pc.less_equal(table["commit_seq"], pa.scalar(asking.known_by_seq)))
    return table.filter(mask)


def _undecoded(home: Home, selection: Selection, rule: Rule | None, asking: Asking) -> Candidates:
    """Rows that could not be read, decoded once more."""
    rows = _open_rows(home, selection, asking, readable=False)
    found = []
    for name in sorted({str(each) for each in rows["source"].to_pylist()}):
        mine = rows.filter(pc.equal(rows["source"], pa.scalar(name)))
        source = decoding.definition_of(name, asking.definitions)
        cut = _cut_off(mine, source, selection)
        found.append(_hopeless(mine.filter(cut), [_CUT_OFF] * int(cut.sum().as_py() or 0)))
        mine = mine.filter(pc.invert(cut))
        read = decoding.read_again(home, mine, source, rule)
        bad = [row for row, text in enumerate(read.why) if text]
        found.append(_timely(_settled(home, read.usage, mine.take(pa.array(read.good, pa.int64())), rule, DECODED), asking))
        found.append(_hopeless(mine.take(pa.array(bad, pa.int64())), [read.why[row] for row in bad]))
    return _joined(found)


def _cut_off(rows: pa.Table, source: Source, selection: Selection) -> Any:  # noqa: ANN401 - an Arrow mask
    """Last rows of files that may have been cut off: they read like any other, so they come back only on explicit request."""
    reason: Any = rows["reason"].combine_chunks()
    is_asked_for = bool(selection.ids) or Reason.TRUNCATED_RECORD in selection.reasons
    if is_asked_for or source.ends_without_line_break or not is_in_lines(source.format):
        return pa.array(np.zeros(rows.num_rows, np.bool_))
    return pc.equal(reason, pa.scalar(str(Reason.TRUNCATED_RECORD)))


def _stored(home: Home, selection: Selection, rule: Rule | None, asking: Asking) -> Candidates:
    """Stored rows that wait."""
    rows = _open_rows(home, selection, asking, readable=True)
    keys: Any = rows["event_key"].combine_chunks()
    among = stored_rows(home, asking.seq, keys, USAGE_V1.names)
    found = places(rows["event_key"], rows["content_hash"], among)
    held = pa.array([row for row, place in enumerate(found) if place is not None], pa.int64())
    usage = among.take(pa.array([place for place in found if place is not None], pa.int64()))
    return _undisputed(home, _timely(_settled(home, usage, rows.take(held), rule, STORED), asking), asking)


def _refused(home: Home, selection: Selection, rule: Rule, asking: Asking) -> Candidates:
    """Events that count and that rating refuses."""
    columns = [*USAGE_V1.names, marks.COMMIT_SEQ]
    events = refused.refused_events(home, asking.seq, columns, asking.bill_date, asking.now_us)
    columns_ = (events[name].to_pylist() for name in ("source", STATUS, "event_key", marks.COMMIT_SEQ))
    known_by = asking.known_by_seq if asking.known_by_seq is not None else asking.seq
    chosen = [
        selection.wants(None, key, str(source), refused.reason_of(int(status))) and commit_seq <= known_by
        for source, status, key, commit_seq in zip(*columns_, strict=True)
    ]
    events = events.filter(pa.array(chosen, pa.bool_()))
    reasons = [refused.reason_of(int(each)) for each in events[STATUS].to_pylist() if each is not None]
    return _settled(home, events.select(USAGE_V1.names), _without_id(reasons), rule, REFUSED)


def _segments(home: Home, selection: Selection, rule: Rule, asking: Asking) -> Candidates:
    """Segments of the calls and sessions that are selected: a segment that is corrected may make its call whole."""
    found = segments(home, selection, asking)
    return _settled(home, found.rows.select(USAGE_V1.names), _without_id(found.reasons), rule, SEGMENT)


def _without_id(reasons: list[str]) -> pa.Table:
    """Rows that the table suspense does not hold."""
    size = len(reasons)
    texts = pa.array([""] * size, pa.string())
    return pa.table({"suspense_id": pa.nulls(size, pa.int64()), "reason": pa.array(reasons, pa.string()), "raw": texts})


def _settled(home: Home, usage: pa.Table, rows: pa.Table, rule: Rule | None, way: str) -> Candidates:
    """Usage rows and the rows they are of (suspense_id, reason, raw), after the rule; those it is not about are left out."""
    problem = [""] * usage.num_rows
    after = usage
    if rule is not None:
        mask = changes.concerns(usage, rule)
        usage, rows = usage.filter(pa.array(mask)), rows.filter(pa.array(mask))
        after, problem = changes.apply(usage, rule, home.hash_key)
    ids, reasons, raws = (rows[name].to_pylist() for name in ("suspense_id", "reason", "raw"))
    texts = [str(text) for text in raws]
    return Candidates(usage, recycled(after), problem, [way] * usage.num_rows, [str(each) for each in reasons], ids, texts)


def _timely(found: Candidates, asking: Asking) -> Candidates:
    """The same, but records whose time has not come stay."""
    columns: list[Any] = [found.after[name].cast(pa.int64()) for name in ("start_us", "duration_us")]
    start_us, duration_us = (column.fill_null(0).to_numpy() for column in columns)
    early = (start_us + duration_us > asking.now_us + FUTURE_TOLERANCE_US).tolist()
    pairs = zip(found.problem, early, strict=True)
    return found._replace(problem=[text or ("its time has not come" if is_early else "") for text, is_early in pairs])


def _undisputed(home: Home, found: Candidates, asking: Asking) -> Candidates:
    """The same, but a record with another version that came stays until a person chooses one."""
    with home.connect() as connection:
        conflicts = waiting(connection, asking.seq, reason=marks.CONFLICTING)
    disputed: Any = pc.is_in(found.after["event_key"], value_set=conflicts["event_key"].combine_chunks())
    pairs = zip(found.problem, disputed.to_pylist(), strict=True)
    return found._replace(
        problem=[text or ("another version of it came: `resolve` says which counts" if is_in else "") for text, is_in in pairs]
    )


def _hopeless(rows: pa.Table, problem: list[str]) -> Candidates:
    """Rows that are no usage; each has an empty row of it."""
    size = rows.num_rows
    nothing: list[Any] = [pa.array([_nothing(field)] * size, field.type) for field in USAGE_V1]
    table = pa.Table.from_arrays(nothing, schema=USAGE_V1)
    table = table.set_column(
        table.schema.get_field_index("source"), USAGE_V1.field("source"), rows["source"].cast(USAGE_V1.field("source").type)
    )
    ids, reasons, raws = (rows[name].to_pylist() for name in ("suspense_id", "reason", "raw"))
    return Candidates(table, table, problem, [DECODED] * size, [str(each) for each in reasons], ids, [str(each) for each in raws])


def _nothing(field: pa.Field[Any]) -> Any:  # noqa: ANN401 -- a value of any type
    if field.nullable:
        return None
    if pa.types.is_fixed_size_binary(field.type):
        return bytes(16)
    return "" if pa.types.is_string(field.type) or pa.types.is_dictionary(field.type) else 0


def recycled(usage: pa.Table) -> pa.Table:
    """The rows as they come back: with the flag that says so."""
    flags = usage["flags"].to_numpy() | np.int32(UsageFlag.RECYCLED)
    return usage.set_column(usage.schema.get_field_index("flags"), USAGE_V1.field("flags"), pa.array(flags.astype(np.int32)))


def _joined(found: Sequence[Candidates]) -> Candidates:
    lists = [tuple[Any, ...](each)[2:] for each in found]
    columns: list[Any] = [[value for each in lists for value in each[place]] for place in range(len(Candidates._fields) - 2)]
    before, after = (
        pa.concat_tables([_EMPTY, *(each.before for each in found)]),
        pa.concat_tables([_EMPTY, *(each.after for each in found)]),
    )
    return Candidates(before, after, *columns)
