"""Segments in files as a switch writes them, from the definition of its source to what bills."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from billing.intake import view
from billing.intake.taking import Intake
from mediation.definitions.file import read_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home
    from mediation.sources.model import Source

DEFINITION = """\
name: msc-north
format: delimited
timezone: Asia/Shanghai
columns: [id, reference, part, closing, from, to, began, seconds]
fields:
  record_id: id
  call_ref: reference
  segment: part
  last: { column: closing, words: { final: yes, partial: no } }
  served: from
  other: to
  start: began
  duration: seconds
services:
  voice: { partials: join, timeout: 36h, first_segment: 1 }
"""
# A call from the evening of 29 February to the morning of 1 March, in Shanghai: 7,250 seconds, and the last record names nobody.
FILES = {
    "feb29.csv": [
        "1,c7,1,partial,8613800000001,8613900000002,2028-02-29 23:00:00,1800",
        "2,c7,2,partial,8613800000001,8613900000002,2028-02-29 23:30:00,1800",
        "9,,,final,8613800000001,8613900000003,2028-02-29 23:10:00,30",
    ],
    "mar01a.csv": ["3,c7,3,partial,8613800000001,8613900000002,2028-03-01 00:00:00,1800"],
    "mar01b.csv": [
        "4,c7,4,partial,8613800000001,8613900000002,2028-03-01 00:30:00,1800",
        "5,c7,5,final,8613800000001,,2028-03-01 01:00:00,50",
        "3,c7,3,partial,8613800000001,8613900000002,2028-03-01 00:00:00,1800",
    ],
}
NOW_US = 1_835_500_000_000_000  # 1 March 2028, late


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "msc-north.yaml"
    path.write_text(DEFINITION)
    return read_source(path)


@pytest.mark.parametrize("order", list(itertools.permutations(FILES)), ids="-".join)
def test_a_call_over_files_and_days_is_one_call(
    home: Home, balanced: Callable, source: Source, tmp_path: Path, order: tuple[str, ...]
) -> None:
    intake = Intake(home)
    for name in order:
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in FILES[name]))
        intake.take_file(path, source, NOW_US)
    with home.connect() as connection:
        rows = view.usage(home, ["record_id", "start_us", "duration_us", "other_e164"], home.head_seq(connection)).to_pylist()
    found = sorted((row["record_id"], f"{row['start_us']:%m-%d %H:%M}", row["duration_us"] // 1_000_000, row["other_e164"]) for row in rows)
    assert found == [("9", "02-29 15:10", 30, 8613900000003), ("c7", "02-29 15:00", 7250, 8613900000002)]
    counts = balanced(home)
    assert (counts["intake msc-north: received"], counts["intake msc-north: absorbed"], counts["intake msc-north: assembled"]) == (7, 5, 1)
