"""Answers with the fields alone that a caller asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing import payments
from ratewright.v1 import bill_run_service_pb2, bill_run_service_pb2_grpc, invoice_service_pb2_grpc, payment_service_pb2_grpc
from ratewright.v1 import invoice_service_pb2 as pb
from server.grpc import field_masks
from tests.server.access.test_approvals import refusal
from tests.server.grpc.finance.asking import payment
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
ALL = pb.ListInvoicesRequest(parent="accounts/-")


@pytest.fixture
def billed(guarded: Guarded) -> Guarded:
    """Two invoices."""
    guarded.world.catch_up()
    bill_two(guarded.world)
    return guarded


def stub(guarded: Guarded, fields: str) -> Any:  # noqa: ANN401 -- a stub
    return invoice_service_pb2_grpc.InvoiceServiceStub(guarded.channel("boss", (field_masks.HEADER, fields)))


def test_fields_of_messages_in_lists_and_inside_of_others(billed: Guarded) -> None:
    whole = stub(billed, "").ListInvoices(ALL, timeout=20)
    found = stub(billed, "invoices.number, invoices.total.units,next_page_token").ListInvoices(ALL, timeout=20)
    assert [each.number for each in found.invoices] == ["R-0000000001", "R-0000000002"]
    assert [each.total.units for each in found.invoices] == [each.total.units for each in whole.invoices] == [11, 10]
    assert {field.name for each in found.invoices for field, _ in each.ListFields()} == {"number", "total"}
    assert [each.total.currency_code for each in found.invoices] == ["", ""]
    name = "accounts/anna/invoices/R-0000000001"
    lines = stub(billed, "lines").GetInvoice(pb.GetInvoiceRequest(name=name), timeout=20)
    assert [field.name for field, _ in lines.ListFields()] == ["lines"]
    assert list(lines.lines) == list(stub(billed, "").GetInvoice(pb.GetInvoiceRequest(name=name), timeout=20).lines)


@pytest.mark.parametrize("fields", ["invoices.nothing", "nothing", "invoices.number.more", ",", "invoices..number", "x" * 2_001])
def test_fields_that_the_answer_does_not_have(billed: Guarded, fields: str) -> None:
    found = refusal(stub(billed, fields).ListInvoices, ALL)
    assert found == (grpc.StatusCode.INVALID_ARGUMENT, "FIELDS", field_masks.HEADER)


def test_a_write_with_fields_that_are_not_there_does_nothing(billed: Guarded) -> None:
    made = payment_service_pb2_grpc.PaymentServiceStub(billed.channel("boss", (field_masks.HEADER, "nothing")))
    assert refusal(made.RecordPayment, payment())[1] == "FIELDS"
    assert payments.list_payments(billed.home, None) == []


@pytest.mark.parametrize("fields", ["left_out.key", "left_out.value", "bill_date.year.more"])
def test_nothing_below_a_map_is_named(billed: Guarded, fields: str) -> None:
    """A map is wanted whole or not at all: `left_out` of a run."""
    reads = bill_run_service_pb2_grpc.BillRunServiceStub(
        billed.channel("boss", (field_masks.HEADER, fields.replace("status_counts", "left_out")))
    )
    assert refusal(reads.GetBillRun, bill_run_service_pb2.GetBillRunRequest(name="billRuns/1"))[1] == "FIELDS"
    whole = bill_run_service_pb2_grpc.BillRunServiceStub(billed.channel("boss", (field_masks.HEADER, "left_out")))
    found = whole.GetBillRun(bill_run_service_pb2.GetBillRunRequest(name="billRuns/1"), timeout=20)
    assert [field.name for field, _ in found.ListFields()] in ([], ["left_out"])
