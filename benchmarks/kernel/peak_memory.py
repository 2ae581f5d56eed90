"""A process that rates one large batch: `python -m benchmarks.kernel.peak_memory FOLDER` prints the sum of charges and its peak in bytes.

It holds nothing but the tables, the buckets and the columns of the batch, which it reads from files that the parent wrote.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peak import peak_bytes
from benchmarks.work import jobs, tariff, workload
from rating.engine import RatingInput, rate

if TYPE_CHECKING:
    from benchmarks.work.jobs import Job

COLUMNS = ("start_us", "quantity", "service", "plan", "number", "number_digits", "holder", "rating_unit", "event_key")


def save(job: Job, folder: Path) -> None:
    """Write the columns of the batch as files; tariff and buckets are made again from their seeds."""
    for name in COLUMNS:
        np.save(folder / f"{name}.npy", getattr(job.batch, name))


def main(folder: Path) -> None:
    """Load, rate in order of arrival on two threads, tell."""
    catalogue = tariff.stateful(workload.deck())
    tables = jobs.compiled(catalogue)
    records = len(np.load(folder / "start_us.npy", mmap_mode="r"))
    buckets = jobs.opening_buckets(tables, catalogue, workload.accounts_of(records))
    batch = RatingInput(**{name: np.load(folder / f"{name}.npy") for name in COLUMNS})
    rated = rate(tables, batch, buckets, threads=2)
    print(int(rated.charge_micros.sum()), peak_bytes())  # noqa: T201 - what the parent reads


if __name__ == "__main__":
    main(Path(sys.argv[1]))
