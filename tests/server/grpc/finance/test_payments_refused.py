"""Every reason for which calls of payments are refused, pages that stay as they are, and what hostile clients send."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import sqlalchemy as sa
from google.rpc import error_details_pb2
from google.type import date_pb2, money_pb2
from grpc_status import rpc_status

from billing.payments import recording
from ratewright.v1 import deposit_pb2, payment_agreement_pb2
from ratewright.v1 import payment_service_pb2 as pb
from server.grpc.finance.values import TEXT_CHARACTERS_MAX
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.grpc.finance.asking import bank_file, day, money, payment

if TYPE_CHECKING:
    from ratewright.v1.payment_service_pb2_grpc import PaymentServiceStub
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
INVALID, MISSING, REFUSED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION
ON = {"event_date": day("11-12")}
TAKE = deposit_pb2.TakeDepositRequest(parent="accounts/anna", deposit_id="D-1", amount=money("30"), receive_date=day("11-10"))
RELEASE = {"name": "deposits/D-1", "event_id": "E-1", **ON}
CENTS = money_pb2.Money(currency_code="CNY", units=1, nanos=1_000_000)  # a tenth of a fen
NO_TOKEN = "P-1"  # noqa: S105 -- a place in a list
REFUSALS = [
    ("RecordPayment", payment(account="nobody"), MISSING, "NOT_FOUND", ""),
    ("RecordPayment", payment(account="-"), INVALID, "MALFORMED_NAME", ""),
    ("RecordPayment", payment(account="a/b"), INVALID, "MALFORMED_NAME", ""),
    ("RecordPayment", payment(amount=None), INVALID, "MALFORMED_REQUEST", "amount"),
    ("RecordPayment", payment(amount=money("0")), INVALID, "MALFORMED_REQUEST", ""),
    ("RecordPayment", payment("P-2", CENTS), INVALID, "MALFORMED_REQUEST", ""),
    ("RecordPayment", payment(amount=money_pb2.Money(units=1, nanos=1)), INVALID, "MALFORMED_REQUEST", "amount"),
    ("RecordPayment", payment(amount=money_pb2.Money(units=1, nanos=-1_000)), INVALID, "MALFORMED_REQUEST", "amount"),
    ("RecordPayment", payment(amount=money_pb2.Money(nanos=1_000_000_000)), INVALID, "MALFORMED_REQUEST", "amount"),
    ("RecordPayment", payment(amount=money_pb2.Money(units=2**63 - 1)), INVALID, "MALFORMED_REQUEST", "amount"),
    ("RecordPayment", payment(amount=money_pb2.Money(currency_code="yuan", units=1)), INVALID, "MALFORMED_REQUEST", "amount"),
    ("RecordPayment", payment(amount=money("1.00", "EUR")), REFUSED, "REFUSED", ""),
    ("RecordPayment", payment(receive_date=None), INVALID, "MALFORMED_REQUEST", "receive_date"),
    ("RecordPayment", payment(receive_date=date_pb2.Date(year=2025, month=2, day=30)), INVALID, "MALFORMED_REQUEST", "receive_date"),
    ("RecordPayment", payment(receive_date=date_pb2.Date(year=1, month=1, day=1)), INVALID, "MALFORMED_REQUEST", "receive_date"),
    ("RecordPayment", payment(receive_date=day("12-31")), INVALID, "MALFORMED_REQUEST", ""),
    ("RecordPayment", payment(invoices=["R-2"]), REFUSED, "REFUSED", ""),
    ("RecordPayment", payment(""), INVALID, "MALFORMED_REQUEST", ""),
    ("RecordPayment", payment("a\0b"), INVALID, "MALFORMED_REQUEST", "payment_id"),
    ("RecordPayment", payment(reference="x" * (TEXT_CHARACTERS_MAX + 1)), INVALID, "MALFORMED_REQUEST", "reference"),
    ("RecordPayment", payment(invoices=["R\0"]), INVALID, "MALFORMED_REQUEST", "invoices"),
    ("RecordPayment", payment(till="../front"), INVALID, "MALFORMED_REQUEST", ""),
    ("ImportBankFile", bank_file(file_name="../bank.csv"), INVALID, "MALFORMED_REQUEST", "file_name"),
    ("ImportBankFile", bank_file(mapping="name: ["), INVALID, "MALFORMED_REQUEST", ""),
    ("ImportBankFile", bank_file(mapping="\0"), INVALID, "MALFORMED_REQUEST", "mapping"),
    ("ImportBankFile", bank_file(content=b"\xff\xfe"), REFUSED, "REFUSED", ""),
    ("AllocateBankLine", pb.AllocateBankLineRequest(name="bankLines/X", account="accounts/anna"), MISSING, "NOT_FOUND", ""),
    ("AllocateBankLine", pb.AllocateBankLineRequest(name="bankLines/", account="accounts/anna"), INVALID, "MALFORMED_NAME", ""),
    ("ReturnBankLine", pb.ReturnBankLineRequest(name="lines/X"), INVALID, "MALFORMED_NAME", ""),
    ("RefundPayment", pb.RefundPaymentRequest(event_id="E-1", payment="payments/X", payee="anna", **ON), MISSING, "NOT_FOUND", ""),
    ("RefundPayment", pb.RefundPaymentRequest(event_id="E-1", payee="anna", **ON), INVALID, "MALFORMED_REQUEST", "payment"),
    (
        "RefundPayment",
        pb.RefundPaymentRequest(event_id="E-1", payment="payments/P-1", document="R-1", payee="anna", **ON),
        INVALID,
        "MALFORMED_REQUEST",
        "payment",
    ),
    ("RefundPayment", pb.RefundPaymentRequest(event_id="E-1", document="R-1", payee="anna", **ON), REFUSED, "REFUSED", ""),
    ("RefundPayment", pb.RefundPaymentRequest(event_id="E-1", payment="payments/P-1", payee="anna", **ON), REFUSED, "REFUSED", ""),
    (
        "ChargeBackPayment",
        pb.ChargeBackPaymentRequest(event_id="E-1", payment="payments/P-1", amount=money("1", "EUR"), **ON),
        INVALID,
        "MALFORMED_REQUEST",
        "",
    ),
    (
        "ChargeBackPayment",
        pb.ChargeBackPaymentRequest(event_id="E-1", payment="payments/P-1", amount=money("1"), fee=money("1", "EUR"), **ON),
        INVALID,
        "MALFORMED_REQUEST",
        "fee",
    ),
    ("ReversePayment", pb.ReversePaymentRequest(event_id="E-1", payment="P-1", **ON), INVALID, "MALFORMED_NAME", ""),
    ("ReleaseDeposit", deposit_pb2.ReleaseDepositRequest(**{**RELEASE, "name": "deposits/X"}), MISSING, "NOT_FOUND", ""),
    ("ReleaseDeposit", deposit_pb2.ReleaseDepositRequest(amount=money("99"), **RELEASE), REFUSED, "REFUSED", ""),
    ("RefundDeposit", deposit_pb2.RefundDepositRequest(amount=money("1", "EUR"), **RELEASE), INVALID, "MALFORMED_REQUEST", ""),
    (
        "RecordPromise",
        payment_agreement_pb2.RecordPromiseRequest(
            parent="accounts/anna", promise_id="M-1", amount=money("4", "EUR"), promise_date=day("11-08"), due_date=day("11-11")
        ),
        INVALID,
        "MALFORMED_REQUEST",
        "",
    ),
    (
        "EndInstalmentPlan",
        payment_agreement_pb2.EndInstalmentPlanRequest(name="instalmentPlans/X", end_date=day("11-12")),
        MISSING,
        "NOT_FOUND",
        "",
    ),
    ("ListPayments", pb.ListPaymentsRequest(parent="accounts/nobody"), MISSING, "NOT_FOUND", ""),
    ("ListPayments", pb.ListPaymentsRequest(parent="anna"), INVALID, "MALFORMED_NAME", ""),
    ("ListPayments", pb.ListPaymentsRequest(parent="accounts/-", page_size=-1), INVALID, "PAGE_SIZE", "page_size"),
    ("ListPayments", pb.ListPaymentsRequest(parent="accounts/-", page_token=NO_TOKEN), INVALID, "PAGE_TOKEN", "page_token"),
    ("ListDeposits", deposit_pb2.ListDepositsRequest(parent="accounts/nobody"), MISSING, "NOT_FOUND", ""),
    ("ListReceipts", pb.ListReceiptsRequest(till="\0"), INVALID, "MALFORMED_REQUEST", "till"),
    (
        "ListPromises",
        payment_agreement_pb2.ListPromisesRequest(parent="accounts/-", as_of=date_pb2.Date(year=2025)),
        INVALID,
        "MALFORMED_REQUEST",
        "as_of",
    ),
]


def test_refused(payments: PaymentServiceStub) -> None:
    """P-1 has paid all of its 4.00 to anna's invoice; D-1 is held. Each refusal leaves the payments as they are."""
    payments.RecordPayment(payment(), timeout=DEADLINE_S)
    payments.TakeDeposit(TAKE, timeout=DEADLINE_S)
    for method, request, code, reason, field in REFUSALS:
        refusal = refused(lambda call=method, sent=request: getattr(payments, call)(sent, timeout=DEADLINE_S))
        assert (refusal.code, refusal.reason) == (code, reason), (request, refusal)
        if field:
            assert refusal.metadata["field"] == field
        else:
            assert {"remedy", "form"} & refusal.metadata.keys()
    assert len(payments.ListPayments(pb.ListPaymentsRequest(parent="accounts/-"), timeout=DEADLINE_S).payments) == 1


