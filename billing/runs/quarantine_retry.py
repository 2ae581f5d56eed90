"""Accounts in quarantine, billed again: a restricted run of the same date. And its preview, which stores nothing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec

from billing.accounts import covering, undone
from billing.ledger.closed_months import BooksClosedError
from billing.runs import cycle, quarantine, start, states
from billing.runs.start import Order
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.runs.computing import Progress
    from billing.runs.preview import Preview
    from billing.runs.reports import RunReport
    from billing.runs.states import By
    from billing.store.home import Home

_NAMED_MAX: Final = 5  # accounts that a remedy names one by one


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
    """Bill the accounts that a run put into quarantine and no run has billed since, as of now and for the same dates.

    Raises UserError where there are none. A reissue that is retried keeps the date of its invoice. Where the books of that month are closed
    it is refused.
    """
    bill_date, order = _order(home, run_id, by)
    try:
        return cycle.run(home, bill_date, now_us, order=order, threads=threads, progress=progress, clock=clock)
    except BooksClosedError as error:
        raise UserError(error.message, _remedy(error, order)) from error


def preview(  # noqa: PLR0913 -- as above
    home: Home, run_id: int, now_us: int, by: By, *, threads: int = 1, progress: Progress | None = None
) -> Preview:
    """The bills that a retry would make as of now. Raises UserError where no account of the run is in quarantine.

    Where the books of its month are closed, `refused` has the remedy of a retry.
    """
    bill_date, order = _order(home, run_id, by)
    found = cycle.preview(home, bill_date, now_us, order=order, threads=threads, progress=progress)
    closed = _closed(home, bill_date, order)
    if closed is None or found.refused != f"{closed.message}; remedy: {closed.remedy}":
        return found
    return msgspec.structs.replace(found, refused=f"{closed.message}; remedy: {_remedy(closed, order)}")


def _order(home: Home, run_id: int, by: By) -> tuple[dt.date, Order]:
    """The bill date of a retry, and the accounts that it bills. Raises UserError where there are none, or the run was undone."""
    with home.connect() as connection:
        undone.require_standing(connection, run_id)
        first = states.find(connection, run_id)
    left = frozenset(each.account_id for each in quarantine.parked(home, run_id) if each.kind == covering.QUARANTINED)
    if not left:
        raise UserError(f"no account of bill run {run_id} is in quarantine", "`ratewright bill quarantine` lists all accounts that are")
    issued_on = dt.date.fromisoformat(first.issued_on) if first.issued_on else None
    return dt.date.fromisoformat(first.bill_date), Order(by=by, accounts=left, issued_on=issued_on)


def _closed(home: Home, bill_date: dt.date, order: Order) -> BooksClosedError | None:
    """The refusal of a run whose month is closed; None where it is open."""
    try:
        with home.connect() as connection:
            start.require_books_open(connection, bill_date, order, home.head_seq(connection))
    except BooksClosedError as error:
        return error
    return None


def _remedy(error: BooksClosedError, order: Order) -> str:
    """The command that bills the accounts in an open month, and how to reopen the closed one."""
    assert order.accounts is not None, "a retry is of some accounts"
    who = ",".join(sorted(order.accounts)) if len(order.accounts) <= _NAMED_MAX else "@FILE"
    at_once = f"the next run of the cycle bills what was put aside, and so does at once: ratewright bill run --accounts {who} --date ..."
    return f"{at_once}; {error.remedy}"
