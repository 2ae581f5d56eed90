"""Accounts that runs put aside, and billing them again: a restricted run of the same date for those in quarantine."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.runs import cycle, states
from billing.runs.beginning import Order
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.runs.computing import Progress
    from billing.runs.reports import RunReport
    from billing.runs.states import By
    from billing.store.home import Home

IN_QUARANTINE = "quarantined"


class Parked(msgspec.Struct, frozen=True):
    """An account that a run did not bill. `kind`: quarantined, held or test; `billed_by`: the later run that billed it, 0 none."""

    run_id: int
    bill_date: str
    account_id: str
    kind: str
    reason: str
    billed_by: int


def parked(home: Home, run_id: int | None = None, *, every: bool = False) -> list[Parked]:
    """Accounts that runs put aside, newest run first; of one run, if given. Without `every` only those that no run has billed since."""
    aside, runs, account = tables.quarantine, tables.bill_runs, tables.accounts
    query = (
        sa.select(aside, runs.c.bill_date, account.c.account_id)
        .join_from(aside, runs, aside.c.run_id == runs.c.run_id)
        .join(account, account.c.account_key == aside.c.account_key)
        .order_by(aside.c.run_id.desc(), account.c.account_id)
    )
    if run_id is not None:
        query = query.where(aside.c.run_id == run_id)
    with home.connect() as connection:
        if run_id is not None:
            states.find(connection, run_id)
        rows = connection.execute(query).all()
        later = _billed_later(connection, {int(row.account_key) for row in rows})
    found = [
        Parked(
            int(row.run_id),
            row.bill_date,
            row.account_id,
            row.kind or IN_QUARANTINE,
            row.reason,
            next((run for run in later.get(int(row.account_key), ()) if run > row.run_id), 0),
        )
        for row in rows
    ]
    return [each for each in found if every or not each.billed_by]


def retry(  # noqa: PLR0913 -- which run, and how
    home: Home,
    run_id: int,
    now_us: int,
    by: By,
    *,
    threads: int = 1,
    progress: Progress | None = None,
    clock: Callable[[], int] | None = None,
) -> RunReport:
    """Bill what a run put into quarantine, and no run has billed since, as of now and for the same date. Raises UserError for nothing."""
    left = [each for each in parked(home, run_id) if each.kind == IN_QUARANTINE]
    if not left:
        raise UserError(f"no account of bill run {run_id} is in quarantine", "`ratewright bill quarantine` lists all accounts that are")
    order = Order(by=by, accounts=frozenset(each.account_id for each in left))
    bill_date = dt.date.fromisoformat(left[0].bill_date)
    return cycle.run(home, bill_date, now_us, order=order, threads=threads, progress=progress, clock=clock)


def _billed_later(connection: sa.Connection, account_keys: set[int]) -> dict[int, list[int]]:
    """Runs that billed these accounts, ascending: those with an invoice, which a run that put an account aside has not."""
    invoice = tables.invoices.c
    found: dict[int, list[int]] = {}
    keys = sorted(account_keys)
    for start in range(0, len(keys), 500):
        query = sa.select(invoice.account_key, invoice.run_id).where(invoice.account_key.in_(keys[start : start + 500]))
        for account_key, run_id in connection.execute(query.order_by(invoice.run_id)):
            found.setdefault(int(account_key), []).append(int(run_id))
    return found
