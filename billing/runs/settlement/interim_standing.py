"""Usage that stays on an interim bill of an account that owns it no more: no run of the cycle has taken it off.

The run that computed its period may have had it for that account still, and its document may be void since. Then charges say that no bill
has it. But the interim bill has, and it is no late usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from billing import catalogue
from billing.accounts import covering
from billing.intake import marks, view
from billing.runs.contracts.columns import int64
from billing.runs.contracts.counted_charges import Counting
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection.computed_again import computed_again
from billing.runs.settlement.interim_usage import held, interim_bills, owners_now
from billing.store import tables
from rating.dates import DAY_US, day_number, utc_midnight_us

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from billing.accounts.covering import CoveringRun
    from billing.runs.settlement.interim_usage import Held, InterimBill
    from billing.store.home import Home


def on_bills_of_others(home: Home, seq: int, keys: Collection[bytes]) -> set[bytes]:
    """Those of some events that valid interim bills of other accounts than their owner still have, as of `seq`, the newest commit."""
    if not keys:
        return set()
    with home.connect() as connection:
        bills = _that_may_have(home, seq, interim_bills(connection, seq), keys)
        found = held(home, connection, bills, (), keys) if bills else {}
        now = owners_now(home, connection, seq, found) if found else {}
        runs = _Runs(home, connection, seq)
        of_others = {key: [each for each in found[key] if each.account_key != now[key][0]] for key in found if key in now}
        return {key for key, holders in of_others.items() if any(not runs.took_off(key, each) for each in holders)}


def _that_may_have(home: Home, seq: int, bills: list[InterimBill], keys: Collection[bytes]) -> list[InterimBill]:
    """The bills of days on which any version of these events began."""
    if not bills:
        return []
    starts = int64(view.of_keys(home, ("event_key", "start_us"), seq, marks.keys_array(sorted(keys)))["start_us"])
    by_arrival = catalogue.ever_billed_by_arrival(home)  # then what began before is on them as well

    def may_have(bill: InterimBill) -> bool:
        first = min(each.first_day for each in bill.owned.values())
        is_after = by_arrival | (starts >= utc_midnight_us(first) - DAY_US)
        return bool((is_after & (starts < utc_midnight_us(bill.through) + DAY_US)).any())

    return [bill for bill in bills if may_have(bill)]


class _Runs:
    """The runs of the cycle with valid documents, and what they took off interim bills."""

    def __init__(self, home: Home, connection: sa.Connection, seq: int) -> None:
        self._home, self._connection, self._seq = home, connection, seq
        self._covering: dict[int, tuple[CoveringRun, ...]] = {}
        self._again: dict[int, Mapping[int, range]] = {}

    def took_off(self, key: bytes, bill: Held) -> bool:
        """True where a run computed the period of an event without it for the account that was billed, since the bill."""
        since = [run for run in self._of(bill.account_key) if run.pinned_seq >= bill.commit_seq]
        for run in since:
            first = run is since[0] and run.bill_date >= bill.through
            if (first or self._computed_again(run, bill)) and self._owner(key, run) != bill.account_key:
                return True
        return False

    def _of(self, account_key: int) -> tuple[CoveringRun, ...]:
        if account_key not in self._covering:
            account = tables.accounts.c
            stored = self._connection.execute(sa.select(account.commit_seq).where(account.account_key == account_key)).scalar_one()
            history = covering.load(self._connection, account_keys=[account_key])
            self._covering[account_key] = history.of(account_key, int(stored))[0]
        return self._covering[account_key]

    def _computed_again(self, run: CoveringRun, bill: Held) -> bool:
        if run.run_id not in self._again:
            found = next(each for each in looked(self._connection, self._seq, run.run_id))
            self._again[run.run_id] = computed_again(self._home, self._connection, found, Counting(self._connection, self._seq)).again
        return day_number(bill.day) in self._again[run.run_id].get(bill.account_key, ())

    def _owner(self, key: bytes, run: CoveringRun) -> int:
        """The account (key) that owned an event as a run knew it; 0: none, or it did not count."""
        known: Any = owners_now(self._home, self._connection, run.pinned_seq, [key]).get(key)
        return 0 if known is None else int(known[0])
