"""Charges of a run that are on no bill of it: of accounts that it put aside, and of periods in which their account was for tests.

Those of an account for tests are known by the first day of their period, as lines are. The account may be a customer in other periods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing.accounts.covering import TESTED
from billing.accounts.facts import in_chunks
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.store import tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

TEST_ACCOUNT: Final = "test account"  # as runs store it


class UnbilledCharges:
    """Answers for one run, and for some owners of its charges (account keys; 0 for no account)."""

    def __init__(self, connection: sa.Connection, run_id: int, pinned_seq: int, owners: Iterable[int]) -> None:
        keys, row = sorted(set(owners) - {0}), tables.quarantine.c
        self._tests = DaysForTests(connection, keys, pinned_seq)
        self._aside: dict[int, tuple[str, str]] = {}
        for lot in in_chunks(keys):
            query = sa.select(row.account_key, row.kind, row.reason).where(row.run_id == run_id, row.account_key.in_(lot))
            self._aside |= {int(key): (kind, reason) for key, kind, reason in connection.execute(query) if kind != TESTED}

    def why(self, owner: int, period_from: dt.date) -> tuple[str, str]:
        """Kind and reason for which a charge of a period is on no bill; both empty where it is on one, or none is due for it."""
        return (TESTED, TEST_ACCOUNT) if self._tests.holds(owner, period_from) else self._aside.get(owner, ("", ""))
