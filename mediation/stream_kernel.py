"""The checks of a streamed batch, one pass over its rows: what cannot be billed gets a reason, the others the numbers that are hashed.

Nothing here raises. Values of rows that are null are never looked at: they may be anything.
"""

from __future__ import annotations

import numba

from mediation import limits
from mediation.bytes import words
from mediation.limits import QUANTITY_MAX, START_MAX_US, START_MIN_US
from mediation.records import fields
from mediation.records.fields import stands_as
from rating.jit import kernel_module

njit = kernel_module(__file__, words.__file__, fields.__file__, limits.__file__)

# Places of reasons in what `check_rows` is given, and of a row's numbers in what it fills.
MISSING_VALUE, UNKNOWN_SERVICE, NEGATIVE_QUANTITY, QUANTITY_TOO_LARGE, TIME_OUT_OF_RANGE = range(5)
START, SERVICE, QUANTITY, SERVED, OTHER = range(5)
IN_UNITS, IN_DURATION, IN_VOLUME, IN_NOTHING = range(4)  # where a service has its quantity; the last: it is no service
HAS_NAMES, HAS_OTHER_FORMS = 1, 2  # what `forms` answers, as bits

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_PLACES = numba.types.Array(numba.int32, 1, "C", readonly=True)
_SMALL = numba.types.Array(numba.int8, 1, "C", readonly=True)
_INTS = numba.types.Array(numba.int64, 1, "C", readonly=True)
_MASK = numba.types.Array(numba.boolean, 1, "C", readonly=True)
_I64 = numba.int64


@njit(_I64(_SMALL, _MASK, _SMALL, _I64))
def _counted_in(service, has_service, kinds, row):
    """The column in which the service of a row has its quantity."""
    return kinds[(service[row] if has_service[row] else 0) & 0xFF]


@njit(_I64(_INTS, _MASK, _I64))
def _fault_of(quantity, has_quantity, row):
    """The place of the reason for which a quantity cannot be counted; -1 if it can."""
    if not has_quantity[row]:
        return -1
    if quantity[row] < 0:
        return NEGATIVE_QUANTITY
    return QUANTITY_TOO_LARGE if quantity[row] >= QUANTITY_MAX else -1


@njit(
    _I64(
        *(_PLACES, _PLACES),
        *(_SMALL, _MASK, _INTS, _MASK),
        *(_INTS, _MASK, _INTS, _MASK, _INTS, _MASK),
        *(_SMALL, _SMALL, numba.int64[:, ::1], numba.int8[::1]),
    )
)
def check_rows(
    record_limits,
    served_limits,
    service,
    has_service,
    start_us,
    has_start,
    duration_us,
    has_duration,
    volume,
    has_volume,
    units,
    has_units,
    kinds,
    reasons,
    numbers,
    code,
):
    """Give each row that cannot be read its first reason, and return how many there are. `numbers` gets start, service and quantity.

    Limits are those of texts, one more than there are rows. `kinds`: of each service, by its lowest byte, where its quantity is.
    """
    bad = 0
    for row in range(code.size):
        kind = _counted_in(service, has_service, kinds, row)
        has_quantity, quantity = has_units[row], units[row]
        if kind == IN_DURATION:
            has_quantity, quantity = has_duration[row], duration_us[row]
        elif kind == IN_VOLUME:
            has_quantity, quantity = has_volume[row], volume[row]
        numbers[START, row] = start_us[row] if has_start[row] else 0
        numbers[SERVICE, row] = service[row] if has_service[row] else 0
        numbers[QUANTITY, row] = quantity if has_quantity else 0
        fault = _fault_of(duration_us, has_duration, row)
        if fault < 0:
            fault = _fault_of(volume, has_volume, row)
        if fault < 0:
            fault = _fault_of(units, has_units, row)
        has_texts = record_limits[row + 1] > record_limits[row] and served_limits[row + 1] > served_limits[row]
        if not (has_texts and has_service[row] and has_start[row]):
            fault = MISSING_VALUE
        elif kind == IN_NOTHING:
            fault = UNKNOWN_SERVICE
        elif not has_quantity:
            fault = MISSING_VALUE
        elif fault < 0 and not START_MIN_US <= start_us[row] < START_MAX_US:
            fault = TIME_OUT_OF_RANGE
        code[row] = 0 if fault < 0 else reasons[fault]
        bad += fault >= 0
    return bad


@njit(_I64(_BYTES, _PLACES, _INTS, _SMALL))
def forms(data, limits_of, number, digits):
    """The forms of numbers in a text column: bits, HAS_NAMES where a text is no number, HAS_OTHER_FORMS where it is not as written out."""
    found = 0
    for row in range(number.size):
        size = limits_of[row + 1] - limits_of[row]
        if digits[row] == 0:
            found |= HAS_NAMES if size > 0 else 0
        elif not stands_as(data, limits_of[row], size, number[row], digits[row]):
            found |= HAS_OTHER_FORMS
    return found
