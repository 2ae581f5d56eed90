"""Everything that waits, in suspense or refused by rating, and what each record may be worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from billing.intake import marks
from billing.intake.assembly import segment_groups
from billing.intake.columns import QUANTITY_COLUMNS
from billing.runs.refused_events import STATUS
from billing.suspense import refused
from billing.suspense.estimate import Basis, Estimates, Estimator
from billing.suspense.segments import Segments, segments
from billing.suspense.selection import Selection
from billing.suspense.waiting import GROUP_REASONS, WAITING, places, stored_rows, waiting
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.store.home import Home
    from billing.suspense.selection import Asking

_OF_USAGE: Final = (
    "event_key", "content_hash", "source", "record_id", "raw_file_id", "raw_offset", "raw_length", "start_us", "served_id", "other_raw",
    "other_e164", "duration_us", marks.COMMIT_SEQ,
)  # fmt: skip

_BY_A_PLAN: Final = (Basis.OWN_PLAN, Basis.COMMONEST_PLAN)


class Valued(NamedTuple):
    """Rows that wait (columns WAITING), their value, and which of those that rating refused it would price now.

    Versions of one record are a row each, and one of them will count at most.
    """

    table: pa.Table
    value: Estimates
    mended: npt.NDArray[np.bool_]

    def records(self) -> Int64s:
        """A number for each row, equal for versions of one record that wait for one reason. A row without a key is a record of its own."""
        known: dict[tuple[object, object], int] = {}
        pairs = zip(self.table["event_key"].to_pylist(), self.table["reason"].to_pylist(), strict=True)
        return np.array([row if pair[0] is None else known.setdefault(pair, row) for row, pair in enumerate(pairs)], np.int64)

    def once(self) -> npt.NDArray[np.bool_]:
        """Mask with one row of each record: of its versions the one that is worth the most, and of equal ones the first."""
        code, is_unknown = self.records(), self.value.basis == Basis.UNKNOWN
        order = np.lexsort((is_unknown, -self.value.micros, code))
        chosen = np.zeros(len(code), np.bool_)
        chosen[order[np.flatnonzero(np.diff(code[order], prepend=-1))]] = True
        return chosen


def valued(home: Home, selection: Selection, asking: Asking) -> Valued:
    """The selected records as of `asking`; if it says so, only those committed by some number."""
    with home.connect() as connection:
        rows = _chosen(waiting(connection, asking.seq, source=selection.source or None), selection, asking)
    estimator = Estimator(home, asking.seq)
    columns = list(dict.fromkeys((*estimator.columns, "event_key", "content_hash")))
    of_rows = _of_calls(home, asking, estimator, rows, _value(home, asking.seq, estimator, rows, columns))
    described = list(dict.fromkeys((*columns, *_OF_USAGE)))
    events = refused.refused_events(home, asking.seq, described, asking.bill_date, asking.now_us)
    events = events if asking.bill_date is not None else refused.open_still(home, asking.seq, events)
    reasons = [refused.reason_of(int(each)) for each in events[STATUS].to_pylist() if each is not None]
    if any(each.startswith("e-") for each in selection.ids):  # else their call stands for them
        found = segments(home, selection, asking)
        events = pa.concat_tables([events, _as_refused(found, described)])
        reasons += found.reasons
    of_events = estimator.estimates(events)
    is_segment = (events["flags"].to_numpy() & int(UsageFlag.PARTIAL)) != 0
    priced = estimator.owned(events) & (of_events.basis == Basis.OWN_PLAN) & ~is_segment
    table = _as_waiting(events, reasons)
    mask = _wanted(table, selection, asking)
    value = _joined(of_rows, of_events.chosen(mask))
    mended = np.concatenate([np.zeros(rows.num_rows, np.bool_), priced[mask]])
    return Valued(pa.concat_tables([rows, table.filter(pa.array(mask))]), value, mended)


def _chosen(rows: pa.Table, selection: Selection, asking: Asking) -> pa.Table:
    return rows.filter(pa.array(_wanted(rows, selection, asking)))


def _wanted(rows: pa.Table, selection: Selection, asking: Asking) -> npt.NDArray[np.bool_]:
    mask = np.ones(rows.num_rows, np.bool_)
    if asking.known_by_seq is not None:
        mask &= rows[marks.COMMIT_SEQ].to_numpy() <= asking.known_by_seq
    if any(selection):
        columns: list[Any] = [rows[name].to_pylist() for name in ("suspense_id", "event_key", "source", "reason")]
        mask &= np.array([selection.wants(*each) for each in zip(*columns, strict=True)], np.bool_)
    return mask


def _value(home: Home, seq: int, estimator: Estimator, rows: pa.Table, columns: list[str]) -> Estimates:
    """Possible worth of each row in suspense: by its stored row, else by its source."""
    keys: Any = rows["event_key"].drop_null().combine_chunks()
    among = stored_rows(home, seq, keys, columns)
    place = places(rows["event_key"], rows["content_hash"], among)
    held = [row for row, found in enumerate(place) if found is not None]
    known = estimator.estimates(among.take(pa.array([found for found in place if found is not None], pa.int64())))
    bare = sorted(set(range(rows.num_rows)) - set(held))
    sources = [str(each) for each in rows["source"].take(pa.array(bare, pa.int64())).to_pylist()]
    by_source = estimator.of_sources(sources)
    together = _joined(known, by_source)
    order = np.argsort(np.array([*held, *bare], np.int64), kind="stable")
    return Estimates(together.micros[order], together.currency[order], together.basis[order], together.currencies)


def _of_calls(home: Home, asking: Asking, estimator: Estimator, rows: pa.Table, value: Estimates) -> Estimates:
    """The same values, but a call that is not whole is worth what the plans ask for the segments that are there."""
    keys, reasons = rows["event_key"].to_pylist(), rows["reason"].to_pylist()
    calls = {key: row for row, (key, reason) in enumerate(zip(keys, reasons, strict=True)) if reason in GROUP_REASONS}
    if not calls:
        return value
    found = segments(home, Selection(), asking).rows
    priced, flags = estimator.estimates(found), found["flags"].to_numpy()
    counts = np.isin(priced.basis, _BY_A_PLAN) & _has_quantity(found)
    by_call: dict[int, list[int]] = {}
    for place, name in enumerate(marks.group_names(found).to_pylist()):
        row = calls.get(segment_groups.key_of(str(name), home.hash_key))
        if row is not None and counts[place]:
            by_call.setdefault(row, []).append(place)
    for row, its in by_call.items():
        amounts = [int(priced.micros[place]) for place in its]
        is_total = any(int(flags[place]) & UsageFlag.CUMULATIVE for place in its)  # the highest of running totals holds the others
        value.micros[row] = max(amounts) if is_total else sum(amounts)
        value.currency[row], value.basis[row] = priced.currency[its[0]], priced.basis[its[0]]
    return value


def _has_quantity(usage: pa.Table) -> npt.NDArray[np.bool_]:
    """Rows that say how long or how much; the two ends of a call, where its length is what lies between, say nothing."""
    columns: list[Any] = [usage[name] for name in QUANTITY_COLUMNS]
    return np.any(np.stack([column.fill_null(0).to_numpy() for column in columns]) != 0, axis=0)


def _joined(one: Estimates, other: Estimates) -> Estimates:
    micros = np.concatenate([one.micros, other.micros])
    return Estimates(micros, np.concatenate([one.currency, other.currency]), np.concatenate([one.basis, other.basis]), one.currencies)


def _as_refused(found: Segments, columns: list[str]) -> pa.Table:
    """Segments with the columns of refused events; no run saw them."""
    size = found.rows.num_rows
    table = found.rows.select(columns).append_column(STATUS, pa.array([0] * size, pa.int16()))
    start_us: Any = found.rows["start_us"].cast(pa.int64())
    return table.append_column(refused.ARRIVED_US, start_us).append_column(refused.LAST_RUN_US, start_us)


def _as_waiting(events: pa.Table, reasons: list[str]) -> pa.Table:
    """Events that the table suspense does not hold with the columns of WAITING."""
    size = events.num_rows
    numbers = [str(number) if number else None for number in events["other_e164"].to_pylist()]
    made: dict[str, Any] = {
        "suspense_id": pa.nulls(size, pa.int64()),
        "reason": reasons,
        "raw": [str(each) for each in events["record_id"].to_pylist()],
        "other_raw": [raw or number for raw, number in zip(events["other_raw"].to_pylist(), numbers, strict=True)],
        "duration_us": [each or 0 for each in events["duration_us"].to_pylist()],
    }
    columns = [
        pa.chunked_array([pa.array(made[field.name], field.type)]) if field.name in made else events[field.name].cast(field.type)
        for field in WAITING
    ]
    return pa.Table.from_arrays(columns, schema=WAITING)
