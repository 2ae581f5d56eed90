"""Rows and fields as positions: against the csv module on well-formed text, and by hand on damaged text."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediation.reasons import REASONS
from mediation.records.scan import COMMAS, NONE, QUOTED_BYTES_MAX, ROW_BYTES_MAX, Marks, ends_in_long_row, room, scan


def rows_of(data: bytes, widths: tuple[int, ...], marks: Marks = COMMAS) -> list[list[bytes] | str]:
    """Each row's fields, or the reason why it is none. Asserts that every byte is in a row or is a line break."""
    rows = room(1000, max(widths))
    array = np.frombuffer(data, np.uint8)
    count, position = scan(array, 0, len(data), rows, sum(1 << width for width in widths), is_last=True, marks=marks)
    assert position == len(data)
    found: list[list[bytes] | str] = []
    outside, before = b"", 0
    for row in range(count):
        begin, end = int(rows.begin[row]), int(rows.end[row])
        outside += data[before:begin]
        before = end
        fields = range(min(int(rows.width[row]), max(widths)))
        texts = [data[rows.field_begin[place, row] : rows.field_end[place, row]] for place in fields]
        found.append(str(REASONS[rows.fault[row]]) if rows.fault[row] else texts)
    outside += data[before:]
    assert outside.strip(b"\r\n") == b""
    return found


CASES = [
    ("plain", b"a,b\nc,d\n", [[b"a", b"b"], [b"c", b"d"]]),
    ("no break at the end", b"a,b", [[b"a", b"b"]]),
    ("CRLF", b"a,b\r\nc,d\r\n", [[b"a", b"b"], [b"c", b"d"]]),
    ("quoted CRLF", b'"a","b"\r\n', [[b"a", b"b"]]),
    ("empty lines are no rows", b"\n\r\na,b\n\n", [[b"a", b"b"]]),
    ("empty fields", b',""\n', [[b"", b""]]),
    ("comma in quotes", b'"a,b",c\n', [[b"a,b", b"c"]]),
    ("doubled quotes stay as they are", b'"a""b",""""\n', [[b'a""b', b'""']]),
    ("line break in quotes", b'"a\nb",c\nd,e\n', [[b"a\nb", b"c"], [b"d", b"e"]]),
    ("blanks around", b' a , "b" \n', [[b"a", b"b"]]),
    ("lone quote in a quoted name", b'"a "b c",d\n', [[b'a "b c', b"d"]]),
    ("quote inside an unquoted field", b'a"b,c\n', [[b'a"b', b"c"]]),
    ("text behind a quote", b'"a" <b>,c\nd,e\n', [[b'"a" <b>', b"c"], [b"d", b"e"]]),
    ("text behind a quote, CRLF", b'c,"a" <b>\r\n"d","e"\r\n', [[b"c", b'"a" <b>'], [b"d", b"e"]]),
    ("text behind a quote, a comma inside", b'"a, x" <b> ,"c"\n', [[b'"a, x" <b>', b"c"]]),
    ("text behind a quote, quotes after it", b'"a" <b>,"c"\nd,e\n', [[b'"a" <b>', b"c"], [b"d", b"e"]]),
    ("text behind a quote, doubled quotes", b'"a""b" <c>,d\n', [[b'"a""b" <c>', b"d"]]),
    ("text behind a quote, too many columns", b'"a" <b>,c,d\ne,f\n', ["unterminated_quote", [b"e", b"f"]]),
    ("stray quote, unquoted rows after", b'"a,b\nc,d\n', ["unterminated_quote", [b"c", b"d"]]),
    ("stray quote, quoted rows after", b'"a,b\n"c","d"\n', ["unterminated_quote", [b"c", b"d"]]),
    ("stray quote in the last field", b'a,"b\nc,d\n"e","f"\n', ["unterminated_quote", [b"c", b"d"], [b"e", b"f"]]),
    ("stray quote that a comma closes later", b'"a,b\nc,d",e,f\ng,h\n', ["unterminated_quote", [b"c", b'd"'], [b"g", b"h"]]),
    ("stray quote at the end", b'a,b\n"c', [[b"a", b"b"], "unterminated_quote"]),
]


@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rows(data: bytes, expected: list[list[bytes] | str]) -> None:
    assert rows_of(data, (2,)) == expected


@pytest.mark.parametrize("before", [0, 1, 15, 16, 17])
@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in CASES if case[1].endswith(b"\n")])
def test_rows_among_many(data: bytes, expected: list[list[bytes] | str], before: int) -> None:
    """Where 64 bytes can be looked at together: the same rows, wherever among them the odd one begins."""
    line, plain = b"p,q\n", [b"p", b"q"]
    assert rows_of(line * before + data + line * 40, (2,)) == [plain] * before + expected + [plain] * 40


PIECES = st.sampled_from(["a", "bc", ",", ",", "\n", "\r\n", '"', '""', '","', '"\n', " ", "x" * 70, '"y, z"', "#", "\r"])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from([COMMAS, Marks(comment=ord("#")), Marks(quote=NONE)]))
def test_rows_are_the_same_many_at_once_and_one_by_one(text: str, marks: Marks) -> None:
    """Behind the text: nothing, so that its end is looked at byte by byte; or 64 bytes of something that is no part of it."""
    data = text.encode()
    found = []
    for behind in (b"", b'",\n"' * 20):
        rows = room(200, 4)
        count, position = scan(np.frombuffer(data + behind, np.uint8), 0, len(data), rows, 1 << 3, is_last=True, marks=marks)
        widths = rows.width[:count].tolist()
        fields = [
            [(int(rows.field_begin[at, row]), int(rows.field_end[at, row])) for at in range(min(widths[row], 4))] for row in range(count)
        ]
        found.append((position, rows.begin[:count].tolist(), rows.end[:count].tolist(), rows.fault[:count].tolist(), widths, fields))
    assert found[0] == found[1]


