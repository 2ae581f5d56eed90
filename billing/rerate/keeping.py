"""What of the differences is a re-rating's: charges of subscriptions that have the plan, on days of the months asked for.

Whoever pays a charge, what counts is whose subscription it is of. Charges of an account as a whole (discounts, commitments) are of all its
subscriptions, and of those of others that it pays for. They are kept where the account has the plan or pays for one that has, and stay
whole with the cycle where what it pays for accounts that were not asked for differs in the period, too.

Tax is due on an account, period and class. Where all that differs there is kept, so is its tax, less what was billed of it. Where another
subscription differs as well, the tax is that of the kept differences alone; the run that bills the others bills the rest to the cent.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from billing.charges.lines import KEY_FIELDS, Int64s, Kind, Lines, taken
from billing.charges.ordering import grouped_by, order_by
from billing.charges.reconcile import Differences
from billing.charges.tax import tax_due
from billing.runs.drafting import UNKNOWN_CATALOGUE, with_catalogues
from billing.runs.exempting import as_agreed
from billing.runs.proposal import rates_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.runs.contracts import Contracts
    from billing.runs.payer_columns import Payers
    from billing.runs.proposal import Currencies

    Bools = npt.NDArray[np.bool_]

_PERIOD_OF: Final = ("account_key", "period_from", "period_to")
_TAX_OF: Final = ("account_key", "period_from", "period_to", "tax_class")


@dataclasses.dataclass(frozen=True, eq=False)
class Kept:
    """`subscriptions`: keys of those that have the plan; `others`: of those of accounts that were not asked for, but are computed.

    `accounts`: keys of accounts that have the plan. All are ascending. Days are numbers, half open.
    """

    subscriptions: Int64s
    others: Int64s
    accounts: Int64s
    first_day: int
    after_day: int

    def __call__(self, found: Differences, contracts: Contracts, payers: Payers, currencies: Currencies) -> Differences:
        """The differences that are kept, with their tax, sorted by key."""
        lines = found.lines
        if not lines.size:
            return found
        is_tax = lines["kind"] == Kind.TAX
        own = self._own(lines) & ~is_tax
        group, groups = _numbers(lines, _TAX_OF)
        has_own = np.bincount(group[own], minlength=groups) > 0
        has_other = np.bincount(group[~own & ~is_tax], minlength=groups) > 0
        whole = own | (is_tax & (has_own & ~has_other)[group])
        kept, billed = taken(lines, np.flatnonzero(whole)), found.billed_micros[whole]
        parted = taken(lines, np.flatnonzero(own & (has_own & has_other)[group]))
        if parted.size:
            net = _rated(parted, contracts, payers)
            kept = np.concatenate([kept, tax_due(net, currencies.steps_of(net))])
            billed = np.append(billed, np.zeros(kept.size - billed.size, np.int64))
            by_key = order_by([kept[name] for name in KEY_FIELDS])
            kept, billed = taken(kept, by_key), billed[by_key]
        return Differences(kept, billed)

    def _own(self, lines: Lines) -> Bools:
        of_plan = np.isin(lines["subscription_key"], self.subscriptions)
        of_plan |= (lines["subscription_key"] == 0) & self._of_whole_accounts(lines, of_plan)
        within: Bools = of_plan & (lines["period_from"] < self.after_day) & (lines["period_to"] > self.first_day)
        return within

    def _of_whole_accounts(self, lines: Lines, of_plan: Bools) -> Bools:
        """Of accounts that have the plan or pay for it: in periods in which nothing differs that they pay for who was not asked for."""
        group, groups = _numbers(lines, _PERIOD_OF)
        paid = np.bincount(group[of_plan], minlength=groups) > 0
        mixed = np.bincount(group[np.isin(lines["subscription_key"], self.others)], minlength=groups) > 0
        return (paid[group] | np.isin(lines["account_key"], self.accounts)) & ~mixed[group]


def _numbers(lines: Lines, fields: tuple[str, ...]) -> tuple[Int64s, int]:
    """The number of each line's group, and how many there are."""
    order, starts = grouped_by([lines[name] for name in fields])
    group = np.empty(lines.size, np.int64)
    group[order] = np.repeat(np.arange(starts.size), np.diff(np.append(starts, lines.size)))
    return group, int(starts.size)


def _rated(lines: Lines, contracts: Contracts, payers: Payers) -> Lines:
    """The lines with the rate of tax, also of what was billed and is due no more."""
    gone = np.flatnonzero(lines["catalogue"] == UNKNOWN_CATALOGUE)
    if gone.size:
        billed = with_catalogues(taken(lines, gone), contracts)
        billed["rate_ppm"] = rates_of(billed, contracts)
        lines[gone] = as_agreed(billed, contracts, payers)
    return lines
