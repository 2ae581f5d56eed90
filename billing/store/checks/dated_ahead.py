"""Runs of a date that had not begun, on the clocks of their accounts, when they were committed: they barred or billed ahead of time.

Nothing of them is damaged. They are reported for a person to look at, each with the command that takes it back; what was undone or is
void is not reported any more. That command says what blocks it.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from billing.store import tables
from billing.store.voids import voided
from rating.dates import instant_of, utc_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CYCLE, _NUMBERED, _OPENING = "cycle", "numbered", "opening"  # kinds of run, and a state


class _Ahead(NamedTuple):
    """A run, its instant, and how many were ahead of it. `known`: kind and state, of a run that bills."""

    run_id: int
    date: str
    at_us: int
    ahead: int
    known: tuple[str, ...]


def notes(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """A place and what is to be said of it, for each run that has anything ahead of its commit's clock."""
    for run_id, date, at_us, count, _ in _ahead(connection, _dunned()):
        told = f"run {run_id} of {date} was taken on {_day(at_us)} (UTC), when that date had not begun for {count:,} of its accounts"
        yield "dunning_steps", f"{told}: ratewright dunning undo --run {run_id} --reason ..."
    for run_id, date, at_us, count, known in _ahead(connection, _billed()):
        told = f"run {run_id} of {date} was numbered on {_day(at_us)} (UTC), when that date had not begun for {count:,} of its documents"
        yield "bill_runs", f"{told}: {_taken_back(run_id, date, *known)}"


def _taken_back(run_id: int, date: str, kind: str, state: str) -> str:
    """The command that takes back what a run billed: only those of the cycle are undone, once they are posted."""
    undo = f"ratewright bill undo --run {run_id} --reason ..."
    if kind == _CYCLE:
        return f"finish it first with ratewright bill run --date {date} --resume, then {undo}" if state == _NUMBERED else undo
    if kind == _OPENING:
        return "what its accounts do not owe is written off: ratewright ledger write-off NUMBER"
    return "its documents, the newest first: ratewright invoice void NUMBER --reason ..."


def _dunned() -> sa.Select[Any]:
    """Steps that count: number of the run, its date and instant, time zone, how many."""
    run, step, account, decision = tables.dunning_runs.c, tables.dunning_steps, tables.accounts, tables.dunning_decisions.c
    undone = sa.select(decision.run_id).where(decision.kind == "undone")
    names = (run.run_id, run.as_of, run.at_us, account.c.timezone)
    query = sa.select(*names, sa.func.count()).select_from(tables.dunning_runs)
    query = query.join(step, step.c.commit_seq == run.commit_seq).join(account, account.c.account_key == step.c.account_key)
    return query.where(run.run_id.not_in(undone)).group_by(*names).order_by(run.run_id)


def _billed() -> sa.Select[Any]:
    """Valid documents: number of the run, its bill date, when they were numbered, time zone, how many.

    A run that says why it was ahead was approved by another person as that.
    """
    run, invoice, commit, account = tables.bill_runs.c, tables.invoices, tables.commits, tables.accounts
    names = (run.run_id, run.bill_date, commit.c.at_us, account.c.timezone)
    query = sa.select(*names, sa.func.count(), run.kind, run.state).select_from(tables.bill_runs)
    query = query.join(invoice, invoice.c.run_id == run.run_id).join(commit, commit.c.commit_seq == invoice.c.commit_seq)
    query = query.join(account, account.c.account_key == invoice.c.account_key)
    query = query.where(sa.func.coalesce(run.detail, "").not_like('%"ahead":%'))
    return query.where(invoice.c.invoice_key.not_in(voided())).group_by(*names, run.kind, run.state).order_by(run.run_id, commit.c.at_us)


def _ahead(connection: sa.Connection, query: sa.Select[Any]) -> Iterable[_Ahead]:
    """Runs of a query with anything ahead of their commit's clock."""
    found: dict[int, _Ahead] = {}
    for run_id, date, at_us, timezone, count, *known in connection.execute(query):
        if at_us < _begins_us(date, timezone):
            before = found.get(run_id, _Ahead(run_id, date, at_us, 0, tuple(known)))
            found[run_id] = before._replace(ahead=before.ahead + int(count))
    return found.values()


@functools.cache
def _begins_us(date: str, timezone: str) -> int:
    """The instant at which a date begins in a zone, in microseconds UTC."""
    midnight = dt.datetime.combine(dt.date.fromisoformat(date), dt.time(), ZoneInfo(timezone))
    return instant_of(midnight)


def _day(at_us: int) -> str:
    return str(utc_date(at_us))
