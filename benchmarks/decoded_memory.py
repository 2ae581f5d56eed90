"""A process that decodes a file in parts: `python -m benchmarks.decoded_memory FILE` prints its rows and its peak memory in bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from benchmarks.call_files import SOURCE
from mediation.decode import decode_parts


def main(path: Path) -> None:
    """Decode, forget each part, tell."""
    rows = sum(part.usage.num_rows for part in decode_parts(path, SOURCE))
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(rows, peak_kib * 1024)  # noqa: T201 - what the parent reads


if __name__ == "__main__":
    main(Path(sys.argv[1]))
