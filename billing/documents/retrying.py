"""The bills that a retry of the quarantine of a run would make, and its refusal. Nothing is stored.

The retry itself is `billing.runs.quarantine.retry`.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec

from billing.accounts import covering, undone
from billing.ledger.closed_months import BooksClosedError
from billing.runs import cycle, quarantine, start, states
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.runs.computing import Progress
    from billing.runs.preview import Preview
    from billing.runs.states import By
    from billing.store.home import Home

# as a retry says it
_NAMED_MAX: Final = 5
_AT_ONCE: Final = "the next run of the cycle bills what was put aside, and so does at once: ratewright bill run --accounts {} --date ..."


def preview_retry(  # noqa: PLR0913 -- which run, and how
    home: Home, run_id: int, now_us: int, by: By, *, threads: int = 1, progress: Progress | None = None
) -> Preview:
    """The bills that a retry would make as of now. Raises UserError where no account of the run is in quarantine.

    Where the books of its month are closed, `refused` has the remedy of a retry.
    """
    with home.connect() as connection:
        undone.require_standing(connection, run_id)
        first = states.find(connection, run_id)
    left = frozenset(each.account_id for each in quarantine.parked(home, run_id) if each.kind == covering.QUARANTINED)
    if not left:
        raise UserError(f"no account of bill run {run_id} is in quarantine", "`ratewright bill quarantine` lists all accounts that are")
    bill_date = dt.date.fromisoformat(first.bill_date)
    order = cycle.Order(by=by, accounts=left, issued_on=dt.date.fromisoformat(first.issued_on) if first.issued_on else None)
    found = cycle.preview(home, bill_date, now_us, order=order, threads=threads, progress=progress)
    closed = _closed(home, bill_date, order)
    if closed is None or found.refused != f"{closed.message}; remedy: {closed.remedy}":
        return found
    remedy = _AT_ONCE.format(",".join(sorted(left)) if len(left) <= _NAMED_MAX else "@FILE")
    return msgspec.structs.replace(found, refused=f"{closed.message}; remedy: {remedy}; {closed.remedy}")


def _closed(home: Home, bill_date: dt.date, order: cycle.Order) -> BooksClosedError | None:
    """The refusal of a run whose month is closed; None where it is open."""
    try:
        with home.connect() as connection:
            start.require_books_open(connection, bill_date, order, home.head_seq(connection))
    except BooksClosedError as error:
        return error
    return None
