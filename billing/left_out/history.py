"""The verdict of all bill runs on events that no charge file has priced: the newest run that decides it is named.

Runs are asked from the newest back, each about what was stored when it looked. A run decides that an event is left out for good, does not
bill, or was not due. One that had other accounts, or held them, leaves it to those before it; where none decides, its own word holds.
A closed period does not end what the rule of a plan said before (`billing.left_out.precedence`). Of an event that a run has looked at and
refused only the runs since are asked: it came in time, and waits for its cause to be mended until its period closes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billing.charges.lines import Int64s
from billing.intake import view
from billing.intake.marks import COMMIT_SEQ
from billing.intake.view import schema_of
from billing.left_out.judging import CODES, ORDER, Judge, columns
from billing.left_out.off_bills import off_bills
from billing.left_out.open_keys import OpenKeys
from billing.left_out.precedence import DECIDES, UNSEEN, is_settled, standing
from billing.left_out.taken_off import taken_off
from billing.runs.contracts import late_rules, price_list
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.refused_events import still_refused
from billing.runs.selection.left_out import LeftOut, Outlook, outlook
from billing.runs.selection.standing_charges import on_interim_bills
from rating.dates import BEFORE_ALL, NEVER
from rating.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.store.home import Home

    Progress = Callable[[int, int], None]
    Span = tuple[int, int]  # instants [from, to)

ALL_TIMES: Final = (BEFORE_ALL, NEVER)
FOR_GOOD: Final = np.array([outlook(each) is Outlook.FOR_GOOD for each in ORDER])


class Verdicts(NamedTuple):
    """One a row: the reason (place in `judging.ORDER`, UNSEEN), and the run that gave it (0: none)."""

    reason: npt.NDArray[np.int8]
    run_id: Int64s

    @property
    def for_good(self) -> npt.NDArray[np.bool_]:
        """Rows that no run will bill any more, though they are billable."""
        found: npt.NDArray[np.bool_] = (self.reason != UNSEEN) & FOR_GOOD[self.reason]
        return found

    @property
    def is_open(self) -> npt.NDArray[np.bool_]:
        """Rows about which no run has decided: it has not looked since they came, or left them to others."""
        found: npt.NDArray[np.bool_] = (self.reason == UNSEEN) | ~DECIDES[self.reason]
        return found

    @property
    def not_billable(self) -> npt.NDArray[np.bool_]:
        """Rows that do not bill by the tariffs that held."""
        return np.asarray(self.reason == CODES[LeftOut.NOT_BILLABLE])


def uncharged(
    home: Home, seq: int, *, progress: Progress | None = None, span: Span = ALL_TIMES, with_off_bills: bool = True
) -> tuple[pa.Array[Any], Int64s]:
    """Keys and starts of events that may bill, without a charge on a bill by any run that counts, as of `seq`; those that start in `span`.

    A charge is off the bill where a later run has computed its period without it (`taken_off`). It is off where its document is void, and
    where it was computed for tests (`off_bills`). An event that the last run to look at it refused is on none either.
    """
    usage = view.usage(home, ("event_key", "start_us"), seq, *span)
    keys, start_us = one_chunk(usage["event_key"]), int64(usage["start_us"])
    with home.connect() as connection:
        files = [(run.run_id, path) for run in looked(connection, seq) for path in charge_paths(connection, run.run_id)]
        counting = Counting(connection, seq)
    open_ = OpenKeys(keys)
    for number, (run_id, path) in enumerate(files):
        if not open_.is_any_open():
            break
        charges = counting.billed(run_id, read_charges(home.path, [path], ["event_key", OWNER]))
        open_.close(one_chunk(charges["event_key"]))
        if progress is not None:
            progress(number + 1, len(files))
    others = [off_bills(home, seq)] if with_off_bills else []
    off = pa.concat_arrays([taken_off(home, seq), pa.array(list(still_refused(home, seq)), KEY), *others])
    is_off: Any = pc.is_in(keys, value_set=off)
    rest = np.union1d(open_.rows(), np.flatnonzero(is_off.to_numpy(zero_copy_only=False)))
    return keys.take(pa.array(rest, pa.int64())), start_us[rest]


def without_billed(home: Home, seq: int, usage: pa.Table, too_late: npt.NDArray[np.bool_]) -> Int64s:
    """The rows that are too late, by a mask, but those on a bill without a charge of a run: on an interim bill."""
    rows = np.flatnonzero(too_late)
    keys: list[Any] = one_chunk(usage["event_key"]).take(pa.array(rows, pa.int64())).to_pylist()
    with home.connect() as connection:
        billed = on_interim_bills(home, connection, seq, keys)
    kept: Int64s = rows[np.array([key not in billed for key in keys], np.bool_)]
    return kept


class JudgedRows(NamedTuple):
    """Rows of usage, with the columns that judges ask for, and the verdict on each."""

    usage: pa.Table
    verdicts: Verdicts


def of_keys(home: Home, seq: int, keys: pa.Array[Any], start_us: Int64s, *, more: Sequence[str] = ()) -> JudgedRows:
    """The verdicts on events without a charge by any run, by their keys. `more`: further columns that are wanted of them."""
    wanted = list(dict.fromkeys((*columns(price_list.load(home, seq)), *more)))
    usage = view.usage(home, wanted, seq, int(start_us.min()), int(start_us.max()) + 1) if len(keys) else schema_of(wanted).empty_table()
    mask: Any = pc.is_in(usage["event_key"], value_set=keys)
    usage = usage.filter(mask)
    return JudgedRows(usage, verdicts(home, seq, usage))


def verdicts(home: Home, seq: int, usage: pa.Table, *, progress: Progress | None = None, changes: bool = False) -> Verdicts:
    """The reasons why rows of `usage` (columns of `judging.columns`) without a charge by any run were left out, as of `seq`.

    `changes`: the rows are what late commits made of sessions that runs have charged as they were before.
    """
    reason, run_id = np.full(usage.num_rows, UNSEEN, np.int8), np.zeros(usage.num_rows, np.int64)
    committed, open_ = int64(usage[COMMIT_SEQ]), np.ones(usage.num_rows, np.bool_)
    last = refused_by(home, seq, usage)
    with home.connect() as connection:
        runs, counting = looked(connection, seq), Counting(connection, seq)
        is_any_ruled = late_rules.was_ever_asked(price_list.load(home, seq)) if runs else False
        for number, run in enumerate(runs):
            rows = np.flatnonzero(open_ & (committed <= run.pinned_seq) & (last < run.run_id))
            if rows.size:
                judge = Judge(home, connection, run)
                keys = judge.account_keys(usage.take(rows))
                gone = counting.gone(run.run_id, np.unique(keys).tolist())
                rows = rows[~np.isin(keys, np.array(gone, np.int64))]  # undone for these: it never had them
                found = judge.reasons(usage.take(rows), changes=changes)
                newer, reason[rows] = reason[rows], standing(reason[rows], found)
                run_id[rows[(reason[rows] != newer) | (newer == UNSEEN)]] = run.run_id
                open_[rows[is_settled(newer, found, is_any_ruled=is_any_ruled)]] = False
            if progress is not None:
                progress(number + 1, len(runs))
    return Verdicts(reason, run_id)


def refused_by(home: Home, seq: int, usage: pa.Table) -> Int64s:
    """The run that refused each row and was the last to look at it; 0: none."""
    refused = still_refused(home, seq)
    if not refused:
        return np.zeros(usage.num_rows, np.int64)
    place: Any = pc.index_in(usage["event_key"], value_set=pa.array(list(refused), KEY)).fill_null(-1)
    by: Int64s = np.array([*(each.run_id for each in refused.values()), 0], np.int64)[place.to_numpy()]
    return by
