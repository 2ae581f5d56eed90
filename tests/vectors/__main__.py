"""Runs a folder of vectors: `python -m tests.vectors [folder]`, or the one that RATEWRIGHT_VECTORS names, or the project's own facts.

Prints what failed, what is listed and what no adapter knows; for each kind of vectors that the folder holds there is one line that counts,
that of billing last. Exit status 1 when a case failed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rating.errors import UserError
from tests.vectors import verdicts
from tests.vectors.billing import verdicts as billing_verdicts
from tests.vectors.cases import BILLING, RATING, folder, kinds_in, read_raw
from tests.vectors.listed import LISTED

if TYPE_CHECKING:
    from collections.abc import Iterable


def main(arguments: list[str]) -> int:
    """Run one folder; exit status."""
    place = Path(arguments[0]) if arguments else folder()
    failed = False
    try:
        for kind in kinds_in(place):
            failed |= RUNNERS[kind](place)
    except UserError as error:
        sys.stderr.write("\n".join(error.lines()) + "\n")
        return error.exit_status
    return int(failed)


def rating(place: Path) -> bool:
    """Run the vectors of rating; whether a case failed."""
    found = verdicts.judge(read_raw(place, RATING), LISTED)
    _tell(
        f"{each.kind.value}: {each.case_id}: {each.reason}" for each in found if each.kind in {verdicts.Kind.FAILED, verdicts.Kind.LISTED}
    )
    _tell([verdicts.summary(found)])
    return any(each.kind is verdicts.Kind.FAILED for each in found)


def billing(place: Path) -> bool:
    """Run the vectors of billing; whether a case failed."""
    found = billing_verdicts.judge(read_raw(place, BILLING))
    _tell(f"{each.kind.value}: {each.case_id}: {each.reason}" for each in found if each.kind is not billing_verdicts.Kind.PASSED)
    _tell([billing_verdicts.summary(found)])
    return any(each.kind is billing_verdicts.Kind.FAILED for each in found)


RUNNERS = {RATING: rating, BILLING: billing}


def _tell(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
