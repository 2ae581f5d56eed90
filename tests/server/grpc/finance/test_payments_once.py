"""Each write of payments counts once: repeated, with other fields, cut off between commit and answer, and only tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import pytest

from billing import give_back_limit
from ratewright.v1 import deposit_pb2, payment_agreement_pb2
from ratewright.v1 import payment_service_pb2 as pb
from tests.billing.second_person import set_by_two
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.grpc.finance.asking import bank_file, day, money, payment

if TYPE_CHECKING:
    from ratewright.v1.payment_service_pb2_grpc import PaymentServiceStub
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ON = {"event_date": day("11-12")}
PAID = ("RecordPayment", payment(amount="20.00"))
ALSO_PAID = ("RecordPayment", payment("P-2", "3.00"))
FILE = ("ImportBankFile", bank_file())
TAKE = (
    "TakeDeposit",
    deposit_pb2.TakeDepositRequest(parent="accounts/anna", deposit_id="D-1", amount=money("30"), receive_date=day("11-10")),
)
PLAN = (
    "AgreeInstalmentPlan",
    payment_agreement_pb2.AgreeInstalmentPlanRequest(
        parent="accounts/anna", plan_id="I-1", agree_date=day("11-10"), equal_parts=3, first_date=day("11-30"), note="as agreed"
    ),
)
REFUND = pb.RefundPaymentRequest(event_id="E-1", payment="payments/P-1", amount=money("3.00"), payee="anna", reason="too much", **ON)
REVERSE = pb.ReversePaymentRequest(event_id="E-1", payment="payments/P-1", fee=money("2.00"), reason="bounced", **ON)
RETURN = pb.ReturnBankLineRequest(name="bankLines/CB/T-4", note="unknown")
GIVE_HELD = deposit_pb2.RefundDepositRequest(name="deposits/D-1", event_id="E-2", amount=money("10"), reason="moved", **ON)
PROMISE = payment_agreement_pb2.RecordPromiseRequest(
    parent="accounts/anna", promise_id="M-1", amount=money("4"), promise_date=day("11-08"), due_date=day("11-11"), note="by phone"
)


class Case(NamedTuple):
    """A write behind others, the field that a repeat has otherwise, and whether it waits for a second person."""

    before: tuple[tuple[str, Any], ...]
    method: str
    request: Any
    field: str = "reason"
    waits: bool = False


CASES = {
    "payment": Case((), "RecordPayment", payment(amount="20.00", invoices=["R-1"]), "reference"),
    "cash": Case((), "RecordPayment", payment(till="front"), "reference"),
    "bank file": Case((ALSO_PAID,), "ImportBankFile", bank_file(), "file_name"),
    "line of an account": Case(
        (FILE,), "AllocateBankLine", pb.AllocateBankLineRequest(name="bankLines/CB/T-2", account="accounts/berta", note="hers"), "note"
    ),
    "line that goes back": Case((FILE,), "ReturnBankLine", RETURN, "note"),
    "line that goes back, by two": Case((FILE,), "ReturnBankLine", RETURN, "note", waits=True),
    "refund": Case((PAID,), "RefundPayment", REFUND),
    "refund by two": Case((PAID,), "RefundPayment", REFUND, waits=True),
    "refund that opens again": Case(
        (PAID, ALSO_PAID),
        "RefundPayment",
        pb.RefundPaymentRequest(event_id="E-1", payment="payments/P-1", amount=money("12"), payee="anna", reopen=True, reason="x", **ON),
    ),
    "reversal, with credit that settles instead": Case((PAID, ALSO_PAID), "ReversePayment", REVERSE),
    "chargeback": Case(
        (PAID,),
        "ChargeBackPayment",
        pb.ChargeBackPaymentRequest(event_id="E-1", payment="payments/P-1", amount=money("10"), fee=money("1"), reason="lost", **ON),
    ),
    "chargeback that was won": Case(
        (
            PAID,
            ("ChargeBackPayment", pb.ChargeBackPaymentRequest(event_id="E-1", payment="payments/P-1", amount=money("18"), **ON)),
        ),
        "ChargeBackPayment",
        pb.ChargeBackPaymentRequest(event_id="E-2", payment="payments/P-1", won=True, reason="won", **ON),
    ),
    "deposit": Case((), *TAKE, "reference"),
    "release": Case((TAKE,), "ReleaseDeposit", deposit_pb2.ReleaseDepositRequest(name="deposits/D-1", event_id="E-1", reason="due", **ON)),
    "deposit that goes back": Case((TAKE,), "RefundDeposit", GIVE_HELD),
    "deposit that goes back, by two": Case((TAKE,), "RefundDeposit", GIVE_HELD, waits=True),
    "promise": Case((), "RecordPromise", PROMISE, "note"),
    "plan": Case((), *PLAN, "note"),
    "end of a plan": Case(
        (PLAN,),
        "EndInstalmentPlan",
        payment_agreement_pb2.EndInstalmentPlanRequest(name="instalmentPlans/I-1", end_date=day("11-12"), note="changed"),
        "note",
    ),
}


def send(payments: PaymentServiceStub, method: str, request: Any, **changes: Any) -> Any:  # noqa: ANN401 -- messages of any method
    made = type(request)()
    made.CopyFrom(request)
    for name, value in changes.items():
        setattr(made, name, value)
    return getattr(payments, method)(made, timeout=DEADLINE_S)


def head(world: World) -> int:
    with world.home.connect() as connection:
        return world.home.head_seq(connection)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_write_counts_once(payments: PaymentServiceStub, billed: World, case: Case) -> None:
    """A trial answers as the act does, and stores nothing; a repeat has the first answer, also where that one never left."""
    for method, request in case.before:
        send(payments, method, request)
    if case.waits:
        billed.catch_up()
        set_by_two(billed.home, give_back_limit.LIMIT, "1000000", billed.tick)
    before = head(billed)
    tried = send(payments, case.method, case.request, validate_only=True, request_id="once")
    assert head(billed) == before
    first = send(payments, case.method, case.request, request_id="once")
    after = head(billed)
    assert after == before + 1
    if case.waits:
        assert (tried.needs_second, tried.proposal, first.needs_second, first.proposal) == (True, 0, True, 1)
    else:
        assert tried == first
    assert send(payments, case.method, case.request, request_id="once") == first
    assert billed.changed("UPDATE requests SET answer = NULL WHERE request_id = 'once'") == 1, "cut off behind its commit"
    if isinstance(first, pb.GiveBackResponse):  # credit of the whole account is not worked out again
        first.ClearField("account_credit_before")
        first.ClearField("account_credit")
    assert send(payments, case.method, case.request, request_id="once") == first
    other = refused(lambda: send(payments, case.method, case.request, request_id="once", **{case.field: "another"}))
    assert other[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert other.metadata["field"] == case.field
    assert head(billed) == after


def test_a_cut_off_answer_is_as_of_its_commit(payments: PaymentServiceStub, billed: World) -> None:
    """Later acts are not in it: of 20.00 there were 8.45 left, also where more went back since."""
    first = send(payments, *PAID, request_id="once")
    refund = send(payments, "RefundPayment", REFUND, request_id="back")
    send(payments, "ReversePayment", REVERSE, event_id="E-9")
    billed.changed("UPDATE requests SET answer = NULL")
    assert send(payments, *PAID, request_id="once") == first
    for field in ("account_credit_before", "account_credit"):
        refund.ClearField(field)
    assert send(payments, "RefundPayment", REFUND, request_id="back") == refund
    assert (first.credit.units, first.credit.nanos, refund.credit.units) == (8, 450_000_000, 5)


def test_the_same_id_without_a_request_id(payments: PaymentServiceStub, billed: World) -> None:
    """An act counts once by its own id as well."""
    first = send(payments, *PAID)
    after = head(billed)
    again = send(payments, *PAID)
    assert (first.already_recorded, again.already_recorded, head(billed)) == (False, True, after)
    assert list(again.settlements) == list(first.settlements)


def test_ids_of_calls(payments: PaymentServiceStub) -> None:
    for wrong in ("x" * 129, "a\0b"):
        refusal = refused(lambda sent=wrong: send(payments, *PAID, request_id=sent))
        assert refusal[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID")
