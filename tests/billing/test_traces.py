"""An edit behind the product's back of a column that no book adds up is a finding of `db check`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import accounts, payments
from billing.controls import traces
from billing.intake import suspense_rows
from billing.payments.giving_back import Back, give_back
from billing.store import settings, tables
from billing.store.home import Home
from tests.billing import behind
from tests.billing.files import NOW_US, publish, write
from tests.billing.payments.desk import ANA, UNIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
RAW = b"2026-01-01;\xff\x00broken\n"
TIMES, BYTES, DAYS = "commits: 1 commits have another", "suspense: 1 rows have bytes", "subscriptions: 1 subscriptions begin on another day"
OF_THE_REFUND = "commit_seq = (SELECT commit_seq FROM payment_events)"
TAMPERED = {
    f"UPDATE commits SET at_us = at_us - 500000 WHERE {OF_THE_REFUND}": TIMES,  # noqa: S608 -- a test
    "UPDATE commits SET at_us = at_us + 1 WHERE kind = 'setting'": TIMES,
    "UPDATE suspense SET raw_bytes = x'00'": BYTES,
    "UPDATE suspense SET raw_bytes = x'323032372d30312d30313bff0062726f6b656e0a'": BYTES,
    "UPDATE suspense SET raw = 'other'": BYTES,
    "UPDATE suspense SET raw_length = 7": BYTES,
    "UPDATE subscriptions SET from_date = '2026-01-16' WHERE subscription_id = 'S1'": DAYS,
    "UPDATE plan_facts SET from_date = '2026-01-14' WHERE subscription_key = 1": DAYS,
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Two subscriptions, a setting, a refund, and a row that could not be read."""
    with Home.open(tmp_path / "home", create=True) as opened:
        publish(opened)
        accounts.import_files(opened, write(tmp_path / "in"), NOW_US)
        settings.put(opened, "adjustment_limit_micros", "5", "ana", 2001, NOW_US)
        payments.record(opened, "p1", "A1", 5 * UNIT, dt.date(2026, 2, 1), "", NOW_US, by=ANA)
        give_back(opened, Back("f1", "refund", dt.date(2026, 2, 2), "p1", None, UNIT, payee="Anna"), payments.Act(ANA, NOW_US))
        with opened.begin() as connection:
            seq = opened.next_commit_seq(connection, "usage", NOW_US)
            place = {"source": "sw", "reason": "malformed", "raw_file_id": 0, "raw_offset": 0, "raw_length": len(RAW)}
            row = {**place, "raw": suspense_rows.text_of(RAW), "raw_bytes": RAW, "duration_us": 0}
            connection.execute(tables.suspense.insert().values(**row, commit_seq=seq, through_seq=seq))
        yield opened


def test_a_home_as_it_was_written(home: Home) -> None:
    assert traces.findings(home) == []


@pytest.mark.parametrize("statement", TAMPERED)
def test_an_edit_is_found(home: Home, statement: str) -> None:
    assert behind.change(home, statement) == 1
    (found,) = traces.findings(home)
    assert f"{found.place}: {found.what}".startswith(TAMPERED[statement])
