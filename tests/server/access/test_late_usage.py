"""Late usage over gRPC: masked by role, in pages, decided once however often a call is sent, above the limit with four eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.type import money_pb2

from billing import late_decisions
from ratewright.v1 import account_service_pb2 as account_pb
from ratewright.v1 import account_service_pb2_grpc, adjustment_service_pb2_grpc, usage_service_pb2_grpc
from ratewright.v1 import adjustment_service_pb2 as adjustment_pb
from ratewright.v1 import approval_service_pb2 as approval_pb
from ratewright.v1 import approval_service_pb2_grpc as approval_grpc
from ratewright.v1 import late_usage_pb2 as pb
from ratewright.v1 import usage_find_pb2 as find_pb
from ratewright.v1 import usage_report_pb2 as report_pb
from server.grpc import entrance
from tests.billing.runs.world import World, instant_us
from tests.billing.second_person import set_by_two
from tests.billing.too_late import late_world
from tests.server.access.conftest import Guarded
from tests.server.access.test_approvals import refusal
from tests.server.grpc.calls import refused
from tests.server.grpc.finance.asking import micros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
REASON = (entrance.REASON_HEADER, "the customer is on the line")
ALL = "accounts/-"


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Guarded]:
    """The records of `late_world`; one person may decide on 1.00."""
    world = World(tmp_path / "home")
    late_world.late(world)
    made = Guarded(world, instant_us("2026-03-02T10:00"))
    world.catch_up()
    set_by_two(world.home, late_decisions.LIMIT, "1000000", world.tick)
    made.now_us = world.now_us
    made.start()
    try:
        yield made
    finally:
        made.stop()
        world.home.close()


def stub(late: Guarded, name: str, *metadata: tuple[str, str]) -> Any:  # noqa: ANN401 -- a stub
    return usage_service_pb2_grpc.UsageServiceStub(late.channel(name, *metadata))


def listed(late: Guarded, name: str = "the-operator", *metadata: tuple[str, str], **fields: Any) -> pb.ListLateUsageResponse:  # noqa: ANN401 -- fields of the request
    asked = pb.ListLateUsageRequest(**{"parent": ALL, **fields})
    return stub(late, name, *metadata).ListLateUsage(asked, timeout=20)


def ids(found: pb.ListLateUsageResponse) -> list[str]:
    return [each.record_id for each in found.late_records]


def head(late: Guarded) -> int:
    with late.home.connect() as connection:
        return late.home.head_seq(connection)


def lose_answers(late: Guarded) -> None:
    """As if the service had been killed behind its commits."""
    assert late.world.changed("UPDATE requests SET answer = NULL")


def test_ids_are_masked_by_role(late: Guarded) -> None:
    whole = ["late-3", "late-1", "late-2", "late-4", "late-5"]
    assert ids(listed(late)) == ids(listed(late, "the-support", REASON)) == whole
    for name in ("the-auditor", "the-approver", "the-support"):
        masked = listed(late, name)
        assert ids(masked) == [""] * 5
        assert [each.event_key for each in masked.late_records] == [each.event_key for each in listed(late).late_records]
    asked = pb.ListLateUsageRequest(parent=ALL)
    assert refusal(stub(late, "the-switch").ListLateUsage, asked)[1] == "ROLE_MISSING"
    off = pb.WriteOffLateUsageRequest(records=["late-1"], reason="lost")
    assert refusal(stub(late, "the-auditor").WriteOffLateUsage, off)[1] == "ROLE_MISSING"


@pytest.mark.parametrize("name", ["the-auditor", "the-support", "the-approver"])
def test_the_text_of_an_adjustment_names_no_record(late: Guarded, name: str) -> None:
    """An id may hold the number of a customer, and roles that may not see it read the text."""
    text = "Late usage: 1 record of 2025-10-05 10:00 (switch)"
    done = stub(late, "the-operator").BillLateUsage(pb.BillLateUsageRequest(records=["late-1"], reason="lost"), timeout=20)
    assert [(list(each.records), each.text) for each in done.groups] == [(["late-1"], text)]
    channel = late.channel(name)
    adjustments = adjustment_service_pb2_grpc.AdjustmentServiceStub(channel)
    found = adjustments.ListAdjustments(adjustment_pb.ListAdjustmentsRequest(parent="accounts/anna"), timeout=20)
    assert [each.text for each in found.adjustments] == [text]
    accounts = account_service_pb2_grpc.AccountServiceStub(channel)
    full = accounts.GetAccount(account_pb.GetAccountRequest(name="accounts/anna", view=account_pb.ACCOUNT_VIEW_FULL), timeout=20)
    assert (text in str(full), "late-1" in str(full)) == (True, False)


def test_records_of_a_number_are_masked_by_role(late: Guarded) -> None:
    """Three calls of anna: one in time, two late."""

    def found(name: str, *metadata: tuple[str, str]) -> list[tuple[str, str, str]]:
        answer = stub(late, name, *metadata).FindUsage(find_pb.FindUsageRequest(number=late_world.NUMBERS["anna"]), timeout=20)
        assert (answer.total_size, answer.time_zone, answer.commit) == (3, "Asia/Shanghai", head(late))
        return [(each.record_id, each.other, each.state) for each in answer.records]

    other = "8613900000001"
    whole = [("in time", other, "billed"), ("late-1", other, "too_late"), ("late-2", other, "too_late")]
    assert found("the-operator") == found("the-support", REASON) == whole
    masked = f"{'*' * 9}0001"
    for name in ("the-auditor", "the-support"):
        assert found(name) == [("", masked, "billed"), ("", masked, "too_late"), ("", masked, "too_late")]
    for limit in (0, 10_001):
        told = refused(lambda limit=limit: stub(late, "the-operator").FindUsage(find_pb.FindUsageRequest(number="1", record_limit=limit)))
        assert told[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
        assert told.metadata == {"field": "record_limit", "remedy": "narrow the span by from_date and to_date"}


def test_pages_and_parts(late: Guarded) -> None:
    """Anna's two are 0.30 and 0.10; two are nobody's (0.20 and 0.50), bert's is 0.40."""
    first = listed(late, page_size=2)
    rest = listed(late, page_size=3, page_token=first.next_page_token)
    assert (ids(first), ids(rest), rest.next_page_token) == (["late-3", "late-1"], ["late-2", "late-4", "late-5"], "")
    assert (first.total_size, first.sums, first.commit) == (5, rest.sums, head(late))
    assert [(each.account, each.record_count, micros(each.worth)) for each in first.sums] == [
        ("", 2, 700_000),
        ("accounts/anna", 2, 400_000),
        ("accounts/bert", 1, 400_000),
    ]
    assert ids(listed(late, parent="accounts/anna")) == ["late-1", "late-2"]
    assert ids(listed(late, without_owner=True)) == ["late-3", "late-4"]


