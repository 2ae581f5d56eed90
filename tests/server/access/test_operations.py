"""Operations behind the entrance: they act as the operator who asked, and belong to those who may start them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import grpc
import pytest
import sqlalchemy as sa
from google.longrunning import operations_proto_pb2 as longrunning

from billing import operators
from billing.operators import Role
from billing.store import tables
from ratewright.v1 import bill_run_pb2 as runs
from ratewright.v1 import bill_run_service_pb2 as pb
from rating.errors import UserError
from server import clock
from server.operations import doing, processes
from tests.billing.second_person import set_by_two
from tests.server.grpc.bill_runs.client import NOVEMBER, Client, october, response, state
from tests.server.grpc.calls import refused

if TYPE_CHECKING:
    from billing.store.home import Home
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
DENIED = grpc.StatusCode.PERMISSION_DENIED


def by(guarded: Guarded, name: str) -> Client:
    """A client with the token of an operator."""
    return Client(guarded.channel(name))


def test_an_operation_acts_as_its_operator(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    def spawn(home: Home, name: str, _descriptor: int) -> None:
        doing.do(home.path, name)

    guarded.world.catch_up()
    october(guarded.world)
    set_by_two(guarded.home, "approval", "required", guarded.world.tick)
    guarded.now_us = guarded.world.now_us
    monkeypatch.setattr(processes, "spawn", spawn)
    monkeypatch.setattr(clock, "machine_now_us", lambda: guarded.now_us)
    listed = response(by(guarded, "the-operator").runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER)), runs.BillRun)
    assert (listed.state, listed.started_by, listed.needs_approval) == ("computed", "the-operator", True)
    with guarded.home.connect() as connection:
        commit = tables.commits.c
        query = sa.select(commit.by_name, commit.via, commit.role, commit.call, commit.subject).where(commit.kind == "run")
        found = {tuple(row) for row in connection.execute(query)}
    assert found == {("the-operator", "token", "operator", "ratewright.v1.BillRunService/RunBills", "operation 1")}
    approve = pb.ApproveBillRunRequest(name="billRuns/1")
    for name in ("the-operator", "boss"):
        assert refused(lambda own=name: by(guarded, own).runs.ApproveBillRun(approve))[:2] == (DENIED, "ROLE_MISSING")
    assert by(guarded, "the-approver").runs.ApproveBillRun(approve).approved_by == "the-approver"
    posted = response(by(guarded, "the-operator").runs.ResumeBillRun(pb.ResumeBillRunRequest(name="billRuns/1")), runs.BillRun)
    assert (posted.state, posted.approved_by) == ("posted", "the-approver")


@pytest.mark.parametrize("lost", ["role", "operator"])
def test_an_operation_does_nothing_for_an_operator_without_its_role(guarded: Guarded, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    """The role was taken, or the operator closed, between the call and the start of the process."""

    def spawn(home: Home, name: str, _descriptor: int) -> None:
        if lost == "role":
            operators.revoke_grant(home, "the-operator", Role.OPERATOR, "moved", guarded.who)
        else:
            operators.close(home, "the-operator", "left", guarded.who)
        doing.do(home.path, name)

    guarded.world.catch_up()
    october(guarded.world)
    guarded.now_us = guarded.world.now_us
    monkeypatch.setattr(processes, "spawn", spawn)
    monkeypatch.setattr(clock, "machine_now_us", lambda: guarded.now_us)
    asked = by(guarded, "the-operator").runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER))
    assert asked.error.message == "the-operator does not have the role operator any more"
    with guarded.home.connect() as connection:
        assert connection.execute(tables.bill_runs.select()).all() == []


@pytest.mark.parametrize(("stage", "numbered"), [("freeze", 0), ("post", 2)])
def test_a_role_that_is_taken_while_a_run_computes(guarded: Guarded, monkeypatch: pytest.MonkeyPatch, stage: str, numbered: int) -> None:
    """Nothing is numbered for who has lost the role; another operator goes on. A run that has its numbers is finished."""
    report = processes.Reporter.report

    def taken(reporter: processes.Reporter, now: str, done: int, total: int) -> None:
        if now == before and done == total:
            with contextlib.suppress(UserError):  # it is taken already
                operators.revoke_grant(guarded.home, "the-operator", Role.OPERATOR, "moved", guarded.who)
        report(reporter, now, done, total)

    before = "settle" if stage == "freeze" else "freeze"
    guarded.world.catch_up()
    october(guarded.world)
    guarded.now_us = guarded.world.now_us
    monkeypatch.setattr(processes.Reporter, "report", taken)
    monkeypatch.setattr(processes, "spawn", lambda home, name, _descriptor: doing.do(home.path, name))
    monkeypatch.setattr(clock, "machine_now_us", lambda: guarded.now_us)
    asked = by(guarded, "the-operator").runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER))
    assert len(guarded.world.numbers()) == numbered
    if not numbered:
        assert asked.error.message == "the-operator does not have the role operator any more"
        monkeypatch.setattr(processes.Reporter, "report", report)
        again = by(guarded, "boss").runs.ResumeOperation(pb.ResumeOperationRequest(name=asked.name))
        assert response(again, runs.BillRun).state == "posted"
    assert len(guarded.world.numbers()) == 2


def test_an_operation_is_gone_on_with_by_operators_who_may_start_it(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month is closed by finance: its operation, whose process is gone, is nothing for who runs bills."""
    monkeypatch.setattr(processes, "spawn", lambda *_: None)
    asked = by(guarded, "the-finance").runs.CloseMonth(pb.CloseMonthRequest(month="2025-10"))
    assert state(asked) == "INTERRUPTED"
    resume, cancel = pb.ResumeOperationRequest(name=asked.name), longrunning.CancelOperationRequest(name=asked.name)
    other = refused(lambda: by(guarded, "the-operator").runs.ResumeOperation(resume))
    assert (other.code, other.reason, other.metadata["roles"]) == (DENIED, "ROLE_MISSING", "admin or finance")
    assert refused(lambda: by(guarded, "the-operator").operations.CancelOperation(cancel))[:2] == (DENIED, "ROLE_MISSING")
    assert by(guarded, "the-finance").runs.ResumeOperation(resume).name != asked.name
