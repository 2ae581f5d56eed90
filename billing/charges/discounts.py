"""Discounts on the lines of a period: percentages before fixed amounts, each on what the ones before it left.

Discounts apply in order. The base of each is the sum left of the lines that it is about (kinds and charge codes; none named: recurring,
one-off, usage and volume lines). A percentage is taken off the base HALF_UP to the minor unit, a fixed amount up to the whole base and no
more. The amount taken off is spread over the lines by largest remainder, so that it is known by tax class and the rest by line. Lines below
zero (a volume tier that makes the bill smaller) make the base smaller, and get nothing off themselves. Where nothing is left there is no
discount.

Percentages come before fixed amounts; within a kind those of the subscription before those of the account, then the lower id: so the result
does not depend on the order in which discounts were agreed. On 100.00: 10 % and 50.00 are 60.00 off, not 55.00.

Columns only, for a million lines. A *group* is the unit that discounts add up: a subscription and period, or an account and period.
"""

from __future__ import annotations

import datetime as dt
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.charges.charge_keys import USUAL_KINDS, Kind
from billing.charges.lines import Int64s, Lines, part_half_up, part_of_days, round_half_up, taken
from billing.charges.periods import bill_day_on, period_from, period_of
from billing.charges.spread import Parts, spread_columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from billing.charges.periods import BillDays, Period


class Entry(NamedTuple):
    """A discount: a percentage, or a fixed amount a period. `price_id` and the codes are those of its lines."""

    price_id: int
    charge_code: int
    revenue_code: int
    percent_ppm: int
    amount_micros: int
    kinds: tuple[int, ...] = ()  # empty: USUAL_KINDS
    charge_codes: tuple[int, ...] = ()  # empty: all


def agreed_price_id(name: str) -> int:
    """The price id of lines of a discount that was agreed with one customer: negative, and the same as long as it has this name.

    So a discount that is agreed anew with another amount is a difference on the same key.
    """
    return -1 - zlib.crc32(name.encode())


def percentages(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The percentages among discounts, in the order in which they apply."""
    return tuple(sorted(each for each in entries if each.percent_ppm))


def fixed_amounts(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The fixed amounts among discounts, in the order in which they apply."""
    return tuple(sorted(each for each in entries if not each.percent_ppm))


def periods_had(begun: dt.date, period: Period, bill_days: BillDays) -> int:
    """Bill periods of a plan that were over when `period` began: 0 in the one in which the plan began. For discounts on first months."""
    first = period_of(begun, dt.date.min, bill_days)
    assert first is not None
    had, end = 0, first.end
    while end <= period.start:
        had, end = had + 1, period_from(end, bill_day_on(bill_days, end)).end
    return had


def is_about(entry: Entry, base: Lines) -> npt.NDArray[np.bool_]:
    """A mask of the lines that a discount is about, by their kinds and charge codes."""
    about = np.isin(base["kind"], entry.kinds or USUAL_KINDS)
    if entry.charge_codes:
        about &= np.isin(base["charge_code"], entry.charge_codes)
    return about


def take_off(  # noqa: PLR0913, PLR0917 -- columns side by side
    entry: Entry,
    base: Lines,
    rest_micros: Int64s,
    group: Int64s,
    step_micros: Int64s,
    whole_to: Int64s | None = None,
    parts: tuple[Parts, Int64s] | None = None,
) -> Int64s:
    """The amount that `entry` takes off each line of `base` (>= 0), in micro-units.

    `rest_micros`: the amounts that earlier discounts left of each line. `group` ascends along the lines. `step_micros`: the minor unit of
    each line. `whole_to`: the day on which the period of each line will end, where of a fixed amount only the part of the days so far
    counts. `parts`: where lines combine several, these, and the place of each line of `base` among them.
    """
    off = np.zeros(base.size, np.int64)
    rows = np.flatnonzero(is_about(entry, base))
    if not rows.size:
        return off
    rest = rest_micros[rows]
    starts = np.flatnonzero(np.concatenate([[True], group[rows][1:] != group[rows][:-1]]))
    own = np.repeat(np.arange(starts.size), np.diff(np.append(starts, rows.size)))
    whole = np.maximum(np.add.reduceat(rest, starts), 0)
    steps = step_micros[rows][starts]
    if entry.percent_ppm:
        wanted = part_half_up(whole, entry.percent_ppm, steps)
    else:
        amounts = np.full(starts.size, entry.amount_micros, np.int64)
        wanted = (
            round_half_up(amounts, steps)
            if whole_to is None
            else _by_now(amounts, taken(base, rows[starts]), whole_to[rows[starts]], steps)
        )
    amounts = np.minimum(wanted, whole)
    if parts is None:
        off[rows] = spread_columns(amounts, np.maximum(rest, 0), own, steps)
    else:
        off[rows] = parts[0].take_off(amounts, parts[1][rows], own, steps)
    return off


def lines_of(entry: Entry, base: Lines, off_micros: Int64s) -> Lines:
    """The lines of a discount: the amounts that it took off, still one a line of `base`; `sum_as_taxed` adds them up."""
    rows = np.flatnonzero(off_micros)
    found = taken(base, rows)
    found["kind"] = Kind.DISCOUNT
    found["price_id"], found["charge_code"], found["revenue_code"] = entry.price_id, entry.charge_code, entry.revenue_code
    found["amount_micros"] = found["exact_micros"] = -off_micros[rows]
    for name in ("quantity", "free_quantity", "quantity_unit"):
        found[name] = 0
    found["events"] = 0
    return found


def _by_now(amounts: Int64s, lines: Lines, whole_to: Int64s, step_micros: Int64s) -> Int64s:
    """The part of each amount for the days of a line's period so far, which will end on `whole_to`."""
    begins = lines["period_from"]
    return part_of_days(amounts, lines["period_to"] - begins, whole_to - begins, step_micros)
