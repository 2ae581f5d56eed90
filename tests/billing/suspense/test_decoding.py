"""Rows that are decoded again: a record may hold several events, and a piece of a row holds none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from billing.intake.taking import Intake
from billing.store.home import Home
from billing.store.tables import suspense
from billing.suspense.decoding import read_again
from billing.suspense.waiting import waiting
from mediation.definitions.named import find

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW_US = 1_789_000_000_000_000
SOURCE = find("chf-json")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


def request(*containers: int) -> bytes:
    """One request with containers of these sequence numbers, each of as many kilobytes."""
    used: list[dict[str, Any]] = [
        {
            "localSequenceNumber": number,
            "time": 60,
            "totalVolume": 1000 * number,
            "triggerTimestamp": f"2026-09-08T10:0{number}:00Z",
            "pDUContainerInformation": {"timeofFirstUsage": f"2026-09-08T10:0{number}:00Z"},
        }
        for number in containers
    ]
    document = {
        "invocationTimeStamp": "2026-09-08T10:09:00Z",
        "invocationSequenceNumber": 1,
        "nfConsumerIdentification": {"nodeFunctionality": "SMF"},
        "multipleUnitUsage": [{"ratingGroup": 10, "usedUnitContainer": used}],
        "pDUSessionChargingInformation": {"chargingId": 7, "userInformation": {"servedGPSI": "msisdn-493010000001"}},
    }
    return json.dumps(document).encode()


def refuse(home: Home, data: bytes, reason: str = "unreadable_number") -> None:
    """A row in suspense that could not be read when it came."""
    with home.begin() as connection:
        seq = home.next_commit_seq(connection, "usage", NOW_US)
        values = {
            "source": SOURCE.name,
            "reason": reason,
            "raw_file_id": 0,
            "raw_offset": 0,
            "raw_length": len(data),
            "raw": "",
            "raw_bytes": data,
        }
        connection.execute(suspense.insert().values(**values, duration_us=0, commit_seq=seq, through_seq=seq))


def again(home: Home) -> tuple[list[int], list[int], list[str]]:
    """Bytes of the usage that comes back, the rows it is of, and why the others stay."""
    with home.connect() as connection:
        rows = waiting(connection, home.head_seq(connection))
    read = read_again(home, rows, SOURCE, None)
    volumes = [
        (up or 0) + (down or 0) for up, down in zip(read.usage["bytes_up"].to_pylist(), read.usage["bytes_down"].to_pylist(), strict=True)
    ]
    return volumes, read.good, [text for text in read.why if text]


def test_what_is_stored_of_a_record_does_not_come_back(home: Home, tmp_path: Path) -> None:
    """Of three containers the first and the last were taken; the one in between could not be read then."""
    path = tmp_path / "chf.json"
    path.write_bytes(request(1, 3))
    Intake(home).take_file(path, SOURCE, NOW_US)
    refuse(home, request(1, 2, 3))
    assert again(home) == ([2000], [0], [])


def test_rows_of_one_record_share_its_events_out(home: Home) -> None:
    for _ in range(3):
        refuse(home, request(1, 2))
    assert again(home) == ([1000, 2000], [0, 1], ["the events of its record are stored already"])


def test_a_piece_of_a_long_row_is_no_record(home: Home) -> None:
    refuse(home, request(1), reason="row_too_long")
    assert again(home) == ([], [], ["it is a piece of a longer row, and no record"])
