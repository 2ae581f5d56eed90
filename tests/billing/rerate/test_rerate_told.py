"""A charge whose line a re-rating has corrected is told as what it is: the charge of the cycle, with what was billed on it since.

Ten minutes of a national call cost 1.00, and 0.50 by the second version. Amounts are cents.
"""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants
from billing.verification.explain_line import explain_line, explain_record
from rating.model import Service, UsageRule
from server.cli import app
from server.cli.usage.find import state_in_words
from tests.billing.documents.clerk import void
from tests.billing.rerate.test_rerate import CENT, apply, asked
from tests.billing.runs.world import NATIONAL, START_US, Call, instant_us, price_of, shop

if TYPE_CHECKING:
    from billing.enquiries.usage import Record
    from billing.invoicing.rerated import Rerated
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
NUMBER = "8613800000001"
PRICES = {"National calls": NATIONAL, "Home calls": 111}
WORDS = {
    "en": {
        True: "re-rating 1, {} line {} of 2025-12-05: {}, {} CNY (same charge key)",
        False: "re-rating 1, {} line {} of 2025-12-05: {}, {} CNY (another charge key)",
    },
    "zh": {
        True: "重新批价 1，{} 第 {} 项（2025-12-05）：{}，{} CNY（同一计费项）",
        False: "重新批价 1，{} 第 {} 项（2025-12-05）：{}，{} CNY（另一计费项）",
    },
}


@pytest.fixture(params=["National calls", "Home calls"])
def corrected(world: World, request: pytest.FixtureRequest) -> World:
    """October and November of one customer, billed; then the tariff is corrected, and October is re-rated."""
    world.account("a")
    world.subscription("sa", "a", "shop/plus", NUMBER)
    world.take(Call(NUMBER, "2025-10-05T10:00", 600, key="first"), Call(NUMBER, "2025-11-05T10:00", 600, key="second"))
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    world.now_us = instant_us("2025-12-05T12:00:00")
    old, label = shop(), request.param
    prices = tuple(price_of(PRICES[label], label, 10, 50_000) if each.price_id == NATIONAL else each for each in old.prices)
    rules = (UsageRule(Service.VOICE, "national", label), UsageRule(Service.VOICE, "premium", "Premium calls"))
    plans = tuple(msgspec.structs.replace(each, rules=rules) for each in old.plans)
    catalogue.publish(world.home, shop(2, START_US, prices=prices, plans=plans, corrects=1), world.tick())
    assert (rerated(world), state(world)) == ((), "billed on R-0000000001 line 3")
    apply(world, asked())
    return world


def rerated(world: World, record: str = "first") -> tuple[Rerated, ...]:
    found = explain_record(world.home, record)
    (outcome,) = found.outcomes
    assert outcome.charge_micros == 100 * CENT, "the charge of the cycle"
    on_top = found.rerated_of(outcome)
    if on_top is None:
        return ()
    assert (on_top.run_id, on_top.charge_micros) == (1, 100 * CENT)
    return on_top.lines


def record_of(world: World, record: str) -> Record:
    return next(each for each in find(world.home, NUMBER, Instants()).records if each.record_id == record)


def state(world: World, record: str = "first", language: str = "en") -> str:
    return state_in_words(record_of(world, record), language)


def told(lines: tuple[Rerated, ...]) -> list[tuple[int, str, int, bool]]:
    return [(each.job_id, each.number, each.amount_micros // CENT, each.same_key) for each in lines]


def test_a_record_has_its_charge_and_what_was_billed_since(corrected: World) -> None:
    """The second call is of a period that was not re-rated."""
    lines = rerated(corrected)
    note = next(each.number for each in invoicing.list_invoices(corrected.home) if each.document_type == "credit_note")
    assert {each[:2] for each in told(lines)} == {(1, note)}
    assert sum(each.amount_micros for each in lines) == -50 * CENT
    assert sum(each.amount_micros for each in lines if each.same_key) in {-50 * CENT, -100 * CENT}
    assert explain_line(corrected.home, "R-0000000001", 3).rerated == lines
    assert record_of(corrected, "first").rerated == lines
    assert (rerated(corrected, "second"), record_of(corrected, "second").rerated) == ((), ())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_told_in_words_and_json(
    corrected: World, language: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATEWRIGHT_HOME", str(corrected.home.path))
    lines = rerated(corrected)

    def call(*words: str) -> str:
        assert app.main([*words]) == 0
        return capsys.readouterr().out

    record, line = (call(*words, "--language", language) for words in (("bill", "explain", "first"), ("invoice", "explain", "R-1", "3")))
    usage = call("usage", "find", NUMBER, "--language", language)
    head = {"en": "The charge is that of run 1. Billed since", "zh": "以上费用为第 1 次出账所计。此后又入账"}[language]
    for each in lines:
        row = WORDS[language][each.same_key].format(each.number, each.line_no, each.text, f"{each.amount_micros / 1e6:.2f}")
        assert row in record
        assert row in line
        assert f"{each.number}/{each.line_no} {each.amount_micros / 1e6:.2f}" in usage
    assert head in record
    assert head in line
    assert head not in call("bill", "explain", "second", "--language", language)
    asked_of = json.loads(call("bill", "explain", "first", "--json"))["rerated"]
    assert [(each["run_id"], each["charge_micros"]) for each in asked_of] == [(1, 100 * CENT)]
    expected = [each["amount_micros"] for each in asked_of[0]["lines"]]
    assert expected == [each.amount_micros for each in lines]
    assert [each["amount_micros"] for each in json.loads(call("invoice", "explain", "R-1", "3", "--json"))["rerated"]] == expected
    found = json.loads(call("usage", "find", NUMBER, "--json"))["found"]["records"]
    assert [[each["amount_micros"] for each in one["rerated"]] for one in found] == [expected, []]


def test_a_void_document_bills_nothing(corrected: World) -> None:
    (number,) = {each.number for each in rerated(corrected)}
    void(corrected, number, "2025-12-05")
    assert (rerated(corrected), state(corrected)) == ((), "billed on R-0000000001 line 3")


def test_a_later_run_has_it_in_its_own_charge(corrected: World) -> None:
    """The run of January computes October again: its charge is that of the second version, and nothing was re-rated since."""
    corrected.bill("2026-01-01")
    found = explain_record(corrected.home, "first")
    assert ([each.charge_micros // CENT for each in found.outcomes], found.rerated) == ([50], ())
    assert told(explain_record(corrected.home, "first", 1).rerated[0].lines) != []
