"""google.longrunning.Operations over a home, and the other kinds of work: thresholds, re-ratings, month ends, what-ifs."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import grpc
import msgspec
import pytest
from google.longrunning import operations_proto_pb2 as longrunning
from google.protobuf import duration_pb2

from billing import catalogue
from billing.catalogue import Operator
from ratewright.v1 import bill_run_service_pb2 as pb
from ratewright.v1 import billing_results_pb2 as results
from rating.model import BillThreshold
from server.cli import app
from server.operations import processes, rows
from tariffs import canonical
from tests.billing.runs.world import START_US, Call, shop
from tests.server.grpc.bill_runs.client import BEN, NOVEMBER, error, micros, response, state, told
from tests.server.grpc.calls import DEADLINE_S, refused

if TYPE_CHECKING:
    from server.grpc.service import Service
    from tests.billing.runs.world import World
    from tests.server.grpc.bill_runs.client import Client, Desk

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("at_once")]
INVALID, PRECONDITION, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND


def command(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> Any:  # noqa: ANN401 -- what JSON says
    """The JSON of a command that succeeds."""
    assert app.main([*words, "--json", "--home", str(world.home.path)]) == 0, capsys.readouterr().err
    return msgspec.json.decode(capsys.readouterr().out)


def dearer(world: World, version: int, *, publish: bool) -> None:
    """A version of the shop whose basic plan costs 12.00 a month, from the beginning on: published, or a draft."""
    base = shop(version, START_US + version)
    fee = msgspec.structs.replace(base.plans[0].recurring[0], amount_micros=12_000_000)
    plans = (msgspec.structs.replace(base.plans[0], recurring=(fee,)), base.plans[1])
    made = canonical.decode(canonical.encode(msgspec.structs.replace(base, plans=plans)))
    if publish:
        catalogue.publish(world.home, made, world.tick())
    else:
        catalogue.save(world.home, made, Operator("ann", 4711), world.tick(), "test")


def test_operations_are_listed_and_found(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER, validate_only=True)).name for _ in range(3)]
    page = client.operations.ListOperations(longrunning.ListOperationsRequest(page_size=2))
    rest = client.operations.ListOperations(longrunning.ListOperationsRequest(page_size=2, page_token=page.next_page_token))
    assert [each.name for each in (*page.operations, *rest.operations)] == asked[::-1]
    found = client.get(page.operations[0])
    assert found.metadata == page.operations[0].metadata
    assert (found.HasField("response"), page.operations[0].HasField("response")) == (True, False), "a list has no responses"
    for fields, reason in (({"filter": "done"}, "FILTER"), ({"page_size": -1}, "PAGE_SIZE"), ({"page_token": "eA=="}, "PAGE_TOKEN")):
        asking = longrunning.ListOperationsRequest(**fields)
        assert refused(lambda wrong=asking: client.operations.ListOperations(wrong))[:2] == (INVALID, reason)
    for name, wanted in ((f"operations/{'0' * 32}", (NOT_FOUND, "NOT_FOUND")), ("operations/../x", (INVALID, "MALFORMED_NAME"))):
        get, cancel = longrunning.GetOperationRequest(name=name), longrunning.CancelOperationRequest(name=name)
        assert refused(lambda wrong=get: client.operations.GetOperation(wrong))[:2] == wanted
        assert refused(lambda wrong=cancel: client.operations.CancelOperation(wrong))[:2] == wanted
    kept = refused(lambda: client.operations.DeleteOperation(longrunning.DeleteOperationRequest(name=asked[0])))
    assert (kept.code, kept.reason) == (grpc.StatusCode.UNIMPLEMENTED, "KEPT")
    assert world.home.is_practice is False
    # One that goes on is told as it is when the client's time is over.
    monkeypatch.setattr(processes, "is_alive", lambda *_: True)
    monkeypatch.setattr(processes, "spawn", lambda *_: None)
    running = client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER))
    busy = refused(lambda: client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER)))
    assert (busy.code, busy.reason, busy.metadata["operation"]) == (PRECONDITION, "OPERATION_RUNNING", running.name)
    monkeypatch.setattr(rows, "RUNNING_MAX", 1)
    full = refused(lambda: client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER, validate_only=True)))
    assert (full.code, full.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OPERATIONS_EXHAUSTED")
    short = longrunning.WaitOperationRequest(name=running.name, timeout=duration_pb2.Duration(nanos=1_000_000))
    assert (client.operations.WaitOperation(short).done, state(running)) == (False, "RUNNING")


def test_progress_is_read_from_a_file(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "spawn", lambda *_: None)
    asked = client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER))
    reporter = processes.Reporter(world.home.path, asked.name.removeprefix("operations/"), interval_s=60)
    reporter.report("price usage", 10, 100)
    reporter.report("price usage", 20, 100)  # too soon to be written
    found = told(client.get(asked))
    assert (found.stage, found.done, found.total) == ("price usage", 10, 100)
    reporter.report("price usage", 100, 100)
    assert told(client.get(asked)).done == 100, "the end of a stage always is"
    reporter.report("settle", 0, 7)
    assert (told(client.get(asked)).stage, told(client.get(asked)).total) == ("settle", 7)


def test_thresholds(world: World, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """Carl's 60 minutes cost 6.00, which is above his threshold of 5.00."""
    basic, plus = shop().plans
    plans = (basic, msgspec.structs.replace(plus, bill_thresholds=(BillThreshold(1, "five", 5_000_000),)))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    world.account("carl")
    world.subscription("carl-1", "carl", "shop/plus", "1003")
    world.take(Call("1003", "2025-10-03T10:00:00", 3_600))
    wanted = command(world, capsys, "bill", "thresholds", "--date", "2025-10-05", "--dry-run")
    day = {"year": 2025, "month": 10, "day": 5}
    tried = response(client.runs.BillThresholds(pb.BillThresholdsRequest(bill_date=day, validate_only=True)), results.ThresholdBilling)
    reached = [(each.account, each.display_name, each.unbilled.units) for each in tried.reached]
    assert reached == [("accounts/carl", "five", 6)] == [("accounts/carl", "five", wanted["reached"][0]["unbilled_micros"] // 1_000_000)]
    made = response(client.runs.BillThresholds(pb.BillThresholdsRequest(bill_date=day)), results.ThresholdBilling)
    assert (made.invoice_count, made.bill_run, tried.bill_run) == (1, "billRuns/1", "")


def test_a_rerating_is_planned_approved_by_another_operator_and_applied(
    world: World, client: Client, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two customers of a plan that is 2.00 dearer than it was billed: 4.00."""
    world.bill("2025-11-01")
    dearer(world, 2, publish=True)
    plan = pb.PlanReratingRequest(plan="shop/basic", version=2, months="2025-10", validate_only=True)
    wanted = command(world, capsys, "bill", "rerate", "--plan", "shop/basic", "--version", "2", "--periods", "2025-10", "--dry-run")
    tried = response(client.runs.PlanRerating(plan), results.Rerating)
    assert micros(tried.net) == wanted["net_micros"] == {"CNY": 4_000_000}
    assert (tried.name, tried.dearer_count, list(client.runs.ListReratings(pb.ListReratingsRequest()).reratings)) == ("", 2, [])
    plan.validate_only = False
    planned = response(client.runs.PlanRerating(plan), results.Rerating)
    assert (planned.name, planned.state, planned.planned_by) == ("reratings/1", "waiting", "ana")
    approve = pb.ApproveReratingRequest(name="reratings/1", request_id="yes")
    assert refused(lambda: client.runs.ApproveRerating(approve))[:2] == (PRECONDITION, "REFUSED")
    desk.actor = BEN
    assert client.runs.ApproveRerating(pb.ApproveReratingRequest(name="reratings/1", validate_only=True)).state == "approved"
    assert client.runs.ListReratings(pb.ListReratingsRequest()).reratings[0].state == "waiting"
    assert client.runs.ApproveRerating(approve) == client.runs.ApproveRerating(approve)
    on = {"year": 2025, "month": 11, "day": 2}
    apply = pb.ApplyReratingRequest(name="reratings/1", issue_date=on)
    applied = response(client.runs.ApplyRerating(apply), results.Rerating)
    assert (applied.state, list(applied.bill_runs), applied.decided_by) == ("applied", ["billRuns/2"], "ben")
    assert response(client.runs.ApplyRerating(apply), results.Rerating).existed
    assert refused(lambda: client.runs.RejectRerating(pb.RejectReratingRequest(name="reratings/7", note="no")))[:2] == (
        NOT_FOUND,
        "NOT_FOUND",
    )
    wrong = pb.PlanReratingRequest(plan="shop/basic", version=2, months="October")
    assert refused(lambda: client.runs.PlanRerating(wrong))[:2] == (INVALID, "MALFORMED_REQUEST")


def test_a_month_end(world: World, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    world.bill("2025-11-01")
    wanted = command(world, capsys, "ledger", "month-end", "--month", "2025-10")
    shown = response(client.runs.CloseMonth(pb.CloseMonthRequest(month="2025-10", validate_only=True)), results.MonthEnd)
    assert (shown.closed, list(shown.obstacles)) == (False, wanted["obstacles"]) == (False, [])
    assert [(each.kind, each.code) for each in shown.entries] == [(each["kind"], each["code"]) for each in wanted["entries"]]
    closed = response(client.runs.CloseMonth(pb.CloseMonthRequest(month="2025-10", note="done")), results.MonthEnd)
    assert (closed.closed, closed.month) == (True, "2025-10")
    unknown = client.runs.CloseMonth(pb.CloseMonthRequest(month="2025-10", legal_entity="nobody"))
    assert (state(unknown), error(unknown).code != 0) == ("FAILED", True)


def test_a_what_if(world: World, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """Two customers of basic: 2.00 a month more each."""
    dearer(world, 2, publish=False)
    wanted = command(world, capsys, "tariffs", "what-if", "shop@2", "--period", "2025-10")
    ask = pb.RunWhatIfRequest(catalogue="shop@2", month="2025-10", validate_only=True)
    found = response(client.runs.RunWhatIf(ask), results.WhatIf)
    (each,) = found.currencies
    assert (micros([each.now]), micros([each.then])) == (
        {"CNY": wanted["currencies"][0]["now_micros"]},
        {"CNY": wanted["currencies"][0]["then_micros"]},
    )
    assert micros([each.then])["CNY"] - micros([each.now])["CNY"] == 4_000_000
    assert (found.catalogue, each.more_count, found.event_count, found.kept) == ("shop@2", 2, wanted["events"], False)
    ask.validate_only = False
    assert response(client.runs.RunWhatIf(ask), results.WhatIf).kept
    nothing = client.runs.RunWhatIf(pb.RunWhatIfRequest(catalogue="/etc/passwd", month="2025-10"))
    assert error(nothing)[:2] == (NOT_FOUND.value[0], "NOT_FOUND"), "a name of the home, never a file of the server"


@pytest.mark.parametrize("text", ["x\0", "x" * 2_001], ids=["nul", "long"])
def test_texts_that_nothing_keeps_are_refused(client: Client, text: str) -> None:
    for call, request in (
        (client.runs.RunBills, pb.RunBillsRequest(bill_date=NOVEMBER, ahead_reason=text)),
        (client.runs.PlanRerating, pb.PlanReratingRequest(plan=text, version=1, months="2025-10")),
        (client.runs.CloseMonth, pb.CloseMonthRequest(month="2025-10", legal_entity=text)),
        (client.runs.RunWhatIf, pb.RunWhatIfRequest(catalogue=text, month="2025-10")),
        (client.runs.ApproveBillRun, pb.ApproveBillRunRequest(name="billRuns/1", note=text)),
        (client.runs.RejectRerating, pb.RejectReratingRequest(name="reratings/1", note=text)),
    ):
        assert refused(lambda made=call, wrong=request: made(wrong))[:2] == (INVALID, "MALFORMED_REQUEST")
    for name in ("accounts/x\0", "accounts/"):
        preview = pb.PreviewBillRequest(account=name, bill_date=NOVEMBER)
        assert refused(lambda wrong=preview: client.runs.PreviewBill(wrong))[:2] == (INVALID, "MALFORMED_NAME")


def test_a_process_on_another_host_is_not_ended_from_here(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is signalled by a number that is another process here."""
    monkeypatch.setattr(processes, "spawn", lambda *_: None)
    asked = client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER))
    file = world.home.path / processes.FOLDER / f"{asked.name.removeprefix('operations/')}.lock"
    file.write_bytes(msgspec.json.encode(processes.Mark(os.getpid(), "elsewhere")))
    monkeypatch.setattr(processes, "is_alive", lambda *_: True)
    far = refused(lambda: client.cancel(asked))
    assert (far.code, far.reason, far.metadata["remedy"]) == (PRECONDITION, "REFUSED", "cancel it by the service of that host")


def test_who_waits_is_answered_as_the_server_stops(client: Client, running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = threading.Event()

    def is_alive(*_: object) -> bool:
        waits.set()
        return True

    monkeypatch.setattr(processes, "spawn", lambda *_: None)
    asked = client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER))
    monkeypatch.setattr(processes, "is_alive", is_alive)
    answer = client.operations.WaitOperation.future(longrunning.WaitOperationRequest(name=asked.name))
    assert waits.wait(DEADLINE_S)
    assert running.stop()
    assert (answer.result(DEADLINE_S).done, state(answer.result())) == (False, "RUNNING")
