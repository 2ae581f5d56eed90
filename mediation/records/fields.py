"""Reads columns of fields, given as positions in raw bytes: times, amounts of time, words and text.

Each kernel takes the begin and end of one field a row (equal: empty) and writes one value a row. A kind or count beside it says
whether the field could be read. Times are microseconds, local or UTC as the kind says. Nothing here raises.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from mediation.bytes import words
from mediation.bytes.words import WORD_BYTES, lowest_bit, put_word, word_at
from rating import dates
from rating.dates import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from rating.jit import borrowed, kernel_module

njit = kernel_module(__file__, words.__file__, dates.__file__)

# Kinds of a field.
EMPTY, READ, UNREADABLE = 0, 1, -1
LOCAL, WITH_OFFSET, EPOCH = 1, 2, 3  # kinds of a time that was read
# How finely a time was written; SECOND and a number of decimal places (1 to 5): as many places of a second.
EXACT, SECOND, MINUTE, PLACES = 0, 1, 2, 2
PLACES_MAX: Final = 6  # microseconds: so fine is exact

YEAR_MIN, YEAR_MAX = 1970, 2099
EPOCH_US_MAX: Final = 4_102_444_800 * SECOND_US  # 2100-01-01
AMOUNT_DIGITS_MAX: Final = 16
UNIQUE_ID_DIGITS_MIN: Final = 9  # of seconds since 1970, from 1973 on

_ZERO, _NINE, _QUOTE, _BLANK, _DASH, _PLUS, _DOT, _COLON = (ord(mark) for mark in '09" -+.:')

# Eight bytes at once, the first one lowest: all of them '0', '.', and so on.
_EACH = 0x0101010101010101
_ZEROS, _DOTS, _QUOTES, _HIGH_HALVES, _LOW_HALVES = (np.uint64(byte * _EACH) for byte in (_ZERO, _DOT, _QUOTE, 0xF0, 0x0F))
_SIXES, _THREES, _ONES, _TOPS = (np.uint64(byte * _EACH) for byte in (0x06, 0x33, 0x01, 0x80))
_DATE_MARKS, _DATE_PLACES = np.uint64(0x2D00002D00000000), np.uint64(0xFF0000FF00000000)  # YYYY-MM-
_DAY_MARKS, _DAY_PLACES = np.uint64(0x200000), np.uint64(0xFFFFFFFFFFFF0000)  # DD and a blank, then nothing
_CLOCK_MARKS, _CLOCK_PLACES = np.uint64(0x00003A00003A0000), np.uint64(0x0000FF0000FF0000)  # HH:MM:SS
_POWERS = np.array([10**power for power in range(7)])
_COMMON_TIME_BYTES: Final = 19  # YYYY-MM-DD HH:MM:SS
_CLOCK_AT: Final = 11

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_PLACES = numba.types.Array(numba.int32, 1, "C", readonly=True)
_PLACES2 = numba.types.Array(numba.int32, 2, "C", readonly=True)
_INTS = numba.types.Array(numba.int64, 1, "C", readonly=True)
_SMALL = numba.types.Array(numba.int8, 1, "C", readonly=True)
_I64, _I8, _I32, _U64, _VOID = numba.int64, numba.int8, numba.int32, numba.uint64, numba.void


@njit(numba.types.UniTuple(_I64, 3)(_BYTES, _I64, _I64))
def _read_digits(data, at, end):
    """Value and count of the digits from `at` (at most 18), and the position after them."""
    value, count = 0, 0
    while at < end and _ZERO <= data[at] <= _NINE and count < 18:  # noqa: PLR2004 - what int64 holds
        value = value * 10 + data[at] - _ZERO
        count += 1
        at += 1
    return value, count, at


@njit(numba.types.UniTuple(_I64, 2)(_BYTES, _I64, _I64))
def _read_fraction(data, at, end):
    """Microseconds of the digits after a point, finer ones dropped, and the position after them; -1 if there are none."""
    value, count = 0, 0
    while at < end and _ZERO <= data[at] <= _NINE:
        if count < 6:  # noqa: PLR2004 - six places are microseconds
            value = value * 10 + data[at] - _ZERO
        count += 1
        at += 1
    for _ in range(count, 6):
        value *= 10
    return (value if count > 0 else -1), at


@njit(_I64(_I64))
def precision_of(places):
    """Return the precision of a written time whose seconds have so many decimal places."""
    if places == 0:
        return SECOND
    return EXACT if places >= PLACES_MAX else PLACES + places


@njit(_I64(_I64, _I64, _I64))
def _days(year, month, day):
    """Days from 1970-01-01 in the proleptic Gregorian calendar, or -1 if there is no such day in the years we take."""
    if year < YEAR_MIN or year > YEAR_MAX or month < 1 or month > 12 or day < 1:  # noqa: PLR2004 - months
        return -1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    length = 31 - ((month == 4) + (month == 6) + (month == 9) + (month == 11))  # noqa: PLR2004 - April, June, September, November
    if month == 2:  # noqa: PLR2004 - February
        length = 29 if leap else 28
    if day > length:
        return -1
    shifted = year - (month <= 2)  # noqa: PLR2004 - the year begins in March, so that the leap day is its last
    era_year = shifted % 400
    year_day = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return (shifted // 400) * 146_097 + era_year * 365 + era_year // 4 - era_year // 100 + year_day - 719_468


@njit(numba.boolean(_U64))
def _are_digits(word):
    return (word & _HIGH_HALVES) | (((word + _SIXES) & _HIGH_HALVES) >> np.uint64(4)) == _THREES


@njit(_I64(_U64, _I64))
def _number_of(word, count):
    """The number that the first `count` bytes of a word, 1 to 8, are written as; -1 if one of them is no digit."""
    unused = np.uint64(8 * (WORD_BYTES - count))
    digits = (word << unused) | (_ZEROS & ((np.uint64(1) << unused) - np.uint64(1)))
    if not _are_digits(digits):
        return -1
    twos = ((digits & _LOW_HALVES) * np.uint64(0xA01)) >> np.uint64(8)  # of each two digits a number
    fours = ((twos & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(0x640001)) >> np.uint64(16)
    return np.int64(((fours & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(0x271000000001)) >> np.uint64(32))


@njit(_I64(_U64, _I64))
def _two_digits(word, place):
    """The number of the two digits from a byte of a word on."""
    two = word >> np.uint64(8 * place)
    return np.int64((two & np.uint64(0xF)) * np.uint64(10) + ((two >> np.uint64(8)) & np.uint64(0xF)))


@njit(_I64(_U64, _U64))
def _days_of(first, second):
    """Days of `YYYY-MM-` and `DD `, the latter with five bytes of 0 behind; -1 if they are something else."""
    is_marked = first & _DATE_PLACES == _DATE_MARKS and second & _DAY_PLACES == _DAY_MARKS
    if not is_marked or not _are_digits(first & ~_DATE_PLACES | _ZEROS & _DATE_PLACES):
        return -1
    if not _are_digits(second & ~_DAY_PLACES | _ZEROS & _DAY_PLACES):
        return -1
    return _days(_two_digits(first, 0) * 100 + _two_digits(first, 2), _two_digits(first, 5), _two_digits(second, 0))


@njit(_I64(_U64))
def _clock_us_of(word):
    """Microseconds of `HH:MM:SS`; -1 if it is something else."""
    if word & _CLOCK_PLACES != _CLOCK_MARKS or not _are_digits(word & ~_CLOCK_PLACES | _ZEROS & _CLOCK_PLACES):
        return -1
    hour, minute, second = _two_digits(word, 0), _two_digits(word, 3), _two_digits(word, 6)
    if hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - of a clock
        return -1
    return (hour * 60 + minute) * MINUTE_US + second * SECOND_US


@njit(numba.types.UniTuple(_I64, 2)(_BYTES, _I64, _I64))
def _read_offset(data, at, end):
    """Seconds east of UTC of `Z`, `+08`, `+0800` or `+08:00`, and 1; or 0 and 0 if it is none of these."""
    if at + 1 == end and (data[at] == ord("Z") or data[at] == ord("z")):
        return 0, 1
    if data[at] != _PLUS and data[at] != _DASH:
        return 0, 0
    hours, count, after = _read_digits(data, at + 1, end)
    minutes = 0
    if count == 4:  # noqa: PLR2004 - hhmm
        hours, minutes = hours // 100, hours % 100
    elif count != 2:  # noqa: PLR2004 - hh
        return 0, 0
    elif after < end and data[after] == _COLON:
        minutes, count, after = _read_digits(data, after + 1, end)
        if count != 2:  # noqa: PLR2004 - mm
            return 0, 0
    if after != end or hours > 15 or minutes > 59:  # noqa: PLR2004 - as far as zones go
        return 0, 0
    seconds = (hours * 60 + minutes) * 60
    return (seconds if data[at] == _PLUS else -seconds), 1


@njit(numba.types.UniTuple(_I64, 4)(_BYTES, _I64, _I64))
def _read_time(data, at, end):
    """Microseconds (UTC if an offset is given), kind, offset in seconds, precision."""
    bad = (0, UNREADABLE, 0, SECOND)
    year, count, after = _read_digits(data, at, end)
    if year == 0 and count > 0 and (after == end or data[after] == _DOT):  # 0.000000: CDR(answer,u) of a call that was not answered
        fraction, stop = _read_fraction(data, after + 1, end) if after < end else (0, end)
        return (0, EMPTY, 0, EXACT) if fraction == 0 and stop == end else bad
    if count >= 8 and (after == end or data[after] == _DOT):  # noqa: PLR2004 - seconds since 1970, as CDR(start,u) gives them
        fraction, places = 0, max(0, end - after - 1)
        if after < end:
            fraction, after = _read_fraction(data, after + 1, end)
        if after != end or fraction < 0 or year >= EPOCH_US_MAX // SECOND_US:
            return bad
        return year * SECOND_US + fraction, EPOCH, 0, precision_of(places)
    if count != 4 or after >= end or (data[after] != _DASH and data[after] != ord("/")):  # noqa: PLR2004 - yyyy
        return bad
    separator = data[after]
    month, month_count, after = _read_digits(data, after + 1, end)
    if month_count < 1 or month_count > 2 or after >= end or data[after] != separator:  # noqa: PLR2004 - m or mm
        return bad
    day, day_count, after = _read_digits(data, after + 1, end)
    if day_count < 1 or day_count > 2 or after >= end or (data[after] != _BLANK and data[after] != ord("T")):  # noqa: PLR2004 - d or dd
        return bad
    hour, hour_count, after = _read_digits(data, after + 1, end)
    if hour_count < 1 or hour_count > 2 or after >= end or data[after] != _COLON:  # noqa: PLR2004 - H or HH
        return bad
    minute, minute_count, after = _read_digits(data, after + 1, end)
    second, second_count, fraction, precision = 0, 2, 0, MINUTE
    if after < end and data[after] == _COLON:
        second, second_count, after = _read_digits(data, after + 1, end)
        precision = SECOND
    if after < end and data[after] == _DOT and precision == SECOND:
        point = after
        fraction, after = _read_fraction(data, point + 1, end)
        precision = precision_of(after - point - 1)
    if minute_count != 2 or second_count != 2 or fraction < 0:  # noqa: PLR2004 - MM and SS
        return bad
    days = _days(year, month, day)
    if year == 0 and month == 0 and day == 0 and hour == 0 and minute == 0 and second == 0:
        return 0, EMPTY, 0, EXACT  # no time, as databases write it
    if days < 0 or hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - of a clock
        return bad
    local_us = days * DAY_US + hour * HOUR_US + minute * MINUTE_US + second * SECOND_US + fraction
    while after < end and data[after] == _BLANK:
        after += 1
    if after == end:
        return local_us, LOCAL, 0, precision
    offset_s, is_offset = _read_offset(data, after, end)
    if is_offset == 0 or local_us - offset_s * SECOND_US < 0:
        return bad
    return local_us - offset_s * SECOND_US, WITH_OFFSET, offset_s, precision


@njit(_VOID(_BYTES, _PLACES, _PLACES, _I64[::1], _I8[::1], _I32[::1], _I8[::1]))
def read_times(data, begin, end, out_us, out_kind, out_offset_s, out_precision):
    """Times of a column: `YYYY-MM-DD HH:MM:SS[.ffffff]`, `YYYY/M/D H:MM[:SS]`, with or without an offset, or seconds since 1970.

    Nearly all are nineteen bytes, and most are of the day of the row before: these are read a word at a time.
    """
    (data,) = borrowed((data,))
    first_before, second_before, days = np.uint64(0), np.uint64(0), -1
    for row in range(begin.size):
        at = np.int64(begin[row])
        if at == end[row]:
            out_us[row], out_kind[row], out_offset_s[row], out_precision[row] = 0, EMPTY, 0, EXACT
            continue
        clock_us = -1
        if end[row] - at == _COMMON_TIME_BYTES:
            first, second = word_at(data, at), word_at(data, at + WORD_BYTES) & np.uint64(0xFFFFFF)
            if first != first_before or second != second_before:
                first_before, second_before, days = first, second, _days_of(first, second)
            clock_us = _clock_us_of(word_at(data, at + _CLOCK_AT))
        if clock_us >= 0 and days >= 0:
            out_us[row], out_kind[row], out_offset_s[row], out_precision[row] = days * DAY_US + clock_us, LOCAL, 0, SECOND
        else:
            out_us[row], out_kind[row], out_offset_s[row], out_precision[row] = _read_time(data, begin[row], end[row])


@njit(_VOID(_BYTES, _PLACES2, _PLACES2, _PLACES, _I8[::1], _I32[::1]))
def find_times(data, field_begin, field_end, width, wanted, out_field):
    """For rows with `wanted` set: the first field that holds a written time (no count of seconds), or -1."""
    for row in range(width.size):
        out_field[row] = -1
        if wanted[row] == 0:
            continue
        for field in range(min(width[row], field_begin.shape[0])):
            kind = _read_time(data, field_begin[field, row], field_end[field, row])[1]
            if kind in (LOCAL, WITH_OFFSET):
                out_field[row] = field
                break


@njit(_I64(_BYTES, _I64, _I64, _I64, _I64))
def _short_amount(data, at, stop, scale, divisor):
    """Return the amount in eight bytes at most, digits with or without a point between; -1 for what is written in another way."""
    size = stop - at
    if size > WORD_BYTES or at + WORD_BYTES > data.size:
        return -1
    word = word_at(data, at)
    other = word ^ _DOTS
    dots = (other - _ONES) & ~other & _TOPS & (~np.uint64(0) >> np.uint64(8 * (WORD_BYTES - size)))
    if dots == 0:
        return _number_of(word, size) * scale
    dot = lowest_bit(dots) >> 3
    places = size - dot - 1
    if dot == 0 or places == 0:
        return -1
    before = (np.uint64(1) << np.uint64(8 * dot)) - np.uint64(1)
    number = _number_of((word & before) | ((word >> np.uint64(8)) & ~before), size - 1)  # as if the point were not there
    if number < 0:
        return -1
    number *= _POWERS[6 - places]
    return number if divisor == 1 else number // divisor


@njit(_VOID(_BYTES, _PLACES, _PLACES, _I64, _I64[::1], _I8[::1]))
def read_amounts(data, begin, end, scale, out, out_kind):
    """Decimal numbers times `scale` (1, 1000 or 1000000), places finer than 1 / `scale` dropped."""
    (data,) = borrowed((data,))
    whole_max, divisor = EPOCH_US_MAX // scale, SECOND_US // scale
    for row in range(begin.size):
        at, stop = np.int64(begin[row]), np.int64(end[row])
        out[row], out_kind[row] = 0, EMPTY
        if at == stop:
            continue
        quick = _short_amount(data, at, stop, scale, divisor)
        if quick >= 0:
            out[row], out_kind[row] = quick, READ
            continue
        out_kind[row] = UNREADABLE
        negative = data[at] == _DASH
        if negative or data[at] == _PLUS:
            at += 1
        whole, count, after = _read_digits(data, at, stop)
        fraction_us = 0
        if after < stop and data[after] == _DOT:
            fraction_us, after = _read_fraction(data, after + 1, stop)
        if after != stop or count == 0 or count > AMOUNT_DIGITS_MAX or fraction_us < 0 or whole > whole_max:
            continue
        value = whole * scale + (fraction_us // divisor if fraction_us else 0)
        out[row], out_kind[row] = (-value if negative else value), READ


@njit(_VOID(_BYTES, _PLACES, _PLACES, _I64, _I8[::1]))
def count_places(data, begin, end, mark, out):
    """Count the digits that end each field behind its decimal mark, 100 at most; 0 where there is no mark before them."""
    for row in range(begin.size):
        at, out[row] = end[row] - 1, 0
        while at >= begin[row] and _ZERO <= data[at] <= _NINE:
            at -= 1
        if at >= begin[row] and data[at] == mark:
            out[row] = min(end[row] - 1 - at, 100)


@njit(_VOID(_BYTES, _PLACES, _PLACES, numba.bool_[::1]))
def find_nul(data, begin, end, out):
    """Mark each field that holds a zero byte."""
    for row in range(begin.size):
        out[row] = False
        for at in range(begin[row], end[row]):
            if data[at] == 0:
                out[row] = True
                break


@njit(_VOID(_BYTES, _PLACES, _PLACES, _BYTES, _PLACES, numba.int16[::1]))
def match_words(data, begin, end, words, word_begin, out):
    """Index of the word (upper case in `words`) that each field is, in any case; -1 none, -2 empty."""
    for row in range(begin.size):
        size = end[row] - begin[row]
        out[row] = -1 if size > 0 else -2
        for word in range(word_begin.size - 1):
            if size == 0 or word_begin[word + 1] - word_begin[word] != size:
                continue
            place = 0
            while place < size:
                byte = data[begin[row] + place]
                if ord("a") <= byte <= ord("z"):
                    byte -= 32
                if byte != words[word_begin[word] + place]:
                    break
                place += 1
            if place == size:
                out[row] = word
                break


@njit(_VOID(_BYTES, _PLACES, _PLACES, numba.boolean[::1]))
def look_like_unique_ids(data, begin, end, out):
    """Find fields that are `seconds since 1970.digits`, with or without `systemname-` before."""
    for row in range(begin.size):
        at = end[row] - 1
        while at >= begin[row] and _ZERO <= data[at] <= _NINE:
            at -= 1
        dot = at
        at -= 1
        while at >= begin[row] and _ZERO <= data[at] <= _NINE:
            at -= 1
        out[row] = (
            dot > begin[row]
            and dot < end[row] - 1
            and data[dot] == _DOT
            and dot - at > UNIQUE_ID_DIGITS_MIN  # an amount such as 12.50 is a user's field
            and (at < begin[row] or (data[at] == _DASH and at > begin[row]))
        )


@njit(_VOID(_BYTES, _PLACES, _PLACES, numba.boolean[::1], numba.int32[::1]))
def find_local_channels(data, begin, end, out, out_end):
    """Find channel names that start with `Local/`, and the end of each name without the half's mark (`;1` or `;2`)."""
    for row in range(begin.size):
        at, stop = begin[row], end[row]
        out[row] = (
            stop - at > 6  # noqa: PLR2004 - the length of Local/
            and (data[at] | 32) == ord("l")
            and data[at + 1] == ord("o")
            and data[at + 2] == ord("c")
            and data[at + 3] == ord("a")
            and data[at + 4] == ord("l")
            and data[at + 5] == ord("/")
        )
        has_half = stop - at > 2 and data[stop - 2] == ord(";")  # noqa: PLR2004 - the length of the mark
        out_end[row] = stop - 2 if has_half else stop


