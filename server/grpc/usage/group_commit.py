"""One writer for all streams: batches that wait while the disk syncs are stored together, by one further sync.

The price of durability is one fsync, for one batch or many. A switch that sends ten records at a time would be held to some hundred batches
a second if each had its own. Instead a single thread takes all that wait, stores them as one group and then answers each.

Units: `size_bytes` is what a batch occupies while it waits. `submit` blocks while more than `waiting_bytes_max` wait, which is how
a stream is held back. Every accepted batch is answered, by its receipt or by the exception that kept it out of the store.
`store` keeps a group whole or not at all, but for batches that it answers with an error in the place of a receipt. A group that finds no
store (locked, full, gone) fails whole; one with a batch that cannot be stored is stored without it. The end has an end: see `end_by`.
"""

from __future__ import annotations

import collections
import threading
import time
import traceback
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from rating.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
GROUP_BATCHES_MAX: Final = 1024
GROUP_WEIGHT_MAX: Final = 65_536

Batch = TypeVar("Batch")
Receipt = TypeVar("Receipt")


class ClosedError(Exception):
    """The writer takes no more batches."""


class _Waiting(NamedTuple, Generic[Batch, Receipt]):
    batch: Batch
    size_bytes: int
    weight: int
    answer: Future[Receipt]


class GroupCommit(Generic[Batch, Receipt]):
    """Calls `store` with groups of batches, in the order in which they were submitted, from one thread of its own."""

    def __init__(
        self, store: Callable[[Sequence[Batch]], Sequence[Receipt | Exception]], *, waiting_bytes_max: int = WAITING_BYTES_MAX
    ) -> None:
        self._store = store
        self._waiting_bytes_max = waiting_bytes_max
        self._waiting: collections.deque[_Waiting[Batch, Receipt]] = collections.deque()
        self._waiting_bytes = 0
        self._closing = False
        self._no_group_from_s: float | None = None  # on the monotonic clock, once the end has begun
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch, size_bytes: int, weight: int = 0) -> Future[Receipt]:
        """Queue one batch; the future is done once it is durable. A batch larger than the bound is taken when nothing else waits.

        `weight`: the work that storing it takes beside its bytes. A group has GROUP_WEIGHT_MAX of it, or is one batch.
        """
        with self._changed:
            room_bytes = self._waiting_bytes_max - size_bytes
            self._changed.wait_for(lambda: self._closing or not self._waiting or self._waiting_bytes <= room_bytes)
            if self._closing:
                raise ClosedError
            answer: Future[Receipt] = Future()
            self._waiting.append(_Waiting(batch, size_bytes, weight, answer))
            self._waiting_bytes += size_bytes
            self._changed.notify_all()
            return answer

    @property
    def waiting(self) -> tuple[int, int]:
        """The number of batches that wait, and the bytes that they occupy."""
        with self._changed:
            return len(self._waiting), self._waiting_bytes

    def end_by(self, within_s: float) -> None:
        """Begin no group later than `within_s` from now, nor after one that found no store: what waits then gets ClosedError."""
        with self._changed:
            self._no_group_from_s = time.monotonic() + within_s

    def is_late(self) -> bool:
        """Return whether no group is begun any more; a store that waits for another process is to give up."""
        return self._no_group_from_s is not None and time.monotonic() >= self._no_group_from_s

    def close(self, wait_s: float | None = None) -> bool:
        """Take no more and store what waits, within the bounds of `end_by`. True if all of it was answered within `wait_s`, if given."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while group := self._next_group():
            self._store_and_answer(group)

    def _store_and_answer(self, group: Sequence[_Waiting[Batch, Receipt]]) -> None:
        """Store a group whole. If a batch makes that fail, store each by itself: one that cannot be stored must not keep out the others.

        For want of the store none is tried again: each would wait as long as all together did.
        """
        if self.is_late():
            _fail(group, ClosedError())
            return
        try:
            receipts = self._store([waiting.batch for waiting in group])
            assert len(receipts) == len(group), "a receipt for every batch"
        except (StoreError, OSError) as error:
            _fail(group, error)
            if self._no_group_from_s is not None:
                self.end_by(0)
            return
        except BaseException as error:  # noqa: BLE001 -- whoever waits must get an answer, or its stream hangs for ever
            if len(group) == 1:
                _fail(group, error)
                return
            for waiting in group:
                self._store_and_answer([waiting])
            return
        for waiting, receipt in zip(group, receipts, strict=True):
            if isinstance(receipt, Exception):
                waiting.answer.set_exception(receipt)
            else:
                waiting.answer.set_result(receipt)

    def _next_group(self) -> list[_Waiting[Batch, Receipt]]:
        """All that waits, as soon as something does; empty when the writer is closed and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or bool(self._waiting))
            group: list[_Waiting[Batch, Receipt]] = []
            weight = 0
            while self._waiting and len(group) < GROUP_BATCHES_MAX:
                weight += self._waiting[0].weight
                if group and weight > GROUP_WEIGHT_MAX:
                    break
                group.append(self._waiting.popleft())
            self._waiting_bytes -= sum(waiting.size_bytes for waiting in group)
            self._changed.notify_all()
            return group


def _fail(group: Sequence[_Waiting[Batch, Receipt]], error: BaseException) -> None:
    _let_go(error)
    for waiting in group:
        waiting.answer.set_exception(error)


def _let_go(error: BaseException) -> None:
    """Free what the frames of an error hold, such as the rows that were to be stored: it lives until every stream has seen it."""
    chain: BaseException | None = error
    while chain is not None:
        traceback.clear_frames(chain.__traceback__)
        chain = chain.__cause__ or chain.__context__
