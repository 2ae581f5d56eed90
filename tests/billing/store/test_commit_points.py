"""Every durable step has a name that a test can crash at."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from billing.store import commit_points

ROOT = Path(__file__).parents[3]
CALL = re.compile(r"commit_points\.reached\(\s*\"([a-z_.]+)\"")


def test_points_and_code_agree() -> None:
    paths = [path for folder in ("billing", "server/operations") for path in (ROOT / folder).rglob("*.py")]
    used = {name for path in paths for name in CALL.findall(path.read_text(encoding="utf-8"))}
    assert used == set(commit_points.POINTS)


def test_an_unknown_point_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="nowhere"):
        commit_points.reached("nowhere")


@pytest.mark.slow
@pytest.mark.parametrize(("wanted", "printed"), [("intake.committed", "1\n"), ("intake.committed:3", "1\n2\n3\n")])
def test_a_process_dies_at_the_wanted_time(wanted: str, printed: str) -> None:
    code = (
        "from billing.store import commit_points as p\n"
        "for i in (1, 2, 3, 4):\n print(i, flush=True)\n p.reached('intake.before_commit')\n p.reached('intake.committed')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={commit_points.VARIABLE: wanted}, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, printed)
