"""One bill run: compute, freeze, number, post. A killed run is resumed, and no trace of the first attempt remains.

    computing   the run row pins the sequence number; charges are priced and written; nothing of it counts yet
    computed    the list of invoices is frozen (`billing.runs.frozen_list`); nothing of it counts yet. A trial stops here, and so does
    every run
                until another person approved the list, where the setting `approval` is `required`
    numbered    one transaction has given every draft its number and stored invoices, lines, the names of the charge files and the terms
    posted      every invoice is in the ledger

A run is a pure function of its bill date, its accounts and its pinned number, so a killed one is computed afresh. A computed run numbers
exactly what is frozen; a numbered one only posts what is missing. One run works on a home at a time.
"""

from __future__ import annotations

import datetime as dt
import functools
import shutil
from typing import TYPE_CHECKING

import pyarrow as pa

from billing.accounts.covering import QUARANTINED
from billing.charges.book_terms import clipped, total
from billing.runs import charge_files, frozen_list, numbering, posting, start, states
from billing.runs.computing import Computed, compute
from billing.runs.lock import only_run
from billing.runs.preview import Preview, preview
from billing.runs.reports import RunReport, run_report
from billing.runs.start import Order
from billing.runs.states import Step
from billing.runs.usage import carried_allowances
from billing.store import commit_points, tables
from rating.dates import day_of
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.runs.computing import Progress
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.frozen_list import Outcome
    from billing.runs.states import Run
    from billing.runs.usage.shard_groups import Sink
    from billing.store.home import Home

__all__ = ["Computed", "Order", "Preview", "RunReport", "abandon", "compute", "preview", "run"]


def run(  # noqa: PLR0913 -- what, when, and how
    home: Home,
    bill_date: dt.date,
    now_us: int,
    *,
    order: Order | None = None,
    threads: int = 1,
    progress: Progress | None = None,
    clock: Callable[[], int] | None = None,
) -> RunReport:
    """Bill every account for its periods that ended on or before `bill_date`; resume a run of that date that is not finished.

    `clock` gives the instants at which later steps end; without it everything is at `now_us`. Raises UserError in these cases:

    - The date has not begun on the clocks of the accounts that the run would touch. If the order gives a reason to be ahead, the list waits
      for another person instead.
    - The date is in a closed month.
    - The clock is set back.
    - A run of another date is not finished, or another run works on this home.
    - Before a new run: usage files of its periods are missing or rejected, and this is not waived (`collection.gate`).
    """
    wanted, at = order or Order(), clock or (lambda: now_us)
    report = progress or _silent
    start.require_date(bill_date, now_us)
    with only_run(home, f"the run of {bill_date}", now_us, wait=wanted.wait):
        current = start.begin(home, bill_date, now_us, wanted)
        outcome = None
        if current.state == states.COMPUTING:
            outcome = _compute_and_freeze(home, current, wanted, threads, report, at)
            current = current._replace(state=states.COMPUTED)
        if current.state == states.COMPUTED and not wanted.trial and _may_number(home, current, wanted, at()):
            outcome = outcome or frozen_list.read_to_number(home, current.run_id, current.bill_date)
            numbering.number(home, current, outcome, Step(at(), wanted.by))
            current = current._replace(state=states.NUMBERED)
        if current.state == states.NUMBERED:
            drafts = outcome.drafts if outcome is not None else None
            posting.post_run(home, current.run_id, at, wanted.by, drafts=drafts, progress=functools.partial(report, "post"))
    return run_report(home, current.run_id, resumed=current.resumed)


def abandon(home: Home, bill_date: dt.date, at: Step, *, dry_run: bool = False) -> int:
    """Give up a run that has numbered nothing, such as one of a wrong date. Returns its id.

    The run stays in the list of runs, with the person who gave it up and the decisions on its list of invoices; its files are removed. It
    needs no commit, so that a run of a clock that was ahead can be given up. Raises UserError when there is no such run, or when it has
    numbered: then it can only be finished. `dry_run`: refused as it would be, and nothing is stored or removed.
    """
    with only_run(home, f"abandoning the run of {bill_date}", at.at_us), home.begin(dry_run=dry_run) as connection:
        current = states.unfinished(connection)
        if current is None or current.bill_date != bill_date.isoformat():
            raise states.none_unfinished(bill_date)
        if current.state == states.NUMBERED:
            raise UserError(f"the bill run of {bill_date} has numbered its invoices", f"finish it: ratewright bill run --date {bill_date}")
        states.move(connection, current.run_id, current.state, states.ABANDONED, at)
        connection.execute(tables.run_drafts.delete().where(tables.run_drafts.c.run_id == current.run_id))
    if not dry_run:
        shutil.rmtree(home.charges_folder / f"run={current.run_id}", ignore_errors=True)  # nothing names these files
    return current.run_id


