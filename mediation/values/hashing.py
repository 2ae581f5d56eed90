"""Keyed hashes of fields: SipHash-2-4 with 128 bits of output, a row at a time.

The key is sixteen bytes of the installation, as two little-endian numbers; the hash is two numbers. Nothing here raises.
"""

from __future__ import annotations

import numba
import numpy as np

from mediation.bytes import words
from mediation.bytes.words import WORD_BYTES, word_at
from rating.jit import borrowed, kernel_module

njit = kernel_module(__file__, words.__file__)

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_PLACES2 = numba.types.Array(numba.int32, 2, "C", readonly=True)
_INTS2 = numba.types.Array(numba.int64, 2, "C", readonly=True)
_WORDS64 = numba.types.Array(numba.uint64, 1, "C", readonly=True)
_I64, _U64, _VOID = numba.int64, numba.uint64, numba.void
_STATE = numba.types.UniTuple(_U64, 4)


@njit(_U64(_U64, _I64))
def _rotate(value, bits):
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@njit(_STATE(_U64, _U64, _U64, _U64))
def _sip_round(v0, v1, v2, v3):
    v0 += v1
    v1 = _rotate(v1, 13) ^ v0
    v0 = _rotate(v0, 32)
    v2 += v3
    v3 = _rotate(v3, 16) ^ v2
    v0 += v3
    v3 = _rotate(v3, 21) ^ v0
    v2 += v1
    v1 = _rotate(v1, 17) ^ v2
    v2 = _rotate(v2, 32)
    return v0, v1, v2, v3


@njit(_STATE(_U64, _U64, _U64, _U64, _U64))
def _take_word(v0, v1, v2, v3, word):
    v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3 ^ word)
    v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    return v0 ^ word, v1, v2, v3


@njit(numba.types.UniTuple(_U64, 2)(_U64, _U64, _U64, _U64, _U64))
def _finish(v0, v1, v2, v3, last):
    """The halves of the hash, as little-endian numbers. `last`: what is left of the message, and its length in the highest byte."""
    v0, v1, v2, v3 = _take_word(v0, v1, v2, v3, last)
    v2 ^= np.uint64(0xEE)
    for _ in range(4):
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    first = v0 ^ v1 ^ v2 ^ v3
    v1 ^= np.uint64(0xDD)
    for _ in range(4):
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    return first, v0 ^ v1 ^ v2 ^ v3


@njit(_U64(_BYTES, _I64, _I64))
def _word_of(data, at, size):
    """The next `size` bytes, 1 to 8, as a number."""
    if at + WORD_BYTES <= data.size:
        return word_at(data, at) & (~np.uint64(0) >> np.uint64(8 * (WORD_BYTES - size)))
    word = np.uint64(0)
    for place in range(size):
        word |= np.uint64(data[at + place]) << np.uint64(8 * place)
    return word


@njit(_VOID(_BYTES, _PLACES2, _PLACES2, _INTS2, _BYTES, _WORDS64, numba.uint64[:, ::1]))
def hash_fields(data, begin, end, numbers, prefix, key, out):
    """Keyed hash a row of: `prefix`, the row's fields (each after its length), its `numbers`. Fields and numbers are (count, rows).

    The message is the prefix, each field after 4 bytes of length, and 8 bytes a number. `out` is (rows, 2). The message is never
    laid down: its pieces of up to 8 bytes are put together to words on the way. `rest` holds the `held` bytes of the next word.
    """
    (data, prefix), (begin, end) = borrowed((data, prefix)), borrowed((begin, end))
    fields, pieces = begin.shape[0], prefix.size // WORD_BYTES + 1
    for row in range(out.shape[0]):
        v0, v1 = key[0] ^ np.uint64(0x736F6D6570736575), key[1] ^ np.uint64(0x646F72616E646F6D) ^ np.uint64(0xEE)
        v2, v3 = key[0] ^ np.uint64(0x6C7967656E657261), key[1] ^ np.uint64(0x7465646279746573)
        rest, held, total = np.uint64(0), 0, np.int64(prefix.size)
        for piece in range(pieces):
            size = min(WORD_BYTES, prefix.size - piece * WORD_BYTES)
            if size == WORD_BYTES:
                v0, v1, v2, v3 = _take_word(v0, v1, v2, v3, _word_of(prefix, piece * WORD_BYTES, size))
            elif size > 0:
                rest, held = _word_of(prefix, piece * WORD_BYTES, size), size
        for field in range(fields):
            at, left = np.int64(begin[field, row]), np.int64(end[field, row]) - np.int64(begin[field, row])
            word, size = np.uint64(left), 4
            total += 4 + left
            while True:
                rest |= word << np.uint64(8 * held)
                if held + size >= WORD_BYTES:
                    v0, v1, v2, v3 = _take_word(v0, v1, v2, v3, rest)
                    rest = word >> np.uint64(8 * (WORD_BYTES - held)) if held > 0 else np.uint64(0)
                    held -= WORD_BYTES
                held += size
                if left <= 0:
                    break
                size = min(WORD_BYTES, left)
                word = _word_of(data, at, size)
                at += size
                left -= size
        for index in range(numbers.shape[0]):
            word = np.uint64(numbers[index, row])
            v0, v1, v2, v3 = _take_word(v0, v1, v2, v3, rest | word << np.uint64(8 * held))
            rest = word >> np.uint64(8 * (WORD_BYTES - held)) if held > 0 else np.uint64(0)
        total += 8 * numbers.shape[0]
        out[row, 0], out[row, 1] = _finish(v0, v1, v2, v3, rest | np.uint64(total & 0xFF) << np.uint64(56))
