"""The differences that belong to a re-rating: charges of subscriptions that have the plan, on days of the months asked for.

A charge belongs to the account of its subscription, for any payer. So a part of a volume tier of a whole account belongs to that account.
Where one line has the parts of several accounts, and one of them was not asked for, it stays whole with the cycle. Discounts of an account
as a whole are off all its subscriptions, and those of others that it pays for. They are kept where the account has the plan or pays for one
that has. They stay whole with the cycle if charges that it pays for accounts that were not asked for differ in the period, too.

Tax goes with the differences that it is on (`billing.runs.settlement.parting`). If only tax differs of a period and class, as by a
corrected rate, it is kept under two conditions: a charge of the plan is due there, and none of an account that was not asked for. Tax on
all charges of a class is one amount.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.lines import Int64s, Lines, numbers, taken
from billing.runs.contracts.columns import index_of
from billing.runs.settlement.parting import TAX_OF, parted
from billing.runs.settlement.payers import route

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from billing.charges.reconcile import Differences
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.currencies import Currencies
    from billing.runs.settlement.payer_table import Payers
    from billing.runs.settlement.totals import Workings

    Bools = npt.NDArray[np.bool_]

_PERIOD_OF: Final = ("account_key", "period_from", "period_to")
_TIER_OF: Final = ("account_key", "period_from", "period_to", "charge_code", "price_id", "revenue_code")


class Tiers(NamedTuple):
    """Parts of volume tiers of whole accounts, at their payers, and the account whose subscriptions they are of."""

    parts: Lines
    owner: Int64s

    def any_of(self, lines: Lines, accounts: Int64s) -> Bools:
        """A mask of the lines that have a part of any of these accounts."""
        group, groups = numbers(np.concatenate([lines, self.parts]), _TIER_OF)
        own = group[lines.size :][np.isin(self.owner, accounts)]
        found: Bools = (np.bincount(own, minlength=groups) > 0)[group[: lines.size]]
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class Kept:
    """`subscriptions`: keys of those that have the plan; `others`: of those of accounts that were not asked for, but are computed.

    `accounts`: keys of accounts that have the plan; `other_accounts`: of those that were not asked for; `other_holders`: those of `others`
    that have the plan. All are ascending. Days are numbers, half open.
    """

    subscriptions: Int64s
    others: Int64s
    accounts: Int64s
    other_accounts: Int64s
    other_holders: Int64s
    first_day: int
    after_day: int

    def __call__(self, workings: Workings) -> Callable[[Differences, Lines, Contracts, Payers, Currencies], Differences]:
        """The function that keeps differences of a run, given the workings of its totals."""
        return functools.partial(self._kept, workings)

    def _kept(  # noqa: PLR0913, PLR0917 -- what differs, and what it is told apart with
        self,
        workings: Workings,
        found: Differences,
        due: Lines,
        contracts: Contracts,
        payers: Payers,
        currencies: Currencies,
    ) -> Differences:
        """The differences that are kept, with their tax, sorted by key. `due`: everything that is due, without tax."""
        lines = found.lines
        if not lines.size:
            return found
        kept = self._own(lines, self._tiers(lines, workings, contracts))
        taxes = np.flatnonzero(lines["kind"] == Kind.TAX)
        kept[taxes] = self._on_own(taken(lines, taxes), due, self._tiers(due, workings, contracts))
        return parted(found, kept, contracts, payers, currencies)

    def _on_own(self, taxes: Lines, due: Lines, tiers: Tiers) -> Bools:
        """A mask of the taxes that are on charges of the plan, and on none of an account that was not asked for."""
        group, groups = numbers(np.concatenate([due, taxes]), TAX_OF)
        of_due, of_taxes = np.split(group, [due.size])
        own = np.bincount(of_due[self._own(due, tiers)], minlength=groups) > 0
        other = np.bincount(of_due[np.isin(due["subscription_key"], self.others)], minlength=groups) > 0
        found: Bools = (own & ~other)[of_taxes]
        return found

    def _own(self, lines: Lines, tiers: Tiers) -> Bools:
        whole = lines["subscription_key"] == 0
        of_tier = np.flatnonzero(whole & (lines["kind"] == Kind.VOLUME))
        of_plan, of_others = (np.isin(lines["subscription_key"], keys) for keys in (self.subscriptions, self.others))
        of_plan[of_tier] = tiers.any_of(taken(lines, of_tier), self.accounts)
        of_others[of_tier] = tiers.any_of(taken(lines, of_tier), self.other_accounts)
        off_whole = whole & (lines["kind"] != Kind.VOLUME) & self._off_whole_accounts(lines, of_plan, of_others)
        own: Bools = ((of_plan & ~of_others) | off_whole) & (lines["period_from"] < self.after_day) & (lines["period_to"] > self.first_day)
        return own

    def _off_whole_accounts(self, lines: Lines, of_plan: Bools, of_others: Bools) -> Bools:
        """A mask of lines of accounts that have the plan or pay for it.

        Left out are periods in which charges differ that they pay for accounts not asked for.
        """
        group, groups = numbers(lines, _PERIOD_OF)
        paid = np.bincount(group[of_plan], minlength=groups) > 0
        mixed = np.bincount(group[of_others], minlength=groups) > 0
        return (paid[group] | np.isin(lines["account_key"], self.accounts)) & ~mixed[group]

    def _tiers(self, lines: Lines, workings: Workings, contracts: Contracts) -> Tiers:
        """The accounts of the parts of tiers in the lines. For one that is no longer due: all with the plan for which it would be paid."""
        base = workings.base
        rows = np.flatnonzero((base["kind"] == Kind.VOLUME) & (base["subscription_key"] == 0))
        parts, owner = taken(base, rows), base["account_key"][rows]
        parts["account_key"] = workings.payer[rows]
        known = Tiers(parts, owner)
        of_tier = taken(lines, np.flatnonzero((lines["kind"] == Kind.VOLUME) & (lines["subscription_key"] == 0)))
        gone = of_tier[~known.any_of(of_tier, np.unique(owner))]
        if not gone.size:
            return known
        keys, facts = np.concatenate([self.subscriptions, self.other_holders]), contracts.facts
        told = np.repeat(taken(gone, np.unique(numbers(gone, _TIER_OF[1:])[0], return_index=True)[1]), keys.size)
        told["subscription_key"] = np.resize(keys, told.size)
        told["account_key"] = facts.account_keys[facts.subscription_account[index_of(facts.subscription_keys, told["subscription_key"])]]
        routed = route(told, contracts)
        return Tiers(np.concatenate([parts, routed]), np.concatenate([owner, told["account_key"]]))
