"""Volume tiers: the whole quantity of a period at one price, the one of the tier that it reaches.

Problem: events are priced one by one as they come, but a volume price is known only when the period is over. With 15 messages each costs
0.10, with the 16th all sixteen cost 0.08, and the bill gets smaller (1.50, then 1.28). So the line of a tier is the price of the whole
quantity less the charges of the events' own lines. It may have either sign. The two together are the price, rounded once.

The quantity is the one that events were charged for: chargeable quantity less the free part from allowances. The tier is the last whose
`from_qty` it reaches; its flat amount is due once, and nothing is due for a quantity of 0. Quantities are in the unit of the prices,
amounts micro-units. Prices beyond the limit of money become the limit, for the bounds of a run to find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from billing.charges.lines import INT64_MAX, Int64s
from rating.money import MICROS_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import VolumeStep


class Prices(NamedTuple):
    """The price of each quantity: HALF_UP to the minor unit, and to the nearest micro-unit."""

    amount_micros: Int64s
    exact_micros: Int64s


def step_reached(steps: Sequence[VolumeStep], quantity: Int64s) -> Int64s:
    """Place of the step that each quantity (>= 0) reaches; the first begins at 0."""
    return np.searchsorted(np.array([each.from_qty for each in steps], np.int64), quantity, side="right") - 1


def prices(steps: Sequence[VolumeStep], quantity: Int64s, step_micros: Int64s) -> Prices:
    """The price of each whole quantity (>= 0) of a period; `step_micros` is the minor unit of each."""
    reached = step_reached(steps, quantity)
    amount, exact = np.zeros(quantity.size, np.int64), np.zeros(quantity.size, np.int64)
    for place, step in enumerate(steps):
        rows = np.flatnonzero((reached == place) & (quantity > 0))
        if rows.size:
            amount[rows] = _of_step(step, quantity[rows], step_micros[rows])
            exact[rows] = _of_step(step, quantity[rows], np.ones(rows.size, np.int64))
    return Prices(amount, exact)


def _of_step(step: VolumeStep, quantity: Int64s, round_to: Int64s) -> Int64s:
    """Quantity x rate / per + flat, HALF_UP; in unbounded integers where int64 could wrap."""
    coarsest = int(round_to.max())
    largest = 2 * (int(quantity.max()) * step.rate_micros + step.flat_micros * step.per) + step.per * coarsest
    wide: Any = quantity if largest <= INT64_MAX else quantity.astype(object)
    divisor = 2 * step.per * (round_to if largest <= INT64_MAX else round_to.astype(object))
    doubled = 2 * (wide * step.rate_micros + step.flat_micros * step.per)
    rounded = (doubled + divisor // 2) // divisor * round_to
    return np.asarray(np.minimum(rounded, MICROS_LIMIT), np.int64)
