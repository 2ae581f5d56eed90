"""Tax of each origin period and class, on everything due in it.

Prices are exclusive of tax. The base is the sum of the *rounded* lines of one account, period, class and rate; tax is that base times the
rate in force on the last day of the period, HALF_UP to the minor unit. What earlier invoices have taxed on the same key is subtracted
by reconciliation, so that many small corrections never drift from the tax on the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from billing.charges.lines import LINE, Int64s, Kind, Lines, group_starts, sum_by_key

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from rating.model import TaxRate

PPM = 1_000_000
BASE_FIELDS = ("account_key", "period_from", "period_to", "tax_class", "rate_ppm", "currency")
INT64_MAX = 2**63 - 1


def rate_on(rates: Sequence[TaxRate], day: dt.date) -> int:
    """Parts per million in force on a day; 0 before the first rate. `rates` are sorted by date."""
    in_force = [rate.rate_ppm for rate in rates if rate.effective_from <= day]
    return in_force[-1] if in_force else 0


def tax_due(lines: Lines, step_micros: Int64s) -> Lines:
    """Tax lines due for `lines` (recurring and usage), one an account, period and class. `step_micros` is the minor unit of each line."""
    order = np.lexsort([lines[name] for name in reversed(BASE_FIELDS)])
    ordered = lines[order]
    starts = group_starts(ordered, BASE_FIELDS)
    taxes = np.zeros(starts.size, LINE)
    if not starts.size:
        return taxes
    for name in BASE_FIELDS:
        taxes[name] = ordered[name][starts]
    taxes["kind"] = Kind.TAX
    taxes["catalogue"] = ordered["catalogue"][starts]
    base = np.add.reduceat(ordered["amount_micros"], starts)
    taxes["amount_micros"] = part_half_up(base, taxes["rate_ppm"], step_micros[order][starts])
    taxes["exact_micros"] = taxes["amount_micros"]
    return sum_by_key(taxes[taxes["rate_ppm"] != 0])
