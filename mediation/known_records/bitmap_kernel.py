"""The loops of `SequenceBitmaps`: a bit for each number, in pages. Nothing here raises.

A page is found through the directory, (places, 3): stream, page and slot of a page, slot -1 for a free place; places are a power of two.
Most pages of a stream lie near each other, so a window of them is found without a search: row `stream` of `windows` is (first page,
where its slots begin in `near`, their number), and `near` holds slots, -1 for a page that is not open. `streams` holds the stream of
each row, or one for all.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from rating.jit import kernel_module

njit = kernel_module(__file__)

NEW, SEEN = 0, 1
PAGE_BITS: Final = 16  # 65,536 numbers, 8 KiB a page
PAGE_WORDS: Final = 1 << (PAGE_BITS - 6)

_I64, _VOID = numba.int64, numba.void
_INTS = numba.types.Array(numba.int64, 1, "C", readonly=True)
_STREAMS = numba.types.Array(numba.int32, 1, "C", readonly=True)
_DIRECTORY, _PAGES, _ROWS = numba.int64[:, ::1], numba.uint64[:, ::1], numba.int32[::1]


@njit(_I64(_DIRECTORY, _I64, _I64))
def find_page(directory, stream, page):
    """The directory's place of a page, or the free one where it belongs."""
    mask = np.uint64(directory.shape[0] - 1)
    mixed = (np.uint64(page) ^ (np.uint64(stream) << np.uint64(40))) * np.uint64(0x9E3779B97F4A7C15)
    at = np.int64((mixed >> np.uint64(32)) & mask)
    while directory[at, 2] >= 0 and (directory[at, 0] != stream or directory[at, 1] != page):
        at = np.int64(np.uint64(at + 1) & mask)
    return at


@njit(_I64(_DIRECTORY, _DIRECTORY, _ROWS, _PAGES, _STREAMS, _INTS, _ROWS, numba.int8[::1], _I64[::1]))
def classify(directory, windows, near, pages, streams, numbers, batch, verdicts, first):
    """NEW or SEEN for each row, against the bits and the rows before it. Gives how many pages they would open, at most.

    `first`, all 0, gets the earlier row of the same number in this batch and 1 more, where that is the reason. `batch` has a power of two
    of places, more than there are rows, all 0.
    """
    step, outside, last_place = (1 if streams.size > 1 else 0), 0, batch.size - 1
    stream, page_from, begin, size = np.int64(-1), np.int64(0), np.int64(0), np.uint64(0)
    page_outside = np.int64(-1)
    for row in range(numbers.size):
        if streams[row * step] != stream:
            stream = np.int64(streams[row * step])
            page_from, begin, size = windows[stream, 0], windows[stream, 1], np.uint64(windows[stream, 2])
        number = numbers[row]
        place = (number >> PAGE_BITS) - page_from
        is_near = np.uint64(place) < size  # what lies before wraps to far behind
        slot = np.int64(near[begin + place]) if is_near else directory[find_page(directory, stream, number >> PAGE_BITS), 2]
        if slot < 0:
            outside += number >> PAGE_BITS != page_outside
            page_outside = number >> PAGE_BITS
        elif (pages[slot, (number >> 6) & (PAGE_WORDS - 1)] >> np.uint64(number & 63)) & np.uint64(1) != 0:
            verdicts[row] = SEEN
            continue
        at = (number ^ (stream << 7)) & last_place
        while batch[at] != 0 and (numbers[batch[at] - 1] != number or streams[(batch[at] - 1) * step] != stream):
            at = (at + 1) & last_place
        if batch[at] == 0:
            batch[at] = row + 1
            verdicts[row] = NEW
        else:
            verdicts[row], first[row] = SEEN, batch[at]
    return outside


@njit(
    numba.types.UniTuple(_I64, 3)(
        _DIRECTORY, _DIRECTORY, _ROWS, _PAGES, numba.types.Array(numba.uint16, 1, "C", readonly=True), numba.uint16[::1], _I64, _STREAMS,
        _INTS, _I64,
    )
)  # fmt: skip
def add(directory, windows, near, pages, days, newest, used, streams, numbers, row_from):
    """Set the rows' bits from `row_from` on, and note the newest day of each page. `days` holds one a row, or one for all.

    Gives the row at which there was no room for another page (the number of rows: all done), how many numbers were new, and the pages
    in use. The directory has twice as many places as there are pages.
    """
    step, day_step, added = (1 if streams.size > 1 else 0), (1 if days.size > 1 else 0), 0
    for row in range(row_from, numbers.size):
        number, stream = numbers[row], np.int64(streams[row * step])
        page, slot = number >> PAGE_BITS, np.int64(-1)
        place = page - windows[stream, 0]
        is_near = 0 <= place < windows[stream, 2]
        if is_near:
            slot = np.int64(near[windows[stream, 1] + place])
        if slot < 0:
            at = find_page(directory, stream, page)
            if directory[at, 2] < 0:
                if used == pages.shape[0]:
                    return row, added, used
                directory[at, 0], directory[at, 1], directory[at, 2] = stream, page, used
                used += 1
            slot = directory[at, 2]
            if is_near:
                near[windows[stream, 1] + place] = slot
        word, bit = (number >> 6) & (PAGE_WORDS - 1), np.uint64(number & 63)
        before = pages[slot, word]
        pages[slot, word] = before | (np.uint64(1) << bit)
        added += 1 - np.int64((before >> bit) & np.uint64(1))
        newest[slot] = max(newest[slot], days[row * day_step])
    return numbers.size, added, used
