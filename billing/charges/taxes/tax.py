"""Tax of each origin period and class, on everything due in it.

Of prices without tax the base is the sum of the *rounded* lines of one account, period, class and rate. Tax is that base times the rate in
force on the last day of the period, HALF_UP to the minor unit. Reconciliation subtracts the tax of earlier invoices on the same key. So
many small corrections never drift from the tax on the whole. Prices that hold their tax are split first (`inclusive`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE, Int64s, Lines, part_half_up, sum_by_key
from billing.charges.ordering import grouped_by
from billing.charges.taxes.inclusive import CLASS_FIELDS, split

BASE_FIELDS: Final = CLASS_FIELDS
__all__ = ["BASE_FIELDS", "Taxed", "tax_due", "taxed"]


class Taxed(NamedTuple):
    """`lines`: net of tax, in the order given. `taxes`: tax lines, one an account, period and class, sorted by key."""

    lines: Lines
    taxes: Lines


def taxed(lines: Lines, step_micros: Int64s) -> Taxed:
    """Everything due (no tax lines among it), net, with the tax on it. `step_micros` is the minor unit of each line.

    Lines with `inclusive` 1 hold their tax; the result is net all the same.
    """
    exclusive = lines["inclusive"] == 0
    if bool(np.all(exclusive)):
        return Taxed(lines, tax_due(lines, step_micros))
    found = split(lines, step_micros)
    taxes = tax_due(lines[exclusive], step_micros[exclusive])
    return Taxed(found.lines, sum_by_key(np.concatenate([taxes, found.taxes])))


def tax_due(lines: Lines, step_micros: Int64s) -> Lines:
    """Tax lines due for net `lines`, one an account, period and class. `step_micros` is the minor unit of each line."""
    order, starts = grouped_by([lines[name] for name in BASE_FIELDS])
    taxes = np.zeros(starts.size, LINE)
    if not starts.size:
        return taxes
    firsts = order[starts]
    for name in (*BASE_FIELDS, "catalogue"):
        taxes[name] = lines[name][firsts]
    taxes["kind"] = Kind.TAX
    base = np.add.reduceat(lines["amount_micros"][order], starts)
    taxes["amount_micros"] = part_half_up(base, taxes["rate_ppm"], step_micros[firsts])
    taxes["exact_micros"] = taxes["amount_micros"]
    taxed_at_all = taxes["rate_ppm"] != 0
    return sum_by_key(taxes if bool(np.all(taxed_at_all)) else taxes[taxed_at_all])
