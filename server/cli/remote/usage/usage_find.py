"""Records of a number by a service: `ratewright usage find --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.enquiries.since_run import Kind, Quantity, Since
from billing.enquiries.usage import NumberRecords, Record, State, require_limit
from ratewright.v1 import usage_find_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc as stubs
from server.actions.usage_of_number import OfNumber
from server.cli.remote.calling import LONG_S, day, last, tail
from server.cli.remote.documents.summaries import rerated_of
from server.client import date, micros

if TYPE_CHECKING:
    from server.actions.usage_of_number import Days
    from server.client import Connection


class UsageFind:
    """FindUsage."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.UsageServiceStub(service.channel)

    def of_number(self, number: str, days: Days, limit: int) -> OfNumber:
        """`usage find`."""
        require_limit(limit)  # in the words of the command: the service names its own fields
        asked = pb.FindUsageRequest(
            number=number,
            from_date=None if days.first is None else date(days.first),
            to_date=None if days.after is None else date(days.after),
            record_limit=limit,
        )
        found = self._service.call(self._stub.FindUsage, asked, deadline_s=LONG_S)
        return OfNumber(found.time_zone, NumberRecords(found.number, found.commit, tuple(map(_record, found.records)), found.total_size))


def _number(name: str) -> int:
    return int(last(name)) if name else 0


def _record(found: pb.FoundUsage) -> Record:
    return Record(
        source=found.source,
        record_id=found.record_id,
        start_us=found.start_time.ToMicroseconds() if found.HasField("start_time") else None,
        service=found.service,
        direction=found.direction,
        other=found.other,
        duration_us=found.duration_us,
        bytes=found.volume_bytes,
        units=found.units,
        state=State(found.state),
        reason=found.reason,
        detail=found.detail,
        account_id=tail(found.account),
        run_id=found.run_id,
        invoice=found.invoice,
        line_no=found.line_no,
        later_lines=tuple(found.later_lines),
        charge_micros=micros(found.charge),
        currency=found.charge.currency_code,
        suspense_id=_number(found.suspense_record),
        next_bill_date=day(found.next_bill_date),
        decision_id=_number(found.late_decision),
        adjustment=found.adjustment,
        rerated=tuple(map(rerated_of, found.rerated)),
        proposal=_number(found.proposal),
        since=_since(found.since) if found.HasField("since") else None,
        credit_notes=tuple(found.credit_notes),
        is_credited_in_part=found.credited_in_part,
        billed_account_id=tail(found.billed_account),
    )


def _since(found: pb.UsageChange) -> Since:
    return Since(
        event_key=found.event_key,
        kind=Kind(found.kind),
        account_id=tail(found.account),
        next_bill_date=day(found.next_bill_date),
        charged=_quantity(found.charged) if found.HasField("charged") else None,
        counts=_quantity(found.counts) if found.HasField("counts") else None,
        suspense_id=_number(found.suspense_record),
        billed_account_id=tail(found.billed_account),
        too_late=found.too_late,
        decision_id=_number(found.late_decision),
        decision_ids=tuple(map(_number, found.late_decisions)),
    )


def _quantity(found: pb.UsageQuantity) -> Quantity:
    return Quantity(found.duration_us, found.volume_bytes, found.units)
