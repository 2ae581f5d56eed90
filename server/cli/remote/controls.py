"""Books and findings by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.controls.book import Book
from billing.controls.findings import Finding
from billing.enquiries.page_row import Row
from ratewright.v1 import control_service_pb2 as pb
from ratewright.v1 import control_service_pb2_grpc as stubs
from server.cli.remote.calling import LONG_S, PAGE_SIZE, day, last
from server.cli.remote.receiving import json_value
from server.client import date

if TYPE_CHECKING:
    import datetime as dt

    from server.client import Connection


class Controls:
    """Calls of ControlService."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.ControlServiceStub(service.channel)

    def check(self, *, keep: bool) -> list[Book]:
        """`controls`: with `keep` the service computes the books a second time, and keeps those that do not balance then."""
        found = self._service.call(self._stub.CheckBooks, pb.CheckBooksRequest(), deadline_s=LONG_S).books
        if keep:
            self._service.call(self._stub.KeepFindings, pb.KeepFindingsRequest(), deadline_s=LONG_S)
        return list(map(book_of, found))

    def status(self, *, everything: bool) -> list[Row]:
        """`status`."""
        found = self._service.call(self._stub.GetHomeStatus, pb.GetHomeStatusRequest(everything=everything), deadline_s=LONG_S)
        return [Row(each.name, each.says, each.command, each.attention, each.computed, json_value(each.figures)) for each in found.rows]

    def findings(self, *, every: bool) -> list[Finding]:
        """`controls findings list`."""
        asked = pb.ListFindingsRequest(show_closed=every, page_size=PAGE_SIZE)
        return [finding_of(each) for each in self._service.pages(self._stub.ListFindings, asked, "findings")]

    def assign(self, finding: int, owner: str, due_on: dt.date) -> Finding:
        """`controls findings assign`."""
        asked = pb.AssignFindingRequest(name=f"findings/{finding}", owner=owner, due_date=date(due_on))
        return finding_of(self._service.call(self._stub.AssignFinding, asked))

    def close(self, finding: int, note: str) -> Finding:
        """`controls findings close`."""
        return finding_of(self._service.call(self._stub.CloseFinding, pb.CloseFindingRequest(name=f"findings/{finding}", note=note)))


def book_of(row: pb.Book) -> Book:
    """A book with its figures."""
    return Book(row.name, row.left, row.right, row.unit, row.ok, {each.name: each.value for each in row.terms})


def finding_of(row: pb.Finding) -> Finding:
    """A finding, with who clears it up."""
    return Finding(
        finding_id=int(last(row.name)),
        name=row.book,
        run_id=row.run_id,
        text=row.text,
        left=row.left,
        right=row.right,
        unit=row.unit,
        owner=row.owner,
        due_on=day(row.due_date),
        found_us=row.found_us,
        closed_by=row.closed_by,
        note=row.note,
        etag=row.etag,
    )
