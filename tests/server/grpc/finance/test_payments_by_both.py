"""A call and a command do the same with the same data: their answers are compared, on two homes that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ratewright.v1 import deposit_pb2, payment_agreement_pb2
from ratewright.v1 import payment_service_pb2 as pb
from tests.server.grpc.calls import DEADLINE_S
from tests.server.grpc.finance.asking import (
    BANK_FILE,
    MAPPING,
    bank_file,
    day,
    iso,
    micros,
    money,
    payment,
    settled,
    tail,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ratewright.v1.payment_service_pb2_grpc import PaymentServiceStub
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
RECORD = ("payment", "record", "--id", "P-1", "--account", "anna", "--date", "2025-11-10", "--reference", "thanks")


def as_recorded(answer: pb.RecordPaymentResponse) -> dict[str, Any]:
    return {
        "payment_id": tail(answer.payment),
        "currency": answer.credit.currency_code,
        "existed": answer.already_recorded,
        "allocated": settled(answer.settlements),
        "credit_micros": micros(answer.credit),
    }


def as_payment(row: pb.Payment) -> dict[str, Any]:
    return {
        "payment_id": row.payment_id,
        "account_id": tail(row.account),
        "currency": row.amount.currency_code,
        "amount_micros": micros(row.amount),
        "received_on": iso(row.receive_date),
        "reference": row.reference,
        "credit_micros": micros(row.credit),
        "channel": row.channel,
        "receipt": row.receipt,
        "gone_micros": micros(row.gone),
        "by_name": row.recorded_by,
    }


def as_given_back(answer: pb.GiveBackResponse) -> dict[str, Any]:
    return {
        "reference": answer.event_id,
        "kind": answer.kind,
        "account_id": tail(answer.account),
        "currency": answer.amount.currency_code,
        "amount_micros": micros(answer.amount),
        "fee_micros": micros(answer.fee),
        "reopened": settled(answer.reopened),
        "credit_micros": micros(answer.credit),
        "existed": answer.already_recorded,
        "needs_second": answer.needs_second,
        "proposal": answer.proposal,
        "resettled": settled(answer.resettled),
        "account_credit_before_micros": micros(answer.account_credit_before),
        "account_credit_micros": micros(answer.account_credit),
    }


def as_deposit(answer: deposit_pb2.DepositResponse) -> dict[str, Any]:
    row = answer.deposit
    return {
        **as_held(row),
        "existed": answer.already_recorded,
        "allocated": settled(answer.settlements),
        "needs_second": answer.needs_second,
        "proposal": answer.proposal,
    }


def as_held(row: deposit_pb2.Deposit) -> dict[str, Any]:
    return {
        "deposit_id": tail(row.name),
        "account_id": tail(row.account),
        "currency": row.amount.currency_code,
        "amount_micros": micros(row.amount),
        "received_on": iso(row.receive_date),
        "released_micros": micros(row.released),
        "refunded_micros": micros(row.refunded),
        "held_micros": micros(row.held),
        "by_name": row.recorded_by,
        "moved_by": row.moved_by,
    }


def as_plan(row: payment_agreement_pb2.InstalmentPlan, *, existed: bool = False) -> dict[str, Any]:
    parts = [
        {
            "part_no": each.part_no,
            "due_on": iso(each.due_date),
            "number": each.invoice,
            "amount_micros": micros(each.amount),
            "open_micros": micros(each.open),
        }
        for each in row.parts
    ]
    return {
        "plan_id": tail(row.name),
        "account_id": tail(row.account),
        "currency": row.open.currency_code,
        "agreed_on": iso(row.agree_date),
        "note": row.note,
        "state": row.state,
        "open_micros": micros(row.open),
        "parts": parts,
        "existed": existed,
        "by_name": row.recorded_by,
    }


def as_promise(row: payment_agreement_pb2.Promise, *, existed: bool = False) -> dict[str, Any]:
    return {
        "promise_id": tail(row.name),
        "account_id": tail(row.account),
        "currency": row.amount.currency_code,
        "amount_micros": micros(row.amount),
        "made_on": iso(row.promise_date),
        "due_on": iso(row.due_date),
        "note": row.note,
        "paid_micros": micros(row.paid),
        "state": row.state,
        "existed": existed,
        "by_name": row.recorded_by,
    }


def test_a_payment(payments: PaymentServiceStub, billed: World, twin: World, command: Callable[..., Any]) -> None:
    """Of 20.00 the invoice of 11.55 takes its part, and 8.45 are left."""
    request = payment(amount="20.00", invoices=["R-1"])
    words = (*RECORD, "--amount", "20.00", "--currency", "CNY", "--invoice", "R-1")
    for existed in (False, True):
        answer = payments.RecordPayment(request, timeout=DEADLINE_S)
        assert as_recorded(answer) == command(twin, *words)
        assert (answer.already_recorded, settled(answer.settlements)) == (existed, [["R-0000000001", 11_550_000]])
        assert micros(answer.credit) == 8_450_000
    listed = payments.ListPayments(pb.ListPaymentsRequest(parent="accounts/anna"), timeout=DEADLINE_S).payments
    assert [as_payment(each) for each in listed] == command(twin, "payment", "list", "--account", "anna") != []
    assert as_payment(listed[0]) == command(billed, "payment", "list")[0]


def test_cash_at_a_till(payments: PaymentServiceStub, twin: World, command: Callable[..., Any]) -> None:
    answer = payments.RecordPayment(payment(till="front"), timeout=DEADLINE_S)
    told = command(twin, "payment", "cash", "--till", "front", *RECORD[2:], "--amount", "4.00", "--currency", "CNY")
    assert (answer.receipt, as_recorded(answer)) == ("front-000001", told["recorded"]) == (told["receipt"], told["recorded"])
    payments.RecordPayment(payment("P-2", "1.00", "berta", till="front"), timeout=DEADLINE_S)
    command(twin, "payment", "cash", "--till", "front", "--id", "P-2", "--account", "berta", "--date", "2025-11-10", "--amount", "1.00",
            "--reference", "thanks")  # fmt: skip
    found = payments.ListReceipts(pb.ListReceiptsRequest(till="front", page_size=1), timeout=DEADLINE_S)
    rest = payments.ListReceipts(pb.ListReceiptsRequest(till="front", page_size=1, page_token=found.next_page_token), timeout=DEADLINE_S)
    shown = [
        {
            "receipt": each.receipt,
            "payment_id": tail(each.payment),
            "account_id": tail(each.account),
            "currency": each.amount.currency_code,
            "amount_micros": micros(each.amount),
            "gone_micros": micros(each.gone),
            "received_on": iso(each.receive_date),
            "cashier": each.cashier,
        }
        for each in (*found.receipts, *rest.receipts)
    ]
    totals = {each.currency_code: micros(each) for each in rest.totals}
    assert {"receipts": shown, "total_micros": totals} == command(twin, "payment", "till", "front")
    assert (totals, rest.next_page_token) == ({"CNY": 5_000_000}, "")


def test_a_bank_file_and_its_work_list(payments: PaymentServiceStub, twin: World, command: Callable[..., Any], tmp_path: Path) -> None:
    """T-1 names anna's invoice; T-2 and T-4 wait: one becomes a payment of berta, the other goes back."""
    (tmp_path / "bank.csv").write_bytes(BANK_FILE)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    answer = payments.ImportBankFile(bank_file(), timeout=DEADLINE_S)
    told = command(twin, "payment", "import", tmp_path / "bank.csv", "--mapping", tmp_path / "mapping.yaml")
    assert {
        "file_name": answer.file_name,
        "existed": answer.already_imported,
        "lines": answer.lines,
        "known_lines": answer.known_lines,
        "outgoing_lines": answer.outgoing_lines,
        "sums": [
            {"what": each.state, "currency": each.amount.currency_code, "lines": each.lines, "amount_micros": micros(each.amount)}
            for each in answer.sums
        ],
        "settled_parts": answer.settled_parts,
        "waiting": [[each.line_no, tail(each.bank_line), each.reason] for each in answer.waiting],
        "format": answer.format,
        "debits": list(answer.debits),
        "returns": list(answer.returns),
        "findings": list(answer.findings),
    } == told
    assert [(each.state, micros(each.amount)) for each in answer.sums] == [("matched", 4_000_000), ("no_reference", 9_000_000)]
    lines = pb.ListBankLinesRequest()
    waiting = payments.ListBankLines(lines, timeout=DEADLINE_S).bank_lines
    assert [as_line(each) for each in waiting] == command(twin, "payment", "worklist", "list")
    assert [each.name for each in waiting] == ["bankLines/CB/T-2", "bankLines/CB/T-4"]
    assign = pb.AllocateBankLineRequest(name=waiting[0].name, account="accounts/berta", invoices=["R-2"], note="she called")
    told = command(twin, "payment", "worklist", "assign", "CB/T-2", "--account", "berta", "--invoice", "R-2", "--note", "she called")
    assert as_recorded(payments.AllocateBankLine(assign, timeout=DEADLINE_S)) == told
    assert told["allocated"] == [["R-0000000002", 7_000_000]]
    back = payments.ReturnBankLine(pb.ReturnBankLineRequest(name=waiting[1].name, note="unknown"), timeout=DEADLINE_S)
    told = command(twin, "payment", "worklist", "return", "CB/T-4", "--note", "unknown")
    assert {
        "line_id": tail(back.bank_line),
        "currency": back.amount.currency_code,
        "amount_micros": micros(back.amount),
        "existed": back.already_recorded,
        "needs_second": back.needs_second,
        "proposal": back.proposal,
    } == told
    assert list(payments.ListBankLines(lines, timeout=DEADLINE_S).bank_lines) == []
    decided = payments.ListBankLines(pb.ListBankLinesRequest(decided=True), timeout=DEADLINE_S).bank_lines
    assert [as_line(each) for each in decided] == command(twin, "payment", "worklist", "list", "--decided")
    assert [each.decision for each in decided] == ["assigned", "returned"]


