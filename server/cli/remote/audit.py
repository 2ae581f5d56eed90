"""The audit trail by a service: `ratewright audit show|verify --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratewright.v1 import audit_service_pb2 as pb
from ratewright.v1 import audit_service_pb2_grpc as stubs
from rating.dates import ONE_DAY, utc_date
from rating.errors import UserError
from server.access.showing import Problem
from server.access.trail import Entry
from server.cli.remote.calling import LONG_S, PAGE_SIZE

if TYPE_CHECKING:
    import datetime as dt

    from server.access.showing import Exported
    from server.client import Connection


class Audit:
    """Calls of AuditService."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.AuditServiceStub(service.channel)

    def entries(self, operator: str | None, call: str | None, day: dt.date | None, limit: int) -> list[Entry]:
        """`audit show`: the newest `limit` entries, oldest first. Nothing further back than a day before `day` is asked for."""
        asked = pb.ListAuditEntriesRequest(page_size=min(limit, PAGE_SIZE), operator=operator or "", call=call or "")
        found: list[Entry] = []
        for message in self._service.pages(self._stub.ListAuditEntries, asked, "entries") if limit > 0 else ():
            each = _entry(message)
            of_day = utc_date(each.at_us)
            if day is not None and of_day < day - ONE_DAY:  # a commit may have an instant a little before the last one's
                break
            if day is None or of_day == day:
                found.append(each)
            if len(found) == limit:
                break
        return found[::-1]

    def problems(self, exported: Exported) -> list[Problem]:
        """`audit verify`."""
        try:
            ends = [pb.AuditDayEnd(**each._asdict()) for each in exported.day_ends]
            asked = pb.VerifyAuditRequest(day_ends=ends, commit_seq=exported.commit_seq, chain=exported.chain)
        except (TypeError, ValueError) as error:  # of a file that somebody has changed
            raise UserError("--ends is not what `audit export` prints", "name a file that it has printed", exit_status=2) from error
        return [Problem(each.place, each.problem) for each in self._service.call(self._stub.VerifyAudit, asked, deadline_s=LONG_S).problems]


def _entry(found: pb.AuditEntry) -> Entry:
    return Entry(
        at_us=found.time.ToMicroseconds(),
        call=found.call,
        outcome=found.outcome,
        operator=found.operator,
        number=found.operator_number,
        via=found.via,
        roles=found.roles,
        subject=found.subject,
        reason=found.reason,
        peer=found.peer,
        request_id=found.request_id,
        count=found.count,
    )
