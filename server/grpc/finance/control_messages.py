"""Messages of books, findings and the page of a home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ratewright.v1 import control_service_pb2 as pb
from server.grpc import convert

if TYPE_CHECKING:
    from billing.controls import Book
    from billing.controls.findings import Finding
    from billing.enquiries.page_row import Row


def book(found: Book) -> pb.Book:
    """A book and its two sides."""
    terms = [pb.BookTerm(name=name, value=_fitting(value)) for name, value in found.terms.items()]
    return pb.Book(name=found.name, left=_fitting(found.left), right=_fitting(found.right), unit=found.unit, ok=found.ok, terms=terms)


def finding(found: Finding) -> pb.Finding:
    """A finding, with who clears it up."""
    return pb.Finding(
        name=f"findings/{found.finding_id}",
        book=found.name,
        run_id=found.run_id,
        text=found.text,
        left=found.left,
        right=found.right,
        unit=found.unit,
        owner=found.owner,
        due_date=convert.date(found.due_on),
        found_us=found.found_us,
        closed_by=found.closed_by,
        note=found.note,
        etag=found.etag,
    )


def _fitting(value: int) -> int:
    """A figure of a book, which may be beyond 64 bits where much is wrong, cut to them."""
    return max(-(2**63), min(value, 2**63 - 1))


def status_row(found: Row) -> pb.HomeStatusRow:
    """One row of the page of a home."""
    return pb.HomeStatusRow(
        name=found.name,
        says=found.says,
        command=found.command,
        attention=found.attention,
        computed=found.computed,
        figures=msgspec.json.encode(found.figures).decode(),
    )
