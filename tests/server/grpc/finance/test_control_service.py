"""Books and findings by calls and by commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from ratewright.v1 import control_service_pb2 as pb
from ratewright.v1 import control_service_pb2_grpc
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.grpc.finance.asking import day, iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
INVALID, MISSING, REFUSED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION
CHANGED = "UPDATE postings SET amount_micros = amount_micros + 10000 WHERE document = 'R-0000000001' AND line_no = 1"
ASSIGN = pb.AssignFindingRequest(name="findings/1", owner="ben", due_date=day("11-20"))
CLOSE = pb.CloseFindingRequest(name="findings/1", note="put right")


@pytest.fixture
def controls(channel: grpc.Channel, billed: World) -> control_service_pb2_grpc.ControlServiceStub:
    assert billed.numbers()
    return control_service_pb2_grpc.ControlServiceStub(channel)


def as_book(book: pb.Book) -> dict[str, Any]:
    terms = {each.name: each.value for each in book.terms}
    return {"name": book.name, "left": book.left, "right": book.right, "unit": book.unit, "ok": book.ok, "terms": terms}


def as_finding(found: pb.Finding) -> dict[str, Any]:
    return {
        "finding_id": int(found.name.removeprefix("findings/")),
        "name": found.book,
        "run_id": found.run_id,
        "text": found.text,
        "left": found.left,
        "right": found.right,
        "unit": found.unit,
        "owner": found.owner,
        "due_on": iso(found.due_date),
        "found_us": found.found_us,
        "closed_by": found.closed_by,
        "note": found.note,
        "etag": found.etag,
    }


def test_books(controls: control_service_pb2_grpc.ControlServiceStub, billed: World, command: Callable[..., Any]) -> None:
    """All balance, until a posting is changed behind our back."""
    for status in (0, 1):
        answer = controls.CheckBooks(pb.CheckBooksRequest(), timeout=DEADLINE_S)
        assert {"books": [as_book(each) for each in answer.books]} == command(billed, "controls", status=status)
        assert all(each.ok for each in answer.books) is not bool(status)
        billed.changed(CHANGED)


def test_findings(controls: control_service_pb2_grpc.ControlServiceStub, billed: World, twin: World, command: Callable[..., Any]) -> None:
    """Kept once, given to ben, closed: the same findings as on the twin, but for the instant."""
    for world in (billed, twin):
        world.changed(CHANGED)
    kept = controls.KeepFindings(pb.KeepFindingsRequest(), timeout=DEADLINE_S)
    told = command(twin, "controls", "--keep", status=1)["books"]
    assert [as_book(each) for each in kept.failed_books] == [each for each in told if not each["ok"]] != []
    for call, words in (
        (None, ("list",)),
        (lambda: controls.AssignFinding(ASSIGN, timeout=DEADLINE_S), ("assign", "1", "--owner", "ben", "--due", "2025-11-20")),
        (lambda: controls.CloseFinding(CLOSE, timeout=DEADLINE_S), ("close", "1", "--note", "put right")),
    ):
        told = command(twin, "controls", "findings", *words)["findings"]
        found = kept.findings if call is None else [call()]
        assert [as_finding(each) | {"found_us": 0} for each in found] == [each | {"found_us": 0} for each in told]
    open_, every = (
        controls.ListFindings(pb.ListFindingsRequest(show_closed=closed), timeout=DEADLINE_S).findings for closed in (False, True)
    )
    assert [each.name for each in every] == [each.name for each in kept.findings]
    assert [each.name for each in open_] == [each.name for each in every][1:]
    pages = []
    request = pb.ListFindingsRequest(show_closed=True, page_size=1)
    for _ in every:
        page = controls.ListFindings(request, timeout=DEADLINE_S)
        pages += page.findings
        request.page_token = page.next_page_token
    assert (pages, request.page_token) == (list(every), "")


def head(world: World) -> int:
    with world.home.connect() as connection:
        return world.home.head_seq(connection)


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [("KeepFindings", pb.KeepFindingsRequest(), ""), ("AssignFinding", ASSIGN, "owner"), ("CloseFinding", CLOSE, "note")],
)
def test_a_write_counts_once(
    controls: control_service_pb2_grpc.ControlServiceStub,
    billed: World,
    method: str,
    request_: Any,  # noqa: ANN401 -- messages of any method
    field: str,
) -> None:
    billed.changed(CHANGED)
    if field:
        controls.KeepFindings(pb.KeepFindingsRequest(), timeout=DEADLINE_S)

    def send(**changes: Any) -> Any:  # noqa: ANN401 -- as above
        made = type(request_)()
        made.CopyFrom(request_)
        for name, value in changes.items():
            setattr(made, name, value)
        return getattr(controls, method)(made, timeout=DEADLINE_S)

    before = head(billed)
    tried = send(validate_only=True, request_id="once")
    assert head(billed) == before
    first = send(request_id="once")
    after = head(billed)
    assert after == before + 1
    assert tried == first or list(tried.findings) == [], "findings are not there before they are kept"
    assert send(request_id="once") == first
    assert billed.changed("UPDATE requests SET answer = NULL WHERE request_id = 'once'") == 1, "cut off behind its commit"
    assert send(request_id="once") == first
    if field:
        other = refused(lambda: send(request_id="once", **{field: "another"}))
        assert (*other[:2], other.metadata["field"]) == (INVALID, "REQUEST_ID_REUSED", field)
    assert refused(lambda: send(request_id="x" * 129))[:2] == (INVALID, "REQUEST_ID")
    assert head(billed) == after


def test_refused(controls: control_service_pb2_grpc.ControlServiceStub, billed: World) -> None:
    billed.changed(CHANGED)
    controls.KeepFindings(pb.KeepFindingsRequest(), timeout=DEADLINE_S)
    controls.CloseFinding(pb.CloseFindingRequest(name="findings/2", note="put right"), timeout=DEADLINE_S)
    for method, request, code, reason in (
        ("AssignFinding", pb.AssignFindingRequest(name="findings/99", owner="ben", due_date=day("11-20")), MISSING, "FINDING_UNKNOWN"),
        ("AssignFinding", pb.AssignFindingRequest(name="findings/x", owner="ben", due_date=day("11-20")), INVALID, "MALFORMED_NAME"),
        ("AssignFinding", pb.AssignFindingRequest(name="findings/" + "9" * 30), INVALID, "MALFORMED_REQUEST"),
        ("AssignFinding", pb.AssignFindingRequest(name="findings/1", owner="ben"), INVALID, "MALFORMED_REQUEST"),
        ("AssignFinding", pb.AssignFindingRequest(name="findings/1", owner=" ", due_date=day("11-20")), INVALID, "MALFORMED_REQUEST"),
        ("CloseFinding", pb.CloseFindingRequest(name="findings/1", note=" "), INVALID, "MALFORMED_REQUEST"),
        ("CloseFinding", pb.CloseFindingRequest(name="findings/2", note="again"), REFUSED, "REFUSED"),
        ("ListFindings", pb.ListFindingsRequest(page_size=-1), INVALID, "PAGE_SIZE"),
        ("ListFindings", pb.ListFindingsRequest(page_token="1"), INVALID, "PAGE_TOKEN"),  # noqa: S106 -- a place in a list
    ):
        refusal = refused(lambda call=method, sent=request: getattr(controls, call)(sent, timeout=DEADLINE_S))
        assert refusal[:2] == (code, reason), (method, refusal)
