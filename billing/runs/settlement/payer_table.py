"""Columns of payers that settling needs: index, currency, unit, and the periods that the run bills."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.charges.lines import Int64s
from billing.runs.selection.due_accounts import HELD, PASSED_BY
from rating.dates import BEFORE_ALL, NEVER, day_number

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.charges.lines import Lines
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.currencies import Currencies
    from billing.runs.selection.scope import Scope


class Payers:
    """Columns by account index. Without a scope no account is in the run, and nothing was covered."""

    def __init__(self, contracts: Contracts, scope: Scope | None, currencies: Currencies) -> None:
        facts = contracts.facts
        self.facts = facts
        self.currency = np.array([currencies.index[name] for name in facts.currencies], np.int64)[facts.account_currency]
        nobody = np.full(len(facts.account_keys), NEVER, np.int64)
        covered_day = np.full(len(facts.account_keys), -1, np.int64) if scope is None else scope.covered_day
        self.covered = np.where(covered_day < 0, BEFORE_ALL, covered_day)  # no run yet: nothing is late
        self.bill_day = BEFORE_ALL if scope is None else day_number(scope.bill_date)
        self.reopened = nobody if scope is None else scope.reopened_day  # the first day that a void invoice opened again
        self.spans = Spans(nobody, nobody, nobody, nobody) if scope is None else _spans(scope, self.covered)
        self.together = facts.account_keys[np.bincount(facts.account_unit)[facts.account_unit] > 1]  # keys of those in a unit with others
        of_unit = self.spans.open_from.copy()
        np.minimum.at(of_unit, facts.account_unit, self.spans.open_from)
        self._unit_open_from = of_unit[facts.account_unit]
        aside = [] if scope is None else [key for key, (kind, _) in scope.left_out.items() if kind in {HELD, PASSED_BY}]
        self._unit_open_from[np.isin(facts.account_keys, aside)] = NEVER
        closed = np.full(len(facts.account_keys), BEFORE_ALL, np.int64)
        if scope is not None:
            np.maximum.at(closed, facts.account_unit, np.where(_has_closed(scope, self.spans), self.spans.open_from, BEFORE_ALL))
        self._unit_closed_to = closed[facts.account_unit]  # the end of the newest period of any member that is not computed

    def place(self, account_keys: Int64s) -> Int64s:
        """Index of each account key, -1 for one that this run does not know."""
        return self.facts.account_index(account_keys)

    def open_from(self, lines: Lines) -> Int64s:
        """The first day that the run computes for the subject of each line: its subscription's owner, else any account of the payer's unit.

        NEVER where the run computes nothing; so for a payer that is held or `passed by`, while others of its unit are not.
        """
        payer = self.place(lines["account_key"])
        found = np.where(payer >= 0, self._unit_open_from[np.maximum(payer, 0)], NEVER) if lines.size else np.zeros(0, np.int64)
        of_subscription = np.flatnonzero(lines["subscription_key"] > 0)
        if of_subscription.size:
            found[of_subscription] = self._of_owner(lines["subscription_key"][of_subscription], self.spans.open_from)
        return found

    def computed(self, billed: Lines) -> npt.NDArray[np.bool_]:
        """A mask of the lines that belong to what the run computes.

        Members of a rating unit whose bill days differ are computed from different days on: the periods of each that end after a day. So
        tax, and other lines of an account as a whole, are not computed where the account's period ended by then.
        """
        found: npt.NDArray[np.bool_] = billed["period_from"] >= self.open_from(billed)
        rows = np.flatnonzero((billed["subscription_key"] <= 0) & np.isin(billed["account_key"], self.together))
        if rows.size:
            found[rows] &= billed["period_to"][rows] > self._unit_closed_to[self.place(billed["account_key"][rows])]
        return found

    def later_from(self, subscription_keys: Int64s) -> Int64s:
        """The first day that a later run computes of each subscription. NEVER where none does; so where the owner closes."""
        return self._of_owner(subscription_keys, self.spans.later_from)

    def _of_owner(self, subscription_keys: Int64s, of_account: Int64s) -> Int64s:
        """The value of the owner of each subscription; NEVER for one that this run does not know."""
        keys = self.facts.subscription_keys
        if not keys.size:
            return np.full(subscription_keys.size, NEVER, np.int64)
        at = np.minimum(np.searchsorted(keys, subscription_keys), keys.size - 1)
        return np.where(keys[at] == subscription_keys, of_account[self.facts.subscription_account[at]], NEVER)


class Spans(NamedTuple):
    """By account: the first day of its open periods, and the span that this run bills for the first time. NEVER: not in the run.

    `later_from`: the first day that a later run computes; NEVER where none does.
    """

    open_from: Int64s
    new_from: Int64s
    new_to: Int64s
    later_from: Int64s

    @property
    def in_run(self) -> npt.NDArray[np.bool_]:
        """Return whether the run computes anything for an account."""
        found: npt.NDArray[np.bool_] = self.open_from != NEVER
        return found


def _has_closed(scope: Scope, spans: Spans) -> npt.NDArray[np.bool_]:
    """Accounts for which the run computes later periods, but not the first ones."""
    found: npt.NDArray[np.bool_] = spans.in_run & (spans.open_from > scope.first_day)
    return found


def _spans(scope: Scope, covered: Int64s) -> Spans:
    """The first period that no run has billed begins `new_from` (the last one where all were billed); the last one ends `new_to`."""
    calendars = scope.calendars
    columns = max((len(periods) for periods in calendars), default=0)
    starts, ends = (np.full((len(calendars) + 1, max(columns, 1)), NEVER, np.int64) for _ in range(2))
    last = np.zeros(len(calendars) + 1, np.int64)
    for row, periods in enumerate(calendars):
        starts[row, : len(periods)] = [day_number(period.start) for period in periods]
        ends[row, : len(periods)] = [day_number(period.end) for period in periods]
        last[row] = max(len(periods) - 1, 0)
    calendar = scope.calendar  # -1, not in the run, is the last row: NEVER
    first_new = np.zeros(len(calendar), np.int64)
    for column in range(columns):
        first_new += ends[calendar, column] <= covered
    first_new = np.minimum(first_new, last[calendar])
    later_from = np.array([NEVER if ahead is None else day_number(ahead.start) for ahead in (*scope.ahead, None)], np.int64)
    return Spans(starts[calendar, 0], starts[calendar, first_new], ends[calendar, last[calendar]], later_from[calendar])
