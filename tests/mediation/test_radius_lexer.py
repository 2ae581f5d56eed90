"""Records and attributes of detail files as positions: whole ones, damaged ones, and every byte in a record or between two."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediation.formats.radius_lexer import Names, names, room, scan_records
from mediation.reasons import REASONS
from mediation.records.scan import ROW_BYTES_MAX

WANTED = names(("User-Name", "Acct-Session-Id", "Timestamp"), "Timestamp")
Found = list[list[str] | str]


def records_of(data: bytes, wanted: Names = WANTED, records_max: int = 100) -> Found:
    """The wanted attributes of each record, or why it is none. Asserts that what lies outside of records is blank."""
    array, found_room = np.frombuffer(data, np.uint8), room(records_max, wanted.limits.size - 1)
    found: Found = []
    begin, end, outside, goes_on = 0, 0, b"", 0
    while begin < len(data):
        scanned = scan_records(array, begin, len(data), found_room, wanted, is_last=True, in_long_record=goes_on)
        assert scanned.position > begin
        goes_on = scanned.in_long_record
        for row in range(scanned.size):
            outside += data[end : found_room.begin[row]]
            end = int(found_room.end[row])
            assert found_room.begin[row] < end
            limits = zip(found_room.field_begin[:, row].tolist(), found_room.field_end[:, row].tolist(), strict=True)
            texts = [data[first:last].decode("latin-1") for first, last in limits]
            fault = found_room.fault[row]
            found.append(str(REASONS[fault]) if fault else texts[:-1])
        begin = scanned.position
    outside += data[end:]
    assert outside.strip() == b""
    return found


HEAD = b"Mon Mar  2 10:00:05 2026\n"
WHOLE = HEAD + b'\tUser-Name = "anna"\n\tAcct-Session-Id = "1"\n\tTimestamp = 1772445605\n'
ANNA: list[list[str] | str] = [["anna", "1", "1772445605"]]
CASES: list[tuple[str, bytes, Found]] = [
    ("whole", WHOLE + b"\n", ANNA),
    ("two", WHOLE + b"\n" + WHOLE + b"\n", ANNA * 2),
    ("CRLF", WHOLE.replace(b"\n", b"\r\n") + b"\r\n", ANNA),
    ("more blank lines, some with blanks", b"\n \t\n" + WHOLE + b"\n\n  \n" + WHOLE + b"\n", ANNA * 2),
    ("no blank line at the end, but the closing attribute", WHOLE, ANNA),
    ("no line break at the end", WHOLE[:-1], ["truncated_record"]),
    ("cut within a name", WHOLE[:-20], ["truncated_record"]),
    ("cut within a value", WHOLE[:-4], ["truncated_record"]),
    ("no closing attribute, but a blank line", HEAD + b"\tUser-Name = x\n\n", [["x", "", ""]]),
    ("no closing attribute and no blank line", HEAD + b"\tUser-Name = x\n", ["truncated_record"]),
    ("a new header without a blank line", HEAD + b"\tUser-Name = x\n" + WHOLE, ["truncated_record", *ANNA]),
    ("a new header after the closing attribute", WHOLE + WHOLE, ANNA * 2),
    ("no header", b"\tUser-Name = x\n\n", [["x", "", ""]]),
    ("attributes without indentation", b'User-Name = "x"\nAcct-Session-Id=7\n\n', [["x", "7", ""]]),
    ("other operators and tags", b"\tUser-Name := x\n\tAcct-Session-Id:1 += '7'\n\n", [["x", "7", ""]]),
    ("names in another case", b"\tUSER-NAME = x\n\tacct-session-id = 7\n\n", [["x", "7", ""]]),
    ("the first of two counts", b"\tUser-Name = x\n\tUser-Name = y\n\n", [["x", "", ""]]),
    ("quotes and escapes stay", b'\tUser-Name = "a \\"b\\" c"\n\tAcct-Session-Id = "\n\n', [['a \\"b\\" c', '"', ""]]),
    ("a value with an equals sign", b'\tUser-Name = "a = b"\n\n', [["a = b", "", ""]]),
    ("an empty value", b'\tUser-Name = ""\n\tAcct-Session-Id =\n\n', [["", "", ""]]),
    ("longer and shorter names are others", b"\tUser-Names = x\n\tUser-Nam = y\n\n", [["", "", ""]]),
    ("a line that is no attribute", HEAD + b"\tUser-Name = x\n\trubbish\n\n", ["malformed_record"]),
    ("a header alone", HEAD + b"\n", ["malformed_record"]),
    ("two headers", HEAD + HEAD + b"\tUser-Name = x\n\n", ["malformed_record"]),
    ("a name is missing", b"\t= x\n\n", ["malformed_record"]),
    ("NULs", b"\0\0\0\n\n", ["malformed_record"]),
    ("nothing", b"\n\n \n", []),
]


@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_records(data: bytes, expected: Found) -> None:
    assert records_of(data) == expected


def test_an_unfinished_record_waits_for_more() -> None:
    data = np.frombuffer(WHOLE + b"\n" + WHOLE[:-1], np.uint8)
    found = scan_records(data, 0, data.size, room(10, 3), WANTED, is_last=False)
    assert (found.size, found.position) == (1, len(WHOLE) + 1)
    data = np.frombuffer(WHOLE, np.uint8)  # its blank line may still come
    assert scan_records(data, 0, data.size, room(10, 3), WANTED, is_last=False).size == 0


def test_scanning_stops_where_room_ends() -> None:
    data = (WHOLE + b"\n") * 5
    assert records_of(data, records_max=2) == ANNA * 5


def test_a_record_without_end_comes_in_pieces_up_to_its_blank_line() -> None:
    lines = b"\tUser-Name = x\n" * (2 * ROW_BYTES_MAX // 15 + 1)
    assert records_of(HEAD + lines + b"\n" + WHOLE + b"\n") == ["row_too_long"] * 3 + ANNA
    assert records_of(b"x" * (ROW_BYTES_MAX + 5) + b"\n\n" + WHOLE) == ["row_too_long"] * 2 + ANNA


def test_what_is_left_of_a_long_record_is_no_record_of_its_own() -> None:
    filler = b"\tReply-Message = " + b"x" * (ROW_BYTES_MAX - len(HEAD) - 17)
    assert records_of(HEAD + filler + b"\n\tUser-Name = x\n\n" + WHOLE) == ["row_too_long"] * 2 + ANNA


def test_a_piece_that_ends_among_blanks_goes_on_behind_them() -> None:
    filler = b"\tReply-Message = x" + b" " * ROW_BYTES_MAX
    assert records_of(HEAD + filler + b"\n\tUser-Name = x\n\n" + WHOLE) == ["row_too_long"] * 2 + ANNA


@pytest.mark.parametrize("byte", [b"\0", b" ", b"\t", b"x"])
def test_a_line_that_never_ends_comes_in_few_pieces(byte: bytes) -> None:
    assert records_of(HEAD + b"\tUser-Name = x" + byte * (3 * ROW_BYTES_MAX)) == ["row_too_long"] * 4


PIECES = [b"\n", b"\r\n", b"\t", b" ", b"=", b" = ", b'"', b"User-Name", b"Timestamp", b"Mon Mar 2", b":", b"+", b"\xff", b"\0", WHOLE]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_rubbish_is_cut_into_records_that_hold_every_byte(data: bytes) -> None:
    assert all(isinstance(record, (list, str)) for record in records_of(data))
