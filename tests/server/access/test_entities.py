"""Roles that are limited to a legal entity: calls about one account of that entity, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf import message_factory
from google.type import date_pb2, money_pb2

from billing import operators
from billing.accounts import entities
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.operators import Limits, Role
from billing.operators.changing import OF_AN_ENTITY
from billing.store import tables
from ratewright.v1 import (
    account_change_pb2,
    account_service_pb2_grpc,
    adjustment_service_pb2,
    adjustment_service_pb2_grpc,
    bill_run_service_pb2,
    bill_run_service_pb2_grpc,
    bill_run_undo_pb2,
    invoice_service_pb2,
    invoice_service_pb2_grpc,
    ledger_service_pb2_grpc,
    payment_service_pb2_grpc,
    write_off_pb2,
)
from ratewright.v1.invoice_service_pb2 import GetInvoiceRequest
from rating.errors import NotFoundError, UserError
from server.access.roles import rules
from tests.billing.second_person import set_by_two
from tests.server.access.test_entrance import reason_of
from tests.server.access.test_role_table import api
from tests.server.grpc.calls import refused
from tests.server.grpc.finance.asking import day, money, payment
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
DENIED = grpc.StatusCode.PERMISSION_DENIED
# The field that names the account of a call; of the others it is `name` or `parent`.
ACCOUNT_FIELDS = {"PreviewBill": "account", "ComparePlans": "account", "ListWriteOffs": "invoice"}
PARTIES = ("GetParty", "RecordPartyFact", "EndPartyFact", "RetractPartyFact")
ENDINGS = {"GetStatement": "/statement", "GetDunningState": "/dunningState", **dict.fromkeys(PARTIES, "/party")}
TEXTS = {
    **dict.fromkeys(("payment_id", "deposit_id", "promise_id", "plan_id", "credit_id", "adjustment_id"), "x-1"),
    "reason": "a test",
    "reason_code": "goodwill",
    "effect": "outside",
    "catalogue": "shop",
    "tax_class": "standard",
    "line_no": 1,
    "equal_parts": 2,
}
PARENTS = frozenset(
    {
        *("ListInvoices", "ListPayments", "RecordPayment", "TakeDeposit", "ListDeposits", "RecordPromise", "ListPromises"),
        *("AgreeInstalmentPlan", "ListInstalmentPlans", "GetAccount", "GetStatement", "GetDunningState", "PreviewBill", "ComparePlans"),
        *("ChangeAccount", "AddAdjustment", "ListAdjustments", *PARTIES),
    }
)


@pytest.fixture
def north(guarded: Guarded) -> Guarded:
    """Anna gets her invoices of the entity `north`, berta hers of the one without a name. Nora has four roles for `north` alone."""
    guarded.world.catch_up()
    bill_two(guarded.world)
    guarded.now_us = max(guarded.now_us, guarded.world.now_us)
    entities.add(guarded.home, entities.Entity("north", "North Ltd", "N", "NC"), Asked(Operator("boss", 1), guarded.who.now_us))
    with guarded.home.begin() as connection:
        of_anna = tables.accounts.update().where(tables.accounts.c.account_id == "anna")
        connection.execute(of_anna.values(legal_entity="north"))
    guarded.add("nora", days=90)
    for role in OF_AN_ENTITY:
        operators.grant(guarded.home, "nora", role, "of the north", guarded.who, limits=Limits(entity="north"))
    return guarded


def filled(request: Any) -> Any:  # noqa: ANN401 -- a message of any call
    """The message with a plausible value in each field that says by its type or name what it takes."""
    for each in request.DESCRIPTOR.fields:
        kind = each.message_type.full_name if each.message_type is not None and not each.is_repeated else ""
        if kind == "google.type.Date" and each.name != "to_date":
            getattr(request, each.name).CopyFrom(date_pb2.Date(year=2025, month=11, day=10))
        elif kind == "google.type.Money":
            getattr(request, each.name).CopyFrom(money_pb2.Money(currency_code="CNY", units=1))
        elif each.name in TEXTS:
            setattr(request, each.name, TEXTS[each.name])
    return request


def ask(guarded: Guarded, call: str, account: str) -> str | None:
    """Make a call that names an account; the reason of its refusal."""
    method: Any = api()[call]
    name = call.rpartition("/")[2]
    field = ACCOUNT_FIELDS.get(name) or ("parent" if "parent" in method.input_type.fields_by_name else "name")
    of = f"accounts/{account}"
    if name not in PARENTS:
        of += f"/invoices/{guarded.world.numbers(account)[0]}"
    request = filled(message_factory.GetMessageClass(method.input_type)())
    setattr(request, field, of + ENDINGS.get(name, ""))
    codec: dict[str, Any] = {"request_serializer": lambda each: each.SerializeToString(), "response_deserializer": bytes}
    channel = guarded.channel("nora")
    try:
        if method.server_streaming:
            list(channel.unary_stream(f"/{call}", **codec)(request, timeout=20))
        else:
            channel.unary_unary(f"/{call}", **codec)(request, timeout=20)
    except grpc.RpcError as error:
        return reason_of(error)
    return None


def commits(guarded: Guarded) -> int:
    with guarded.home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.commits)).scalar_one())


def test_each_call_about_one_account_is_held_to_its_entity(north: Guarded) -> None:
    """To Anna's a call goes through, or is refused for a field that it lacks; to berta's it does not."""
    by_entity = {call for call, rule in rules().items() if rule.by_entity and rule.roles & set(OF_AN_ENTITY)}
    before = commits(north)
    assert {call: ask(north, call, "berta") for call in by_entity} == dict.fromkeys(by_entity, "ENTITY_NOT_ALLOWED")
    assert commits(north) == before
    found = {call: ask(north, call, "anna") for call in sorted(by_entity)}
    assert "ENTITY_NOT_ALLOWED" not in found.values()
    assert "ROLE_MISSING" not in found.values()
    assert sum(reason is None for reason in found.values()) >= 10, found


def test_no_call_about_more_than_an_account_is_made(north: Guarded) -> None:
    for call in ("InvoiceService/ListInvoices", "PaymentService/ListPayments", "PaymentService/ListDeposits"):
        assert ask(north, f"ratewright.v1.{call}", "-") == "ENTITY_NOT_ALLOWED", call
    assert ask(north, "ratewright.v1.AccountService/GetAccount", "nobody") == "ENTITY_NOT_ALLOWED"
    for call in ("AccountService/ListAccounts", "LedgerService/ListBalances", "BillRunService/RunBills", "PaymentService/RefundPayment"):
        method: Any = api()[f"ratewright.v1.{call}"]
        made = north.channel("nora").unary_unary(f"/ratewright.v1.{call}", request_serializer=bytes, response_deserializer=bytes)
        with pytest.raises(grpc.RpcError) as refused:
            made(message_factory.GetMessageClass(method.input_type)().SerializeToString(), timeout=20)
        assert (refused.value.code(), reason_of(refused.value)) == (DENIED, "ROLE_MISSING"), call


def test_a_number_without_its_account_is_held_to_the_entity_of_its_account(north: Guarded) -> None:
    """A number of another entity, and one that no document has, are refused alike."""
    reads = invoice_service_pb2_grpc.InvoiceServiceStub(north.channel("nora"))
    [anna], [berta] = (north.world.numbers(name) for name in ("anna", "berta"))
    assert reads.GetInvoice(GetInvoiceRequest(name=f"accounts/-/invoices/{anna}"), timeout=20).number == anna
    for number in (berta, "R-9"):
        with pytest.raises(grpc.RpcError) as refused:
            reads.GetInvoice(GetInvoiceRequest(name=f"accounts/-/invoices/{number}"), timeout=20)
        assert reason_of(refused.value) == "ENTITY_NOT_ALLOWED", number


def test_a_subscription_without_its_account_is_held_to_the_entity_of_its_account(north: Guarded) -> None:
    """One of another entity, and one that is not there, are refused alike."""
    change = account_service_pb2_grpc.AccountServiceStub(north.channel("nora")).ChangeAccount
    day = date_pb2.Date(year=2025, month=11, day=10)

    def asked(subscription: str) -> account_change_pb2.ChangeAccountRequest:
        pause = account_change_pb2.PauseSubscription(subscription=subscription, from_date=day)
        return account_change_pb2.ChangeAccountRequest(name="accounts/-", pause=pause, validate_only=True)

    def terms(named: str) -> account_change_pb2.ChangeAccountRequest:
        agreed = account_change_pb2.RecordTerms(subscription=named, from_date=day, payment_days=7)
        return account_change_pb2.ChangeAccountRequest(name="accounts/-", terms=agreed, validate_only=True)

    assert change(asked("anna-1"), timeout=20).effects
    assert change(terms("anna"), timeout=20).effects
    for each in (asked("berta-1"), asked("nobody-1"), asked("anna"), terms("berta"), terms("nobody")):
        with pytest.raises(grpc.RpcError) as refused:
            change(each, timeout=20)
        assert reason_of(refused.value) == "ENTITY_NOT_ALLOWED", each


def test_roles_that_are_not_of_an_entity(north: Guarded) -> None:
    for role in (Role.ADMIN, Role.APPROVER, Role.SWITCH):
        with pytest.raises(UserError, match="is not of one legal entity"):
            operators.grant(north.home, "nora", role, "of the north", north.who, limits=Limits(entity="north"))
    with pytest.raises(NotFoundError, match="no legal entity is called 'south'"):
        operators.grant(north.home, "nora", Role.FINANCE, "of the south", north.who, limits=Limits(entity="south"))


def test_a_repeat_has_the_answer_of_the_first_time(north: Guarded) -> None:
    """A client sends a call again whose answer was lost: it is not denied what it has done."""
    pay = payment_service_pb2_grpc.PaymentServiceStub(north.channel("nora")).RecordPayment
    first = pay(payment(request_id="monday"), timeout=20)
    again = pay(payment(request_id="monday"), timeout=20)
    assert (again.SerializeToString(), first.payment) == (first.SerializeToString(), "payments/P-1")
    assert {ask(north, "ratewright.v1.PaymentService/RecordPayment", "berta")} == {"ENTITY_NOT_ALLOWED"}


def two_roles(north: Guarded) -> tuple[Any, Any]:
    """Nina has the role finance for the north alone, and agrees anywhere. Her calls of adjustments and of the ledger."""
    for name in ("adjustment_limit_micros", "write_off_limit_micros"):
        set_by_two(north.home, name, "2000000", north.world.tick)
    north.now_us = max(north.now_us, north.world.now_us)
    north.add("nina", Role.APPROVER, days=90)
    operators.grant(north.home, "nina", Role.FINANCE, "of the north", north.who, limits=Limits(entity="north"))
    return entering(north, "nina"), writing_off(north, "nina")


def entering(north: Guarded, name: str) -> Any:  # noqa: ANN401 -- a call
    return adjustment_service_pb2_grpc.AdjustmentServiceStub(north.channel(name)).AddAdjustment


def writing_off(north: Guarded, name: str) -> Any:  # noqa: ANN401 -- a call
    return ledger_service_pb2_grpc.LedgerServiceStub(north.channel(name)).WriteOffInvoice


def credit(account: str, name: str, amount: str = "-1", **more: Any) -> adjustment_service_pb2.AddAdjustmentRequest:  # noqa: ANN401 -- fields of the message
    given = {"date": day("11-10"), "amount": money(amount), "reason_code": "goodwill", "catalogue": "shop", "tax_class": "standard"}
    return adjustment_service_pb2.AddAdjustmentRequest(parent=f"accounts/{account}", adjustment_id=name, **(given | more))


def lost(number: str, amount: str) -> write_off_pb2.WriteOffInvoiceRequest:
    name = f"accounts/-/invoices/{number}"
    return write_off_pb2.WriteOffInvoiceRequest(name=name, date=day("11-10"), reason="lost", amount=money(amount))


def test_who_agrees_anywhere_asks_for_accounts_of_her_entity(north: Guarded) -> None:
    """Up to 2.00 nobody has to agree; above, another person."""
    enter, write_off = two_roles(north)
    [anna], [berta] = (north.world.numbers(name) for name in ("anna", "berta"))
    assert enter(credit("anna", "A-1"), timeout=20).adjustment.entered_by == "nina"
    assert not write_off(lost(anna, "1"), timeout=20).waits
    before = commits(north)
    for call, request in ((enter, credit("berta", "A-2")), (write_off, lost(berta, "1"))):
        assert refused(lambda call=call, sent=request: call(sent, timeout=20))[:2] == (DENIED, "ROLE_MISSING")
    assert commits(north) == before
    entering(north, "the-finance")(credit("berta", "B-1", "-3"), timeout=20)
    writing_off(north, "the-finance")(lost(berta, "3"), timeout=20)
    assert enter(credit("berta", "B-1", "-3"), timeout=20).adjustment.approved_by == "nina"
    assert not write_off(lost(berta, "3"), timeout=20).waits, "she agrees"


def test_a_limited_role_counts_in_no_call_about_more_than_an_account(north: Guarded) -> None:
    """To ask that a run is undone, or a month reopened, needs a role for all entities."""
    two_roles(north)
    runs = bill_run_service_pb2_grpc.BillRunServiceStub(north.channel("nina"))
    undo = bill_run_undo_pb2.UndoBillRunRequest(name="billRuns/1", accounts=["accounts/anna"], reason="wrong")
    assert refused(lambda: runs.UndoBillRun(undo, timeout=20))[:2] == (DENIED, "ROLE_MISSING")


def test_an_id_that_another_entity_has_is_refused_without_a_word_about_it(north: Guarded) -> None:
    north.add("nina", days=90)
    operators.grant(north.home, "nina", Role.FINANCE, "of the north", north.who, limits=Limits(entity="north"))
    entering(north, "the-finance")(credit("berta", "B-1"), timeout=20)
    told = refused(lambda: entering(north, "nina")(credit("anna", "B-1"), timeout=20))
    assert (told[:2], told.metadata["remedy"]) == ((grpc.StatusCode.FAILED_PRECONDITION, "REFUSED"), "give a new one another reference")
    assert told.message == "B-1 cannot be the reference of an adjustment of this account"
    entering(north, "nina")(credit("anna", "A-1"), timeout=20)
    told = refused(lambda: entering(north, "nina")(credit("anna", "A-1", subscription_id="anna-1"), timeout=20))
    assert told.message == "adjustment A-1 exists with another subscription", "no key of the database"


def test_a_transfer_from_another_entity_is_not_taken_back(north: Guarded) -> None:
    """Berta's subscription is anna's now. To take that back changes berta's account, which is of another entity."""
    december = date_pb2.Date(year=2025, month=12, day=10)
    to_anna = {"to_account": "accounts/anna", "date": december, "new_subscription": "anna-9"}
    transfer = account_change_pb2.TransferSubscription(subscription="berta-1", **to_anna)
    change = account_service_pb2_grpc.AccountServiceStub(north.channel("boss")).ChangeAccount
    change(account_change_pb2.ChangeAccountRequest(name="accounts/berta", transfer=transfer), timeout=20)
    back = account_change_pb2.UntransferSubscription(subscription="anna-9", reason="wrong")
    before = commits(north)
    for name in ("accounts/anna", "accounts/-"):
        request = account_change_pb2.ChangeAccountRequest(name=name, untransfer=back)
        with pytest.raises(grpc.RpcError) as refused:
            account_service_pb2_grpc.AccountServiceStub(north.channel("nora")).ChangeAccount(request, timeout=20)
        assert (refused.value.code(), reason_of(refused.value)) == (DENIED, "ENTITY_NOT_ALLOWED"), name
    assert commits(north) == before


