"""The holder of a lock by its own word, without trying the lock: so that who asks keeps nobody else out."""

from __future__ import annotations

import fcntl
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from billing.store import lock
from billing.store.lock import Holder

ROOT = Path(__file__).parents[3]
HOLDS = """
import sys, threading
from pathlib import Path
from billing.store import lock
with lock.held(Path(sys.argv[1]), "the run of a test", 7):
    print("held", flush=True)
    threading.Event().wait()
"""


def test_a_holder_that_lives_is_told_and_one_that_was_killed_is_not(tmp_path: Path) -> None:
    """A killed one leaves its name in the file."""
    path = tmp_path / "run.lock"
    assert lock.holder_of(path) is None
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        holder = lock.holder_of(path)
        assert holder is not None
        assert (holder.pid, holder.what, holder.since_us) == (process.pid, "the run of a test", 7)
    finally:
        process.kill()
        process.communicate()
    assert b"the run of a test" in path.read_bytes()
    assert lock.holder_of(path) is None


def test_a_lock_that_was_given_back_has_no_holder(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with lock.held(path, "a test", 7):
        found = lock.holder_of(path)
        assert found is not None
        assert found.pid == os.getpid()
    assert lock.holder_of(path) is None


def test_to_ask_takes_no_lock(tmp_path: Path) -> None:
    """Another that tries the lock at that moment gets it."""
    path = tmp_path / "run.lock"
    path.write_bytes(msgspec.json.encode(Holder(os.getpid(), "another host", 7, "a test")))
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert lock.holder_of(path) == Holder(os.getpid(), "another host", 7, "a test"), "of another host it is believed"


def test_one_works_at_a_time_and_another_is_told_who(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with (
        lock.held(path, "the first run", 7),
        pytest.raises(lock.HeldError, match=f"the first run, process {os.getpid()} on "),
        lock.held(path, "the second run", 8),
    ):
        pytest.fail("both work")
    with lock.held(path, "the second run", 8, put_right=lambda: pytest.fail("the first one was not killed")):
        pass


def test_who_waits_begins_when_the_other_has_ended(tmp_path: Path) -> None:
    path, works = tmp_path / "run.lock", threading.Event()

    def wait() -> None:
        with lock.held(path, "the second run", 8, wait_s=None):
            works.set()

    waiting = threading.Thread(target=wait, daemon=True)
    with lock.held(path, "the first run", 7, wait_s=None):
        waiting.start()
        assert not works.wait(0.2)
    assert works.wait(10)
    waiting.join(10)


class UnfinishedError(Exception):
    """The error that keeps a holder from putting right what the one before it left."""


def test_the_name_of_a_killed_holder_stays_until_what_it_left_is_put_right(tmp_path: Path) -> None:
    """One that comes to nothing before that leaves it to the next one; the name of who has the lock is told all the same."""
    path = tmp_path / "run.lock"
    dead = msgspec.json.encode(Holder(1, "another host", 7, "the run of a test"))
    path.write_bytes(dead)
    calls: list[Holder | None] = []

    def unfinished() -> None:
        calls.append(lock.holder_of(path))
        raise UnfinishedError

    for _ in range(2):
        with pytest.raises(UnfinishedError), lock.held(path, "a test", 8, put_right=unfinished):
            pass
        assert path.read_bytes() == dead
    with lock.held(path, "a test", 9, put_right=lambda: calls.append(lock.holder_of(path))):
        left = path.read_bytes()
        with pytest.raises(lock.HeldError, match=": a test, process"), lock.held(path, "another test", 10):
            pass
    assert [None if each is None else each.since_us for each in calls] == [8, 8, 9]
    assert left.startswith(dead), "one that is killed now leaves both names"
    assert path.read_bytes() == b""
    with lock.held(path, "a test", 11, put_right=unfinished):
        assert len(calls) == 3


def test_names_of_those_who_came_to_nothing_do_not_pile_up(tmp_path: Path) -> None:
    """The second was killed in the midst of its name: the first one stays, and the third takes the place of the second."""
    path = tmp_path / "run.lock"
    dead = msgspec.json.encode(Holder(1, "another host", 7, "the run of a test"))
    path.write_bytes(dead + b'\n{"pid":1')
    with lock.held(path, "a test", 8):
        held = path.read_bytes()
    assert held == dead + b"\n" + msgspec.json.encode(Holder(os.getpid(), platform.node(), 8, "a test"))
