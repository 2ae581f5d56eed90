"""Proposals by a service: `ratewright approvals list|agree|refuse --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.enquiries.waiting import Waiting
from billing.store import approvals
from billing.store.approvals import Agreed, Approval
from ratewright.v1 import approval_service_pb2 as pb
from ratewright.v1 import approval_service_pb2_grpc as stubs
from server.cli.remote.calling import PAGE_SIZE, last
from server.cli.remote.receiving import json_value
from server.client import micros

if TYPE_CHECKING:
    from server.client import Connection

_STATES: Final = {
    pb.Approval.STATE_WAITS: approvals.WAITS,
    pb.Approval.STATE_AGREED: approvals.AGREED,
    pb.Approval.STATE_REFUSED: approvals.REFUSED,
}


class Approvals:
    """Calls of ApprovalService."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.ApprovalServiceStub(service.channel)

    def list_all(self, *, decided: bool) -> tuple[list[Approval], list[Waiting]]:
        """`approvals list`: proposals, and what waits beside them without a number."""
        found: list[Approval] = []
        beside: list[Waiting] = []
        asked = pb.ListApprovalsRequest(page_size=PAGE_SIZE, show_decided=decided)
        for page in self._service.each_page(self._stub.ListApprovals, asked):
            found += [_approval(each) for each in page.approvals]
            beside += [_waiting(each) for each in page.waiting]
        return found, beside

    def agree(self, number: int, note: str) -> Agreed:
        """`approvals agree`. The result is what JSON holds of it."""
        found = self._service.call(self._stub.AgreeApproval, pb.AgreeApprovalRequest(name=_name(number), note=note))
        return Agreed(_approval(found), json_value(found.result or "null"))

    def refuse(self, number: int, note: str) -> Approval:
        """`approvals refuse`."""
        return _approval(self._service.call(self._stub.RefuseApproval, pb.RefuseApprovalRequest(name=_name(number), note=note)))


def _name(number: int) -> str:
    return f"approvals/{number}"


def _approval(found: pb.Approval) -> Approval:
    return Approval(
        approval_id=int(last(found.name)),
        kind=found.kind,
        subject=found.subject,
        payload=found.payload,
        account_id=last(found.account),
        currency=found.amount.currency_code,
        amount_micros=micros(found.amount),
        reason=found.reason,
        by_name=found.asked_by,
        by_uid=found.asked_by_number,
        at_us=found.ask_time.ToMicroseconds(),
        commit_seq=found.commit,
        state=_STATES[found.state],
        decided_by=found.decided_by,
        decided_us=found.decide_time.ToMicroseconds(),
        note=found.note,
    )


def _waiting(found: pb.WaitingAct) -> Waiting:
    return Waiting(
        kind=found.kind,
        subject=found.subject,
        account_id=found.account_id,
        currency=found.amount.currency_code,
        amount_micros=micros(found.amount),
        reason=found.reason,
        by_name=found.asked_by,
        command=found.command,
    )
