"""Blocks of a file worked on by several threads, with the results in the blocks' order.

A lexer's blocks live in its window, which moves on: so a block that is worked on while the next one is looked for is first given bytes of
its own. Finding rows takes a tenth of the work, so one thread does that, and works as well while the others are busy. The work's calls
of numpy, of Arrow and of the kernels run without the interpreter's lock. Memory: a few blocks are under way at once.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import os
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np

from mediation.records.rows import Block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mediation.bytes.memory_window import ByteWindow

PARALLEL_FROM_BYTES: Final = 8 << 20  # a smaller file is done before threads are worth their start
_SLACK_BYTES: Final = 64  # kernels read ahead where there is something to read
_Result = TypeVar("_Result")


class Placed(NamedTuple):
    """A block, the place of its bytes in the stream, and the number of rows before it."""

    rows: Block
    offset: int
    rows_before: int


def usable_cores() -> int:
    """Return how many threads this process may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(window: ByteWindow, blocks: Iterator[Block], work: Callable[[Placed], _Result], threads: int) -> Iterator[_Result]:
    """Results of `work` for each block. Raises what it raises, at that block's turn."""
    before = 0
    if threads < 2:  # noqa: PLR2004 - nobody to share with
        for rows in blocks:
            yield work(Placed(rows, window.offset, before))
            before += rows.size
        return
    waiting: collections.deque[concurrent.futures.Future[_Result]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(threads - 1) as pool:
        try:
            for rows in blocks:
                if len(waiting) < threads:
                    waiting.append(pool.submit(work, _own(rows, window, before)))
                else:  # all hands are busy: this one is for the finder
                    waiting.append(_done(work, Placed(rows, window.offset, before)))
                before += rows.size
                while waiting and (waiting[0].done() or len(waiting) > 2 * threads):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _done(work: Callable[[Placed], _Result], placed: Placed) -> concurrent.futures.Future[_Result]:
    future: concurrent.futures.Future[_Result] = concurrent.futures.Future()
    try:
        future.set_result(work(placed))
    except Exception as error:  # noqa: BLE001 - raised again at the block's turn
        future.set_exception(error)
    return future


def _own(rows: Block, window: ByteWindow, before: int) -> Placed:
    """The block with arrays of its own."""
    if rows.size == 0:
        return Placed(rows, window.offset, before)
    offset = window.offset
    first, last = int(rows.begin.min()), int(rows.end.max())
    raw = rows.raw_data[first : min(last + _SLACK_BYTES, rows.raw_data.size)].copy()
    raw.flags.writeable = False
    begin, end = rows.begin - first, rows.end - first
    made = dataclasses.replace(rows, begin=begin, end=end, width=rows.width.copy(), code=rows.code.copy())
    if rows.raw is None:  # fields are places in the raw bytes
        shift = np.int32(first)
        places = (rows.field_begin - shift, rows.field_end - shift)
        return Placed(dataclasses.replace(made, data=raw, field_begin=places[0], field_end=places[1]), offset + first, before)
    data, places = rows.data.copy(), (rows.field_begin.copy(), rows.field_end.copy())
    data.flags.writeable = False
    return Placed(dataclasses.replace(made, data=data, raw=raw, field_begin=places[0], field_end=places[1]), offset + first, before)
