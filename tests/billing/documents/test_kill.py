"""Killed at every commit point of documents beside the cycle, and called again: the same rows and amounts as without the kill."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.documents import adjusting, alarms, openings
from billing.store import commit_points, tables
from rating.errors import UserError
from tests.billing.documents.clerk import ANA, BEN, CENT, credit, customer, void, who, wrong
from tests.billing.runs.world import Call, World
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
ACTS = ("credit", "enter", "approve", "open", "void")  # each commits once at `document.`
POINTS = [
    *(f"document.before_commit:{ACTS.index(act) + 1}" for act in ("credit", "approve", "void")),
    "document.committed", "document.committed:5", "alarm.before_commit", "alarm.committed", "alarm.before_commit:2", "alarm.committed:2",
]  # fmt: skip
KEPT = (
    (tables.invoices, ("number", "document_type", "total_micros")),
    (tables.invoice_lines, ("invoice_key", "line_no", "amount_micros", "effect")),
    (tables.invoice_events, ("invoice_key", "kind", "reason")),
    (tables.adjustments, ("reference", "amount_micros", "by_name", "approved_by")),
    (tables.bill_runs, ("bill_date", "kind", "state")),
    (tables.limit_alarms, ("account_key", "kind", "reached_micros")),
    (tables.alarm_decisions, ("alarm_id", "kind")),
    (tables.number_series, ("series", "next_number")),
    (tables.settlements, ("credit_kind", "credit_id", "invoice_key", "amount_micros")),
    (tables.postings, ("document", "line_no", "leg", "debit_account", "credit_account", "amount_micros")),
)


def work(folder: Path) -> None:
    """Each act once. Called again, those that were done change nothing."""
    world = World(folder, fresh=False)
    world.now_us += 10_000
    credit(world, "R-0000000001", 1, 250, "advance", reference="note")
    wanted = adjusting.AdjustmentRequest("A1", "anna", dt.date(2025, 11, 5), -200_00 * CENT, "goodwill", "", "shop", "standard")
    for person in (ANA, BEN):
        adjusting.add(world.home, wanted, who(world, person))
    openings.open_items(world.home, who(world, on=dt.date(2025, 11, 2)), dt.date(2025, 11, 2))
    with contextlib.suppress(UserError):  # it was voided
        void(world, "R-0000000002")
    alarms.raise_alarms(world.home, 1, who(world))
    alarms.decide(world.home, 1, "told", "by phone", who(world))
    world.home.close()


def prepare(folder: Path) -> None:
    """Anna and Ben have an invoice each; Anna's is far above her baseline, and she owes something from before."""
    world = customer(World(folder))
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/plus", "1002")
    world.take(Call("1002", "2025-10-05T10:00:00", 60))
    key = world.key("accounts", "account_key", "account_id", "anna")
    dates = {"issued_on": "2025-09-30", "due_on": "2025-10-15"}
    world._add(tables.opening_items, account_key=key, reference="OLD", amount_micros=5 * CENT, **dates)  # noqa: SLF001 -- as an import would
    world._add(tables.baselines, account_key=key, month="2025-09", amount_micros=100 * CENT)  # noqa: SLF001 -- as an import would
    world.bill("2025-11-01")
    world.home.close()


def kept(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that an auditor would see, in order; every book balances."""
    world = World(folder, fresh=False)
    assert wrong(world) == []
    with world.home.connect() as connection:
        rows = {table.name: connection.execute(sa.select(*(table.c[name] for name in names))).all() for table, names in KEPT}
    world.home.close()
    return {name: sorted((tuple(row) for row in found), key=str) for name, found in rows.items()}


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, work, by_kill=["document.before_commit:3"])


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> dict[str, list[tuple[object, ...]]]:
    return kept(crashes.unharmed())


def test_every_point_is_killed_at() -> None:
    names = {point.partition(":")[0] for point in POINTS}
    assert names == {name for name in commit_points.POINTS if name.startswith(("document.", "alarm."))}


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_and_a_second_call_end_alike(expected: dict[str, list[tuple[object, ...]]], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    kept(folder)  # readable at once, and every book balances, before anyone mends anything
    work(folder)
    assert kept(folder) == expected
