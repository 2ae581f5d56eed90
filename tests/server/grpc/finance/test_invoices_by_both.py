"""Acts on invoices by a call and by a command: the same answers on two homes that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pyarrow as pa
import pytest

from ratewright.v1 import account_statement_pb2, invoice_correction_pb2, invoice_explanation_pb2, invoice_service_pb2_grpc
from ratewright.v1 import invoice_service_pb2 as pb
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.grpc.finance.asking import day, iso, micros, money, payment, tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from ratewright.v1.payment_service_pb2_grpc import PaymentServiceStub
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ANNA = "accounts/anna/invoices/R-0000000001"


@pytest.fixture
def invoices(channel: grpc.Channel, billed: World) -> invoice_service_pb2_grpc.InvoiceServiceStub:
    assert billed.numbers() == ["R-0000000001", "R-0000000002"]
    return invoice_service_pb2_grpc.InvoiceServiceStub(channel)


def as_void(answer: invoice_correction_pb2.VoidInvoiceResponse) -> dict[str, Any]:
    return {
        "number": answer.number,
        "document_type": answer.document_type,
        "account_id": tail(answer.account),
        "currency": answer.total.currency_code,
        "on_date": iso(answer.void_date),
        "net_micros": micros(answer.net),
        "tax_micros": micros(answer.tax),
        "total_micros": micros(answer.total),
        "postings": answer.postings,
        "freed": {each.credit: micros(each.amount) for each in answer.freed},
        "run_kind": answer.run_kind,
        "dry_run": answer.tried,
        "needs_second": answer.needs_second,
        "proposal": answer.proposal,
    }


def as_note(answer: invoice_correction_pb2.CreditInvoiceResponse) -> dict[str, Any]:
    return {
        "number": answer.number,
        "about": answer.about,
        "account_id": tail(answer.account),
        "currency": answer.total.currency_code,
        "issued_on": iso(answer.issue_date),
        "net_micros": micros(answer.net),
        "tax_micros": micros(answer.tax),
        "total_micros": micros(answer.total),
        "existed": answer.already_recorded,
        "voided_on": iso(answer.void_date),
        "needs_second": answer.needs_second,
        "proposal": answer.proposal,
    }


def test_a_credit_of_a_line(invoices: invoice_service_pb2_grpc.InvoiceServiceStub, twin: World, command: Callable[..., Any]) -> None:
    """Of the line of 0.90 half is credited: 0.45 and 0.03 of tax; then all that is left, 11.07."""
    line = invoice_correction_pb2.CreditInvoiceRequest(
        name=ANNA, credit_id="N-1", line_no=2, amount=money("0.45"), effect="outside", reason_code="goodwill", credit_date=day("11-05")
    )
    words = ("invoice", "credit", "R-1", "--effect", "outside", "--reason", "goodwill", "--date", "2025-11-05")
    for existed in (False, True):
        answer = invoices.CreditInvoice(line, timeout=DEADLINE_S)
        assert as_note(answer) == command(twin, *words, "--id", "N-1", "--line", "2", "--amount", "0.45")
        assert (micros(answer.total), answer.already_recorded) == (-480_000, existed)
    whole = invoice_correction_pb2.CreditInvoiceRequest(
        name=ANNA, credit_id="N-2", effect="outside", reason_code="goodwill", credit_date=day("11-05")
    )
    answer = invoices.CreditInvoice(whole, timeout=DEADLINE_S)
    assert as_note(answer) == command(twin, *words, "--id", "N-2")
    assert micros(answer.total) == -11_070_000


def test_a_void_and_what_bills_it_again(
    invoices: invoice_service_pb2_grpc.InvoiceServiceStub, twin: World, command: Callable[..., Any]
) -> None:
    void = invoice_correction_pb2.VoidInvoiceRequest(name=ANNA, reason="wrong address", void_date=day("11-10"))
    answer = invoices.VoidInvoice(void, timeout=DEADLINE_S)
    assert as_void(answer) == command(twin, "invoice", "void", "R-1", "--reason", "wrong address", "--date", "2025-11-10")
    again = pb.ReissueInvoiceRequest(name=ANNA)
    tried = invoices.ReissueInvoice(pb.ReissueInvoiceRequest(name=ANNA, validate_only=True), timeout=DEADLINE_S)
    told = command(twin, "invoice", "reissue", "R-1", "--dry-run")
    assert (tried.state, tried.drafts, tried.refused) == ("preview", len(told["drafts"]), told["refused"]) == ("preview", 1, "")
    assert [micros(each) for each in tried.totals] == [11_550_000]
    made = invoices.ReissueInvoice(again, timeout=DEADLINE_S)
    told = command(twin, "invoice", "reissue", "R-1")
    assert (made.run_id, made.state, made.drafts) == (told["run_id"], told["state"], told["drafts"])
    assert [(each.number, micros(each.total)) for each in made.invoices] == [
        (each["number"], each["total_micros"]) for each in told["invoices"]
    ]
    assert [(each.number, micros(each.total)) for each in made.invoices] == [("R-0000000003", 11_550_000)]
    assert (list(made.failed_books), made.alarms) == ([], 0)


def test_itemised_usage(invoices: invoice_service_pb2_grpc.InvoiceServiceStub, billed: World, command: Callable[..., Any]) -> None:
    """One call of 29 minutes, of which 20 are free: 0.90. Pages, the Arrow stream and the command have the same records."""
    told = command(billed, "invoice", "usage", "R-1")
    page = invoices.ListInvoiceUsage(pb.ListInvoiceUsageRequest(parent=ANNA), timeout=DEADLINE_S)
    fields = [field.name for field in pb.UsageRecord.DESCRIPTOR.fields]
    assert [{name: getattr(each, name) for name in fields} for each in page.usage_records] == told["records"]
    assert [(each.records, each.charge_micros) for each in page.lines] == [(1, 900_000)]
    names = [field.name for field in pb.UsageLine.DESCRIPTOR.fields]
    assert [{name: getattr(each, name) for name in names} for each in page.lines] == told["lines"]
    [streamed] = invoices.StreamInvoiceUsage(pb.StreamInvoiceUsageRequest(parent=ANNA), timeout=DEADLINE_S)
    with pa.ipc.open_stream(streamed.arrow_ipc) as reader:
        table = reader.read_all()
    table = table.set_column(table.column_names.index("start_us"), "start_us", table["start_us"].cast(pa.int64()))
    assert table.to_pylist() == told["records"]
    empty = pb.StreamInvoiceUsageRequest(parent="accounts/berta/invoices/R-0000000002")
    [nothing] = invoices.StreamInvoiceUsage(empty, timeout=DEADLINE_S)
    with pa.ipc.open_stream(nothing.arrow_ipc) as reader:
        assert reader.read_all().num_rows == 0


def test_a_name_without_its_account(invoices: invoice_service_pb2_grpc.InvoiceServiceStub) -> None:
    """The number alone says which document is meant, also without its zeros."""
    for name in (ANNA, "accounts/-/invoices/R-0000000001", "accounts/-/invoices/R-1"):
        found = invoices.GetInvoice(pb.GetInvoiceRequest(name=name), timeout=DEADLINE_S)
        assert (found.name, found.account) == (ANNA, "accounts/anna")
    for name in ("accounts/-/invoices/R-9", "accounts/berta/invoices/R-0000000001"):
        refusal = refused(lambda sent=name: invoices.GetInvoice(pb.GetInvoiceRequest(name=sent), timeout=DEADLINE_S))
        assert refusal[:2] == (grpc.StatusCode.NOT_FOUND, "INVOICE_UNKNOWN")


def test_lines_in_pages(invoices: invoice_service_pb2_grpc.InvoiceServiceStub) -> None:
    whole = invoices.GetInvoice(pb.GetInvoiceRequest(name=ANNA), timeout=DEADLINE_S)
    found, token = [], ""
    for _ in whole.lines:
        page = invoices.ListInvoiceLines(pb.ListInvoiceLinesRequest(parent=ANNA, page_size=1, page_token=token), timeout=DEADLINE_S)
        found += page.lines
        token = page.next_page_token
    assert (found, token, len(found)) == (list(whole.lines), "", 3)


def test_an_explanation(invoices: invoice_service_pb2_grpc.InvoiceServiceStub, billed: World, command: Callable[..., Any]) -> None:
    for language in ("en", "zh"):
        told = command(billed, "invoice", "explain", "R-1", "--language", language)
        answer = invoices.ExplainInvoice(
            invoice_explanation_pb2.ExplainInvoiceRequest(name=ANNA, language_code=language), timeout=DEADLINE_S
        )
        assert (list(answer.head), list(answer.foot), answer.run_kind) == (told["head"], told["foot"], told["run_kind"])
        assert [
            {
                name.name: getattr(each, name.name)
                for name in invoice_explanation_pb2.ExplainedLine.DESCRIPTOR.fields
                if name.name != "sentences"
            }
            | {"sentences": list(each.sentences)}
            for each in answer.lines
        ] == told["lines"]
    one = invoices.ExplainInvoice(invoice_explanation_pb2.ExplainInvoiceRequest(name=ANNA, line_no=2), timeout=DEADLINE_S)
    told = command(billed, "invoice", "explain", "R-1", "2")
    assert (one.events_total, one.exact_micros) == (told["events_total"], told["exact_micros"]) == (1, 900_000)
    assert list(one.lines[0].sentences) == told["sentences"]
    assert "0.90" in one.events[0]


def test_a_statement_and_ageing(
    invoices: invoice_service_pb2_grpc.InvoiceServiceStub, payments: PaymentServiceStub, billed: World, command: Callable[..., Any]
) -> None:
    """Anna owes 11.55 and pays 4.00: 7.55, due on 15 November and 16 days past due on 1 December; berta 10.60."""
    payments.RecordPayment(payment(), timeout=DEADLINE_S)
    for first, after, words in (
        (None, None, ()),
        (day("11-05"), day("11-11"), ("--from", "2025-11-05", "--to", "2025-11-10")),
    ):
        request = account_statement_pb2.GetStatementRequest(name="accounts/anna/statement", from_date=first, to_date=after)
        found, told = invoices.GetStatement(request, timeout=DEADLINE_S), command(billed, "payment", "statement", "anna", *words)
        assert {
            "account_id": tail(found.account),
            "account_name": found.account_display_name,
            "currency": found.closing.currency_code,
            "from_date": iso(found.from_date),
            "to_date": iso(found.to_date),
            "opening_micros": micros(found.opening),
            "entries": [
                {
                    "on_date": iso(each.date),
                    "kind": each.kind,
                    "document": each.document,
                    "text": each.text,
                    "due_on": iso(each.due_date),
                    "amount_micros": micros(each.amount),
                    "balance_micros": micros(each.balance),
                }
                for each in found.entries
            ],
            "closing_micros": micros(found.closing),
            "deposits_held_micros": micros(found.deposits_held),
            "open_items": [
                {"number": each.number, "due_on": iso(each.due_date), "part_no": each.part_no, "open_micros": micros(each.open)}
                for each in found.open_items
            ],
        } == told
        assert micros(found.closing) == 7_550_000
    rows: list[account_statement_pb2.AgedAccount] = []
    token = ""
    for _ in range(2):
        request = account_statement_pb2.ListAgeingRequest(parent="accounts/-", as_of=day("12-01"), page_size=1, page_token=token)
        page = invoices.ListAgeing(request, timeout=DEADLINE_S)
        rows += page.aged_accounts
        token = page.next_page_token
    told = command(billed, "ledger", "ageing", "--date", "2025-12-01")
    assert token == ""
    assert [
        {
            "account_id": tail(each.account),
            "entity": each.legal_entity,
            "currency": each.total.currency_code,
            "buckets": {bucket.days: micros(bucket.amount) for bucket in each.buckets},
            "credit_micros": micros(each.credit),
        }
        for each in rows
    ] == told
    assert [{bucket.days: micros(bucket.amount) for bucket in each.buckets}["1-30"] for each in rows] == [7_550_000, 10_600_000]
