"""RatingService: prices one event by the published tariffs, by the kernel, with the twin to say how it comes about.

Batches, explanations and comparisons of plans are in `server.grpc.rating`.
"""

from __future__ import annotations

import threading
import zoneinfo
from typing import TYPE_CHECKING, Final, NamedTuple

import grpc
import msgspec

from billing import catalogue
from ratewright.v1 import rating_service_pb2 as pb
from ratewright.v1 import rating_service_pb2_grpc
from rating import explain
from rating.errors import NotFoundError, UserError, quoted
from rating.model import Catalogue, QuantityUnit, Service
from rating.outcome import Event, Outcome
from rating.schema import Direction
from rating.status import REFUSALS_FROM, Status
from server.actions import quotes
from server.checked_quote import CheckedQuote
from server.grpc import calls, convert
from server.grpc.rating import comparisons, explanations
from server.grpc.rating.batches import Batches
from server.grpc.refusals import Refusal, answering, invalid, not_found
from server.quote_state import Known, Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.home import Home

NO_EVENT_KEY: Final = bytes(16)
MICROS_PER_SECOND: Final = 1_000_000
NANOS_PER_MICRO: Final = 1_000
NANOS_PER_SECOND: Final = 1_000_000_000
QUANTITY_FIELD: Final = {
    Service.VOICE: "duration_us",
    Service.SMS: "units",
    Service.MMS: "units",
    Service.DATA: "volume_bytes",
    Service.CONTENT: "units",
}

_CODES: Final = {
    Status.UNKNOWN_PLAN: grpc.StatusCode.NOT_FOUND,
    Status.NO_VERSION: grpc.StatusCode.FAILED_PRECONDITION,
    Status.NO_ZONE: grpc.StatusCode.FAILED_PRECONDITION,
    Status.NOT_SOLD: grpc.StatusCode.FAILED_PRECONDITION,
    Status.CONTENT_AMOUNT_MISSING: grpc.StatusCode.FAILED_PRECONDITION,
}
_SENTENCES: Final = {
    Status.UNKNOWN_PLAN: "no published catalogue has this plan",
    Status.NEGATIVE_QUANTITY: "the quantity must be zero or more",
    Status.TIME_OUT_OF_RANGE: "start_time must lie in 2000-01-01 .. 2070-01-01 UTC",
    Status.INVALID_NUMBER: "a destination must have 1 to 15 digits and nothing else",
    Status.NO_VERSION: "no version of the plan's catalogue is in force at start_time",
    Status.NO_ZONE: "the plan has no price for this destination",
    Status.NOT_SOLD: "the plan does not sell this on purpose",
    Status.QUANTITY_TOO_LARGE: "the quantity or the content amount is larger than one event can have",
    Status.CONTENT_AMOUNT_MISSING: "the price is a share of the content amount, and there is none",
}


class _Known(NamedTuple):
    changes: int | None  # of the home, when `published_seq` was looked up last
    published_seq: int
    quote: CheckedQuote
    catalogues: list[Catalogue]


