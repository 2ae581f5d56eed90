"""ApprovalService: proposals, and the answers of second persons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from billing import agreeing
from billing.enquiries.waiting import waiting
from billing.persons import Who
from billing.store import approvals, tables
from ratewright.v1 import approval_service_pb2 as pb
from ratewright.v1 import approval_service_pb2_grpc
from server.actions.plain import plain
from server.grpc import calls, convert, paging
from server.grpc.finance import values

if TYPE_CHECKING:
    import grpc

    from billing.enquiries.waiting import Waiting
    from billing.payments.writing import Act
    from billing.store.approvals import Approval
    from server.grpc.calls import Door

_STATES: Final = {
    approvals.WAITS: pb.Approval.STATE_WAITS,
    approvals.AGREED: pb.Approval.STATE_AGREED,
    approvals.REFUSED: pb.Approval.STATE_REFUSED,
}


class ApprovalService(approval_service_pb2_grpc.ApprovalServiceServicer):
    """Servicer of ratewright.v1.ApprovalService over one home."""

    def __init__(self, door: Door, page_token_key: bytes) -> None:
        self._door, self._key = door, page_token_key

    def ListApprovals(self, request: pb.ListApprovalsRequest, context: grpc.ServicerContext) -> pb.ListApprovalsResponse:
        """One page, in the order in which they were made."""
        return calls.read(context, lambda: self._list(request))

    def AgreeApproval(self, request: pb.AgreeApprovalRequest, context: grpc.ServicerContext) -> pb.Approval:
        """Carry out what another person has asked for."""

        def agree(act: Act) -> pb.Approval:
            values.require_texts(request)
            number = convert.parse_approval_name(request.name)
            done = agreeing.agree(self._door.home, number, request.note, _who(act))
            made = _message(done.approval)
            made.result = msgspec.json.encode(plain(done.result)).decode()
            return made

        return calls.write(self._door, request, context, pb.Approval, agree, self._decided_by)

    def RefuseApproval(self, request: pb.RefuseApprovalRequest, context: grpc.ServicerContext) -> pb.Approval:
        """Give up a proposal."""

        def refuse(act: Act) -> pb.Approval:
            values.require_texts(request)
            number = convert.parse_approval_name(request.name)
            return _message(agreeing.refuse(self._door.home, number, request.note, _who(act)))

        return calls.write(self._door, request, context, pb.Approval, refuse, self._decided_by)

    def _list(self, request: pb.ListApprovalsRequest) -> pb.ListApprovalsResponse:
        page = paging.page(request, self._key)
        after = page.after_number
        with self._door.home.connect() as connection:
            every = approvals.list_all(connection, decided=request.show_decided)
        rows, token = page.parted([each for each in every if after is None or each.approval_id > after], lambda each: each.approval_id)
        beside = [] if token else waiting(self._door.home)
        return pb.ListApprovalsResponse(
            approvals=[_message(each) for each in rows], next_page_token=token, waiting=[_waiting(each) for each in beside]
        )

    def _decided_by(self, commit_seq: int) -> pb.Approval:
        row = tables.approval_decisions.c
        with self._door.home.connect() as connection:
            number = connection.execute(tables.approval_decisions.select().where(row.commit_seq == commit_seq)).one().approval_id
            return _message(approvals.find(connection, number))


def _who(act: Act) -> Who:
    return Who(act.by.name, act.by.uid, act.now_us)


def _message(found: Approval) -> pb.Approval:
    message = pb.Approval(
        name=f"approvals/{found.approval_id}",
        kind=found.kind,
        subject=found.subject,
        account=f"accounts/{found.account_id}" if found.account_id else "",
        reason=found.reason,
        asked_by=found.by_name,
        ask_time=convert.timestamp(found.at_us),
        state=_STATES[found.state],
        decided_by=found.decided_by,
        note=found.note,
        payload=found.payload,
        asked_by_number=found.by_uid,
        commit=found.commit_seq,
    )
    if found.currency:
        message.amount.CopyFrom(convert.money(found.currency, found.amount_micros))
    if found.state != approvals.WAITS:
        message.decide_time.CopyFrom(convert.timestamp(found.decided_us))
    return message


def _waiting(found: Waiting) -> pb.WaitingAct:
    return pb.WaitingAct(
        kind=found.kind,
        subject=found.subject,
        account_id=found.account_id,
        amount=convert.money(found.currency, found.amount_micros) if found.currency else None,
        reason=found.reason,
        asked_by=found.by_name,
        command=found.command,
    )
