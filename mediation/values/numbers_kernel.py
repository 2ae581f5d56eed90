"""Reads telephone numbers as they were dialled or written into E.164: digits as one integer, and how many there are.

Each field has a begin and end in raw bytes (equal: empty). A text that is no number, such as an extension, a name, a short code or a number
with masked digits, gives 0 and 0: a wrong number would be billed to a stranger, no number is kept as text. Nothing here raises.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from mediation.bytes import words
from mediation.bytes.words import WORD_BYTES, word_at
from rating.jit import borrowed, kernel_module

njit = kernel_module(__file__, words.__file__)

NUMBER_DIGITS_MAX: Final = 15  # E.164
AS_WRITTEN, INTERNATIONAL, NATIONAL, SUBSCRIBER, NO_NUMBER = range(5)  # types of a number
INTERNATIONAL_PREFIXES, TRUNK_PREFIXES, SHORT_CODES, COUNTRY, AREA = range(5)  # groups of texts in the rules

_ZERO, _NINE, _BLANK, _PLUS = (ord(mark) for mark in "09 +")
_JOINING = tuple(ord(mark) for mark in "-./")  # between two digits one of them at most: two are a mask, and so are two blanks
_GROUPING = tuple(ord(mark) for mark in " ()")

# Eight bytes at once: all of them '0', their halves, and what tells digits from others.
_EACH = 0x0101010101010101
_ZEROS, _HIGH_HALVES, _LOW_HALVES, _SIXES, _THREES = (np.uint64(byte * _EACH) for byte in (_ZERO, 0xF0, 0x0F, 0x06, 0x33))

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_PLACES = numba.types.Array(numba.int32, 1, "C", readonly=True)
_TYPES = numba.types.Array(numba.int8, 1, "C", readonly=True)
_I64, _I8, _VOID = numba.int64, numba.int8, numba.void
_DIGITS = numba.uint8[::1]


@njit(_I64(_BYTES, _I64, _I64, _DIGITS))
def _digits_of(data, at, stop, digits):
    """Count of the digits between `at` and `stop`; -1 if anything else is there than digits and their punctuation."""
    count, blanks, is_joined = 0, 0, True  # no digit yet that could be joined to another
    while at < stop:
        byte = data[at]
        if _ZERO <= byte <= _NINE and count < digits.size:
            if blanks > 1 and count > 0:
                return -1
            digits[count] = byte
            count += 1
            blanks, is_joined = 0, False
        elif byte in _JOINING and not is_joined:
            blanks, is_joined = 0, True
        elif byte in _GROUPING:
            blanks += byte == _BLANK
        else:
            return -1
        at += 1
    return -1 if is_joined else count


@njit(_I64(_DIGITS, _I64, _BYTES, _PLACES, _I64, _I64))
def _longest_prefix(digits, count, texts, limits, first, last):
    """Length of the longest of the texts `first` .. `last` that the digits begin with; 0 if none."""
    longest = 0
    for text in range(first, last):
        size = limits[text + 1] - limits[text]
        place = 0
        while place < size <= count and digits[place] == texts[limits[text] + place]:
            place += 1
        if place == size:
            longest = max(longest, size)
    return longest


@njit(numba.types.UniTuple(_I64, 2)(_DIGITS, _I64, _I64, _I64, _BYTES, _PLACES, _PLACES))
def _form(digits, count, kind, plain, texts, limits, groups):
    """Return how many leading digits fall away, and the kind that is left: INTERNATIONAL, NATIONAL, SUBSCRIBER or NO_NUMBER."""
    exit_ = _longest_prefix(digits, count, texts, limits, groups[INTERNATIONAL_PREFIXES], groups[INTERNATIONAL_PREFIXES + 1])
    trunk = _longest_prefix(digits, count, texts, limits, groups[TRUNK_PREFIXES], groups[TRUNK_PREFIXES + 1])
    if kind == AS_WRITTEN:
        if exit_ > 0:
            return exit_, INTERNATIONAL
        return (trunk, NATIONAL) if trunk > 0 else (0, plain)
    # A type was told. A prefix may stand there none the less, but one that begins with 0 only: no number begins so.
    begins_with_zero = count > 0 and digits[0] == _ZERO
    if kind == INTERNATIONAL and begins_with_zero:
        return exit_, INTERNATIONAL
    return (trunk if kind == NATIONAL and begins_with_zero else 0), kind


@njit(numba.types.UniTuple(_I64, 2)(_I64, _BYTES, _PLACES, _I64))
def _append(value, texts, limits, text):
    """The digits of one text of the rules after `value`, and their count."""
    for place in range(limits[text], limits[text + 1]):
        value = value * 10 + texts[place] - _ZERO
    return value, limits[text + 1] - limits[text]


@njit(_I64(numba.uint64, _I64))
def _number_of(word, count):
    """The number that the first `count` bytes of a word, 1 to 8, are written as; -1 if one of them is no digit."""
    unused = np.uint64(8 * (WORD_BYTES - count))
    digits = (word << unused) | (_ZEROS & ((np.uint64(1) << unused) - np.uint64(1)))
    if (digits & _HIGH_HALVES) | (((digits + _SIXES) & _HIGH_HALVES) >> np.uint64(4)) != _THREES:
        return -1
    twos = ((digits & _LOW_HALVES) * np.uint64(0xA01)) >> np.uint64(8)  # of each two digits a number
    fours = ((twos & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(0x640001)) >> np.uint64(16)
    return np.int64(((fours & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(0x271000000001)) >> np.uint64(32))


@njit(_I64(_BYTES, _I64, _I64))
def _plain_number(data, at, size):
    """The number of so many bytes, up to 15 if they are all digits, else -1."""
    if size <= 0 or size > NUMBER_DIGITS_MAX or at + WORD_BYTES > data.size:
        return -1
    if size <= WORD_BYTES:
        return _number_of(word_at(data, at), size)
    upper = _number_of(word_at(data, at), size - WORD_BYTES)
    lower = _number_of(word_at(data, at + size - WORD_BYTES), WORD_BYTES)
    return -1 if upper < 0 or lower < 0 else upper * 100_000_000 + lower


@njit(_I64(_BYTES, _PLACES, _I64, _I64))
def _first_digits(texts, limits, first, last):
    """A bit for each digit that one of the texts `first` .. `last` begins with, and for 0."""
    bits = 1
    for text in range(first, last):
        if limits[text + 1] > limits[text] and _ZERO <= texts[limits[text]] <= _NINE:
            bits |= 1 << (texts[limits[text]] - _ZERO)
    return bits


@njit(_VOID(_BYTES, _PLACES, _PLACES, _TYPES, _BYTES, _PLACES, _PLACES, _I64, _I64, _I64[::1], _I8[::1]))
def read_numbers(data, begin, end, types, texts, limits, groups, plain, shortest, out, out_digits):
    """Value and count of digits of each field's number.

    `types`: of each row, or empty: AS_WRITTEN. `texts` with their `limits` are prefixes and codes; `groups` says where each group of
    them begins; the group COUNTRY has one text, which may be empty, and so has AREA. `plain`: the type of a number without prefix.
    Digits of an international number that no prefix, trunk or short code can begin are read a word at a time.
    """
    scratch = np.empty(32, np.uint8)
    (data, texts), (limits, groups), (digits,) = borrowed((data, texts)), borrowed((limits, groups)), borrowed((scratch,))
    special = _first_digits(texts, limits, groups[INTERNATIONAL_PREFIXES], groups[SHORT_CODES + 1])
    for row in range(begin.size):
        out[row], out_digits[row] = 0, 0
        kind = types[row] if types.size > 0 else AS_WRITTEN
        at, size = np.int64(begin[row]), np.int64(end[row]) - np.int64(begin[row])
        has_plus = size > 0 and data[at] == _PLUS
        if has_plus or kind == INTERNATIONAL or (kind == AS_WRITTEN and plain == INTERNATIONAL):
            value = _plain_number(data, at + has_plus, size - has_plus)
            is_special = value >= 0 and (special if not has_plus else 1) >> (data[at + has_plus] - _ZERO) & 1 == 1
            if value >= 0 and kind != NO_NUMBER and not is_special:
                if size - has_plus >= shortest:
                    out[row], out_digits[row] = value, size - has_plus
                continue
        count = _digits_of(data, begin[row] + has_plus, end[row], digits)
        if count <= 0 or kind == NO_NUMBER:
            continue
        skip = 0
        if has_plus:
            kind = INTERNATIONAL
        else:
            if _longest_prefix(digits, count, texts, limits, groups[SHORT_CODES], groups[SHORT_CODES + 1]) == count:
                continue
            skip, kind = _form(digits, count, kind, plain, texts, limits, groups)
        value, added, length = 0, 0, 0
        if kind != INTERNATIONAL:
            value, length = _append(value, texts, limits, groups[COUNTRY])
            if length == 0:
                continue  # without a country code there is no telling
        if kind == SUBSCRIBER:
            value, added = _append(value, texts, limits, groups[AREA])
            if added == 0:
                continue
        # Digits without any prefix are an extension or a short code if they are few, whatever is put before them.
        is_bare = kind != INTERNATIONAL and skip == 0
        if (count if is_bare else length + added + count - skip) < shortest or length + added + count - skip > NUMBER_DIGITS_MAX:
            continue
        if kind == INTERNATIONAL and digits[skip] == _ZERO:
            continue  # no country code begins with 0
        for place in range(skip, count):
            value = value * 10 + digits[place] - _ZERO
        out[row], out_digits[row] = value, length + added + count - skip
