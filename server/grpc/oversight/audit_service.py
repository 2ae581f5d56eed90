"""AuditService: entries of the audit trail, and its verification."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ratewright.v1 import audit_service_pb2 as pb
from ratewright.v1 import audit_service_pb2_grpc
from server.access import showing
from server.access.showing import Exported
from server.access.trail import DayEnd
from server.grpc import calls, convert, paging
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    import grpc

    from server.access.trail import Entry
    from server.grpc.calls import Door


class AuditService(audit_service_pb2_grpc.AuditServiceServicer):
    """Servicer of ratewright.v1.AuditService over one home."""

    def __init__(self, door: Door, page_token_key: bytes) -> None:
        self._door, self._key = door, page_token_key

    def ListAuditEntries(self, request: pb.ListAuditEntriesRequest, context: grpc.ServicerContext) -> pb.ListAuditEntriesResponse:
        """One page, the newest first. Entries that come while pages are read are in none of them."""
        return calls.read(context, lambda: self._list(request))

    def VerifyAudit(self, request: pb.VerifyAuditRequest, context: grpc.ServicerContext) -> pb.VerifyAuditResponse:
        """Name each entry that is not as it was written."""
        return calls.read(context, lambda: self._verify(request))

    def _list(self, request: pb.ListAuditEntriesRequest) -> pb.ListAuditEntriesResponse:
        page = paging.page(request, self._key)
        try:
            is_of = showing.is_of(self._door.home, request.operator)
            newest = showing.newest_first(self._door.home, page.after)
            asked = (each for each in newest if request.call in each.entry.call and is_of(each.entry))
            found = list(itertools.islice(asked, page.limit))
        except showing.PlaceError as error:  # of a token that an earlier version gave
            raise invalid("PAGE_TOKEN", f"{error.message}; {error.remedy}", {"field": "page_token"}) from error
        rows, token = page.parted(found, lambda each: each.place)
        return pb.ListAuditEntriesResponse(entries=[_message(each.entry) for each in rows], next_page_token=token)

    def _verify(self, request: pb.VerifyAuditRequest) -> pb.VerifyAuditResponse:
        ends = [DayEnd(each.day, each.entries, each.hash, each.signature) for each in request.day_ends]
        problems = showing.problems(self._door.home, Exported(request.commit_seq, request.chain, ends))
        return pb.VerifyAuditResponse(problems=[pb.AuditProblem(place=each.place, problem=each.what) for each in problems])


def _message(entry: Entry) -> pb.AuditEntry:
    return pb.AuditEntry(
        time=convert.timestamp(entry.at_us),
        operator=entry.operator,
        via=entry.via,
        roles=entry.roles,
        call=entry.call,
        subject=entry.subject,
        outcome=entry.outcome,
        count=entry.count,
        reason=entry.reason,
        peer=entry.peer,
        request_id=entry.request_id,
        operator_number=entry.number,
    )
