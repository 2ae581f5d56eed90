"""BillRunService beside the commands: trial, approval by another operator, preview, dry run, quarantine, lists, and what counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import msgspec
import pytest
import sqlalchemy as sa

from billing.runs import states
from billing.store import tables
from ratewright.v1 import bill_run_pb2 as runs
from ratewright.v1 import bill_run_service_pb2 as pb
from server.cli import app
from server.operations import processes
from tests.billing.second_person import set_by_two
from tests.server.grpc.bill_runs.client import BEN, NOVEMBER, error, micros, response, state, told
from tests.server.grpc.calls import refused

if TYPE_CHECKING:
    from google.longrunning import operations_proto_pb2 as longrunning

    from tests.billing.runs.world import World
    from tests.server.grpc.bill_runs.client import Client, Desk

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("at_once")]
INVALID, PRECONDITION, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND


def command(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> Any:  # noqa: ANN401 -- what JSON says
    """The JSON of a command that succeeds."""
    assert app.main([*words, "--json", "--home", str(world.home.path)]) == 0, capsys.readouterr().err
    return msgspec.json.decode(capsys.readouterr().out)


def rows(world: World, table: sa.Table) -> int:
    """The number of rows of a table."""
    with world.home.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def start(client: Client, **fields: Any) -> longrunning.Operation:  # noqa: ANN401 -- fields of the request
    """Start a run of November."""
    return client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER, **fields))


def test_a_list_is_approved_by_another_operator(world: World, client: Client, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    set_by_two(world.home, "approval", "required", world.tick)
    listed = response(start(client, trial=True), runs.BillRun)
    assert (listed.state, listed.listed_count, listed.invoice_count, listed.needs_approval) == ("computed", 2, 0, True)
    found = command(world, capsys, "bill", "trial", "--run", "1")
    assert client.runs.CompareBillRun(pb.CompareBillRunRequest(name="billRuns/1")) == listed.comparison
    assert (listed.comparison.invoices_now, micros(listed.comparison.total_now)) == (found["invoices_now"], found["total_micros_now"])
    assert (listed.comparison.fresh.count, [each.account for each in listed.comparison.fresh.shown]) == (
        2,
        ["accounts/anna", "accounts/bob"],
    )

    early = error(client.runs.ResumeBillRun(pb.ResumeBillRunRequest(name="billRuns/1")))
    assert (early.code, early.reason, early.message) == (
        PRECONDITION.value[0],
        "REFUSED",
        "bill run 1 of 2025-11-01 waits for approval",
    )
    approve = pb.ApproveBillRunRequest(name="billRuns/1", note="looked at", request_id="yes")
    own = refused(lambda: client.runs.ApproveBillRun(approve))
    assert (own.code, own.reason) == (PRECONDITION, "REFUSED")
    assert own.metadata["remedy"] == "another person approves it: ratewright bill approve --run 1"
    desk.actor = BEN
    tried = client.runs.ApproveBillRun(pb.ApproveBillRunRequest(name="billRuns/1", validate_only=True))
    assert (tried.approved_by, tried.needs_approval, rows(world, tables.run_decisions)) == ("ben", False, 0)
    approved = client.runs.ApproveBillRun(approve)
    assert (approved.approved_by, approved.needs_approval, rows(world, tables.run_decisions)) == ("ben", False, 1)
    assert client.runs.ApproveBillRun(approve) == approved
    assert rows(world, tables.run_decisions) == 1

    posted = response(client.runs.ResumeBillRun(pb.ResumeBillRunRequest(name="billRuns/1")), runs.BillRun)
    assert (posted.state, posted.invoice_count, posted.started_by, posted.approved_by) == ("posted", 2, "ana", "ben")
    again = refused(lambda: client.runs.ResumeBillRun(pb.ResumeBillRunRequest(name="billRuns/1")))
    assert (again.code, again.reason, again.message) == (PRECONDITION, "REFUSED", "bill run 1 of 2025-11-01 is posted")


def test_a_list_is_rejected_and_a_run_abandoned(world: World, client: Client) -> None:
    start(client, trial=True)
    reject = pb.RejectBillRunRequest(name="billRuns/1")
    assert refused(lambda: client.runs.RejectBillRun(reject))[:2] == (INVALID, "MALFORMED_REQUEST")
    reject.note = "wrong month"
    reject.validate_only = True
    assert client.runs.RejectBillRun(reject).state == "rejected"
    assert client.runs.GetBillRun(pb.GetBillRunRequest(name="billRuns/1")).state == "computed"
    reject.validate_only = False
    assert client.runs.RejectBillRun(reject).state == "rejected"

    start(client, trial=True)
    give_up = pb.AbandonBillRunRequest(name="billRuns/2", validate_only=True)
    assert client.runs.AbandonBillRun(give_up).state == "abandoned"
    assert (world.home.charges_folder / "run=2").exists(), "it was only tried"
    give_up.validate_only = False
    assert client.runs.AbandonBillRun(give_up).state == "abandoned"
    assert not (world.home.charges_folder / "run=2").exists()
    assert client.runs.AbandonBillRun(give_up).state == "abandoned", "one that was given up stays so"
    assert refused(lambda: client.runs.AbandonBillRun(pb.AbandonBillRunRequest(name="billRuns/1"))).reason == "REFUSED"
    assert refused(lambda: client.runs.AbandonBillRun(pb.AbandonBillRunRequest(name="billRuns/9")))[:2] == (NOT_FOUND, "NOT_FOUND")


def test_a_preview_of_one_account_is_that_of_the_command(world: World, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = command(world, capsys, "bill", "preview", "--date", "2025-11-01", "--account", "anna")
    found = client.runs.PreviewBill(pb.PreviewBillRequest(account="accounts/anna", bill_date=NOVEMBER))
    draft = wanted["drafts"][0]
    assert [(line.text, line.events, line.amount_micros) for line in found.bills[0].lines] == [
        (line["text"], line["events"], line["amount_micros"]) for line in draft["lines"]
    ]
    assert (found.bill_count, found.bills[0].account, micros(found.net), micros(found.tax)) == (
        1,
        "accounts/anna",
        {"CNY": sum(line["amount_micros"] for line in draft["lines"] if line["kind"] != "tax")},
        {"CNY": sum(line["amount_micros"] for line in draft["lines"] if line["kind"] == "tax")},
    )
    assert micros(found.net) == {"CNY": 10_500_000}, "10.00, and five minutes of 0.10"
    assert (rows(world, tables.bill_runs), rows(world, tables.operations)) == (0, 0)
    nobody = refused(lambda: client.runs.PreviewBill(pb.PreviewBillRequest(account="accounts/nobody", bill_date=NOVEMBER)))
    assert (nobody.code, nobody.reason) == (NOT_FOUND, "NOT_FOUND")
    for request, reason in (
        (pb.PreviewBillRequest(account="accounts/-", bill_date=NOVEMBER), "MALFORMED_NAME"),
        (pb.PreviewBillRequest(account="anna", bill_date=NOVEMBER), "MALFORMED_NAME"),
        (pb.PreviewBillRequest(account="accounts/anna"), "MALFORMED_REQUEST"),
    ):
        assert refused(lambda wrong=request: client.runs.PreviewBill(wrong))[:2] == (INVALID, reason)


def test_validate_only_is_the_dry_run(world: World, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = command(world, capsys, "bill", "run", "--date", "2025-11-01", "--dry-run")
    tried = start(client, validate_only=True, request_id="tried")
    found = response(tried, runs.BillPreview)
    assert (told(tried).kind, told(tried).subject) == ("preview", "preview 2025-11-01")
    assert [each.account for each in found.bills] == [f"accounts/{each}" for each in wanted["account_ids"]]
    net = sum(line["amount_micros"] for each in wanted["drafts"] for line in each["lines"] if line["kind"] != "tax")
    assert micros(found.net) == {"CNY": net} == {"CNY": 20_500_000}
    assert found.refused == ""
    lines = [(line.text, line.amount_micros) for each in found.bills for line in each.lines]
    assert lines == [(line["text"], line["amount_micros"]) for each in wanted["drafts"] for line in each["lines"]]
    assert (rows(world, tables.bill_runs), rows(world, tables.requests)) == (0, 0)


def test_a_request_counts_once(world: World, client: Client, desk: Desk) -> None:
    first = start(client, request_id="october")
    assert client.wait(first).name == start(client, request_id="october").name
    assert (rows(world, tables.operations), rows(world, tables.bill_runs)) == (1, 1)
    other = refused(lambda: start(client, request_id="october", everything=True))
    assert (other.code, other.reason, other.metadata["field"]) == (INVALID, "REQUEST_ID_REUSED", "everything")
    assert refused(lambda: start(client, request_id="x" * 129)).reason == "REQUEST_ID"
    desk.actor = BEN
    assert start(client, request_id="october").name != first.name, "ids are those of one operator"


def test_a_server_that_died_before_it_answered_answers_the_repeat(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operation is committed with its request; then the server dies, before a process is there."""

    def died(*_: object) -> None:
        raise AssertionError("as if it were killed here")

    with monkeypatch.context() as patch:
        patch.setattr(processes, "spawn", died)
        assert refused(lambda: start(client, request_id="october")).reason == "INTERNAL"
    found = start(client, request_id="october")
    assert (found.done, state(found), rows(world, tables.operations)) == (True, "INTERRUPTED", 1)
    again = client.runs.ResumeOperation(pb.ResumeOperationRequest(name=found.name, request_id="go on"))
    assert response(again, runs.BillRun).invoice_count == 2
    assert client.runs.ResumeOperation(pb.ResumeOperationRequest(name=found.name, request_id="go on")).name == again.name
    ended = refused(lambda: client.runs.ResumeOperation(pb.ResumeOperationRequest(name=again.name)))
    assert (ended.code, ended.reason) == (PRECONDITION, "OPERATION_NOT_RESUMABLE")


