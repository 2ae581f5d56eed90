"""Commands about what comes before and after runs, and about runs that are undone, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing import catalogue
from billing.documents import alarms
from billing.persons import Who
from billing.store import tables
from ratewright.v1 import bill_follow_up_pb2 as pb
from ratewright.v1 import bill_run_service_pb2_grpc, bill_run_undo_pb2
from rating.model import Plan
from server.grpc.bill_runs import undoing
from tests.billing.runs.world import START_US, Call, World, shop
from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.grpc.calls import refused
from tests.server.grpc.finance.asking import micros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
UNDO = ("bill", "undo", "--run", "4", "--reason", "a wrong price")
INVALID, REFUSED, DENIED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.PERMISSION_DENIED


def prepared(world: World) -> None:
    """Run 4 bills October: anna 11.55, and bert, after three months of nothing, 127.52, which is out of the ordinary.

    Two events are refused. Berta came afterwards: she is due, and owed 50.00 before.
    """
    plans = (*shop().plans, Plan("bare", shop().plans[0].rules, {"en": "Bare"}))
    catalogue.publish(world.home, shop(2, START_US, plans=plans, corrects=1), world.tick())
    world.account("bert", opened_on="2025-07-01")
    world.subscription("bert-1", "bert", "shop/bare", "1002", from_date="2025-07-01")
    for date in ("2025-08-01", "2025-09-01", "2025-10-01"):
        world.bill(date)
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1000")
    world.take(
        Call("1000", "2025-10-05T10:00:00", 29 * 60),
        Call("1002", "2025-10-05T10:00:00", 3600, 8690000000001),
        Call("13800007777", "2025-10-06T10:00:00", 60),
        Call("1000", "2025-10-07T10:00:00", 60, 44123456),
    )
    run = world.bill("2025-11-01")
    assert (run.run_id, run.invoices) == (4, 2)
    assert alarms.raise_alarms(world.home, run.run_id, Who("boss", 1, world.tick())) == 1
    world.account("berta")
    world.subscription("berta-1", "berta", "shop/basic", "1001")
    world._add(  # noqa: SLF001 -- a fact, as an import would bring it
        tables.opening_items,
        account_key=world.key("accounts", "account_key", "account_id", "berta"),
        reference="OLD-1",
        issued_on="2025-09-30",
        due_on="2025-10-15",
        amount_micros=50_000_000,
    )


@pytest.fixture
def persons(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """Two homes, as `prepared` says."""
    with two_homes(tmp_path, capsys, monkeypatch, prepared) as made:
        yield made


def stub(persons: Persons, name: str) -> Any:  # noqa: ANN401 -- a stub
    return bill_run_service_pb2_grpc.BillRunServiceStub(persons.guarded.channel(name))


def test_due_alarms_and_refused_events(persons: Persons) -> None:
    assert "ratewright bill run --date 2025-11-01" in persons("bill", "due")
    assert "2025-11-01" in persons("bill", "due", "--language", "zh")
    due = json.loads(persons("bill", "due", "--json"))
    assert [(each["bill_date"], each["accounts"]) for each in due["dates"]] == [("2025-11-01", 1)]
    assert "127.52" in persons("bill", "alarms", "list")
    assert persons("bill", "alarms", "told", "1", "--note", "by mail") == "alarm 1 is told\n"
    assert persons("bill", "alarms", "told", "1", "--note", "by mail") == "alarm 1 is told already; nothing changed\n"
    assert "dismissing an alarm needs a reason" in persons("bill", "alarms", "dismiss", "1", "--note", " ", status=2)
    assert "there is no alarm 9" in persons("bill", "alarms", "dismiss", "9", "--note", "x", status=2)
    assert persons("bill", "alarms", "dismiss", "1", "--note", "a known call") == "alarm 1 is dismissed\n"
    assert json.loads(persons("bill", "alarms", "list", "--json")) == []
    told = json.loads(persons("bill", "alarms", "list", "--all", "--json"))
    assert [(each["state"], each["note"], each["run_id"]) for each in told] == [("dismissed", "a known call", 4)]
    assert "13800007777" in persons("bill", "refused")
    assert persons("bill", "refused", "--run", "1") == "run 1 refused no event\n"
    told = json.loads(persons("bill", "refused", "--json"))
    assert (told["counts"], len(told["rows"])) == ({"UNKNOWN_SUBSCRIPTION": 1, "NO_ZONE": 1}, 2)
    assert len(json.loads(persons("bill", "refused", "--limit", "1", "--json"))["rows"]) == 1
    assert [each["reason"] for each in json.loads(persons("bill", "refused", "--reason", "NO_ZONE", "--json"))["rows"]] == ["NO_ZONE"]
    assert "no event is refused for the reason MOOD" in persons.there("bill", "refused", "--reason", "MOOD", status=2)
    assert "--limit -1 is below zero" in persons("bill", "refused", "--limit", "-1", status=2)
    assert "the service shows at most 10,000 events" in persons.there("bill", "refused", "--limit", "10001", status=2)
    persons("bill", "refused", "--run", "9", status=1)


def test_opening_documents_and_the_page_of_a_home(persons: Persons) -> None:
    assert persons("bill", "opening", "--dry-run") == "opening documents that would be made: 1, 50.00 CNY\n"
    assert "without --dry-run this is refused" in persons("bill", "opening", "--dry-run", "--date", "2025-12-24", status=1)
    assert "has not begun" in persons("bill", "opening", "--date", "2025-12-24", status=1)
    told = json.loads(persons("bill", "opening", "--date", "2025-11-10", "--json"))
    assert (told["documents"], told["total_micros"], told["run_id"]) == (1, {"CNY": 50_000_000}, 5)
    assert persons("bill", "opening") == "opening documents: 0, 0\n"

    def page(printed: str) -> list[str]:
        return [line for line in printed.splitlines() if "GB free" not in line]  # others write on the disk meanwhile

    assert page(persons.behind("status")) == page(persons.there("status"))
    here, there = (json.loads(each("status", "--all", "--json")) for each in (persons.behind, persons.there))
    assert [each["name"] for each in there["rows"]] == [each["name"] for each in here["rows"]]
    assert there["practice"] is here["practice"] is False
    [due] = [each for each in there["rows"] if each["name"] == "due today"]
    assert due in here["rows"]


def test_undo(persons: Persons) -> None:
    """Anna has paid: her documents are in the way, and the run is undone for bert alone, by two people. A proposal is withdrawn."""
    persons("payment", "record", "--id", "P-1", "--account", "anna", "--amount", "4", "--date", "2025-11-10")
    everything = persons(*UNDO, "--dry-run", status=1)
    assert "in the way: " in everything
    assert json.loads(persons(*UNDO, "--dry-run", "--json", status=1))["blockers"]
    assert "1 mistake found" in persons(*UNDO, status=1)
    other = (*UNDO, "--accounts", "bert")
    persons(*other, "--dry-run")
    assert "ratewright bill undo --run 4 --accounts bert --reason ..." in persons(*other)
    assert "boss has proposed to undo bill run 4, and cannot agree to it" in persons(*other, status=1)
    assert "is withdrawn" in persons(*other, "--withdraw")
    assert "there is no proposal to undo bill run 4" in persons(*other, "--withdraw", status=1)
    persons(*other, "--json")
    with persons.acting("the-approver"):
        told = json.loads(persons(*other, "--json"))
        assert (told["state"], told["proposed_by"], len(told["documents"]), told["others"]) == ("undone", "boss", 1, 1)
        assert "is undone for it" in persons(*other, status=1)
    assert "--accounts names no account" in persons.there(*UNDO, "--accounts", ",", status=2)
    assert "--withdraw has nothing to show" in persons(*UNDO, "--withdraw", "--dry-run", status=2)


def test_who_proposes_and_who_agrees(persons: Persons, monkeypatch: pytest.MonkeyPatch) -> None:
    """An approver proposes nothing, and nobody else agrees. A repeat whose answer was lost has the same answer."""
    operator, approver, boss = (stub(persons, name) for name in ("the-operator", "the-approver", "boss"))

    def undo(**more: Any) -> bill_run_undo_pb2.UndoBillRunRequest:  # noqa: ANN401 -- fields of the message
        return bill_run_undo_pb2.UndoBillRunRequest(**{"name": "billRuns/4", "reason": "a wrong price", **more})

    denied = refused(lambda: approver.UndoBillRun(undo(), timeout=20))
    assert (*denied[:2], denied.metadata["roles"]) == (DENIED, "ROLE_MISSING", "admin or finance or operator")
    assert operator.UndoBillRun(undo(request_id="r-1"), timeout=20).state == "proposed"
    denied = refused(lambda: boss.UndoBillRun(undo(), timeout=20))
    assert (*denied[:2], denied.metadata["roles"]) == (DENIED, "ROLE_MISSING", "approver")
    assert boss.UndoBillRun(undo(validate_only=True), timeout=20).state == "undone", "everybody may look"
    monkeypatch.setattr(undoing, "DOCUMENTS_MAX", 1)
    assert refused(lambda: approver.UndoBillRun(undo(), timeout=20))[:2] == (REFUSED, "REFUSED")
    monkeypatch.undo()
    done = approver.UndoBillRun(undo(request_id="r-2"), timeout=20)
    assert ([micros(each.total) for each in done.documents], done.account_count) == ([11_550_000, 127_520_000], 2)
    assert approver.UndoBillRun(undo(request_id="r-2"), timeout=20) == done
    opening = pb.IssueOpeningDocumentsRequest(request_id="r-3")
    made = boss.IssueOpeningDocuments(opening, timeout=20)
    tell = pb.TellBillAlarmRequest(name="billAlarms/1", note="by mail", request_id="r-4")
    said = boss.TellBillAlarm(tell, timeout=20)
    operator.DismissBillAlarm(pb.DismissBillAlarmRequest(name="billAlarms/1", note="a mistake"), timeout=20)
    with persons.guarded.home.begin() as connection:  # as after a kill between the commit and the answer
        connection.execute(tables.requests.update().values(answer=None))
    assert (done.state, done.proposed_by) == ("undone", "the-operator")
    assert approver.UndoBillRun(undo(request_id="r-2"), timeout=20) == done
    assert boss.IssueOpeningDocuments(opening, timeout=20) == made
    assert (said.alarm.state, said.alarm.note) == ("told", "by mail")
    assert boss.TellBillAlarm(tell, timeout=20) == said, "though the operator has dismissed it since"
    for call, request, reason in (
        (boss.UndoBillRun, undo(name="runs/4"), "MALFORMED_NAME"),
        (boss.UndoBillRun, undo(accounts=["accounts/-"]), "MALFORMED_NAME"),
        (boss.TellBillAlarm, pb.TellBillAlarmRequest(name="billAlarms/x"), "MALFORMED_NAME"),
        (boss.DismissBillAlarm, pb.DismissBillAlarmRequest(name="billAlarms/1"), "MALFORMED_REQUEST"),
        (boss.ListRefusedEvents, pb.ListRefusedEventsRequest(event_limit=10_001), "MALFORMED_REQUEST"),
        (boss.ListBillAlarms, pb.ListBillAlarmsRequest(page_size=-1), "PAGE_SIZE"),
    ):
        assert refused(lambda call=call, sent=request: call(sent, timeout=20))[:2] == (INVALID, reason), request


def test_numbers_of_refused_events_are_masked(persons: Persons) -> None:
    def events(name: str) -> list[tuple[str, str, bool]]:
        found = stub(persons, name).ListRefusedEvents(pb.ListRefusedEventsRequest(), timeout=20).events
        return [(each.served, each.destination, bool(each.record_id)) for each in found]

    assert events("the-operator") == [("13800007777", "8613900000001", True), ("1000", "44123456", True)]
    assert events("the-auditor") == [("*******7777", "*********0001", False), ("***0", "******56", False)]