def test_a_decision_counts_once_and_is_taken_back(late: Guarded) -> None:
    operator, before = stub(late, "the-operator"), head(late)
    ask = pb.BillLateUsageRequest(records=["late-1"], reason="the switch was down", request_id="bill")
    tried = operator.BillLateUsage(pb.BillLateUsageRequest(records=["late-1"], reason="x", validate_only=True), timeout=20)
    assert (tried.tried, tried.groups[0].decision, head(late)) == (True, "", before)
    done = operator.BillLateUsage(ask, timeout=20)
    (group,) = done.groups
    assert (group.decision, group.account, list(group.records), micros(group.amount)) == (
        "lateDecisions/1",
        "accounts/anna",
        ["late-1"],
        300_000,
    )
    assert operator.BillLateUsage(ask, timeout=20) == done
    after = head(late)
    lose_answers(late)
    assert (len(group.event_keys), micros(group.worth), [micros(each) for each in done.values]) == (1, 300_000, [300_000])
    assert operator.BillLateUsage(ask, timeout=20) == done
    assert head(late) == after
    (decided,) = listed(late, show_decided=True).late_records
    assert (decided.record_id, decided.decision.name, decided.decision.decided_by) == ("late-1", "lateDecisions/1", "the-operator")
    back = pb.TakeBackLateUsageRequest(name="lateDecisions/1", reason="it was billed", request_id="back")
    trial = operator.TakeBackLateUsage(pb.TakeBackLateUsageRequest(name="lateDecisions/1", reason="x", validate_only=True), timeout=20)
    taken = operator.TakeBackLateUsage(back, timeout=20)
    assert (trial.tried, taken.tried, trial.decision) == (True, False, taken.decision)
    lose_answers(late)
    assert operator.TakeBackLateUsage(back, timeout=20) == taken
    assert operator.BillLateUsage(ask, timeout=20) == done, "as it was made, though it is taken back since"
    (undone,) = listed(late, show_decided=True).taken_back
    assert (undone.decision, undone.taken_back_by, micros(undone.worth)) == ("lateDecisions/1", "the-operator", 300_000)


def test_above_the_limit_another_person_agrees(late: Guarded) -> None:
    """All five are 1.50."""
    operator = stub(late, "the-operator")
    ask = pb.WriteOffLateUsageRequest(month="2025-10", reason="lost", request_id="off")
    done = operator.WriteOffLateUsage(pb.WriteOffLateUsageRequest(account="accounts/bert", reason="lost"), timeout=20)
    assert (done.record_count, done.needs_second, [micros(each) for each in done.values]) == (1, False, [400_000])
    asked = operator.WriteOffLateUsage(ask, timeout=20)
    assert (asked.needs_second, asked.groups[0].decision) == (True, "")
    lose_answers(late)
    again = operator.WriteOffLateUsage(ask, timeout=20)
    assert [(each.account, list(each.records), each.HasField("worth")) for each in again.groups] == [
        ("", ["late-4"], False),
        ("accounts/anna", ["late-1", "late-2"], False),
    ], "the proposal has the sum of both, 0.90"
    assert ([micros(each) for each in again.values], again.record_count) == ([900_000], 3)
    for each in asked.groups:
        each.ClearField("worth")
    assert again == asked
    agree = approval_pb.AgreeApprovalRequest(name=asked.proposal, note="seen")
    approvals = approval_grpc.ApprovalServiceStub
    assert approvals(late.channel("the-approver")).AgreeApproval(agree, timeout=20).state == approval_pb.Approval.STATE_AGREED
    assert {each.decision.agreed_by for each in listed(late, show_decided=True).late_records} == {"", "the-approver"}


