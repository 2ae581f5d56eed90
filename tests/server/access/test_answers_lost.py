"""Repeats of calls whose answer was lost: they tell what their own commit stored, whatever others did before and since."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from billing import payments
from billing.operators import Role
from ratewright.v1 import (
    bill_run_service_pb2_grpc,
    bill_run_undo_pb2,
    settings_service_pb2,
    settings_service_pb2_grpc,
)
from tests.server.grpc.finance.asking import micros

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
LIMIT = "settings/write_off_limit_micros"


@pytest.fixture
def billed(guarded: Guarded) -> Guarded:
    """Run 1 billed anna (R-1) and berta (R-2); a credit of 4.00 that anna had before pays part of R-1. `ola` is another operator."""
    guarded.world.catch_up()
    for place, name in enumerate(("anna", "berta")):
        guarded.world.account(name)
        guarded.world.subscription(f"{name}-1", name, "shop/basic", f"100{place}")
    payments.record(guarded.home, "P-0", "anna", 4_000_000, dt.date(2025, 1, 2), "", guarded.world.tick())
    guarded.world.bill("2025-11-01")
    guarded.now_us = max(guarded.now_us, guarded.world.now_us)
    guarded.add("ola", Role.OPERATOR)
    return guarded


def repeated(guarded: Guarded, call: Callable[..., Any], request: Any) -> Any:  # noqa: ANN401 -- a call and its message
    """The answer of a repeat after a kill between the commit and the answer."""
    assert guarded.world.changed("UPDATE requests SET answer = NULL")
    return call(request, timeout=20)


def undo(guarded: Guarded, name: str) -> Callable[..., Any]:
    found: Any = bill_run_service_pb2_grpc.BillRunServiceStub(guarded.channel(name))
    return found.UndoBillRun  # type: ignore[no-any-return]  # a stub by its name


def run_1(request_id: str, *accounts: str) -> bill_run_undo_pb2.UndoBillRunRequest:
    named = [f"accounts/{each}" for each in accounts]
    return bill_run_undo_pb2.UndoBillRunRequest(name="billRuns/1", accounts=named, reason="wrong", request_id=request_id)


def numbers(answer: bill_run_undo_pb2.BillRunUndo) -> list[str]:
    return [each.number for each in answer.documents]


def test_an_undo_was_proposed_for_the_same_accounts(billed: Guarded) -> None:
    """Ola proposes it for berta before the approver agrees to what the operator proposed for anna."""
    ask, other, agree = (undo(billed, name) for name in ("the-operator", "ola", "the-approver"))
    asked = ask(run_1("u-1", "anna"), timeout=20)
    of_berta = other(run_1("u-2", "berta"), timeout=20)
    agreed = agree(run_1("u-3", "anna"), timeout=20)
    assert (agreed.proposed_by, numbers(agreed), agreed.account_count, agreed.other_count) == ("the-operator", ["R-0000000001"], 1, 1)
    assert [micros(each) for each in agreed.freed] == [4_000_000]
    assert agreed.posting_count
    assert repeated(billed, agree, run_1("u-3", "anna")) == agreed
    assert repeated(billed, ask, run_1("u-1", "anna")) == asked
    assert repeated(billed, other, run_1("u-2", "berta")) == of_berta


def test_the_undo_of_the_rest_has_the_documents_that_it_made_void(billed: Guarded) -> None:
    """The last account is undone by a proposal that names it, though another one, of all, waits."""
    ask, other, agree = (undo(billed, name) for name in ("the-operator", "ola", "the-approver"))
    ask(run_1("u-1", "anna"), timeout=20)
    first = agree(run_1("u-2", "anna"), timeout=20)
    ask(run_1("u-3", "berta"), timeout=20)
    of_all = other(run_1("u-4"), timeout=20)
    rest = agree(run_1("u-5", "berta"), timeout=20)
    assert (numbers(first), numbers(of_all), numbers(rest)) == (["R-0000000001"], ["R-0000000002"], ["R-0000000002"])
    assert (rest.proposed_by, rest.account_count, rest.other_count) == ("the-operator", 1, 0)
    assert repeated(billed, agree, run_1("u-5", "berta")) == rest
    assert repeated(billed, agree, run_1("u-2", "anna")) == first
    assert repeated(billed, other, run_1("u-4")) == of_all


def test_a_proposal_that_is_taken_back(billed: Guarded) -> None:
    service: Any = bill_run_service_pb2_grpc.BillRunServiceStub(billed.channel("the-approver"))
    undo(billed, "the-operator")(run_1("u-1"), timeout=20)
    asked = bill_run_undo_pb2.WithdrawBillRunUndoRequest(name="billRuns/1", reason="right after all", request_id="u-2")
    withdrawn = service.WithdrawBillRunUndo(asked, timeout=20)
    undo(billed, "ola")(run_1("u-3"), timeout=20)
    undo(billed, "the-approver")(run_1("u-4"), timeout=20)
    assert (withdrawn.state, withdrawn.proposed_by, len(withdrawn.documents)) == ("withdrawn", "the-operator", 2)
    assert repeated(billed, service.WithdrawBillRunUndo, asked) == withdrawn


def test_a_setting_is_as_the_call_left_it(guarded: Guarded) -> None:
    """Tightened by finance, then by the admin; loosened by two proposals, of which the second one is agreed to; then tightened again."""
    finance, boss, approver = (
        settings_service_pb2_grpc.SettingsServiceStub(guarded.channel(name)) for name in ("the-finance", "boss", "the-approver")
    )

    def setting(value: str, request_id: str, reason: str = "") -> settings_service_pb2.SetSettingRequest:
        return settings_service_pb2.SetSettingRequest(name=LIMIT, value=value, reason=reason, request_id=request_id)

    asked = setting("5000000", "s-1", "debts")
    first = finance.SetSetting(asked, timeout=20)
    assert (first.setting.value, first.setting.proposal.value, first.setting.proposal.asked_by) == ("0", "5000000", "the-finance")
    other = boss.SetSetting(setting("9000000", "s-2", "more"), timeout=20)
    assert repeated(guarded, finance.SetSetting, asked) == first, "not the proposal of the admin"
    agree = settings_service_pb2.ApproveSettingRequest(name=LIMIT, request_id="s-3")
    agreed = approver.ApproveSetting(agree, timeout=20)
    tight = finance.SetSetting(setting("4000000", "s-4"), timeout=20)
    last = boss.SetSetting(setting("3000000", "s-5"), timeout=20)
    assert [(each.value, each.set_by, each.agreed_by) for each in (agreed, tight.setting, last.setting)] == [
        ("9000000", "boss", "the-approver"),
        ("4000000", "the-finance", ""),
        ("3000000", "boss", ""),
    ]
    assert repeated(guarded, finance.SetSetting, asked) == first
    assert repeated(guarded, boss.SetSetting, setting("9000000", "s-2", "more")) == other
    assert repeated(guarded, approver.ApproveSetting, agree) == agreed
    assert repeated(guarded, finance.SetSetting, setting("4000000", "s-4")) == tight
