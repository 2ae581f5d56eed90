"""One writer for many: grouping, order, back-pressure, failure and the end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from rating.errors import StoreError, UserError
from server.grpc.usage.group_commit import ClosedError, GroupCommit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

WAIT_S = 10


class Disk:
    """A store whose syncs end when the test says so."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.tried: list[list[int]] = []
        self.full: Exception = OSError(28, "No space left on device")
        self.may_sync = threading.Semaphore(0)
        self.syncing = threading.Semaphore(0)

    def store(self, group: Sequence[int]) -> list[str | Exception]:
        """Sync once allowed to; batch 13 cannot be stored, with batch 28 there is no room, and batch 7 is answered with an error."""
        self.syncing.release()
        self.tried.append(list(group))
        assert self.may_sync.acquire(timeout=WAIT_S)
        if 13 in group:
            raise UserError("too large a number", "look at its source")
        if 28 in group:
            raise self.full
        self.groups.append(list(group))
        return [ValueError("stale") if batch == 7 else f"stored {batch}" for batch in group]


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def open_writer(disk: Disk) -> Iterator[Callable[..., GroupCommit[int, str]]]:
    opened: list[GroupCommit[int, str]] = []

    def open_one(waiting_bytes_max: int = 1_000) -> GroupCommit[int, str]:
        opened.append(GroupCommit(disk.store, waiting_bytes_max=waiting_bytes_max))
        return opened[-1]

    yield open_one
    disk.may_sync.release(100)
    for writer in opened:
        writer.close()


def test_what_waits_during_a_sync_shares_the_next_one(disk: Disk, open_writer: Callable[..., GroupCommit[int, str]]) -> None:
    writer = open_writer()
    first = writer.submit(1, 10)
    assert disk.syncing.acquire(timeout=WAIT_S)
    others = [writer.submit(batch, 10) for batch in (2, 3, 4)]
    assert not first.done()
    disk.may_sync.release(2)
    assert [answer.result(WAIT_S) for answer in (first, *others)] == ["stored 1", "stored 2", "stored 3", "stored 4"]
    assert disk.groups == [[1], [2, 3, 4]]


def test_submit_blocks_while_too_much_waits(disk: Disk, open_writer: Callable[..., GroupCommit[int, str]]) -> None:
    writer = open_writer(waiting_bytes_max=100)
    writer.submit(1, 100)
    assert disk.syncing.acquire(timeout=WAIT_S)
    writer.submit(2, 60)
    held_back: list[Future[str]] = []
    thread = threading.Thread(target=lambda: held_back.append(writer.submit(3, 60)))
    thread.start()
    time.sleep(0.05)
    assert held_back == []
    disk.may_sync.release(3)
    thread.join(WAIT_S)
    assert held_back[0].result(WAIT_S) == "stored 3"
    assert disk.groups == [[1], [2], [3]]


def test_an_error_in_the_place_of_a_receipt_is_of_its_batch_alone(disk: Disk, open_writer: Callable[..., GroupCommit[int, str]]) -> None:
    """The group is stored once, not batch by batch."""
    writer = open_writer()
    writer.submit(1, 1)
    assert disk.syncing.acquire(timeout=WAIT_S)
    before, stale, behind = (writer.submit(batch, 1) for batch in (2, 7, 8))
    disk.may_sync.release(2)
    assert (before.result(WAIT_S), behind.result(WAIT_S)) == ("stored 2", "stored 8")
    with pytest.raises(ValueError, match="stale"):
        stale.result(WAIT_S)
    assert disk.tried == [[1], [2, 7, 8]]


def test_a_batch_larger_than_the_bound_still_gets_through(disk: Disk, open_writer: Callable[..., GroupCommit[int, str]]) -> None:
    writer = open_writer(waiting_bytes_max=10)
    disk.may_sync.release()
    assert writer.submit(1, 1_000).result(WAIT_S) == "stored 1"