def _compute_and_freeze(home: Home, current: Run, wanted: Order, threads: int, report: Progress, at: Callable[[], int]) -> Outcome:  # noqa: PLR0913, PLR0917 -- what, by whom, and how
    bill_date, folder = dt.date.fromisoformat(current.bill_date), home.charges_folder / f"run={current.run_id}"
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was killed: nothing names these files
    charges = _Charges(home, current.run_id, folder)
    computed = compute(
        home,
        bill_date,
        current.pinned_seq,
        threads=threads,
        only=start.only_accounts(home, current),
        before_run=current.run_id,
        everything=wanted.everything,
        sink_for=charges.sink,
        progress=report,
    )
    files = charges.files()
    commit_points.reached("run.charges_written")
    issued_on = dt.date.fromisoformat(current.issued_on or current.bill_date)
    outcome = frozen_list.Outcome(
        computed.settlement.drafts.dated(issued_on),
        files,
        clipped(computed.terms),
        put_aside(computed),
        leftovers_of(current.run_id, computed),
        [frozen_list.PendingPeriod(key, day_of(day).isoformat()) for key, day in computed.pending_day.items()],
    )
    report("freeze", 0, 0)
    named = frozen_list.write(folder / frozen_list.FOLDER, home.path, outcome)
    commit_points.reached("run.drafts_written")
    drafts = outcome.drafts
    with home.begin() as connection:
        now_us = at()
        seq = home.next_commit_seq(connection, "run", now_us)
        sizes = {"invoices": len(drafts), "lines": len(drafts.lines), "net_micros": total(drafts.net_micros())}
        connection.execute(tables.run_drafts.insert().values(run_id=current.run_id, **named._asdict(), **sizes, commit_seq=seq))
        states.move(connection, current.run_id, states.COMPUTING, states.COMPUTED, Step(now_us, wanted.by))
        commit_points.reached("run.before_computed_commit")
    commit_points.reached("run.computed")
    return outcome


class _Charges:
    """The charge files of a run: their writer is made when the contracts are known."""

    def __init__(self, home: Home, run_id: int, folder: Path) -> None:
        self._home = home
        self._run_id = run_id
        self._folder = folder
        self._writer: charge_files.Writer | None = None

    def sink(self, contracts: Contracts) -> Sink:
        """Return the function that gets priced events, group by group."""
        self._writer = charge_files.Writer(self._folder, self._home.path, self._run_id, contracts, self._written)
        return self._writer.write

    def files(self) -> list[charge_files.ChargeFile]:
        """All files, on disk; none where there was no usage to look for."""
        return self._writer.files() if self._writer is not None else []

    @staticmethod
    def _written(_rows: int) -> None:
        commit_points.reached("run.charge_file_written")


def put_aside(computed: Computed) -> list[frozen_list.PutAside]:
    """Accounts of a run that are not billed: in quarantine, held, or for testing."""
    found = {key: frozen_list.PutAside(key, kind, reason) for key, (kind, reason) in computed.scope.left_out.items()}
    found |= {key: frozen_list.PutAside(key, QUARANTINED, reason) for key, reason in computed.settlement.quarantined.items()}
    return [each for _, each in sorted(found.items())]


def leftovers_of(run_id: int, computed: Computed) -> pa.Table:
    """Allowances left of the periods of a run, as columns of `carried_allowances`."""
    rows = carried_allowances.rows(run_id, computed.left)
    names = [column.name for column in tables.carried_allowances.c]
    kinds = [pa.string() if column.type.python_type is str else pa.int64() for column in tables.carried_allowances.c]
    return pa.Table.from_pylist(rows, schema=pa.schema(list(zip(names, kinds, strict=True))))


def _may_number(home: Home, current: Run, wanted: Order, now_us: int) -> bool:
    with home.connect() as connection:
        return start.may_number(connection, current, wanted, now_us)


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Progress that is not shown."""
