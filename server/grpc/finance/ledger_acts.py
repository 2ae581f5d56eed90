"""Calls of LedgerService about months and write-offs: what a month earned, what was decided about it, and what will not be paid."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from billing.accounting import write_off
from billing.accounting.month_end import month_of
from ratewright.v1 import ledger_month_pb2, ledger_service_pb2_grpc, write_off_pb2
from server.actions import ledger
from server.grpc import calls, convert, paging
from server.grpc.entrance import about
from server.grpc.finance import values
from server.grpc.finance.invoice_answers import number_of
from server.grpc.oversight import second_person

if TYPE_CHECKING:
    from collections.abc import Iterable

    import grpc

    from billing.accounting.balances import Earned
    from billing.accounting.write_off import WriteOff
    from billing.payments.writing import Act
    from billing.store.home import Home

_MAY_WRITE_OFF: Final = functools.partial(second_person.require_role, nothing="nothing of that amount and date")
_MAY_REOPEN: Final = functools.partial(second_person.require_role, nothing="no reopening of that month")


class LedgerActs(ledger_service_pb2_grpc.LedgerServiceServicer):
    """Servicer of those calls over one home."""

    def __init__(self, door: calls.Door, page_token_key: bytes) -> None:
        self._door, self._key = door, page_token_key
        self._home: Home = door.home

    def ListRevenue(
        self, request: ledger_month_pb2.ListRevenueRequest, context: grpc.ServicerContext
    ) -> ledger_month_pb2.ListRevenueResponse:
        """The revenue and the tax of a month, by code."""

        def find() -> ledger_month_pb2.ListRevenueResponse:
            values.require_texts(request)
            entity = request.legal_entity if request.HasField("legal_entity") else None
            found = ledger.revenue(self._home, request.month, entity)
            return ledger_month_pb2.ListRevenueResponse(
                revenue=_sums(found["revenue"]), tax=_sums(found["tax"]), practice=self._home.is_practice
            )

        return calls.read(context, find)

    def ListMonthDecisions(
        self, _request: ledger_month_pb2.ListMonthDecisionsRequest, context: grpc.ServicerContext
    ) -> ledger_month_pb2.ListMonthDecisionsResponse:
        """Everything that was decided about months."""

        def find() -> ledger_month_pb2.ListMonthDecisionsResponse:
            found = [
                ledger_month_pb2.MonthDecision(
                    legal_entity=each.entity,
                    month=each.month,
                    kind=each.kind,
                    reason=each.reason,
                    decided_by=each.by_name,
                    decided_by_number=each.by_uid,
                    decide_time=convert.timestamp(each.at_us),
                    commit=each.commit_seq,
                )
                for each in ledger.months(self._home)
            ]
            return ledger_month_pb2.ListMonthDecisionsResponse(decisions=found)

        return calls.read(context, find)

    def ReopenMonth(
        self, request: ledger_month_pb2.ReopenMonthRequest, context: grpc.ServicerContext
    ) -> ledger_month_pb2.ReopenMonthResponse:
        """A month that is asked for, or reopened."""
        month, entity = request.month, request.legal_entity

        def act(by: Act) -> ledger_month_pb2.ReopenMonthResponse:
            about(f"month {month_of(month).text} {entity}".rstrip())
            return answer(ledger.reopen(self._home, month, entity, request.reason, by, _MAY_REOPEN))

        def recover(commit_seq: int) -> ledger_month_pb2.ReopenMonthResponse:
            return answer(next(each.kind for each in ledger.months(self._home) if each.commit_seq == commit_seq))

        def answer(standing: str) -> ledger_month_pb2.ReopenMonthResponse:
            return ledger_month_pb2.ReopenMonthResponse(month=month, legal_entity=entity, standing=standing)

        return values.write(self._door, request, context, act, recover, ledger_month_pb2.ReopenMonthResponse)

    def WriteOffInvoice(
        self, request: write_off_pb2.WriteOffInvoiceRequest, context: grpc.ServicerContext
    ) -> write_off_pb2.WriteOffInvoiceResponse:
        """An amount that is written off, or asked for."""

        def act(by: Act) -> write_off_pb2.WriteOffInvoiceResponse:
            number, given = number_of(self._home, request.name), values.amount_or_all(request, "amount")
            wanted = ledger.Lost(number, values.day(request, "date"), request.reason, given.micros, request.write_off_id)
            done = ledger.write_off(self._home, wanted, by, _MAY_WRITE_OFF, currency=given.currency, day="date")
            return self._written_off(done)

        return values.write(self._door, request, context, act, self._recovered, write_off_pb2.WriteOffInvoiceResponse)

    def UndoWriteOff(
        self, request: write_off_pb2.UndoWriteOffRequest, context: grpc.ServicerContext
    ) -> write_off_pb2.WriteOffInvoiceResponse:
        """An amount that is open again."""

        def act(by: Act) -> write_off_pb2.WriteOffInvoiceResponse:
            number = number_of(self._home, request.name)
            wanted = ledger.Lost(number, values.day(request, "date"), request.reason, None, request.write_off_id)
            return self._written_off(ledger.undo_write_off(self._home, wanted, by, day="date"))

        return values.write(self._door, request, context, act, self._recovered, write_off_pb2.WriteOffInvoiceResponse)

    def ListWriteOffs(
        self, request: write_off_pb2.ListWriteOffsRequest, context: grpc.ServicerContext
    ) -> write_off_pb2.ListWriteOffsResponse:
        """A page of acts on write-offs, in the order in which they were stored."""

        def find() -> write_off_pb2.ListWriteOffsResponse:
            page = paging.page(request, self._key)
            number = number_of(self._home, request.invoice) if request.invoice else None
            first = page.after_number or 0  # nothing is ever taken out of the list
            behind = list(enumerate(ledger.write_offs(self._home, number), 1))[first:]
            rows, token = page.parted(behind[: page.limit], lambda each: each[0])
            acts = [
                write_off_pb2.WriteOffAct(
                    number=each.number,
                    what=each.what,
                    date=values.date_message(each.on_date),
                    amount=convert.money(each.currency, each.amount_micros),
                    write_off_id=each.reference,
                    reason=each.reason,
                    done_by=each.by_name,
                )
                for _, each in rows
            ]
            return write_off_pb2.ListWriteOffsResponse(acts=acts, next_page_token=token, practice=self._home.is_practice)

        return calls.read(context, find)

    def _recovered(self, commit_seq: int) -> write_off_pb2.WriteOffInvoiceResponse:
        return self._written_off(write_off.stored_by(self._home, commit_seq))

    def _written_off(self, done: WriteOff) -> write_off_pb2.WriteOffInvoiceResponse:
        return write_off_pb2.WriteOffInvoiceResponse(
            document=done.document,
            number=done.number,
            account=f"accounts/{done.account_id}",
            amount=convert.money(done.currency, done.amount_micros),
            reason=done.reason,
            waits=done.waits,
            already_recorded=done.existed,
            write_off_id=done.reference,
            practice=self._home.is_practice,
        )


def _sums(rows: Iterable[Earned]) -> list[ledger_month_pb2.PostedSum]:
    return [
        ledger_month_pb2.PostedSum(legal_entity=each.entity, code=each.code, amount=convert.money(each.currency, each.amount_micros))
        for each in rows
    ]
