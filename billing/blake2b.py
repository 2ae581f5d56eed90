"""BLAKE2b (RFC 7693) with 128 bits of output and no key, of many short texts at once: as `hashlib` gives it, at a tenth of the time."""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
import pyarrow as pa
from numba.core import types

from rating.jit import kernel_module

njit = kernel_module(__file__)

DIGEST_BYTES: Final = 16
_BLOCK: Final = 128
_PARAMETERS: Final = np.uint64(0x01010000 | DIGEST_BYTES)  # no key, no tree
_IV: Final = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_ORDER: Final = np.array(  # of the words of a block in each round, two for each of eight mixings
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.int64,
)  # fmt: skip
_MIXED: Final = np.array(  # the four words of the state that each mixing takes: columns, then diagonals
    [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]], np.int64
)

_U64 = types.uint64
_WORDS = types.Array(_U64, 1, "C")
_BYTES = types.Array(numba.uint8, 1, "C", readonly=True)


def hashes(texts: pa.Array[Any]) -> pa.Array[Any]:
    """The hash of the bytes of each text (string or large_string, none null), as fixed_size_binary(16)."""
    whole: Any = texts.cast(pa.large_string())
    assert not whole.null_count
    offsets = np.frombuffer(whole.buffers()[1], np.int64, len(whole) + 1, whole.offset * 8) if len(whole) else np.zeros(1, np.int64)
    data = whole.buffers()[2]
    found = np.empty(len(whole) * 2, np.uint64)
    hash_each(np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8), offsets, found)
    return pa.Array.from_buffers(pa.binary(DIGEST_BYTES), len(whole), [None, pa.py_buffer(found.astype("<u8").tobytes())])


@njit(_U64(_U64, types.int64))
def _rotated(value, bits):
    """To the right."""
    return (value >> np.uint64(bits)) | (value << np.uint64(64 - bits))


@njit(types.void(_WORDS, _WORDS, _WORDS, _U64, types.boolean))
def _compress(state, block, work, taken, is_last):
    """Take a block into the state. `taken`: bytes of the text up to its end; `work` is sixteen words of scratch."""
    for index in range(8):
        work[index] = state[index]
        work[index + 8] = _IV[index]
    work[12] ^= taken
    if is_last:
        work[14] = ~work[14]
    for turn in range(12):
        for mixing in range(8):
            a, b, c, d = _MIXED[mixing]
            work[a] += work[b] + block[_ORDER[turn, 2 * mixing]]
            work[d] = _rotated(work[d] ^ work[a], 32)
            work[c] += work[d]
            work[b] = _rotated(work[b] ^ work[c], 24)
            work[a] += work[b] + block[_ORDER[turn, 2 * mixing + 1]]
            work[d] = _rotated(work[d] ^ work[a], 16)
            work[c] += work[d]
            work[b] = _rotated(work[b] ^ work[c], 63)
    for index in range(8):
        state[index] ^= work[index] ^ work[index + 8]


@njit(types.void(_BYTES, types.Array(types.int64, 1, "C", readonly=True), _WORDS))
def hash_each(data, offsets, found):
    """Two words a text: the halves of its hash, as little-endian numbers. Texts are `data[offsets[row] : offsets[row + 1]]`."""
    state, block, work = np.empty(8, np.uint64), np.empty(16, np.uint64), np.empty(16, np.uint64)
    for row in range(len(offsets) - 1):
        first, end = offsets[row], offsets[row + 1]
        for index in range(8):
            state[index] = _IV[index]
        state[0] ^= _PARAMETERS
        begin = first
        while True:
            size = min(end - begin, _BLOCK)
            for index in range(16):
                block[index] = 0
            for index in range(size):
                block[index >> 3] |= np.uint64(data[begin + index]) << np.uint64(8 * (index & 7))
            begin += size
            _compress(state, block, work, np.uint64(begin - first), begin == end)
            if begin == end:
                break
        found[2 * row] = state[0]
        found[2 * row + 1] = state[1]
