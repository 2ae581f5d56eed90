"""AdjustmentService: charges and credits by hand."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from billing.charges.reasons import reasons
from billing.documents import adjusting
from billing.persons import Who
from billing.store import tables
from ratewright.v1 import adjustment_service_pb2 as pb
from ratewright.v1 import adjustment_service_pb2_grpc
from server.actions import payments
from server.grpc import calls, convert, entrance, paging
from server.grpc.finance import values
from server.grpc.oversight import second_person

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from billing.documents.adjusting import Adjustment
    from billing.payments.writing import Act
    from billing.store.home import Home

_MAY_ADD: Final = functools.partial(second_person.require_role, nothing="nothing under that id")


class AdjustmentService(adjustment_service_pb2_grpc.AdjustmentServiceServicer):
    """Servicer of ratewright.v1.AdjustmentService over one home. `page_token_key` signs the tokens of its pages."""

    def __init__(self, home: Home, clock_us: Callable[[], int], page_token_key: bytes) -> None:
        self._home = home
        self._door = calls.Door(home, clock_us)
        self._key = page_token_key

    def AddAdjustment(self, request: pb.AddAdjustmentRequest, context: grpc.ServicerContext) -> pb.AddAdjustmentResponse:
        """A charge or credit that is entered, or approved."""

        def act(by: Act) -> pb.AddAdjustmentResponse:
            account_id, amount = values.account(request.parent), values.required_amount(request, "amount")
            entrance.about_account(self._home, account_id)
            payments.require_currency(self._home, amount.currency, tables.accounts, tables.accounts.c.account_id == account_id)
            wanted = adjusting.AdjustmentRequest(
                reference=request.adjustment_id,
                account_id=account_id,
                on_date=values.day(request, "date"),
                amount_micros=amount.micros,
                reason_code=request.reason_code,
                text=request.text,
                catalogue=request.catalogue,
                tax_class=request.tax_class,
                subscription_id=request.subscription_id,
            )
            who = Who(by.by.name, by.by.uid, by.now_us)
            return self._response(adjusting.add(self._home, wanted, who, dry_run=by.dry_run, allow=_MAY_ADD))

        def recover(_commit_seq: int) -> pb.AddAdjustmentResponse:
            found = adjusting.list_all(self._home, values.account(request.parent))
            return self._response(next(each for each in found if each.reference == request.adjustment_id))

        return values.write(self._door, request, context, act, recover, pb.AddAdjustmentResponse, self._response)

    def ListAdjustments(self, request: pb.ListAdjustmentsRequest, context: grpc.ServicerContext) -> pb.ListAdjustmentsResponse:
        """A page of charges and credits, in the order in which they were entered."""

        def find() -> pb.ListAdjustmentsResponse:
            page, account_id = paging.page(request, self._key), values.account_or_all(request.parent)
            if account_id is not None:
                entrance.about_account(self._home, account_id)
            first = page.after_number or 0  # nothing is ever taken out of the list
            behind = list(enumerate(adjusting.list_all(self._home, account_id), 1))[first:]
            rows, token = page.parted(behind[: page.limit], lambda each: each[0])
            return pb.ListAdjustmentsResponse(adjustments=[self._message(each) for _, each in rows], next_page_token=token)

        return calls.read(context, find)

    def ListAdjustmentReasons(
        self, _request: pb.ListAdjustmentReasonsRequest, context: grpc.ServicerContext
    ) -> pb.ListAdjustmentReasonsResponse:
        """All reasons."""

        def find() -> pb.ListAdjustmentReasonsResponse:
            found = [
                pb.AdjustmentReason(
                    code=each.code,
                    charge_code=each.charge_code,
                    revenue_code=each.revenue_code,
                    names=[pb.AdjustmentReasonName(language_code=language, text=text) for language, text in each.names.items()],
                    needs_text=each.needs_text,
                )
                for each in reasons().values()
            ]
            return pb.ListAdjustmentReasonsResponse(reasons=found)

        return calls.read(context, find)

    def _response(self, found: Adjustment) -> pb.AddAdjustmentResponse:
        return pb.AddAdjustmentResponse(adjustment=self._message(found), already_recorded=found.existed)

    def _message(self, row: Adjustment) -> pb.Adjustment:
        return pb.Adjustment(
            adjustment_id=row.reference,
            account=f"accounts/{row.account_id}",
            subscription_id=row.subscription_id,
            date=convert.date(row.on_date),
            amount=convert.money(row.currency, row.amount_micros),
            reason_code=row.reason_code,
            text=row.text,
            entered_by=row.by_name,
            approved_by=row.approved_by,
            state=row.state,
            catalogue=row.catalogue,
            tax_class=row.tax_class,
            retracted_by=row.retracted_by,
            retract_time=convert.timestamp(row.retracted_us) if row.retracted_us else None,
            retract_reason=row.retracted_why,
            practice=self._home.is_practice,
        )
