"""Killed at every commit point of what waits for a second person, and called again: the same as without the kill. On both databases."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from billing import agreeing, payments, setting_changes
from billing.catalogue import Operator
from billing.documents import crediting, voiding
from billing.payments import giving_back
from billing.persons import Who
from billing.store import approvals, commit_points, tables
from billing.store.home import Home
from tests.billing.documents.clerk import CENT, customer, wrong
from tests.billing.runs.world import World, instant_us
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
NOON_US = instant_us("2025-11-05T12:00:00")
ADA, BEN = Who("ada", 1001, NOON_US), Who("ben", 1002, NOON_US)
ACT = payments.Act(Operator("ada", 1001), NOON_US)
NUMBER = "R-0000000001"
WANTED = crediting.CreditRequest("K-1", NUMBER, 1, None, "outside", "goodwill")
# setting: tight, asked for; document: credit asked for, void asked for, credit agreed to; payment: recorded, refund asked for, agreed to
POINTS = [
    *(f"setting.{when}:{time}" for when in ("before_commit", "committed") for time in (1, 2)),
    *(f"document.{when}:{time}" for when in ("before_commit", "committed") for time in (1, 2, 3)),
    *(f"payment.{when}:{time}" for when in ("before_commit", "committed") for time in (2, 3)),
    *(f"agreement.{when}:{time}" for when in ("before_commit", "committed") for time in (1, 2)),  # a setting, a refusal
]
KEPT = (
    (tables.billing_settings, ("name", "value", "reason")),
    (tables.approvals, ("kind", "subject", "payload", "amount_micros", "by_name")),
    (tables.approval_decisions, ("approval_id", "kind", "by_name", "note")),
    (tables.invoices, ("number", "document_type", "total_micros")),
    (tables.invoice_events, ("invoice_key", "kind")),
    (tables.payment_events, ("reference", "kind", "amount_micros", "by_name")),
    (tables.number_series, ("series", "next_number")),
    (tables.settlements, ("credit_kind", "credit_id", "invoice_key", "amount_micros")),
    (tables.postings, ("document", "line_no", "leg", "debit_account", "credit_account", "amount_micros")),
)


def work(folder: Path) -> None:
    """Ada asks for a setting, a credit note, a void and a refund above 5.00; Ben refuses the void and agrees to the rest."""
    with Home.open(folder) as home:
        if not _agreed(home):
            setting_changes.put(home, "give_back_limit_micros", str(500 * CENT), *ADA)
            setting_changes.put(home, "days_ahead_max", "90", *ADA, reason="long fees")
        crediting.credit(home, WANTED, ADA)
        if not _decided(home, "void"):
            voiding.void(home, NUMBER, "wrong", ADA)
        _decide(home, "setting", approvals.AGREED)
        _decide(home, "void", approvals.REFUSED)
        _decide(home, "credit_note", approvals.AGREED)
        payments.record(home, "p1", "anna", 5000 * CENT, dt.date(2025, 11, 4), "", NOON_US)
        giving_back.give_back(home, giving_back.Back("f1", "refund", dt.date(2025, 11, 5), "p1", amount_micros=1000 * CENT), ACT)
        _decide(home, "refund", approvals.AGREED)


def _decided(home: Home, kind: str) -> bool:
    with home.connect() as connection:
        return any(each.kind == kind and each.state != approvals.WAITS for each in approvals.list_all(connection, decided=True))


def _agreed(home: Home) -> bool:
    return _decided(home, "setting")


def _decide(home: Home, kind: str, word: str) -> None:
    with home.connect() as connection:
        waits = [each for each in approvals.list_all(connection) if each.kind == kind]
    for each in waits:
        if word == approvals.AGREED:
            agreeing.agree(home, each.approval_id, "looked at", BEN)
        else:
            agreeing.refuse(home, each.approval_id, "no", BEN)


def kept(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What customers and auditors see, in order; every book balances."""
    world = World(folder, fresh=False)
    assert wrong(world) == []
    with world.home.connect() as connection:
        found = {table.name: connection.execute(sa.select(*(table.c[name] for name in names))).all() for table, names in KEPT}
    world.home.close()
    return {name: sorted((tuple(row) for row in rows), key=str) for name, rows in found.items()}


def prepare(folder: Path) -> None:
    """Anna has a bill."""
    world = customer(World(folder))
    world.bill("2025-11-01")
    world.home.close()


def test_a_kill_and_a_second_call_end_alike(tmp_path: Path, both: str) -> None:
    assert both
    crashes = Crashes(tmp_path, prepare, work)
    expected = kept(crashes.unharmed())
    assert (len(expected["approvals"]), len(expected["approval_decisions"]), len(expected["payment_events"])) == (4, 4, 1)
    assert [row[0] for row in expected["invoices"]] == ["C-0000000001", NUMBER]
    for point in POINTS:
        folder = crashes.at(point)
        kept(folder)  # readable at once, and every book balances, before anyone mends anything
        work(folder)
        assert kept(folder) == expected, point


def test_the_points_are_all() -> None:
    own = {name for name in commit_points.POINTS if name.partition(".")[0] in {"agreement", "setting"}}
    assert own == {point.partition(":")[0] for point in POINTS if point.startswith(("agreement", "setting"))}
