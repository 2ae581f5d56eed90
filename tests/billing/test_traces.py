"""An edit behind the product's back of a column that no book adds up is a finding of `db check`."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

import pytest

from billing import accounts, payments, setting_changes
from billing.controls import traces
from billing.intake import suspense_rows
from billing.intake.known_records import known_rejects
from billing.payments.giving_back import Back, give_back
from billing.store import commit_chain, tables
from billing.store.home import Home
from tests.billing import behind
from tests.billing.files import NOW_US, publish, write
from tests.billing.payments.desk import ANA, UNIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
RAW = b"2026-01-01;\xff\x00broken\n"
TIMES, BYTES, DAYS = (
    "commits: 1 commits have another time",
    "suspense: 1 rows have bytes",
    "subscriptions: 1 subscriptions begin on another day",
)
CHAIN = "commits: 1 commits have another hash"
OF_THE_REFUND = "commit_seq = (SELECT commit_seq FROM payment_events)"
TAMPERED = {
    f"UPDATE commits SET at_us = at_us - 500000 WHERE {OF_THE_REFUND}": (CHAIN, TIMES),  # noqa: S608 -- a test
    "UPDATE commits SET at_us = at_us + 1 WHERE kind = 'setting'": (CHAIN, TIMES),
    "UPDATE commits SET at_us = at_us + 1 WHERE kind = 'usage'": (CHAIN,),  # nothing else is dated with it
    "UPDATE commits SET kind = 'usages' WHERE kind = 'usage'": (CHAIN,),
    "UPDATE commits SET chain = x'00' WHERE commit_seq = (SELECT max(commit_seq) FROM commits)": (CHAIN,),
    "UPDATE commits SET chain = NULL WHERE commit_seq = (SELECT max(commit_seq) FROM commits)": (CHAIN,),
    "UPDATE billing_settings SET by_uid = 2002": (CHAIN,),
    "UPDATE suspense SET raw_bytes = x'00' WHERE raw_offset = 0": (BYTES,),
    "UPDATE suspense SET raw_bytes = x'323032372d30312d30313bff0062726f6b656e0a' WHERE raw_offset = 0": (BYTES,),
    "UPDATE suspense SET raw = 'other' WHERE raw_offset = 0": (BYTES,),
    "UPDATE suspense SET raw_length = 7 WHERE raw_offset = 0": (BYTES,),
    "UPDATE suspense SET raw_bytes = x'61620d', raw = 'ab' WHERE raw_offset = 1": (BYTES,),  # of the same length, and so is its text
    "UPDATE suspense SET raw_bytes = x'61fe0a' WHERE raw_offset = 1": (BYTES,),  # that people see alike
    "UPDATE suspense SET row_sha256 = x'00' WHERE raw_offset = 2": (BYTES,),
    "UPDATE subscriptions SET from_date = '2026-01-16' WHERE subscription_id = 'S1'": (DAYS,),
    "UPDATE plan_facts SET from_date = '2026-01-14' WHERE subscription_key = 1": (DAYS,),
}
BOOKS = {CHAIN: "commits: given = with the hash of their content", BYTES: "suspense: rows kept as bytes = with the bytes that came"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Two subscriptions, a setting, a refund, and a row that could not be read."""
    with Home.open(tmp_path / "home", create=True) as opened:
        publish(opened)
        accounts.import_files(opened, write(tmp_path / "in"), NOW_US)
        setting_changes.put(opened, "adjustment_limit_micros", "5", "ana", 2001, NOW_US)
        payments.record(opened, "p1", "A1", 5 * UNIT, dt.date(2026, 2, 1), "", NOW_US, by=ANA)
        give_back(opened, Back("f1", "refund", dt.date(2026, 2, 2), "p1", None, UNIT, payee="Anna"), payments.Act(ANA, NOW_US))
        with opened.begin() as connection:
            seq = opened.next_commit_seq(connection, "usage", NOW_US)
            place = {"source": "sw", "reason": "malformed", "raw_file_id": 0, "raw_offset": 0, "raw_length": len(RAW)}
            row = {**place, "raw": suspense_rows.text_of(RAW), "raw_bytes": RAW, "duration_us": 0, "row_sha256": None}
            short = {**row, "raw_offset": 1, "raw_length": 3, "raw": suspense_rows.text_of(b"a\xff\n"), "raw_bytes": b"a\xff\n"}
            whole = hashlib.sha256(b"a\xff\n").digest()
            first, second = ({**short, "raw_offset": 1 + number, "row_sha256": known_rejects.numbered(whole, number)} for number in (0, 1))
            rows = [{**each, "commit_seq": seq, "through_seq": seq} for each in (row, first, second)]
            connection.execute(tables.suspense.insert(), rows)
        yield opened


def test_a_home_as_it_was_written(home: Home) -> None:
    assert traces.findings(home) == []
    with home.connect() as connection:
        assert [(each.left, each.right) for each in traces.trace_books(connection)] == [(7, 7), (3, 3)]


def test_no_later_commit_covers_an_edit(home: Home) -> None:
    """Commits without a hash stay without, whatever is stored behind them: a hash would be right for the rows that somebody edited."""
    assert behind.change(home, "UPDATE commits SET at_us = at_us + 1 WHERE commit_seq = 6") == 1
    assert behind.change(home, "UPDATE commits SET chain = NULL WHERE commit_seq >= 6") == 2
    for value in ("4", "3"):
        setting_changes.put(home, "adjustment_limit_micros", value, "ana", 2001, NOW_US)
        with home.connect() as connection:
            assert commit_chain.broken(connection) == [6, 7]
    assert "2 commits have another hash" in traces.findings(home)[0].what


def test_a_commit_without_a_hash_stays_a_finding(home: Home) -> None:
    assert behind.change(home, "UPDATE commits SET chain = NULL WHERE commit_seq IN (5, 6)") == 2
    setting_changes.put(home, "adjustment_limit_micros", "4", "ana", 2001, NOW_US)
    with home.connect() as connection:
        assert commit_chain.broken(connection) == [5, 6, 7], "what followed on them is not known any more"


@pytest.mark.parametrize("statement", TAMPERED)
def test_an_edit_is_found(home: Home, statement: str) -> None:
    assert behind.change(home, statement) == 1
    found = [f"{each.place}: {each.what}" for each in traces.findings(home)]
    assert len(found) == len(TAMPERED[statement])
    assert all(each.startswith(expected) for each, expected in zip(found, TAMPERED[statement], strict=True))
    with home.connect() as connection:
        failed = {each.name for each in traces.trace_books(connection) if not each.ok}
    assert failed == {BOOKS[each] for each in TAMPERED[statement] if each in BOOKS}
