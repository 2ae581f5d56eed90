"""Accounts over gRPC: as the command shows them, in pages, by number; masked by role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing.accounts import lookup
from billing.operators import Role
from ratewright.v1 import account_service_pb2 as pb
from ratewright.v1 import account_service_pb2_grpc
from server.access import showing
from server.access.masking import Mask, mask_for
from server.grpc import entrance
from tests.server.access.test_approvals import refusal

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
ANNA = "accounts/anna"


@pytest.fixture
def people(guarded: Guarded) -> Guarded:
    """Two accounts with a number each."""
    guarded.world.catch_up()
    for name, number in (("anna", "8613800000001"), ("bert", "8613800000002")):
        guarded.world.account(name)
        guarded.world.subscription(f"{name}-1", name, "shop/basic", number)
    guarded.now_us = guarded.world.now_us
    return guarded


def stub(guarded: Guarded, name: str, *metadata: tuple[str, str]) -> Any:  # noqa: ANN401 -- a stub
    return account_service_pb2_grpc.AccountServiceStub(guarded.channel(name, *metadata))


def test_one_account_is_as_the_command_shows_it(people: Guarded) -> None:
    detail = lookup.show_account(people.home, "anna")
    found = stub(people, "the-finance").GetAccount(pb.GetAccountRequest(name=ANNA), timeout=20)
    assert (found.name, found.display_name, found.currency_code) == (ANNA, detail.account.name, detail.account.currency)
    assert [each.subscription for each in found.subscriptions] == [each.subscription_id for each in detail.subscriptions]
    numbers = [[span.number for span in each.numbers] for each in found.subscriptions]
    assert numbers == [[span.served_id for span in each.spans] for each in detail.subscriptions]
    assert found.standing.balance.currency_code == detail.account.currency
    assert (found.standing.balance.units, found.standing.balance.nanos) == (0, 0)


def test_names_and_numbers_are_masked_by_role(people: Guarded) -> None:
    whole = stub(people, "the-finance").GetAccount(pb.GetAccountRequest(name=ANNA), timeout=20)
    number = whole.subscriptions[0].numbers[0].number
    assert len(number) > 4
    masked = "*" * (len(number) - 4) + number[-4:]
    reason = (entrance.REASON_HEADER, "the customer is on the line")
    seen = {}
    for name, metadata in (("the-auditor", ()), ("the-approver", (reason,)), ("the-support", ()), ("the-support", (reason,))):
        found = stub(people, name, *metadata).GetAccount(pb.GetAccountRequest(name=ANNA), timeout=20)
        seen[name, bool(metadata)] = (found.subscriptions[0].numbers[0].number, found.display_name == whole.display_name)
    assert seen == {
        ("the-auditor", False): (masked, False),
        ("the-approver", True): (masked, False),
        ("the-support", False): (masked, False),
        ("the-support", True): (number, True),
    }
    entries = [each for each in showing.entries(people.home) if each.operator == "the-support"]
    assert [(each.subject, each.reason) for each in entries] == [
        (f"account {lookup.key_of(people.home, 'anna')}", ""),
        (f"account {lookup.key_of(people.home, 'anna')}", "the customer is on the line"),
    ]


def test_accounts_in_pages_and_by_number(people: Guarded) -> None:
    finance = stub(people, "the-finance")
    page = finance.ListAccounts(pb.ListAccountsRequest(page_size=1), timeout=20)
    rest = finance.ListAccounts(pb.ListAccountsRequest(page_size=1, page_token=page.next_page_token), timeout=20)
    assert [each.name for each in (*page.accounts, *rest.accounts)] == [ANNA, "accounts/bert"]
    assert rest.next_page_token == ""
    number = finance.GetAccount(pb.GetAccountRequest(name="accounts/bert"), timeout=20).subscriptions[0].numbers[0].number
    found = finance.ListAccounts(pb.ListAccountsRequest(number=number), timeout=20)
    assert [each.name for each in found.accounts] == ["accounts/bert"]
    assert not finance.ListAccounts(pb.ListAccountsRequest(number="0000"), timeout=20).accounts
    other = pb.ListAccountsRequest(number=number, page_token=page.next_page_token)
    assert refusal(finance.ListAccounts, other)[1] == "PAGE_TOKEN"


def test_a_search_tells_nobody_digits_that_are_masked(people: Guarded) -> None:
    """An auditor who may try beginnings of numbers would find each digit in ten searches."""

    def found(name: str, query: str) -> list[tuple[str, str]]:
        answer = stub(people, name).SearchAccounts(pb.SearchAccountsRequest(query=query), timeout=20)
        return [(each.account, each.number.number) for each in answer.matches]

    assert found("the-finance", "86138") == [(ANNA, "8613800000001"), ("accounts/bert", "8613800000002")]
    assert found("the-auditor", "86138") == []
    assert found("the-auditor", "8613800000001") == [(ANNA, "*********0001")]


def test_a_search_tells_nobody_letters_that_are_masked(people: Guarded) -> None:
    def found(name: str, query: str) -> list[tuple[str, str]]:
        answer = stub(people, name).SearchAccounts(pb.SearchAccountsRequest(query=query, search_names=True), timeout=20)
        return [(each.account, each.display_name) for each in answer.matches]

    assert found("the-finance", "tomer b") == [("accounts/bert", "Customer bert")]
    for part in ("tomer b", "customer b", "Customer ber"):
        assert found("the-auditor", part) == []
    assert found("the-auditor", "customer bert") == [("accounts/bert", "C***")]
    assert set(found("the-auditor", "be")) == {("accounts/bert", "C***")}, "ids are not masked"


@pytest.mark.parametrize("number", ["1" * 41, "a b", "\uff11\uff12", "a\0"])
def test_numbers_that_cannot_be(people: Guarded, number: str) -> None:
    found = refusal(stub(people, "the-finance").ListAccounts, pb.ListAccountsRequest(number=number))
    assert found == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST", "number")


def test_accounts_that_are_not_there(people: Guarded) -> None:
    finance = stub(people, "the-finance")
    assert refusal(finance.GetAccount, pb.GetAccountRequest(name="accounts/nobody"))[:2] == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN")
    assert refusal(finance.GetAccount, pb.GetAccountRequest(name="anna"))[1] == "MALFORMED_NAME"


def test_masks() -> None:
    hidden = Mask(hides=True)
    assert [hidden.number(text) for text in ("", "112", "1234", "12345", "8613800001234")] == ["", "**2", "***4", "****5", "*********1234"]
    assert [hidden.number(text) for text in ("123456789", "1234567890")] == ["******789", "******7890"], "four of ten and more"
    assert [hidden.name(text) for text in ("", "Li", "Anna Berg", "王伟", "伟", "欧阳娜娜", "Li Wei")] == ["", "***", "A***", *["***"] * 4]
    roles = {(role, has): mask_for([role], has_reason=has).hides for role in Role for has in (False, True)}
    assert {each for each, hides in roles.items() if not hides} == {
        *((role, has) for role in (Role.OPERATOR, Role.FINANCE, Role.ADMIN) for has in (False, True)),
        (Role.SUPPORT, True),
    }
    assert not mask_for([Role.AUDITOR, Role.FINANCE], has_reason=False).hides
