"""Rows by which persons act are in the hash of their commit: an edit of any column is found, whatever it says and of whom."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from billing import agreeing, catalogue, setting_changes
from billing.catalogue import Operator
from billing.controls import traces
from billing.documents import adjusting, undoing
from billing.documents.adjusting import AdjustmentRequest
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.rerate import jobs
from billing.rerate.request import request
from billing.store import commit_chain, tables, upgrading
from billing.store.home import Home
from billing.suspense import limits
from tests.billing import behind
from tests.billing.runs.world import NATIONAL, START_US, price_of, shop
from tests.billing.too_late.late_world import ANA, BEN, CENT, decide, late, take_back, who

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
SIGNED = (tables.adjustments, tables.approvals, tables.approval_decisions, tables.billing_settings, tables.late_decisions)
NOT_SIGNED = {"billing_settings.reason"}


def acted(world: World) -> None:
    """Decisions alone, by two, taken back and asked for; adjustments of one person and of two."""
    late(world)
    setting_changes.put(world.home, "late_usage_limit_micros", str(15 * CENT), *ANA, who(world).now_us)
    decide(world, WRITTEN_OFF, "late-2")
    for record in ("late-1", "late-4"):
        proposal = decide(world, BILLED if record == "late-1" else WRITTEN_OFF, record).proposal
        agreeing.agree(world.home, proposal, "seen", who(world, BEN))
    take_back(world, 3)
    decide(world, WRITTEN_OFF, "late-5")
    setting_changes.put(world.home, "adjustment_limit_micros", "0", *ANA, who(world).now_us)
    wanted = AdjustmentRequest(
        "by two", "anna", dt.date(2026, 2, 15), -1_000_000, "goodwill", "sorry", catalogue="shop", tax_class="standard"
    )
    adjusting.add(world.home, wanted, who(world))
    assert traces.findings(world.home) == [], "one that waits"
    adjusting.add(world.home, wanted, who(world, BEN))


def test_an_edit_of_any_act_is_found(world: World) -> None:
    acted(world)
    assert traces.findings(world.home) == []
    unseen, changes = set(), 0
    for table in SIGNED:
        (key,) = table.primary_key.columns
        with world.home.connect() as connection:
            row = connection.execute(sa.select(table).order_by(key.desc())).mappings().first()
        assert row is not None
        for column in table.c:
            at = f"{key.name} = {row[key.name]}"
            set_(world, table, column.name, _other(row[column.name], column), at)
            with world.home.connect() as connection:
                unseen |= set() if commit_chain.broken(connection) else {str(column)}
            set_(
                world,
                table,
                column.name,
                row[column.name],
                at.replace(str(row[key.name]), str(_other(row[key.name], key))) if column is key else at,
            )
            changes += 1
    assert unseen == NOT_SIGNED
    assert changes == 63
    assert traces.findings(world.home) == []


ADDED = (
    "INSERT INTO approval_decisions SELECT 99, 99, kind, note, by_name, by_uid, at_us, commit_seq FROM approval_decisions LIMIT 1",
    "DELETE FROM late_decisions WHERE decision_id = 1",
    "UPDATE adjustments SET approved_by = NULL, approved_uid = NULL WHERE reference = 'by two'",
)


@pytest.mark.parametrize("statement", ADDED)
def test_an_act_that_nobody_did_or_that_is_gone_is_found(world: World, statement: str) -> None:
    acted(world)
    assert world.changed(statement)
    assert any("another hash" in each.what for each in traces.findings(world.home))


ACTS = (
    "UPDATE late_decision_events SET event_key = x'00', start_us = start_us + 1",
    "UPDATE late_decision_events SET worth_micros = worth_micros + 1",
    "DELETE FROM late_decision_events WHERE decision_id = 1",
    "UPDATE run_undos SET by_uid = 1002, by_name = 'ben'",
    "UPDATE run_undos SET kind = 'withdrawn'",
    "UPDATE run_undo_accounts SET account_key = account_key + 1",
    "DELETE FROM run_undo_accounts",
    "UPDATE rerate_decisions SET by_uid = 1003, by_name = 'zoe' WHERE kind = 'approved'",
    "UPDATE rerate_decisions SET note = 'y'",
    "UPDATE settings SET value = replace(value, '5000000', '999000000000') WHERE name LIKE 'suspense.limit.%'",
    "DELETE FROM settings WHERE name LIKE 'suspense.limit.%'",
)


@pytest.mark.parametrize("statement", ACTS)
def test_an_edit_of_what_belongs_to_an_act_is_found(world: World, statement: str) -> None:
    """Records of a decision, an undoing for some accounts, a re-rating that another person approved, the limit of suspense."""
    late(world)
    decide(world, WRITTEN_OFF, "late-2")
    limits.set_limit(world.home, 5_000_000, Operator(*ANA), world.tick(), reason="few people")
    undoing.undo(world.home, 5, "wrong", who(world), accounts=frozenset({"anna"}))
    cheaper = price_of(NATIONAL, "National calls", 10, 50_000)
    catalogue.publish(world.home, shop(2, START_US, corrects=1, prices=(cheaper, shop().prices[1])), world.tick())
    job = jobs.plan(world.home, request("shop/plus", 2, "2025-10", None), who(world))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "ok", who(world, BEN))
    assert traces.findings(world.home) == []
    assert world.changed(statement)
    assert any("another hash" in each.what for each in traces.findings(world.home))


def test_going_back_keeps_a_hash_of_all_acts(world: World) -> None:
    acted(world)
    folder = world.home.path
    world.home.close()
    upgrading.upgrade(folder, "0011")
    upgrading.upgrade(folder)
    with Home.open(folder) as home:
        assert traces.findings(home) == []
        setting_changes.put(home, "adjustment_limit_micros", "0", *ANA, world.tick())
        assert traces.findings(home) == []
        assert behind.change(home, "UPDATE late_decisions SET by_uid = 1003 WHERE decision_id = 1") == 1
        assert len(traces.findings(home)) == 1


def set_(world: World, table: sa.Table, column: str, value: Any, at: str) -> None:  # noqa: ANN401 -- of any column
    shown = "NULL" if value is None else str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
    assert world.changed(f"UPDATE {table.name} SET {column} = {shown} WHERE {at}")  # noqa: S608 -- a test


def _other(value: Any, column: sa.Column[Any]) -> Any:  # noqa: ANN401 -- of any column
    if value is None:
        return 1 if column.type.python_type is int else "x"
    return value + 1_000 if isinstance(value, int) else value + "x"