def test_a_batch_that_fails_keeps_out_no_other_and_the_writer_lives(disk: Disk, open_writer: Callable[..., GroupCommit[int, str]]) -> None:
    writer = open_writer()
    writer.submit(1, 1)
    assert disk.syncing.acquire(timeout=WAIT_S)
    good, bad, last = (writer.submit(batch, 1) for batch in (12, 13, 14))
    disk.may_sync.release(5)
    assert good.result(WAIT_S) == "stored 12"
    with pytest.raises(UserError, match="too large"):
        bad.result(WAIT_S)
    assert last.result(WAIT_S) == "stored 14"
    assert disk.groups == [[1], [12], [14]]


def test_close_stores_what_waits_and_takes_no_more(disk: Disk, open_writer: Callable[..., GroupCommit[int, str]]) -> None:
    writer = open_writer()
    answers = [writer.submit(batch, 1) for batch in range(5)]
    disk.may_sync.release(10)
    writer.close()
    assert all(answer.done() for answer in answers)
    assert [batch for group in disk.groups for batch in group] == [0, 1, 2, 3, 4]
    with pytest.raises(ClosedError):
        writer.submit(9, 1)


LOCKED = StoreError("database x is locked", "wait")


@pytest.mark.parametrize("full", [OSError(28, "No space left on device"), LOCKED])
def test_for_want_of_the_store_a_group_fails_whole_and_none_is_tried_again(
    disk: Disk, open_writer: Callable[..., GroupCommit[int, str]], full: Exception
) -> None:
    disk.full = full
    writer = open_writer()
    writer.submit(1, 1)
    assert disk.syncing.acquire(timeout=WAIT_S)
    answers = [writer.submit(batch, 1) for batch in (27, 28, 29)]
    disk.may_sync.release(5)
    for answer in answers:
        assert answer.exception(WAIT_S) is full
    assert writer.submit(30, 1).result(WAIT_S) == "stored 30", "the writer lives"
    assert disk.tried == [[1], [27, 28, 29], [30]]


def test_at_the_end_no_group_is_begun_after_one_that_found_no_store(disk: Disk, open_writer: Callable[..., GroupCommit[int, str]]) -> None:
    disk.full = LOCKED
    writer = open_writer()
    begun = writer.submit(28, 1)
    assert disk.syncing.acquire(timeout=WAIT_S)
    waiting = [writer.submit(batch, 1) for batch in (2, 3)]
    writer.end_by(3_600.0)
    assert not writer.is_late()
    disk.may_sync.release(5)
    assert writer.close(WAIT_S)
    assert begun.exception(WAIT_S) is LOCKED
    assert [type(answer.exception(WAIT_S)) for answer in waiting] == [ClosedError, ClosedError]
    assert disk.tried == [[28]]


def test_at_the_end_what_was_begun_is_stored_and_what_is_late_is_not(disk: Disk, open_writer: Callable[..., GroupCommit[int, str]]) -> None:
    writer = open_writer()
    begun = writer.submit(1, 1)
    assert disk.syncing.acquire(timeout=WAIT_S)
    late = writer.submit(2, 1)
    writer.end_by(0.0)
    assert writer.is_late()
    assert not writer.close(0.0), "the disk has not answered"
    disk.may_sync.release(5)
    assert writer.close(WAIT_S)
    assert begun.result(WAIT_S) == "stored 1"
    assert type(late.exception(WAIT_S)) is ClosedError


def test_a_group_has_so_much_work_and_one_batch_at_least(disk: Disk, open_writer: Callable[..., GroupCommit[int, str]]) -> None:
    """While batch 1 is synced, 2 to 6 wait, of 40,000 each but for 5, which is more than a group has: 2 and 3 would be 80,000."""
    writer = open_writer()
    answers = [writer.submit(1, 1)]
    assert disk.syncing.acquire(timeout=WAIT_S)
    answers += [writer.submit(batch, 1, weight) for batch, weight in ((2, 40_000), (3, 40_000), (4, 25_536), (5, 100_000), (6, 0))]
    disk.may_sync.release(10)
    assert [answer.result(WAIT_S) for answer in answers] == [f"stored {batch}" for batch in range(1, 7)]
    assert disk.groups == [[1], [2], [3, 4], [5], [6]]
