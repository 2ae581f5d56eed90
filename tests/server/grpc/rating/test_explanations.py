"""Explain and ComparePlans: what `bill explain`, `invoice explain` and `quote --compare` say, over a socket; and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.type import date_pb2

from billing.accounts import lookup
from ratewright.v1 import rating_service_pb2 as pb
from ratewright.v1 import rating_service_pb2_grpc
from rating.money import format_micros
from server.access import trail
from server.cli import app
from tests.billing.runs.world import Call, World, usage_table
from tests.server.access.conftest import Guarded, guarded
from tests.server.grpc.calls import refused
from tests.server.grpc.conftest import NOW_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.type import money_pb2

    from ratewright.v1.rating_service_pb2_grpc import RatingServiceStub

__all__ = ["guarded"]
pytestmark = pytest.mark.slow
INVALID, MISSING, NOT_NOW = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION
OCTOBER = date_pb2.Date(year=2025, month=10)
INVOICE = "accounts/anna/invoices/R-0000000001"


@pytest.fixture
def billed(world: World) -> World:
    """Anna has a bill of October with 25 minutes, of which 20 are free; a call to where her plan has no price is refused."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(
        Call("1001", "2025-10-05T10:00:00", 25 * 60, key="long"),
        Call("1001", "2025-10-06T10:00:00", 60, 4930123456, key="abroad"),
        Call("1001", "2025-11-02T10:00:00", 60, key="later"),
    )
    world.bill("2025-11-01")
    return world


@pytest.fixture
def rating(channel: grpc.Channel, billed: World) -> RatingServiceStub:
    assert billed.numbers() == ["R-0000000001"]
    return rating_service_pb2_grpc.RatingServiceStub(channel)


