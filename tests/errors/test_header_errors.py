"""What a user reads when a file's header is not that of its source: nothing is taken of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.errors.conftest import Provoke

CALL_QUALITY = '"cdrRecordType","globalCallID_callManagerId","globalCallID_callId","nodeId"\nINTEGER,INTEGER,INTEGER,INTEGER\n2,1,5,1\n'
CARRIER = """\
name: carrier
format: delimited
dialect: { delimiter: ";", names_in_header: true }
key: [id]
fields: { served: from, start: at, duration: seconds }
"""
FILES = [  # source, the file, golden text
    ("cisco-cucm", CALL_QUALITY, "call_quality"),
    (CARRIER, "id;from;to;seconds\n1;8613900000001;8613700000001;60\n", "missing_column"),
    (CARRIER, "id;from;at;seconds;ID\n", "column_twice"),
    (CARRIER, ";".join(f"c{number}" for number in range(300)) + "\n", "too_wide"),
]


@pytest.mark.parametrize(("source", "text", "golden"), FILES, ids=[case[2] for case in FILES])
def test_headers(  # noqa: PLR0913, PLR0917 - fixtures and a table's columns
    provoke: Provoke, home: Path, tmp_path: Path, source: str, text: str, golden: str
) -> None:
    path, definition = tmp_path / "usage.csv", tmp_path / "carrier.yaml"
    path.write_text(text)
    definition.write_text(CARRIER)
    named = definition if source == CARRIER else source
    provoke(["usage", "inspect", path, "--source", named], status=1, golden=f"usage/header_{golden}", unchanged=path)
    provoke(["usage", "ingest", path, "--source", named, "--home", home], status=1, golden=f"usage/header_{golden}", unchanged=home)