def test_a_proposal_to_bill_is_told_again(late: Guarded) -> None:
    """Anna's two, worth 0.40, are to be billed with 3.00: another person has to agree. Only the text, which nobody gave, is not stored."""
    operator = stub(late, "the-operator")
    for text, request_id in (("two calls", "one"), ("", "two")):
        ask = pb.BillLateUsageRequest(
            account="accounts/anna", reason="late", amount=money_pb2.Money(units=3), text=text, request_id=request_id
        )
        asked = operator.BillLateUsage(ask, timeout=20)
        lose_answers(late)
        again = operator.BillLateUsage(ask, timeout=20)
        assert (micros(again.groups[0].worth), micros(again.groups[0].amount), again.groups[0].text) == (400_000, 3_000_000, text)
        asked.groups[0].text = text
        assert again == asked
        approvals = approval_grpc.ApprovalServiceStub(late.channel("the-finance"))
        approvals.RefuseApproval(approval_pb.RefuseApprovalRequest(name=asked.proposal, note="too much"), timeout=20)


def test_a_report_is_that_of_the_days(late: Guarded) -> None:
    """October has five calls: one in time, four late; the fifth late one began in September."""
    asked = report_pb.ReportUsageRequest(from_date={"year": 2025, "month": 10, "day": 1}, to_date={"year": 2025, "month": 11, "day": 1})
    found = stub(late, "the-auditor").ReportUsage(asked, timeout=20)
    (line,) = found.rating
    assert found.balances
    assert [(each.name, each.row_count) for each in line.origins] == [("accepted", 5), ("assembled", 0), ("recycled", 0)]
    assert {each.name: each.row_count for each in line.fates if each.row_count} == {"rated": 1, "too_late": 4}


def test_without_usage_there_is_no_report(guarded: Guarded) -> None:
    assert refusal(stub(guarded, "the-operator").ReportUsage, report_pb.ReportUsageRequest())[1] == "REFUSED"


REASONS = [
    ("ReportUsage", report_pb.ReportUsageRequest(by="hour"), "MALFORMED_REQUEST"),
    ("ReportUsage", report_pb.ReportUsageRequest(from_date={"year": 2025, "month": 10, "day": 1}), "MALFORMED_REQUEST"),
    ("ListLateUsage", pb.ListLateUsageRequest(parent="anna"), "MALFORMED_NAME"),
    ("ListLateUsage", pb.ListLateUsageRequest(parent=ALL, page_size=-1), "PAGE_SIZE"),
    ("ListLateUsage", pb.ListLateUsageRequest(parent=ALL, page_token="x"), "PAGE_TOKEN"),  # noqa: S106 -- it is none
    ("ListLateUsage", pb.ListLateUsageRequest(parent="accounts/anna", without_owner=True), "MALFORMED_REQUEST"),
    ("ListLateUsage", pb.ListLateUsageRequest(parent="accounts/nobody"), "NOT_FOUND"),
    ("BillLateUsage", pb.BillLateUsageRequest(reason="x"), "MALFORMED_REQUEST"),
    (
        "BillLateUsage",
        pb.BillLateUsageRequest(records=["late-1"], reason="x", amount=money_pb2.Money(units=1, currency_code="CNY")),
        "MALFORMED_REQUEST",
    ),
    ("BillLateUsage", pb.BillLateUsageRequest(records=["late-9"], reason="x"), "NOT_FOUND"),
    ("BillLateUsage", pb.BillLateUsageRequest(account=ALL, reason="x"), "MALFORMED_NAME"),
    ("BillLateUsage", pb.BillLateUsageRequest(records=["late-1"], reason="x", request_id="x" * 200), "REQUEST_ID"),
    ("WriteOffLateUsage", pb.WriteOffLateUsageRequest(account="accounts/anna", without_owner=True, reason="x"), "MALFORMED_REQUEST"),
    ("WriteOffLateUsage", pb.WriteOffLateUsageRequest(account="accounts/anna", month="2025-09", reason="x"), "REFUSED"),
    ("TakeBackLateUsage", pb.TakeBackLateUsageRequest(name="lateDecisions/one", reason="x"), "MALFORMED_NAME"),
    ("TakeBackLateUsage", pb.TakeBackLateUsageRequest(name="lateDecisions/9", reason="x"), "NOT_FOUND"),
]


def test_reasons(late: Guarded) -> None:
    operator = stub(late, "the-operator")
    found = [refusal(getattr(operator, method), sent) for method, sent, _ in REASONS]
    assert [reason for _, reason, _ in found] == [reason for *_, reason in REASONS]
    assert all(code is not grpc.StatusCode.INTERNAL for code, *_ in found)
