"""Runs a folder of vectors: `python -m tests.vectors [folder]`, or the one that RATEWRIGHT_VECTORS names, or the project's own facts.

Prints what failed and what is listed, and ends with the one line that counts. Exit status 1 when a case failed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rating.errors import UserError
from tests.vectors.cases import folder, read_raw
from tests.vectors.listed import LISTED
from tests.vectors.verdicts import Kind, judge, summary


def main(arguments: list[str]) -> int:
    """Run one folder; exit status."""
    try:
        raw = read_raw(Path(arguments[0]) if arguments else folder())
    except UserError as error:
        sys.stderr.write("\n".join(error.lines()) + "\n")
        return error.exit_status
    verdicts = judge(raw, LISTED)
    for verdict in verdicts:
        if verdict.kind in {Kind.FAILED, Kind.LISTED}:
            sys.stdout.write(f"{verdict.kind.value}: {verdict.case_id}: {verdict.reason}\n")
    sys.stdout.write(summary(verdicts) + "\n")
    return int(any(verdict.kind is Kind.FAILED for verdict in verdicts))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
