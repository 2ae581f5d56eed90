"""Promises to pay and instalment plans by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.payments.instalments import Part, Plan, PlanRequest
from billing.payments.promises import Promise, Promised
from ratewright.v1 import payment_agreement_pb2 as pb
from ratewright.v1 import payment_service_pb2_grpc as stubs
from server.cli.remote.calling import PAGE_SIZE, account, accounts, day, tail
from server.client import date, micros, money

if TYPE_CHECKING:
    import datetime as dt

    from server.client import Connection


_PARTS_MAX: Final = 2**31 - 1  # of the field; no plan has so many parts


class Agreements:
    """Calls of PaymentService about money that is to come. A list without a date is as of today, by the clock of the service."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.PaymentServiceStub(service.channel)

    def promise(self, given: Promise, *, dry_run: bool) -> Promised:
        """`payment promise add`."""
        asked = pb.RecordPromiseRequest(
            parent=account(given.account_id),
            promise_id=given.promise_id,
            amount=money(given.amount_micros),
            promise_date=date(given.made_on),
            due_date=date(given.due_on),
            note=given.note,
            validate_only=dry_run,
        )
        answer = self._service.call(self._stub.RecordPromise, asked)
        return _promised(answer.promise)._replace(existed=answer.already_recorded)

    def list_promises(self, as_of: dt.date | None, account_id: str | None) -> list[Promised]:
        """`payment promise list`."""
        asked = pb.ListPromisesRequest(parent=accounts(account_id), as_of=None if as_of is None else date(as_of), page_size=PAGE_SIZE)
        return [_promised(each) for each in self._service.pages(self._stub.ListPromises, asked, "promises")]

    def agree(self, wanted: PlanRequest, *, dry_run: bool) -> Plan:
        """`payment instalments agree`."""
        asked = pb.AgreeInstalmentPlanRequest(
            parent=account(wanted.account_id),
            plan_id=wanted.plan_id,
            agree_date=date(wanted.agreed_on),
            invoices=wanted.numbers,
            parts=[pb.WantedPart(due_date=date(due_on), amount=money(part)) for due_on, part in wanted.parts],
            equal_parts=max(-_PARTS_MAX, min(wanted.equal, _PARTS_MAX)),
            first_date=None if wanted.first_on is None else date(wanted.first_on),
            note=wanted.note,
            validate_only=dry_run,
        )
        return _after(self._service.call(self._stub.AgreeInstalmentPlan, asked))

    def end(self, plan_id: str, ended_on: dt.date, note: str, *, dry_run: bool) -> Plan:
        """`payment instalments end`."""
        asked = pb.EndInstalmentPlanRequest(name=f"instalmentPlans/{plan_id}", end_date=date(ended_on), note=note, validate_only=dry_run)
        return _after(self._service.call(self._stub.EndInstalmentPlan, asked))

    def list_plans(self, as_of: dt.date | None, account_id: str | None) -> list[Plan]:
        """`payment instalments list`."""
        asked = pb.ListInstalmentPlansRequest(
            parent=accounts(account_id), as_of=None if as_of is None else date(as_of), page_size=PAGE_SIZE
        )
        return [_plan(each) for each in self._service.pages(self._stub.ListInstalmentPlans, asked, "instalment_plans")]


def _promised(row: pb.Promise) -> Promised:
    return Promised(
        promise_id=tail(row.name),
        account_id=tail(row.account),
        currency=row.amount.currency_code,
        amount_micros=micros(row.amount),
        made_on=day(row.promise_date),
        due_on=day(row.due_date),
        note=row.note,
        paid_micros=micros(row.paid),
        state=row.state,
        by_name=row.recorded_by,
    )


def _after(answer: pb.InstalmentPlanResponse) -> Plan:
    return _plan(answer.instalment_plan)._replace(existed=answer.already_recorded)


def _plan(row: pb.InstalmentPlan) -> Plan:
    return Plan(
        plan_id=tail(row.name),
        account_id=tail(row.account),
        currency=row.open.currency_code,
        agreed_on=day(row.agree_date),
        note=row.note,
        state=row.state,
        open_micros=micros(row.open),
        parts=tuple(
            Part(
                part_no=each.part_no,
                due_on=day(each.due_date),
                number=each.invoice,
                amount_micros=micros(each.amount),
                open_micros=micros(each.open),
            )
            for each in row.parts
        ),
        by_name=row.recorded_by,
    )
