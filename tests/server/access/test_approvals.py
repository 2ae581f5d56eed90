"""Four eyes across both doors, calls that count once, and the audit service: over real sockets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import sqlalchemy as sa
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from billing import operators, setting_changes
from billing.operators import OperatorKind, Role
from billing.store import tables
from ratewright.v1 import approval_service_pb2 as pb
from ratewright.v1 import approval_service_pb2_grpc, audit_service_pb2_grpc
from ratewright.v1 import audit_service_pb2 as audit_pb
from server.access import trail
from server.grpc import calls
from server.grpc.calls import Door

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
ANA_UID = os.getuid() + 1
ONE = "approvals/1"


@pytest.fixture
def asked(guarded: Guarded) -> Guarded:
    """A home where ana, in the shell, has asked for a looser limit. She is an approver, with a token."""
    operators.add(guarded.home, "ana", OperatorKind.PERSON, guarded.who, uid=ANA_UID)
    operators.grant(guarded.home, "ana", Role.APPROVER, "agrees to others", guarded.who)
    guarded.issue("ana")
    setting_changes.put(guarded.home, "adjustment_limit_micros", "500000000", "ana", ANA_UID, guarded.now_us, reason="phones")
    return guarded


def stub(guarded: Guarded, name: str) -> Any:  # noqa: ANN401 -- a stub
    return approval_service_pb2_grpc.ApprovalServiceStub(guarded.channel(name))


def refusal(call: Any, request: Any) -> tuple[grpc.StatusCode, str, str]:  # noqa: ANN401 -- any call
    """Code, reason and field of a refused call."""
    with pytest.raises(grpc.RpcError) as raised:
        call(request, timeout=20)
    info = error_details_pb2.ErrorInfo()
    for detail in rpc_status.from_call(raised.value).details:
        detail.Unpack(info)
    return raised.value.code(), info.reason, info.metadata.get("field", "")


def test_nobody_agrees_to_their_own_proposal_by_another_door(asked: Guarded) -> None:
    """Asked for in the shell, by the account of the system; agreed to over gRPC, by a token: one operator all the same."""
    code, reason, _ = refusal(stub(asked, "ana").AgreeApproval, pb.AgreeApprovalRequest(name=ONE))
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REFUSED")
    done = stub(asked, "the-approver").AgreeApproval(pb.AgreeApprovalRequest(name=ONE, note="seen"), timeout=20)
    assert (done.state, done.asked_by, done.decided_by, done.note) == (pb.Approval.STATE_AGREED, "ana", "the-approver", "seen")


def test_what_was_agreed_to_over_grpc_has_its_actor(asked: Guarded) -> None:
    stub(asked, "the-approver").AgreeApproval(pb.AgreeApprovalRequest(name=ONE, request_id="r-1"), timeout=20)
    with asked.home.connect() as connection:
        row = connection.execute(tables.commits.select().order_by(tables.commits.c.commit_seq.desc()).limit(1)).one()
    assert (row.by_name, row.via, row.role, row.call, row.request_id) == (
        *("the-approver", "token", "approver"),
        *("ratewright.v1.ApprovalService/AgreeApproval", "r-1"),
    )


def test_a_repeated_request_counts_once(asked: Guarded) -> None:
    approver, request = stub(asked, "the-approver"), pb.AgreeApprovalRequest(name=ONE, note="seen", request_id="r-1")
    first = approver.AgreeApproval(request, timeout=20)
    assert approver.AgreeApproval(request, timeout=20) == first
    with asked.home.begin() as connection:  # as after a kill between the commit and the answer
        connection.execute(tables.requests.update().values(answer=None))
    assert first.result
    first.ClearField("result")  # which no commit has
    assert approver.AgreeApproval(request, timeout=20) == first
    with asked.home.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.approval_decisions)).scalar_one() == 1


def test_requests_are_forgotten_after_two_days(asked: Guarded) -> None:
    """The service forgets them as it starts; then the same id is a new call."""
    stub(asked, "the-approver").AgreeApproval(pb.AgreeApprovalRequest(name=ONE, request_id="r-1"), timeout=20)
    asked.stop()
    two_days_us = 2 * 86_400_000_000
    assert calls.forget_old(Door(asked.home, lambda: asked.now_us + two_days_us)) == 0
    asked.now_us += two_days_us + 1
    asked.issue("the-approver")
    asked.start()
    again = pb.AgreeApprovalRequest(name=ONE, request_id="r-1")
    assert refusal(stub(asked, "the-approver").AgreeApproval, again)[1] == "REFUSED", "the proposal is decided"


def test_a_request_id_of_another_call_is_refused(asked: Guarded) -> None:
    approver = stub(asked, "the-approver")
    approver.AgreeApproval(pb.AgreeApprovalRequest(name=ONE, request_id="r-1"), timeout=20)
    reused = (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert refusal(approver.AgreeApproval, pb.AgreeApprovalRequest(name=ONE, note="x", request_id="r-1")) == (*reused, "note")
    assert refusal(approver.RefuseApproval, pb.RefuseApprovalRequest(name=ONE, note="x", request_id="r-1")) == (*reused, "request_id")
    long = refusal(approver.AgreeApproval, pb.AgreeApprovalRequest(name=ONE, request_id="x" * 129))
    assert long == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID", "request_id")


def test_without_an_effect_a_request_is_not_kept(asked: Guarded) -> None:
    approver, request = stub(asked, "the-approver"), pb.AgreeApprovalRequest(name="approvals/77", request_id="r-1")
    assert refusal(approver.AgreeApproval, request)[:2] == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    assert approver.AgreeApproval(pb.AgreeApprovalRequest(name=ONE, request_id="r-1"), timeout=20).state == pb.Approval.STATE_AGREED


def test_proposals_in_pages(asked: Guarded) -> None:
    setting_changes.put(asked.home, "write_off_limit_micros", "700000000", "ana", ANA_UID, asked.now_us, reason="debts")
    finance = stub(asked, "the-finance")
    page = finance.ListApprovals(pb.ListApprovalsRequest(page_size=1), timeout=20)
    assert [each.name for each in page.approvals] == [ONE]
    rest = finance.ListApprovals(pb.ListApprovalsRequest(page_size=1, page_token=page.next_page_token), timeout=20)
    assert ([each.subject for each in rest.approvals], rest.next_page_token) == (["write_off_limit_micros"], "")
    other = pb.ListApprovalsRequest(page_token=page.next_page_token, show_decided=True)
    assert refusal(finance.ListApprovals, other)[1] == "PAGE_TOKEN", "a token of another query"
    assert refusal(finance.ListApprovals, pb.ListApprovalsRequest(page_size=-1))[1] == "PAGE_SIZE"


def test_a_refusal_needs_a_note(asked: Guarded) -> None:
    finance = stub(asked, "the-finance")
    assert refusal(finance.RefuseApproval, pb.RefuseApprovalRequest(name=ONE))[1] == "MALFORMED_REQUEST"
    done = finance.RefuseApproval(pb.RefuseApprovalRequest(name=ONE, note="too much"), timeout=20)
    assert (done.state, done.decided_by) == (pb.Approval.STATE_REFUSED, "the-finance")
    names = [pb.RefuseApprovalRequest(name=name, note="x") for name in ("", "approvals/", "approvals/x", "approvals/1/2")]
    assert {refusal(finance.RefuseApproval, each)[1] for each in names} == {"MALFORMED_NAME"}


def test_the_audit_trail_over_grpc(asked: Guarded) -> None:
    stub(asked, "the-finance").ListApprovals(pb.ListApprovalsRequest(), timeout=20)
    auditor = audit_service_pb2_grpc.AuditServiceStub(asked.channel("the-auditor"))
    listed = auditor.ListAuditEntries(audit_pb.ListAuditEntriesRequest(operator="the-finance"), timeout=20)
    assert [(each.call, each.outcome) for each in listed.entries] == [("ratewright.v1.ApprovalService/ListApprovals", "OK")]
    seen, token = [], ""
    while True:
        page = auditor.ListAuditEntries(audit_pb.ListAuditEntriesRequest(page_size=7, page_token=token), timeout=20)
        seen += [(each.time.ToMicroseconds(), each.outcome) for each in page.entries]
        token = page.next_page_token
        if not token:
            break
    assert seen == sorted(seen, key=lambda each: -each[0]), "the newest first"
    assert [outcome for _, outcome in seen].count("OK") == 2, "those of before: reading pages writes entries, which no page has"
    assert auditor.VerifyAudit(audit_pb.VerifyAuditRequest(), timeout=20).problems == []
    path = trail.files(asked.home.path)[0]
    path.write_bytes(path.read_bytes().replace(b"the-finance", b"the-auditor", 1))
    end = audit_pb.AuditDayEnd(day="2025-01-01", entries=3, hash="00", signature="")
    problems = auditor.VerifyAudit(audit_pb.VerifyAuditRequest(day_ends=[end]), timeout=20).problems
    assert [each.place for each in problems] == ["2025-11-13.jsonl:1", "2025-01-01.jsonl:3"]
