"""Quotes, invoices, dunning and health of a running server. Needs a loopback port."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf import timestamp_pb2
from google.type import date_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from billing import catalogue, dunning
from billing.ledger.closed_months import Who
from ratewright.v1 import dunning_service_pb2 as dunning_pb
from ratewright.v1 import dunning_service_pb2_grpc as dunning_grpc
from ratewright.v1 import invoice_service_pb2 as invoice_pb
from ratewright.v1 import invoice_service_pb2_grpc as invoice_grpc
from ratewright.v1 import rating_service_pb2 as rating_pb
from ratewright.v1 import rating_service_pb2_grpc as rating_grpc
from server.grpc import convert
from server.grpc.service import SERVICE_NAMES
from tests.billing.runs.world import Call, price_of, shop
from tests.server.grpc.calls import DEADLINE_S, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.grpc.service import Service
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
START_S = 1_760_000_000
NOVEMBER_2 = date_pb2.Date(year=2025, month=11, day=2)


@pytest.fixture
def quote(channel: grpc.Channel) -> Callable[..., rating_pb.QuoteResponse]:
    stub = rating_grpc.RatingServiceStub(channel)

    def ask(**changes: object) -> rating_pb.QuoteResponse:
        fields: dict[str, object] = {
            "plan": "shop/basic",
            "service": rating_pb.SERVICE_VOICE,
            "start_time": timestamp_pb2.Timestamp(seconds=START_S),
            "duration_us": 61_000_000,
            "destination": "8613900000001",
            **changes,
        }
        request = rating_pb.QuoteRequest(**{name: value for name, value in fields.items() if value is not None})  # type: ignore[arg-type] # fields by name
        return stub.Quote(request, timeout=DEADLINE_S)

    return ask


def test_a_quote_is_the_charge_and_where_it_comes_from(quote: Callable[..., rating_pb.QuoteResponse]) -> None:
    answer = quote()
    assert (answer.status, answer.charge_micros, answer.chargeable_qty, answer.free_qty) == ("RATED", 200_000, 120_000, 0)
    assert (answer.charge.currency_code, answer.charge.units, answer.charge.nanos) == ("CNY", 0, 200_000_000)
    assert (answer.price_id, answer.zone_id, answer.catalogue, answer.catalogue_version) == (100, 1, "shop", 1)
    assert len(answer.catalogue_hash) == 32
    assert "0.20" in answer.explanation
    assert quote(language_code="zh-CN").explanation != answer.explanation


def test_an_allowance_pays_from_the_head(quote: Callable[..., rating_pb.QuoteResponse]) -> None:
    answer = quote(allowance_left_qty=60_000)
    assert (answer.charge_micros, answer.free_qty) == (100_000, 60_000)
    free = quote(allowance_left_qty=10**9)
    assert (free.status, free.charge_micros, free.free_qty) == ("ZERO_RATED", 0, 120_000)
    assert (free.gross_micros, quote().gross_micros) == (0, 200_000)
    assert quote(allowances_left={"free minutes": 60_000}) == answer


def test_what_is_known_of_the_event_is_told_back(quote: Callable[..., rating_pb.QuoteResponse]) -> None:
    """The shop asks for none of it, so the charge stays the same, and the explanation says what was told."""
    told = {"origin": "4930", "on_net": False, "friend": True, "visited_plmn": 262_001, "rating_group": 7, "customer_group": 5}
    answer = quote(**told, direction=rating_pb.DIRECTION_TERMINATING, content_amount_micros=0, home_time_zone="Europe/Berlin")
    assert answer.charge_micros == 200_000
    for word in ("incoming", "off-net", "262-01", "chosen number"):
        assert word in answer.explanation
    assert "outgoing" in quote().explanation


REFUSED_QUOTES = [
    ({"plan": "shop/none"}, grpc.StatusCode.NOT_FOUND, "UNKNOWN_PLAN"),
    ({"plan": ""}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"service": 0}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"service": 99}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"start_time": timestamp_pb2.Timestamp(seconds=START_S, nanos=-1)}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"start_time": timestamp_pb2.Timestamp(seconds=START_S, nanos=10**9)}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"start_time": None}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"duration_us": None}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"duration_us": None, "units": 1}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"allowance_left_qty": -1}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"allowances_left": {"hours": 1}}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"allowances_left": {"free minutes": -1}}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"caps_spent_micros": {"ceiling": 1}}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"counted_qty": {"National calls": 1}}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    (
        {"allowances_left": {"free minutes": 1}, "allowance_units": {"free minutes": "HOUR"}},
        grpc.StatusCode.INVALID_ARGUMENT,
        "MALFORMED_REQUEST",
    ),
    (
        {"allowances_left": {"free minutes": 1}, "allowance_units": {"free minutes": "BYTE"}},
        grpc.StatusCode.INVALID_ARGUMENT,
        "MALFORMED_REQUEST",
    ),
    ({"plan": "shop/none", "whole": True}, grpc.StatusCode.NOT_FOUND, "UNKNOWN_PLAN"),
    ({"direction": 7}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"home_time_zone": "Berlin"}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"language_code": "tlh"}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    ({"duration_us": -1}, grpc.StatusCode.INVALID_ARGUMENT, "NEGATIVE_QUANTITY"),
    ({"duration_us": 2**62}, grpc.StatusCode.INVALID_ARGUMENT, "QUANTITY_TOO_LARGE"),
    ({"destination": "+86139"}, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_NUMBER"),
    ({"start_time": timestamp_pb2.Timestamp(seconds=2**40)}, grpc.StatusCode.INVALID_ARGUMENT, "TIME_OUT_OF_RANGE"),
    ({"start_time": timestamp_pb2.Timestamp(seconds=1_000_000_000)}, grpc.StatusCode.FAILED_PRECONDITION, "NO_VERSION"),
    ({"destination": "4930123456"}, grpc.StatusCode.FAILED_PRECONDITION, "NO_ZONE"),
]


@pytest.mark.parametrize(("changes", "code", "reason"), REFUSED_QUOTES)
def test_refused_quotes(
    quote: Callable[..., rating_pb.QuoteResponse], changes: dict[str, object], code: grpc.StatusCode, reason: str
) -> None:
    assert refused(lambda: quote(**changes))[:2] == (code, reason)


@pytest.mark.parametrize("field", ["allowances_left", "caps_spent_micros", "counted_qty"])
def test_a_name_that_the_plan_does_not_have_is_told_in_part(quote: Callable[..., rating_pb.QuoteResponse], field: str) -> None:
    refusal = refused(lambda: quote(**{field: {"\x1b[2J" * 20_000: 1}}))
    assert refusal[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert "(80,000 characters)" in refusal.message
    assert "\x1b" not in refusal.message
    assert len(refusal.message) < 400


def test_a_publication_shows_at_once(quote: Callable[..., rating_pb.QuoteResponse], world: World) -> None:
    assert quote().charge_micros == 200_000
    dearer = tuple(price_of(100, "National calls", 10, 300_000) if price.price_id == 100 else price for price in shop().prices)
    catalogue.publish(world.home, shop(2, START_S * 1_000_000, prices=dearer), world.tick())
    assert quote().charge_micros == 600_000
    assert quote(start_time=timestamp_pb2.Timestamp(seconds=START_S - 1)).charge_micros == 200_000


@pytest.fixture
def billed(world: World) -> World:
    """Five accounts with an October bill; anna made a call of 0.90 beyond her free minutes."""
    for place, name in enumerate(("anna", "berta", "carl", "dora", "emil")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", f"100{place}")
    world.take(Call("1000", "2025-10-05T10:00:00", 29 * 60))
    assert world.bill("2025-11-01").invoices == 5
    return world


@pytest.fixture
def invoices(channel: grpc.Channel) -> invoice_grpc.InvoiceServiceStub:
    return invoice_grpc.InvoiceServiceStub(channel)


def listed(invoices: invoice_grpc.InvoiceServiceStub, parent: str, page_size: int) -> list[list[str]]:
    """Numbers, page by page."""
    pages, token = [], ""
    while True:
        request = invoice_pb.ListInvoicesRequest(parent=parent, page_size=page_size, page_token=token)
        page = invoices.ListInvoices(request, timeout=DEADLINE_S)
        pages.append([invoice.number for invoice in page.invoices])
        token = page.next_page_token
        if not token:
            return pages


def test_pages(invoices: invoice_grpc.InvoiceServiceStub, billed: World) -> None:
    numbers = billed.numbers()
    assert listed(invoices, "accounts/-", 2) == [numbers[:2], numbers[2:4], numbers[4:]]
    assert listed(invoices, "accounts/-", 5) == [numbers]
    assert listed(invoices, "accounts/-", 0) == [numbers]
    assert listed(invoices, "accounts/carl", 1) == [billed.numbers("carl")]


def test_an_invoice_with_its_lines(invoices: invoice_grpc.InvoiceServiceStub, billed: World) -> None:
    number = billed.numbers("anna")[0]
    invoice = invoices.GetInvoice(invoice_pb.GetInvoiceRequest(name=f"accounts/anna/invoices/{number}"), timeout=DEADLINE_S)
    assert (invoice.account, invoice.number) == ("accounts/anna", number)
    assert (invoice.total.units, invoice.total.nanos, invoice.total.currency_code) == (11, 550_000_000, "CNY")
    assert invoice.open == invoice.total
    assert (invoice.period_from.month, invoice.period_to.month, invoice.issue_date.day) == (10, 11, 1)
    lines = [(line.line_no, line.kind, line.subscription_id, line.amount_micros) for line in invoice.lines]
    assert lines == [
        (1, "recurring", "anna-1", 10_000_000),
        (2, "usage", "anna-1", 900_000),
        (3, "tax", "", 650_000),
    ]
    assert (invoice.lines[1].quantity, invoice.lines[1].free_quantity) == (29 * 60_000, 20 * 60_000)
    assert invoice.lines[1].quantity_unit == invoice_pb.QUANTITY_UNIT_MILLISECOND
    assert not any(line.corrects for line in invoice.lines)
    [in_list] = invoices.ListInvoices(invoice_pb.ListInvoicesRequest(parent="accounts/anna"), timeout=DEADLINE_S).invoices
    assert list(in_list.lines) == []
    assert in_list.total == invoice.total


def test_refused_invoices(invoices: invoice_grpc.InvoiceServiceStub, billed: World) -> None:
    number = billed.numbers("anna")[0]
    for name, code, reason in [
        (f"accounts/berta/invoices/{number}", grpc.StatusCode.NOT_FOUND, "INVOICE_UNKNOWN"),  # another's
        ("accounts/anna/invoices/R-9999999999", grpc.StatusCode.NOT_FOUND, "INVOICE_UNKNOWN"),
        (number, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_NAME"),
        ("accounts/anna/invoices/R-1\0", grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_NAME"),
    ]:
        request = invoice_pb.GetInvoiceRequest(name=name)
        assert refused(lambda sent=request: invoices.GetInvoice(sent, timeout=DEADLINE_S))[:2] == (code, reason)


def test_refused_lists(invoices: invoice_grpc.InvoiceServiceStub, billed: World) -> None:
    first = invoices.ListInvoices(invoice_pb.ListInvoicesRequest(parent="accounts/-", page_size=1), timeout=DEADLINE_S)
    assert len(billed.numbers()) > 1
    by_the_hash_key = convert.page_token("accounts/-", "R-0000000001", billed.home.hash_key)
    for request, code, reason in [
        ({"parent": "accounts/nobody"}, grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN"),
        ({"parent": "anna"}, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_NAME"),
        ({"parent": "accounts/-", "page_size": -1}, grpc.StatusCode.INVALID_ARGUMENT, "PAGE_SIZE"),
        ({"parent": "accounts/-", "page_token": by_the_hash_key}, grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN"),
        ({"parent": "accounts/-", "page_token": "R-0000000001"}, grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN"),
        ({"parent": "accounts/anna", "page_token": first.next_page_token}, grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN"),
    ]:
        sent = invoice_pb.ListInvoicesRequest(**request)  # type: ignore[arg-type] # fields by name
        assert refused(lambda sent=sent: invoices.ListInvoices(sent, timeout=DEADLINE_S))[:2] == (code, reason)


def test_a_new_invoice_does_not_disturb_a_reader_of_pages(invoices: invoice_grpc.InvoiceServiceStub, billed: World) -> None:
    before = billed.numbers()
    first = invoices.ListInvoices(invoice_pb.ListInvoicesRequest(parent="accounts/-", page_size=3), timeout=DEADLINE_S)
    billed.bill("2025-12-01")
    request = invoice_pb.ListInvoicesRequest(parent="accounts/-", page_size=100, page_token=first.next_page_token)
    rest = invoices.ListInvoices(request, timeout=DEADLINE_S)
    numbers = [invoice.number for invoice in (*first.invoices, *rest.invoices)]
    assert numbers == billed.numbers()
    assert len(numbers) > len(before)


def state(channel: grpc.Channel, account: str, as_of: date_pb2.Date | None = None) -> dunning_pb.DunningState:
    request = dunning_pb.GetDunningStateRequest(name=f"accounts/{account}/dunningState", as_of=as_of)
    return dunning_grpc.DunningServiceStub(channel).GetDunningState(request, timeout=DEADLINE_S)


def test_dunning_state(channel: grpc.Channel, billed: World) -> None:
    assert billed.numbers("anna") != []
    not_due = state(channel, "anna")
    assert (not_due.as_of.year, not_due.as_of.month, not_due.as_of.day) == (2025, 11, 13)  # the server's clock, in Shanghai
    assert (not_due.overdue.units, not_due.days_past_due, not_due.policy_level) == (0, 0, 0)
    assert not not_due.HasField("oldest_due_date")
    late = state(channel, "anna", date_pb2.Date(year=2026, month=6, day=1))
    assert (late.overdue.units, late.overdue.nanos, late.overdue.currency_code) == (11, 550_000_000, "CNY")
    assert (late.oldest_due_date.month, late.oldest_due_date.day, late.days_past_due) == (11, 15, 198)
    assert (late.policy_action, late.outgoing_barred, list(late.steps)) == ("remind", False, []), "no bar without a reminder before"
    for day in (dt.date(2025, 11, 20), dt.date(2025, 12, 20)):
        dunning.run(billed.home, day, billed.begun(day))
    barred = state(channel, "anna", date_pb2.Date(year=2026, month=6, day=1))
    taken = [(each.level_before, each.level, each.action) for each in barred.steps]
    assert (barred.policy_level, barred.outgoing_barred, taken) == (2, True, [(0, 1, "remind"), (1, 2, "bar_outgoing")])
    for name, uid in (("ana", 2001), ("bob", 2002)):
        dunning.undo(billed.home, 2, "wrong", Who(name, uid, billed.tick()))
    undone = state(channel, "anna", date_pb2.Date(year=2026, month=6, day=1))
    assert (undone.outgoing_barred, [each.action for each in undone.steps]) == (False, ["remind"]), "what is undone was no step"


def test_refused_dunning(channel: grpc.Channel) -> None:
    assert refused(lambda: state(channel, "nobody"))[:2] == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN")
    assert refused(lambda: state(channel, "nobody", NOVEMBER_2))[:2] == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN")
    assert refused(lambda: state(channel, "a\0b"))[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_NAME")
    assert refused(lambda: state(channel, "a/b"))[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_NAME")
    no_date = date_pb2.Date(year=2025, month=2, day=30)
    assert refused(lambda: state(channel, "a", no_date))[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")


def test_a_store_that_fails_is_unavailable_and_named(channel: grpc.Channel, world: World) -> None:
    world.execute("DROP TABLE dunning_steps")
    world.account("anna")
    refusal = refused(lambda: state(channel, "anna", NOVEMBER_2))
    assert refusal[:2] == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "dunning_steps" not in refusal.message


def test_health(channel: grpc.Channel, running: Service) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for name in ("", *SERVICE_NAMES):
        assert stub.Check(health_pb2.HealthCheckRequest(service=name)).status == health_pb2.HealthCheckResponse.SERVING
    watched = stub.Watch(health_pb2.HealthCheckRequest(service=""), timeout=DEADLINE_S)
    assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
    running.stop(drain_s=0.2)
    with pytest.raises(grpc.RpcError):
        stub.Check(health_pb2.HealthCheckRequest(service=""), timeout=DEADLINE_S)
