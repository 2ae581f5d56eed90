"""The kernel that adds up what a month was rated to: exact sums by plan, service and zone, and by subscription, in one go.

Money is added in two halves of 32 bits, which cannot wrap below 2**31 events: `high` of charge >> 32, `low` of what is left.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import types

from rating.jit import kernel_module

njit = kernel_module(__file__)
SERVICES = 6  # rating.tables.SERVICES
STATUSES = 32  # more than rating.status.Status has
PRICED_TO = 1  # the last status that carries a charge
LOW_BITS = 32
LOW_MASK = (1 << 32) - 1


def _column(dtype: Any, *, writable: bool = False) -> types.Array:
    return types.Array(numba.from_dtype(np.dtype(dtype)), 1, "C", readonly=not writable)


def _sums(dtype: Any = np.int64) -> types.Array:
    return types.Array(numba.from_dtype(np.dtype(dtype)), 2, "C")


@njit(
    types.void(
        _column(np.int16), _column(np.int32), _column(np.int64), _column(np.int32), _column(np.int8), _column(np.int64),
        _column(np.int32), _column(np.bool_), types.int64, _sums(), _sums(), _sums(),
    )
)  # fmt: skip
def add_up(status, match, charge, plan, service, subscription, zone_of, is_chosen, zones, cells, people, refused):
    """Add rows to `cells` (a row a (plan, service, zone)), `people` (a row a subscription) and `refused` ((plan, service) x status).

    Columns of cells and people: events, high, low. `plan` counts from -2. `zone_of`: zone of each rule row. Subscriptions that
    are not `is_chosen` are left out; events without an owner (-1) are the last of them.
    """
    for row in range(len(status)):
        who = subscription[row]
        if not is_chosen[who]:
            continue
        group = (plan[row] + 2) * SERVICES + min(max(service[row], 0), SERVICES - 1)
        code = status[row]
        if code > PRICED_TO:
            refused[group, code] += 1
            continue
        cell = group * zones + zone_of[match[row]]
        high, low = charge[row] >> LOW_BITS, charge[row] & LOW_MASK
        cells[cell, 0] += 1
        cells[cell, 1] += high
        cells[cell, 2] += low
        people[who, 0] += 1
        people[who, 1] += high
        people[who, 2] += low
