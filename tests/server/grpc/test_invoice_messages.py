"""GetInvoice and `invoice show --json` say the same of a document, field by field. Needs a loopback port."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import msgspec
import pytest

from billing import catalogue
from billing.accounts.kinds import TaxFact
from billing.documents import voiding
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2_grpc
from rating.model import DayPass, QuantityUnit, Service
from server.cli.homes import Place
from server.cli.invoice.looking import show
from tests.billing.documents.clerk import CENT, credit, tell, void, who
from tests.billing.runs.world import START_US, Call, shop
from tests.server.grpc.calls import DEADLINE_S, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.type import date_pb2, money_pb2

    from tests.billing.runs.world import World

    Told = Callable[..., pb.Invoice]

pytestmark = pytest.mark.slow
FIRST, SECOND, THIRD = (f"R-000000000{number}" for number in range(1, 4))
# Of the summary and of a line: the name in JSON, where it is another than that of the message's field.
SUMMARY = {
    "number": "number", "account_name": "account_display_name", "run_id": "run_id", "document_type": "document_type",
    "voided_by": "voided_by", "by_name": "numbered_by", "agreed_by": "agreed_by", "void_agreed_by": "void_agreed_by",
    "period_from": "period_from", "period_to": "period_to",
    "issued_on": "issue_date", "due_on": "due_date", "voided_on": "void_date", "net_micros": "net", "tax_micros": "tax",
    "total_micros": "total", "open_micros": "open", "currency": "currency", "account_id": "account",
}  # fmt: skip
NOTES = ("credit_notes", "corrected_by", "replaces", "replaced_by")
BESIDE = ("days", "with_tax_micros", "passes", "unit", "tax_name", "reference")  # what is said beside a stored line, if that is none of tax


def day(date: date_pb2.Date) -> str:
    """ISO text; empty for none."""
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}" if date.year else ""


def micros(money: money_pb2.Money) -> int:
    """Micro-units."""
    return money.units * 1_000_000 + money.nanos // 1_000


def plain(message: Any) -> Any:  # noqa: ANN401 -- a value of a message
    """A value as JSON of the command has it."""
    if hasattr(message, "DESCRIPTOR"):
        names = {"google.type.Date": day, "google.type.Money": micros}
        convert = names.get(message.DESCRIPTOR.full_name)
        return convert(message) if convert else {field.name: plain(getattr(message, field.name)) for field in message.DESCRIPTOR.fields}
    return [plain(each) for each in message] if hasattr(message, "add") else message


def as_shown(invoice: pb.Invoice) -> dict[str, Any]:
    """A message in the form of `invoice show --json`."""
    found = plain(invoice)
    summary = {name: found[field] for name, field in SUMMARY.items() if field in found}
    summary |= {"currency": invoice.total.currency_code, "account_id": invoice.account.removeprefix("accounts/")}
    lines = []
    for line, message in zip(found["lines"], invoice.lines, strict=True):
        line["price_id"] = line.pop("full_price_id")
        if message.kind == "tax":
            for name in BESIDE:
                del line[name]
        elif not message.HasField("with_tax_micros"):
            line["with_tax_micros"] = None
        lines.append(line)
    notes = {
        name: [
            {
                "number": note["number"], "issued_on": note["issue_date"], "total_micros": note["total"], "effect": note["effect"],
                "is_void": bool(note["void_date"]), "voided_on": note["void_date"],
                "reason_code": note["reason_code"],
            }
            for note in found[name]
        ]
        for name in NOTES
    }  # fmt: skip
    after = {name: found[name] for name in ("document_type", "about", "void_reason", "voided_by", "void_agreed_by")}
    return {
        "summary": summary,
        "language": found["language_code"],
        "lines": lines,
        "taxes": found["taxes"],
        "after": after | notes | {"voided_on": found["void_date"]},
    }


@pytest.fixture
def told(channel: grpc.Channel, world: World, capsys: pytest.CaptureFixture[str]) -> Told:
    """Asks for a document of anna by both ways; they must say the same. Gives the message."""

    def ask(number: str, language: str | None = None) -> pb.Invoice:
        stub = invoice_service_pb2_grpc.InvoiceServiceStub(channel)
        request = pb.GetInvoiceRequest(name=f"accounts/anna/invoices/{number}", language_code=language or "")
        found = stub.GetInvoice(request, timeout=DEADLINE_S)
        capsys.readouterr()
        assert show(number, language=language, at=Place(world.home.path), as_json=True) == 0  # type: ignore[arg-type] -- en or zh
        shown = json.loads(capsys.readouterr().out)
        assert as_shown(found) == shown
        return found

    return ask


def anna(world: World, plan: str = "shop/basic", *calls: Call, **more: Any) -> None:  # noqa: ANN401 -- columns of subscriptions.csv
    """A customer with calls."""
    world.account("anna")
    world.subscription("anna-1", "anna", plan, "1001", **more)
    if calls:
        world.take(*calls)


def test_own_days_of_a_fee_and_what_corrects_it(world: World, told: Told) -> None:
    anna(world, from_date="2025-10-22")
    world.bill("2025-11-01")
    [days] = told(FIRST).lines[0].days
    assert (day(days.from_date), day(days.to_date)) == ("2025-10-22", "2025-11-01")
    world.end("anna-1", "2025-10-25")
    world.bill("2025-12-01")
    assert told(SECOND).lines[0].corrects
    assert [each.number for each in told(FIRST).corrected_by] == [SECOND]


def test_void_reissue_and_credit(world: World, told: Told) -> None:
    anna(world, "shop/basic", Call("1001", "2025-10-05T10:00:00", 30 * 60))
    world.bill("2025-11-01")
    void(world, FIRST)
    voiding.reissue(world.home, FIRST, who(world))
    was = told(FIRST)
    assert (day(was.void_date), was.void_reason, was.voided_by) == ("2025-11-03", "wrong address", "ana")
    assert [each.number for each in was.replaced_by] == [SECOND]
    [replaced] = told(SECOND).replaces
    assert (replaced.number, day(replaced.void_date), micros(replaced.total)) == (FIRST, "2025-11-03", micros(was.total))
    note = credit(world, SECOND, 1, 100)
    found = told(note.number)
    assert (found.document_type, found.about, found.lines[0].unit) == ("credit_note", SECOND, told(note.number, "zh").lines[0].unit)
    assert [(each.number, each.effect) for each in told(SECOND).credit_notes] == [(note.number, "outside")]


def test_prices_that_hold_their_tax_day_passes_and_an_exemption(world: World, told: Told) -> None:
    base = shop()
    day_pass = DayPass(
        7, "all day", 1_500_000, (Service.VOICE,), ("national",), QuantityUnit.MILLISECOND, None, title={"en": "Day pass", "zh": "日包"}
    )
    plans = (msgspec.structs.replace(base.plans[0], day_passes=(day_pass,), allowances=()), base.plans[1])
    catalogue.publish(world.home, shop(1, START_US, identity="gross", tax_inclusive=True, plans=plans), world.tick())
    anna(world, "gross/basic", Call("1001", "2025-10-05T10:00:00", 60), Call("1001", "2025-10-05T11:00:00", 60))
    world.bill("2025-11-01")
    found = told(FIRST, "zh")
    assert [(each.name, each.times, each.fees_micros) for each in found.lines[1].passes] == [("日包", 1, 150 * CENT)]
    assert told(FIRST).lines[1].passes[0].name == "Day pass"
    assert found.lines[0].with_tax_micros == 1000 * CENT
    tell(world, "anna", "tax", TaxFact(("*",), {}, "certificate 7"), "2025-11-01")
    world.bill("2025-12-01")
    assert [(each.exempt, each.certificate, each.tax_micros) for each in told(SECOND).taxes] == [(True, "certificate 7", 0)]


def test_a_language_that_has_no_words_is_refused(channel: grpc.Channel, world: World) -> None:
    anna(world)
    world.bill("2025-11-01")
    stub = invoice_service_pb2_grpc.InvoiceServiceStub(channel)
    request = pb.GetInvoiceRequest(name=f"accounts/anna/invoices/{FIRST}", language_code="fr")
    refusal = refused(lambda: stub.GetInvoice(request, timeout=DEADLINE_S))
    assert refusal[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert refusal.metadata == {"field": "language_code"}


def test_lists_say_who_and_whether_it_is_void(channel: grpc.Channel, world: World) -> None:
    anna(world)
    world.bill("2025-11-01")
    void(world, FIRST)
    stub = invoice_service_pb2_grpc.InvoiceServiceStub(channel)
    [found] = stub.ListInvoices(pb.ListInvoicesRequest(parent="accounts/anna"), timeout=DEADLINE_S).invoices
    assert (day(found.void_date), found.voided_by, found.document_type, found.run_id) == ("2025-11-03", "ana", "invoice", 1)
