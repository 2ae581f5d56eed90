"""The period at the head of a document: the payer's own that is billed first, or the days of its lines where there is none.

Anna pays for ben, who has 3.00 a month in advance and calls at 0.10 a minute; anna has 10.00 a month in arrears, or nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import pytest

from billing import catalogue, invoicing
from billing.accounts import agreements
from billing.accounts.kinds import PayerFact
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.runs import cycle
from rating.model import Plan
from server.cli import app
from tests.billing.documents.clerk import tell
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import START_US, Call, World, shop

BEN = "8613800000002"


class Row(NamedTuple):
    """Acts since the run of November, in order, and what stands at the head of the last document."""

    anna: str
    acts: str
    period: str
    cents: int
    why: str


ROWS = (
    Row("basic", "run 12-01", "2025-11-01 2025-12-01", 1300, "a bill of the cycle"),
    Row("", "run 12-01", "2025-11-01 2025-12-01", 300, "fees in advance alone: the period that is over is billed with them"),
    Row("", "run 12-01; close 12-16; run 12-16", "2025-12-01 2025-12-16", -155, "anna's November is billed: what closes is ben's December"),
    Row("basic", "run 12-01; close 12-16; run 12-16", "2025-12-01 2025-12-16", -155, "the same, and anna's own fee comes in January"),
    Row("", "run 12-01; call 11-20; close 12-16; run 12-16", "2025-11-01 2025-12-01", -145, "with a late call of anna's last period"),
    Row("", "run 12-01; call 11-20; run 12-01", "2025-11-01 2025-12-01", 10, "the run is made again for its date"),
    Row("", "run 12-01; close 12-16; run 12-16; run 01-01", "2025-12-01 2025-12-16", -155, "nothing is left for January"),
)


@pytest.fixture
def both(world: World) -> World:
    """Anna and ben, billed to the end of October."""
    rent = Plan("rent", shop().plans[1].rules, {"en": "Rent"}, (), (shop().plans[1].recurring[1],))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=(*shop().plans, rent)), world.tick())
    for name in ("anna", "ben"):
        world.account(name)
    world.subscription("ben-1", "ben", "shop/rent", BEN)
    tell(world, "ben", "payer", PayerFact("anna"), "2025-10-01")
    return world


def act(world: World, what: str) -> None:
    word, day = what.split()
    date = dt.date.fromisoformat(f"{2025 + day.startswith('01')}-{day}")
    world.catch_up()
    if word == "run":
        cycle.run(world.home, date, world.begun(date), threads=1)
    elif word == "call":
        arrive(world, "2025-12-02T12:00:00", Call(BEN, f"{date}T10:00:00", 60))
    else:
        agreements.close(world.home, Asked(Operator("clerk", 1), world.begun(dt.date(2025, 12, 15))), "ben", date, "moved")


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.anna or 'nothing'}; {row.acts}" for row in ROWS])
def test_the_period_of_a_document(both: World, row: Row) -> None:
    if row.anna:
        both.subscription("anna-1", "anna", f"shop/{row.anna}", "8613800000001")
    for each in ("run 11-01", *row.acts.split("; ")):
        act(both, each)
    last = invoicing.get_invoice(both.home, both.numbers("anna")[-1]).summary
    assert (f"{last.period_from} {last.period_to}", last.net_micros // 10_000) == (row.period, row.cents), row.why


@pytest.mark.slow
def test_a_statement_calls_an_invoice_as_its_own_page_does(both: World, capsys: pytest.CaptureFixture[str]) -> None:
    for each in ("run 11-01", "run 12-01", "close 12-16", "run 12-16"):
        act(both, each)
    home = ["--home", str(both.home.path)]
    both.home.close()
    told = {}
    for command in (["invoice", "show", "R-3"], ["payment", "statement", "anna"], ["payment", "statement", "anna", "--language", "zh"]):
        assert app.main([*command, *home]) == 0
        told[" ".join(command)] = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "Credit invoice R-0000000003" in told["invoice show R-3"]
    assert "Period: 2025-12-01 .. 2025-12-15" in told["invoice show R-3"]
    english, chinese = told["payment statement anna"], told["payment statement anna --language zh"]
    assert "2025-12-16 credit invoice R-0000000003 2025-12-01 to 2025-12-15 1.64" in " ".join(english)
    assert "2025-12-16 贷项账单 R-0000000003 2025-12-01 至 2025-12-15 1.64" in " ".join(chinese)
    assert any(line.startswith("2025-12-01 invoice R-0000000002") for line in english)
    assert app.main(["accounts", "show", "anna", *home]) == 0
    assert "R-0000000003 credit invoice 2025-12-16" in " ".join(capsys.readouterr().out.split())
