"""An amount shared out in whole steps by largest remainder: no share is lost, none is more than a step away from its exact part.

Each exact share is cut down to a whole step; the steps that are left go to the largest remainders, one each. Of equal remainders the first
takes it, so that the same lines always share alike. Amounts are micro-units and multiples of the step (the minor unit of the currency),
weights are not negative. In plain integers for a few shares, in columns for a million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from billing.charges.lines import INT64_MAX
from billing.charges.ordering import order_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.charges.lines import Int64s


def spread(amount_micros: int, weights: Sequence[int], step_micros: int) -> list[int]:
    """Shares of `amount_micros` by `weights` (>= 0, any scale), each a multiple of the step; their sum is the amount, exactly.

    Shares have the sign of the amount or are 0. A weight of 0 takes nothing. Where all weights are 0 the amount must be 0, too.
    """
    assert amount_micros % step_micros == 0
    assert min(weights, default=0) >= 0
    steps, whole = abs(amount_micros) // step_micros, sum(weights)
    assert whole > 0 or steps == 0
    if steps == 0:
        return [0] * len(weights)
    cut = [divmod(steps * weight, whole) for weight in weights]
    shares = [share for share, _ in cut]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-cut[place][1], place))
    for place in by_remainder[: steps - sum(shares)]:
        shares[place] += 1
    sign = -1 if amount_micros < 0 else 1
    return [sign * share * step_micros for share in shares]


def spread_columns(amount_micros: Int64s, weights: Int64s, group: Int64s, step_micros: Int64s) -> Int64s:
    """The same for many amounts at once. `group` is the place of each weight's amount, ascending; `step_micros` is by amount.

    Amounts are >= 0. In unbounded integers where a product could leave int64.
    """
    if not weights.size:
        return np.zeros(0, np.int64)
    assert bool(np.all(amount_micros >= 0)) and bool(np.all(weights >= 0))  # noqa: PT018 -- one thing: nothing is negative
    steps = amount_micros // step_micros
    # The weights are money in most calls, so that their common step divides out and int64 holds the products.
    common = int(np.gcd.reduce(weights))
    scaled = weights // max(common, 1)
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    owner = group[starts]
    whole = np.zeros(len(amount_micros), np.int64)
    whole[owner] = np.add.reduceat(scaled, starts)
    assert bool(np.all((whole > 0) | (steps == 0)))
    largest = int(steps.max()) * int(scaled.max())
    product: Any = (steps if largest <= INT64_MAX else steps.astype(object))[group] * scaled
    divisor = np.maximum(whole, 1)[group]
    shares = np.asarray(product // divisor, np.int64)
    remainder = np.asarray(product % divisor, np.int64)
    left = steps.copy()
    left[owner] -= np.add.reduceat(shares, starts)
    return np.asarray((shares + _first_in_line(remainder, left, group, starts)) * step_micros[group], np.int64)


class Parts:
    """Lines that combine several: amounts share out by each part of a line, as if every part were a line.

    Parts of line l are `rest_micros[first[l]:first[l + 1]]`, at least one; what is left of each goes down with `take_off`.
    """

    def __init__(self, counts: Int64s, rest_micros: Int64s) -> None:
        self._counts = counts
        self._first = np.cumsum(counts) - counts
        self._rest_micros = rest_micros

    def taken(self, index: Int64s) -> Parts:
        """Those of some lines."""
        place, counts = self._places(index)
        return Parts(counts, self._rest_micros[place])

    def followed_by(self, rest_micros: Int64s) -> Parts:
        """The same, and after them lines of one part each."""
        counts = np.ones(rest_micros.size, np.int64)
        return Parts(np.concatenate([self._counts, counts]), np.concatenate([self._rest_micros, rest_micros]))

    def take_off(self, amount_micros: Int64s, lines: Int64s, group: Int64s, step_micros: Int64s) -> Int64s:
        """The share of each of some `lines` in the amount of its `group`: as `spread_columns`, by what is left of each part above zero."""
        place, counts = self._places(lines)
        share = spread_columns(amount_micros, np.maximum(self._rest_micros[place], 0), np.repeat(group, counts), step_micros)
        self._rest_micros[place] -= share
        return np.asarray(np.add.reduceat(share, np.cumsum(counts) - counts), np.int64)

    def _places(self, lines: Int64s) -> tuple[Int64s, Int64s]:
        counts = self._counts[lines]
        begins = np.cumsum(counts) - counts
        return np.repeat(self._first[lines] - begins, counts) + np.arange(int(counts.sum())), counts


def _first_in_line(remainder: Int64s, left: Int64s, group: Int64s, starts: Int64s) -> Int64s:
    """1 where a weight takes one of the steps that are left to its group: the largest remainders, the first of equal ones."""
    order = order_by([group, -remainder])
    rank = np.empty(group.size, np.int64)
    lengths = np.diff(np.append(starts, group.size))
    rank[order] = np.arange(group.size) - np.repeat(starts, lengths)
    return (rank < left[group]).astype(np.int64)
