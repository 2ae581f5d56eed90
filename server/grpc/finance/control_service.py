"""ControlService: the books, findings of those that did not balance, and the page of a home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.controls import findings
from billing.enquiries import home as home_page
from ratewright.v1 import control_service_pb2 as pb
from ratewright.v1 import control_service_pb2_grpc
from rating.errors import quoted
from server.actions import controls
from server.grpc import calls, paging
from server.grpc.finance import values
from server.grpc.finance.control_messages import book as _book
from server.grpc.finance.control_messages import finding as _finding
from server.grpc.finance.control_messages import status_row as _status_row
from server.grpc.refusals import invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from billing.controls.book import Book
    from billing.payments.writing import Act
    from billing.store.home import Home

_DIGITS_MAX: Final = 18


class ControlService(control_service_pb2_grpc.ControlServiceServicer):
    """Servicer of ratewright.v1.ControlService over one home. `page_token_key` signs the tokens of its pages."""

    def __init__(self, home: Home, clock_us: Callable[[], int], page_token_key: bytes) -> None:
        self._home = home
        self._door = calls.Door(home, clock_us)
        self._key = page_token_key

    def CheckBooks(self, _request: pb.CheckBooksRequest, context: grpc.ServicerContext) -> pb.CheckBooksResponse:
        """Every book."""
        return calls.read(context, lambda: pb.CheckBooksResponse(books=map(_book, controls.check(self._home))))

    def KeepFindings(self, request: pb.KeepFindingsRequest, context: grpc.ServicerContext) -> pb.KeepFindingsResponse:
        """Books that do not balance, kept as findings."""

        def act(by: Act) -> pb.KeepFindingsResponse:
            books.extend(controls.check(self._home))
            return answer(controls.keep(self._home, books, by))

        def answer(kept: list[findings.Finding]) -> pb.KeepFindingsResponse:
            return pb.KeepFindingsResponse(failed_books=[_book(each) for each in books if not each.ok], findings=map(_finding, kept))

        def recover(commit_seq: int) -> pb.KeepFindingsResponse:
            books.extend(controls.check(self._home))
            return answer([each for each in findings.findings(self._home, commit_seq) if each.is_open])

        books: list[Book] = []
        return values.write(self._door, request, context, act, recover, pb.KeepFindingsResponse, answer)

    def ListFindings(self, request: pb.ListFindingsRequest, context: grpc.ServicerContext) -> pb.ListFindingsResponse:
        """A page of findings."""

        def find() -> pb.ListFindingsResponse:
            page = paging.page(request, self._key)
            behind = [each for each in findings.findings(self._home) if each.finding_id > int(page.after or 0)]
            found = [each for each in behind if request.show_closed or each.is_open]
            rows, token = page.parted(found[: page.limit], lambda each: str(each.finding_id))
            return pb.ListFindingsResponse(findings=map(_finding, rows), next_page_token=token)

        return calls.read(context, find)

    def AssignFinding(self, request: pb.AssignFindingRequest, context: grpc.ServicerContext) -> pb.Finding:
        """A finding and its owner."""

        def act(by: Act) -> pb.Finding:
            if not request.owner.strip() or not request.owner.isprintable():
                raise invalid("MALFORMED_REQUEST", "owner: name a person", {"field": "owner"})
            number, due_on = self._number(request.name), values.day(request, "due_date")
            return _finding(controls.assign(self._home, number, request.owner, due_on, by, request.etag))

        return values.write(self._door, request, context, act, self._decided, pb.Finding)

    def CloseFinding(self, request: pb.CloseFindingRequest, context: grpc.ServicerContext) -> pb.Finding:
        """A finding that is closed."""

        def act(by: Act) -> pb.Finding:
            return _finding(controls.close(self._home, self._number(request.name), request.note, by, request.etag))

        return values.write(self._door, request, context, act, self._decided, pb.Finding)

    def GetHomeStatus(self, request: pb.GetHomeStatusRequest, context: grpc.ServicerContext) -> pb.HomeStatus:
        """The page of the home."""

        def find() -> pb.HomeStatus:
            found = home_page.status(self._home, self._door.clock_us(), everything=request.everything)
            return pb.HomeStatus(rows=map(_status_row, found), practice=self._home.is_practice)

        return calls.read(context, find)

    def _number(self, name: str) -> int:
        """The number of a finding that is there. Refuses FINDING_UNKNOWN."""
        text = values.identity(name, "findings", "finding")
        if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
            raise invalid("MALFORMED_NAME", f"{quoted(name)} does not have the form findings/{{finding}}", {"form": "findings/{finding}"})
        if all(each.finding_id != int(text) for each in findings.findings(self._home)):
            told = {"name": name, "remedy": "`ratewright controls findings` lists all"}
            raise not_found("FINDING_UNKNOWN", f"there is no finding {int(text)}", told)
        return int(text)

    def _decided(self, commit_seq: int) -> pb.Finding:
        return _finding(findings.decided_by(self._home, commit_seq))
