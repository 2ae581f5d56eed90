"""The peak memory of this process alone.

`ru_maxrss` will not do: a process that was started by a large one begins with the size of that one.
"""

from __future__ import annotations

import resource
from pathlib import Path


def peak_bytes() -> int:
    """What the system noted as the largest resident size since the program began; where it notes none, `ru_maxrss`."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    noted = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return (noted[0] if noted else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024
