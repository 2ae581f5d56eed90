"""The follow-up of a posted run: its books, a finding for each that does not balance, an alarm for each bill out of the ordinary.

A run is posted before it is checked. Its follow-up is a step of the run like its states, noted last. If the process was stopped after a
run, that run is followed up with the next one, oldest first. Each part may be done again, and adds nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.controls import Book, findings, of_run
from billing.controls.findings import Finding
from billing.documents.alarms import raise_alarms
from billing.invoicing.reading import InvoiceSummary
from billing.runs import states
from billing.store import commit_points, tables
from rating.dates import utc_date

if TYPE_CHECKING:
    import datetime as dt

    from billing.ledger.closed_months import Who
    from billing.runs.reports import RunReport
    from billing.store.home import Home

FOLLOWED_UP: Final = "followed_up"


class Followed(NamedTuple):
    """A run with its books and the number of new alarms; `open_findings`: all that are open."""

    run_id: int
    books: Sequence[Book]
    open_findings: Sequence[Finding]
    alarms: int


class Reissued(NamedTuple):
    """A run that billed a void invoice again. `failed`: its books that do not balance."""

    run_id: int
    bill_date: str
    state: str
    drafts: int  # invoices on its list
    made: Sequence[InvoiceSummary]
    failed: Sequence[Book]
    alarms: int

    @property
    def waits(self) -> bool:
        """True where the list of the run waits for another person."""
        return self.state == states.COMPUTED and self.drafts > 0

    @property
    def is_done(self) -> bool:
        """True where it has billed, or will with the word of another person, and its books balance."""
        return bool(self.made or self.waits) and not self.failed


def reissued(report: RunReport, made: Sequence[InvoiceSummary], failed: Sequence[Book], alarms: int) -> Reissued:
    """The run of a report, and its documents."""
    return Reissued(report.run_id, report.bill_date, report.state, report.drafts, made, failed, alarms)


def left_at(home: Home, bill_date: dt.date) -> int | None:
    """The newest run of a date that is posted and was not followed up; None where there is none, or a run is not finished."""
    with home.connect() as connection:
        if states.unfinished(connection) is not None:
            return None
        of_date = tables.bill_runs.c.bill_date == bill_date.isoformat()
        return max(connection.execute(_left().where(of_date)).scalars(), default=None)


def follow_up(home: Home, run_id: int, who: Who) -> list[Followed]:
    """Follow up a run, after those that are left. Returns all of them, `run_id` last."""
    today = utc_date(who.now_us)
    with home.connect() as connection:
        older = [each for each in connection.execute(_left()).scalars() if each != run_id]
    return [_follow(home, each, today, who) for each in (*older, run_id)]


def _left() -> sa.Select[int]:
    """Posted runs of the cycle without a follow-up, oldest first."""
    run, step = tables.bill_runs.c, tables.run_steps.c
    done = sa.select(step.run_id).where(step.state == FOLLOWED_UP)
    query = sa.select(run.run_id).where(run.state == states.POSTED, run.kind == states.CYCLE, run.run_id.not_in(done))
    return query.order_by(run.run_id)


def _follow(home: Home, run_id: int, today: dt.date, who: Who) -> Followed:
    with home.connect() as connection:
        owner = states.find(connection, run_id).by.name
    books = of_run(home, run_id)
    open_findings = findings.keep(home, books, run_id, owner, today, who.now_us)
    alarms = raise_alarms(home, run_id, who)
    with home.begin() as connection:
        if FOLLOWED_UP not in states.steps(connection, run_id):
            states.note_step(connection, run_id, FOLLOWED_UP, who.now_us, states.By(who.by_name, who.by_uid))
        commit_points.reached("follow.before_commit")
    commit_points.reached("follow.committed")
    return Followed(run_id, books, open_findings, alarms)
