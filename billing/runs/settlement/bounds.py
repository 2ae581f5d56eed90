"""Bounds that every bill must keep. An account that breaks one is put in quarantine with the reason, and the run goes on with the rest.

- a plan is priced in the account's currency, and no amount is beyond the limit of money;
- a credit never exceeds what was billed: for each fee and usage, and for each period as a whole;
- a total is negative only as a correction of something billed, or by an adjustment with its reason; where accounts are billed together,
  also by what a volume tier takes off, since the usage that it takes it off may be on another's bill;
- adjustments are outside these sums, and so is the part of discounts that may be off them;
- a subscription has at most `lines_per_day_max` lines a day of a period;
- nothing begins more than `days_ahead_max` days after the bill date.

Both numbers are settings. Bills that are five times the usual are findings, not broken bounds: see `billing.runs.trial`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.lines import group_starts, sum_by_key
from billing.charges.ordering import order_by
from billing.store import settings
from rating.money import MICROS_LIMIT

if TYPE_CHECKING:
    import sqlalchemy as sa

    from billing.charges.lines import Int64s, Lines
    from billing.charges.reconcile import Differences

_PERIOD: Final = ("account_key", "period_from", "period_to")
_EACH_ALONE: Final = (Kind.RECURRING, Kind.ONE_OFF, Kind.USAGE)  # kinds whose keys may not be credited below 0
FOREIGN: Final = "a plan is priced in another currency than the account's"
NEGATIVE: Final = "the total is negative without a correction of anything billed"
CREDIT: Final = "a credit exceeds what was billed"
TOO_LARGE: Final = "a sum of charges is beyond the limit of money"
NOT_KEPT: Final = "the difference to bill is not what is due less what was billed: a mistake of this program"


class Limits(NamedTuple):
    """Bounds that an operator may change, as settings of the same names."""

    lines_per_day_max: int = int(settings.SETTINGS["lines_per_day_max"].default)
    days_ahead_max: int = int(settings.SETTINGS["days_ahead_max"].default)


def limits(connection: sa.Connection, seq: int | None = None) -> Limits:
    """The bounds as they were set as of `seq`, or are now."""
    return Limits(*(settings.integer(connection, name, seq=seq) for name in Limits._fields))


def broken(  # noqa: PLR0913, PLR0917 -- lines, what is known of their accounts, and the bounds
    found: Differences, billed: Lines, own_currency: Int64s, together: Int64s, bill_day: int, limits: Limits
) -> dict[int, str]:
    """Accounts (keys) whose lines break a bound, each with the first reason found.

    `found` is sorted by charge key; `billed`: what invoices have billed of the same accounts, one row a key; `own_currency`: the currency
    of the payer of each line of `found`; `together`: keys of accounts that are in a rating unit with others; `bill_day`: day number of the
    bill date.
    """
    lines = found.lines
    reasons: dict[int, str] = {}
    if not lines.size:
        return reasons
    _note(reasons, lines["account_key"][lines["currency"] != own_currency], FOREIGN)
    _note(reasons, lines["account_key"][np.abs(lines["amount_micros"]) >= MICROS_LIMIT], TOO_LARGE)
    _note(reasons, _negative(lines, billed, together), NEGATIVE)
    alone = np.isin(lines["kind"], [int(kind) for kind in _EACH_ALONE])
    below = alone & (found.billed_micros > 0) & (found.billed_micros + lines["amount_micros"] < 0)
    _note(reasons, lines["account_key"][below], CREDIT)
    _note(reasons, _credited_below_nothing(lines, billed, together), CREDIT)
    ahead = lines["period_from"] > bill_day + limits.days_ahead_max
    _note(reasons, lines["account_key"][ahead], f"a charge begins more than {limits.days_ahead_max} days after the bill date")
    for key, count, days in _crowded(lines, limits.lines_per_day_max):
        reasons.setdefault(key, f"a subscription has {count} lines in {days} days: more than {limits.lines_per_day_max} a day")
    return reasons


def _note(reasons: dict[int, str], account_keys: Int64s, reason: str) -> None:
    for key in np.unique(account_keys).tolist():
        reasons.setdefault(key, reason)


def _counted(lines: Lines, together: Int64s) -> Any:  # noqa: ANN401 -- an array of bool
    """Lines whose sum may not be negative: all but tax, adjustments, and tier reductions of usage that another account may pay."""
    off = (lines["kind"] == Kind.VOLUME) & (lines["amount_micros"] < 0)
    return ~np.isin(lines["kind"], (Kind.TAX, Kind.ADJUSTMENT)) & ~(off & np.isin(lines["account_key"], together))


def _negative(lines: Lines, billed: Lines, together: Int64s) -> Int64s:
    """Accounts with a period that was never billed and whose sum is negative."""
    starts = group_starts(lines, _PERIOD)
    groups = lines[starts]
    sums = np.add.reduceat(np.where(_counted(lines, together), lines["amount_micros"], 0), starts) + _off_by_hand(groups, lines)
    fresh = _sum_of(groups, billed[billed["kind"] != Kind.TAX], count=True) == 0
    of_account = group_starts(groups, ("account_key",))
    totals = np.add.reduceat(np.where(fresh, sums, 0), of_account)
    below: Int64s = groups["account_key"][of_account][totals < 0]
    return below


def _credited_below_nothing(lines: Lines, billed: Lines, together: Int64s) -> Int64s:
    """Accounts with a period in which more is given back than was billed."""
    starts = group_starts(lines, _PERIOD)
    groups = lines[starts]
    sums = np.add.reduceat(np.where(_counted(lines, together), lines["amount_micros"], 0), starts)
    if not (sums < 0).any():
        return groups["account_key"][:0]
    before = _sum_of(groups, billed[_counted(billed, together)])
    due = before + sums + _off_by_hand(groups, billed, lines)
    below: Int64s = groups["account_key"][(sums < 0) & (before + _off_by_hand(groups, billed) > 0) & (due < 0)]
    return below


def _off_by_hand(groups: Lines, *parts: Lines) -> Int64s:
    """The most that discounts can be off charges by hand in each (account, period) of `groups`; `parts` add up to the lines that it has.

    A discount may be off charges by hand, and off fees as well. Its line does not say which part is off which: a billed one has its key
    alone, and what is agreed may have changed since. But it is off no more than these charges, and credits by hand get nothing off. So the
    smaller of both sums is left out, as the charges are: no legal bill is put aside for it. A discount of more than all there is, charges
    by hand included, still breaks the bound. The charges themselves do not count: they hide no other negative line.
    """
    due = sum_by_key(np.concatenate([rows[np.isin(rows["kind"], (Kind.ADJUSTMENT, Kind.DISCOUNT))] for rows in parts]))
    charges = _sum_of(groups, due[(due["kind"] == Kind.ADJUSTMENT) & (due["amount_micros"] > 0)])
    discounts = _sum_of(groups, due[due["kind"] == Kind.DISCOUNT])
    most: Int64s = np.minimum(charges, np.maximum(-discounts, 0))
    return most


def _sum_of(groups: Lines, billed: Lines, *, count: bool = False) -> Int64s:
    """The billed amount, or the number of keys, of each (account, period) in `groups`."""
    if not billed.size:
        return np.zeros(groups.size, np.int64)
    rows = np.concatenate([groups, billed])
    amount = np.concatenate([np.zeros(groups.size, np.int64), np.ones(billed.size, np.int64) if count else billed["amount_micros"]])
    order = order_by([rows[name] for name in _PERIOD])
    starts = group_starts(rows[order], _PERIOD)
    sums = np.add.reduceat(amount[order], starts)
    group = np.empty(rows.size, np.int64)
    group[order] = np.repeat(np.arange(starts.size), np.diff(np.append(starts, rows.size)))
    of_groups: Int64s = sums[group[: groups.size]]
    return of_groups


def _crowded(lines: Lines, per_day_max: int) -> list[tuple[int, int, int]]:
    """(account key, lines, days) of subscriptions with too many lines in a period. Periods that have fewer in all are skipped."""
    starts = group_starts(lines, _PERIOD)
    counts = np.diff(np.append(starts, lines.size))
    days = lines["period_to"][starts] - lines["period_from"][starts]
    found = []
    for start, count, length in zip(*(each[counts > per_day_max * days].tolist() for each in (starts, counts, days)), strict=True):
        rows = lines[start : start + count]
        of_subscription = np.unique(rows["subscription_key"][rows["subscription_key"] > 0], return_counts=True)[1]
        if of_subscription.size and int(of_subscription.max()) > per_day_max * length:
            found.append((int(rows["account_key"][0]), int(of_subscription.max()), length))
    return found
