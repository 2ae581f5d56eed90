"""The difference between what is due and what has been billed, by charge key.

First bill, late usage, changed plan, corrected tariff and a run that is made again are all this one subtraction. A key that was billed and
is no longer due has a negative difference: a credit. A key whose amount is unchanged is in the result only if it was never billed before
(free usage, shown once); it never makes an invoice alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from billing.charges.charge_keys import KEY_FIELDS
from billing.charges.lines import SUM_FIELDS, Int64s, Lines, group_starts, sum_by_key, taken
from billing.charges.ordering import order_by


class Differences(NamedTuple):
    """`lines`: the lines to invoice, sorted by key. `billed_micros`: the amount that invoices have billed on each of these keys so far."""

    lines: Lines
    billed_micros: Int64s


def differences(proposed: Lines, billed: Lines) -> Differences:
    """Proposed minus billed. `billed` holds the lines of earlier invoices, any number for a key, and only keys that are open."""
    due = sum_by_key(proposed)
    if not billed.size:
        return _of_what_was_never_billed(due)
    done = sum_by_key(billed)
    for name in SUM_FIELDS:
        done[name] = -done[name]
    rows = np.concatenate([due, done])
    order = order_by([rows[name] for name in KEY_FIELDS])  # stable: what is due labels the line
    ordered, is_billed = taken(rows, order), order >= due.size
    starts = group_starts(ordered, KEY_FIELDS)
    lines = taken(ordered, starts)
    for name in SUM_FIELDS:
        lines[name] = np.add.reduceat(ordered[name], starts)
    lines["corrects"] = np.maximum.reduceat(ordered["corrects"], starts)
    ever_billed = np.logical_or.reduceat(is_billed, starts)
    before = np.add.reduceat(np.where(is_billed, -ordered["amount_micros"], 0), starts)
    wanted = np.flatnonzero((lines["amount_micros"] != 0) | (~ever_billed & (lines["events"] > 0)))
    return Differences(taken(lines, wanted), before[wanted])


def _of_what_was_never_billed(due: Lines) -> Differences:
    wanted = np.flatnonzero((due["amount_micros"] != 0) | (due["events"] > 0))
    return Differences(taken(due, wanted), np.zeros(wanted.size, np.int64))
