"""A process that does one bill run: `python -m benchmarks.closing.close_run HOME NOW_US THREADS [DATE]` prints what it measured as JSON."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from pathlib import Path

from benchmarks.closing.close_home import BILL_DATE
from benchmarks.closing.close_stages import Stages
from benchmarks.peak import peak_bytes
from billing.runs import cycle
from billing.store.home import Home


def main(folder: Path, now_us: int, threads: int, bill_date: str = BILL_DATE) -> None:
    """Run, and tell."""
    stages = Stages()
    home = Home.open(folder)
    since = time.perf_counter()
    report = cycle.run(home, dt.date.fromisoformat(bill_date), now_us, threads=threads)
    told = {
        "seconds": time.perf_counter() - since,
        "peak_bytes": peak_bytes(),
        "run_id": report.run_id,
        "accounts": report.accounts,
        "invoices": report.invoices,
        "stages": stages.wall,
        "threads": stages.threads,
    }
    home.close()
    print(json.dumps(told))  # noqa: T201 -- what the parent reads


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