def test_what_a_run_refuses_is_the_error_of_its_operation(client: Client) -> None:
    far = client.runs.RunBills(pb.RunBillsRequest(bill_date={"year": 2098, "month": 1, "day": 1}))
    assert (state(far), error(far)[:2]) == ("FAILED", (INVALID.value[0], "MALFORMED_REQUEST"))
    assert error(far).remedy.startswith("give the date on which the period to bill has ended") == (told(far).remedy == error(far).remedy)
    stranger = start(client, accounts=["accounts/nobody"])
    assert error(stranger)[:3] == (INVALID.value[0], "MALFORMED_REQUEST", "no account has the id nobody")
    assert refused(lambda: start(client, accounts=["nobody"]))[:2] == (INVALID, "MALFORMED_NAME")
    assert refused(lambda: start(client, threads=-1))[:2] == (INVALID, "MALFORMED_REQUEST")
    assert refused(lambda: client.runs.RunBills(pb.RunBillsRequest()))[:2] == (INVALID, "MALFORMED_REQUEST")


def test_a_mistake_of_ours_ends_the_operation_and_shows_nothing_of_its_inside(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("server.actions.bill_runs.run", broken)
    failed = start(client)
    assert (state(failed), error(failed)[:2]) == ("FAILED", (grpc.StatusCode.INTERNAL.value[0], "INTERNAL"))
    assert "secret" not in str(failed)


def test_accounts_in_quarantine_are_billed_when_the_cause_is_mended(world: World, client: Client) -> None:
    world.account("ella", currency="EUR")
    world.subscription("ella-1", "ella", "shop/basic", "1003")
    first = response(start(client), runs.BillRun)
    assert (first.invoice_count, list(first.quarantined)) == (2, ["ella"])
    listed = client.runs.ListQuarantinedAccounts(pb.ListQuarantinedAccountsRequest(bill_run="billRuns/1")).accounts
    assert [(each.account, each.kind, each.bill_run, each.reason) for each in listed] == [
        ("accounts/ella", "quarantined", "billRuns/1", first.quarantined["ella"])
    ]
    world.execute("UPDATE accounts SET currency = 'CNY' WHERE account_id = 'ella'")
    tried = response(client.runs.RetryBillRun(pb.RetryBillRunRequest(name="billRuns/1", validate_only=True)), runs.BillPreview)
    assert ([each.account for each in tried.bills], rows(world, tables.bill_runs)) == (["accounts/ella"], 1)
    billed = response(client.runs.RetryBillRun(pb.RetryBillRunRequest(name="billRuns/1")), runs.BillRun)
    assert (billed.name, billed.restricted, billed.invoice_count, micros(billed.net)) == ("billRuns/2", True, 1, {"CNY": 10_000_000})
    assert list(client.runs.ListQuarantinedAccounts(pb.ListQuarantinedAccountsRequest()).accounts) == []
    every = client.runs.ListQuarantinedAccounts(pb.ListQuarantinedAccountsRequest(show_billed=True)).accounts
    assert [each.billed_by for each in every] == ["billRuns/2"]
    nobody = client.runs.RetryBillRun(pb.RetryBillRunRequest(name="billRuns/1"))
    assert error(nobody)[1:3] == ("REFUSED", "no account of bill run 1 is in quarantine")
    assert refused(lambda: client.runs.RetryBillRun(pb.RetryBillRunRequest(name="billRuns/9")))[:2] == (NOT_FOUND, "NOT_FOUND")


def test_runs_are_listed_in_pages_that_stay(world: World, client: Client) -> None:
    for _ in range(3):
        start(client, trial=True)
        client.runs.RejectBillRun(pb.RejectBillRunRequest(name=f"billRuns/{rows(world, tables.bill_runs)}", note="again"))
    page = client.runs.ListBillRuns(pb.ListBillRunsRequest(page_size=2))
    start(client)
    rest = client.runs.ListBillRuns(pb.ListBillRunsRequest(page_size=2, page_token=page.next_page_token))
    assert [each.name for each in (*page.bill_runs, *rest.bill_runs)] == ["billRuns/3", "billRuns/2", "billRuns/1"]
    assert (rest.next_page_token, rest.bill_runs[0].state) == ("", states.REJECTED)
    assert client.runs.ListBillRuns(pb.ListBillRunsRequest()).bill_runs[0].name == "billRuns/4"
    for fields, reason in (({"page_size": -1}, "PAGE_SIZE"), ({"page_token": "eA=="}, "PAGE_TOKEN")):
        assert refused(lambda wrong=fields: client.runs.ListBillRuns(pb.ListBillRunsRequest(**wrong)))[:2] == (INVALID, reason)
    for name, wanted in (
        ("billRuns/99", (NOT_FOUND, "NOT_FOUND")),
        ("billRuns/0", (INVALID, "MALFORMED_NAME")),
        ("runs/1", (INVALID, "MALFORMED_NAME")),
    ):
        assert refused(lambda wrong=name: client.runs.GetBillRun(pb.GetBillRunRequest(name=wrong)))[:2] == wanted
