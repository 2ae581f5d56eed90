"""Undoing a run of dunning: levels and bars are again what they were before it, and its date may be run again.

The newest run that counts goes first, since each begins with what the one before left. One person asks, another one agrees by the same
command. Nothing is deleted: the run keeps its number and its steps, a decision says that they do not count, and facts put bars back.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.accounts import record_fact
from billing.dunning.looking import Run, run_of, runs_that_count
from billing.dunning.steps import BAR, COMMIT_KIND, UNBAR, UNDO_ASKED, UNDONE, barred, taken_steps
from billing.dunning_policy import CLEAR
from billing.persons import same_person
from billing.store import commit_points, requests, tables
from rating.errors import UserError
from rating.identifiers import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.ledger.closed_months import Who
    from billing.store.home import Home


class PutBack(msgspec.Struct, frozen=True):
    """An account whose step is undone. `action` and `level`: of the step that counts then. `bar`: the fact that puts its bar right."""

    account_id: str
    level_undone: int
    action_undone: str
    level: int
    action: str
    bar: str  # bar_outgoing, unbar, or empty where nothing of it changes


class Undo(msgspec.Struct, frozen=True):
    """Result of undoing, or of its trial. `waits`: for another person; `existed`: it was undone before, and nothing changed."""

    run_id: int
    as_of: str
    reason: str
    waits: bool
    existed: bool
    asked_by: str
    accounts: tuple[PutBack, ...]


def undo(home: Home, run_id: int, reason: str, who: Who, *, agrees: bool | None = None, dry_run: bool = False) -> Undo:  # noqa: PLR0913 -- which run, why, by whom, and as whom
    """Ask for a run to be undone, or, as another person, agree to it: then it is.

    `agrees`: only agree, or only ask; None: what comes next.
    With `dry_run` everything is done as it would be, and nothing is stored. Raises UserError for no reason, an unknown run, one that a
    newer run stands on, and the one who asked agreeing.
    """
    reason = reason_of(reason)
    with _transaction(home, dry_run=dry_run) as connection:
        found = run_of(connection, run_id)
        back = _put_back(connection, found)
        told = tuple(each for _, each in back)
        if found.state == UNDONE:
            return undone_before(found)
        _require_newest(connection, found)
        waits = found.state != UNDO_ASKED
        if not waits and same_person(found.asked_by_uid, who.by_uid):
            raise UserError(
                f"{found.asked_by} has asked for run {run_id} to be undone, and cannot agree to it",
                "another person has to give the same command",
            )
        _require_turn(found, agrees=agrees)
        seq = home.next_commit_seq(connection, COMMIT_KIND, who.now_us)
        values = {"run_id": run_id, "kind": UNDO_ASKED if waits else UNDONE, "reason": reason}
        signed = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
        connection.execute(tables.dunning_decisions.insert().values(**values, **signed))
        for account_key, each in back if not waits else ():
            if each.bar:
                detail = f"dunning run {run_id} is undone: {reason}"
                record_fact(connection, account_key, each.bar, found.as_of, detail, commit_seq=seq)
        done = Undo(run_id, found.as_of, reason, waits, existed=False, asked_by=who.by_name if waits else found.asked_by, accounts=told)
        requests.tell(connection, done)
    return done


def reason_of(text: str) -> str:
    """The reason of an undoing. Raises UserError where there is none."""
    reason = one_line(text, "the reason")
    if not reason:
        raise UserError("undoing a run needs a reason", "say why with --reason", exit_status=2)
    return reason


def undone_before(found: Run) -> Undo:
    """The answer about a run that is undone: nothing changes."""
    return Undo(found.run_id, found.as_of, found.reason, waits=False, existed=True, asked_by=found.asked_by, accounts=())


@contextlib.contextmanager
def _transaction(home: Home, *, dry_run: bool) -> Iterator[sa.Connection]:
    with home.begin(dry_run=dry_run) as connection:
        yield connection
        if not dry_run:
            commit_points.reached("dunning_undo.before_commit")
    if not dry_run:
        commit_points.reached("dunning_undo.committed")


def _require_turn(found: Run, *, agrees: bool | None) -> None:
    """Raises UserError where a person asks for what was asked for, or agrees to what was not."""
    is_asked = found.state == UNDO_ASKED
    if agrees is True and not is_asked:
        raise UserError(f"run {found.run_id} is not asked to be undone", "ask for it; another person agrees then")
    if agrees is False and is_asked:
        raise UserError(f"{found.asked_by} has asked for run {found.run_id} to be undone", "another person has to agree to it")


def _require_newest(connection: sa.Connection, found: Run) -> None:
    newest = runs_that_count(connection)[-1]
    if newest.run_id != found.run_id:
        raise UserError(
            f"run {found.run_id} of {found.as_of} cannot be undone: run {newest.run_id} of {newest.as_of} is newer, and builds on it",
            f"undo the newest first: ratewright dunning undo --run {newest.run_id} --reason ...",
        )


def _put_back(connection: sa.Connection, found: Run) -> list[tuple[int, PutBack]]:
    """The accounts of a run, in the order of their ids, and what holds for each without it."""
    step, account = tables.dunning_steps.c, tables.accounts.c
    query = sa.select(step.account_key, account.account_id, step.level, step.action).join_from(tables.dunning_steps, tables.accounts)
    rows = connection.execute(query.where(step.commit_seq == found.commit_seq).order_by(account.account_id)).all()
    taken, already = taken_steps(connection, before_seq=found.commit_seq), barred(connection)
    back = []
    for account_key, account_id, level, action in rows:
        before = taken[account_key][-1] if taken.get(account_key) else None
        wants_bar = before is not None and before.action == BAR
        bar = "" if wants_bar == (account_key in already) else BAR if wants_bar else UNBAR
        left = (before.level, before.action) if before is not None else (CLEAR, "")
        back.append((account_key, PutBack(account_id, level, action, *left, bar)))
    return back
