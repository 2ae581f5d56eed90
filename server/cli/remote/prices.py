"""Prices by a service: one event, a month on every plan, and the charge of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.type import date_pb2

from billing.what_if.all_plans import Comparison, Offer
from ratewright.v1 import rating_service_pb2 as pb
from ratewright.v1 import rating_service_pb2_grpc as stubs
from rating.model import UNIT_OF_SERVICE, QuantityUnit, Service
from server.actions.enquiries.records import Shown
from server.actions.quotes import Quoted
from server.cli.remote.bill_runs.running import run_name
from server.cli.remote.calling import LONG_S, account, instant, tail
from server.cli.remote.receiving import json_value
from server.client import micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.what_if import Month
    from rating.outcome import Event
    from server.client import Connection
    from server.quote_state import Known, Told

_FIELDS: Final = {QuantityUnit.MILLISECOND: "duration_us", QuantityUnit.BYTE: "volume_bytes", QuantityUnit.MESSAGE: "units"}
_TAX: Final = {pb.PlanOffer.TAX_UNSPECIFIED: None, pb.PlanOffer.TAX_INCLUDED: True, pb.PlanOffer.TAX_EXCLUDED: False}


class Prices:
    """Calls of RatingService."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.RatingServiceStub(service.channel)

    def quote(self, event: Event, known: Known, language: str) -> Quoted:
        """`quote` of one event."""
        usage: dict[str, Any] = {_FIELDS[UNIT_OF_SERVICE[Service(event.service)]]: event.quantity}
        asked = pb.QuoteRequest(
            plan=event.plan or "",
            service=pb.Service.ValueType(event.service),
            destination=event.destination or "",
            allowance_left_qty=known.left_of_serving,
            language_code=language,
            origin=event.origin,
            direction=pb.Direction.ValueType(event.direction),
            on_net=event.on_net,
            friend=event.friend,
            visited_plmn=event.visited,
            rating_group=event.rating_group,
            customer_group=event.customer_group,
            content_amount_micros=None if event.content_micros < 0 else event.content_micros,
            home_time_zone=event.home_timezone,
            allowances_left=_values(known.left),
            caps_spent_micros=_values(known.spent),
            counted_qty=_values(known.counted),
            allowance_units=_units(known.left),
            cap_units=_units(known.spent),
            counter_units=_units(known.counted),
            start_time=instant(event.start_us, "--at"),
            whole=True,
            **usage,
        )
        found = self._service.call(self._stub.Quote, asked)
        return Quoted(found.explanation, list(found.beside), json_value(found.explanation_json))

    def compare(self, account_id: str, month: Month, identity: str, subscription_id: str) -> Comparison:
        """`quote --compare`."""
        asked = pb.ComparePlansRequest(
            account=account(account_id),
            month=date_pb2.Date(year=month.year, month=month.number),
            catalogue=identity,
            subscription_id=subscription_id,
        )
        found = self._service.call(self._stub.ComparePlans, asked, deadline_s=LONG_S)
        return Comparison(
            account_id=tail(found.account),
            currency=found.now.total.currency_code,
            month=str(month),
            subscriptions=tuple(found.subscriptions),
            plans_now=tuple(found.plans_now),
            now=_offer(found.now),
            offers=tuple(map(_offer, found.offers)),
            not_included=tuple(found.not_included),
        )

    def explain(self, record_id: str, run_id: int | None, language: str) -> Shown:
        """`bill explain`."""
        asked = pb.ExplainRequest(record_id=record_id, bill_run="" if run_id is None else run_name(run_id), language_code=language)
        found = self._service.call(self._stub.Explain, asked, deadline_s=LONG_S)
        texts = [*(list(each.sentences) for each in found.charges), *(list(each.sentences) for each in found.asides)]
        return Shown(texts, json_value(found.record_json))


def _values(told: Mapping[str, Told]) -> dict[str, int]:
    return {name: each.value for name, each in told.items()}


def _units(told: Mapping[str, Told]) -> dict[str, str]:
    return {name: each.unit.name for name, each in told.items() if each.unit is not None}


def _offer(found: pb.PlanOffer) -> Offer:
    return Offer(
        plan=found.plan,
        title=dict(sorted(found.titles.items())),
        total_micros=micros(found.total),
        fee_micros=micros(found.fees),
        usage_micros=micros(found.usage),
        usage_by_service=dict(sorted(found.usage_micros_by_service.items())),
        lost_events=found.lost_event_count,
        without_price=dict(sorted(found.unpriced_event_counts.items())),
        volume_micros=micros(found.volume_tiers),
        discount_micros=micros(found.discounts),
        commitment_micros=micros(found.commitments),
        tax_inclusive=_TAX[found.tax],
        comparable=found.comparable,
    )
