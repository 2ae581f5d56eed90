"""The number of threads that work is shared among."""

from __future__ import annotations

import os

from rating.errors import UserError


def thread_count(threads: int) -> int:
    """The wanted number of threads; one a processor for 0."""
    if threads < 0:
        raise UserError(f"--threads {threads} is below zero", "give 1 or more, or 0 for one a processor", exit_status=2)
    return threads or len(os.sched_getaffinity(0))
