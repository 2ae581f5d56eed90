"""docs/checking-tariffs.md names every warning in the words of the code, and the limits as they are."""

from __future__ import annotations

import re
from pathlib import Path

from tariffs.documents import limits
from tariffs.documents.findings import ZONE_ID_MAX
from tariffs.warnings import CODES

PAGE = (Path(__file__).parents[3] / "docs" / "checking-tariffs.md").read_text(encoding="utf-8")


def test_every_code() -> None:
    told = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    assert told.keys() == CODES.keys()
    assert all(told[code].startswith(about) for code, about in CODES.items())


def test_every_limit() -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| ([0-9][^|]*) \|", PAGE, re.MULTILINE))
    figures = [int(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*", " ".join(rows.values()))]
    mebibytes = [limits.YAML_BYTES_MAX, limits.FOLDER_YAML_BYTES_MAX, limits.CSV_BYTES_MAX, limits.CSV_CELL_CHARS_MAX]
    others = [
        limits.YAML_NODES_MAX,
        limits.FILES_MAX,
        limits.FOLDER_ENTRIES_MAX,
        limits.LIST_ENTRIES_MAX,
        limits.PLANS_MAX,
        limits.FALLBACKS_MAX,
        limits.BANDS_MAX,
        ZONE_ID_MAX,
        limits.RULES_MAX,
        limits.CANDIDATES_MAX,
        limits.CSV_ROWS_MAX,
        15,
    ]
    assert limits.STEPS_MAX == limits.BANDS_MAX
    assert sorted(figures) == sorted([*(figure // limits.MIB for figure in mebibytes), *others])