def as_line(row: pb.BankLine) -> dict[str, Any]:
    return {
        "line_id": tail(row.name),
        "file_name": row.file_name,
        "line_no": row.line_no,
        "received_on": iso(row.receive_date),
        "currency": row.amount.currency_code,
        "amount_micros": micros(row.amount),
        "payer": row.payer,
        "reference": row.reference,
        "reason": row.reason,
        "why": row.why,
        "decision": row.decision,
        "note": row.note,
        "by_name": row.decided_by,
        "account_id": tail(row.account),
    }


def test_money_that_goes_back(payments: PaymentServiceStub, twin: World, command: Callable[..., Any]) -> None:
    """P-1 of 20.00 paid 11.55; 8.45 are left, of which 3.00 go back; a chargeback of 6.00 takes 0.55 from the invoice; then it bounces."""
    payments.RecordPayment(payment(amount="20.00"), timeout=DEADLINE_S)
    command(twin, *RECORD, "--amount", "20.00")
    common = {"payment": "payments/P-1", "event_date": day("11-12")}
    refund = pb.RefundPaymentRequest(event_id="E-1", amount=money("3.00"), payee="anna", reason="no", **common)
    chargeback = pb.ChargeBackPaymentRequest(event_id="E-2", amount=money("6.00"), fee=money("0.50"), **common)
    won = pb.ChargeBackPaymentRequest(event_id="E-3", amount=money("1.00"), won=True, **common)
    reverse = pb.ReversePaymentRequest(event_id="E-4", fee=money("2.00"), reason="bounced", **common)
    on = ("--payment", "P-1", "--date", "2025-11-12")
    both = [
        (payments.RefundPayment(refund, timeout=DEADLINE_S), ("refund", "--id", "E-1", "--amount", "3", "--to", "anna", "--reason", "no")),
        (payments.ChargeBackPayment(chargeback, timeout=DEADLINE_S), ("chargeback", "--id", "E-2", "--amount", "6.00", "--fee", "0.50")),
        (payments.ChargeBackPayment(won, timeout=DEADLINE_S), ("chargeback", "--id", "E-3", "--amount", "1.00", "--won")),
        (payments.ReversePayment(reverse, timeout=DEADLINE_S), ("reverse", "--id", "E-4", "--fee", "2", "--reason", "bounced")),
    ]  # fmt: skip
    for answer, words in both:
        told = command(twin, "payment", *words, *on)
        assert as_given_back(answer) == told
    assert settled(both[1][0].reopened) == [["R-0000000001", 550_000]]
    listed = payments.ListPaymentEvents(pb.ListPaymentEventsRequest(parent="accounts/anna"), timeout=DEADLINE_S).payment_events
    assert [
        {
            "reference": each.event_id,
            "kind": each.kind,
            "account_id": tail(each.account),
            "of": each.subject,
            "currency": each.amount.currency_code,
            "amount_micros": micros(each.amount),
            "fee_micros": micros(each.fee),
            "on_date": iso(each.event_date),
            "payee": each.payee,
            "reason": each.reason,
            "by_name": each.recorded_by,
            "agreed_by": each.agreed_by,
        }
        for each in listed
    ] == command(twin, "payment", "events")
    assert [each.kind for each in listed] == ["refund", "chargeback", "chargeback_won", "reversal"]


