"""Invoiced amounts of running periods for days that are still to come, and the part of them that is earned by a day.

A fee in advance is billed for a whole period. Its earned part is the amount due for the days by then. It is a part of the amount that the
period will be charged as far as is known. A pause, an end or another plan within the period counts, whenever it was recorded. The rest is
held. A fee that is not divided by days is earned evenly over its period, billed or not, as are fixed discounts. Of a percentage the part
off earned fees is earned. Where more is due by the day than was billed, the difference is unbilled, and nothing is held.

    31.00 for 15 October to 15 November, by 1 November:     earned 17.00, held 14.00
    the same, and another plan since 25 October:            earned 10.00, held 21.00
    10 percent off it, 3.10:                                earned -1.70, held -1.40

Amounts are micro-units, whole minor units a line. Columns only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.charges.charge_keys import KEY_FIELDS, Kind
from billing.charges.lines import Int64s, Lines, group_starts, part_of_days, sum_by_key, taken
from billing.charges.ordering import order_by

if TYPE_CHECKING:
    from billing.runs.settlement.fees_due import Recurring


class Held(NamedTuple):
    """`lines`: amounts that are billed and not earned, one row a charge key.

    `counted`: the amount of these keys that counts as billed by the day.
    """

    lines: Lines
    counted: Lines


def billed_ahead(billed: Lines, through_day: int) -> Lines:
    """Billed fees and discounts of periods that end after the day, one row a charge key, sorted."""
    ahead = (billed["period_to"] > through_day) & np.isin(billed["kind"], (Kind.RECURRING, Kind.DISCOUNT))
    found = sum_by_key(billed[ahead])
    return taken(found, np.flatnonzero(found["amount_micros"]))


def places(keys: Lines, lines: Lines) -> Int64s:
    """For each line the place of its charge key among `keys` (one row a key), -1 for none."""
    if not keys.size:
        return np.full(lines.size, -1, np.int64)
    rows = np.concatenate([keys, lines])
    order = order_by([rows[name] for name in KEY_FIELDS])  # stable: a key comes before lines
    starts = group_starts(taken(rows, order), KEY_FIELDS)
    first = order[starts]
    found = np.empty(rows.size, np.int64)
    found[order] = np.repeat(np.where(first < keys.size, first, -1), np.diff(np.append(starts, rows.size)))
    return found[keys.size :]


def evenly(fees: Recurring, whole_to: Int64s, step_micros: Int64s) -> Lines:
    """`fees` by the day; of a running period, which will end on `whole_to`, those that do not go by days are earned evenly."""
    lines = fees.lines
    rows = np.flatnonzero(fees.undivided & (whole_to > lines["period_to"]))
    if rows.size:
        lines = lines.copy()
        begins = lines["period_from"][rows]
        days, past = whole_to[rows] - begins, lines["period_to"][rows] - begins
        earned = part_of_days(lines["amount_micros"][rows], past, days, step_micros[rows])
        lines["amount_micros"][rows] = lines["exact_micros"][rows] = earned
    return lines


def held(ahead: Lines, due: Lines, due_of_ahead: Lines) -> Held:
    """The part of the amounts billed `ahead` that is held.

    `due`: everything due by the day. `due_of_ahead`: fees of those keys, and discounts off them.
    """
    billed = ahead["amount_micros"]
    due_by_now = np.where(ahead["kind"] == Kind.RECURRING, _sums_on(ahead, due), _sums_on(ahead, due_of_ahead))
    rest = billed - due_by_now
    is_held = np.sign(rest) * np.sign(billed) >= 0
    lines, counted = ahead.copy(), ahead.copy()
    lines["amount_micros"] = np.where(is_held, rest, 0)
    counted["amount_micros"] = np.where(is_held, due_by_now, billed)
    return Held(lines[lines["amount_micros"] != 0], counted)


def _sums_on(keys: Lines, lines: Lines) -> Int64s:
    """The sum of `lines` on each of the keys."""
    place = places(keys, lines)
    on_key = place >= 0
    sums = np.zeros(keys.size, np.int64)
    np.add.at(sums, place[on_key], lines["amount_micros"][on_key])
    return sums
