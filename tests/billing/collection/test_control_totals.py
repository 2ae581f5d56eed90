"""What a file says about itself, against what was read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.collection.control_totals import ControlTotalsError, checked
from mediation.sources.model import BUILT_IN, ControlTotals, FileSequence, Source, Unit
from tests.billing.usage_rows import Event, batch

if TYPE_CHECKING:
    from mediation.decoded import Decoded

TWO = batch(Event("a", 61, volume_bytes=1_000), Event("b", 30, volume_bytes=24))  # 91 s, 1,024 bytes
TRAILER = r"T;(?P<count>[^;]*);(?P<duration>[^;]*)(;(?P<bytes>[^;]*))?"


def _source(pattern: str = TRAILER, unit: Unit = Unit.SECOND, header: str = "", numbers: str = "") -> Source:
    return msgspec.structs.replace(
        BUILT_IN["asterisk"],
        trailer=ControlTotals("T", pattern, unit) if pattern else None,
        header=ControlTotals("H", header) if header else None,
        file_sequence=FileSequence(numbers) if numbers else None,
    )


def _with_lines(*lines: str, decoded: Decoded = TWO) -> Decoded:
    return decoded._replace(control_lines=tuple(line.encode() for line in lines))


AGREES = [
    # line, unit of its duration
    ("T;2;91", Unit.SECOND),
    ("T;2;91;1024\r\n", Unit.SECOND),
    ("T;2;91.000", Unit.SECOND),
    ("T;2;90.5", Unit.SECOND),  # less than a second apart: it was rounded
    ("T;0002;0000091", Unit.SECOND),
    ("T;2;91000", Unit.MILLISECOND),
    ("T;2;910", Unit.TENTH),
    ("T;2;1,5166", Unit.MINUTE),
    ("T;2;91000000", Unit.MICROSECOND),
    ("T;2;00:01:31", Unit.CLOCK),
    ("T;2;1:31", Unit.CLOCK),
]


@pytest.mark.parametrize(("line", "unit"), AGREES)
def test_totals_that_agree(line: str, unit: Unit) -> None:
    totals = checked("x", _with_lines(line), _source(unit=unit))
    assert totals.said["count"] == totals.counted["count"] == 2
    assert totals.counted["duration"] == 91_000_000


REFUSED = [
    # line, unit, what is said
    ("T;3;91", Unit.SECOND, "records: 3 by the file, 2 counted"),
    ("T;2;92", Unit.SECOND, "microseconds: 92,000,000 by the file, 91,000,000 counted"),
    ("T;2;91001", Unit.MILLISECOND, "microseconds: 91,001,000 by the file"),
    ("T;2;91;1025", Unit.SECOND, "bytes: 1,025 by the file, 1,024 counted"),
    ("T;1;90;1", Unit.SECOND, "records: 1 by the file, 2 counted; microseconds: 90,000,000 by the file, 91,000,000 counted; bytes: 1 by"),
    ("T;-2;91", Unit.SECOND, "the count in the trailer of x is not a number: '-2'"),
    ("T;2.0;91", Unit.SECOND, "the count in the trailer of x is not a number"),
    ("T;2;9e1", Unit.SECOND, "the duration in the trailer of x is not a number"),
    ("T;2;1:2:3:4", Unit.CLOCK, "the duration in the trailer of x is not a number"),
    ("T;\u0662;91", Unit.SECOND, "the count in the trailer of x is not a number"),
    ("T;" + "9" * 30 + ";91", Unit.SECOND, "the count in the trailer of x is not a number"),
    ("T 2", Unit.SECOND, "the trailer of x is not as its source says: 'T 2'"),
]


@pytest.mark.parametrize(("line", "unit", "message"), REFUSED)
def test_totals_that_do_not(line: str, unit: Unit, message: str) -> None:
    with pytest.raises(ControlTotalsError) as caught:
        checked("x", _with_lines(line), _source(unit=unit))
    assert message in caught.value.message


def test_sums_are_open_where_a_record_could_not_be_read() -> None:
    decoded = batch(Event("a", 61), rejects=["?"])
    assert checked("x", _with_lines("T;2;500", decoded=decoded), _source()).said["duration"] == 500_000_000
    with pytest.raises(ControlTotalsError, match="records: 1 by the file, 2 counted"):
        checked("x", _with_lines("T;1;500", decoded=decoded), _source())


def test_a_promised_line_must_be_there_once() -> None:
    source = _source(header=r"H;(?P<sequence>\d+)")
    assert checked("x", _with_lines("H;7", "T;2;91"), source).said == {"sequence": 7, "count": 2, "duration": 91_000_000}
    for lines, message in (
        (("T;2;91",), "x has no single header: no line begins with 'H'"),
        (("H;7",), "x has no single trailer: no line begins with 'T'"),
        (("H;7", "T;2;91", "T;2;91"), "x has no single trailer: 2 lines begin with 'T'"),
    ):
        with pytest.raises(ControlTotalsError) as caught:
            checked("x", _with_lines(*lines), source)
        assert caught.value.message == message


def test_the_number_in_a_file_is_that_of_its_name() -> None:
    source = _source(header=r"H;(?P<sequence>\d+)", numbers=r"_(\d+)\.")
    assert checked("sw_0007.csv", _with_lines("H;7", "T;2;91"), source).said["sequence"] == 7
    assert checked("unnumbered.csv", _with_lines("H;7", "T;2;91"), source).said["sequence"] == 7
    with pytest.raises(ControlTotalsError, match=r"sw_0008.csv says that it is number 7, and its name says 8"):
        checked("sw_0008.csv", _with_lines("H;7", "T;2;91"), source)