def test_deposits(payments: PaymentServiceStub, twin: World, command: Callable[..., Any]) -> None:
    """Of 30.00 held, 11.55 pay the invoice, and 10.00 go back: 8.45 are held."""
    take = deposit_pb2.TakeDepositRequest(parent="accounts/anna", deposit_id="D-1", amount=money("30"), receive_date=day("11-10"))
    release = deposit_pb2.ReleaseDepositRequest(name="deposits/D-1", event_id="E-1", event_date=day("11-12"), reason="due")
    refund = deposit_pb2.RefundDepositRequest(name="deposits/D-1", event_id="E-2", event_date=day("11-12"), amount=money("10"))
    on = ("--deposit", "D-1", "--date", "2025-11-12")
    assert as_deposit(payments.TakeDeposit(take, timeout=DEADLINE_S)) == command(
        twin, "payment", "deposit", "take", "--id", "D-1", "--account", "anna", "--amount", "30", "--date", "2025-11-10"
    )
    released = payments.ReleaseDeposit(release, timeout=DEADLINE_S)
    assert as_deposit(released) == command(twin, "payment", "deposit", "release", "--id", "E-1", "--reason", "due", *on)
    assert settled(released.settlements) == [["R-0000000001", 11_550_000]]
    refunded = payments.RefundDeposit(refund, timeout=DEADLINE_S)
    assert as_deposit(refunded) == command(twin, "payment", "deposit", "refund", "--id", "E-2", "--amount", "10.00", *on)
    assert micros(refunded.deposit.held) == 8_450_000
    listed = payments.ListDeposits(deposit_pb2.ListDepositsRequest(parent="accounts/-"), timeout=DEADLINE_S).deposits
    told = command(twin, "payment", "deposit", "list")
    assert [as_held(each) for each in listed] == [{name: each[name] for name in as_held(listed[0])} for each in told] != []