@pytest.fixture
def command(billed: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The output of a command about the same home."""
    monkeypatch.setattr("server.clock.machine_now_us", lambda: NOW_US)

    def call(*words: object) -> str:
        capsys.readouterr()
        assert app.main([*map(str, words), "--home", str(billed.home.path)]) == 0
        return capsys.readouterr().out

    return call


def micros(amount: money_pb2.Money) -> int:
    return int(amount.units) * 1_000_000 + amount.nanos // 1_000


def printed(answer: pb.ExplainResponse) -> str:
    """The sentences as the command prints them."""
    return "\n\n".join("\n".join(each.sentences) for each in (*answer.charges, *answer.asides)) + "\n"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("record", ["long", "abroad", "later"])
def test_a_record(rating: RatingServiceStub, command: Callable[..., str], record: str, language: str) -> None:
    """A charge, a refusal, and a record of a period that no run has billed: the sentences of the command."""
    answer = rating.Explain(pb.ExplainRequest(record_id=record, language_code=language), timeout=30)
    assert printed(answer) == command("bill", "explain", record, "--language", language)
    expected = {"long": [("RATED", 500_000)], "abroad": [("NO_ZONE", None)], "later": []}[record]
    assert [(each.status, micros(each.charge) if each.HasField("charge") else None) for each in answer.charges] == expected
    assert (len(answer.asides), answer.practice) == (record == "later", False)
    told = json.loads(command("bill", "explain", record, "--json"))
    assert [each.event_key for each in answer.charges] == [usage_key(record)] * len(told["events"])


def usage_key(record: str) -> str:
    """The key that intake gives a record of the world."""
    return bytes(usage_table((Call("1001", "2025-10-05T10:00:00", 1, key=record),))["event_key"][0].as_py()).hex()


def test_a_charge_of_a_run(rating: RatingServiceStub, command: Callable[..., str]) -> None:
    answer = rating.Explain(pb.ExplainRequest(record_id="long", bill_run="billRuns/1"), timeout=30)
    assert printed(answer) == command("bill", "explain", "long", "--run", "1")
    assert micros(answer.charges[0].charge) == 500_000


def test_an_invoice_and_its_usage_line(rating: RatingServiceStub, command: Callable[..., str]) -> None:
    """All lines, then the line of usage with its events: five minutes of 0.10 are left to pay."""
    whole = rating.Explain(pb.ExplainRequest(invoice=INVOICE), timeout=30).invoice
    told = json.loads(command("invoice", "explain", "R-0000000001", "--json"))
    assert [(each.line_no, each.text, list(each.sentences)) for each in whole.lines] == [
        (each["line_no"], each["text"], each["sentences"]) for each in told["lines"]
    ]
    usage = next(each.line_no for each in whole.lines if each.kind == "usage")
    answer = rating.Explain(pb.ExplainRequest(invoice=INVOICE, line_no=usage, event_limit=5), timeout=30).invoice
    line = json.loads(command("invoice", "explain", "R-0000000001", usage, "--limit", "5", "--json"))
    assert (answer.exact_micros, answer.events_total) == (line["exact_micros"], line["events_total"]) == (500_000, 1)
    assert answer.events[0] in command("invoice", "explain", "R-0000000001", usage)


REFUSED: list[tuple[dict[str, Any], tuple[Any, str], str]] = [
    ({}, (INVALID, "MALFORMED_REQUEST"), "record_id"),
    ({"record_id": ""}, (INVALID, "MALFORMED_REQUEST"), "record_id"),
    ({"record_id": "a\0b"}, (INVALID, "MALFORMED_REQUEST"), "record_id"),
    ({"record_id": "long", "language_code": "fr"}, (INVALID, "MALFORMED_REQUEST"), "language_code"),
    ({"record_id": "long", "bill_run": "1"}, (INVALID, "MALFORMED_NAME"), ""),
    ({"record_id": "nowhere"}, (NOT_NOW, "REFUSED"), ""),
    ({"record_id": "long", "bill_run": "billRuns/9"}, (NOT_NOW, "REFUSED"), ""),
    ({"invoice": ""}, (INVALID, "MALFORMED_NAME"), ""),
    ({"invoice": "R-0000000001"}, (INVALID, "MALFORMED_NAME"), ""),
    ({"invoice": "accounts/berta/invoices/R-0000000001"}, (MISSING, "INVOICE_UNKNOWN"), ""),
    ({"invoice": INVOICE, "line_no": -1}, (INVALID, "MALFORMED_REQUEST"), "line_no"),
    ({"invoice": INVOICE, "event_limit": -1}, (INVALID, "MALFORMED_REQUEST"), "event_limit"),
    ({"invoice": INVOICE, "line_no": 99}, (NOT_NOW, "REFUSED"), ""),
]


def test_explanations_that_are_refused(rating: RatingServiceStub) -> None:
    for fields, expected, field in REFUSED:
        answer = refused(lambda: rating.Explain(pb.ExplainRequest(**fields), timeout=30))  # noqa: B023 -- called at once
        assert (answer[:2], answer.metadata.get("field", "")) == (expected, field), fields


def offer(found: pb.PlanOffer) -> dict[str, Any]:
    """An offer as --json has it."""
    return {
        "plan": found.plan,
        "title": dict(found.titles),
        "total_micros": micros(found.total),
        "fee_micros": micros(found.fees),
        "usage_micros": micros(found.usage),
        "usage_by_service": dict(found.usage_micros_by_service),
        "lost_events": found.lost_event_count,
        "without_price": dict(found.unpriced_event_counts),
        "volume_micros": micros(found.volume_tiers),
        "discount_micros": micros(found.discounts),
        "commitment_micros": micros(found.commitments),
        "tax_inclusive": {"TAX_INCLUDED": True, "TAX_EXCLUDED": False, "TAX_UNSPECIFIED": None}[pb.PlanOffer.Tax.Name(found.tax)],
        "comparable": found.comparable,
    }


@pytest.mark.parametrize("more", [{}, {"catalogue": "shop"}, {"subscription_id": "anna-1"}], ids=str)
def test_a_month_on_every_plan(rating: RatingServiceStub, command: Callable[..., str], more: dict[str, str]) -> None:
    """Anna's October costs 10.50 on basic, and 33.00 and 25 minutes of 0.10 on plus; the call abroad has a price on neither."""
    answer = rating.ComparePlans(pb.ComparePlansRequest(account="accounts/anna", month=OCTOBER, **more), timeout=30)
    options = {"catalogue": "--plans", "subscription_id": "--subscription"}
    words = [word for name, value in more.items() for word in (options[name], value)]
    told = json.loads(command("quote", "--compare", "--account", "anna", "--period", "2025-10", *words, "--json"))
    assert offer(answer.now) == told["now"]
    assert [offer(each) for each in answer.offers] == told["offers"]
    assert [(each.plan, format_micros(micros(each.total), 2)) for each in answer.offers] == [
        ("shop/basic", "10.50"),
        ("shop/plus", "35.50"),
    ]
    assert (answer.account, list(answer.subscriptions), list(answer.plans_now)) == ("accounts/anna", ["anna-1"], ["shop/basic"])
    assert list(answer.not_included) == told["not_included"]


def test_comparisons_that_are_refused(rating: RatingServiceStub) -> None:
    rows: list[tuple[dict[str, Any], tuple[Any, str], str]] = [
        ({"account": "anna"}, (INVALID, "MALFORMED_NAME"), ""),
        ({"account": "accounts/-"}, (INVALID, "MALFORMED_NAME"), ""),
        ({"account": "accounts/nobody"}, (MISSING, "ACCOUNT_UNKNOWN"), ""),
        ({"month": None}, (INVALID, "MALFORMED_REQUEST"), ""),
        ({"month": date_pb2.Date(year=2025, month=13)}, (INVALID, "MALFORMED_REQUEST"), ""),
        ({"month": date_pb2.Date(year=2025, month=10, day=3)}, (INVALID, "MALFORMED_REQUEST"), "month"),
        ({"subscription_id": "nobody-1"}, (NOT_NOW, "REFUSED"), ""),
        ({"catalogue": "nowhere"}, (NOT_NOW, "REFUSED"), ""),
        ({"month": date_pb2.Date(year=2024, month=1)}, (NOT_NOW, "REFUSED"), ""),
    ]
    for fields, expected, field in rows:
        request = pb.ComparePlansRequest(**{"account": "accounts/anna", "month": OCTOBER, **fields})
        answer = refused(lambda: rating.ComparePlans(request, timeout=30))  # noqa: B023 -- called at once
        assert (answer[:2], answer.metadata.get("field", "")) == (expected, field), fields


def test_the_trail_names_the_account(guarded: Guarded) -> None:
    world = guarded.world
    world.catch_up()
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    guarded.now_us = world.now_us
    support = rating_service_pb2_grpc.RatingServiceStub(guarded.channel("the-support"))
    support.ComparePlans(pb.ComparePlansRequest(account="accounts/anna", month=OCTOBER), timeout=30)
    key = lookup.key_of(guarded.home, "anna")
    told = [each for path in trail.files(guarded.home.path) for each in trail.entries(path)]
    assert [(each["call"], each["subject"]) for each in told] == [("ratewright.v1.RatingService/ComparePlans", f"account {key}")]
