"""Killed at every commit point of an approval, of interim bills and of findings, and called again: the same as without the kill."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from billing import catalogue, setting_changes
from billing.controls import books, findings
from billing.controls.book import book
from billing.documents import interim
from billing.ledger.closed_months import Who
from billing.runs import cycle, states
from billing.runs.cycle import Order
from billing.runs.states import By
from billing.store import commit_points, tables
from billing.store.home import Home
from rating.model import BillThreshold
from tests.billing.runs.world import START_US, Call, World, shop
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
NOW_US = START_US + 360 * 86_400_000_000  # 27 December 2025
ADA, BEN = By("ada", 1001), By("ben", 1002)
NOVEMBER = dt.date(2025, 11, 1)
POINTS = [name for name in commit_points.POINTS if name.split(".")[0] in {"approval", "threshold", "finding"}]
KEPT = (
    (tables.invoices, ("number", "account_key", "period_from", "period_to", "total_micros")),
    (tables.postings, ("posting_id", "document", "line_no", "amount_micros")),
    (tables.limit_alarms, ("kind", "account_key", "limit_id", "period_from", "reached_micros")),
    (tables.control_findings, ("name", "owner", "due_on")),
)


def work(folder: Path) -> None:
    """Bill October with an approval, then what reached a threshold in November, and keep a finding."""
    with Home.open(folder) as home:
        setting_changes.put(home, "approval", "required", ADA.name, ADA.uid, NOW_US)
        run_id = cycle.run(home, NOVEMBER, NOW_US, order=Order(by=ADA)).run_id
        with home.connect() as connection:
            waiting = states.find(connection, run_id).state == states.COMPUTED
        if waiting:
            states.decide(home, run_id, states.APPROVED, BEN, "", NOW_US)
            cycle.run(home, NOVEMBER, NOW_US, order=Order(by=ADA, resume=True))
        interim.run(home, dt.date(2025, 11, 16), Who(ADA.name, ADA.uid, NOW_US))
        findings.keep(home, [book("tax CNY", 1, 2, "rows")], 0, "ada", NOVEMBER, NOW_US)


def kept(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What customers and auditors see, in order; every book balances."""
    with Home.open(folder) as home:
        assert [each.name for each in books(home) if not each.ok] == []
        with home.connect() as connection:
            return {
                table.name: sorted(tuple(row) for row in connection.execute(sa.select(*(table.c[name] for name in names))))
                for table, names in KEPT
            }


def prepare(folder: Path) -> None:
    """Three accounts on a plan with a threshold, and calls in two months."""
    world = World(folder)
    basic, plus = shop().plans
    plans = (basic, msgspec.structs.replace(plus, bill_thresholds=(BillThreshold(1, "ten", 10_000_000),)))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    for place in range(3):
        world.account(f"a{place}")
        world.subscription(f"s{place}", f"a{place}", "shop/plus", f"{place}")
    world.take(*(Call(f"{place}", f"2025-1{month}-05T10:00:00", 6000 * place) for place in range(3) for month in (0, 1)))
    world.home.close()


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, work)


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> dict[str, list[tuple[Any, ...]]]:
    return kept(crashes.unharmed())


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_and_a_second_call_end_alike(expected: dict[str, list[tuple[Any, ...]]], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    kept(folder)  # readable at once, and every book balances, before anyone mends anything
    work(folder)
    assert kept(folder) == expected
    assert (len(expected["invoices"]), len(expected["limit_alarms"]), len(expected["control_findings"])) == (5, 2, 1)
