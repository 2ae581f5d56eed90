"""Files, suspense, accounts and dunning by the client, as operators with the roles for each."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.store import commit_points
from ratewright.v1 import account_change_pb2 as change_pb
from ratewright.v1 import suspense_pb2
from server.client import Accounts, CallError, Finance, Suspense, Switch, date, micros
from tests.billing.runs.world import Call
from tests.server.client.conftest import connect
from tests.server.grpc.usage.test_files import FILE, ROWS, counted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.access.conftest import Guarded
    from tests.server.client.conftest import Killable

pytestmark = pytest.mark.slow
NOVEMBER = dt.date(2025, 11, 1)


@pytest.fixture
def anna(guarded: Guarded) -> Guarded:
    """Anna has 20 free minutes and used 8; a call of a stranger waits. Her October of 10.60 is billed, and it is January."""
    world = guarded.world
    world.catch_up()
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    world.take(Call("8613800000001", "2025-10-05T10:00", 480), Call("stranger", "2025-10-06T10:00", 60))
    world.bill("2025-11-01")
    world.now_us = world.begun(dt.date(2026, 1, 2))
    guarded.now_us = world.now_us
    for name in list(guarded.tokens):
        guarded.issue(name, days=90)
    return guarded


@pytest.mark.parametrize("point", ["intake.before_commit:1", "intake.committed:1"])
def test_a_file_is_taken_once_though_the_service_dies(killable: Killable, tmp_path: Path, point: str) -> None:
    """It dies before or after its commit; the same file under the same request id has the same answer."""
    killable.start(**{commit_points.VARIABLE: point})
    killable.after_death.start()
    (tmp_path / "Master.csv").write_bytes(FILE)
    with killable.connect() as connection:
        (file,) = Switch(connection, "asterisk").ingest(tmp_path / "Master.csv").files
        assert (counted(file), file.already_taken, killable.starts) == (ROWS, False, 2)
        (again,) = Switch(connection, "asterisk").ingest(tmp_path / "Master.csv").files
        assert (again.already_taken, again.name) == (True, file.name)
    killable.after_death.join()
    assert [each.name for each in (killable.folder / "home" / "spool").rglob("*") if each.name == "Master.csv"] == []


def test_records_in_suspense(anna: Guarded, tmp_path: Path) -> None:
    with connect(anna, tmp_path, "the-operator") as operator, connect(anna, tmp_path, "the-approver") as approver:
        suspense = Suspense(operator)
        (record,) = suspense.records()
        assert (record.served, [each.record_count for each in suspense.groups()]) == ("stranger", [1])
        assert suspense.record(record.name).meaning
        rule = suspense_pb2.CorrectionRule(source="switch", served=suspense_pb2.NumberChange(set="8613800000001"))
        tried = suspense.correct(rule, validate_only=True)
        assert tried.preview.returning_count == 1
        proposal = suspense.write_off([record.name], "a test call")
        with pytest.raises(CallError) as refused:
            suspense.approve(proposal.name)
        assert refused.value.reason == "ROLE_MISSING"
        assert Suspense(approver).approve(proposal.name).state == "applied"
        assert [each.state for each in suspense.proposals()] == ["applied"]
        assert list(suspense.records()) == list(suspense.file_findings()) == []


def test_accounts_are_read_changed_and_imported(anna: Guarded, tmp_path: Path) -> None:
    with connect(anna, tmp_path, "the-operator") as connection:
        accounts = Accounts(connection)
        hold = change_pb.HoldBills(from_date=date(dt.date(2026, 2, 1)), reason="dispute")
        assert accounts.change("accounts/anna", hold=hold, validate_only=True).effects
        assert accounts.change("accounts/anna", hold=hold, request_id="1").commit_seq
        found = accounts.account("accounts/anna", full=True)
        assert [each.reason for each in found.holds] == ["dispute"]
        assert [(each.invoice, micros(each.open)) for each in found.open_items] == [("R-0000000001", 10_600_000)]
        assert [(each.subscription, each.left) for each in found.unbilled.allowances] == [("anna-1", 1_200_000)], "January's"
        assert [each.name for each in accounts.accounts(number="8613800000001")] == ["accounts/anna"]
        assert [each.subscription for each in accounts.search("anna-").matches] == ["anna-1"]
        assert [each.found_by for each in accounts.search("tomer anna", names=True).matches] == ["name"]
        mistakes = accounts.import_files({"accounts.csv": b"x\n"}, validate_only=True)
        assert mistakes.problem_count == len(mistakes.problems) > 0
        with pytest.raises(CallError) as refused:
            accounts.change("accounts/nobody", hold=hold)
        assert refused.value.reason == "ACCOUNT_UNKNOWN"


def test_dunning_is_run_and_undone(anna: Guarded, tmp_path: Path) -> None:
    day = dt.date(2025, 12, 1)
    with connect(anna, tmp_path, "the-finance") as finance_, connect(anna, tmp_path, "the-approver") as approver:
        finance = Finance(finance_)
        assert [each.action for each in finance.run_dunning(day, validate_only=True).steps] == ["remind"]
        run = finance.run_dunning(day, request_id="1")
        assert finance.run_dunning(day, request_id="1") == run
        assert [each.date.day for each in finance.dunning("accounts/anna", day).coming_steps] == [15]
        assert finance.undo_dunning(run.dunning_run, "wrong date").waits
        assert not Finance(approver).approve_dunning_undo(run.dunning_run, "so it is").waits
        assert [each.state for each in finance.dunning_runs()] == ["undone"]
