"""The rating kernel: columns of events and compiled tables to charges, in int64, without the GIL.

One loop, run twice. In order of arrival it prices every row that no allowance can serve and marks the others; then, over the marked
rows, bucket by bucket in event-time order, it draws and prices those. Every product is bounded when the tariff is compiled
(`tariffs.bounds`); a larger quantity gets a status.

The loop is one long function on purpose: a helper that takes arrays costs a reference count for each array and call, and that more
than doubled the time of the whole. Helpers take numbers. What is never negative is computed unsigned: signed division and indexing
correct for signs at every step.

Units: instants and voice quantities in microseconds, positions in price units (milliseconds, bytes, messages), numerators in micro-
units times the price's denominator. The rules are those of docs/architecture.md, "One event, exactly".
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from rating.jit import kernel_module
from rating.money import RoundingMode
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

njit = kernel_module(__file__)
inlined = numba.njit(inline="always", error_model="numpy")

HALF_UP = np.uint64(ROUNDING_CODES[RoundingMode.HALF_UP])
HALF_EVEN = np.uint64(ROUNDING_CODES[RoundingMode.HALF_EVEN])
UP = np.uint64(ROUNDING_CODES[RoundingMode.UP])

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

U64 = np.uint64
ZERO, ONE = U64(0), U64(1)
FOR_EVER = U64(2**62)  # a position beyond every quantity
TEN_TO = np.array([10**power for power in range(NUMBER_DIGITS_MAX + 1)], dtype=np.uint64)


def _column(dtype: Any, *, writable: bool = False) -> numba.types.Array:
    kind = numba.from_dtype(np.dtype(dtype))
    return numba.types.Array(kind, 1, "C", readonly=not writable)


_int64 = numba.types.int64
_boolean = numba.types.boolean
_EVENTS = [_column(kind) for kind in (np.int64, np.int64, np.int8, np.int32, np.int64, np.int8, np.int32)]
_PLANS = [_column(kind) for kind in (np.int32, PLAN_VERSION_ROW, SHELF_ROW, CELL_ROW)]
_DECKS = [_column(kind) for kind in (PREFIX_TABLE_ROW, np.uint32, np.uint16, INTERVAL_ROW, PREFIX_ROW)]
_PRICES = [_column(kind) for kind in (PRICE_ROW, RATE_ROW, STEP_ROW, CALENDAR_ROW, np.int64, np.int32, np.int32)]
_RESULT_KINDS = (np.int64, np.int16, np.int64, np.int64, np.int64, np.int32, np.int32, np.int32, np.int32, np.bool_)
_RESULTS = [_column(kind, writable=True) for kind in _RESULT_KINDS]


@inlined
def rounded(numerator, denominator, mode):
    """`numerator / denominator` to a whole number, by rounding code."""
    whole = numerator // denominator
    rest = numerator - whole * denominator
    if mode == HALF_EVEN:
        return whole + U64(rest + rest > denominator or (rest + rest == denominator and whole & ONE == ONE))
    if mode == HALF_UP:
        return whole + U64(rest + rest >= denominator)
    if mode == UP:
        return whole + U64(rest > ZERO)
    return whole


@inlined
def price_units(quantity, voice):
    """Input units to price units, a started one counted whole: microseconds to milliseconds for voice."""
    if voice:
        return (quantity + U64(999)) // U64(1_000)
    return quantity


@inlined
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


@njit(numba.types.void(_int64, _int64, _boolean, _column(np.int64), *_EVENTS, *_PLANS, *_DECKS, *_PRICES, *_RESULTS))
def rate_rows(
    place_from, place_to, drawing, order,
    start_us, quantity, service, plan, number, number_digits, bucket,
    plan_from, plan_versions, shelves, cells,
    prefix_tables, first, leaves, intervals, prefixes,
    prices, rates, steps, calendars, boundaries, bands, hours,
    allowance_left, status, charge_micros, chargeable_qty, free_qty, price, price_id, zone_id, version, waits,
):  # fmt: skip
    """Rate rows [place_from, place_to) of the columns, or, when `drawing`, the rows named by that part of `order`, in that order.

    Without `drawing`, a row that an allowance may serve is marked in `waits` and left unpriced. Writes the results of its own rows, and
    the buckets they draw from, which no other thread may touch.
    """
    for place in range(place_from, place_to):
        row = U64(order[place]) if drawing else U64(place)
        instant_us = start_us[row]
        digits = np.int64(number_digits[row])
        price[row] = -1
        version[row] = -1
        refusal = refused_early(plan[row], quantity[row], instant_us, digits)
        if refusal != RATED:
            status[row] = refusal
            continue

        # The version in force is the latest that starts at or before the event.
        earliest = np.int64(plan_from[plan[row]])
        held = np.int64(plan_from[plan[row] + 1]) - 1
        while held >= earliest and plan_versions[U64(held)]["from_us"] > instant_us:
            held -= 1
        if held < earliest or not plan_versions[U64(held)]["present"]:
            status[row] = NO_VERSION
            continue
        version[row] = plan_versions[U64(held)]["version"]
        if service[row] <= 0 or service[row] >= SERVICES:
            status[row] = NO_ZONE
            continue

        # The longest prefix: from the leaf, or exactly, where a prefix is longer than nine digits or perhaps than the number.
        shelf = shelves[U64(held) * U64(SERVICES) + U64(service[row])]
        found = ZERO
        if digits > 0 and shelf["prefix_table"] >= 0:
            deck = prefix_tables[U64(shelf["prefix_table"])]
            aligned = U64(number[row]) * TEN_TO[U64(NUMBER_DIGITS_MAX) - U64(digits)]
            found = U64(LEAF_EXACT)
            if digits >= deck["digits_max"]:
                six = aligned // U64(1_000_000_000)
                three = aligned // U64(1_000_000) - six * U64(1_000)
                entry = U64(first[U64(deck["first_base"]) + six])
                found = U64(leaves[(entry >> ONE) + (entry & ONE) * three])
            if found == U64(LEAF_EXACT):
                low, high = U64(deck["interval_from"]), U64(deck["interval_to"])
                while high - low > ONE:
                    middle = (low + high) >> ONE
                    if U64(intervals[middle]["low"]) <= aligned:
                        low = middle
                    else:
                        high = middle
                prefix = intervals[low]["prefix"]
                while prefix >= 0 and prefixes[U64(prefix)]["digits"] > digits:
                    prefix = prefixes[U64(prefix)]["parent"]
                found = U64(prefixes[U64(prefix)]["zone"]) if prefix >= 0 else ZERO
        cell = cells[U64(shelf["cell_base"]) + found]
        zone_id[row] = cell["zone_id"]
        if cell["price"] < 0:
            status[row] = NO_ZONE if cell["price"] == NO_RULE else NOT_SOLD_STATUS
            continue
        price[row] = cell["price"]
        terms = prices[U64(cell["price"])]
        price_id[row] = terms["price_id"]
        if quantity[row] > terms["quantity_max"]:
            status[row] = QUANTITY_TOO_LARGE
            continue
        free = ZERO
        if cell["allowance"] and bucket[row] >= 0 and quantity[row] > 0:
            if not drawing:
                waits[row] = True
                continue
            free = U64(allowance_left[U64(bucket[row])])

        # The rate of the band in which the event begins.
        boundary = ZERO
        rate_row = U64(terms["rate_base"])
        if terms["calendar"] >= 0:
            calendar = calendars[U64(terms["calendar"])]
            hour = U64(instant_us - TIME_MIN_US) // U64(HOUR_US)
            boundary = U64(hours[U64(calendar["hour_from"]) + hour]) + U64(calendar["boundary_from"])
            while boundaries[boundary + ONE] <= instant_us:
                boundary += ONE
            rate_row += U64(bands[boundary])
        rate = rates[rate_row]
        connect = U64(rate["connect"])

        # Increments: the first, then runs of equal ones up to the end of the usage, the band or the step.
        numerator = ZERO
        position = ZERO
        if quantity[row] > 0:
            wanted = price_units(U64(quantity[row]), terms["voice"])
            split_at = FOR_EVER
            if terms["split"]:
                split_at = price_units(U64(boundaries[boundary + ONE] - instant_us), True)
            step = U64(rate["step_from"])
            last_step = U64(rate["step_to"]) - ONE
            position = U64(rate["first_increment"])
            if position > free:
                numerator = (position - free) * U64(steps[step]["weight"])
            while position < wanted:
                if position >= split_at:
                    while position >= split_at:
                        boundary += ONE
                        split_at = price_units(U64(boundaries[boundary + ONE] - instant_us), True)
                    rate = rates[U64(terms["rate_base"]) + U64(bands[boundary])]
                    step = U64(rate["step_from"])
                    last_step = U64(rate["step_to"]) - ONE
                while step < last_step and U64(steps[step + ONE]["from_qty"]) <= position:
                    step += ONE
                limit = min(wanted, split_at)
                if step < last_step:
                    limit = min(limit, U64(steps[step + ONE]["from_qty"]))
                increment = U64(steps[step]["increment"])
                begin = position
                position += (limit - position + increment - ONE) // increment * increment
                if position > free:
                    numerator += (position - max(begin, free)) * U64(steps[step]["weight"])

        # Connect fee, minimum and maximum, then the one rounding.
        charged = position > free or (quantity[row] == 0 and terms["charge_zero_usage"])
        if charged:
            numerator = min(max(numerator + connect, U64(terms["minimum"])), U64(terms["maximum"]))
        if drawing:
            drawn = np.int64(min(free, position))
            allowance_left[U64(bucket[row])] -= drawn
            free_qty[row] = drawn
        step_micros = U64(terms["step_micros"])
        amount = rounded(numerator, U64(terms["denominator"]) * step_micros, U64(terms["rounding_mode"])) * step_micros
        status[row] = RATED if amount > ZERO else ZERO_RATED
        charge_micros[row] = amount
        chargeable_qty[row] = position


@njit(numba.types.void(_column(np.int64), _column(np.int64), _column(np.int64, writable=True), _column(np.int64, writable=True)))
def deal_rows(rows, group_of_row, next_place, dealt):
    """Put rows, in their order, into groups: `next_place` holds where each group goes on, `dealt` receives the rows."""
    for index in range(len(rows)):
        group = U64(group_of_row[index])
        dealt[U64(next_place[group])] = rows[index]
        next_place[group] += 1