def test_promises(payments: PaymentServiceStub, twin: World, command: Callable[..., Any]) -> None:
    request = payment_agreement_pb2.RecordPromiseRequest(
        parent="accounts/anna", promise_id="M-1", amount=money("4"), promise_date=day("11-08"), due_date=day("11-11"), note="by phone"
    )
    words = ("payment", "promise", "add", "--id", "M-1", "--account", "anna", "--amount", "4", "--until", "2025-11-11", "--made",
             "2025-11-08", "--note", "by phone")  # fmt: skip
    for existed in (False, True):
        answer = payments.RecordPromise(request, timeout=DEADLINE_S)
        assert answer.already_recorded is existed
        assert [as_promise(answer.promise, existed=existed)] == command(twin, *words)
    for paid, state in ((False, "broken"), (True, "kept")):
        if paid:
            payments.RecordPayment(payment(), timeout=DEADLINE_S)
            command(twin, *RECORD, "--amount", "4.00")
        listed = payments.ListPromises(payment_agreement_pb2.ListPromisesRequest(parent="accounts/anna"), timeout=DEADLINE_S).promises
        assert [as_promise(each) for each in listed] == command(twin, "payment", "promise", "list")
        assert [each.state for each in listed] == [state]
    early = payment_agreement_pb2.ListPromisesRequest(parent="accounts/anna", as_of=day("11-09"))
    assert [each.state for each in payments.ListPromises(early, timeout=DEADLINE_S).promises] == ["open"]


def test_instalments(payments: PaymentServiceStub, twin: World, command: Callable[..., Any]) -> None:
    """11.55 in three parts are 3.85 each; the plan ends, and one in two dated parts takes its place."""
    equal = payment_agreement_pb2.AgreeInstalmentPlanRequest(
        parent="accounts/anna", plan_id="I-1", agree_date=day("11-10"), equal_parts=3, first_date=day("11-30"), invoices=["R-1"]
    )
    words = ("payment", "instalments", "agree", "--account", "anna", "--date", "2025-11-10")
    first = payments.AgreeInstalmentPlan(equal, timeout=DEADLINE_S).instalment_plan
    assert [as_plan(first)] == command(twin, *words, "--id", "I-1", "--parts", "3", "--first", "2025-11-30", "--invoice", "R-1")
    assert [micros(each.amount) for each in first.parts] == [3_850_000] * 3
    ended = payments.EndInstalmentPlan(
        payment_agreement_pb2.EndInstalmentPlanRequest(name="instalmentPlans/I-1", end_date=day("11-12"), note="changed"),
        timeout=DEADLINE_S,
    )
    told = command(twin, "payment", "instalments", "end", "I-1", "--date", "2025-11-12", "--note", "changed")
    assert [as_plan(ended.instalment_plan)] == told
    parts = [
        payment_agreement_pb2.WantedPart(due_date=day("11-20"), amount=money("1.55")),
        payment_agreement_pb2.WantedPart(due_date=day("12-20"), amount=money("10")),
    ]
    dated = payment_agreement_pb2.AgreeInstalmentPlanRequest(parent="accounts/anna", plan_id="I-2", agree_date=day("11-10"), parts=parts)
    second = payments.AgreeInstalmentPlan(dated, timeout=DEADLINE_S).instalment_plan
    assert [as_plan(second)] == command(twin, *words, "--id", "I-2", "--part", "2025-11-20=1.55", "--part", "2025-12-20=10")
    listed = payments.ListInstalmentPlans(
        payment_agreement_pb2.ListInstalmentPlansRequest(parent="accounts/anna"), timeout=DEADLINE_S
    ).instalment_plans
    assert [as_plan(each) for each in listed] == command(twin, "payment", "instalments", "list")
    assert [each.state for each in listed] == ["replaced", "replaced", "running"]
