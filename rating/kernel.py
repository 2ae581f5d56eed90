"""The rating kernel: columns of events and compiled tables to charges, in int64, without the GIL.

Two passes. `rate_rows` prices a range of rows in order of arrival, each on its own. `draw_rows` then walks the rows that an allowance may serve,
bucket by bucket in event-time order, draws, and prices again the rows that drew. Both charge with one function, so an allowance cannot
come to another price than no allowance. Every product is bounded when the tariff is compiled (`tariffs.bounds`); a larger quantity gets a status.

Units: instants and voice quantities in microseconds, positions in price units (milliseconds, bytes, messages), numerators in micro-units times the
price's denominator. The rules are those of docs/architecture.md, "One event, exactly".
"""

from __future__ import annotations

import numba
import numpy as np

from rating.jit import kernel_module
from rating.status import Status
from rating.tables import (
    CALENDAR_ROW,
    CELL_ROW,
    HOUR_US,
    INTERVAL_ROW,
    LEAF_EXACT,
    NO_RULE,
    NUMBER_DIGITS_MAX,
    PLAN_VERSION_ROW,
    PREFIX_ROW,
    PREFIX_TABLE_ROW,
    PRICE_ROW,
    RATE_ROW,
    ROUNDING_CODES,
    SERVICES,
    SHELF_ROW,
    STEP_ROW,
    TIME_MAX_US,
    TIME_MIN_US,
)
from rating.money import RoundingMode

njit = kernel_module(__file__)

HALF_UP = ROUNDING_CODES[RoundingMode.HALF_UP]
HALF_EVEN = ROUNDING_CODES[RoundingMode.HALF_EVEN]
UP = ROUNDING_CODES[RoundingMode.UP]

RATED = int(Status.RATED)
ZERO_RATED = int(Status.ZERO_RATED)
UNKNOWN_SUBSCRIPTION = int(Status.UNKNOWN_SUBSCRIPTION)
UNKNOWN_PLAN = int(Status.UNKNOWN_PLAN)
NEGATIVE_QUANTITY = int(Status.NEGATIVE_QUANTITY)
TIME_OUT_OF_RANGE = int(Status.TIME_OUT_OF_RANGE)
INVALID_NUMBER = int(Status.INVALID_NUMBER)
NO_VERSION = int(Status.NO_VERSION)
NO_ZONE = int(Status.NO_ZONE)
NOT_SOLD_STATUS = int(Status.NOT_SOLD)
QUANTITY_TOO_LARGE = int(Status.QUANTITY_TOO_LARGE)

FOR_EVER = 2**62  # a position beyond every quantity
TEN_TO = np.array([10**power for power in range(NUMBER_DIGITS_MAX + 1)], dtype=np.int64)


def _column(dtype: object, *, writable: bool = False) -> numba.types.Array:
    kind = numba.from_dtype(np.dtype(dtype))
    return numba.types.Array(kind, 1, "C", readonly=not writable)


I64, I32, I16, I8 = np.int64, np.int32, np.int16, np.int8
_BAND_TABLES = (_column(CALENDAR_ROW), _column(I64), _column(I32), _column(I32))
_PRICE_TABLES = (_column(PRICE_ROW), _column(RATE_ROW), _column(STEP_ROW), *_BAND_TABLES)
_DECK_TABLES = (_column(PREFIX_TABLE_ROW), _column(np.uint32), _column(np.uint16), _column(INTERVAL_ROW), _column(PREFIX_ROW))
_PLAN_TABLES = (_column(I32), _column(PLAN_VERSION_ROW), _column(SHELF_ROW), _column(CELL_ROW))
_EVENTS = (_column(I64), _column(I64), _column(I8), _column(I32), _column(I64), _column(I8))
_RESULTS = (
    _column(I16, writable=True),
    _column(I64, writable=True),
    _column(I64, writable=True),
    _column(I32, writable=True),
    _column(I32, writable=True),
    _column(I32, writable=True),
    _column(np.bool_, writable=True),
)
_int64 = numba.types.int64


