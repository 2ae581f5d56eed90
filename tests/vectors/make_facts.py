"""Makes the project's own facts from a folder of vectors: `python -m tests.vectors.make_facts FOLDER`.

Kept are figures and what names them: tariff, usage, expected figures, operation, settings and balances; of billing what is given and what
is expected, with the method of ranges that the rule names. Dropped is what others wrote about them (rules, notes, where a case was found)
and the spans of the other engine. Numbers stay as they are written; the same input gives the same bytes.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.vectors.billing.form import without_notes
from tests.vectors.files import OWN_FOLDER, read_file

KEPT_OF_BILLING: Final = ("id", "topic", "given", "expected")
KEPT: Final = ("id", "operation", "system_decimals", "config", "tariff", "usage", "account", "expected")
METHODS: Final = ("graduated", "volume")  # of ranges: each prices what lies in it, or the one reached prices all
DROPPED_FIGURES: Final = ("spans_detail",)
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


def main(source: Path, target: Path = OWN_FOLDER) -> None:
    """Write the files of `target` anew."""
    lines = [_encoder.encode(_billing_facts(case)) for case in read_file(source / "billing.json")]
    (target / "billing.json").write_bytes(b"[\n" + b",\n".join(lines) + b"\n]\n")
    lines = [_encoder.encode(_facts(case)) for case in read_file(source / "rating.json")]
    (target / "rating.json").write_bytes(b"[\n" + b",\n".join(lines) + b"\n]\n")
    lines = [_encoder.encode(_facts(case)) for case in read_file(source / "rating_random.jsonl.gz")]
    (target / "rating_random.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines) + b"\n", compresslevel=9, mtime=0))


def _billing_facts(case: dict[str, Any]) -> dict[str, Any]:
    """Figures, and of ranges the method that the rule begins with."""
    kept: dict[str, Any] = without_notes({name: case[name] for name in KEPT_OF_BILLING})
    method = next((each for each in METHODS if case.get("rule", "").lower().startswith(each)), None)
    if method is None or not kept["given"].keys() & {"ranges", "tiers"} or "method" in kept["given"]:
        return kept
    return kept | {"given": {**kept["given"], "method": method}}


def _facts(case: dict[str, Any]) -> dict[str, Any]:
    kept = {name: case[name] for name in KEPT if name in case}
    return kept | {"expected": {name: figure for name, figure in kept["expected"].items() if name not in DROPPED_FIGURES}}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
