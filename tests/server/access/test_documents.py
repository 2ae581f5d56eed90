"""Documents and payments behind the entrance: masks, subjects in the trail, calls that count once, other work under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pyarrow as pa
import pytest

from billing.accounts import lookup
from billing.runs.lock import only_run
from billing.store import tables
from ratewright.v1 import account_statement_pb2, invoice_correction_pb2, invoice_service_pb2_grpc, payment_service_pb2_grpc
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import payment_service_pb2 as payment_pb
from server.access import showing
from server.grpc import entrance
from tests.billing.runs.world import Call
from tests.server.access.test_approvals import refusal
from tests.server.access.test_entrance import reason_of

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
OTHER = "8613900000001"
REASON = (entrance.REASON_HEADER, "disputes a call")


@pytest.fixture
def billed(guarded: Guarded) -> Guarded:
    """An account with one call on its first bill."""
    world = guarded.world
    world.catch_up()
    world.account("anna", opened_on="2025-12-01")
    world.subscription("anna-1", "anna", "shop/basic", "8613800000001", from_date="2025-12-01")
    world.take(Call("8613800000001", "2025-12-10T10:00:00", 61))
    world.bill("2026-01-01")
    guarded.now_us = max(guarded.now_us, world.now_us)
    for name in ("the-finance", "the-support", "the-auditor", "the-approver"):
        guarded.issue(name, days=90)
    return guarded


def stub(guarded: Guarded, name: str, *metadata: tuple[str, str]) -> Any:  # noqa: ANN401 -- a stub
    return invoice_service_pb2_grpc.InvoiceServiceStub(guarded.channel(name, *metadata))


def seen(guarded: Guarded, name: str, *metadata: tuple[str, str]) -> set[tuple[str, str]]:
    """The numbers of both parties in pages and as Arrow."""
    parent = f"accounts/anna/invoices/{guarded.world.numbers('anna')[0]}"
    reads = stub(guarded, name, *metadata)
    rows = reads.ListInvoiceUsage(pb.ListInvoiceUsageRequest(parent=parent), timeout=20).usage_records
    found = {(each.number, each.other) for each in rows}
    for part in reads.StreamInvoiceUsage(pb.StreamInvoiceUsageRequest(parent=parent), timeout=20):
        table = pa.ipc.open_stream(part.arrow_ipc).read_all()
        found |= set(zip(table["number"].to_pylist(), table["other"].to_pylist(), strict=True))
    return found


def test_numbers_of_both_parties_are_masked(billed: Guarded) -> None:
    whole, masked = {("8613800000001", OTHER)}, {("*********0001", "*********0001")}
    assert seen(billed, "the-finance") == whole
    assert seen(billed, "the-support") == masked
    assert seen(billed, "the-support", REASON) == whole
    assert seen(billed, "the-auditor", REASON) == masked


def test_reads_of_usage_have_their_subject_and_reason(billed: Guarded) -> None:
    seen(billed, "the-support", REASON)
    subject = f"account {lookup.key_of(billed.home, 'anna')}, document {billed.world.numbers('anna')[0]}"
    found = [(each.outcome, each.subject, each.reason) for each in showing.entries(billed.home) if each.operator == "the-support"]
    assert found == [("OK", subject, REASON[1]), ("OPENED", subject, REASON[1]), ("OK", subject, REASON[1])]


def test_other_work_in_the_home_is_named_without_its_place(billed: Guarded) -> None:
    finance = stub(billed, "the-finance")
    name = f"accounts/anna/invoices/{billed.world.numbers('anna')[0]}"
    request = invoice_correction_pb2.VoidInvoiceRequest(name=name, reason="wrong", request_id="v-1")
    with only_run(billed.home, "a run", billed.now_us), pytest.raises(grpc.RpcError) as raised:
        finance.VoidInvoice(request, timeout=20)
    assert (raised.value.code(), reason_of(raised.value)) == (grpc.StatusCode.UNAVAILABLE, "HOME_BUSY")
    assert str(billed.home.path) not in raised.value.details()
    assert finance.VoidInvoice(request, timeout=20).number == billed.world.numbers("anna")[0]
    with billed.home.connect() as connection:
        row = connection.execute(tables.commits.select().order_by(tables.commits.c.commit_seq.desc()).limit(1)).one()
    assert (row.by_name, row.request_id, row.subject) == (
        "the-finance",
        "v-1",
        f"account {lookup.key_of(billed.home, 'anna')}, document {name[-12:]}",
    )


def test_an_explanation_holds_numbers_so_few_roles_may_ask_for_it(billed: Guarded) -> None:
    code, reason, _ = refusal(stub(billed, "the-approver").ExplainInvoice, pb.ListInvoicesRequest())
    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")


def test_a_call_without_an_effect_protects_its_id_as_well(billed: Guarded) -> None:
    """The payment was recorded before, under another request id: the second id has an answer, and no other payment under it."""
    finance: Any = payment_service_pb2_grpc.PaymentServiceStub(billed.channel("the-finance"))

    def request(request_id: str, payment_id: str, units: int) -> payment_pb.RecordPaymentRequest:
        return payment_pb.RecordPaymentRequest(
            request_id=request_id, payment_id=payment_id, parent="accounts/anna", reference="x",
            amount={"currency_code": "CNY", "units": units}, receive_date={"year": 2025, "month": 12, "day": 10},
        )  # fmt: skip

    assert not finance.RecordPayment(request("a", "p1", 1), timeout=20).already_recorded
    second = finance.RecordPayment(request("b", "p1", 1), timeout=20)
    assert second.already_recorded
    assert finance.RecordPayment(request("b", "p1", 1), timeout=20) == second
    code, reason, field = refusal(finance.RecordPayment, request("b", "p2", 7))
    assert (code, reason, field) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED", "amount")
    with billed.home.connect() as connection:
        assert len(connection.execute(tables.payments.select()).all()) == 1


def test_names_on_documents_are_masked(billed: Guarded) -> None:
    """Names of customers, who is paid, free text, and ids of records, which may hold a number."""
    name = f"accounts/anna/invoices/{billed.world.numbers('anna')[0]}"
    payments: Any = payment_service_pb2_grpc.PaymentServiceStub(billed.channel("the-finance"))
    day = {"year": 2026, "month": 1, "day": 1}
    paid = payment_pb.RecordPaymentRequest(
        payment_id="p1",
        parent="accounts/anna",
        amount={"currency_code": "CNY", "units": 100},
        receive_date=day,
    )
    payments.RecordPayment(paid, timeout=20)
    back = payment_pb.RefundPaymentRequest(
        payment="payments/p1",
        event_id="r1",
        payee="Anna Berger, DE02 1203",
        reason="paid twice by Anna",
        event_date=day,
    )
    payments.RefundPayment(back, timeout=20)
    for role, customer, payee, reason, record in (
        ("the-finance", "Customer anna", "Anna Berger, DE02 1203", "paid twice by Anna", "8613800000001 2025-12-10T10:00:00"),
        ("the-support", "C***", "A***", "", ""),
        ("the-auditor", "C***", "A***", "", ""),
    ):
        reads = stub(billed, role)
        assert reads.GetInvoice(pb.GetInvoiceRequest(name=name), timeout=20).account_display_name == customer
        listed = reads.ListInvoices(pb.ListInvoicesRequest(parent="accounts/anna"), timeout=20).invoices
        assert {each.account_display_name for each in listed} == {customer}
        asked = account_statement_pb2.GetStatementRequest(name="accounts/anna/statement")
        assert reads.GetStatement(asked, timeout=20).account_display_name == customer
        rows = reads.ListInvoiceUsage(pb.ListInvoiceUsageRequest(parent=name), timeout=20).usage_records
        assert {each.record_id for each in rows} == {record}
        events = payment_service_pb2_grpc.PaymentServiceStub(billed.channel(role)).ListPaymentEvents
        (event,) = events(payment_pb.ListPaymentEventsRequest(parent="accounts/anna"), timeout=20).payment_events
        assert (event.payee, event.reason) == (payee, reason)
