"""Single rows that were kept are decoded again: the same usage as in their file, or a reject, each with the row's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mediation.decode import decode, decode_rows, header_of
from mediation.definitions.named import find
from mediation.sources.model import Dialect, FieldRule, Format, Layout, Source

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

ASTERISK = find("asterisk")
DIALLED = '"","8613800000001","8613900000002","ctx","x","SIP/a-1","SIP/b-1","Dial","x"'
TIMES = '"2026-03-01 10:00:00","2026-03-01 10:00:05","2026-03-01 10:01:05"'
GOOD = f'{DIALLED},{TIMES},65,60,"ANSWERED","DOCUMENTATION","u1",""'.encode()


def without_places(usage: pa.Table) -> list[dict[str, object]]:
    return usage.drop_columns(["raw_offset", "raw_length", "flags"]).to_pylist()


def test_rows_of_a_file_one_by_one(fixtures: Path) -> None:
    for name in ("widths.csv", "duplicates.csv", "broken.csv"):
        data = (fixtures / name).read_bytes()
        whole = decode(fixtures / name, ASTERISK)
        places = list(zip(*(whole.usage.column(column).to_pylist() for column in ("raw_offset", "raw_length")), strict=True))
        again = decode_rows([data[begin : begin + length] for begin, length in places], ASTERISK)
        assert without_places(again.usage) == without_places(whole.usage)
        assert again.usage.column("raw_offset").to_pylist() == list(range(len(places)))
        rejected = decode_rows([reject.raw for reject in whole.rejects], ASTERISK)
        assert [(reject.reason, reject.offset) for reject in rejected.rejects] == [
            (reject.reason, index) for index, reject in enumerate(whole.rejects)
        ]


def test_a_row_that_would_swallow_the_next_one_does_not() -> None:
    raws = [b'a,"b', GOOD, b'x",c', GOOD.replace(b"u1", b"u2"), b""]
    found = decode_rows(raws, ASTERISK)
    assert found.usage.column("raw_offset").to_pylist() == [1, 3]
    assert {(reject.reason, reject.offset) for reject in found.rejects} == {("unterminated_quote", 0), ("wrong_column_count", 2)}


def test_no_rows() -> None:
    found = decode_rows([], ASTERISK)
    assert (found.rows, found.usage.num_rows, found.rejects) == (0, 0, [])


def test_legs_of_one_call_stand_alone() -> None:
    shorter = GOOD.replace(b"65,60", b"65,50").replace(b"SIP/b-1", b"SIP/b-2")
    assert decode_rows([GOOD, shorter], ASTERISK).usage.column("flags").to_pylist() == [0, 0]


def test_the_header_names_the_columns() -> None:
    fields = {"record_id": FieldRule("id"), "served": FieldRule("a"), "start": FieldRule("at"), "duration": FieldRule("s")}
    source = Source("x", Format.DELIMITED, (), dialect=Dialect(names_in_header=True), fields=fields)
    found = decode_rows([b"9,2026-03-01 10:00:00,8613800000001,r1"], source, header=b"s,at,a,id\n")
    (row,) = found.usage.to_pylist()
    assert (row["record_id"], row["served_id"], row["duration_us"], row["raw_offset"]) == ("r1", "8613800000001", 9_000_000, 0)


def test_the_header_of_a_file_reads_its_rows(examples: Path) -> None:
    path, source = examples / "packets.csv", find(str(examples / "packets.yaml"))
    header = header_of(path, source)
    lines = path.read_bytes().splitlines()
    assert header == lines[0] + b"\n"
    found = decode_rows([lines[4], lines[1]], source, header=header)
    assert found.usage.column("record_id").to_pylist() == ["p-4", "p-1"]
    assert header_of(examples / "messages.csv", find(str(examples / "messages.yaml"))) == b""


@pytest.mark.parametrize("field", ["plain", 'with "quotes"', "with,comma", "two\nlines"])
def test_a_quoted_field_is_the_same_alone_and_among_others(field: str) -> None:
    source = Source("q", Format.ASTERISK, (Layout(("src", "dst", "start", "answer", "disposition", "billsec", "uniqueid")),))
    escaped = field.replace('"', '""')
    row = f'"{escaped}","8613900000002","2026-03-01 10:00:00","2026-03-01 10:00:05",ANSWERED,60,u'.encode()
    for raws in ([row], [row + b"1", row + b"2", row + b"3"]):
        found = decode_rows(raws, source)
        assert found.usage.column("served_raw").to_pylist() == [field] * len(raws)
