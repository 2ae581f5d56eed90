"""A row that could not be read stands in suspense once, however often it comes; its copies are duplicates in the books."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.intake.known_records.known_rejects import row_hashes
from billing.intake.taking import Intake
from billing.store.tables import suspense
from mediation.decode import RAW_BYTES_MAX, reject_of
from mediation.definitions import named
from tests.billing.intake.suspended import suspended_rows
from tests.billing.usage_rows import Event, batch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home

NOW_US = 1_773_187_200_000_000  # 11 March 2026
ASTERISK = (
    '"","8613800000001","8613900000002","ctx","x","SIP/a-1","SIP/b-1","Dial","x",'
    '"2026-03-01 10:00:00","2026-03-01 10:00:05","2026-03-01 10:01:05",65,60,"ANSWERED","DOCUMENTATION","u{}",""'
)


def came_again(home: Home) -> list[tuple[str, int]]:
    """Rows of suspense, with the copies that came later."""
    with home.connect() as connection:
        rows = connection.execute(sa.select(suspense.c.raw, suspense.c.came_again).order_by(suspense.c.suspense_id))
        return [(raw, copies or 0) for raw, copies in rows]


def test_a_batch_of_rejects_sent_again_is_all_duplicates(home: Home, balanced: Callable) -> None:
    intake = Intake(home)
    first = intake.take_batch("sw1", batch(Event("a"), rejects=["?", "??"]), NOW_US)
    assert (first.rows["rejected"], first.rows["duplicate"]) == (2, 0)
    for again in (intake, Intake(home)):  # the second knows them from the store
        report = again.take_batch("sw1", batch(Event("a"), rejects=["?", "??"]), NOW_US)
        assert (report.rows["rejected"], report.rows["duplicate"], report.received) == (0, 3, 3)
        assert report.rejected_by_reason == {}
    assert came_again(home) == [("?", 2), ("??", 2)]
    books = balanced(home)
    assert (books["intake sw1: received"], books["intake sw1: rejected"]) == (9, 2)


def test_copies_within_one_commit_stand_once(home: Home, balanced: Callable) -> None:
    """Three batches wait for one sync, as after a connection that broke."""
    reports = Intake(home).take_batches(
        [("sw1", batch(rejects=["?", "?"])), ("sw1", batch(rejects=["?"])), ("sw2", batch(rejects=["?"]))], NOW_US
    )
    assert [(each.rows["rejected"], each.rows["duplicate"]) for each in reports] == [(1, 1), (0, 1), (1, 0)]
    assert came_again(home) == [("?", 2), ("?", 0)]  # another source holds other records
    balanced(home)


def test_a_file_that_grew_brings_its_rejects_once(home: Home, tmp_path: Path, balanced: Callable) -> None:
    file = tmp_path / "Master.csv"
    lines = [ASTERISK.format(1), "broken", ASTERISK.format(2), "broken too"]
    reports = []
    for grown in (2, 3, 4):
        file.write_text("\n".join(lines[:grown]) + "\n")
        reports.append(Intake(home).take_file(file, named.find("asterisk"), NOW_US).rows)
    assert [each["rejected"] for each in reports] == [1, 0, 1]
    assert [each["duplicate"] for each in reports] == [0, 2, 3]
    assert [row.raw for row in suspended_rows(home)] == ["broken", "broken too"]
    assert balanced(home)["intake asterisk: rejected"] == 2


def test_rejects_of_one_record_are_told_apart() -> None:
    """A record of several events gives a reject for each, all with the same bytes; a copy elsewhere gives the same hashes."""
    record = [reject_of("unreadable_number", 100, b"record"), reject_of("unreadable_time", 100, b"record")]
    elsewhere = [reject._replace(offset=700) for reject in record]
    hashes = list(row_hashes(record))
    assert len(set(hashes)) == 2
    assert list(row_hashes(elsewhere)) == hashes
    assert list(row_hashes([record[0], elsewhere[0]])) == [hashes[0], hashes[0]]


@pytest.mark.parametrize("length", [10, RAW_BYTES_MAX, RAW_BYTES_MAX + 1])
def test_rows_that_differ_in_their_last_byte_alone_are_two(length: int) -> None:
    """Also where the last byte is not among those that are kept."""
    one, two = (reject_of("row_too_long", 0, b"x" * (length - 1) + end) for end in (b"a", b"b"))
    assert list(row_hashes([one])) != list(row_hashes([two]))
    assert one.raw == (b"x" * (length - 1) + b"a")[:RAW_BYTES_MAX]
