"""ComparePlans: the month of an account on every plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.accounts.lookup import key_of
from billing.what_if import all_plans, month
from ratewright.v1 import rating_service_pb2 as pb
from rating.errors import NotFoundError, as_shown
from server.grpc import convert
from server.grpc.entrance import about_account
from server.grpc.finance import values
from server.grpc.refusals import invalid, not_found

if TYPE_CHECKING:
    from google.type import date_pb2

    from billing.store.home import Home
    from billing.what_if.all_plans import Comparison, Offer

_TAX: Final = {None: pb.PlanOffer.TAX_UNSPECIFIED, True: pb.PlanOffer.TAX_INCLUDED, False: pb.PlanOffer.TAX_EXCLUDED}


def compare(home: Home, request: pb.ComparePlansRequest) -> pb.ComparePlansResponse:
    """The month on every plan, the cheapest first."""
    values.require_texts(request)
    account_id = values.account(request.account)
    about_account(home, account_id)
    try:
        key_of(home, account_id)
    except NotFoundError as error:
        told = {"account": account_id, "remedy": error.remedy}
        raise not_found("ACCOUNT_UNKNOWN", f"no account has the id {as_shown(account_id)}", told) from error
    of_month = _month(request.month)
    found = all_plans.compare(home, account_id, of_month, identity=request.catalogue, subscription_id=request.subscription_id)
    return _response(found)


def _month(given: date_pb2.Date) -> month.Month:
    if given.day:
        raise invalid("MALFORMED_REQUEST", "month: give year and month, and no day", {"field": "month"})
    return month.parse(f"{given.year:04d}-{given.month:02d}")


def _response(found: Comparison) -> pb.ComparePlansResponse:
    return pb.ComparePlansResponse(
        account=f"accounts/{found.account_id}",
        subscriptions=found.subscriptions,
        plans_now=found.plans_now,
        now=_offer(found.now, found.currency),
        offers=[_offer(each, found.currency) for each in found.offers],
        not_included=found.not_included,
    )


def _offer(offer: Offer, currency: str) -> pb.PlanOffer:
    return pb.PlanOffer(
        plan=offer.plan,
        titles=offer.title,
        total=convert.money(currency, offer.total_micros),
        fees=convert.money(currency, offer.fee_micros),
        usage=convert.money(currency, offer.usage_micros),
        usage_micros_by_service=offer.usage_by_service,
        volume_tiers=convert.money(currency, offer.volume_micros),
        discounts=convert.money(currency, offer.discount_micros),
        commitments=convert.money(currency, offer.commitment_micros),
        lost_event_count=offer.lost_events,
        unpriced_event_counts=offer.without_price,
        tax=_TAX[offer.tax_inclusive],
        comparable=offer.comparable,
    )
