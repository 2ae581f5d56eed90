"""Documents of lists and lines of re-ratings, as billing has them: commands that show a few load less than what reads a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoicing import InvoiceSummary
from billing.invoicing.rerated import Rerated
from server.cli.remote.calling import day, tail
from server.client import micros

if TYPE_CHECKING:
    from ratewright.v1 import invoice_explanation_pb2
    from ratewright.v1 import invoice_service_pb2 as pb


def summary_of(row: pb.Invoice) -> InvoiceSummary:
    """A document as lists have it."""
    return InvoiceSummary(
        number=row.number,
        account_id=tail(row.account),
        account_name=row.account_display_name,
        run_id=row.run_id,
        currency=row.total.currency_code,
        period_from=day(row.period_from),
        period_to=day(row.period_to),
        issued_on=day(row.issue_date),
        due_on=day(row.due_date),
        net_micros=micros(row.net),
        tax_micros=micros(row.tax),
        total_micros=micros(row.total),
        open_micros=micros(row.open),
        document_type=row.document_type,
        voided_on=day(row.void_date),
        voided_by=row.voided_by,
        by_name=row.numbered_by,
        agreed_by=row.agreed_by,
        void_agreed_by=row.void_agreed_by,
    )


def rerated_of(row: invoice_explanation_pb2.ReratedLine) -> Rerated:
    """A line of a re-rating's document."""
    return Rerated(
        job_id=row.rerating_id,
        run_id=row.run_id,
        number=row.number,
        line_no=row.line_no,
        issued_on=day(row.issue_date),
        text=row.text,
        amount_micros=micros(row.amount),
        currency=row.amount.currency_code,
        same_key=row.same_key,
    )
