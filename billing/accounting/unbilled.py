"""The sums of all customers' charges at the end of a month, as targets of the ledger's month-end entries.

By entity, revenue code and currency; sums of whole minor units a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.accounting.month_end import Targets
from billing.charges.charge_keys import Kind
from billing.left_out.for_good import never_billed
from billing.runs.settlement.unbilled import Unbilled, unbilled

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.accounting.month_end import Month
    from billing.charges.lines import Lines
    from billing.store.home import Home


class Charged(NamedTuple):
    """`unbilled`: used or owed by the end of the month, and on no invoice issued by then. `ahead`: invoiced by then for days after it.

    All of it as of the commit `seq`.
    """

    seq: int
    unbilled: Targets
    ahead: Targets


def targets(home: Home, month: Month, *, threads: int = 1, progress: Callable[[int, int], None] | None = None) -> Charged:
    """The sums of all periods that are not billed by the end of the month, and of those that run on after it.

    Usage that no run bills any more is revenue of no month.
    """
    found = unbilled(home, month.after, threads=threads, at_month_end=True, never_billed=never_billed, progress=progress)
    return Charged(found.seq, _summed(found, found.lines[found.lines["kind"] != Kind.TAX]), _summed(found, found.ahead))


def _summed(found: Unbilled, lines: Lines) -> Targets:
    if not lines.size:
        return {}
    facts = found.contracts.facts
    entity = facts.account_entity[facts.account_index(lines["account_key"])]
    keys, place = np.unique(np.stack([entity, lines["revenue_code"], lines["currency"]], axis=1), axis=0, return_inverse=True)
    sums = [0] * len(keys)
    for row, amount in zip(place.reshape(-1).tolist(), lines["amount_micros"].tolist(), strict=True):
        sums[row] += amount
    named = {
        (facts.entities[owner], code, found.currencies.names[currency]): amount
        for (owner, code, currency), amount in zip(keys.tolist(), sums, strict=True)
    }
    return {key: amount for key, amount in sorted(named.items()) if amount}
