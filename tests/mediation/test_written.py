"""Values that are written as a source says: one row a text, what it is, or that it cannot be read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mediation.reasons import REASONS
from mediation.records.rows import Block, Spans, text_block
from mediation.sources.rules import Unit
from mediation.values import written

BAD = "unreadable"


def block_of(*columns: list[str]) -> tuple[Block, list[Spans]]:
    block = text_block([pa.array(column, pa.string()) for column in columns])
    return block, [Spans(block.field_begin[place], block.field_end[place]) for place in range(len(columns))]


AMOUNTS: list[tuple[str, Unit, str, int | str]] = [
    ("12", Unit.SECOND, ".", 12_000_000),
    ("+12", Unit.SECOND, ".", 12_000_000),
    ("-12.5", Unit.SECOND, ".", -12_500_000),
    ("12,5", Unit.SECOND, ",", 12_500_000),
    ("12,5", Unit.SECOND, ".", BAD),
    ("12.5", Unit.SECOND, ",", BAD),
    ("0.1234569", Unit.SECOND, ".", 123_456),
    (".5", Unit.SECOND, ".", 500_000),
    (".", Unit.SECOND, ".", BAD),
    ("5.", Unit.SECOND, ".", 5_000_000),
    ("1.234567e+03", Unit.SECOND, ".", 1_234_567_000),
    ("1.5E-1", Unit.SECOND, ".", 150_000),
    ("1e3", Unit.SECOND, ".", BAD),  # the seconds were rounded away
    ("1.23457e+06", Unit.SECOND, ".", BAD),
    ("1.234567e+06", Unit.SECOND, ".", 1_234_567_000_000),
    ("0e9", Unit.SECOND, ".", 0),
    ("1e", Unit.SECOND, ".", BAD),
    (".5", Unit.SECOND, ".", 500_000),
    (".", Unit.SECOND, ".", BAD),
    ("1e99", Unit.SECOND, ".", BAD),
    ("12s", Unit.SECOND, ".", BAD),
    ("1 2", Unit.SECOND, ".", BAD),
    ("-", Unit.SECOND, ".", BAD),
    ("9" * 30, Unit.SECOND, ".", BAD),
    ("67539896", Unit.MICROSECOND, ".", 67_539_896),
    ("1500", Unit.MILLISECOND, ".", 1_500_000),
    ("15", Unit.TENTH, ".", 1_500_000),
    ("1.5", Unit.MINUTE, ".", 90_000_000),
    ("169899605,703408", Unit.SECOND, ",", 169_899_605_703_408),  # times a million it is beyond what a number of 64 bits holds
    ("169899605,703408", Unit.MINUTE, ",", 10_193_976_342_204_480),
    ("123456789012,5", Unit.MINUTE, ",", BAD),
    ("3", Unit.COUNT, ".", 3),
    ("3.0", Unit.COUNT, ".", 3),
    ("3.5", Unit.COUNT, ".", BAD),
    ("4294967296", Unit.BYTE, ".", 4_294_967_296),
    ("1.5", Unit.KILOBYTE, ".", 1500),
    ("1.5", Unit.KIBIBYTE, ".", 1536),
    ("2", Unit.MEGABYTE, ".", 2_000_000),
    ("2", Unit.MEBIBYTE, ".", 2_097_152),
    ("01:02:03", Unit.CLOCK, ".", 3_723_000_000),
    ("2:03", Unit.CLOCK, ".", 123_000_000),
    ("100:00:00.25", Unit.CLOCK, ".", 360_000_250_000),
    ("1:60", Unit.CLOCK, ".", BAD),
    ("1:2:3:4", Unit.CLOCK, ".", BAD),
    ("63", Unit.CLOCK, ".", BAD),
    ("010203", Unit.CLOCK_DIGITS, ".", 3_723_000_000),
    ("130", Unit.CLOCK_DIGITS, ".", 90_000_000),
    ("000060", Unit.CLOCK_DIGITS, ".", BAD),
]


@pytest.mark.parametrize(("text", "unit", "mark", "expected"), AMOUNTS)
def test_amounts(text: str, unit: Unit, mark: str, expected: int | str) -> None:
    block, [spans] = block_of([text, ""])
    found = written.amounts(block, spans, unit, mark)
    assert (BAD if block.code[0] else int(found.value[0])) == expected
    assert (bool(found.present[0]), bool(found.present[1]), int(block.code[1])) == (expected != BAD, False, 0)


TIMES: list[tuple[str, str, str]] = [  # text, format, instant in UTC (zone Asia/Shanghai where it carries no offset)
    ("02.03.2026 10:00:05", "%d.%m.%Y %H:%M:%S", "2026-03-02T02:00:05"),
    ("2/3/26 9:05", "%d/%m/%y %H:%M", "2026-03-02T01:05:00"),
    ("20260302100005", "%Y%m%d%H%M%S", "2026-03-02T02:00:05"),
    ("03-02-2026 11:59:59 pm", "%m-%d-%Y %I:%M:%S %p", "2026-03-02T15:59:59"),
    ("03-02-2026 12:00:00 AM", "%m-%d-%Y %I:%M:%S %p", "2026-03-01T16:00:00"),
    ("03-02-2026 12:30:00 PM", "%m-%d-%Y %I:%M:%S %p", "2026-03-02T04:30:00"),
    ("Mar  2 2026 10:00:05 UTC", "%b %d %Y %H:%M:%S %z", "2026-03-02T10:00:05"),
    ("Mon Mar  2 10:00:05 2026", "%a %b %d %H:%M:%S %Y", "2026-03-02T02:00:05"),
    ("2026年3月2日 10:00:05", "%Y年%m月%d日 %H:%M:%S", "2026-03-02T02:00:05"),
    ("2 March 2026, 10:00", "%d %b %Y, %H:%M", "2026-03-02T02:00:00"),
    ("10:00:05.123456789 CST 02 Mar 2026", "%H:%M:%S.%f %Z %d %b %Y", "2026-03-02T02:00:05.123456"),
    ("2026-03-02T10:00:05-05:30", "%Y-%m-%dT%H:%M:%S%z", "2026-03-02T15:30:05"),
    ("29.02.2028 00:00:00", "%d.%m.%Y %H:%M:%S", "2028-02-28T16:00:00"),
    ("29.02.2026 00:00:00", "%d.%m.%Y %H:%M:%S", BAD),
    ("31.04.2026 00:00:00", "%d.%m.%Y %H:%M:%S", BAD),
    ("02.03.2026 24:00:00", "%d.%m.%Y %H:%M:%S", BAD),
    ("02.03.2026 10:00:05 x", "%d.%m.%Y %H:%M:%S", BAD),
    ("02.03.2026", "%d.%m.%Y %H:%M:%S", BAD),
    ("13-02-2026 13:00:00 PM", "%m-%d-%Y %I:%M:%S %p", BAD),
    ("2026-03-02 10:00:05", "", "2026-03-02T02:00:05"),
]


@pytest.mark.parametrize(("text", "form", "expected"), TIMES)
def test_times_by_a_format(text: str, form: str, expected: str) -> None:
    block, [spans] = block_of([text, ""])
    found = written.times_by(block, spans, form, "Asia/Shanghai")
    instant = (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(found.earliest_us[0]))).isoformat()  # noqa: DTZ001 - UTC all along
    assert (BAD if block.code[0] else instant) == expected
    assert not found.present[1]


def test_an_offset_may_stand_in_a_column_of_its_own() -> None:
    block, [time, offset] = block_of(["2026-03-02 10:00:00"] * 3, ["+0200", "", "two"])
    found = written.times_with_offsets(block, time, "", offset, "Asia/Shanghai")
    hours = (found.earliest_us[:2] - found.earliest_us[1]) // 3_600_000_000
    assert (hours.tolist(), found.offset_s[:2].tolist(), found.is_local[:2].tolist()) == ([6, 0], [7200, 28_800], [False, True])
    assert [str(REASONS[code]) for code in block.code] == ["None", "None", "unreadable_time"]


COUNTS = [
    ("1772445605", Unit.EPOCH_SECOND, 1_772_445_605_000_000),
    ("1772445605.25", Unit.EPOCH_SECOND, 1_772_445_605_250_000),
    ("1772445605250", Unit.EPOCH_MILLISECOND, 1_772_445_605_250_000),
    ("1772445605250001", Unit.EPOCH_MICROSECOND, 1_772_445_605_250_001),
    ("1772445605250", Unit.EPOCH_SECOND, BAD),
    ("-1", Unit.EPOCH_SECOND, BAD),
    ("0", Unit.EPOCH_SECOND, None),
]


@pytest.mark.parametrize(("text", "unit", "expected"), COUNTS)
def test_counts_since_1970(text: str, unit: Unit, expected: Any) -> None:  # noqa: ANN401 - an instant, none or a reason
    block, [spans] = block_of([text])
    found = written.epochs(block, spans, unit)
    instant = int(found.earliest_us[0]) if found.present[0] else None
    assert (BAD if block.code[0] else instant) == expected


def test_constant_amounts() -> None:
    cases = {"1": 1_000_000, "0.5": 500_000, "1e400": None, "x": None, "0.0000001": None, "NaN": None}
    assert {text: written.constant_amount(text, Unit.SECOND) for text in cases} == cases


def test_texts_are_put_together_with_a_blank_between() -> None:
    block, [date, time] = block_of(['"a"', "", "c", ""], ["1", "2", "", ""])
    made = written.with_texts(block, {"=both": [date, time]}, {"=fixed": "gw-1"})
    for name, expected in (("=both", ['"a" 1', "2", "c", ""]), ("=fixed", ["gw-1"] * 4)):
        spans = Spans(*(column[made.field_begin.shape[0] - 2 + (name == "=fixed")] for column in (made.field_begin, made.field_end)))
        limits = zip(spans.begin.tolist(), spans.end.tolist(), strict=True)
        assert [made.data[begin:end].tobytes().decode() for begin, end in limits] == expected
        assert not (made.data[np.maximum(spans.begin - 1, 0)] == ord('"')).any()  # or a text would be taken as quoted
