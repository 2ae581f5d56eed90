"""The guard of a bill run's dates: they have begun on the clocks of all accounts that the run would touch, or it gives a reason."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final, NamedTuple

from billing import clocks
from billing.clocks import Dated
from billing.runs.contracts import facts
from billing.runs.selection import due_accounts, later_bills
from billing.runs.selection.coverage import covered_through
from billing.store import settings
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection

    import sqlalchemy as sa

_AHEAD_ONLY: Final = (
    "--dry-run shows what it would bill; a run that has to be made before its date: ratewright bill run --date {day} --ahead REASON, "
    "which waits until another person approves it"
)


class RunDates(NamedTuple):
    """The dates of a run: its bill date and, where it is another, that of its invoices. `only`: its account ids; None: all accounts."""

    bill_date: dt.date
    issued_on: dt.date | None
    only: AbstractSet[str] | None
    ahead: str  # why it is made before its date has begun; empty: it is not

    @property
    def day(self) -> dt.date:
        """The later of both dates."""
        return max(self.bill_date, self.issued_on or self.bill_date)


def require_begun(connection: sa.Connection, wanted: RunDates, now_us: int, seq: int) -> None:
    """Raises UserError for a run of a date that has not begun, and for a reason to be ahead where nothing is."""
    due = functools.partial(due_keys, connection, wanted.bill_date, wanted.only, seq)
    if not wanted.ahead:
        act = Dated("a bill run", wanted.day, now_us, _AHEAD_ONLY.format(day=wanted.bill_date))
        clocks.require_begun(connection, act, due)
    elif clocks.furthest_behind(connection, wanted.day, now_us, due) is None:
        raise UserError(f"{wanted.day} has begun on the clocks of all accounts: nothing is ahead of it", "leave out --ahead", exit_status=2)


def due_keys(connection: sa.Connection, bill_date: dt.date, only: AbstractSet[str] | None, seq: int) -> Collection[int]:
    """The keys of the accounts that a run would compute."""
    known = facts.load(connection, seq)
    reopen = settings.integer(connection, "reopen_periods_max", seq=seq)
    later = later_bills.billed_later(connection, known, bill_date, seq)
    ground = due_accounts.prepare(known, covered_through(connection, known), bill_date, reopen, only, later)
    keys: list[int] = known.account_keys[ground.due].tolist()
    return keys
