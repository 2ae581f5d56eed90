"""The ledger by calls and by commands: balances, postings, a month for the books of finance, the check."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import sqlalchemy as sa

from billing.ledger import listing
from billing.store import tables
from ratewright.v1 import ledger_service_pb2 as pb
from ratewright.v1 import ledger_service_pb2_grpc
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.grpc.finance.asking import day, iso, micros, payment

if TYPE_CHECKING:
    from collections.abc import Callable

    from ratewright.v1.payment_service_pb2_grpc import PaymentServiceStub
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
CHART = Path(__file__).parents[4] / "examples" / "ledger" / "chart.yaml"
INVALID, REFUSED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION


@pytest.fixture
def ledger(channel: grpc.Channel, payments: PaymentServiceStub) -> ledger_service_pb2_grpc.LedgerServiceStub:
    """Anna owes 11.55 and has paid 4.00, berta 10.60."""
    payments.RecordPayment(payment(), timeout=DEADLINE_S)
    return ledger_service_pb2_grpc.LedgerServiceStub(channel)


def export(**more: Any) -> pb.ExportLedgerRequest:  # noqa: ANN401 -- fields of the message
    return pb.ExportLedgerRequest(**{"month": "2025-11", "mapping": CHART.read_text(), **more})


def pages(call: Callable[..., Any], request: Any, rows: str, size: int) -> list[Any]:  # noqa: ANN401 -- messages of any method
    found: list[Any] = []
    made = type(request)()
    made.CopyFrom(request)
    made.page_size = size
    while True:
        page = call(made, timeout=DEADLINE_S)
        found += getattr(page, rows)
        made.page_token = page.next_page_token
        if not made.page_token:
            return found


def test_balances(ledger: ledger_service_pb2_grpc.LedgerServiceStub, billed: World, command: Callable[..., Any]) -> None:
    for request, words in (
        (pb.ListBalancesRequest(), ()),
        (pb.ListBalancesRequest(every_customer=True), ("--customers",)),
        (pb.ListBalancesRequest(through_date=day("11-05"), legal_entity=""), ("--through", "2025-11-05", "--entity", "")),
    ):
        told = command(billed, "ledger", "balance", *words)
        for size in (1, 50):
            assert [
                {
                    "entity": each.legal_entity,
                    "account": each.account,
                    "currency": each.balance.currency_code,
                    "debit_micros": micros(each.debits),
                    "credit_micros": micros(each.credits),
                    "balance_micros": micros(each.balance),
                }
                for each in pages(ledger.ListBalances, request, "balances", size)
            ] == told
    of_customers = pages(ledger.ListBalances, pb.ListBalancesRequest(every_customer=True), "balances", 50)
    owed = {each.account: micros(each.balance) for each in of_customers}
    assert (owed["receivable:anna"], owed["receivable:berta"], owed["cash"]) == (7_550_000, 10_600_000, 4_000_000)


def test_postings(ledger: ledger_service_pb2_grpc.LedgerServiceStub, billed: World) -> None:
    """Every posting once, in pages; the payment of 4.00 is one of them."""
    found = pages(ledger.ListPostings, pb.ListPostingsRequest(), "postings", 2)
    assert [each.posting_id for each in found] == sorted({each.posting_id for each in found})
    with billed.home.connect() as connection:
        assert len(found) == connection.execute(sa.select(sa.func.count()).select_from(tables.postings)).scalar_one() > 4
    [paid] = [each for each in found if each.document == "P-1"]
    assert (paid.debit_account, paid.credit_account, micros(paid.amount)) == ("cash", "receivable:anna", 4_000_000)
    assert (iso(paid.post_date), paid.legal_entity) == ("2025-11-10", "")


@pytest.mark.sqlite
def test_no_page_of_postings_reads_the_table(billed: World) -> None:
    with billed.home.connect() as connection:
        for after in ("", "41" * 16):
            text = listing.select(after, 51).compile(connection.engine, compile_kwargs={"literal_binds": True})
            plan = " ".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
            assert "USING INDEX sqlite_autoindex_postings_1" in plan
            assert "TEMP B-TREE" not in plan


def test_an_export(ledger: ledger_service_pb2_grpc.LedgerServiceStub, twin: World, command: Callable[..., Any], tmp_path: Path) -> None:
    """The file is that of the command, byte for byte; the second export says that nothing is new."""
    command(twin, "payment", "record", "--id", "P-1", "--account", "anna", "--amount", "4", "--date", "2025-11-10", "--reference", "thanks")
    words = ("ledger", "export", "--month", "2025-11", "--mapping", CHART, "--overwrite", "--out", tmp_path / "out.csv")
    for detail, same in ((False, False), (False, True), (True, False)):
        request = export(detail=detail)
        tried = ledger.ExportLedger(export(detail=detail, validate_only=True), timeout=DEADLINE_S)
        answer = ledger.ExportLedger(request, timeout=DEADLINE_S)
        told = command(twin, *words, *(["--detail"] if detail else []))
        assert tried == answer
        assert told.pop("file") == str(tmp_path / "out.csv")
        assert {
            "month": answer.month,
            "entity": answer.legal_entity,
            "rows": answer.rows,
            "debit_micros": {each.currency_code: micros(each) for each in answer.debits},
            "sha256": answer.sha256,
            "same_as_before": answer.same_as_before,
            "exported_before": answer.exported_before,
            "new_postings": answer.new_postings,
            "new_micros": {each.currency_code: micros(each) for each in answer.new_amounts},
        } == told
        assert answer.same_as_before is same
        stream = pb.StreamLedgerExportRequest(month="2025-11", mapping=CHART.read_text(), detail=detail)
        content = b"".join(each.content for each in ledger.StreamLedgerExport(stream, timeout=DEADLINE_S))
        assert content == (tmp_path / "out.csv").read_bytes()
        assert hashlib.sha256(content).hexdigest() == answer.sha256


def test_an_export_counts_once(ledger: ledger_service_pb2_grpc.LedgerServiceStub, payments: PaymentServiceStub, billed: World) -> None:
    """A repeat has the first answer, also where it never left and postings came since."""
    ledger.ExportLedger(export(), timeout=DEADLINE_S)
    payments.RecordPayment(payment("P-2", "1.00", "berta"), timeout=DEADLINE_S)
    first = ledger.ExportLedger(export(request_id="once"), timeout=DEADLINE_S)
    assert (first.exported_before, first.new_postings, [micros(each) for each in first.new_amounts]) == (True, 1, [1_000_000])
    payments.RecordPayment(payment("P-3", "2.00", "berta"), timeout=DEADLINE_S)
    assert ledger.ExportLedger(export(request_id="once"), timeout=DEADLINE_S) == first
    assert billed.changed("UPDATE requests SET answer = NULL WHERE request_id = 'once'") == 1
    assert ledger.ExportLedger(export(request_id="once"), timeout=DEADLINE_S) == first
    other = refused(lambda: ledger.ExportLedger(export(request_id="once", detail=True), timeout=DEADLINE_S))
    assert (*other[:2], other.metadata["field"]) == (INVALID, "REQUEST_ID_REUSED", "detail")
    assert refused(lambda: ledger.ExportLedger(export(request_id="x" * 129), timeout=DEADLINE_S))[:2] == (INVALID, "REQUEST_ID")


def test_the_check(ledger: ledger_service_pb2_grpc.LedgerServiceStub, billed: World, command: Callable[..., Any]) -> None:
    """All is right, until a posting is changed behind our back."""
    for status in (0, 1):
        answer = ledger.CheckLedger(pb.CheckLedgerRequest(), timeout=DEADLINE_S)
        told = command(billed, "ledger", "check", status=status)
        assert [{"name": each.name, "compared": each.compared, "first_difference": each.first_difference} for each in answer.checks] == told
        assert any(each.first_difference for each in answer.checks) is bool(status)
        billed.changed("UPDATE postings SET amount_micros = amount_micros + 10000 WHERE document = 'P-1'")


REFUSALS = [
    ("ListBalances", pb.ListBalancesRequest(legal_entity="north"), REFUSED, "REFUSED"),
    ("ListBalances", pb.ListBalancesRequest(legal_entity="\0"), INVALID, "MALFORMED_REQUEST"),
    ("ListBalances", pb.ListBalancesRequest(page_size=-1), INVALID, "PAGE_SIZE"),
    ("ListPostings", pb.ListPostingsRequest(page_token="ab"), INVALID, "PAGE_TOKEN"),  # noqa: S106 -- a place in a list
    ("ExportLedger", export(month="2025"), INVALID, "MALFORMED_REQUEST"),
    ("ExportLedger", export(mapping="accounts: []"), INVALID, "MALFORMED_REQUEST"),
    ("ExportLedger", export(mapping="accounts: ["), INVALID, "MALFORMED_REQUEST"),
    ("ExportLedger", export(file_name="../x.csv"), INVALID, "MALFORMED_REQUEST"),
    ("ExportLedger", export(legal_entity="north"), REFUSED, "REFUSED"),
]


def test_refused(ledger: ledger_service_pb2_grpc.LedgerServiceStub) -> None:
    for method, request, code, reason in REFUSALS:
        refusal = refused(lambda call=method, sent=request: getattr(ledger, call)(sent, timeout=DEADLINE_S))
        assert refusal[:2] == (code, reason), (request, refusal)


def test_a_stream_of_no_month_is_refused(ledger: ledger_service_pb2_grpc.LedgerServiceStub) -> None:
    request = pb.StreamLedgerExportRequest(month="2025-13", mapping=CHART.read_text())
    assert refused(lambda: list(ledger.StreamLedgerExport(request, timeout=DEADLINE_S)))[:2] == (INVALID, "MALFORMED_REQUEST")
