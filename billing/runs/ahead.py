"""What invoices hold of running periods for days that are still to come, and what of it is earned by a day.

A fee in advance is billed for a whole period. Earned of it is what would be due if the account closed on the day: by the days that it is
charged for, so that a pause, an end or another plan within the period counts, whenever it was told. The rest is held. A fee that does not
go by days is earned evenly over its period, as are fixed discounts; of a percentage that part is earned that is off earned fees. Where more
is due by the day than was billed, the difference is unbilled, and nothing is held.

    31.00 for 15 October to 15 November, by 1 November:     earned 17.00, held 14.00
    the same, and another plan since 25 October:            earned 10.00, held 21.00
    10 percent off it, 3.10:                                earned -1.70, held -1.40

Amounts are micro-units, whole minor units a line. Columns only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.charges.lines import KEY_FIELDS, Int64s, Kind, Lines, group_starts, round_half_up, sum_by_key, taken
from billing.charges.ordering import order_by

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

    from billing.runs.price_list import PriceList

    Bools = npt.NDArray[np.bool_]


class Held(NamedTuple):
    """`lines`: what is billed and not earned, one a charge key. `counted`: what of these keys counts as billed by the day."""

    lines: Lines
    counted: Lines


def billed_ahead(billed: Lines, through_day: int) -> Lines:
    """Of what was billed: fees and discounts of periods that end after the day, one row a charge key, sorted."""
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


def by_days(fees: Lines, whole: Lines, billed: Bools, price_list: PriceList, through_day: int, step_micros: Int64s) -> Lines:  # noqa: PLR0913, PLR0917 -- columns side by side, and what they are looked up with
    """`fees` as due by the day, of which those that do not go by days and are `billed` ahead are earned evenly. `whole`: their keys."""
    rows = np.flatnonzero(billed & _undivided(fees, price_list))
    if rows.size:
        fees = fees.copy()
        earned = _evenly(fees["amount_micros"][rows], whole[rows], through_day, step_micros[rows])
        fees["amount_micros"][rows] = fees["exact_micros"][rows] = earned
    return fees


def held(ahead: Lines, due: Lines, due_of_ahead: Lines, fixed: Collection[int], through_day: int, step_micros: Int64s) -> Held:  # noqa: PLR0913, PLR0917 -- columns side by side
    """What is held of what was billed `ahead`.

    `due`: everything due by the day. `due_of_ahead`: fees of those keys, and discounts off them. `fixed`: price ids of discounts that are
    fixed amounts.
    """
    billed = ahead["amount_micros"]
    fee = ahead["kind"] == Kind.RECURRING
    due_by_now = np.where(fee, _sums_on(ahead, due), _sums_on(ahead, due_of_ahead))
    even = ~fee & np.isin(ahead["price_id"], list(fixed))
    earned = np.where(even, _evenly(billed, ahead, through_day, step_micros), due_by_now)
    rest = billed - earned
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


def _undivided(fees: Lines, price_list: PriceList) -> Bools:
    """Which of these fees are due whole however few days they are for."""
    found = np.zeros(fees.size, np.bool_)
    for each in price_list.catalogues:
        price_ids = [fee.price_id for plan in each.plans for fee in plan.recurring if not fee.prorate]
        if price_ids:
            found |= (fees["catalogue"] == price_list.identity_index(each.identity)) & np.isin(fees["price_id"], price_ids)
    return found


def _evenly(amount_micros: Int64s, whole: Lines, through_day: int, step_micros: Int64s) -> Int64s:
    """The part of each amount for the days of its period before the day, HALF_UP to the minor unit."""
    days = whole["period_to"] - whole["period_from"]
    past = np.clip(through_day - whole["period_from"], 0, days)
    quotient, remainder = np.divmod(np.abs(amount_micros), days)
    return np.sign(amount_micros) * round_half_up(quotient * past + remainder * past // days, step_micros)
