"""A row that was kept says the same when it is read again by itself: what suspense relies on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mediation.decode import decode, decode_rows, header_of
from mediation.definitions.file import read_source
from mediation.definitions.named import find

if TYPE_CHECKING:
    from pathlib import Path

FILES = [  # file, and its source: a built-in one or the definition beside it
    ("radius-detail/sessions.detail", "radius-detail"),
    ("kamailio-acc/acc.csv", "kamailio-acc"),
    ("cisco-cucm/legs.csv", "cisco-cucm"),
    ("kamailio-cdrs/cdrs.csv", "sbc.yaml"),
    ("delimited/carrier.txt", "carrier.yaml"),
    ("fixed-width/exchange.txt", "exchange.yaml"),
]


@pytest.mark.parametrize(("file", "named"), FILES, ids=[file for file, _ in FILES])
def test_rows_alone_say_what_they_said_in_their_file(fixtures: Path, file: str, named: str) -> None:
    path = fixtures / file
    source = read_source(path.parent / named) if named.endswith(".yaml") else find(named)
    whole, data, header = decode(path, source), path.read_bytes(), header_of(path, source)
    places = zip(whole.usage.column("raw_offset").to_pylist(), whole.usage.column("raw_length").to_pylist(), strict=True)
    alone = decode_rows([data[begin : begin + length] for begin, length in places], source, header=header)
    assert alone.usage.column("raw_offset").to_pylist() == list(range(whole.usage.num_rows))
    assert alone.usage.drop(["raw_offset"]).to_pylist() == whole.usage.drop(["raw_offset"]).to_pylist()
    refused = decode_rows([reject.raw for reject in whole.rejects], source, header=header)
    assert [(reject.reason, reject.raw) for reject in refused.rejects] == [(reject.reason, reject.raw) for reject in whole.rejects]
    assert whole.rejects, "the fixture has rows that are refused"
