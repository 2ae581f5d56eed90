"""The difference between what is due and what has been billed, by charge key.

First bill, late usage, changed plan, corrected tariff and a run that is made again are all this one subtraction. A key that was billed and
is no longer due comes out negative: a credit. A key whose amount is unchanged comes out only if it was never billed before (free usage,
shown once); it never makes an invoice alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from billing.charges.lines import KEY_FIELDS, SUM_FIELDS, Int64s, Lines, group_starts, sorted_by, sum_by_key


class Differences(NamedTuple):
    """`lines`: what to invoice, sorted by key. `billed_micros`: what invoices have billed on each of these keys so far."""

    lines: Lines
    billed_micros: Int64s


def differences(proposed: Lines, billed: Lines) -> Differences:
    """Proposed minus billed. `billed` holds the lines of earlier invoices, any number for a key, and only keys that are open."""
    due = sum_by_key(proposed)
    done = sum_by_key(billed)
    negated = done.copy()
    for name in SUM_FIELDS:
        negated[name] = -done[name]
    ordered = sorted_by(np.concatenate([due, negated]), KEY_FIELDS)  # stable: what is due labels the line
    is_billed = sorted_by(_marked(due, done), KEY_FIELDS)["amount_micros"]
    starts = group_starts(ordered, KEY_FIELDS)
    lines = ordered[starts]
    if not starts.size:
        return Differences(lines, np.zeros(0, np.int64))
    for name in SUM_FIELDS:
        lines[name] = np.add.reduceat(ordered[name], starts)
    lines["corrects"] = np.maximum.reduceat(ordered["corrects"], starts)
    billed_rows = np.add.reduceat(is_billed, starts)
    before = np.add.reduceat(np.where(is_billed == 1, -ordered["amount_micros"], 0), starts)
    wanted = (lines["amount_micros"] != 0) | ((billed_rows == 0) & (lines["events"] > 0))
    return Differences(lines[wanted], before[wanted])


def _marked(due: Lines, done: Lines) -> Lines:
    """The same keys in the same order, with 1 in place of the amount where a row was billed."""
    marked = np.concatenate([due, done])
    marked["amount_micros"] = 0
    marked["amount_micros"][due.size :] = 1
    return marked
