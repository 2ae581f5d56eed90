"""Two processes are killed, one after the other: the first as SQLite has synced its commit and not told the second of it.

The commit is unknown to the second one, which is killed before it commits anything, and comes back when the home is opened again. What the
second one did to files must leave those alone that the commit names. The first one is killed behind its commit here, and the header of the
memory that SQLite shares is put back to what it was before: as if it had been killed a moment earlier.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from billing.intake import journal
from billing.intake.taking import Intake
from billing.intake.view import stored
from billing.store import commit_points
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
world.catch_up()
if sys.argv[2] == "seal":
    Intake(world.home).seal(world.tick())
else:
    world.take(Call("8613800000001", "2025-10-08T10:00:00", 60, key=sys.argv[2]))
"""


def actor(home: Path, act: str, point: str) -> subprocess.Popen[str]:
    """A process with an open home, which waits, acts and is killed at a point."""
    environment = os.environ | {commit_points.VARIABLE: point}
    made = subprocess.Popen(
        [sys.executable, "-c", _ACTOR, str(home), act], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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
    world = World(tmp_path / "home")
    if world.home.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL needs no such commit: all of its clients see what was committed, at once")
    for day in range(1, 4):
        world.take(Call("8613800000001", f"2025-10-0{day}T10:00:00", 60, key=f"k{day}"))
    world.home.close()
    other = actor(tmp_path / "home", *second)
    shared = tmp_path / "home" / "ratewright.db-shm"
    before = shared.read_bytes()[:HEADER_BYTES]
    let_act(actor(tmp_path / "home", *first))
    with shared.open("r+b") as file:
        file.write(before)
    let_act(other)
    again = World(tmp_path / "home", fresh=False)
    with again.home.connect() as connection:
        head = again.home.head_seq(connection)
        ranges = [file for file in stored(connection, 0, head) if file.form == "journal"]
    for each in ranges:
        journal.check(again.home.path / each.path, each.byte_from, each.byte_to, each.sha256)
    keys = Intake(again.home).usage(["record_id"], head)["record_id"].to_pylist()
    assert {"k1", "k2", "k3"} <= set(keys) <= {"k1", "k2", "k3", "a"}
    again.home.close()
