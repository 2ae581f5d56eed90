"""Charges of an account that are on no invoice yet, by a service: `ratewright bill unbilled --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.charges.own_days import Days
from billing.documents.enquiry import Charge, Enquiry
from ratewright.v1 import account_service_pb2 as pb
from ratewright.v1 import account_service_pb2_grpc as stubs
from server.cli.remote.accounts.changes import named
from server.cli.remote.calling import LONG_S, by_currency, day
from server.client import date, micros

if TYPE_CHECKING:
    import datetime as dt

    from server.client import Connection


class Unbilled:
    """The call of AccountService that prices open periods."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.AccountServiceStub(service.channel)

    def of(self, account_id: str, through: dt.date | None, language: str | None) -> Enquiry:
        """`bill unbilled`."""
        asked = pb.GetAccountRequest(
            name=named(account_id),
            view=pb.ACCOUNT_VIEW_UNBILLED,
            unbilled_through_date=None if through is None else date(through),
            language_code=language or "",
        )
        found = self._service.call(self._stub.GetAccount, asked, deadline_s=LONG_S).unbilled
        return Enquiry(
            account_id=account_id,
            through=day(found.through_date),
            language=found.language_code,
            lines=tuple(map(_charge, found.charges)),
            net_micros=by_currency(found.net),
        )


def _charge(row: pb.UnbilledCharge) -> Charge:
    return Charge(
        subscription_id=row.subscription,
        kind=row.kind,
        text=row.text.removesuffix(f" ({row.tax_name})") if row.tax_name else row.text,
        period_from=day(row.from_date),
        period_to=day(row.to_date),
        events=row.event_count,
        quantity=row.quantity,
        free_quantity=row.free_quantity,
        quantity_unit=row.quantity_unit,
        currency=row.amount.currency_code,
        amount_micros=micros(row.amount),
        days=tuple(Days(day(each.from_date), day(each.to_date)) for each in row.days),
        tax_name=row.tax_name,
    )
