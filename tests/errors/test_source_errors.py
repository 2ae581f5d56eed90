"""What a user reads when the definition of a usage source is wrong: every mistake at once, each with its place and remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.errors.conftest import Provoke

MANY = """\
name: Gateway 1
format: delimited
columns: [id, at, from, to, seconds, state, state]
timezone: Berlin
retention: 100
dialect: { delimiter: ";;", decimal: "." }
fields:
  record_id: id
  served: from
  other: too
  start: { column: at, format: "%d.%m.%Y %H:%M:%Q" }
  duration: { column: seconds, unit: kB }
  answered: { column: state, words: { up: maybe } }
  price: amount
numbering: { country_code: 49, trunk_prefix: "0", short_codes: ["11x"] }
legs: { group_by: [call], bills: nobody }
services: { voice: { partials: join, timeout: soon } }
trailer: { starts_with: "", pattern: "T([0-9]+" }
file_sequence: { pattern: "cdr_[0-9]+" }
"""

# text of the definition -> golden text
DEFINITIONS = [
    (MANY, "many_mistakes"),
    ("name: x\nformat: fixed-width\npositions: { caller: [15, 7] }\n", "positions"),
    ("name: x\nformat: asterisk\nservices: { voice: { partials: join } }\nsequence: { per: [src] }\n", "asterisk"),
    ("name: x\nformat: [asterisk\n", "not_yaml"),
    ("name: 2026-02-30\nformat: asterisk\n", "no_date"),
]


@pytest.mark.parametrize(("text", "golden"), DEFINITIONS, ids=[case[1] for case in DEFINITIONS])
def test_mistakes_of_a_definition(provoke: Provoke, tmp_path: Path, text: str, golden: str) -> None:
    path = tmp_path / "source.yaml"
    path.write_text(text, encoding="utf-8")
    provoke(["source", "check", path], status=1, golden=f"source/{golden}", unchanged=path)


def test_a_source_that_is_not_there(provoke: Provoke) -> None:
    provoke(["source", "show", "avaya"], status=2, golden="source/unknown_name")


def test_a_definition_that_is_not_there(provoke: Provoke, tmp_path: Path) -> None:
    provoke(["source", "show", tmp_path / "none.yaml"], status=1, golden="source/missing_file")
