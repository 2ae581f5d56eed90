"""The holder of a lock by its own word, without trying the lock: so that who asks keeps nobody else out."""

from __future__ import annotations

import fcntl
import os
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
    with lock.held(path, "the second run", 8) as was_killed:
        assert not was_killed


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
