"""Accounts touched by usage that came since they were looked at: rows that arrived late, and rows that no longer count.

So do rows touch that are open again, since a decision on them was taken back. Nothing is priced here. Files are read by few columns, and
further only where a row of a row group is looked for. A row touches the period in which it starts. Where that is closed and its plan bills
late usage as it arrives, it is the period in which the row was committed (`billing.runs.usage.late_usage`). Its number leads to the
account as guiding has it now.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from billing import late_decisions
from billing.intake import journal, marks, view
from billing.intake.marks import COMMIT_SEQ
from billing.runs.contracts import late_rules
from billing.runs.contracts.columns import index_of, one_chunk
from billing.runs.contracts.fact_columns import integers
from billing.runs.selection.left_out import CLOSED
from billing.store import bulk, tables
from rating.dates import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.charges.lines import Int64s
    from billing.guiding import Guide
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.arrival_times import Arrivals
    from billing.runs.selection.change_marks import Touches
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home

Bools = npt.NDArray[np.bool_]
_FOUND: Final = ("served_id", "start_us", COMMIT_SEQ)


class Search(NamedTuple):
    """Rows that are looked for: `holds` gives the mask of these rows in a table of `columns`."""

    columns: tuple[str, ...]
    holds: Callable[[pa.Table], Bools]


class ChangedSpan(NamedTuple):
    """Rows that start at `[from_us, to_us)`, and earlier ones if they were committed from `late_from_seq` on; None: none of these."""

    from_us: int
    to_us: int
    late_from_seq: int | None

    def files(self, connection: sa.Connection, after_seq: int, seq: int) -> list[view.Stored]:
        """The files that may hold such rows, of those committed in (after_seq, seq]."""
        found = view.stored(connection, after_seq, seq, self.from_us, self.to_us)
        if self.late_from_seq is not None:
            found += view.stored(connection, max(after_seq, self.late_from_seq - 1), seq, to_us=self.from_us)
        return list(dict.fromkeys(found))

    def holds(self, start_us: Int64s, commit_seq: Int64s) -> Bools:
        """Mask of the rows that are in the span."""
        since: Bools = start_us >= self.from_us
        if self.late_from_seq is not None:
            since |= commit_seq >= self.late_from_seq
        return since & (start_us < self.to_us)


class Places:
    """Periods in which events of due accounts are billed.

    `full` is the scope with all open periods. `fresh_us` is the end of what was looked at. `came` says when usage came, if a plan asks.
    `unowned_us` is the start of the first row without an owner that has been found from `unowned_from_us` on; the largest number at first.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- periods, and what finds owners
        self, full: Scope, fresh_us: Int64s, guide: Callable[[], Guide], contracts: Contracts, came: Arrivals | None, unowned_from_us: int
    ) -> None:
        self._full = full
        self._fresh_us = fresh_us
        self._guide = guide
        self._contracts = contracts
        self._came = came
        self._unowned_from_us = unowned_from_us
        self.unowned_us = NEVER

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of rows that `touch` reads beyond number, start and commit."""
        return () if self._came is None else ("event_key", "flags")

    def touch(self, touches: Touches, found: pa.Table, changed_seq: Int64s) -> None:
        """Touch the owners of `found` rows, each changed by a commit, from the beginnings of the periods on in which they are billed."""
        if not found.num_rows:
            return
        start_us = _starts(found)
        subscription_key = self._guide().resolve(found["served_id"], start_us)
        account = touches.owner_index(subscription_key)
        self._note_unowned(subscription_key, start_us)
        rows = np.flatnonzero(account >= 0)
        rows = rows[start_us[rows] < self._fresh_us[account[rows]]]
        place = self._full.place(account[rows], start_us[rows])
        if self._came is not None:
            closed = np.flatnonzero(place == CLOSED)
            old = rows[closed]
            came_us = self._came.instants(self._counted_seqs(found, self._came)[old])
            place[closed] = self._arrival(subscription_key[old], account[old], start_us[old], came_us)
        rows, place = rows[place >= 0], place[place >= 0]
        account = account[rows]
        touches.accounts(account, self._full.period_from[self._full.calendar[account], place], changed_seq[rows])

    def _note_unowned(self, subscription_key: Int64s, start_us: Int64s) -> None:
        """Rows whose number no active subscription has: no account is computed for them, and the run refuses them all the same."""
        subscription = index_of(self._contracts.facts.subscription_keys, subscription_key)
        is_owned = subscription >= 0
        is_owned[is_owned] = self._contracts.is_active(subscription[is_owned], start_us[is_owned])
        unowned = start_us[~is_owned & (start_us >= self._unowned_from_us)]
        self.unowned_us = min(self.unowned_us, int(unowned.min(initial=NEVER)))

    @staticmethod
    def _counted_seqs(found: pa.Table, came: Arrivals) -> Int64s:
        """The commit by which each row is placed; of marks, which are no rows, their own."""
        return came.counted_seqs(found) if "flags" in found.column_names else integers(found[COMMIT_SEQ])

    def _arrival(self, subscription_key: Int64s, account: Int64s, start_us: Int64s, came_us: Int64s) -> Int64s:
        """The periods in which rows of closed ones arrived, where their plans bill them there.

        What arrives after its account was closed needs no care: all open periods of such an account are computed.
        """
        contracts = self._contracts
        holding = contracts.holding_at(index_of(contracts.facts.subscription_keys, subscription_key), start_us)
        arrives = contracts.of_holdings(holding, lambda plan: late_rules.arrives(contracts.late_rules, plan), 0)
        return np.where(arrives, self._full.place(account, came_us), CLOSED)


def collect(  # noqa: PLR0913, PLR0917 -- where usage lies, and whom it touches
    home: Home, touches: Touches, places: Places, span: ChangedSpan, callers_of: tuple[pa.Array[Any], int] | None, threads: int
) -> None:
    """Touch accounts by usage in `span`.

    `callers_of`: numbers whose owner is recorded otherwise now, and since when: whether a call to one was on-net may have changed.
    """
    seq = touches.seq
    with home.connect() as connection:
        new = span.files(connection, touches.least_seq, seq)
        stored = span.files(connection, 0, seq)
        marked = _marks(connection, touches, places)
        reopened = late_decisions.reopened(connection, touches.least_seq, touches.seq)
    _arrived(home, touches, places, new, span, threads)
    for events in (marked, reopened):
        if events is not None and len(events[0]):
            _of_events(home, touches, places, stored, events, threads)
    if callers_of is not None:
        numbers, since_us = callers_of
        search = _calls_to(numbers, since_us)
        for found in _found(home, stored, search, seq, threads):
            places.touch(touches, found, np.full(found.num_rows, NEVER))


def _arrived(  # noqa: PLR0913, PLR0917 -- where to look, and for what
    home: Home, touches: Touches, places: Places, files: Sequence[view.Stored], span: ChangedSpan, threads: int
) -> None:
    """Rows that were committed since."""
    least, seq = touches.least_seq, touches.seq

    def holds(table: pa.Table) -> Bools:
        committed = table[COMMIT_SEQ].to_numpy()
        counts: Bools = (table["flags"].to_numpy() & int(view.NEVER_BILLS)) == 0
        return counts & (committed > least) & (committed <= seq) & span.holds(_starts(table), committed)

    for found in _found(home, files, Search((COMMIT_SEQ, "start_us", "flags"), holds), seq, threads, places.columns):
        places.touch(touches, found, integers(found[COMMIT_SEQ]))


def _marks(connection: sa.Connection, touches: Touches, places: Places) -> tuple[pa.Array[Any], Int64s] | None:
    """Keys of events that were marked since, each with the last such commit. What a mark itself tells of the event touches as well."""
    row = tables.suspense.c
    query = sa.select(row.event_key, row.commit_seq, row.start_us, row.served_id)
    new = row.commit_seq > touches.least_seq, row.commit_seq <= touches.seq
    table = bulk.read(connection, query.where(row.event_key.is_not(None), *new))
    if not table.num_rows:
        return None
    told = table.filter(pc.and_(table["start_us"].is_valid(), table["served_id"].is_valid()))
    places.touch(touches, told, integers(told[COMMIT_SEQ]))
    keys: Any = one_chunk(table["event_key"]).cast(marks.keys_array([]).type).dictionary_encode()
    commit = np.zeros(len(keys.dictionary), np.int64)
    np.maximum.at(commit, keys.indices.to_numpy(), integers(table["commit_seq"]))
    return keys.dictionary, commit


def _of_events(  # noqa: PLR0913, PLR0917 -- where to look, and for what
    home: Home, touches: Touches, places: Places, files: Sequence[view.Stored], events: tuple[pa.Array[Any], Int64s], threads: int
) -> None:
    """Stored rows of some events, each with a commit: marked ones counted, and count no more; of others a decision was taken back."""
    keys, commit = events
    search = Search(("event_key",), lambda table: marks.has_key(table, keys))
    for found in _found(home, files, search, touches.seq, threads):
        place: Any = pc.index_in(found["event_key"], value_set=keys)
        places.touch(touches, found, commit[place.to_numpy()])


def _calls_to(numbers: pa.Array[Any], since_us: int) -> Search:
    """Events with one of these numbers (texts) at the other end, since an instant."""
    numeric: Any = pc.match_substring_regex(numbers, "^[1-9][0-9]{0,14}$")
    wanted: Any = numbers.filter(numeric).cast(pa.int64())

    def holds(table: pa.Table) -> Bools:
        called: Any = pc.is_in(table["other_e164"].cast(pa.int64()), value_set=wanted)
        holds: Bools = called.to_numpy() & (_starts(table) >= since_us)
        return holds

    return Search(("other_e164", "start_us"), holds)


def _found(  # noqa: PLR0913, PLR0917 -- where to look, for what, and what is wanted of it
    home: Home, files: Sequence[view.Stored], search: Search, seq: int, threads: int, more: Sequence[str] = ()
) -> Iterator[pa.Table]:
    """The rows of `files` that are looked for, with number, start and commit, and `more` columns."""
    columns = list(dict.fromkeys((*search.columns, *_FOUND, *more)))

    def of_file(file: view.Stored) -> list[pa.Table]:
        if file.form == "journal":
            return list(_of_journal(home, file, search, columns))
        return list(_of_sealed(home, file, search, columns, seq))

    contexts = [contextvars.copy_context() for _ in files]  # threads read within `view.steadily` as well
    with ThreadPoolExecutor(threads) as pool:
        for tables_ in pool.map(lambda context, file: context.run(of_file, file), contexts, files):
            yield from tables_


def _of_journal(home: Home, file: view.Stored, search: Search, columns: Sequence[str]) -> Iterator[pa.Table]:
    for table in view.parts(home, [file], columns, 0, file.commit_seq):
        holds = search.holds(table)
        if holds.any():
            yield table.filter(pa.array(holds))


def _of_sealed(home: Home, file: view.Stored, search: Search, columns: Sequence[str], seq: int) -> Iterator[pa.Table]:
    """Row group by row group: the columns that are searched, then the others where anything is found."""
    rest = [name for name in columns if name not in search.columns]
    path = home.path / file.path
    try:
        with pq.ParquetFile(path, memory_map=True) as parquet:
            for number in range(parquet.num_row_groups):
                table = parquet.read_row_group(number, columns=list(search.columns), use_threads=False)
                holds = search.holds(table)
                if not holds.any():
                    continue
                others = parquet.read_row_group(number, columns=rest, use_threads=False)
                found = pa.table({name: (table if name in search.columns else others)[name] for name in columns}).filter(pa.array(holds))
                yield found.filter(pa.array(found[COMMIT_SEQ].to_numpy() <= seq))
    except pa.ArrowInvalid as error:
        raise journal.damaged(path) from error


def _starts(table: pa.Table) -> Int64s:
    start_us: Int64s = table["start_us"].cast(pa.int64()).to_numpy()
    return start_us
