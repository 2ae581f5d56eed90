"""All that no run bills any more, decided on or not: what re-ratings leave alone, and no month has as unbilled revenue.

It is what the list of late usage has, as of a commit: also what a run refused in time and nothing mended before its period closed, and
nothing of a period that a void has opened again. Segments are among it that came too late for the bill of their call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import catalogue, late_decisions
from billing.guiding import Guide
from billing.intake import marks, view
from billing.intake.marks import COMMIT_SEQ
from billing.left_out.changed import late_changes
from billing.left_out.history import FOR_GOOD, of_keys, uncharged
from billing.left_out.judging import CODES, ORDER, Judge
from billing.left_out.off_bills import off_bills
from billing.left_out.reopened import next_dates, without_reopened
from billing.left_out.versions import open_differences
from billing.runs import states
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_runs import Looked, LookedUntil, looked
from billing.runs.refused_events import still_refused
from billing.runs.selection.left_out import TERM, LeftOut, Outlook, outlook
from billing.runs.selection.standing_charges import on_interim_bills
from billing.store import tables
from rating.dates import BEFORE_ALL
from rating.errors import UserError
from rating.schema import KEY

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.charges.lines import Int64s
    from billing.left_out.history import Span
    from billing.store.home import Home

RULE_OF_BEFORE: Final = 1  # without what was refused in time, and with what a void had opened again: of re-ratings that were made so
RULE_OF_RUNS: Final = 2  # without what void documents had, and what was computed for tests: as above
RULE: Final = 3
_BY_RULE: Final = [CODES[each] for each in (LeftOut.WAIVED, LeftOut.TOO_LATE)]
COUNTED_ROWS_MAX: Final = 5_000_000  # of usage, in a home where a run counts what is open: it reads the keys of all of it


class Open(NamedTuple):
    """Records that no run bills any more, without a decision. `records` None: there may be some, and they cannot be counted in a run."""

    records: int | None


def open_records(home: Home) -> Open:
    """The number of such records as of now, and of those that a closed period bills in another version than the one that counts.

    No usage is looked at where there can be none.
    """
    with home.connect() as connection:
        seq = home.head_seq(connection)
        rows = sum(file.rows for file in view.stored(connection, 0, seq))
        may_be = leaves_any(home, connection, seq) or bool(still_refused(home, seq))
        decided = late_decisions.decided(connection, seq)
    if may_be and rows > COUNTED_ROWS_MAX:
        return Open(None)
    try:
        found = left_for_good(home, seq) if may_be else None
        others = len(open_differences(home, seq).found)
    except (FileNotFoundError, UserError):  # a charge file or a tariff is gone: books say so
        return Open(None)
    keys: list[Any] = [] if found is None else found.keys.to_pylist()
    left = set(keys) - set(decided.keys.to_pylist())
    with home.connect() as connection:
        return Open(len(left - on_interim_bills(home, connection, seq, left)) + others)


def left_for_good(home: Home, seq: int, rule: int = RULE) -> late_decisions.Decided | None:
    """Events that no run bills any more, decided on or not, as of `seq`; None where there is nothing to look for.

    They are of all times: a plan may place what began long ago in the period in which it arrived.
    """
    refused = still_refused(home, seq)
    with home.connect() as connection:
        leaves = leaves_any(home, connection, seq)
        decided = late_decisions.decided(connection, seq)
    if not leaves and (rule == RULE_OF_BEFORE or not refused):
        return None
    keys, start_us = _refused_alone(refused) if not leaves else uncharged(home, seq, with_off_bills=rule == RULE)
    if rule == RULE_OF_BEFORE:
        is_refused: Any = pc.is_in(keys, value_set=pa.array(list(refused), KEY))
        keys, start_us = keys.filter(pc.invert(is_refused)), start_us[~is_refused.to_numpy(zero_copy_only=False)]
    found = of_keys(home, seq, keys, start_us)
    verdicts = found.verdicts if rule == RULE_OF_BEFORE else without_reopened(home, seq, found.usage, found.verdicts)
    usage = found.usage.filter(pa.array(verdicts.for_good))
    starts = {} if rule == RULE_OF_BEFORE else late_changes(home, seq).starts
    keys = pa.concat_arrays([decided.keys, one_chunk(usage["event_key"]), marks.keys_array(starts)])
    start_us = np.concatenate([decided.start_us, int64(usage["start_us"]), np.array(list(starts.values()), np.int64)])
    return late_decisions.Decided(keys, start_us, *(np.zeros(len(keys), np.int64),) * 2)


def never_billed(home: Home, seq: int, span: Span) -> late_decisions.Decided | None:
    """The same of all that starts in `span`, and with that which the next run of its account leaves out; None where there is nothing.

    Bills of the month in which it was used never have it, though no run may have looked at it yet.
    """
    refused = still_refused(home, seq)
    with home.connect() as connection:
        leaves = leaves_any(home, connection, seq)
        decided = late_decisions.decided(connection, seq)
    if not leaves and not refused:
        return None
    if catalogue.ever_billed_by_arrival(home):
        span = (BEFORE_ALL, span[1])  # what came late is billed in a period that begins after it
    found = of_keys(home, seq, *(uncharged(home, seq, span=span) if leaves else _refused_alone(refused)))
    verdicts = without_reopened(home, seq, found.usage, found.verdicts)
    by_rule = np.isin(verdicts.reason, _BY_RULE)  # a version of the plan since may have another
    never = (verdicts.for_good & ~by_rule) | _ends_so(home, seq, found.usage, verdicts.is_open | by_rule)
    usage, starts = found.usage.filter(pa.array(never)), late_changes(home, seq).starts
    keys = pa.concat_arrays([decided.keys, one_chunk(usage["event_key"]), marks.keys_array(starts)])
    start_us = np.concatenate([decided.start_us, int64(usage["start_us"]), np.array(list(starts.values()), np.int64)])
    return late_decisions.Decided(keys, start_us, *(np.zeros(len(keys), np.int64),) * 2)


def leaves_any(home: Home, connection: sa.Connection, seq: int) -> bool:
    """True where the keys of all usage are needed: people decided on some, a run left some out for good, it came late, or is off its bill.

    Most homes have none, and to know that needs no keys. What runs refused is known without them as well.
    """
    if len(late_decisions.decided(connection, seq).keys):
        return True
    term, run = tables.run_terms.c, tables.bill_runs.c
    names = [f"{TERM}{each.value}" for each in ORDER if outlook(each) is Outlook.FOR_GOOD and each is not LeftOut.DECIDED]
    query = sa.select(term.run_id).join_from(tables.run_terms, tables.bill_runs, run.run_id == term.run_id)
    query = query.where(run.state.in_(states.COUNTED), run.commit_seq <= seq, term.term.in_(names), term.rows > 0)
    if connection.execute(query.limit(1)).first() is not None or _came_late(home, seq):
        return True
    return bool(len(off_bills(home, seq)))


def _ends_so(home: Home, seq: int, usage: pa.Table, asked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mask of the rows that the next run of their account leaves out for good, of those `asked` that have an owner."""
    never = np.zeros(usage.num_rows, np.bool_)
    has_owner = Guide(home, seq).resolve(one_chunk(usage["served_id"]), int64(usage["start_us"])) >= 0
    rows = np.flatnonzero(asked & has_owner)
    with home.connect() as connection:
        for date, its in next_dates(home, connection, seq, usage, rows):
            never[its] = FOR_GOOD[Judge(home, connection, Looked(0, date, seq)).reasons(usage.take(its))]
    return never


def _refused_alone(refused: dict[bytes, Any]) -> tuple[pa.Array[Any], Int64s]:
    """Keys and starts of what runs refused."""
    return pa.array(list(refused), KEY), np.array([each.start_us for each in refused.values()], np.int64)


def _came_late(home: Home, seq: int) -> bool:
    """True where usage was committed after a run had looked whose bill date lies behind its start, by any clock."""

    def read() -> bool:
        with home.connect() as connection:
            runs = looked(connection, seq)
            files = view.stored(connection, 0, seq) if runs else []
        looked_until = LookedUntil(runs)
        parts = view.parts(home, files, ("start_us", COMMIT_SEQ), 0, seq)
        return any(bool(np.any(int64(part["start_us"]) < looked_until.ends_us(int64(part[COMMIT_SEQ])))) for part in parts)

    return view.steadily(read)
