"""Bill runs as a user has them: assembled, run, followed up; previews; what a list of invoices waits for.

Each function takes the person and the clock, and `progress` (stage, done, total). A command prints the result, and a call converts it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts import lookup
from billing.controls import findings
from billing.controls.book import book
from billing.documents import following
from billing.documents.following import Followed
from billing.documents.semantic import checking
from billing.left_out.for_good import open_records
from billing.persons import Who
from billing.runs import cycle, quarantine_retry, reports, start, states, trial
from billing.runs.cycle import RunReport
from billing.runs.trial import Trial
from billing.store import settings, tables
from rating.counted import counted
from rating.dates import utc_date
from rating.errors import UserError
from rating.on_use import ModuleOnUse

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.runs.computing import Progress
    from billing.runs.cycle import Order, Preview
    from billing.runs.states import By, Run
    from billing.store.home import Home

    Clock = Callable[[], int]
    from billing.intake import taking
else:
    taking = ModuleOnUse("billing.intake.taking")

BOOKS = "books"  # the stage in which a posted run is followed up


class Ended(NamedTuple):
    """A run that was posted and followed up, or that stopped at its list of invoices.

    `followed`: the run and those that were not followed up before, with a report of each in `reports`; `trial`: the list of a computed run
    beside the last period; `waits`: another person has to approve that list.
    """

    run: RunReport
    followed: Sequence[Followed] = ()
    trial: Trial | None = None
    waits: bool = False
    reports: Sequence[RunReport] = ()

    @property
    def balances(self) -> bool:
        """True if no book of the runs that were followed up fails."""
        return all(each.ok for of in self.followed for each in of.books)


def run(home: Home, bill_date: dt.date, order: Order, clock: Clock, *, threads: int, progress: Progress) -> Ended:  # noqa: PLR0913 -- what, when, and how
    """Bill what is due, and follow the run up. Raises UserError as `billing.runs.cycle.run` does."""
    posted = following.left_at(home, bill_date) if order.resume else None
    if posted is not None:  # somebody was stopped before its books were looked at
        return _followed(home, reports.run_report(home, posted, resumed=True), order.by, clock, progress)
    _require_document_data(home, bill_date, order)
    taking.Intake(home).assemble(clock())  # calls that lack a segment wait no longer than their source allows
    done = cycle.run(home, bill_date, clock(), order=order, threads=threads, progress=progress, clock=clock)
    if done.state == states.POSTED:
        return _followed(home, done, order.by, clock, progress)
    return _compared(home, done, clock) if done.state == states.COMPUTED else Ended(done)


def _require_document_data(home: Home, bill_date: dt.date, order: Order) -> None:
    """Raises UserError where the setting `document_data` asks for all data of documents, and some is missing as a run begins.

    A trial may lack it. A run that was begun goes on.
    """
    with home.connect() as connection:
        demands = settings.text(connection, "document_data") == "required"
    if not demands or order.trial or unfinished(home, bill_date) is not None:
        return
    found = checking.check(home, bill_date)
    if found.findings:
        first = found.findings[0]
        raise UserError(
            f"{counted(len(found.findings), 'finding')} about data that documents need; the first: {first.place} {first.message}",
            f"`ratewright documents check --date {bill_date}` lists all, each with its command",
        )


def go_on(home: Home, run_id: int, order: Order, clock: Clock, *, threads: int, progress: Progress) -> Ended:  # noqa: PLR0913 -- what, when, and how
    """Go on with a run that was begun: to its list, then its numbers and its books. A finished one is reported."""
    current, is_left = _found(home, run_id)
    if is_left:
        return _followed(home, reports.run_report(home, run_id, resumed=True), order.by, clock, progress)
    if current.state in states.FINAL:
        return Ended(reports.run_report(home, run_id, resumed=True))
    wanted = order._replace(accounts=None, kind=current.kind, ahead="")
    return run(home, dt.date.fromisoformat(current.bill_date), wanted, clock, threads=threads, progress=progress)


def require_unfinished(home: Home, run_id: int) -> dt.date:
    """The date of a run that is not finished, or not followed up. Raises UserError for any other."""
    current, is_left = _found(home, run_id)
    if current.state in states.FINAL and not is_left:
        raise UserError(f"bill run {run_id} of {current.bill_date} is {current.state}", "`ratewright bill list` shows all runs")
    return dt.date.fromisoformat(current.bill_date)


def date_of(home: Home, run_id: int) -> dt.date:
    """The bill date of a run. Raises NotFoundError."""
    with home.connect() as connection:
        return dt.date.fromisoformat(states.find(connection, run_id).bill_date)


def retry(home: Home, run_id: int, by: By, clock: Clock, *, threads: int, progress: Progress) -> Ended:  # noqa: PLR0913 -- what, by whom, and how
    """Bill what a run put into quarantine, and follow that up. Raises UserError where nothing of it is in quarantine."""
    done = quarantine_retry.retry(home, run_id, clock(), by, threads=threads, progress=progress, clock=clock)
    return _followed(home, done, by, clock, progress) if done.state == states.POSTED else Ended(done)


def preview(home: Home, bill_date: dt.date, order: Order, clock: Clock, *, threads: int, progress: Progress | None = None) -> Preview:  # noqa: PLR0913 -- what, when, and how
    """The bills that a run would make now, of accounts that are known. Raises UserError for one that is not."""
    if order.accounts is not None:
        names = (lookup.show_account(home, each).account.account_id for each in sorted(order.accounts))
        order = order._replace(accounts=frozenset(names))
    return cycle.preview(home, bill_date, clock(), order=order, threads=threads, progress=progress)


def would_refuse(found: Preview) -> bool:
    """Return whether a run would refuse what was previewed."""
    return bool(found.refused or found.findings)


def unfinished(home: Home, bill_date: dt.date) -> int | None:
    """The run of this date that is not finished; None where there is none."""
    with home.connect() as connection:
        found = states.unfinished(connection)
    return found.run_id if found is not None and found.bill_date == bill_date.isoformat() else None


def page(home: Home, before: int | None, size: int) -> list[RunReport]:
    """At most `size` runs, newest first, of those in front of `before`."""
    row = tables.bill_runs.c
    query = sa.select(row.run_id).order_by(row.run_id.desc()).limit(size)
    with home.connect() as connection:
        ids = connection.execute(query if before is None else query.where(row.run_id < before)).scalars().all()
    return [reports.run_report(home, int(each)) for each in ids]


def _found(home: Home, run_id: int) -> tuple[Run, bool]:
    """A run, and whether it is posted and was not followed up. Raises UserError where there is none."""
    with home.connect() as connection:
        current = states.find(connection, run_id)
        is_left = current.state == states.POSTED and current.kind == states.CYCLE
        return current, is_left and following.FOLLOWED_UP not in states.steps(connection, run_id)


def _followed(home: Home, done: RunReport, by: By, clock: Clock, progress: Progress) -> Ended:
    """Look at the books of a posted run, after runs that were not followed up before."""
    progress(BOOKS, 0, 0)
    followed = following.follow_up(home, done.run_id, Who(by.name, by.uid, clock()))
    told = msgspec.structs.replace(done, too_late_open=open_records(home).records)
    return Ended(
        told, followed, reports=[told if each.run_id == done.run_id else reports.run_report(home, each.run_id) for each in followed]
    )


def _compared(home: Home, done: RunReport, clock: Clock) -> Ended:
    """Compare a computed list with the last period: jumps are a finding. Nothing is numbered yet."""
    found = trial.compare(home, done.run_id)
    jumps = {each.account_id: each.now_micros for each in found.jumps.shown}
    name = f"trial, run {done.run_id} of {done.bill_date}: no bill is five times the last one"
    jumping = book(name, found.jumps.count, 0, "accounts", jumps)
    findings.keep(home, [jumping], done.run_id, done.started_by, utc_date(clock()), clock())
    with home.connect() as connection:
        waits = start.waits_for_approval(connection, states.find(connection, done.run_id))
    return Ended(done, trial=found, waits=waits)
