"""Unbilled revenue at the end of a month, as targets of the ledger's month-end entry: by entity, revenue code and currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from billing.charges.lines import Kind
from billing.runs.unbilled import index_of_account, unbilled

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.accounting.month_end import Month, Targets
    from billing.store.home import Home


def targets(home: Home, month: Month, *, threads: int = 1, progress: Callable[[int, int], None] | None = None) -> Targets:
    """What was used or is owed by the end of the month and is on no invoice issued by then. Sums of whole minor units a line."""
    found = unbilled(home, month.after, threads=threads, before_bills_of_that_day=True, progress=progress)
    lines = found.lines[found.lines["kind"] != Kind.TAX]
    if not lines.size:
        return {}
    facts = found.contracts.facts
    entity = facts.account_entity[index_of_account(lines["account_key"], facts.account_keys)]
    keys, place = np.unique(np.stack([entity, lines["revenue_code"], lines["currency"]], axis=1), axis=0, return_inverse=True)
    sums = [0] * len(keys)
    for row, amount in zip(place.reshape(-1).tolist(), lines["amount_micros"].tolist(), strict=True):
        sums[row] += amount
    named = {
        (facts.entities[owner], code, found.currencies.names[currency]): amount
        for (owner, code, currency), amount in zip(keys.tolist(), sums, strict=True)
    }
    return {key: amount for key, amount in sorted(named.items()) if amount}
