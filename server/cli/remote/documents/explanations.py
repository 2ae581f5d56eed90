"""The explanation of a document by a service. What it prints is made of values that load kernels: other commands do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.documents.explaining import Explained, LineExplained
from ratewright.v1 import invoice_explanation_pb2
from ratewright.v1 import invoice_service_pb2_grpc as stubs
from rating.errors import UserError
from server.actions.invoices import Events
from server.cli.remote.calling import LONG_S
from server.cli.remote.documents.reading import named
from server.cli.remote.documents.summaries import rerated_of
from server.cli.remote.receiving import json_value

if TYPE_CHECKING:
    from server.client import Connection

_EVENTS_MAX: Final = 1_000


class Explanations:
    """Calls of InvoiceService that explain."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.InvoiceServiceStub(service.channel)

    def explain(self, number: str, line_no: int | None, language: str, limit: int) -> tuple[Explained, Events | None]:
        """`invoice explain`."""
        if not 1 <= limit <= _EVENTS_MAX:
            raise UserError(f"--limit {limit} is not served", f"give 1 to {_EVENTS_MAX:,} with --server", exit_status=2)
        if line_no == 0:  # which means all lines in a request
            raise UserError(f"{number} has no line 0", f"`ratewright invoice show {number}` shows its lines")
        asked = invoice_explanation_pb2.ExplainInvoiceRequest(
            name=named(number), line_no=line_no or 0, event_limit=limit, language_code=language
        )
        answer = self._service.call(self._stub.ExplainInvoice, asked, deadline_s=LONG_S)
        found = Explained(
            number=answer.number,
            document_type=answer.document_type,
            run_kind=answer.run_kind,
            currency=answer.currency_code,
            head=tuple(answer.head),
            lines=tuple(map(_line_explained, answer.lines)),
            foot=tuple(answer.foot),
        )
        return found, _events(answer) if answer.events_total else None


def _line_explained(row: invoice_explanation_pb2.ExplainedLine) -> LineExplained:
    return LineExplained(
        line_no=row.line_no,
        kind=row.kind,
        text=row.text,
        amount_micros=row.amount_micros,
        due_micros=row.due_micros,
        before_micros=row.before_micros,
        sentences=tuple(row.sentences),
    )


def _events(answer: invoice_explanation_pb2.ExplainInvoiceResponse) -> Events:
    return Events(
        total=answer.events_total,
        exact_micros=answer.exact_micros,
        run_id=answer.run_id,
        rerated=tuple(map(rerated_of, answer.rerated)),
        texts=tuple(answer.events),
        objects=tuple(map(json_value, answer.event_json)),
    )
