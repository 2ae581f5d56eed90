"""A process that reads one file: `python -m benchmarks.intake.file_memory decode|ingest FILE HOME` prints rows and peak memory in bytes."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.intake.call_files import SOURCE
from benchmarks.peak import peak_bytes
from billing.intake.taking import Intake
from billing.store.home import Home
from mediation.decode import decode_parts

NOW_US = 1_771_000_000_000_000  # in February, after the month of the records


def main(what: str, path: Path, folder: Path) -> None:
    """Decode and forget each part, or take the file into a new home; tell."""
    if what == "decode":
        rows = sum(part.usage.num_rows for part in decode_parts(path, SOURCE))
    else:
        home = Home.open(folder, create=True)
        rows = Intake(home).take_file(path, SOURCE, NOW_US).received
        home.close()
    print(rows, peak_bytes())  # noqa: T201 - what the parent reads


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
