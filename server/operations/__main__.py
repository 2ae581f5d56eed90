"""The process of one operation: `python -m server.operations HOME NAME LOCK`, where LOCK is the number of an open file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy starts threads for products of matrices, of which there are none here

from server import process_limits
from server.operations import doing, processes


def main(home_path: str, name: str, descriptor: int) -> None:
    """Do an operation at a lower priority. The lock is this process's alone from now on."""
    process_limits.dump_no_core()
    os.nice(processes.NICENESS)
    os.set_inheritable(descriptor, False)
    processes.sign(descriptor, os.getpid())
    doing.do(Path(home_path), name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
