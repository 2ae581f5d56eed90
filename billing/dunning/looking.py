"""History of dunning: its runs, and the steps taken for an account with its state."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.dunning.running import CLEARED, Change, Undone, judge
from billing.dunning.states import State
from billing.dunning.steps import BAR, UNDO_ASKED, UNDONE, Account, accounts, barred, taken_steps
from billing.dunning_policy import CLEAR, names_of
from billing.store import tables
from rating.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.store.home import Home

COUNTS = "counts"


class Run(msgspec.Struct, frozen=True):
    """A run that took steps. `state`: counts, undo_asked (and counts still) or undone; `reason` of the last word about undoing it.

    `asked_reason`: of the one who asked for that.
    """

    run_id: int
    as_of: str
    by_name: str
    by_uid: int
    at_us: int
    commit_seq: int
    reminded: int
    barred: int
    cleared: int
    state: str
    reason: str = ""
    asked_reason: str = ""
    asked_by: str = ""
    asked_by_uid: int | None = None
    undone_by: str = ""
    undone_seq: int | None = None
    undone_at_us: int | None = None

    @property
    def undoing(self) -> Undone | None:
        """Its undoing, if it is undone."""
        if self.state != UNDONE or self.undone_at_us is None:
            return None
        return Undone(self.run_id, self.as_of, self.undone_by, self.undone_at_us, self.reason, self.asked_by, self.asked_reason)


class History(msgspec.Struct, frozen=True):
    """The steps taken for an account, oldest first, and its state on a date.

    `level` and `action`: what its policy asks for, and a run of that date would take. `taken_level`, `taken_action` and `taken_on`: the
    last step that was taken and counts; 0 and empty where there is none, or it cleared the account.
    """

    account_id: str
    as_of: str
    level: int
    action: str
    oldest_due_on: str | None
    overdue_micros: int
    currency: str
    barred: bool
    policy: str
    held_level: int  # that open promises keep it from; 0: none
    steps: tuple[Change, ...]
    taken_level: int = CLEAR
    taken_action: str = ""
    taken_on: str = ""

    @property
    def undone_last(self) -> Undone | None:
        """The undoing of the newest step, where that counts no more."""
        return self.steps[-1].undoing if self.steps else None


def runs(home: Home) -> list[Run]:
    """Every run that took steps, oldest first."""
    with home.connect() as connection:
        return all_runs(connection)


def history(home: Home, account_id: str, as_of: dt.date) -> History:
    """Steps taken for an account so far, and its state on a date."""
    with home.connect() as connection:
        found = accounts(connection, as_of, account_id)
        if not found:
            raise NotFoundError(f"no account has the id {account_id}", "give the id as in accounts.csv")
        (account,) = found
        judged = judge(connection, found, as_of, [account.account_key]).get(account.account_key)
        now = judged.state if judged is not None else State(CLEAR, "", None, 0)
        steps = _steps(connection, account)
        taken = taken_steps(connection, [account.account_key]).get(account.account_key, [])
        is_barred = bool(barred(connection, account.account_key))
    return History(
        account_id,
        as_of.isoformat(),
        now.level,
        now.action,
        now.oldest_due_on.isoformat() if now.oldest_due_on else None,
        now.overdue_micros,
        account.currency,
        is_barred,
        account.policy,
        now.held_level,
        tuple(steps),
        *((taken[-1].level, taken[-1].action, taken[-1].on.isoformat()) if taken else ()),
    )


def steps_of(home: Home, commit_seq: int) -> list[Change]:
    """The steps that the run of a commit took, by account."""
    step = tables.dunning_steps.c
    with home.connect() as connection:
        run = next(each for each in all_runs(connection) if each.commit_seq == commit_seq)
        keys = set(connection.execute(sa.select(step.account_key).where(step.commit_seq == commit_seq)).scalars())
        whom = [each for each in accounts(connection, dt.date.fromisoformat(run.as_of)) if each.account_key in keys]
        every = [change for account in whom for change in _steps(connection, account)]
    return [each for each in every if each.run_id == run.run_id]


def all_runs(connection: sa.Connection) -> list[Run]:
    """Every run, oldest first."""
    row, decision, step = tables.dunning_runs.c, tables.dunning_decisions.c, tables.dunning_steps.c
    counts: dict[int, dict[str, int]] = {}
    query = sa.select(step.commit_seq, step.action, sa.func.count()).group_by(step.commit_seq, step.action)
    for seq, action, count in connection.execute(query):
        counts.setdefault(seq, {})[action] = int(count)
    said: dict[int, list[sa.Row[tuple[object, ...]]]] = {}
    for each in connection.execute(sa.select(tables.dunning_decisions).order_by(decision.decision_id)):
        said.setdefault(each.run_id, []).append(each)
    found = []
    for run in connection.execute(sa.select(tables.dunning_runs).order_by(row.run_id)):
        own, words = counts.get(run.commit_seq, {}), {each.kind: each for each in said.get(run.run_id, ())}
        asked, undone = words.get(UNDO_ASKED), words.get(UNDONE)
        last = undone or asked
        found.append(
            Run(
                **run._asdict(),
                reminded=own.get("remind", 0),
                barred=own.get(BAR, 0),
                cleared=own.get(CLEARED, 0),
                state=COUNTS if last is None else last.kind,
                reason="" if last is None else last.reason,
                asked_reason="" if asked is None else asked.reason,
                asked_by="" if asked is None else asked.by_name,
                asked_by_uid=None if asked is None else asked.by_uid,
                undone_by="" if undone is None else undone.by_name,
                undone_seq=None if undone is None else undone.commit_seq,
                undone_at_us=None if undone is None else undone.at_us,
            )
        )
    return found


def run_of(connection: sa.Connection, run_id: int) -> Run:
    """One run. Raises NotFoundError where there is none of that number."""
    return pick(all_runs(connection), run_id)


def pick(found: Iterable[Run], run_id: int) -> Run:
    """The run of a number among others. Raises NotFoundError where there is none."""
    for each in found:
        if each.run_id == run_id:
            return each
    raise NotFoundError(f"there is no dunning run {run_id}", "`ratewright dunning list` shows all of them")


def runs_that_count(connection: sa.Connection) -> list[Run]:
    """The runs that were not undone, oldest first."""
    return [each for each in all_runs(connection) if each.state != UNDONE]


def _steps(connection: sa.Connection, account: Account) -> list[Change]:
    """All steps of an account; the level before each is that of the last one that counted when it was taken."""
    step = tables.dunning_steps
    query = sa.select(step).where(step.c.account_key == account.account_key).order_by(step.c.step_id)
    names, runs_by_commit = names_of(connection), {run.commit_seq: run for run in all_runs(connection)}
    rows = [row for row in connection.execute(query) if row.commit_seq in runs_by_commit]
    undone_seq = {commit_seq: run.undone_seq for commit_seq, run in runs_by_commit.items() if run.undone_seq is not None}
    changes: list[Change] = []
    for place, row in enumerate(rows):
        counted = (each for each in reversed(rows[:place]) if undone_seq.get(each.commit_seq, row.commit_seq + 1) > row.commit_seq)
        before = next((each.level for each in counted), CLEAR)
        told = (row.action, row.oldest_due_on, row.overdue_micros, account.currency, row.as_of)
        policy = (names.get(row.policy_hash, ""), row.policy_hash or "")
        run = runs_by_commit[row.commit_seq]
        undoing = run.undoing
        changes.append(Change(account.account_id, before, row.level, *told, *policy, run.run_id, undoing is not None, undoing))
    return changes
