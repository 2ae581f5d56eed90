"""Reads fields that are written as a source says: times by a format, amounts with other marks, clock durations; and joins texts.

Each kernel takes the begin and end of one field a row (equal: empty) and writes one value a row with a kind, as in `fields`.
Times are microseconds. Nothing here raises.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from mediation.records import fields
from mediation.records.fields import EMPTY, EXACT, LOCAL, MINUTE, READ, SECOND, UNREADABLE, WITH_OFFSET, YEAR_MAX, YEAR_MIN, precision_of
from rating import dates
from rating.dates import SECOND_US
from rating.jit import kernel_module

njit = kernel_module(__file__, fields.__file__, dates.__file__)

VALUE_MAX: Final = 1 << 62
DIGITS_MAX: Final = 18  # what int64 holds
SCALE_BITS: Final = 30  # of the largest scale, and more
EXPONENT_MAX: Final = 40
MONTHS: Final = np.frombuffer(b"janfebmaraprmayjunjulaugsepoctnovdec", np.uint8)
CLOCK_MAX: Final = 59  # of minutes and seconds

_ZERO, _NINE, _BLANK, _PERCENT, _PLUS, _DASH, _COLON, _DOT = (ord(mark) for mark in "09 %+-:.")
_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_PLACES = numba.types.Array(numba.int32, 1, "C", readonly=True)
_PLACES2 = numba.types.Array(numba.int32, 2, "C", readonly=True)
_I64, _I8, _I32, _VOID, _BOOL = numba.int64, numba.int8, numba.int32, numba.void, numba.boolean


@njit(numba.types.UniTuple(_I64, 3)(_BYTES, _I64, _I64, _I64))
def _digits(data, at, end, most):
    """Value and count of at most `most` digits from `at`, and the position after them."""
    value, count = 0, 0
    while at < end and count < most and _ZERO <= data[at] <= _NINE:
        value = value * 10 + data[at] - _ZERO
        count += 1
        at += 1
    return value, count, at


@njit(_I64(_I64, _I64, _I64))
def _days(year, month, day):
    """Days from 1970-01-01, or -1 if there is no such day in the years we take."""
    if year < YEAR_MIN or year > YEAR_MAX or month < 1 or month > 12 or day < 1:
        return -1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    length = 31 - ((month == 4) + (month == 6) + (month == 9) + (month == 11))
    if month == 2:
        length = 29 if leap else 28
    if day > length:
        return -1
    shifted = year - (month <= 2)  # the year begins in March, so that the leap day is its last
    era_year = shifted % 400
    year_day = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return (shifted // 400) * 146_097 + era_year * 365 + era_year // 4 - era_year // 100 + year_day - 719_468


@njit(numba.types.UniTuple(_I64, 2)(_BYTES, _I64, _I64, _BYTES))
def _month(data, at, end, months):
    """Number of the month whose first three letters are at `at`, and the position after all its letters; 0 if none."""
    if end - at < 3:
        return 0, at
    for month in range(12):
        same = 0
        for place in range(3):
            same += (data[at + place] | 32) == months[3 * month + place]
        if same == 3:
            while at < end and ord("a") <= (data[at] | 32) <= ord("z"):
                at += 1
            return month + 1, at
    return 0, at


@njit(numba.types.UniTuple(_I64, 3)(_BYTES, _I64, _I64))
def _offset(data, at, end):
    """Seconds east of UTC of `Z`, `UTC`, `GMT`, `+08`, `+0800` or `+08:00`; 1 if it is one of these; the position after it."""
    if at < end and (data[at] | 32) == ord("z"):
        return 0, 1, at + 1
    if end - at >= 3:
        first, second, third = data[at] | 32, data[at + 1] | 32, data[at + 2] | 32
        is_utc = first == ord("u") and second == ord("t") and third == ord("c")
        is_gmt = first == ord("g") and second == ord("m") and third == ord("t")
        if is_utc or is_gmt:
            return 0, 1, at + 3
    if at >= end or (data[at] != _PLUS and data[at] != _DASH):
        return 0, 0, at
    hours, count, after = _digits(data, at + 1, end, 2)
    if count != 2:
        return 0, 0, at
    if after < end and data[after] == _COLON:
        after += 1
    minutes, count, stop = _digits(data, after, end, 2)
    if count == 1 or hours > 15 or minutes > CLOCK_MAX:
        return 0, 0, at
    seconds = (hours * 60 + minutes) * 60
    return (seconds if data[at] == _PLUS else -seconds), 1, (stop if count == 2 else after)


@njit(_I64(_BYTES, _I64, _I64))
def _after_letters(data, at, end):
    while at < end and (ord("a") <= (data[at] | 32) <= ord("z")):
        at += 1
    return at


@njit(numba.types.UniTuple(_I64, 4)(_BYTES, _I64, _I64, _BYTES, _BYTES))
def _read_time(data, at, end, form, months):
    """Microseconds (UTC if an offset is given), kind, offset in seconds, precision."""
    bad = (0, UNREADABLE, 0, SECOND)
    year, month, day, hour, minute, second, micro = 1970, 1, 1, 0, 0, 0, 0
    offset_s, has_offset, half, precision = 0, 0, -1, MINUTE
    place = 0
    while place < form.size:
        mark = form[place]
        place += 1
        if mark == _BLANK:  # as many blanks as there are
            while at < end and data[at] == _BLANK:
                at += 1
            continue
        if mark != _PERCENT or place == form.size:
            if at >= end or data[at] != mark:
                return bad
            at += 1
            continue
        mark = form[place]
        place += 1
        value, count = 0, 1
        if mark == ord("b"):
            month, at = _month(data, at, end, months)
            value = month
        elif mark == ord("a") or mark == ord("Z"):
            at = _after_letters(data, at, end)
        elif mark == ord("z"):
            offset_s, has_offset, at = _offset(data, at, end)
            count = has_offset
        elif mark == _PERCENT:
            count = 1 if at < end and data[at] == _PERCENT else 0
            at += count
        elif mark == ord("p"):
            letter = (data[at] | 32) if end - at >= 2 else 0
            half = 0 if letter == ord("a") else 12
            if (letter != ord("a") and letter != ord("p")) or (data[at + 1] | 32) != ord("m"):
                return bad
            at += 2
        elif mark == ord("f"):
            micro, count, at = _digits(data, at, end, 6)
            for _ in range(count, 6):
                micro *= 10
            _, _, at = _digits(data, at, end, DIGITS_MAX)
            precision = precision_of(count)
        else:
            most = 4 if mark == ord("Y") else 2
            if mark == ord("d") or mark == ord("H") or mark == ord("I"):
                while at < end and data[at] == _BLANK:  # %e: a blank in place of the leading zero
                    at += 1
            value, count, at = _digits(data, at, end, most)
            if mark == ord("Y"):
                year = value
            elif mark == ord("y"):
                year = 2000 + value
            elif mark == ord("m"):
                month = value
            elif mark == ord("d"):
                day = value
            elif mark == ord("H") or mark == ord("I"):
                hour = value
                if mark == ord("I") and (value < 1 or value > 12):
                    return bad
            elif mark == ord("M"):
                minute = value
            elif mark == ord("S"):
                second = value
                precision = SECOND if precision == MINUTE else precision
            else:
                return bad
        if count == 0:
            return bad
    if half >= 0:
        hour = hour % 12 + half
    days = _days(year, month, day)
    if at != end or days < 0 or hour > 23 or minute > CLOCK_MAX or second > CLOCK_MAX:
        return bad
    at_us = (((days * 24 + hour) * 60 + minute) * 60 + second - offset_s) * SECOND_US + micro
    if at_us < 0:
        return bad
    return at_us, (WITH_OFFSET if has_offset else LOCAL), offset_s, precision


@njit(_VOID(_BYTES, _PLACES, _PLACES, _BYTES, _BYTES, _I64[::1], _I8[::1], _I32[::1], _I8[::1]))
def read_times(data, begin, end, form, months, out_us, out_kind, out_offset_s, out_precision):
    """Times of a column, as the `form` of strptime's directives says: %Y %y %m %d %b %H %I %M %S %f %p %z; %a and %Z are skipped.

    A blank matches any number of blanks; years of two digits are of this century. `months` is MONTHS.
    """
    for row in range(begin.size):
        if begin[row] == end[row]:
            out_us[row], out_kind[row], out_offset_s[row], out_precision[row] = 0, EMPTY, 0, EXACT
        else:
            out_us[row], out_kind[row], out_offset_s[row], out_precision[row] = _read_time(data, begin[row], end[row], form, months)


@njit(_VOID(_BYTES, _PLACES, _PLACES, _I32[::1], _I8[::1]))
def read_offsets(data, begin, end, out_s, out_kind):
    """Offsets from UTC in seconds: `Z`, `UTC`, `+08`, `+0800`, `+08:00`."""
    for row in range(begin.size):
        out_s[row], out_kind[row] = 0, EMPTY
        if begin[row] < end[row]:
            value, is_offset, after = _offset(data, begin[row], end[row])
            out_s[row], out_kind[row] = value, (READ if is_offset == 1 and after == end[row] else UNREADABLE)


@njit(numba.types.UniTuple(_I64, 2)(_I64, _I64, _I64))
def _scaled_in_parts(digits, power, scale):
    """As `_scaled`, where `digits` * `scale` is beyond int64: whole units, and the rest by long division, a bit of `scale` at a time."""
    unit = 1
    while power < 0 and unit <= digits:
        unit *= 10
        power += 1
    whole, rest = digits // unit, digits % unit
    if power > 0 or whole > VALUE_MAX // scale:
        return 0, UNREADABLE
    quotient, remainder, bit = 0, 0, 1 << SCALE_BITS
    while bit > 0:
        remainder = 2 * remainder + (rest if scale & bit else 0)
        quotient = 2 * quotient + remainder // unit
        remainder %= unit
        bit >>= 1
    value = whole * scale + quotient
    while power < 0 and value != 0:  # less than a unit by far
        value //= 10
        power += 1
    return value, READ


@njit(numba.types.UniTuple(_I64, 2)(_I64, _I64, _I64))
def _scaled(digits, power, scale):
    """`digits` * 10**`power` * `scale`, what is finer dropped (of counts: not allowed), and a kind."""
    value = digits
    if value > VALUE_MAX // scale:
        return _scaled_in_parts(digits, power, scale)
    value *= scale
    while power < 0 and value != 0:
        if scale == 1 and value % 10 != 0:
            return 0, UNREADABLE
        value //= 10
        power += 1
    while power > 0 and value != 0:
        if value > VALUE_MAX // 10:
            return 0, UNREADABLE
        value *= 10
        power -= 1
    return value, READ


@njit(numba.types.UniTuple(_I64, 2)(_BYTES, _I64, _I64, _I64, _I64))
def _read_amount(data, at, end, scale, decimal):
    """Amount and kind."""
    is_negative = data[at] == _DASH
    if is_negative or data[at] == _PLUS:
        at += 1
    digits, count, at = _digits(data, at, end, DIGITS_MAX)
    places = 0
    if at < end and data[at] == decimal:
        at += 1
        while at < end and _ZERO <= data[at] <= _NINE:
            if count < DIGITS_MAX:
                digits = digits * 10 + data[at] - _ZERO
                places += 1
            elif scale == 1 and data[at] != _ZERO:
                return 0, UNREADABLE
            count += 1
            at += 1
    exponent = 0
    if at < end and (data[at] | 32) == ord("e") and count > 0:
        at += 1
        sign = -1 if at < end and data[at] == _DASH else 1
        if at < end and (data[at] == _DASH or data[at] == _PLUS):
            at += 1
        exponent, exponent_digits, at = _digits(data, at, end, 3)
        exponent *= sign
        if exponent_digits == 0 or exponent > EXPONENT_MAX or exponent < -EXPONENT_MAX or (exponent > places and digits != 0):
            return 0, UNREADABLE  # a last digit that is worth more than one unit: what follows it was rounded away
    if at != end or count == 0:
        return 0, UNREADABLE
    value, kind = _scaled(digits, exponent - places, scale)
    return (-value if is_negative else value), kind


@njit(_VOID(_BYTES, _PLACES, _PLACES, _I64, _I64, _I64[::1], _I8[::1]))
def read_amounts(data, begin, end, scale, decimal, out, out_kind):
    """Numbers times `scale`, with `decimal` as their decimal mark, or in scientific notation; what is finer than 1 / `scale` is dropped.

    With a scale of 1, of counts and bytes, a fraction cannot be read, nor can a number that was rounded to tens or more.
    """
    for row in range(begin.size):
        out[row], out_kind[row] = 0, EMPTY
        if begin[row] < end[row]:
            out[row], out_kind[row] = _read_amount(data, begin[row], end[row], scale, decimal)


@njit(numba.types.UniTuple(_I64, 2)(_BYTES, _I64, _I64, _I64, _BOOL))
def _read_clock(data, at, end, decimal, is_digits):
    """Microseconds of `h:m:s`, `m:s` or `hhmmss` with or without a fraction, and kind."""
    is_negative = data[at] == _DASH
    if is_negative:
        at += 1
    total_s, count, after = _digits(data, at, end, 9)
    if is_digits:
        seconds, minutes = total_s % 100, total_s // 100 % 100
        if seconds > CLOCK_MAX or minutes > CLOCK_MAX:
            return 0, UNREADABLE
        total_s = total_s // 10_000 * 3600 + minutes * 60 + seconds
    else:
        parts = 1
        while count > 0 and after < end and data[after] == _COLON and parts < 3:
            part, count, after = _digits(data, after + 1, end, 2)
            if part > CLOCK_MAX:
                return 0, UNREADABLE
            total_s = total_s * 60 + part
            parts += 1
        if parts == 1 or count == 0:
            return 0, UNREADABLE
    micro = 0
    if after < end and (data[after] == decimal or data[after] == _DOT):
        micro, count, after = _digits(data, after + 1, end, 6)
        for _ in range(count, 6):
            micro *= 10
        _, _, after = _digits(data, after, end, DIGITS_MAX)
    if after != end or count == 0:
        return 0, UNREADABLE
    value = total_s * SECOND_US + micro
    return (-value if is_negative else value), READ


@njit(_VOID(_BYTES, _PLACES, _PLACES, _I64, _BOOL, _I64[::1], _I8[::1]))
def read_clocks(data, begin, end, decimal, is_digits, out, out_kind):
    """Durations written as a clock: hours, minutes and seconds, or minutes and seconds; `is_digits`: hhmmss without colons."""
    for row in range(begin.size):
        out[row], out_kind[row] = 0, EMPTY
        if begin[row] < end[row]:
            out[row], out_kind[row] = _read_clock(data, begin[row], end[row], decimal, is_digits)


@njit(_VOID(_BYTES, _PLACES, _PLACES, _BOOL[::1]))
def are_numbers(data, begin, end, out):
    """Find fields that are digits alone, with or without a plus before them."""
    for row in range(begin.size):
        at = begin[row] + 1 if begin[row] < end[row] and data[begin[row]] == _PLUS else begin[row]
        out[row] = at < end[row]
        while at < end[row] and out[row]:
            out[row] = _ZERO <= data[at] <= _NINE
            at += 1


@njit(_VOID(_BYTES, _I32[::1], _I32[::1]))
def trim(data, begin, end):
    """Take blanks and tabs off both ends of each field."""
    for row in range(begin.size):
        while begin[row] < end[row] and (data[end[row] - 1] == _BLANK or data[end[row] - 1] == ord("\t")):
            end[row] -= 1
        while begin[row] < end[row] and (data[begin[row]] == _BLANK or data[begin[row]] == ord("\t")):
            begin[row] += 1


@njit(_I64(_BYTES, _PLACES2, _PLACES2, _I64, numba.uint8[::1], _I32[::1], _I32[::1]))
def join_texts(data, begin, end, out_at, out, out_begin, out_end):
    """Lay each row's filled fields end to end into `out` from `out_at` on, a blank between, a line break before each row.

    Gives the position after the last.
    """
    for row in range(begin.shape[1]):
        out[out_at] = ord("\n")
        out_at += 1
        out_begin[row] = out_at
        for part in range(begin.shape[0]):
            if begin[part, row] == end[part, row]:
                continue
            if out_at > out_begin[row]:
                out[out_at] = _BLANK
                out_at += 1
            for at in range(begin[part, row], end[part, row]):
                out[out_at] = data[at]
                out_at += 1
        out_end[row] = out_at
    return out_at
