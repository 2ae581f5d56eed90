"""Operators with several roles, some of them limited to a legal entity each: the role of a call is one that fits what is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.type import date_pb2

from billing import operators
from billing.accounts import entities
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.operators import Limits, Role
from billing.store import tables
from ratewright.v1 import (
    account_change_pb2,
    account_service_pb2_grpc,
    adjustment_service_pb2_grpc,
    payment_agreement_pb2,
    payment_service_pb2_grpc,
)
from ratewright.v1.account_service_pb2 import GetAccountRequest
from server.access import showing
from server.grpc import call_roles, entrance
from server.grpc.call_roles import Fitting
from tests.billing.second_person import set_by_two
from tests.server.access.test_entities import credit
from tests.server.grpc.calls import refused
from tests.server.grpc.finance.asking import day, money
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
DENIED = grpc.StatusCode.PERMISSION_DENIED
MASKED = "C***"  # the name of every customer begins with it
REASON = (entrance.REASON_HEADER, "the customer is on the line")


@pytest.fixture
def parted(guarded: Guarded) -> Guarded:
    """Anna is of the entity `north`, berta of `south`, cara of the one without a name."""
    world = guarded.world
    world.catch_up()
    bill_two(world)
    world.account("cara")
    guarded.now_us = max(guarded.now_us, world.now_us)
    for name, prefix in (("north", "N"), ("south", "S")):
        entities.add(
            guarded.home, entities.Entity(name, f"{name} Ltd", prefix, f"{prefix}C"), Asked(Operator("boss", 1), guarded.who.now_us)
        )
    account = tables.accounts
    with guarded.home.begin() as connection:
        for account_id, entity in (("anna", "north"), ("berta", "south")):
            connection.execute(account.update().where(account.c.account_id == account_id).values(legal_entity=entity))
    return guarded


def operator(guarded: Guarded, *roles: tuple[Role, str | None]) -> None:
    """Let mix be an operator with these roles, each for an entity; None: for all."""
    everywhere = [role for role, entity in roles if entity is None]
    guarded.add("mix", *everywhere, days=90)
    for role, entity in roles:
        if entity is not None:
            operators.grant(guarded.home, "mix", role, "of one", guarded.who, limits=Limits(entity=entity))


def shown_name(guarded: Guarded, account: str, *metadata: tuple[str, str]) -> str:
    get = account_service_pb2_grpc.AccountServiceStub(guarded.channel("mix", *metadata)).GetAccount
    return str(get(GetAccountRequest(name=f"accounts/{account}"), timeout=20).display_name)


def promise(guarded: Guarded, account: str, request_id: str, *metadata: tuple[str, str]) -> Any:  # noqa: ANN401 -- a message
    asked = payment_agreement_pb2.RecordPromiseRequest(
        parent=f"accounts/{account}",
        promise_id=f"{account}-1",
        amount=money("1.00"),
        promise_date=day("11-10"),
        due_date=day("11-20"),
        request_id=request_id,
    )
    return payment_service_pb2_grpc.PaymentServiceStub(guarded.channel("mix", *metadata)).RecordPromise(asked, timeout=20)


def trail(guarded: Guarded, call: str) -> list[tuple[str, str]]:
    """Outcome and role of the entries of a call by mix, the oldest first; of commits the outcome is `commit`."""
    found = [each for each in showing.entries(guarded.home) if each.operator == "mix" and each.call.endswith(f"/{call}")]
    return [(each.outcome.partition(" ")[0], each.roles) for each in found]


def test_the_role_for_the_entity_asked_about_masks_and_is_recorded(parted: Guarded) -> None:
    operator(parted, (Role.SUPPORT, "north"), (Role.FINANCE, "south"))
    assert shown_name(parted, "berta") != MASKED
    assert shown_name(parted, "anna") == MASKED
    assert shown_name(parted, "anna", REASON) != MASKED
    told = refused(lambda: shown_name(parted, "cara"))
    assert (told.code, told.reason) == (DENIED, "ENTITY_NOT_ALLOWED")
    parted.stop()
    assert trail(parted, "GetAccount") == [
        ("OK", "finance"),
        ("OK", "support"),
        ("OK", "support"),
        ("PERMISSION_DENIED", "finance,support"),  # none of them fits
    ]


def test_a_repeat_of_a_legal_call_is_answered_to_an_operator_of_two_entities(parted: Guarded) -> None:
    """As support of the north it sees the name masked, at the first call and at the repeat; as finance of the south whole."""
    operator(parted, (Role.SUPPORT, "north"), (Role.FINANCE, "south"))
    for account in ("anna", "berta"):
        assert promise(parted, account, f"of-{account}") == promise(parted, account, f"of-{account}")
    parted.stop()
    of_commit = [each for each in trail(parted, "RecordPromise") if each[0] == "commit"]
    assert sorted(of_commit) == [("commit", "finance"), ("commit", "support")]
    assert [each for each in trail(parted, "RecordPromise") if each[0] == "OK"] == [("OK", "support")] * 2 + [("OK", "finance")] * 2


def test_of_two_roles_that_fit_the_one_that_shows_more_is_used(parted: Guarded) -> None:
    operator(parted, (Role.AUDITOR, None), (Role.OPERATOR, "north"), (Role.SUPPORT, "south"))
    assert shown_name(parted, "anna") != MASKED
    assert [shown_name(parted, name) for name in ("berta", "cara")] == [MASKED, MASKED]
    assert shown_name(parted, "berta", REASON) != MASKED
    parted.stop()
    assert trail(parted, "GetAccount") == [("OK", "operator"), ("OK", "auditor"), ("OK", "auditor"), ("OK", "support")]


def test_a_repeat_shows_no_more_than_the_role_that_is_left(parted: Guarded) -> None:
    """The first call was made as finance of the north. As support for all entities mix needs a reason."""
    operator(parted, (Role.SUPPORT, None), (Role.FINANCE, "north"))
    first = promise(parted, "anna", "once")
    operators.revoke_grant(parted.home, "mix", Role.FINANCE, "moved", parted.who)
    told = refused(lambda: promise(parted, "anna", "once"))
    assert (told.code, told.reason) == (DENIED, "REPEAT_NOT_ALLOWED")
    assert promise(parted, "anna", "once", REASON) == first
    parted.stop()
    assert [role for _, role in trail(parted, "RecordPromise")] == ["finance", "finance", "support", "support"]


def test_a_repeat_by_a_role_that_became_narrower_is_answered(parted: Guarded) -> None:
    """Finance of all entities first, then of the north alone, of which anna is: her name is whole both times."""
    operator(parted, (Role.FINANCE, None))
    first = promise(parted, "anna", "once")
    operators.revoke_grant(parted.home, "mix", Role.FINANCE, "moved", parted.who)
    operators.grant(parted.home, "mix", Role.FINANCE, "of one", parted.who, limits=Limits(entity="north"))
    assert promise(parted, "anna", "once") == first
    told = refused(lambda: promise(parted, "berta", "another"))
    assert (told.code, told.reason) == (DENIED, "ENTITY_NOT_ALLOWED")


def test_a_call_about_two_entities_has_a_role_for_each(parted: Guarded) -> None:
    """Berta pays for anna. The repeat is answered, until a role is taken."""
    operator(parted, (Role.OPERATOR, "north"), (Role.FINANCE, "south"))
    change = account_service_pb2_grpc.AccountServiceStub(parted.channel("mix")).ChangeAccount
    begins = date_pb2.Date(year=2026, month=1, day=1)
    asked = account_change_pb2.ChangeAccountRequest(
        name="accounts/anna", payer=account_change_pb2.AgreePayer(payer="accounts/berta", from_date=begins), request_id="once"
    )
    assert change(asked, timeout=20) == change(asked, timeout=20)
    operators.revoke_grant(parted.home, "mix", Role.FINANCE, "moved", parted.who)
    assert refused(lambda: change(asked, timeout=20)).reason == "REPEAT_NOT_ALLOWED"
    parted.stop()
    assert trail(parted, "ChangeAccount")[:3] == [(each, "finance,operator") for each in ("commit", "OK", "OK")]


def test_who_agrees_does_so_as_approver(parted: Guarded) -> None:
    """1 is within the limit of one person, 3 above it: finance of the north asks, and mix agrees by its other role."""
    set_by_two(parted.home, "adjustment_limit_micros", "2000000", parted.world.tick)
    parted.now_us = max(parted.now_us, parted.world.now_us)
    operator(parted, (Role.APPROVER, None), (Role.FINANCE, "north"))
    mine, others = (
        adjustment_service_pb2_grpc.AdjustmentServiceStub(parted.channel(name)).AddAdjustment for name in ("mix", "the-finance")
    )
    mine(credit("anna", "A-1"), timeout=20)
    others(credit("anna", "A-2", "-3"), timeout=20)
    assert mine(credit("anna", "A-2", "-3"), timeout=20).adjustment.approved_by == "mix"
    parted.stop()
    assert [role for outcome, role in trail(parted, "AddAdjustment") if outcome == "OK"] == ["finance", "approver"]


FITTING = [
    # everywhere, limited, entities asked about, reason -> roles
    ("auditor", "", None, False, "auditor"),
    ("auditor finance", "", None, False, "finance"),
    ("admin finance", "", None, False, "admin"),
    ("support auditor", "", None, False, "auditor"),
    ("support auditor", "", None, True, "support"),
    ("", "finance:north auditor:south", None, False, "auditor,finance"),
    ("", "finance:north auditor:south", {"south"}, False, "auditor"),
    ("", "finance:north auditor:south", {"north", "south"}, False, "auditor,finance"),
    ("", "finance:north auditor:north", {"north"}, False, "finance"),
    ("approver", "finance:north", {"south"}, False, "approver"),
    ("approver", "finance:north", {None}, False, "approver"),
    ("", "finance:north", {"south"}, False, ""),
]


@pytest.mark.parametrize(("everywhere", "limited", "about", "has_reason", "wanted"), FITTING)
def test_the_roles_that_are_chosen(everywhere: str, limited: str, about: set[str | None] | None, has_reason: bool, wanted: str) -> None:  # noqa: FBT001 -- a column of the table
    of_one = frozenset((Role(role), entity) for role, _, entity in (each.partition(":") for each in limited.split()))
    fitting = Fitting(frozenset(map(Role, everywhere.split())), of_one)
    assert fitting.names(about, has_reason=has_reason) == wanted
    assert call_roles.Fitting(fitting.everywhere, of_one).within(frozenset({Role.FINANCE})).names(about, has_reason=has_reason) in {
        "",
        "finance",
    }