class RatingService(rating_service_pb2_grpc.RatingServiceServicer):
    """Servicer of ratewright.v1.RatingService over one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: _Known | None = None
        self._lock = threading.Lock()
        self._batches = Batches(home)

    def Quote(self, request: pb.QuoteRequest, context: grpc.ServicerContext) -> pb.QuoteResponse:
        """Price the event, or refuse it with the name of its status."""
        with answering(context):
            event, known, language = _event(request), _known(request), convert.parse_language(request.language_code) or "en"
            in_force = self._quote()
            if request.whole:
                _require_plan(in_force.catalogues, request.plan)
            try:
                outcome = in_force.quote.rate(event, known)
            except UserError as error:
                told = {"field": "allowances_left, caps_spent_micros or counted_qty", "remedy": error.remedy}
                raise invalid("MALFORMED_REQUEST", error.message, told) from None
            if outcome.status >= REFUSALS_FROM and not request.whole:
                raise _refused(outcome)
            answer = _response(outcome, language)
            if request.whole:
                shown = quotes.shown(outcome, in_force.catalogues, language)
                answer.explanation_json = msgspec.json.encode(shown.document).decode()
                answer.beside.extend(shown.beside)
            return answer
        raise AssertionError("the call was ended above")

    def RateBatch(self, request: pb.RateBatchRequest, context: grpc.ServicerContext) -> pb.RateBatchResponse:
        """Charges of a batch on one plan of one version."""
        return calls.read(context, lambda: self._batches.rate(request))

    def Explain(self, request: pb.ExplainRequest, context: grpc.ServicerContext) -> pb.ExplainResponse:
        """A record or an invoice in words."""
        return calls.read(context, lambda: explanations.explain(self._home, request))

    def ComparePlans(self, request: pb.ComparePlansRequest, context: grpc.ServicerContext) -> pb.ComparePlansResponse:
        """A month of an account on every plan."""
        return calls.read(context, lambda: comparisons.compare(self._home, request))

    def _quote(self) -> _Known:
        """Everything in force, ready to be asked; built again only after a publication or a repeal."""
        with self._lock:
            changes, known = self._home.changes(), self._known
            if known is not None and changes is not None and changes == known.changes:
                return known
            seq = catalogue.published_seq(self._home)
            if known is None or known.published_seq != seq:
                found = catalogue.in_force(self._home)
                known = _Known(changes, seq, CheckedQuote(found), found)
            self._known = known._replace(changes=changes)
            return self._known


def _event(request: pb.QuoteRequest) -> Event:
    try:
        service = Service(request.service)
    except ValueError:
        raise _malformed("service", "must name what is used") from None
    if not request.plan:
        raise _malformed("plan", "must be a full name such as mobile/smart-m")
    if not request.HasField("start_time"):
        raise _malformed("start_time", "must be given")
    if not 0 <= request.start_time.nanos < NANOS_PER_SECOND:
        raise _malformed("start_time", "must have nanos of 0 up to 999,999,999")
    field = QUANTITY_FIELD[service]
    if request.WhichOneof("usage") != field:
        raise _malformed(field, f"must be given for {service.name.lower()}")
    start_us = request.start_time.seconds * MICROS_PER_SECOND + request.start_time.nanos // NANOS_PER_MICRO
    return Event(
        event_key=NO_EVENT_KEY,
        start_us=start_us,
        quantity=getattr(request, field),
        service=service,
        plan=request.plan,
        destination=request.destination,
        origin=request.origin,
        direction=_direction(request.direction),
        on_net=request.on_net if request.HasField("on_net") else None,
        friend=request.friend,
        visited=request.visited_plmn,
        rating_group=request.rating_group,
        customer_group=request.customer_group,
        home_timezone=_timezone(request.home_time_zone),
        content_micros=request.content_amount_micros if request.HasField("content_amount_micros") else -1,
    )


def _direction(direction: int) -> Direction:
    try:
        return Direction(direction or Direction.ORIGINATING)
    except ValueError:
        raise _malformed("direction", "must say who began it") from None


def _timezone(name: str) -> str:
    if name and name not in zoneinfo.available_timezones():
        raise _malformed("home_time_zone", "must be an IANA name such as Asia/Shanghai")
    return name


def _known(request: pb.QuoteRequest) -> Known:
    if request.allowance_left_qty < 0:
        raise _malformed("allowance_left_qty", "must be zero or more")
    figures = (request.allowances_left, request.caps_spent_micros, request.counted_qty)
    units = (request.allowance_units, request.cap_units, request.counter_units)
    left, spent, counted = (
        {name: Told(quantity, _unit(of.get(name, ""))) for name, quantity in told.items()} for told, of in zip(figures, units, strict=True)
    )
    return Known(left, spent, counted, request.allowance_left_qty)


def _unit(name: str) -> QuantityUnit | None:
    if name and name not in QuantityUnit.__members__:
        known = ", ".join(QuantityUnit.__members__)
        raise _malformed("allowance_units, cap_units or counter_units", f"{quoted(name)} is not one of {known}")
    return QuantityUnit[name] if name else None


def _malformed(field: str, what: str) -> Refusal:
    return invalid("MALFORMED_REQUEST", f"{field}: {what}", {"field": field})


def _require_plan(catalogues: Sequence[Catalogue], name: str) -> None:
    try:
        quotes.require_plan(catalogues, name)
    except NotFoundError as error:
        raise not_found(Status.UNKNOWN_PLAN.name, error.message, {"plan": name, "remedy": error.remedy}) from None


def _refused(outcome: Outcome) -> Refusal:
    status = Status(outcome.status)
    code = _CODES.get(status, grpc.StatusCode.INVALID_ARGUMENT)
    return Refusal(code, status.name, _SENTENCES[status], {"plan": outcome.event.plan or ""})


def _response(outcome: Outcome, language: str) -> pb.QuoteResponse:
    return pb.QuoteResponse(
        status=Status(outcome.status).name,
        charge=convert.money(outcome.currency, outcome.charge_micros),
        charge_micros=outcome.charge_micros,
        chargeable_qty=outcome.chargeable_qty,
        free_qty=outcome.free_qty,
        price_id=outcome.price_id,
        zone_id=outcome.zone_id,
        catalogue=outcome.identity,
        catalogue_version=outcome.version,
        catalogue_hash=outcome.content_hash,
        gross_micros=outcome.gross_micros,
        explanation=explain.as_text(outcome, language),
    )
