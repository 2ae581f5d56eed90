"""Charges and credits by hand, by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.charges.reasons import Reason
from billing.documents.adjusting import Adjustment
from ratewright.v1 import adjustment_service_pb2 as pb
from ratewright.v1 import adjustment_service_pb2_grpc as stubs
from server.cli.remote.calling import PAGE_SIZE, account, accounts, day, tail
from server.client import date, micros, money

if TYPE_CHECKING:
    from billing.documents.adjusting import AdjustmentRequest
    from server.client import Connection


class Adjustments:
    """Calls of AdjustmentService."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.AdjustmentServiceStub(service.channel)

    def add(self, wanted: AdjustmentRequest, *, dry_run: bool) -> Adjustment:
        """`adjustment add`."""
        asked = pb.AddAdjustmentRequest(
            parent=account(wanted.account_id),
            adjustment_id=wanted.reference,
            subscription_id=wanted.subscription_id,
            date=date(wanted.on_date),
            amount=money(wanted.amount_micros),
            reason_code=wanted.reason_code,
            text=wanted.text,
            catalogue=wanted.catalogue,
            tax_class=wanted.tax_class,
            validate_only=dry_run,
        )
        done = self._service.call(self._stub.AddAdjustment, asked)
        return _adjustment(done.adjustment, existed=done.already_recorded)

    def list_all(self, account_id: str | None) -> list[Adjustment]:
        """`adjustment list`."""
        asked = pb.ListAdjustmentsRequest(parent=accounts(account_id), page_size=PAGE_SIZE)
        return [_adjustment(each) for each in self._service.pages(self._stub.ListAdjustments, asked, "adjustments")]

    def reasons(self) -> list[Reason]:
        """`adjustment reasons`."""
        found = self._service.call(self._stub.ListAdjustmentReasons, pb.ListAdjustmentReasonsRequest()).reasons
        return [
            Reason(
                code=each.code,
                charge_code=each.charge_code,
                revenue_code=each.revenue_code,
                names={name.language_code: name.text for name in each.names},
                needs_text=each.needs_text,
            )
            for each in found
        ]


def _adjustment(row: pb.Adjustment, *, existed: bool = False) -> Adjustment:
    return Adjustment(
        reference=row.adjustment_id,
        account_id=tail(row.account),
        subscription_id=row.subscription_id,
        on_date=day(row.date),
        currency=row.amount.currency_code,
        amount_micros=micros(row.amount),
        reason_code=row.reason_code,
        text=row.text,
        by_name=row.entered_by,
        approved_by=row.approved_by if row.HasField("approved_by") else None,
        state=row.state,
        existed=existed,
        catalogue=row.catalogue,
        tax_class=row.tax_class,
        retracted_by=row.retracted_by,
        retracted_us=row.retract_time.ToMicroseconds(),
        retracted_why=row.retract_reason,
    )
