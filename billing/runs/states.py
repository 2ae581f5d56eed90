"""The states of a run, the persons behind them, and the decisions on its list of invoices.

    computing   the run row pins the sequence number; nothing counts yet
    computed    the list of invoices is frozen in files; nothing counts yet
    rejected    a person rejected the frozen list: nothing of it will ever count, and the date can be run anew
    abandoned   a person gave the run up before it had numbered anything: as rejected, and its files are gone
    numbered    every invoice has its number
    posted      every invoice is in the ledger

An approval is a row about exactly one frozen list, by its hash. The setting `approval` (none | required) says whether one is needed; a run
that began ahead of its date always needs one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts import covering, undone
from billing.persons import same_person
from billing.store import commit_points, requests, tables
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    import datetime as dt

    from billing.store.home import Home

COMPUTING: Final = "computing"
COMPUTED: Final = "computed"
REJECTED: Final = "rejected"
ABANDONED: Final = "abandoned"
NUMBERED: Final = "numbered"
POSTED: Final = "posted"
UNFINISHED: Final = (COMPUTING, COMPUTED, NUMBERED)
FINAL: Final = (POSTED, REJECTED, ABANDONED)
COUNTED: Final = (NUMBERED, POSTED)  # states in which what a run computed counts

CYCLE: Final = "cycle"
THRESHOLD: Final = "threshold"
ISSUED_ON: Final = covering.ISSUED_ON  # in the detail of a cycle run whose invoices are not dated on its bill date
AHEAD: Final = "ahead"  # in the detail of a cycle run that began before its date had: why
APPROVED: Final = "approved"
DECISION_REJECTED: Final = "rejected"


class By(NamedTuple):
    """The person who acts: a name, and the user id of the operating system."""

    name: str = ""
    uid: int = -1


class Step(NamedTuple):
    """An instant (microseconds UTC), and the person."""

    at_us: int
    by: By = By()


class Run(NamedTuple):
    """A run as stored."""

    run_id: int
    bill_date: str
    pinned_seq: int
    state: str
    kind: str
    by: By
    restricted: bool
    resumed: bool = False
    issued_on: str | None = None  # None: on the bill date
    ahead: str = ""  # why it was begun before its date had; such a run always waits for approval


def find(connection: sa.Connection, run_id: int) -> Run:
    """A run by its number. Raises UserError when there is none."""
    runs = tables.bill_runs
    row = connection.execute(sa.select(runs).where(runs.c.run_id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no bill run {run_id}", "`ratewright bill list` shows all runs")
    return of_row(connection, row)


def find_run(connection: sa.Connection, run_id: int | None) -> Any:  # noqa: ANN401 -- a row of bill_runs
    """A run by its id; for None the latest that was neither abandoned nor undone for all accounts. Raises UserError when there is none."""
    runs = tables.bill_runs
    query = sa.select(runs).order_by(runs.c.run_id.desc())
    if run_id is None:
        query = query.where(runs.c.state != ABANDONED, runs.c.run_id.not_in(undone.whole_runs(undone.load(connection))))
    row = connection.execute(query if run_id is None else query.where(runs.c.run_id == run_id)).first()
    if row is None:
        what = "there is no bill run yet" if run_id is None else f"there is no bill run {run_id}"
        raise UserError(what, "`ratewright bill run --date DATE` makes one")
    if row.state == ABANDONED:
        gone = f"bill run {run_id} was abandoned: it billed nothing, and its files are gone"
        raise UserError(gone, "`ratewright bill list` shows all runs")
    return row


def of_row(connection: sa.Connection, row: Any) -> Run:  # noqa: ANN401 -- a row of bill_runs
    """The run of a row of `bill_runs`, with the person who started it."""
    started = steps(connection, row.run_id).get(COMPUTING)
    by = started.by if started is not None else By()
    told = msgspec.json.decode(row.detail) if row.detail and row.kind == CYCLE else {}
    whole = (int(row.run_id), row.bill_date, int(row.pinned_seq), row.state, row.kind, by, bool(row.restricted))
    return Run(*whole, issued_on=told.get(ISSUED_ON), ahead=told.get(AHEAD, ""))


def steps(connection: sa.Connection, run_id: int) -> dict[str, Step]:
    """The instant at which a run came to each state, and the person; nothing for runs from before this was kept."""
    step = tables.run_steps.c
    rows = connection.execute(sa.select(step.state, step.at_us, step.by_name, step.by_uid).where(step.run_id == run_id))
    return {row.state: Step(int(row.at_us), By(row.by_name, int(row.by_uid))) for row in rows}


def note_step(connection: sa.Connection, run_id: int, state: str, at_us: int, by: By) -> None:
    """Note that a run came to a state."""
    values = {"run_id": run_id, "state": state, "at_us": at_us, "by_name": by.name, "by_uid": by.uid}
    connection.execute(tables.run_steps.insert().values(**values))


def none_unfinished(bill_date: dt.date) -> UserError:
    """The error of who asks for the unfinished run of a date that has none."""
    return UserError(f"no bill run of {bill_date} is unfinished", "`ratewright bill list` shows all runs")


def unfinished(connection: sa.Connection) -> Run | None:
    """The run that is neither posted nor rejected nor abandoned; there is never more than one."""
    runs = tables.bill_runs
    row = connection.execute(sa.select(runs).where(runs.c.state.in_(UNFINISHED)).order_by(runs.c.run_id)).first()
    return of_row(connection, row) if row is not None else None


def move(connection: sa.Connection, run_id: int, before: str, after: str, at: Step) -> None:
    """Move a run to its next state. It must be in the state before."""
    runs = tables.bill_runs
    moved = connection.execute(runs.update().where(runs.c.run_id == run_id, runs.c.state == before).values(state=after)).rowcount
    assert moved == 1, f"run {run_id} is not {before}"
    note_step(connection, run_id, after, at.at_us, at.by)


def decide(  # noqa: PLR0913, PLR0917 -- one argument a column
    home: Home, run_id: int, kind: str, by: By, note: str, now_us: int, *, dry_run: bool = False
) -> Run:
    """Approve or reject the frozen list of a computed run. The same decision by the same person again changes nothing.

    `dry_run`: everything is done and refused as it would be, and nothing is stored.

    Raises UserError when the run is not computed, or when the person who approves is the one who started it.
    """
    with home.begin(dry_run=dry_run) as connection:
        run = find(connection, run_id)
        before = _decision(connection, run_id)
        if before is not None and before.kind == kind and same_person(int(before.by_uid), by.uid):
            return run
        _require_decidable(run, kind, by)
        decisions, sha256 = tables.run_decisions, frozen_sha256(connection, run_id)
        assert sha256 is not None, f"run {run_id} is computed without a frozen list"
        seq = home.next_commit_seq(connection, "run_decision", now_us)
        values = {"run_id": run_id, "kind": kind, "sha256": sha256, "note": note, "by_name": by.name, "by_uid": by.uid, "at_us": now_us}
        connection.execute(decisions.insert().values(**values, commit_seq=seq))
        if kind == DECISION_REJECTED:
            move(connection, run_id, COMPUTED, REJECTED, Step(now_us, by))
        decided = run._replace(state=REJECTED if kind == DECISION_REJECTED else run.state)
        requests.tell(connection, decided)
        commit_points.reached("approval.before_commit")
    commit_points.reached("approval.committed")
    return decided


def approved_by(connection: sa.Connection, run_id: int) -> By | None:
    """The person who approved the frozen list as it is named now; None if the last decision was another, or about another list."""
    row = _decision(connection, run_id)
    if row is None or row.kind != APPROVED or row.sha256 != frozen_sha256(connection, run_id):
        return None
    return By(row.by_name, int(row.by_uid))


def frozen_sha256(connection: sa.Connection, run_id: int) -> bytes | None:
    """The hash of a run's frozen list; None where it has none."""
    drafts = tables.run_drafts.c
    found: bytes | None = connection.execute(sa.select(drafts.sha256).where(drafts.run_id == run_id)).scalar_one_or_none()
    return found


def _decision(connection: sa.Connection, run_id: int) -> Any:  # noqa: ANN401 -- a row of run_decisions, or None
    decisions = tables.run_decisions
    query = sa.select(decisions).where(decisions.c.run_id == run_id).order_by(decisions.c.decision_id.desc())
    return connection.execute(query).first()


def _require_decidable(run: Run, kind: str, by: By) -> None:
    if run.state != COMPUTED:
        raise UserError(
            f"bill run {run.run_id} of {run.bill_date} is {run.state}: only a computed run can be {kind}",
            f"`ratewright bill run --date {run.bill_date} --trial` computes one",
        )
    if kind == APPROVED and same_person(run.by.uid, by.uid):
        raise UserError(
            f"bill run {run.run_id} was started by {run.by.name or 'this user'}, who cannot approve it",
            f"another person approves it: ratewright bill approve --run {run.run_id}",
        )
