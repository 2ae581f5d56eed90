"""Commands of write-offs and of months, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing import operators
from billing.operators import OperatorKind, Role
from billing.store import tables
from ratewright.v1 import ledger_month_pb2, ledger_service_pb2_grpc, write_off_pb2
from tests.billing.second_person import set_by_two
from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.grpc.calls import refused
from tests.server.grpc.finance.asking import day, micros, money
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
LOSE = ("ledger", "write-off", "R-1", "--date", "2025-11-10", "--reason", "moved away")
REOPEN = ("ledger", "reopen", "--month", "2025-10", "--reason", "a late invoice")
REFUSED, INVALID, DENIED = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED
INVOICE = "accounts/anna/invoices/R-0000000001"


def within_five(world: World) -> None:
    """One person writes off up to 5.00 alone."""
    bill_two(world)
    world.catch_up()
    set_by_two(world.home, "write_off_limit_micros", "5000000", world.tick)


@pytest.fixture
def persons(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """Anna owes 11.55 (R-1), berta 10.60 (R-2). One person writes off up to 5.00 alone."""
    with two_homes(tmp_path, capsys, monkeypatch, within_five) as made:
        yield made


def stub(persons: Persons, name: str) -> Any:  # noqa: ANN401 -- a stub
    return ledger_service_pb2_grpc.LedgerServiceStub(persons.guarded.channel(name))


def test_write_offs(persons: Persons) -> None:
    """2.00 alone, and back again; all of 11.55 with a second person."""
    part = (*LOSE, "--amount", "2", "--id", "W-1")
    assert persons(*part, "--dry-run") == "2.00 CNY of R-0000000001 is written off\nonly tried: nothing was stored\n"
    assert persons(*part) == "2.00 CNY of R-0000000001 is written off\n"
    assert "that was done before; nothing changed" in persons(*part)
    undo = (*LOSE, "--id", "W-1", "--undo")
    assert persons(*undo, "--dry-run").startswith("2.00 CNY of R-0000000001 is open again\n")
    assert json.loads(persons(*undo, "--json"))["amount_micros"] == 2_000_000
    assert "that was done before" in persons(*undo)
    assert persons(*LOSE) == "11.55 CNY of R-0000000001 waits for another person\n"
    assert "boss has asked for the write-off of R-0000000001, and cannot agree to it" in persons(*LOSE, status=1)
    with persons.acting("the-approver"):
        told = json.loads(persons(*LOSE[:-1], "agreed", "--json"))
        assert (told["amount_micros"], told["waits"], told["existed"]) == (11_550_000, False, False)
        assert "that was done before" in persons(*LOSE[:-1], "agreed")
    again = "11.55 CNY of R-0000000001 is written off: that was done before; nothing changed\n"
    assert persons(*LOSE) == again, "the command of who asked, with another reason than that of the approver"
    shown = [persons("payment", "statement", "anna", "--language", language) for language in ("en", "zh")]
    for text, undone, given in zip(
        shown, ("write off undone", "核销撤销"), ("of R-0000000001 id W-1", "关于 R-0000000001 编号 W-1"), strict=True
    ):
        assert [undone in line for line in text.splitlines() if given in line] == [False, True], text
    assert "11.55 CNY" not in persons(*LOSE[:2], "R-2", *LOSE[3:], "--amount", "11.55", status=1)
    assert "no invoice has the number R-9" in persons(*LOSE[:2], "R-9", *LOSE[3:], status=1)
    persons(*LOSE, "--amount", "x", status=2)
    assert [line.split()[2] for line in persons("ledger", "write-offs").splitlines()[2:]] == ["2025-11-10", "for", "off"]
    assert len(json.loads(persons("ledger", "write-offs", "--invoice", "R-1", "--json"))) == 4
    assert json.loads(persons("ledger", "write-offs", "--invoice", "R-0000000002", "--json")) == []
    assert "no invoice has the number R-9" in persons("ledger", "write-offs", "--invoice", "R-9", status=1)


def test_months_and_revenue(persons: Persons) -> None:
    """October is closed, asked to be open, and open; November earned 10.00 and 0.90 of anna, 10.00 of berta."""
    assert "REVENUE" not in persons("ledger", "revenue", "--month", "2025-11")
    told = json.loads(persons("ledger", "revenue", "--month", "2025-11", "--json"))
    assert sum(each["amount_micros"] for each in told["revenue"]) == 20_900_000
    assert sum(each["amount_micros"] for each in told["tax"]) == 1_250_000
    assert "no legal entity" in persons("ledger", "revenue", "--month", "2025-11", "--entity", "north", status=1)
    assert "2025-13" in persons("ledger", "revenue", "--month", "2025-13", status=2)
    assert "the books for 2025-10 are not closed" in persons(*REOPEN, status=1)
    persons.in_both_homes("ledger", "close", "--month", "2025-10")
    assert persons(*REOPEN) == "2025-10 stays closed until another person gives the same command\n"
    assert "boss has asked for 2025-10 to be reopened, and cannot agree to it" in persons(*REOPEN, status=1)
    with persons.acting("the-approver"):
        assert json.loads(persons(*REOPEN, "--json")) == {"month": "2025-10", "entity": "", "standing": "reopened"}
    listed = json.loads(persons.printed("ledger", "months", "--json", status=0))
    assert [(each["kind"], each["by_name"]) for each in listed] == [
        ("closed", "boss"),
        ("reopen_asked", "boss"),
        ("reopened", "the-approver"),
    ]
    lines = persons("ledger", "months").splitlines()
    assert ["asked to be reopened" in line for line in lines] == [False, False, True, False]
    assert (len(lines), "reopen_asked" in "".join(lines)) == (4, False)


def test_four_eyes_over_both_ways(persons: Persons) -> None:
    """Ana has an account of the system and a token: what she asks for in a shell she cannot agree to by the service; another one can.

    The other way round: what is asked for by the service another person agrees to in a shell.
    """
    guarded = persons.guarded
    guarded.now_us += 1_000_000
    operators.add(guarded.home, "ana", OperatorKind.PERSON, guarded.who, uid=4_000 + sum(b"ana"))
    operators.grant(guarded.home, "ana", Role.APPROVER, "agrees to others", guarded.who)
    guarded.issue("ana")
    persons.behind("ledger", "close", "--month", "2025-10")
    charge = ("adjustment", "add", "--account", "anna", "--date", "2025-11-05", "--amount", "250", "--reason-code", "goodwill")
    charge = (*charge, "--catalogue", "shop", "--tax-class", "standard", "--reference")
    undo = ("bill", "undo", "--run", "1", "--reason", "a wrong price", "--accounts", "berta")
    for words, is_done in ((LOSE, "is written off"), (REOPEN, "is open again"), (undo, "as ana proposed")):
        with persons.acting("ana"):
            persons.behind(*words)
            assert "cannot agree to it" in persons.there(*words, status=1)
        with persons.acting("the-approver"):
            assert is_done in persons.there(*words)
    with persons.acting("ana"):
        persons.behind(*charge, "J-1")
        assert "exists" in persons.there(*charge, "J-1")
    with persons.acting("the-approver"):
        assert "waits for a run" in persons.there(*charge, "J-1")
    with persons.acting("the-finance"):
        assert "waits for approval" in persons.there(*charge, "J-2")
    assert "waits for a run" in persons.behind(*charge, "J-2")


def test_who_asks_and_who_agrees(persons: Persons) -> None:
    """An approver asks for nothing, and nobody else agrees. A repeat has the first answer, also where it never left."""
    finance, approver, boss = (stub(persons, name) for name in ("the-finance", "the-approver", "boss"))

    def lose(**more: Any) -> write_off_pb2.WriteOffInvoiceRequest:  # noqa: ANN401 -- fields of the message
        return write_off_pb2.WriteOffInvoiceRequest(**{"name": INVOICE, "date": day("11-10"), "reason": "moved away", **more})

    def denied(call: Any, request: Any) -> str:  # noqa: ANN401 -- any call
        found = refused(lambda: call(request, timeout=20))
        assert found[:2] == (DENIED, "ROLE_MISSING"), found
        return found.metadata["roles"]

    assert denied(approver.WriteOffInvoice, lose()) == "admin or finance"
    asked = finance.WriteOffInvoice(lose(request_id="r-1"), timeout=20)
    assert (asked.waits, micros(asked.amount)) == (True, 11_550_000)
    assert denied(boss.WriteOffInvoice, lose()) == "approver"
    for other in (lose(amount=money("3")), lose(date=day("11-09"))):
        assert denied(approver.WriteOffInvoice, other) == "admin or finance", "not what was asked for"
    with persons.acting("the-approver"):
        told = persons.there(*LOSE[:4], "2025-11-09", *LOSE[5:], status=1)
    assert told == (
        "error: ratewright.v1.LedgerService/WriteOffInvoice needs the role admin or finance to ask for it; the-approver has approver, "
        "and nothing of that amount and date waits for another person\n"
        "  remedy: agree to what waits as it was asked for: ratewright approvals list\n"
    )
    done = approver.WriteOffInvoice(lose(request_id="r-2"), timeout=20)
    assert (done.waits, done.account, micros(done.amount)) == (False, "accounts/anna", 11_550_000)
    undo = write_off_pb2.UndoWriteOffRequest(name=INVOICE, date=day("11-11"), reason="came back", request_id="r-3")
    opened = finance.UndoWriteOff(undo, timeout=20)
    persons.behind("ledger", "close", "--month", "2025-10")
    reopen = ledger_month_pb2.ReopenMonthRequest(month="2025-10", reason="late", request_id="r-4")
    assert denied(approver.ReopenMonth, reopen) == "admin or finance"
    standing = finance.ReopenMonth(reopen, timeout=20)
    assert denied(boss.ReopenMonth, reopen) == "approver"
    for _ in range(2):
        assert finance.WriteOffInvoice(lose(request_id="r-1"), timeout=20) == asked
        assert approver.WriteOffInvoice(lose(request_id="r-2"), timeout=20) == done
        assert finance.UndoWriteOff(undo, timeout=20) == opened
        assert finance.ReopenMonth(reopen, timeout=20) == standing
        with persons.guarded.home.begin() as connection:  # as after a kill between the commit and the answer
            connection.execute(tables.requests.update().values(answer=None))
    page = finance.ListWriteOffs(write_off_pb2.ListWriteOffsRequest(page_size=2), timeout=20)
    rest = finance.ListWriteOffs(write_off_pb2.ListWriteOffsRequest(page_size=2, page_token=page.next_page_token), timeout=20)
    assert [each.what for each in (*page.acts, *rest.acts)] == ["asked for", "written off", "undone"]
    for request, code, reason in (
        (lose(name="R-1"), INVALID, "MALFORMED_NAME"),
        (lose(name="accounts/berta/invoices/R-0000000001"), grpc.StatusCode.NOT_FOUND, "INVOICE_UNKNOWN"),
        (lose(date=day("12-24")), INVALID, "MALFORMED_REQUEST"),
        (lose(amount=money("1", "EUR"), write_off_id="W-2"), INVALID, "MALFORMED_REQUEST"),
        (lose(amount=money("20"), write_off_id="W-2"), REFUSED, "REFUSED"),
    ):
        assert refused(lambda sent=request: boss.WriteOffInvoice(sent, timeout=20))[:2] == (code, reason), request