def test_a_preview_shows_no_bill_of_another_entity(north: Guarded) -> None:
    """Berta shares a pool with Anna, so that a run bills both: the preview of Anna alone is refused to a role of her entity."""
    accounts = account_service_pb2_grpc.AccountServiceStub(north.channel("boss"))
    december = date_pb2.Date(year=2025, month=12, day=1)
    preview = bill_run_service_pb2_grpc.BillRunServiceStub(north.channel("nora")).PreviewBill
    asked = bill_run_service_pb2.PreviewBillRequest(account="accounts/anna", bill_date=december)
    assert [each.account for each in preview(asked, timeout=20).bills] == ["accounts/anna"]
    joined = account_change_pb2.JoinPool(root="accounts/anna", from_date=december)
    accounts.ChangeAccount(account_change_pb2.ChangeAccountRequest(name="accounts/berta", pool=joined), timeout=20)
    with pytest.raises(grpc.RpcError) as refused:
        preview(asked, timeout=20)
    assert (refused.value.code(), reason_of(refused.value)) == (DENIED, "ENTITY_NOT_ALLOWED")


def test_an_invoice_of_another_entity_is_refused_whether_it_is_there_or_not(north: Guarded) -> None:
    get = invoice_service_pb2_grpc.InvoiceServiceStub(north.channel("nora")).GetInvoice
    for number in (north.world.numbers("berta")[0], "R-0000000099"):
        with pytest.raises(grpc.RpcError) as refused:
            get(invoice_service_pb2.GetInvoiceRequest(name=f"accounts/berta/invoices/{number}"), timeout=20)
        assert (refused.value.code(), reason_of(refused.value)) == (DENIED, "ENTITY_NOT_ALLOWED"), number
