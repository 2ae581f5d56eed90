"""FindUsage: records of a number. Numbers and ids are as the caller may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.enquiries.usage import LIMIT_MAX, State
from ratewright.v1 import usage_find_pb2 as pb
from server.actions import usage_of_number
from server.actions.usage_of_number import Days
from server.grpc import calls, convert, entrance
from server.grpc.finance import values
from server.grpc.finance.invoice_answers import rerated
from server.grpc.refusals import invalid
from server.grpc.usage.late_messages import approval_name, decision_name
from server.grpc.usage.suspense_messages import record_name

if TYPE_CHECKING:
    import grpc

    from billing.enquiries.since_run import Quantity, Since
    from billing.enquiries.usage import Record
    from server.access.masking import Mask
    from server.grpc.calls import Door

SHOWN_RECORDS: Final = 50


class FindCalls:
    """The call that finds records."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def find(self, request: pb.FindUsageRequest, context: grpc.ServicerContext) -> pb.FindUsageResponse:
        """The records of a number."""

        def found() -> pb.FindUsageResponse:
            values.require_texts(request)
            days = Days(values.day_or_none(request, "from_date"), values.day_or_none(request, "to_date"))
            limit = request.record_limit if request.HasField("record_limit") else SHOWN_RECORDS
            if not 1 <= limit <= LIMIT_MAX:
                told = {"field": "record_limit", "remedy": "narrow the span by from_date and to_date"}
                raise invalid("MALFORMED_REQUEST", f"record_limit: {limit} is not between 1 and {LIMIT_MAX:,}", told)
            timezone, of_number = usage_of_number.find(self._door.home, request.number, days, limit=limit)
            return pb.FindUsageResponse(
                records=[_record(each, entrance.mask()) for each in of_number.records],
                total_size=of_number.total,
                number=of_number.number,
                time_zone=timezone,
                commit=of_number.seq,
            )

        return calls.read(context, found)


def _record(found: Record, mask: Mask) -> pb.FoundUsage:
    return pb.FoundUsage(
        source=found.source,
        record_id="" if mask.hides else found.record_id,
        start_time=None if found.start_us is None else convert.timestamp(found.start_us),
        service=found.service,
        direction=found.direction,
        other=mask.number(found.other),
        duration_us=found.duration_us,
        volume_bytes=found.bytes,
        units=found.units,
        state=found.state.value,
        reason=found.reason,
        detail=mask.number(found.detail) if found.state is State.REPLACED else found.detail,
        account=_account(found.account_id),
        run_id=found.run_id,
        invoice=found.invoice,
        line_no=found.line_no,
        later_lines=found.later_lines,
        charge=convert.money(found.currency, found.charge_micros),
        suspense_record=record_name(found.suspense_id) if found.suspense_id else "",
        next_bill_date=values.date_message(found.next_bill_date),
        late_decision=decision_name(found.decision_id),
        adjustment=found.adjustment,
        rerated=map(rerated, found.rerated),
        proposal=approval_name(found.proposal),
        since=None if found.since is None else _change(found.since),
        credit_notes=found.credit_notes,
        credited_in_part=found.is_credited_in_part,
        billed_account=_account(found.billed_account_id),
    )


def _change(found: Since) -> pb.UsageChange:
    return pb.UsageChange(
        event_key=found.event_key,
        kind=found.kind.value,
        account=_account(found.account_id),
        next_bill_date=values.date_message(found.next_bill_date),
        charged=_quantity(found.charged),
        counts=_quantity(found.counts),
        suspense_record=record_name(found.suspense_id) if found.suspense_id else "",
        billed_account=_account(found.billed_account_id),
        too_late=found.too_late,
        late_decision=decision_name(found.decision_id),
        late_decisions=map(decision_name, found.decision_ids),
    )


def _quantity(found: Quantity | None) -> pb.UsageQuantity | None:
    return None if found is None else pb.UsageQuantity(duration_us=found.duration_us, volume_bytes=found.bytes, units=found.units)


def _account(account_id: str) -> str:
    return f"accounts/{account_id}" if account_id else ""
