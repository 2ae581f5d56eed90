"""One writer for many: grouping, order, back-pressure, failure and the end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from server.grpc.group_commit import ClosedError, GroupCommit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

WAIT_S = 10


class Disk:
    """A store whose syncs end when the test says so."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may_sync = threading.Semaphore(0)
        self.syncing = threading.Semaphore(0)

    def store(self, group: Sequence[int]) -> list[str]:
        """Sync once allowed to; batch 13 finds no room."""
        self.syncing.release()
        assert self.may_sync.acquire(timeout=WAIT_S)
        if 13 in group:
            raise OSError(28, "No space left on device")
        self.groups.append(list(group))
        return [f"stored {batch}" for batch in group]


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
    with pytest.raises(OSError, match="No space"):
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