@njit(_int64(_int64, _int64, *_BAND_TABLES))
def boundary_at(calendar, instant_us, calendars, boundaries, bands, hours):
    """Position in `boundaries` of the band in force at `instant_us`."""
    row = calendars[calendar]
    position = np.int64(hours[row["hour_from"] + (instant_us - TIME_MIN_US) // HOUR_US]) + row["boundary_from"]
    while boundaries[position + 1] <= instant_us:
        position += 1
    return position


@njit(_int64(_int64, _int64, _int64))
def rounded(numerator, denominator, mode):
    """`numerator / denominator` (both not negative) to a whole number, by rounding code."""
    whole = numerator // denominator
    rest = numerator - whole * denominator
    if mode == UP:
        return whole + (1 if rest > 0 else 0)
    if mode == HALF_UP:
        return whole + (1 if 2 * rest >= denominator else 0)
    if mode == HALF_EVEN:
        return whole + (1 if 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1) else 0)
    return whole


@njit(numba.types.UniTuple(_int64, 2)(_int64, _int64, _int64, _int64, *_PRICE_TABLES))
def charge(price, start_us, quantity, free_qty, prices, rates, steps, calendars, boundaries, bands, hours):
    """Charge in micro-units and chargeable quantity of one event whose first `free_qty` price units cost nothing."""
    row = prices[price]
    boundary = np.int64(0)
    rate_row = np.int64(row["rate_base"])
    if row["calendar"] >= 0:
        boundary = boundary_at(row["calendar"], start_us, calendars, boundaries, bands, hours)
        rate_row += bands[boundary]
    rate = rates[rate_row]
    connect = rate["connect"]
    numerator = np.int64(0)
    position = np.int64(0)

    if quantity > 0:
        scale = row["unit_scale"]
        wanted = (quantity + scale - 1) // scale
        split_at = np.int64(FOR_EVER)
        if row["split"]:
            split_at = (boundaries[boundary + 1] - start_us - 1) // scale + 1
        step = np.int64(rate["step_from"])
        position = rate["first_increment"]
        numerator = max(position - free_qty, 0) * steps[step]["weight"]
        while position < wanted:
            if position >= split_at:
                while position >= split_at:
                    boundary += 1
                    split_at = (boundaries[boundary + 1] - start_us - 1) // scale + 1
                rate = rates[row["rate_base"] + bands[boundary]]
                step = np.int64(rate["step_from"])
            last_step = rate["step_to"] - 1
            while step < last_step and steps[step + 1]["from_qty"] <= position:
                step += 1
            limit = min(wanted, split_at)
            if step < last_step:
                limit = min(limit, steps[step + 1]["from_qty"])
            increment = steps[step]["increment"]
            length = (limit - position + increment - 1) // increment * increment
            charged = length
            if free_qty > position:
                charged = max(position + length - free_qty, 0)
            numerator += charged * steps[step]["weight"]
            position += length

    if position > free_qty or (quantity == 0 and row["charge_zero_usage"]):
        numerator = min(max(numerator + connect, row["minimum"]), row["maximum"])
    else:
        numerator = np.int64(0)
    step_micros = row["step_micros"]
    return rounded(numerator, row["denominator"] * step_micros, row["rounding_mode"]) * step_micros, position


@njit(_int64(_int64, _int64, _int64, *_DECK_TABLES))
def zone_of(table, number, digits, prefix_tables, first, leaves, intervals, prefixes):
    """Zone of the longest prefix of a number of `digits` digits, 0 for none."""
    row = prefix_tables[table]
    aligned = number * TEN_TO[NUMBER_DIGITS_MAX - digits]
    if digits >= row["digits_max"]:
        entry = np.int64(first[row["first_base"] + aligned // 1_000_000_000])
        leaf = np.int64(leaves[(entry >> 1) + (entry & 1) * (aligned // 1_000_000 % 1_000)])
        if leaf != LEAF_EXACT:
            return leaf
    low, high = row["interval_from"], row["interval_to"]
    while high - low > 1:
        middle = (low + high) // 2
        if intervals[middle]["low"] <= aligned:
            low = middle
        else:
            high = middle
    prefix = np.int64(intervals[low]["prefix"])
    while prefix >= 0 and prefixes[prefix]["digits"] > digits:
        prefix = np.int64(prefixes[prefix]["parent"])
    return np.int64(prefixes[prefix]["zone"]) if prefix >= 0 else np.int64(0)


@njit(_int64(_int64, _int64, *_PLAN_TABLES[:2]))
def plan_version_at(plan, start_us, plan_from, plan_versions):
    """Row of the plan version in force at `start_us`, or NO_RULE. The latest start that is not after it counts."""
    row = np.int64(plan_from[plan + 1]) - 1
    while row >= plan_from[plan] and plan_versions[row]["from_us"] > start_us:
        row -= 1
    if row < plan_from[plan] or not plan_versions[row]["present"]:
        return np.int64(NO_RULE)
    return row


@njit(_int64(_int64, _int64, _int64, _int64))
def refused_early(plan, quantity, start_us, digits):
    """The refusals that need no table, in order of precedence; RATED where there is none."""
    if plan == -1:
        return UNKNOWN_SUBSCRIPTION
    if plan < 0:
        return UNKNOWN_PLAN
    if quantity < 0:
        return NEGATIVE_QUANTITY
    if start_us < TIME_MIN_US or start_us >= TIME_MAX_US:
        return TIME_OUT_OF_RANGE
    if digits < 0 or digits > NUMBER_DIGITS_MAX:
        return INVALID_NUMBER
    return RATED


@njit(numba.types.void(_int64, _int64, *_EVENTS, *_PLAN_TABLES, *_DECK_TABLES, *_PRICE_TABLES, *_RESULTS))
def rate_rows(
    row_from, row_to, start_us, quantity, service, plan, number, number_digits,
    plan_from, plan_versions, shelves, cells,
    prefix_tables, first, leaves, intervals, prefixes,
    prices, rates, steps, calendars, boundaries, bands, hours,
    status, charge_micros, chargeable_qty, price, zone, version, served,
):  # fmt: skip
    """Rate rows [row_from, row_to) without allowances; `served` says which of them an allowance may serve."""
    for row in range(row_from, row_to):
        digits = np.int64(number_digits[row])
        refusal = refused_early(plan[row], quantity[row], start_us[row], digits)
        price[row] = -1
        version[row] = -1
        if refusal != RATED:
            status[row] = refusal
            continue
        plan_version = plan_version_at(np.int64(plan[row]), start_us[row], plan_from, plan_versions)
        if plan_version == NO_RULE:
            status[row] = NO_VERSION
            continue
        version[row] = plan_versions[plan_version]["version"]
        if service[row] <= 0 or service[row] >= SERVICES:
            status[row] = NO_ZONE
            continue
        shelf = shelves[plan_version * SERVICES + service[row]]
        found = np.int64(0)
        if digits > 0 and shelf["prefix_table"] >= 0:
            found = zone_of(np.int64(shelf["prefix_table"]), number[row], digits, prefix_tables, first, leaves, intervals, prefixes)
        cell = cells[shelf["cell_base"] + found]
        if cell["price"] < 0:
            status[row] = NO_ZONE if cell["price"] == NO_RULE else NOT_SOLD_STATUS
            zone[row] = found
            continue
        zone[row] = found
        price[row] = cell["price"]
        if quantity[row] > prices[cell["price"]]["quantity_max"]:
            status[row] = QUANTITY_TOO_LARGE
            continue
        amount, chargeable = charge(
            np.int64(cell["price"]), start_us[row], quantity[row], 0, prices, rates, steps, calendars, boundaries, bands, hours
        )
        status[row] = RATED if amount > 0 else ZERO_RATED
        charge_micros[row] = amount
        chargeable_qty[row] = chargeable
        served[row] = cell["allowance"] and chargeable > 0


@njit(
    numba.types.void(
        _int64, _int64, _column(I64), _column(I32), *_EVENTS[:2], *_PRICE_TABLES,
        _column(I64, writable=True), _column(I64, writable=True), _column(I64, writable=True),
        _column(I16, writable=True), _column(I64), _column(I32),
    )
)  # fmt: skip
def draw_rows(
    order_from, order_to, order, bucket_of_row, start_us, quantity,
    prices, rates, steps, calendars, boundaries, bands, hours,
    allowance_left, free_qty, charge_micros, status, chargeable_qty, price,
):  # fmt: skip
    """Draw allowances for the rows named by order[order_from:order_to], in that order, and price again those that drew."""
    for place in range(order_from, order_to):
        row = order[place]
        bucket = bucket_of_row[row]
        free = min(allowance_left[bucket], chargeable_qty[row])
        if free <= 0:
            continue
        allowance_left[bucket] -= free
        free_qty[row] = free
        amount, _chargeable = charge(
            np.int64(price[row]), start_us[row], quantity[row], free, prices, rates, steps, calendars, boundaries, bands, hours
        )
        charge_micros[row] = amount
        status[row] = RATED if amount > 0 else ZERO_RATED
