"""Processes are killed, one after the other: the first as SQLite has synced its commit and not told the others of it.

The commit is unknown to the second one, which is killed before it commits anything, and comes back when the home is opened again. What the
second one did to files must leave those alone that the commit names. The first one is killed behind its commit here, and the header of the
memory that SQLite shares is put back to what it was before: as if it had been killed a moment earlier.

With three of them the second one comes to nothing before it has put right what the first one left: the third one has to.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from billing.intake import journal
from billing.intake.taking import Intake
from billing.intake.view import stored
from billing.store import commit_points
from billing.store.home import DATABASE_NAME
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
HEADER_BYTES = 96  # of SQLite's shared memory: both copies of what it says of the log
WAIT_S = 60
_ACTOR = """
import sys
from pathlib import Path
from billing.intake.taking import Intake
from tests.billing.runs.world import Call, World
world = World(Path(sys.argv[1]), fresh=False)
with world.home.connect() as connection:  # a connection that lives on
    world.home.head_seq(connection)
print("ready", flush=True)
sys.stdin.readline()
exec(sys.argv[3])
world.catch_up()
if sys.argv[2] == "seal":
    Intake(world.home).seal(world.tick())
else:
    world.take(Call("8613800000001", "2025-10-08T10:00:00", 60, key=sys.argv[2]))
"""


# What keeps a process from its work, once it has the lock. Each of them is run by the actor before it acts.
_KILL = "__import__('os').kill(__import__('os').getpid(), 9)"
_COMES_TO_NOTHING = {
    "killed before its own name is written": f"""
from billing.store import lock
class Kills:
    def __init__(self, *_): {_KILL}
lock.Holder = Kills
""",
    "killed before its commit": f"""
import sqlalchemy as sa
sa.event.listen(world.home.engine, "commit", lambda _: {_KILL})
""",
    "refused, as another one writes": """
import sqlalchemy as sa
sa.event.listen(world.home.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout = 50"))
""",
    "interrupted": """
from billing.store.home import Home
def interrupted(home): raise KeyboardInterrupt
Home.end_lost_commits = interrupted
""",
    "on a full disk": """
import resource
size = (Path(sys.argv[1]) / "usage" / "intake.lock").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
""",
}


def actor(home: Path, act: str, point: str, keeps_from_it: str = "") -> subprocess.Popen[str]:
    """A process with an open home, which waits, acts and is killed at a point; or is kept from its work."""
    environment = os.environ | {commit_points.VARIABLE: point}
    made = subprocess.Popen(
        [sys.executable, "-c", _ACTOR, str(home), act, keeps_from_it],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


def let_act(process: subprocess.Popen[str]) -> None:
    """Let it act until it is killed."""
    process.communicate("\n", timeout=WAIT_S)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("a", "intake.committed"), ("b", "intake.journal_synced")),
        (("a", "intake.committed"), ("seal", "seal.files_written")),
        (("seal", "seal.committed"), ("b", "intake.journal_synced")),
        (("seal", "seal.committed"), ("seal", "seal.files_written")),
    ],
    ids=lambda each: each[0],
)
def test_what_a_lost_commit_names_is_left_alone(tmp_path: Path, first: tuple[str, str], second: tuple[str, str]) -> None:
    world = made(tmp_path / "home")
    other = actor(world, *second)
    kill_behind_its_commit(world, first)
    let_act(other)
    check_what_is_named(world)


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        (("a", "intake.committed"), "killed before its own name is written", ("b", "intake.journal_synced")),
        (("seal", "seal.committed"), "killed before its own name is written", ("b", "intake.journal_synced")),
        (("a", "intake.committed"), "killed before its commit", ("b", "intake.journal_synced")),
        (("a", "intake.committed"), "refused, as another one writes", ("b", "intake.journal_synced")),
        (("a", "intake.committed"), "interrupted", ("seal", "seal.files_written")),
        (("a", "intake.committed"), "on a full disk", ("b", "intake.journal_synced")),
    ],
    ids=lambda each: each if isinstance(each, str) else each[0],
)
def test_one_that_comes_to_nothing_leaves_it_to_the_next_one(
    tmp_path: Path, first: tuple[str, str], second: str, third: tuple[str, str]
) -> None:
    home = made(tmp_path / "home")
    last = actor(home, *third)
    kept = actor(home, "x", "", _COMES_TO_NOTHING[second])
    kill_behind_its_commit(home, first)
    left = (home / "usage" / "intake.lock").read_bytes()
    assert json.loads(left)["what"] in {"intake of a stream", "sealing of the journal"}
    with contextlib.closing(sqlite3.connect(home / DATABASE_NAME, isolation_level=None)) as writer:
        if second.startswith("refused"):
            writer.execute("BEGIN IMMEDIATE")
        kept.communicate("\n", timeout=WAIT_S)
    assert kept.returncode == (-signal.SIGINT if second == "interrupted" else -signal.SIGKILL if "killed" in second else 1)
    assert (home / "usage" / "intake.lock").read_bytes().startswith(left)
    let_act(last)
    check_what_is_named(home)


def made(home: Path) -> Path:
    """A home with three calls, which nobody has open."""
    world = World(home)
    if world.home.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL needs no such commit: all of its clients see what was committed, at once")
    for day in range(1, 4):
        world.take(Call("8613800000001", f"2025-10-0{day}T10:00:00", 60, key=f"k{day}"))
    world.home.close()
    return home


def kill_behind_its_commit(home: Path, first: tuple[str, str]) -> None:
    """Let a process act and be killed, and the others know nothing of its commit."""
    shared = home / "ratewright.db-shm"
    before = shared.read_bytes()[:HEADER_BYTES]
    let_act(actor(home, *first))
    with shared.open("r+b") as file:
        file.write(before)


def check_what_is_named(home: Path) -> None:
    """Check that what the home names is there when it is opened again, and that nothing counts but what was committed."""
    again = World(home, fresh=False)
    with again.home.connect() as connection:
        head = again.home.head_seq(connection)
        ranges = [file for file in stored(connection, 0, head) if file.form == "journal"]
    for each in ranges:
        journal.check(again.home.path / each.path, each.byte_from, each.byte_to, each.sha256)
    keys = Intake(again.home).usage(["record_id"], head)["record_id"].to_pylist()
    assert {"k1", "k2", "k3"} <= set(keys) <= {"k1", "k2", "k3", "a"}
    again.home.close()
