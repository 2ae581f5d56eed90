"""Repeats of writes with a `request_id` after the roles of their operator were changed, and those whose first call was cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from google.protobuf.empty_pb2 import Empty
from google.type import date_pb2

from billing import acting, operators
from billing.accounts import entities
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.operators import Limits, Role
from billing.store import tables
from ratewright.v1 import account_service_pb2_grpc, payment_service_pb2_grpc, usage_service_pb2_grpc
from ratewright.v1 import suspense_pb2 as pb
from ratewright.v1 import suspense_proposal_pb2 as proposal_pb
from ratewright.v1.account_change_pb2 import AgreePayer, ChangeAccountRequest
from rating.errors import UserError
from server.access import showing
from server.grpc import calls, entrance
from tests.billing.runs.world import Call
from tests.server.access.test_approvals import refusal
from tests.server.grpc.finance.asking import payment
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.payments.writing import Act
    from billing.store.home import Home
    from ratewright.v1.payment_service_pb2 import RecordPaymentRequest
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
PAY = "ratewright.v1.PaymentService/RecordPayment"
RULE = pb.CorrectionRule(source="switch", served=pb.NumberChange(begins="1380000", digits=11, add="86"))
REJECT = proposal_pb.RejectSuspenseProposalRequest(name="suspenseProposals/1", note="a mistake", request_id="back")


@pytest.fixture
def parted(guarded: Guarded) -> Guarded:
    """Anna is of the entity `north`, berta of `south`. Nora has the role finance for the north."""
    guarded.world.catch_up()
    bill_two(guarded.world)
    guarded.now_us = max(guarded.now_us, guarded.world.now_us)
    for name, prefix in (("north", "N"), ("south", "S")):
        entities.add(
            guarded.home, entities.Entity(name, f"{name} Ltd", prefix, f"{prefix}C"), Asked(Operator("boss", 1), guarded.who.now_us)
        )
    move(guarded, "anna", "north")
    move(guarded, "berta", "south")
    guarded.add("nora", days=90)
    give(guarded, "north")
    return guarded


def move(guarded: Guarded, account_id: str, entity: str) -> None:
    with guarded.home.begin() as connection:
        connection.execute(tables.accounts.update().where(tables.accounts.c.account_id == account_id).values(legal_entity=entity))


def give(guarded: Guarded, entity: str | None) -> None:
    """Let nora have the role finance for an entity; None: for all."""
    operators.grant(guarded.home, "nora", Role.FINANCE, "a test", guarded.who, limits=Limits(entity=entity))


def take(guarded: Guarded) -> None:
    operators.revoke_grant(guarded.home, "nora", Role.FINANCE, "moved", guarded.who)


def pay(guarded: Guarded) -> tuple[Callable[..., Any], RecordPaymentRequest]:
    return payment_service_pb2_grpc.PaymentServiceStub(guarded.channel("nora")).RecordPayment, payment(request_id="monday")


def ends(guarded: Guarded, call: str) -> list[tuple[str, str]]:
    """Outcome and subject of the trail's entries of a call, the oldest first."""
    found = [(each.outcome, each.subject) for each in showing.entries(guarded.home) if each.call == call]
    return [each for each in found if not each[0].startswith("commit")]


def test_a_repeat_shows_nothing_of_an_entity_that_its_operator_has_left(parted: Guarded) -> None:
    call, request = pay(parted)
    call(request, timeout=20)
    take(parted)
    give(parted, "south")
    assert refusal(call, request)[1] == "ENTITY_NOT_ALLOWED"
    parted.stop()
    (_, of_first), (_, of_repeat) = ends(parted, PAY)
    assert of_first == of_repeat == "account 1"


def test_a_repeat_of_a_call_under_no_limits_is_answered_to_the_role_of_its_entity(parted: Guarded) -> None:
    """Anna is of the north, and the answer tells of her alone."""
    take(parted)
    give(parted, None)
    call, request = pay(parted)
    first = call(request, timeout=20)
    take(parted)
    give(parted, "north")
    assert call(request, timeout=20) == first
    take(parted)
    give(parted, "south")
    assert refusal(call, request)[1] == "ENTITY_NOT_ALLOWED"


@pytest.mark.parametrize(("payer", "reason"), [("berta", "REPEAT_NOT_ALLOWED"), ("anders", "")])
def test_a_repeat_about_two_accounts_needs_a_role_for_both(parted: Guarded, payer: str, reason: str) -> None:
    """Berta, of the south, or anders, of the north, pays for anna. The first call is made under no limits."""
    parted.world.account("anders")
    parted.now_us = max(parted.now_us, parted.world.now_us)
    move(parted, "anders", "north")
    take(parted)
    give(parted, None)
    call = account_service_pb2_grpc.AccountServiceStub(parted.channel("nora")).ChangeAccount
    agreed = AgreePayer(payer=f"accounts/{payer}", from_date=date_pb2.Date(year=2026, month=1, day=1))
    request = ChangeAccountRequest(name="accounts/anna", payer=agreed, request_id="payer")
    first = call(request, timeout=20)
    take(parted)
    give(parted, "north")
    if reason:
        assert refusal(call, request)[1] == reason
        give(parted, "south")
    assert call(request, timeout=20) == first


