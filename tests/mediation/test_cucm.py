"""Cisco CUCM: two header lines, seconds since 1970, and what forwarding, hunt groups and conferences leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from mediation.decode import decode
from mediation.definitions.named import find
from mediation.inspect import inspect
from mediation.sources.model import Legs
from rating.errors import UnusableFileError
from rating.schema import LegRole, ServedKind, UsageFlag

if TYPE_CHECKING:
    from pathlib import Path

CUCM = find("cisco-cucm")


def test_a_file_of_every_kind_of_row(fixtures: Path) -> None:
    decoded = decode(fixtures / "cisco-cucm" / "legs.csv", CUCM)
    rows = [
        (row["call_ref"].rpartition("-")[2], f"{row['start_us']:%H:%M:%S}", row["duration_us"] // 1_000_000, row["flags"], row["cause"])
        for row in decoded.usage.to_pylist()
    ]
    assert rows == [  # the duration as given; a call that was not answered stands at its origination
        ("5001", "10:00:05", 90, 0, 16),
        ("5002", "10:01:40", 0, UsageFlag.UNANSWERED, 17),
        ("5003", "10:03:30", 60, 0, 16),
        ("5004", "10:05:10", 5, 0, 16),
        ("5005", "10:06:40", 0, 0, 0),  # causes of conferences are Cisco's own
    ]
    assert [reject.reason for reject in decoded.rejects] == ["unknown_record_type", "end_before_start"]


TYPES_LINES = [b"INTEGER,INTEGER,VARCHAR(50)\n", b'"INTEGER","INTEGER"\r\n', b"varchar(50),INTEGER\n", b"UNIQUEIDENTIFIER,INTEGER\n", b""]


@pytest.mark.parametrize("types", TYPES_LINES)
def test_the_line_of_types_may_be_missing(fixtures: Path, tmp_path: Path, types: bytes) -> None:
    names, _, *rows = (fixtures / "cisco-cucm" / "legs.csv").read_bytes().splitlines(keepends=True)
    path = tmp_path / "cdr"
    path.write_bytes(names + types + b"".join(rows))
    found = inspect(path, CUCM)
    assert (found.rows, found.answered, found.unanswered) == (len(rows), 4, 1)


def test_a_header_alone_holds_no_rows(fixtures: Path, tmp_path: Path) -> None:
    names = (fixtures / "cisco-cucm" / "legs.csv").read_bytes().splitlines()[0]
    for number, text in enumerate((names, names + b"\n", names + b"\nINTEGER", names + b"\n\nINTEGER\n")):
        path = tmp_path / str(number)
        path.write_bytes(text)
        assert inspect(path, CUCM).rows == 0


def test_parties(fixtures: Path) -> None:
    rows = decode(fixtures / "cisco-cucm" / "legs.csv", CUCM).usage.to_pylist()
    found = [(row["served_id"], row["served_kind"], row["other_raw"], row["third_e164"]) for row in rows]
    assert found == [
        ("8613900000001", ServedKind.E164, "+8613700000001", None),
        ("8613900000001", ServedKind.E164, "+8613700000002", None),
        ("8613700000009", ServedKind.E164, "+8613600000003", 8613900000001),  # forwarded by the third
        ("8613700000009", ServedKind.E164, "1002", None),  # a hunt pilot is nobody who forwards
        ("acme-7", ServedKind.ACCOUNT_CODE, "b00101201", None),
    ]
    assert rows[0]["call_ref"] == "StandAloneCluster-1-5001"
    assert (rows[0]["trunk_in"], rows[0]["trunk_out"]) == ("SEP001122334455", "trunk-1")


def test_the_forwarder_pays_where_the_source_says_so(fixtures: Path) -> None:
    source = msgspec.structs.replace(CUCM, legs=Legs(forwarder="forwarder", forwarder_pays=True))
    rows = decode(fixtures / "cisco-cucm" / "legs.csv", source).usage.to_pylist()
    assert [row["leg_role"] for row in rows] == [LegRole.CALL, LegRole.CALL, LegRole.FORWARD, LegRole.CALL, LegRole.CALL]
    assert [row["served_id"] for row in rows[2:4]] == ["8613900000001", "8613700000009"]


def test_figures(fixtures: Path) -> None:
    found = inspect(fixtures / "cisco-cucm" / "legs.csv", CUCM)
    assert (found.rows, found.answered, found.unanswered, found.answered_duration_us) == (7, 4, 1, (90 + 60 + 5) * 1_000_000)


def test_columns_may_stand_in_any_order_and_case(fixtures: Path, tmp_path: Path) -> None:
    lines = (fixtures / "cisco-cucm" / "legs.csv").read_text().splitlines()
    header = ",".join(reversed(lines[0].split(","))).upper()
    shuffled = tmp_path / "cucm.csv"
    shuffled.write_text("\n".join([header, *(",".join(reversed(line.split(","))) for line in lines[1:])]) + "\n")
    plain, turned = (decode(path, CUCM).usage for path in (fixtures / "cisco-cucm" / "legs.csv", shuffled))
    for name in ("event_key", "content_hash", "record_id", "third_e164", "cause"):
        assert plain.column(name).equals(turned.column(name)), name


def test_without_pkid_a_row_is_known_by_its_legs(fixtures: Path, tmp_path: Path) -> None:
    lines = (fixtures / "cisco-cucm" / "legs.csv").read_text().replace('"pkid"', '"other"').splitlines()
    path = tmp_path / "cucm.csv"
    path.write_text("\n".join([*lines[:3], lines[2], lines[2].replace(",111,", ",999,")]) + "\n")
    found = inspect(path, CUCM)
    assert (found.rows, found.answered, found.duplicate) == (3, 2, 1)


def test_a_file_of_call_quality_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cmr.csv"
    path.write_text(
        '"cdrRecordType","globalCallID_callManagerId","globalCallID_callId","nodeId"\nINTEGER,INTEGER,INTEGER,INTEGER\n2,1,5,1\n'
    )
    with pytest.raises(UnusableFileError, match="no column dateTimeOrigination, dateTimeConnect, dateTimeDisconnect, and 3 more") as error:
        decode(path, CUCM)
    assert "it begins: cdrRecordType, globalCallID_callManagerId" in error.value.message


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cucm.csv"
    path.write_text("")
    assert decode(path, CUCM).rows == 0
