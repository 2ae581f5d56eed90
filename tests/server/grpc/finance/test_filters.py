"""Filters and orders of documents: which documents they give, which are refused, and that no table is read from end to end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import grpc
import pytest

from billing.invoicing import listing
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2_grpc
from server.grpc.finance import filters
from tests.billing.documents.clerk import credit
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.grpc.finance.asking import money, payment

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from ratewright.v1.payment_service_pb2_grpc import PaymentServiceStub
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
INVALID = grpc.StatusCode.INVALID_ARGUMENT
R1, R2, C1 = "R-0000000001", "R-0000000002", "C-0000000001"


@pytest.fixture
def found(channel: grpc.Channel, billed: World, payments: PaymentServiceStub) -> Callable[..., list[str]]:
    """Numbers by filter and order. R-1 of anna is 11.55 and paid but for 0.48, which C-1 of 5 November credits; R-2 of berta is 10.60."""
    credit(billed, R1, 2, 45, reference="N-1")
    payments.RecordPayment(payment(amount=money("11.07")), timeout=DEADLINE_S)
    stub = invoice_service_pb2_grpc.InvoiceServiceStub(channel)

    def ask(filter_: str = "", order_by: str = "", parent: str = "accounts/-", size: int = 1) -> list[str]:
        numbers, token = [], ""
        while True:
            request = pb.ListInvoicesRequest(parent=parent, filter=filter_, order_by=order_by, page_size=size, page_token=token)
            page = stub.ListInvoices(request, timeout=DEADLINE_S)
            numbers += [each.number for each in page.invoices]
            token = page.next_page_token
            if not token:
                return numbers

    return ask


SERVED = [
    # filter, order, numbers
    ("", "", [C1, R1, R2]),
    ("", "number desc", [R2, R1, C1]),
    ("", "issue_date", [R1, R2, C1]),
    ("", "issue_date desc", [C1, R2, R1]),
    ("number = R-1", "", [R1]),
    ('number = "R-0000000001"', "", [R1]),
    ("number > R-1", "", [R2]),
    ("number >= R-1 AND number <= R-2 AND total > 11", "", [R1]),
    ("number >= R-1 AND number <= R-2 AND total < 11.55", "", [R2]),
    ("number>=C-1 AND number<=R-2 AND open=true", "", [R2]),
    ("number >= C-1 AND number <= R-2 AND open = false AND void = false", "", [C1, R1]),
    ("issue_date = 2025-11-01", "issue_date", [R1, R2]),
    ("issue_date > 2025-11-01", "issue_date", [C1]),
    ("issue_date >= 2025-11-01 AND issue_date <= 2025-11-05 AND document_type = credit_note", "issue_date", [C1]),
    ("issue_date >= 2025-11-01 AND issue_date < 2025-11-05 AND open_amount >= 10.60", "issue_date desc", [R2]),
    ("run_id = 1", "", [R1, R2]),
    ("run_id = 1 AND total = 10.60", "total desc", [R2]),
    ("account = accounts/anna", "", [C1, R1]),
    ("account = accounts/anna AND due_date > 2025-01-01 AND net > 0 AND tax < 1", "due_date", [R1]),
]


def test_served(found: Callable[..., list[str]]) -> None:
    for text, order, numbers in SERVED:
        assert found(text, order) == found(text, order, size=50) == numbers, (text, order)


def test_of_one_account_everything_is_served(found: Callable[..., list[str]]) -> None:
    for order in listing.ORDERS:
        assert set(found("total >= -1", order, "accounts/anna")) == {R1, C1}
        assert found("void = true", order, "accounts/anna") == []
        assert found("open = true", order, "accounts/berta") == [R2]
    assert found("", "total", "accounts/anna") == [C1, R1]
    assert found("", "total desc", "accounts/anna") == [R1, C1]


REFUSED = [
    # filter, order, reason
    ("open = true", "", "FILTER_NOT_SERVED"),
    ("issue_date = 2025-11-01", "", "FILTER_NOT_SERVED"),
    ("issue_date > 2025-11-01 AND open = true", "issue_date", "FILTER_NOT_SERVED"),
    ("number > R-1 AND total > 1", "", "FILTER_NOT_SERVED"),
    ("", "total", "FILTER_NOT_SERVED"),
    ("number = R-1", "due_date", "FILTER_NOT_SERVED"),
    ("total", "", "FILTER"),
    ("total > ", "", "FILTER"),
    ("total > much", "", "FILTER"),
    ("total > 1 OR total < 5", "", "FILTER"),
    ("total > 1 total < 5", "", "FILTER"),
    ("AND total > 1", "", "FILTER"),
    ("total > 1 AND", "", "FILTER"),
    ("(total > 1)", "", "FILTER"),
    ("total != 1", "", "FILTER"),
    ("customer = anna", "", "FILTER"),
    ("open > true", "", "FILTER"),
    ("open = yes", "", "FILTER"),
    ("run_id = -1", "", "FILTER"),
    ("run_id = 99999999999999999999", "", "FILTER"),
    ("issue_date = 2025-02-30", "issue_date", "FILTER"),
    ('number = "R-1', "", "FILTER"),
    ('number = "R\0"', "", "FILTER"),
    ("number = R-1; DROP TABLE invoices", "", "FILTER"),
    ("total > 1 AND " * 200 + "total > 1", "", "FILTER"),
    ("account = anna", "", "MALFORMED_NAME"),
    ("", "number up", "ORDER_BY"),
    ("", "account", "ORDER_BY"),
    ("", "number, total", "ORDER_BY"),
]


def test_refused(found: Callable[..., list[str]]) -> None:
    for text, order, reason in REFUSED:
        refusal = refused(lambda asked=text, by=order: found(asked, by))
        assert refusal[:2] == (INVALID, reason), (text, order)


def test_a_word_in_quotes_is_taken_as_it_is(found: Callable[..., list[str]]) -> None:
    assert found("number = \"R-1' OR '1'='1\"") == []
    assert found('number = "a \\"quoted\\" one"') == []


def test_pages_stay_while_documents_come(found: Callable[..., list[str]], channel: grpc.Channel, billed: World) -> None:
    """C-2 sorts in front of the second page by number, and behind it by day: nobody is given twice, and none is left out."""
    stub = invoice_service_pb2_grpc.InvoiceServiceStub(channel)
    orders = ("number", "number desc", "issue_date", "issue_date desc")
    first = {
        order: stub.ListInvoices(pb.ListInvoicesRequest(parent="accounts/-", order_by=order, page_size=2), timeout=DEADLINE_S)
        for order in orders
    }
    billed.catch_up()
    credit(billed, R2, 1, 100, reference="N-2", on="2025-11-12")
    rest = {
        order: stub.ListInvoices(
            pb.ListInvoicesRequest(parent="accounts/-", order_by=order, page_size=9, page_token=page.next_page_token), timeout=DEADLINE_S
        )
        for order, page in first.items()
    }
    numbers = {order: [each.number for each in (*first[order].invoices, *rest[order].invoices)] for order in orders}
    assert numbers == {
        "number": [C1, R1, R2],
        "number desc": [R2, R1, "C-0000000002", C1],
        "issue_date": [R1, R2, C1, "C-0000000002"],
        "issue_date desc": [C1, R2, R1],
    }
    other = pb.ListInvoicesRequest(parent="accounts/-", order_by="issue_date", page_token=first["number"].next_page_token)
    assert refused(lambda: stub.ListInvoices(other, timeout=DEADLINE_S))[:2] == (INVALID, "PAGE_TOKEN")
    assert found() == [C1, "C-0000000002", R1, R2]


def plan(world: World, query: sa.Select[tuple[object, ...]]) -> str:
    """The plan of SQLite for a query."""
    with world.home.connect() as connection:
        text = query.compile(connection.engine, compile_kwargs={"literal_binds": True})
        return "\n".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))


@pytest.mark.sqlite
def test_no_list_reads_a_table(billed: World) -> None:
    """Without a filter rows come by an index in the order of the list, and the reading ends with the page."""
    for text, order, _ in SERVED:
        wanted = filters.parse(text, order, None, lambda number: number)
        for after in ("", R1):
            told = plan(billed, listing.select(wanted, after, 51))
            scanned = re.findall(r"^SCAN (invoices\b.*)", told, re.MULTILINE)
            assert all("USING INDEX" in each and not text for each in scanned), told
            assert not re.search(r"^SCAN (?!invoices\b)", told, re.MULTILINE), told
            is_narrow = "run_id" in text or "account" in text
            assert is_narrow or "USE TEMP B-TREE" not in told, told
