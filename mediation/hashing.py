"""Keyed hashes of fields: SipHash-2-4 with 128 bits of output, a row at a time.

The key is sixteen bytes of the installation, as two little-endian numbers; the hash is two numbers. Nothing here raises.
"""

from __future__ import annotations

import numba
import numpy as np

from rating.jit import kernel_module

njit = kernel_module(__file__)

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_PLACES2 = numba.types.Array(numba.int32, 2, "C", readonly=True)
_INTS2 = numba.types.Array(numba.int64, 2, "C", readonly=True)
_WORDS64 = numba.types.Array(numba.uint64, 1, "C", readonly=True)
_I64, _U64, _VOID = numba.int64, numba.uint64, numba.void


@njit(_U64(_U64, _I64))
def _rotate(value, bits):
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@njit(numba.types.UniTuple(_U64, 4)(_U64, _U64, _U64, _U64))
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


@njit(numba.types.UniTuple(_U64, 2)(numba.uint64[::1], _I64, _U64, _U64))
def _sip_hash(words, size, key_low, key_high):
    """SipHash-2-4-128 of the first `size` bytes of `words`, which are zero after them: its halves, as little-endian numbers."""
    v0 = key_low ^ np.uint64(0x736F6D6570736575)
    v1 = key_high ^ np.uint64(0x646F72616E646F6D) ^ np.uint64(0xEE)
    v2 = key_low ^ np.uint64(0x6C7967656E657261)
    v3 = key_high ^ np.uint64(0x7465646279746573)
    last = size // 8
    for block in range(last + 1):
        word = words[block]
        if block == last:
            word |= np.uint64(size & 0xFF) << np.uint64(56)
        v3 ^= word
        for _ in range(2):
            v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
        v0 ^= word
    v2 ^= np.uint64(0xEE)
    for _ in range(4):
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    first = v0 ^ v1 ^ v2 ^ v3
    v1 ^= np.uint64(0xDD)
    for _ in range(4):
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    return first, v0 ^ v1 ^ v2 ^ v3


@njit(_VOID(_BYTES, _PLACES2, _PLACES2, _INTS2, _BYTES, _WORDS64, numba.uint8[::1], numba.uint64[::1], numba.uint64[:, ::1]))
def hash_fields(data, begin, end, numbers, prefix, key, message, words, out):
    """Keyed hash a row of: `prefix`, the row's fields (each after its length), its `numbers`. Fields and numbers are (count, rows).

    `message` has room for the longest message and eight bytes more; `words` is the same memory as little-endian numbers.
    The message is the prefix, each field after 4 bytes of length, and 8 bytes a number. `out` is (rows, 2).
    """
    for place in range(prefix.size):
        message[place] = prefix[place]
    for row in range(out.shape[0]):
        at = prefix.size
        for field in range(begin.shape[0]):
            size = end[field, row] - begin[field, row]
            for shift in range(4):
                message[at] = (size >> (8 * shift)) & 0xFF
                at += 1
            for source in range(begin[field, row], end[field, row]):
                message[at] = data[source]
                at += 1
        for index in range(numbers.shape[0]):
            for shift in range(8):
                message[at] = (numbers[index, row] >> (8 * shift)) & 0xFF
                at += 1
        for place in range(at, (at // 8 + 1) * 8):
            message[place] = 0
        out[row, 0], out[row, 1] = _sip_hash(words, at, key[0], key[1])
