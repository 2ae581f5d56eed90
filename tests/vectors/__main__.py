"""Runs vectors: `python -m tests.vectors [--json] [FOLDER | FILE ...]`, or the folder that RATEWRIGHT_VECTORS names, or the project's own.

Prints what failed, what is listed and what no adapter knows, with the reason; then how many cases of each form there are, and for each kind
of vectors one line that counts, that of billing last. Exit status 1 when a case failed, 2 where a file cannot be read.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rating.errors import UserError
from tests.vectors import verdicts
from tests.vectors.billing import verdicts as billing_verdicts
from tests.vectors.files import BILLING, RATING, folder, read_places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Verdicts = Sequence[verdicts.Verdict | billing_verdicts.Verdict]

JSON: Final = "--json"
JUDGES: Final[dict[str, tuple[Callable[[Any], Any], Callable[[Any], str]]]] = {
    RATING: (verdicts.judge, verdicts.summary),
    BILLING: (billing_verdicts.judge, billing_verdicts.summary),
}
SILENT: Final = {"passed", "not applicable"}


def main(arguments: list[str]) -> int:
    """Run folders and files; exit status."""
    places = [Path(each) for each in arguments if each != JSON] or [folder()]
    try:
        cases = read_places(places)
    except UserError as error:
        sys.stderr.write("\n".join(error.lines()) + "\n")
        return error.exit_status
    found = {kind: JUDGES[kind][0](cases[kind]) for kind in JUDGES if kind in cases}
    _write(_as_json(found) if JSON in arguments else "".join(_as_text(kind, each) for kind, each in found.items()))
    return int(any(one.kind.value == "failed" for each in found.values() for one in each))


def by_form(found: Verdicts) -> dict[str, dict[str, int]]:
    """Counts of cases by form and verdict."""
    counts: dict[str, Counter[str]] = {}
    for each in found:
        counts.setdefault(each.form, Counter())[each.kind.value] += 1
    return {form: dict(sorted(counts[form].items())) for form in sorted(counts)}


def _as_text(kind: str, found: Verdicts) -> str:
    told = [f"{each.kind.value}: {each.case_id}: {each.reason}" for each in found if each.kind.value not in SILENT]
    forms = [f"form {form}: {', '.join(f'{count} {name}' for name, count in counts.items())}" for form, counts in by_form(found).items()]
    return "".join(f"{line}\n" for line in [*told, *forms, JUDGES[kind][1](found)])


def _as_json(found: dict[str, Verdicts]) -> str:
    answer = {
        kind: {
            "totals": dict(Counter(each.kind.value for each in verdicts)),
            "forms": by_form(verdicts),
            "cases": [{"id": each.case_id, "verdict": each.kind.value, "form": each.form, "reason": each.reason} for each in verdicts],
        }
        for kind, verdicts in found.items()
    }
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
