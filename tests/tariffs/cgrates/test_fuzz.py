"""Whatever stands in the cells: an import writes catalogues that load, and lists what it could not read."""

# ruff: noqa: E501 - junk
from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.tariffs.cgrates.small import folder, imported

if TYPE_CHECKING:
    from pathlib import Path

JUNK = [
    "", "*any", "*asap", "0", "-1", "1", "1e400", "NaN", "Infinity", "0.1234567", "9" * 40, "9" * 5_000, "1" * 15, "+49", "é", "\x00", "'", ";", ";;1",
    "1;2", "24:00:00", "23:59:59", "08:00:00;08:00:00", "60s", "1m30s", "1.5s", "0s", "1ns", "999999h", "*up", "*none", "*free", "*disconnect",
    "DST_DE", "RT_DE", "DR_DE", "RP_RETAIL", "ALWAYS", "other", "any", "home", "*", "europe", "1001", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59+00:00",
    "0001-01-01T00:00:00+14:00", "{}", "null", "# no", "a" * 300, "1001;1001;europe", "2026;2027", "31", "2", "366", "- a", "&x", "!t", "%d", "\ud7ff",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_junk_in_some_cells(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    place = folder(tmp_path / "plan")
    for path in sorted(place.iterdir()):
        lines = path.read_text(encoding="utf-8").splitlines()
        for _ in range(rng.choice([0, 1, 1, 2, 5])):
            at = rng.randrange(1, len(lines))
            cells = lines[at].split(",")
            cells[rng.randrange(len(cells))] = rng.choice(JUNK)
            lines[at] = ",".join(cells)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    translated, catalogues = imported(place)
    assert len(catalogues) == len(translated.documents) > 0
