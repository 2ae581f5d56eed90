"""Explain: a record, or an invoice, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ratewright.v1 import rating_service_pb2 as pb
from rating.status import REFUSALS_FROM, Status
from server.actions import invoices
from server.actions.enquiries import records
from server.grpc import convert
from server.grpc.bill_runs import names
from server.grpc.finance import invoice_answers, values
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    from billing.store.home import Home
    from rating.outcome import Outcome

EVENTS_MAX: Final = 1_000
DEFAULT_LANGUAGE: Final = "en"


def explain(home: Home, request: pb.ExplainRequest) -> pb.ExplainResponse:
    """The record or the invoice that a request names, in words."""
    values.require_texts(request)
    subject = request.WhichOneof("subject")
    language = convert.parse_language(request.language_code) or DEFAULT_LANGUAGE
    if subject == "invoice":
        return _invoice(home, request, language)
    if subject is None or not request.record_id:
        raise invalid("MALFORMED_REQUEST", "record_id: name a record or an invoice", {"field": "record_id"})
    return _record(home, request, language)


def _invoice(home: Home, request: pb.ExplainRequest, language: str) -> pb.ExplainResponse:
    for field, value in (("line_no", request.line_no), ("event_limit", request.event_limit)):
        if value < 0:
            raise invalid("MALFORMED_REQUEST", f"{field} must be zero or more", {"field": field})
    number = invoice_answers.number_of(home, request.invoice)
    told = invoices.explain(home, number, request.line_no or None, language, min(request.event_limit, EVENTS_MAX) or 1)
    found = invoice_answers.explanation(*told, practice=home.is_practice)
    return pb.ExplainResponse(invoice=found, practice=home.is_practice)


def _record(home: Home, request: pb.ExplainRequest, language: str) -> pb.ExplainResponse:
    run_id = names.parse_run_name(request.bill_run) if request.bill_run else None
    told = records.look_up(home, request.record_id, run_id)
    return pb.ExplainResponse(
        charges=[_charge(each, told.of_outcome(each, language)) for each in told.found.outcomes],
        asides=[pb.ExplainedAside(sentences=each) for each in told.aside(language)],
        practice=home.is_practice,
        record_json=msgspec.json.encode(told.document()).decode(),
    )


def _charge(outcome: Outcome, sentences: list[str]) -> pb.ExplainedCharge:
    is_charged = outcome.status < REFUSALS_FROM
    return pb.ExplainedCharge(
        event_key=outcome.event.event_key.hex(),
        status=Status(outcome.status).name,
        charge=convert.money(outcome.currency, outcome.charge_micros) if is_charged else None,
        sentences=sentences,
    )