@njit(numba.boolean(_BYTES, _I64, _I64, _I64, _I64))
def stands_as(data, at, size, number, digits):
    """Return whether the `size` bytes from `at` on are the number as it would be written."""
    if size != digits or size > 2 * WORD_BYTES or at + WORD_BYTES > data.size:
        return False
    if size <= WORD_BYTES:
        return _number_of(word_at(data, at), size) == number
    upper = _number_of(word_at(data, at), size - WORD_BYTES)
    lower = _number_of(word_at(data, at + size - WORD_BYTES), WORD_BYTES)
    return upper >= 0 and lower >= 0 and upper * 100_000_000 + lower == number


@njit(_I64(_BYTES, _PLACES, _PLACES, _INTS, _SMALL, _INTS, numba.uint8[::1], numba.int32[::1]))
def copy_text(data, begin, end, number, number_digits, rows, out, out_offset):
    """Lay the fields of `rows` end to end into `out`; where `number_digits` is above 0, that number instead.

    `out_offset` gets the rows' limits. In a quoted field a doubled quote becomes one. Gives 1 if a byte is not ASCII.
    """
    data, out = borrowed((data,))[0], borrowed((out,))[0]
    at, is_foreign = 0, np.uint64(0)
    out_offset[0] = 0
    for place in range(rows.size):
        row = rows[place]
        size = np.int64(end[row]) - np.int64(begin[row])
        is_written = number_digits[row] > 0 and not stands_as(data, begin[row], size, number[row], number_digits[row])
        if is_written:
            value = number[row]
            for digit in range(number_digits[row] - 1, -1, -1):
                out[at + digit] = _ZERO + value % 10
                value //= 10
            at += number_digits[row]
        else:
            is_quoted = begin[row] > 0 and data[begin[row] - 1] == _QUOTE
            source, stop = np.int64(begin[row]), np.int64(end[row])
            while source < stop and source + WORD_BYTES <= data.size and at + WORD_BYTES <= out.size:
                left = min(stop - source, WORD_BYTES)
                word = word_at(data, source)
                other = word ^ _QUOTES
                kept = ~np.uint64(0) >> np.uint64(8 * (WORD_BYTES - left))
                if is_quoted and (other - _ONES) & ~other & _TOPS & kept != 0:
                    break
                put_word(out, at, word)
                is_foreign |= word & _TOPS & kept
                source += left
                at += left
            while source < stop:
                byte = data[source]
                out[at] = byte
                at += 1
                is_foreign |= np.uint64(byte & 0x80)
                doubled = is_quoted and byte == _QUOTE and source + 1 < stop and data[source + 1] == _QUOTE
                source += 2 if doubled else 1
        out_offset[place + 1] = at
    return 1 if is_foreign != 0 else 0
