"""Each write of invoices counts once: repeated, with other fields, cut off between commit and answer, and only tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing import give_back_limit
from ratewright.v1 import account_statement_pb2, invoice_correction_pb2, invoice_explanation_pb2, invoice_service_pb2_grpc
from ratewright.v1 import invoice_service_pb2 as pb
from tests.billing.second_person import set_by_two
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.grpc.finance.asking import day, micros, money

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ANNA = "accounts/anna/invoices/R-0000000001"
INVALID, MISSING, REFUSED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION
VOID = invoice_correction_pb2.VoidInvoiceRequest(name=ANNA, reason="wrong address", void_date=day("11-10"))
CREDIT = {"name": ANNA, "credit_id": "N-1", "effect": "outside", "reason_code": "goodwill", "credit_date": day("11-05")}
PART = invoice_correction_pb2.CreditInvoiceRequest(line_no=2, amount=money("0.45"), text="sorry", **CREDIT)
WHOLE = invoice_correction_pb2.CreditInvoiceRequest(text="sorry", **CREDIT)
REISSUE = pb.ReissueInvoiceRequest(name=ANNA)


@pytest.fixture
def invoices(channel: grpc.Channel, billed: World) -> invoice_service_pb2_grpc.InvoiceServiceStub:
    assert billed.numbers() == ["R-0000000001", "R-0000000002"]
    return invoice_service_pb2_grpc.InvoiceServiceStub(channel)


def head(world: World) -> int:
    with world.home.connect() as connection:
        return world.home.head_seq(connection)


def send(invoices: invoice_service_pb2_grpc.InvoiceServiceStub, method: str, request: Any, **changes: Any) -> Any:  # noqa: ANN401 -- messages of any method
    made = type(request)()
    made.CopyFrom(request)
    for name, value in changes.items():
        setattr(made, name, value)
    return getattr(invoices, method)(made, timeout=DEADLINE_S)


CASES = {
    "void": ("VoidInvoice", VOID, "reason", False),
    "void by two": ("VoidInvoice", VOID, "reason", True),
    "credit of a line": ("CreditInvoice", PART, "text", False),
    "credit of all": ("CreditInvoice", WHOLE, "text", False),
    "credit by two": ("CreditInvoice", WHOLE, "text", True),
}


@pytest.mark.parametrize(("method", "request_", "field", "waits"), CASES.values(), ids=CASES)
def test_a_write_counts_once(  # noqa: PLR0913 -- a row of the table
    invoices: invoice_service_pb2_grpc.InvoiceServiceStub,
    billed: World,
    method: str,
    request_: Any,  # noqa: ANN401 -- messages of any method
    field: str,
    *,
    waits: bool,
) -> None:
    """A trial says what the act does, and stores nothing; a repeat has the first answer, also where that one never left."""
    if waits:
        set_by_two(billed.home, give_back_limit.LIMIT, "1000000", billed.tick)
    before = head(billed)
    tried = send(invoices, method, request_, validate_only=True, request_id="once")
    assert head(billed) == before
    first = send(invoices, method, request_, request_id="once")
    after = head(billed)
    assert after == before + 1
    assert (tried.needs_second, first.needs_second, first.proposal) == (waits, waits, int(waits))
    assert (tried.net, tried.tax, tried.total) == (first.net, first.tax, first.total)
    assert send(invoices, method, request_, request_id="once") == first
    assert billed.changed("UPDATE requests SET answer = NULL WHERE request_id = 'once'") == 1, "cut off behind its commit"
    assert send(invoices, method, request_, request_id="once") == first
    other = refused(lambda: send(invoices, method, request_, request_id="once", **{field: "another"}))
    assert (*other[:2], other.metadata["field"]) == (INVALID, "REQUEST_ID_REUSED", field)
    assert head(billed) == after


def test_an_invoice_is_billed_again_once(invoices: invoice_service_pb2_grpc.InvoiceServiceStub, billed: World) -> None:
    """A repeat begins no second run; one that was cut off tells how the run stands by now."""
    send(invoices, "VoidInvoice", VOID)
    before = head(billed)
    tried = send(invoices, "ReissueInvoice", REISSUE, validate_only=True, request_id="once")
    assert (head(billed), tried.state, tried.drafts) == (before, "preview", 1)
    first = send(invoices, "ReissueInvoice", REISSUE, request_id="once")
    after = head(billed)
    assert (first.state, [each.number for each in first.invoices]) == ("posted", ["R-0000000003"])
    assert send(invoices, "ReissueInvoice", REISSUE, request_id="once") == first
    billed.changed("UPDATE requests SET answer = NULL WHERE request_id = 'once'")
    assert send(invoices, "ReissueInvoice", REISSUE, request_id="once") == first
    assert head(billed) == after
    assert list(send(invoices, "ReissueInvoice", REISSUE, request_id="twice").invoices) == [], "nothing is due any more"
    assert len(billed.numbers()) == 3


REFUSALS = [
    ("VoidInvoice", VOID, {"name": "accounts/berta/invoices/R-0000000001"}, MISSING, "INVOICE_UNKNOWN"),
    ("VoidInvoice", VOID, {"name": "R-0000000001"}, INVALID, "MALFORMED_NAME"),
    ("VoidInvoice", VOID, {"reason": " "}, INVALID, "MALFORMED_REQUEST"),
    ("VoidInvoice", VOID, {"reason": "a\0b"}, INVALID, "MALFORMED_REQUEST"),
    ("VoidInvoice", VOID, {"request_id": "x" * 129}, INVALID, "REQUEST_ID"),
    ("CreditInvoice", PART, {"line_no": 9}, REFUSED, "REFUSED"),
    ("CreditInvoice", PART, {"line_no": -1}, REFUSED, "REFUSED"),
    ("CreditInvoice", PART, {"effect": "for good"}, INVALID, "MALFORMED_REQUEST"),
    ("CreditInvoice", PART, {"credit_id": ""}, INVALID, "MALFORMED_REQUEST"),
    ("ReissueInvoice", REISSUE, {}, REFUSED, "REFUSED"),
    ("ReissueInvoice", REISSUE, {"name": "accounts/anna/invoices/R-9"}, MISSING, "INVOICE_UNKNOWN"),
    ("GetStatement", account_statement_pb2.GetStatementRequest(name="accounts/nobody/statement"), {}, MISSING, "NOT_FOUND"),
    ("GetStatement", account_statement_pb2.GetStatementRequest(name="accounts/anna"), {}, INVALID, "MALFORMED_NAME"),
    (
        "GetStatement",
        account_statement_pb2.GetStatementRequest(name="accounts/anna/statement", from_date=day("11-02"), to_date=day("11-02")),
        {},
        INVALID,
        "MALFORMED_REQUEST",
    ),
    ("ListAgeing", account_statement_pb2.ListAgeingRequest(parent="accounts/-"), {}, INVALID, "MALFORMED_REQUEST"),
    ("ListAgeing", account_statement_pb2.ListAgeingRequest(parent="accounts/nobody", as_of=day("11-02")), {}, MISSING, "NOT_FOUND"),
    (
        "ListAgeing",
        account_statement_pb2.ListAgeingRequest(parent="accounts/-", as_of=day("11-02"), page_size=-1),
        {},
        INVALID,
        "PAGE_SIZE",
    ),
    ("ListInvoiceLines", pb.ListInvoiceLinesRequest(parent=ANNA, page_token="1"), {}, INVALID, "PAGE_TOKEN"),  # noqa: S106 -- a place in a list
    ("ListInvoiceLines", pb.ListInvoiceLinesRequest(parent=ANNA, language_code="tlh"), {}, INVALID, "MALFORMED_REQUEST"),
    ("ListInvoiceUsage", pb.ListInvoiceUsageRequest(parent=ANNA, subscription_id="berta-1"), {}, MISSING, "NOT_FOUND"),
    ("ListInvoiceUsage", pb.ListInvoiceUsageRequest(parent="accounts/anna/invoices/R-9"), {}, MISSING, "INVOICE_UNKNOWN"),
    ("ListInvoiceUsage", pb.ListInvoiceUsageRequest(parent=ANNA, subscription_id="\0"), {}, INVALID, "MALFORMED_REQUEST"),
    ("ExplainInvoice", invoice_explanation_pb2.ExplainInvoiceRequest(name=ANNA, line_no=9), {}, REFUSED, "REFUSED"),
    ("ExplainInvoice", invoice_explanation_pb2.ExplainInvoiceRequest(name=ANNA, line_no=-1), {}, INVALID, "MALFORMED_REQUEST"),
    ("ExplainInvoice", invoice_explanation_pb2.ExplainInvoiceRequest(name=ANNA, language_code="tlh"), {}, INVALID, "MALFORMED_REQUEST"),
]


def test_refused(invoices: invoice_service_pb2_grpc.InvoiceServiceStub, billed: World) -> None:
    before = head(billed)
    for method, request, changes, code, reason in REFUSALS:
        refusal = refused(lambda call=method, sent=request, more=changes: send(invoices, call, sent, **more))
        assert (refusal.code, refusal.reason) == (code, reason), (request, changes, refusal)
    assert head(billed) == before


def test_an_amount_in_another_currency_is_refused(invoices: invoice_service_pb2_grpc.InvoiceServiceStub) -> None:
    request = invoice_correction_pb2.CreditInvoiceRequest(line_no=2, amount=money("0.45", "EUR"), **CREDIT)
    assert refused(lambda: invoices.CreditInvoice(request, timeout=DEADLINE_S))[:2] == (INVALID, "MALFORMED_REQUEST")


def test_a_stream_for_an_unknown_invoice_is_refused(invoices: invoice_service_pb2_grpc.InvoiceServiceStub) -> None:
    request = pb.StreamInvoiceUsageRequest(parent="accounts/anna/invoices/R-9")
    assert refused(lambda: list(invoices.StreamInvoiceUsage(request, timeout=DEADLINE_S)))[:2] == (MISSING, "INVOICE_UNKNOWN")


def test_usage_in_pages(invoices: invoice_service_pb2_grpc.InvoiceServiceStub) -> None:
    """One record: a page of one has no page behind it, and lines are on the first page."""
    page = invoices.ListInvoiceUsage(pb.ListInvoiceUsageRequest(parent=ANNA, page_size=1), timeout=DEADLINE_S)
    assert (len(page.usage_records), page.next_page_token, len(page.lines)) == (1, "", 1)
    assert micros(money("0.90")) == page.usage_records[0].charge_micros
