"""Dunning over gRPC: previewed, run and listed as the commands do, undone by two operators; policies.

Anna owes 10.60 since 15 November 2025: a reminder is due from 18 November on, a bar from 15 December on.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing.operators import Role
from ratewright.v1 import dunning_service_pb2 as pb
from ratewright.v1 import dunning_service_pb2_grpc
from server.cli import app
from server.grpc import convert
from tests.server.access.test_approvals import refusal
from tests.server.grpc.finance.asking import iso, micros

if TYPE_CHECKING:
    from google.type import date_pb2

    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
POLICY = b"""name: stern
steps:
- {level: 1, action: remind, days_past_due: 1}
- {level: 2, action: bar_outgoing, days_past_due: 2}
"""
DECEMBER = dt.date(2025, 12, 1)


@pytest.fixture
def owing(guarded: Guarded) -> Guarded:
    """It is the end of December."""
    world = guarded.world
    world.catch_up()
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    world.now_us = world.begun(dt.date(2025, 12, 31))
    guarded.now_us = world.now_us
    for name in list(guarded.tokens):
        guarded.issue(name, days=90)
    return guarded


def stub(guarded: Guarded, name: str = "the-finance") -> Any:  # noqa: ANN401 -- a stub
    return dunning_service_pb2_grpc.DunningServiceStub(guarded.channel(name))


def head(guarded: Guarded) -> int:
    with guarded.home.connect() as connection:
        return guarded.home.head_seq(connection)


def day(of: dt.date) -> date_pb2.Date:
    return convert.date(of)


def run(guarded: Guarded, of: dt.date = DECEMBER, **fields: Any) -> pb.RunDunningResponse:  # noqa: ANN401 -- fields of the request
    return stub(guarded).RunDunning(pb.RunDunningRequest(date=day(of), **fields), timeout=20)


def state(guarded: Guarded, of: dt.date) -> pb.DunningState:
    return stub(guarded).GetDunningState(pb.GetDunningStateRequest(name="accounts/anna/dunningState", as_of=day(of)), timeout=20)


def test_a_run_is_previewed_and_taken_once(owing: Guarded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.clock.machine_now_us", lambda: owing.now_us)
    before = head(owing)
    assert app.main(["dunning", "preview", "--date", "2025-12-01", "--home", str(owing.home.path), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    tried = run(owing, validate_only=True)
    (step,) = tried.steps
    found = (step.account, step.level_before, step.level, step.action, iso(step.oldest_due_date), micros(step.overdue), iso(step.date))
    names = ("level_before", "level", "action", "oldest_due_on", "overdue_micros", "as_of")
    assert found == ("accounts/anna", *(told[name] for name in names))
    assert (tried.dunning_run, tried.refusal, head(owing)) == ("", "", before)
    assert "not begun" in run(owing, dt.date(2026, 2, 1), validate_only=True).refusal
    done = run(owing, request_id="december")
    assert (done.dunning_run, [each.action for each in done.steps], head(owing)) == ("dunningRuns/1", ["remind"], before + 1)
    assert run(owing, request_id="december") == done
    assert owing.world.changed("UPDATE requests SET answer = NULL") == 1, "cut off behind its commit"
    assert run(owing, request_id="december") == done
    assert not run(owing).steps, "once more it does nothing"
    assert refusal(stub(owing).RunDunning, pb.RunDunningRequest(date=day(dt.date(2026, 2, 1))))[1] == "REFUSED"
    earlier = pb.RunDunningRequest(date=day(dt.date(2025, 11, 20)))
    assert refusal(stub(owing).RunDunning, earlier)[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "REFUSED")
    assert refusal(stub(owing).RunDunning, pb.RunDunningRequest())[1] == "MALFORMED_REQUEST"


def test_the_state_has_the_dates_of_its_steps(owing: Guarded) -> None:
    coming = [(iso(each.date), each.level, each.action, micros(each.overdue)) for each in state(owing, dt.date(2025, 11, 10)).coming_steps]
    assert coming == [("2025-11-18", 1, "remind", 10_600_000), ("2025-12-15", 2, "bar_outgoing", 10_600_000)]
    run(owing)
    found = state(owing, DECEMBER)
    assert (found.policy, found.taken_level, found.taken_action, iso(found.taken_date)) == ("standard", 1, "remind", "2025-12-01")
    assert [(iso(each.date), each.dunning_run, each.account) for each in found.steps] == [("2025-12-01", "dunningRuns/1", "accounts/anna")]
    assert [iso(each.date) for each in found.coming_steps] == ["2025-12-15"], "14 days after the reminder"


def test_a_run_is_undone_by_two_operators(owing: Guarded) -> None:
    run(owing)
    name, before = "dunningRuns/1", head(owing)
    approve = pb.ApproveDunningUndoRequest(name=name, reason="so it is", request_id="yes")
    approver, finance = stub(owing, "the-approver"), stub(owing)
    assert refusal(approver.ApproveDunningUndo, approve)[1] == "REFUSED", "nobody has asked"
    ask = pb.UndoDunningRunRequest(name=name, reason="wrong date", request_id="undo")
    tried = finance.UndoDunningRun(pb.UndoDunningRunRequest(name=name, reason="wrong date", validate_only=True), timeout=20)
    assert (tried.waits, tried.accounts[0].account, tried.accounts[0].level_undone, head(owing)) == (True, "accounts/anna", 1, before)
    asked = finance.UndoDunningRun(ask, timeout=20)
    assert (asked.waits, asked.asked_by, head(owing)) == (True, "the-finance", before + 1)
    assert finance.UndoDunningRun(ask, timeout=20) == asked
    owing.add("other", Role.FINANCE, days=90)
    other = pb.UndoDunningRunRequest(name=name, reason="I agree")
    assert refusal(stub(owing, "other").UndoDunningRun, other)[1] == "REFUSED", "to agree takes an approver"
    assert refusal(finance.ApproveDunningUndo, approve)[1] == "ROLE_MISSING"
    done = approver.ApproveDunningUndo(approve, timeout=20)
    assert (done.waits, done.already_undone, done.asked_by) == (False, False, "the-finance")
    assert owing.world.changed("UPDATE requests SET answer = NULL") == 2
    assert (approver.ApproveDunningUndo(approve, timeout=20).waits, finance.UndoDunningRun(ask, timeout=20).waits) == (False, True)
    (listed,) = finance.ListDunningRuns(pb.ListDunningRunsRequest(), timeout=20).dunning_runs
    assert (listed.state, listed.undo_asked_by, listed.undone_by, listed.reason) == ("undone", "the-finance", "the-approver", "so it is")
    assert (listed.run_by, listed.remind_count, iso(listed.date)) == ("the-finance", 1, "2025-12-01")
    assert state(owing, DECEMBER).taken_level == 0


def test_one_operator_with_both_roles_is_one_person(owing: Guarded) -> None:
    run(owing)
    owing.add("both", Role.FINANCE, Role.APPROVER, days=90)
    both = stub(owing, "both")
    both.UndoDunningRun(pb.UndoDunningRunRequest(name="dunningRuns/1", reason="wrong"), timeout=20)
    approve = pb.ApproveDunningUndoRequest(name="dunningRuns/1", reason="yes")
    assert refusal(both.ApproveDunningUndo, approve)[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "REFUSED")


def test_policies(owing: Guarded) -> None:
    finance, before = stub(owing), head(owing)
    tried = finance.AddDunningPolicy(pb.AddDunningPolicyRequest(content=POLICY, validate_only=True), timeout=20)
    assert (tried.policy.policy, tried.policy.holds, len(tried.doubts), head(owing)) == ("stern", False, 1, before)
    add = pb.AddDunningPolicyRequest(content=POLICY, request_id="stern")
    added = finance.AddDunningPolicy(add, timeout=20)
    assert (added.already_added, added.policy.holds, head(owing)) == (False, True, before + 1)
    assert [(each.level, each.action, each.days_past_due, each.amount_min) for each in added.policy.steps] == [
        (1, "remind", 1, "0.01"),
        (2, "bar_outgoing", 2, "0.01"),
    ]
    assert owing.world.changed("UPDATE requests SET answer = NULL") == 1
    assert finance.AddDunningPolicy(add, timeout=20).policy.hash == added.policy.hash
    listed = finance.ListDunningPolicies(pb.ListDunningPoliciesRequest(), timeout=20).policies
    assert [(each.policy, each.origin, each.holds) for each in listed if each.policy == "stern"] == [("stern", "home", True)]
    wrong = pb.AddDunningPolicyRequest(content=b"name: stern\nsteps: [{level: 0, action: shout}]\n", validate_only=True)
    assert refusal(finance.AddDunningPolicy, wrong)[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    for content in (b"", b"\xff", b"x" * ((1 << 20) + 1), b"a: &a [*a, *a]"):
        assert refusal(finance.AddDunningPolicy, pb.AddDunningPolicyRequest(content=content))[1] == "MALFORMED_REQUEST"


def test_runs_that_are_not_there(owing: Guarded) -> None:
    names = {"dunningRuns/9": "NOT_FOUND", "dunningRuns/x": "MALFORMED_NAME", "9": "MALFORMED_NAME", "": "MALFORMED_NAME"}
    undo = stub(owing).UndoDunningRun
    assert {name: refusal(undo, pb.UndoDunningRunRequest(name=name, reason="x"))[1] for name in names} == names
    assert refusal(stub(owing).ListDunningRuns, pb.ListDunningRunsRequest(page_size=-1))[1] == "PAGE_SIZE"