OTHER_MARKS = [
    ("semicolon", Marks(ord(";")), b'a;"b;,"\nc,;d\n', [[b"a", b"b;,"], [b"c,", b"d"]]),
    ("tab", Marks(ord("\t")), b"a b\tc\n\td\n", [[b"a b", b"c"], [b"", b"d"]]),
    ("no quotes", Marks(ord("|"), NONE), b'"a|b"\n', [[b'"a', b'b"']]),
    ("single quotes", Marks(quote=ord("'")), b"'a,b',\"c\n", [[b"a,b", b'"c']]),
]


@pytest.mark.parametrize(("marks", "data", "expected"), [case[1:] for case in OTHER_MARKS], ids=[case[0] for case in OTHER_MARKS])
def test_rows_with_other_marks(marks: Marks, data: bytes, expected: list[list[bytes]]) -> None:
    assert rows_of(data, (2,), marks) == expected


def test_comments_are_no_rows() -> None:
    data, rows = np.frombuffer(b'#head "\na,b\n# more\n\nc,#d\n#end', np.uint8), room(10, 2)
    assert scan(data, 0, data.size, rows, 1 << 2, is_last=True, marks=Marks(comment=ord("#"))) == (2, data.size)
    assert [data[rows.begin[row] : rows.end[row]].tobytes() for row in range(2)] == [b"a,b", b"c,#d"]
    assert scan(data, 0, data.size, rows, 1 << 2, is_last=False, marks=Marks(comment=ord("#"))) == (2, data.size - 4)


def test_a_row_may_have_two_hundred_columns() -> None:
    assert rows_of(b",".join([b"x"] * 200) + b"\n", (200,)) == [[b"x"] * 200]


def test_a_quoted_field_that_is_too_long_ends_with_its_line() -> None:
    lines = b"x" * 1000 + b"\n"
    found = rows_of(b'"' + lines * (QUOTED_BYTES_MAX // 1000 + 1) + b'",b\n' + b"c,d\n", (1, 2))
    assert found[:2] == ["unterminated_quote", [b"x" * 1000]]
    assert found[-1] == [b"c", b"d"]


def test_a_row_without_end_comes_in_pieces() -> None:
    found = rows_of(b"x" * (2 * ROW_BYTES_MAX + 10) + b"\na,b\n", (2,))
    assert found == ["row_too_long", "row_too_long", "row_too_long", [b"a", b"b"]]


def test_what_is_left_of_a_long_row_is_no_row_of_its_own() -> None:
    for row in (b"x" * ROW_BYTES_MAX, b'"' + b"x" * ROW_BYTES_MAX, b"," * ROW_BYTES_MAX):
        for end in (b"\n", b"\r\n"):
            assert rows_of(row + b"c,d" + end + b"a,b" + end, (2,)) == ["row_too_long", "row_too_long", [b"a", b"b"]]
            assert rows_of(row + end + b"a,b" + end, (2,))[-1] == [b"a", b"b"]
    assert rows_of(b"x" * (ROW_BYTES_MAX + 3), (1,)) == ["row_too_long", "row_too_long"]


def test_whether_a_long_row_goes_on_is_told_to_the_next_scan() -> None:
    data = np.frombuffer(b"x" * ROW_BYTES_MAX + b"c,d\na,b\n", np.uint8)
    rows = room(1, 2)
    assert scan(data, 0, data.size, rows, 1 << 2, is_last=True) == (1, ROW_BYTES_MAX)
    assert ends_in_long_row(rows, 1, ROW_BYTES_MAX)
    assert scan(data, ROW_BYTES_MAX, data.size, rows, 1 << 2, is_last=True, in_long_row=True) == (1, ROW_BYTES_MAX + 4)
    assert not ends_in_long_row(rows, 1, ROW_BYTES_MAX + 4)
    assert scan(data, ROW_BYTES_MAX, ROW_BYTES_MAX + 3, rows, 1 << 2, is_last=False, in_long_row=True) == (0, ROW_BYTES_MAX)


def test_an_unfinished_row_waits_for_more() -> None:
    data = np.frombuffer(b'a,b\n"c,', np.uint8)
    assert scan(data, 0, data.size, room(10, 2), 1 << 2, is_last=False) == (1, 4)


def test_scanning_stops_where_room_ends() -> None:
    data = np.frombuffer(b"a\nb\nc\n", np.uint8)
    rows = room(2, 1)
    assert scan(data, 0, data.size, rows, 1 << 1, is_last=True) == (2, 4)
    assert scan(data, 4, data.size, rows, 1 << 1, is_last=True) == (1, 6)


TEXT = st.text(st.sampled_from('ab",\n é;'), max_size=6)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_well_formed_text_is_read_as_the_csv_module_reads_it(rows: list[list[str]], line_break: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=line_break).writerows(rows)
    found = rows_of(out.getvalue().encode(), (3,))
    assert [[text.replace(b'""', b'"').decode() for text in row] for row in found if isinstance(row, list)] == rows
    assert len(found) == len(rows)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b" ", b"a", b"\xff", b"\0"]), max_size=60).map(b"".join))
def test_rubbish_is_cut_into_rows_that_hold_every_byte(data: bytes) -> None:
    assert all(isinstance(row, (list, str)) for row in rows_of(data, (2, 5)))