def test_a_repeat_about_an_account_without_an_entity_needs_a_role_for_all(parted: Guarded) -> None:
    parted.world.account("cara")
    parted.now_us = max(parted.now_us, parted.world.now_us)
    take(parted)
    give(parted, None)
    call, request = pay(parted)
    request.parent = "accounts/cara"
    first = call(request, timeout=20)
    take(parted)
    give(parted, "north")
    assert refusal(call, request)[1] == "ENTITY_NOT_ALLOWED"
    move(parted, "cara", "north")
    assert refusal(call, request)[1] == "REPEAT_NOT_ALLOWED"
    give(parted, None)
    assert call(request, timeout=20) == first


def test_an_account_that_is_of_another_entity_since_is_not_shown(parted: Guarded) -> None:
    call, request = pay(parted)
    first = call(request, timeout=20)
    move(parted, "anna", "south")
    assert refusal(call, request)[1] == "ENTITY_NOT_ALLOWED"
    move(parted, "anna", "north")
    assert call(request, timeout=20) == first


def test_a_repeat_under_more_entities_is_answered_with_its_subject(parted: Guarded) -> None:
    call, request = pay(parted)
    first = call(request, timeout=20)
    give(parted, "south")
    assert call(request, timeout=20) == first
    parted.stop()
    assert ends(parted, PAY) == [("OK", "account 1")] * 2


def test_a_request_of_an_earlier_version_is_answered_to_those_who_see_all(parted: Guarded) -> None:
    call, request = pay(parted)
    first = call(request, timeout=20)
    changed = "UPDATE requests SET fields = json_remove(fields, '$.\"(terms)\"', '$.\"(subject)\"')"
    if parted.home.engine.dialect.name == "postgresql":
        changed = "UPDATE requests SET fields = (fields::jsonb - '(terms)' - '(subject)')::text"
    assert parted.world.changed(changed) == 1
    assert refusal(call, request)[1] == "REPEAT_NOT_ALLOWED"
    give(parted, None)
    assert call(request, timeout=20) == first


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_repeat_shows_no_number_that_is_masked_by_now(guarded: Guarded, is_answered: bool) -> None:  # noqa: FBT001 -- a parameter
    """Mia saw numbers whole; the proposal that she rejected names `1380000` in its rule."""
    world = guarded.world
    world.catch_up()
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    world.take(Call("13800000001", "2025-10-06T10:00", 600))
    world.bill("2025-11-01")
    guarded.now_us = world.now_us
    guarded.add("mia", Role.OPERATOR)
    usage = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("mia"))
    usage.CorrectSuspense(pb.CorrectSuspenseRequest(rule=RULE, note="of 13800000001"), timeout=20)
    first = usage.RejectSuspenseProposal(REJECT, timeout=20)
    assert "1380000" in first.text
    if not is_answered:
        assert world.changed("UPDATE requests SET answer = NULL WHERE request_id = 'back'") == 1, "cut off behind its commit"
    operators.revoke_grant(guarded.home, "mia", Role.OPERATOR, "moved", guarded.who)
    operators.grant(guarded.home, "mia", Role.APPROVER, "moved", guarded.who)
    code, reason, _ = refusal(usage.RejectSuspenseProposal, REJECT)
    assert (code.name, reason) == ("PERMISSION_DENIED", "REPEAT_NOT_ALLOWED")
    operators.grant(guarded.home, "mia", Role.FINANCE, "sees numbers", guarded.who)
    assert usage.RejectSuspenseProposal(REJECT, timeout=20) == first
    guarded.stop()
    assert set(ends(guarded, "ratewright.v1.UsageService/RejectSuspenseProposal")[1:]) == {
        ("PERMISSION_DENIED", "suspense proposal 1"),
        ("OK", "suspense proposal 1"),
    }


@pytest.mark.parametrize("is_refused", [True, False])
def test_one_of_two_at_once_is_answered_by_a_trial_of_its_own(guarded: Guarded, is_refused: bool) -> None:  # noqa: FBT001 -- a parameter
    """The other call was killed behind its commit. What answers it again takes a number of a commit, and is undone."""
    home = guarded.home
    tried = []

    def other() -> None:
        now = acting.current()
        assert now.request is not None
        with acting.acting_as(now._replace(request=now.request._replace(nonce=b"another"))):
            commit(home, guarded.now_us)

    def act(_: Act) -> Empty:
        other()
        if is_refused:
            raise UserError("it was done a moment ago", "look at it")
        return Empty()

    def recover(_: int) -> Empty:
        tried.append(commit(home, guarded.now_us, dry_run=True))
        return Empty()

    actor = acting.of_process(PAY)
    with acting.acting_as(actor):
        calls.write(calls.Door(home, lambda: guarded.now_us), payment(request_id="one"), mock.Mock(), Empty, act, recover)
    assert len(tried) == 1
    assert entrance.caller() is None


def commit(home: Home, now_us: int, *, dry_run: bool = False) -> int:
    with home.begin(dry_run=dry_run) as connection:
        return home.next_commit_seq(connection, "payment", now_us)
