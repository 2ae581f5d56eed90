"""A discount that is agreed with a customer, by every command and call that answers lines: its price id is beyond 32 bits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing.charges.discounts import agreed_price_id
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2_grpc
from server.cli.remote.documents.reading import line_of
from server.client import Connection, Finance
from tests.billing.runs.world import Call
from tests.server.grpc.calls import DEADLINE_S

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.cli.remote.conftest import Both

pytestmark = pytest.mark.slow
LOYAL = -2_590_486_095  # -1 - crc32("loyal"); 32 bits end at -2,147,483,648
NAME = "accounts/carl/invoices/R-0000000003"
AGREE = ("accounts", "discount", "carl", "loyal", "--from", "2025-10-01", "--percent", "10")
# Carl's October: the fee of 10.00, 29 minutes of which 20 are free at 0.10, and 10 % off both. Tax is 6 % of 9.81.
# A discount of the account is below the lines that it is off, by every command and call; its number is 1.
LINES = [("recurring", 10_000_000), ("usage", 900_000), ("discount", -1_090_000), ("tax", 590_000)]


@pytest.fixture
def loyal(both: Both) -> Both:
    """Carl has the discount."""
    for world in (both.twin, both.guarded.world):
        world.catch_up()
        world.account("carl")
        world.subscription("carl-1", "carl", "shop/basic", "1005")
    both(*AGREE)
    for world in (both.twin, both.guarded.world):
        world.catch_up()
        world.take(Call("1005", "2025-10-05T10:00:00", 29 * 60))
    return both


@pytest.fixture
def billed(loyal: Both) -> Both:
    """His October is billed: R-3."""
    for world in (loyal.twin, loyal.guarded.world):
        world.bill("2025-11-01")
    return loyal


def test_before_the_bill(loyal: Both) -> None:
    assert agreed_price_id("loyal") == LOYAL
    for words in (("bill", "unbilled", "carl"), ("bill", "unbilled", "carl", "--language", "zh"), ("accounts", "show", "carl")):
        assert loyal.printed(*words, status=0)
        assert loyal.printed(*words, "--json", status=0)
    preview = ("bill", "preview", "--date", "2025-11-01", "--account", "carl")
    assert "loyal" in loyal.printed(*preview, status=0)
    told = json.loads(loyal.printed(*preview, "--json", status=0))
    lines = told["drafts"][0]["lines"]
    assert [(each["kind"], each["amount_micros"]) for each in lines] == LINES
    assert lines[2]["price_id"] == LOYAL
    assert loyal.printed("bill", "run", "--date", "2025-11-01", "--dry-run", status=0)


def test_an_invoice(billed: Both) -> None:
    """By both ways, as a page of lines, and by the client."""
    lines = json.loads(billed("invoice", "show", "R-3", "--json"))["lines"]
    assert [(each["kind"], each["amount_micros"]) for each in lines] == LINES
    assert [each["price_id"] for each in lines if each["kind"] == "discount"] == [LOYAL]
    assert "loyal" in billed("invoice", "show", "R-3")
    stub = invoice_service_pb2_grpc.InvoiceServiceStub(billed.guarded.channel("boss"))
    page = stub.ListInvoiceLines(pb.ListInvoiceLinesRequest(parent=NAME), timeout=DEADLINE_S).lines
    whole = stub.GetInvoice(pb.GetInvoiceRequest(name=NAME), timeout=DEADLINE_S).lines
    for found in (page, whole):
        assert [(each.kind, each.price_id == each.full_price_id, each.full_price_id < 0) for each in found] == [
            ("recurring", True, False), ("usage", True, False), ("discount", False, True), ("tax", True, False),
        ]  # fmt: skip
        assert (found[2].price_id, found[2].full_price_id) == (0, LOYAL)


def test_every_list_of_lines_has_the_order_of_the_page(billed: Both) -> None:
    """The lines are 1 (the discount), 2 (the fee) and 3 (usage); 4 is tax, which a page has apart."""
    lines = [line.split() for line in billed("invoice", "show", "R-3").splitlines()]
    listed = [words[0] for words in lines if words and words[0].isdigit()]
    assert listed == ["2", "3", "1"]
    for words in (("show", "R-3"), ("explain", "R-3")):
        told = json.loads(billed("invoice", *words, "--json"))["lines"]
        assert [each["line_no"] for each in told] == [2, 3, 1, 4], words
    stub = invoice_service_pb2_grpc.InvoiceServiceStub(billed.guarded.channel("boss"))
    found, token = [], ""
    for _ in LINES:
        page = stub.ListInvoiceLines(pb.ListInvoiceLinesRequest(parent=NAME, page_size=1, page_token=token), timeout=DEADLINE_S)
        found += [each.line_no for each in page.lines]
        token = page.next_page_token
    assert (found, token) == ([2, 3, 1, 4], "")


def test_an_invoice_by_the_client(billed: Both, tmp_path: Path) -> None:
    token = tmp_path / "client.token"
    token.write_text(billed.guarded.tokens["boss"])
    token.chmod(0o600)
    with Connection(str(billed.guarded.service.address), token_file=token) as connection:
        found = Finance(connection).invoice(NAME)
    assert [each.full_price_id for each in found.lines if each.kind == "discount"] == [LOYAL]


def test_every_other_command_that_answers_lines(billed: Both) -> None:
    for words in (
        ("invoice", "list", "--account", "carl"),
        ("invoice", "usage", "R-3"),
        ("invoice", "explain", "R-3"),
        *(("invoice", "explain", "R-3", number) for number in (1, 2, 3, 4)),
        ("payment", "statement", "carl"),
        ("ledger", "revenue", "--month", "2025-10"),
        ("ledger", "ageing", "--date", "2025-11-01"),
        ("quote", "--compare", "--account", "carl", "--period", "2025-10"),
        ("accounts", "show", "carl"),
    ):
        assert billed.printed(*words, status=0)
        assert json.loads(billed.printed(*words, "--json", status=0))
    credit = ("invoice", "credit", "R-3", "--id", "N-1", "--effect", "outside", "--reason", "goodwill", "--date", "2025-11-13")
    assert "10.40 CNY" in billed(*credit, "--dry-run")


def test_a_preview_of_a_reissue(billed: Both) -> None:
    billed("invoice", "void", "R-3", "--reason", "wrong address", "--date", "2025-11-13")
    told = json.loads(billed.printed("invoice", "reissue", "R-3", "--dry-run", "--json", status=0))
    assert [(each["kind"], each["amount_micros"]) for each in told["drafts"][0]["lines"]] == LINES
    assert told["drafts"][0]["lines"][2]["price_id"] == LOYAL
    billed("invoice", "reissue", "R-3")
    assert [each["price_id"] for each in json.loads(billed("invoice", "show", "R-4", "--json"))["lines"] if each["kind"] == "discount"]


def test_a_service_of_before_fills_the_small_field_alone() -> None:
    """`line_of` takes that; of both fields the one that holds every id."""
    line = pb.InvoiceLine(kind="usage", price_id=7)
    for each in ("period_from", "period_to"):
        getattr(line, each).year, getattr(line, each).month, getattr(line, each).day = 2025, 11, 1
    assert line_of(line).price_id == 7
    line.full_price_id = LOYAL
    assert line_of(line).price_id == LOYAL