def violations(error: grpc.RpcError) -> list[tuple[str, str]]:
    """Fields at fault, as google.rpc.BadRequest has them."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # it is a call as well
    assert status is not None
    found = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(found)
    return [(each.field, each.description) for each in found.field_violations]


def test_fields_at_fault_are_named(payments: PaymentServiceStub) -> None:
    """A field of the message; and the places of mistakes in a file, of which the first eight are told."""
    with pytest.raises(grpc.RpcError) as raised:
        payments.RecordPayment(payment(receive_date=None), timeout=DEADLINE_S)
    assert [field for field, _ in violations(raised.value)] == ["receive_date"]
    content = b"id,booked,amount,currency,payer,purpose\n" + b"T,2025-11-10,much,CNY,anna,x\n" * 20
    with pytest.raises(grpc.RpcError) as raised:
        payments.ImportBankFile(bank_file(content=content), timeout=DEADLINE_S)
    found = violations(raised.value)
    assert [field for field, _ in found] == [f"bank.csv: line {number}" for number in range(2, 10)]
    assert "much" in found[0][1]


def test_a_line_is_decided_once(payments: PaymentServiceStub) -> None:
    payments.ImportBankFile(bank_file(), timeout=DEADLINE_S)
    payments.ReturnBankLine(pb.ReturnBankLineRequest(name="bankLines/CB/T-2"), timeout=DEADLINE_S)
    assign = pb.AllocateBankLineRequest(name="bankLines/CB/T-2", account="accounts/anna")
    refusal = refused(lambda: payments.AllocateBankLine(assign, timeout=DEADLINE_S))
    assert refusal[:2] == (REFUSED, "REFUSED")
    assert "was returned by" in refusal.message


def listed(payments: PaymentServiceStub, parent: str, size: int, between: Any = None) -> list[str]:  # noqa: ANN401 -- a function
    """Ids of payments, page by page; `between` is called after each page."""
    found, token = [], ""
    while True:
        page = payments.ListPayments(pb.ListPaymentsRequest(parent=parent, page_size=size, page_token=token), timeout=DEADLINE_S)
        found += [each.payment_id for each in page.payments]
        token = page.next_page_token
        if not token:
            return found
        if between is not None:
            between()


def test_pages_stay_while_payments_come(payments: PaymentServiceStub) -> None:
    """Ids that sort in front of all others come behind: pages are in the order of recording."""
    ids = [f"P-{number}" for number in range(9, 4, -1)]
    for each in ids:
        payments.RecordPayment(payment(each, "1.00"), timeout=DEADLINE_S)
    assert listed(payments, "accounts/-", 2) == listed(payments, "accounts/anna", 5) == ids
    assert listed(payments, "accounts/berta", 5) == []
    more = iter(("A-1", "A-2", "A-3"))

    def record() -> None:
        new = next(more, None)
        if new is not None:
            payments.RecordPayment(payment(new, "1.00", "berta"), timeout=DEADLINE_S)

    assert listed(payments, "accounts/-", 2, record) == [*ids, "A-1", "A-2", "A-3"]


def test_a_page_token_is_of_one_query(payments: PaymentServiceStub) -> None:
    for each in ("P-1", "P-2"):
        payments.RecordPayment(payment(each), timeout=DEADLINE_S)
    token = payments.ListPayments(pb.ListPaymentsRequest(parent="accounts/-", page_size=1), timeout=DEADLINE_S).next_page_token
    for other in (
        lambda: payments.ListPayments(pb.ListPaymentsRequest(parent="accounts/anna", page_token=token), timeout=DEADLINE_S),
        lambda: payments.ListPaymentEvents(pb.ListPaymentEventsRequest(parent="accounts/-", page_token=token), timeout=DEADLINE_S),
        lambda: payments.ListDeposits(deposit_pb2.ListDepositsRequest(parent="accounts/-", page_token=token), timeout=DEADLINE_S),
    ):
        assert refused(other)[:2] == (INVALID, "PAGE_TOKEN")


def test_pages_of_the_other_lists(payments: PaymentServiceStub, billed: World) -> None:
    """Of each list the second page begins behind the first one, also where its last line was decided meanwhile."""
    payments.ImportBankFile(bank_file(), timeout=DEADLINE_S)
    first = payments.ListBankLines(pb.ListBankLinesRequest(page_size=1), timeout=DEADLINE_S)
    payments.ReturnBankLine(pb.ReturnBankLineRequest(name=first.bank_lines[0].name), timeout=DEADLINE_S)
    rest = payments.ListBankLines(pb.ListBankLinesRequest(page_size=1, page_token=first.next_page_token), timeout=DEADLINE_S)
    assert [each.name for each in (*first.bank_lines, *rest.bank_lines)] == ["bankLines/CB/T-2", "bankLines/CB/T-4"]
    for place, amount in enumerate(("1", "2", "3")):
        deposit = deposit_pb2.TakeDepositRequest(
            parent="accounts/anna", deposit_id=f"D-{place}", amount=money(amount), receive_date=day("11-10")
        )
        payments.TakeDeposit(deposit, timeout=DEADLINE_S)
        back = deposit_pb2.RefundDepositRequest(name=f"deposits/D-{place}", event_id=f"B-{place}", **ON)
        payments.RefundDeposit(back, timeout=DEADLINE_S)
        promise = payment_agreement_pb2.RecordPromiseRequest(
            parent="accounts/anna", promise_id=f"M-{place}", amount=money(amount), promise_date=day("11-08"), due_date=day("11-11")
        )
        payments.RecordPromise(promise, timeout=DEADLINE_S)
        plan = payment_agreement_pb2.AgreeInstalmentPlanRequest(
            parent="accounts/anna", plan_id=f"I-{place}", agree_date=day("11-10"), equal_parts=1, first_date=day("11-30")
        )
        payments.AgreeInstalmentPlan(plan, timeout=DEADLINE_S)
        payments.RecordPayment(payment(f"P-{place}", "1.00", "berta"), timeout=DEADLINE_S)
        payments.ReversePayment(pb.ReversePaymentRequest(event_id=f"E-{place}", payment=f"payments/P-{place}", **ON), timeout=DEADLINE_S)
    assert billed.numbers()
    for method, kind, rows, name, ids in (
        (payments.ListDeposits, deposit_pb2.ListDepositsRequest, "deposits", "name", ["deposits/D-0", "deposits/D-1", "deposits/D-2"]),
        (payments.ListPromises, payment_agreement_pb2.ListPromisesRequest, "promises", "name",
         ["promises/M-0", "promises/M-1", "promises/M-2"]),
        (payments.ListInstalmentPlans, payment_agreement_pb2.ListInstalmentPlansRequest, "instalment_plans", "name",
         ["instalmentPlans/I-0", "instalmentPlans/I-1", "instalmentPlans/I-2"]),
        (payments.ListPaymentEvents, pb.ListPaymentEventsRequest, "payment_events", "event_id", ["E-0", "E-1", "E-2"]),
    ):  # fmt: skip
        for parent in ("accounts/-", "accounts/berta" if rows == "payment_events" else "accounts/anna"):
            found, token = [], ""
            for _ in ids:
                page = method(kind(parent=parent, page_size=1, page_token=token), timeout=DEADLINE_S)
                found += [getattr(each, name) for each in getattr(page, rows)]
                token = page.next_page_token
            assert (found, token) == (ids, "")


@pytest.mark.sqlite
@pytest.mark.parametrize("account", [None, "anna"])
def test_no_page_of_payments_reads_a_table(payments: PaymentServiceStub, billed: World, account: str | None) -> None:
    """Of all accounts payments come in the order of an index; the rest of a page is looked up for its few payments."""
    for each in ("P-1", "P-2", "P-3"):
        payments.RecordPayment(payment(each, "1.00"), timeout=DEADLINE_S)
    sent: list[tuple[str, Any]] = []

    def note(*told: Any) -> None:  # noqa: ANN401 -- an event of the database
        sent.append((told[2], told[3]))

    with billed.home.connect() as connection:
        sa.event.listen(connection.engine, "before_cursor_execute", note)
        try:
            assert len(recording.list_payments(billed.home, account, after="P-1", limit=1)) == 1
        finally:
            sa.event.remove(connection.engine, "before_cursor_execute", note)
        queries = [(text, values) for text, values in sent if text.startswith("SELECT") and "payments" in text]
        assert queries
        for text, values in queries:
            plan = "\n".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values))
            assert not re.search(r"^SCAN (?!payments USING INDEX ix_payments_commit_seq|CONSTANT)", plan, re.MULTILINE), plan
            assert account is not None or "TEMP B-TREE" not in plan or "GROUP BY" in plan, plan
