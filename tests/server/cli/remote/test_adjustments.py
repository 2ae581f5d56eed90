"""Commands of charges and credits by hand, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing.operators import Role
from billing.store import tables
from ratewright.v1 import adjustment_service_pb2 as pb
from ratewright.v1 import adjustment_service_pb2_grpc
from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.grpc.calls import refused
from tests.server.grpc.finance.asking import day, micros, money
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
ADD = ("adjustment", "add", "--account", "anna", "--date", "2025-11-05", "--catalogue", "shop", "--tax-class", "standard")
CREDIT = (*ADD, "--reference", "J-1", "--amount", "-12.50", "--reason-code", "goodwill")
MUCH = (*ADD, "--reference", "J-2", "--amount", "250", "--reason-code", "other", "--text", "a phone", "--subscription", "anna-1")
DENIED, INVALID = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
def persons(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """Anna and berta have a bill of October. One person enters up to 100.00 alone."""
    with two_homes(tmp_path, capsys, monkeypatch, bill_two) as made:
        yield made


def stub(persons: Persons, name: str) -> Any:  # noqa: ANN401 -- a stub
    return adjustment_service_pb2_grpc.AdjustmentServiceStub(persons.guarded.channel(name))


def asked(**more: Any) -> pb.AddAdjustmentRequest:  # noqa: ANN401 -- fields of the message
    fields = {"parent": "accounts/anna", "adjustment_id": "J-9", "date": day("11-05"), "amount": money("250"), "reason_code": "goodwill"}
    return pb.AddAdjustmentRequest(**{**fields, "catalogue": "shop", "tax_class": "standard", **more})


def test_add_and_list(persons: Persons) -> None:
    """A credit of 12.50 counts at once, a charge of 250.00 once a second person gives the same command."""
    assert (
        persons(*CREDIT, "--dry-run") == "adjustment J-1 would be: -12.50 CNY for account anna on 2025-11-05 (goodwill), waits for a run\n"
    )
    assert json.loads(persons("adjustment", "list", "--json")) == []
    assert persons(*CREDIT) == "adjustment J-1: -12.50 CNY for account anna on 2025-11-05 (goodwill), waits for a run\n"
    assert persons(*CREDIT) == "adjustment J-1 exists: -12.50 CNY for account anna on 2025-11-05 (goodwill), waits for a run\n"
    assert json.loads(persons(*MUCH, "--json"))["state"] == "waits for approval"
    assert "exists: 250.00 CNY" in persons(*MUCH)
    assert "adjustment J-2  anna     250.00" in persons("approvals", "list")
    with persons.acting("the-approver"):
        told = json.loads(persons(*MUCH, "--json"))
        assert (told["state"], told["approved_by"], told["existed"]) == ("waits for a run", "the-approver", False)
        assert "exists: 250.00 CNY" in persons(*MUCH)
    assert "J-1 exists with amount_micros -12500000, not -1000000" in persons(*CREDIT[:-4], "--amount", "-1", *CREDIT[-2:], status=1)
    assert "no account has the id nobody" in persons(*CREDIT[:3], "nobody", *CREDIT[4:], status=1)
    assert "there is no reason 'mood'" in persons.there(*CREDIT[:-1], "mood", status=2)
    assert len(persons("adjustment", "list").splitlines()) == 3
    told = json.loads(persons("adjustment", "list", "--account", "anna", "--json"))
    assert [(each["reference"], each["amount_micros"], each["approved_by"]) for each in told] == [
        ("J-1", -12_500_000, None),
        ("J-2", 250_000_000, "the-approver"),
    ]
    assert json.loads(persons("adjustment", "list", "--account", "berta", "--json")) == []
    persons("adjustment", "reasons")
    assert json.loads(persons("adjustment", "reasons", "--json"))[0]["names"]["zh"] == "计费差错更正"


def test_who_enters_and_who_approves(persons: Persons) -> None:
    """An approver enters nothing, and nobody else approves: neither another of finance nor an admin. A repeat has the first answer."""
    persons.guarded.add("fin", Role.FINANCE)
    finance, second, approver, boss = (stub(persons, name) for name in ("the-finance", "fin", "the-approver", "boss"))
    role = refused(lambda: approver.AddAdjustment(asked(), timeout=20))
    assert (*role[:2], role.metadata["roles"]) == (DENIED, "ROLE_MISSING", "admin or finance or support")
    assert finance.AddAdjustment(asked(), timeout=20).adjustment.state == "waits for approval"
    for other in (second, boss):
        role = refused(lambda other=other: other.AddAdjustment(asked(), timeout=20))
        assert (*role[:2], role.metadata["roles"]) == (DENIED, "ROLE_MISSING", "approver")
    assert finance.AddAdjustment(asked(), timeout=20).already_recorded
    assert approver.AddAdjustment(asked(validate_only=True), timeout=20).adjustment.state == "waits for a run"
    done = approver.AddAdjustment(asked(request_id="r-1"), timeout=20)
    assert (done.adjustment.state, done.adjustment.entered_by, done.adjustment.approved_by) == (
        "waits for a run",
        "the-finance",
        "the-approver",
    )
    assert approver.AddAdjustment(asked(request_id="r-1"), timeout=20) == done
    with persons.guarded.home.begin() as connection:  # as after a kill between the commit and the answer
        connection.execute(tables.requests.update().values(answer=None))
    assert approver.AddAdjustment(asked(request_id="r-1"), timeout=20) == done
    for number in (1, 2):
        boss.AddAdjustment(asked(adjustment_id=f"K-{number}", amount=money("-1")), timeout=20)
    page = boss.ListAdjustments(pb.ListAdjustmentsRequest(parent="accounts/-", page_size=2), timeout=20)
    rest = boss.ListAdjustments(pb.ListAdjustmentsRequest(parent="accounts/-", page_size=2, page_token=page.next_page_token), timeout=20)
    listed = [(each.adjustment_id, micros(each.amount)) for each in (*page.adjustments, *rest.adjustments)]
    assert listed == [("J-9", 250_000_000), ("K-1", -1_000_000), ("K-2", -1_000_000)]
    for request, code, reason in (
        (asked(parent="accounts/-"), INVALID, "MALFORMED_NAME"),
        (asked(adjustment_id="J-8", amount=None), INVALID, "MALFORMED_REQUEST"),
        (asked(adjustment_id="J-8", amount=money("1", "EUR")), INVALID, "MALFORMED_REQUEST"),
        (asked(adjustment_id="J-8", subscription_id="none"), grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
        (asked(adjustment_id="J-8", date=day("01-01"), amount=money("1")), grpc.StatusCode.FAILED_PRECONDITION, "REFUSED"),
        (asked(amount=money("7")), grpc.StatusCode.FAILED_PRECONDITION, "REFUSED"),
    ):
        assert refused(lambda sent=request: boss.AddAdjustment(sent, timeout=20))[:2] == (code, reason), request
