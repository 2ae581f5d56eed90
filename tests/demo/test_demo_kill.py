"""The demo killed with SIGKILL inside every stage, and called again each time, ends with the same invoices as one that nobody disturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.demo import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

PATIENCE_S = 120.0


class Kill(NamedTuple):
    """Where the whole process group dies: `delay_s` after a stage began, or after `sign` was there."""

    stage: str
    delay_s: float
    sign: str = ""  # a file of the demo folder, or a glob of its home


class Crash(NamedTuple):
    """Where the command that a stage calls dies, exactly at one of Ratewright's commit points."""

    stage: str
    point: str


# In the order of the stages: every start of the demo goes on from the last kill to the next one.
DEATHS: tuple[Kill | Crash, ...] = (
    Kill("generate", 0.1),
    Kill("publish", 0.2),
    Crash("publish", "accounts.before_commit"),
    Kill("ingest", 0.2),
    Kill("ingest", 0.05, "home/usage/journal/*"),
    Crash("ingest", "intake.journal_synced:9"),
    Kill("bill-october", 0.2),
    Crash("bill-october", "run.charges_written"),
    Crash("bill-october", "run.before_numbering_commit"),
    Crash("bill-october", "run.numbered"),
    Kill("stream", 0.2),
    Kill("stream", 0.3, "serve.port"),
    Kill("late", 0.2),
    Crash("late", "intake.before_commit"),
    Kill("seal", 0.2),
    Crash("seal", "seal.before_commit"),
    Kill("pay", 0.2),
    Crash("pay", "payment.committed"),
    Kill("bill-november", 0.2),
    Crash("bill-november", "run.started"),
    Crash("bill-november", "run.before_posted_commit"),
    Kill("dun", 0.2),
    Crash("dun", "dunning.committed"),
    Kill("verify", 0.2),
    Kill("controls", 0.2),
)


def test_killed_in_every_stage_it_ends_with_the_same_invoices(finished: running.Finished, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for death in DEATHS:
        die = kill if isinstance(death, Kill) else crash
        die(folder, death)  # type: ignore[arg-type]  # the function of its kind
        stages = [entry for entry in running.log(folder) if entry["stage"] == death.stage]
        assert [entry["event"] for entry in stages if entry["event"] == "end"] == [], f"{death} came after its stage had ended"
        assert running.log(folder)[-1]["stage"] == death.stage, f"{death} came outside its stage"
    running.demo(folder)
    assert running.invoice_lines(folder) == running.invoice_lines(finished.folder)
    assert running.summary(folder)["invoices"] == running.summary(finished.folder)["invoices"]
    assert running.recount(folder).returncode == 0


def test_every_stage_is_among_the_deaths(finished: running.Finished) -> None:
    stages = {stage["name"] for stage in running.summary(finished.folder)["stages"]}
    assert {death.stage for death in DEATHS if isinstance(death, Kill)} == stages


def kill(folder: Path, death: Kill) -> None:
    """Start the demo and kill its whole process group inside the stage."""
    with (folder.parent / "said").open("w") as said:
        process = subprocess.Popen(running.words(folder), stdout=said, stderr=said, start_new_session=True)
    try:
        wait(process, lambda: has_begun(folder, death.stage, process.pid))
        if death.sign:
            wait(process, lambda: any(folder.glob(death.sign)))
        time.sleep(death.delay_s)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL


def crash(folder: Path, death: Crash) -> None:
    """Let Ratewright kill itself at a commit point; the demo says so and stops."""
    done = running.run(running.words(folder), RATEWRIGHT_KILL_AT=death.point)
    assert done.returncode == 1, f"{death}: {done.stdout}{done.stderr}"
    assert f"status {-signal.SIGKILL}" in done.stderr


def has_begun(folder: Path, stage: str, pid: int) -> bool:
    return any((entry["stage"], entry["event"], entry["pid"]) == (stage, "start", pid) for entry in running.log(folder))


def wait(process: subprocess.Popen[bytes], until: Callable[[], bool]) -> None:
    """Until it is so. Fails when the demo ends before."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not until():
        assert process.poll() is None, f"the demo ended by itself with status {process.returncode}"
        assert time.monotonic() < give_up_s
        time.sleep(0.005)
