"""A share of CI's 27,000 damaged files, in a process of its own whose kernels check the bounds of their arrays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

CASES: Final = 9_000  # three files of tests, each a minute of a quiet core; `make fuzz-decoders` runs a million
SECONDS_MAX: Final = 3000  # a hang is told by the program itself after a minute


def run_share(number: int) -> None:
    """Run the cases of share `number`, counted from 1."""
    first = (number - 1) * CASES
    words = ["-m", "tests.mediation.fuzz", "--processes", "1", "--seed", str(first), "--cases", str(CASES)]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    assert f"{CASES:,} cases, none went wrong" in done.stdout
