"""Invoices and credit notes as semantic documents: their parts, worked out by hand, and sums that are those of the ledger."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.documents.semantic.invoices import charged
from billing.documents.semantic.model import Charged, CreditNote, Days, Invoice, Line, Tax, TaxPart, Totals, Usage
from billing.documents.semantic.terms import described
from tests.billing.documents.clerk import CENT, credit, customer
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
OCTOBER = Days(dt.date(2025, 10, 1), dt.date(2025, 10, 31))
TAXED = "EN 16931-1, BR-S-1 to BR-S-10: a rate above zero"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A small operator without customers."""
    found = World(tmp_path)
    yield found
    found.home.close()


def test_a_bill_of_one_month(world: World) -> None:
    """10.00, then 30 minutes of which 20 are free, and a premium call of 2.005: 13.01 net, 6 % of it 0.7806, and 13.79 in all."""
    customer(world).bill("2025-11-01")
    found = charged(world.home, "R-0000000001")
    assert isinstance(found, Invoice)
    assert (found.type_code, found.number, found.currency, found.period) == ("380", "R-0000000001", "CNY", OCTOBER)
    assert (found.issued_on, found.due_on) == (dt.date(2025, 11, 1), dt.date(2025, 11, 15))

    basic = Line(
        line_no=1, role="line", kind="recurring", text="Basic", amount_micros=1000 * CENT, category="S", rate_ppm=60_000, days=OCTOBER,
        charge_code=200, revenue_code=5000, tax_class="standard", subscription_id="anna-1",
    )  # fmt: skip
    calls = {"kind": "usage", "charge_code": 10, "revenue_code": 4010, "text": "National calls", "amount_micros": 100 * CENT}
    premium = {"kind": "usage", "charge_code": 11, "revenue_code": 4011, "text": "Premium calls", "amount_micros": 201 * CENT}
    assert found.lines == (
        basic,
        msgspec.structs.replace(basic, line_no=2, usage=Usage(1, 1_800_000, 1_200_000, "millisecond", "", 1_000_000), **calls),
        msgspec.structs.replace(basic, line_no=3, usage=Usage(1, 60_000, 0, "millisecond", "", 2_005_000), **premium),
    )
    part = TaxPart("standard", "Tax standard 6 %", OCTOBER, 1301 * CENT, 78 * CENT)
    assert found.taxes == (Tax("S", 60_000, 1301 * CENT, 78 * CENT, (part,), source=TAXED),)
    assert found.totals == Totals(
        lines_micros=1301 * CENT, allowances_micros=0, charges_micros=0, net_micros=1301 * CENT, tax_micros=78 * CENT,
        total_micros=1379 * CENT, due_micros=1379 * CENT,
    )  # fmt: skip
    assert (found.totals.to_pay_micros, found.last_bill, found.preceding) == (1379 * CENT, None, ())


def test_a_credit_note_has_the_sign_of_the_ledger(world: World) -> None:
    """2.50 of the fee with 6 % of it, 0.15."""
    customer(world).bill("2025-11-01")
    credit(world, "R-0000000001", 1, 250)
    found = charged(world.home, "C-0000000001")
    assert isinstance(found, CreditNote)
    assert (found.type_code, found.effect, found.reason) == ("381", "outside", "Goodwill")
    assert [(each.number, each.sense) for each in found.preceding] == [("R-0000000001", "credited")]
    (line,) = found.lines
    assert (line.amount_micros, line.quantity, line.price_micros) == (-250 * CENT, -1, 250 * CENT)
    assert (found.totals.net_micros, found.totals.tax_micros, found.totals.due_micros) == (-250 * CENT, -15 * CENT, -265 * CENT)
    assert found.payment.means == ""


def test_a_document_is_read_back_from_json(world: World) -> None:
    customer(world).bill("2025-11-01")
    credit(world, "R-0000000001", 1, 250)
    for number in ("R-0000000001", "C-0000000001"):
        found = charged(world.home, number)
        assert msgspec.json.decode(msgspec.json.encode(found), type=Invoice | CreditNote) == found


def test_every_field_has_its_term_or_none() -> None:
    terms = {each.name: each.term for each in described(Charged)}
    assert (terms["number"], terms["taxes"], terms["usage"]) == ("BT-1", "BG-23", "")
    assert all(each.says.endswith(".") for struct in (Charged, Line, Tax, Totals) for each in described(struct))
