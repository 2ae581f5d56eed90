"""Sums of semantic documents: bills below zero and of nothing, discounts, corrections, credit that paid a part, the last bill."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import payments
from billing.accounts.kinds import DiscountFact, PayerFact
from billing.documents import adjusting
from billing.documents.semantic.invoices import charged
from billing.documents.semantic.model import BillDifference, Correction, Days, Line, Settled, Tax, ThirdParty, UsageTotal
from billing.documents.semantic.sums import totals_of
from billing.ledger.closed_months import Who
from rating.errors import NotFoundError, UserError
from tests.billing.documents.clerk import CENT, customer, retract, tell, void
from tests.billing.documents.semantic.whole import differing
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, SECOND = "R-0000000001", "R-0000000002"
OCTOBER = Days(dt.date(2025, 10, 1), dt.date(2025, 10, 31))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Anna with 30 minutes in October and a premium call: 10.00, 1.00 and 2.01."""
    found = customer(World(tmp_path))
    yield found
    found.home.close()


def adjust(world: World, cents: int, reference: str = "A-1") -> None:
    """A charge or credit by hand for October."""
    wanted = adjusting.AdjustmentRequest(reference, "anna", dt.date(2025, 10, 20), cents * CENT, "goodwill", "", "shop", "standard")
    adjusting.add(world.home, wanted, Who("ana", 1, world.tick()))


@pytest.mark.slow
def test_a_bill_below_zero(world: World) -> None:
    """13.01 - 20.00 is -6.99 net, with 6 % of it, 0.4194."""
    adjust(world, -2000)
    world.bill("2025-11-01")
    found = charged(world.home, FIRST)
    assert (found.totals.net_micros, found.totals.tax_micros, found.totals.due_micros) == (-699 * CENT, -42 * CENT, -741 * CENT)
    assert (found.payment.means, found.settled, found.totals.prepaid_micros) == ("", (), 0)
    assert [(line.quantity, line.price_micros) for line in found.lines if line.kind == "adjustment"] == [(-1, 2000 * CENT)]
    assert differing(world.home) == []


@pytest.mark.slow
def test_a_bill_of_nothing(world: World) -> None:
    adjust(world, -1301)
    world.bill("2025-11-01")
    found = charged(world.home, FIRST)
    assert (found.totals.net_micros, found.totals.total_micros, found.taxes, found.payment.means) == (0, 0, (), "")
    assert len(found.lines) == 4
    assert differing(world.home) == []


@pytest.mark.slow
def test_a_discount_is_an_allowance(world: World) -> None:
    """Ten percent off 13.01 is 1.30; 11.71 net."""
    tell(world, "anna", "discount", DiscountFact("loyal", percent_ppm=100_000), "2025-10-01")
    world.bill("2025-11-01")
    totals = charged(world.home, FIRST).totals
    assert (totals.lines_micros, totals.allowances_micros, totals.charges_micros) == (1301 * CENT, 130 * CENT, 0)
    assert totals.net_micros == 1171 * CENT
    assert [line.text for line in charged(world.home, FIRST).of_role("allowance")] == ["loyal"]
    assert differing(world.home) == []


@pytest.mark.slow
@pytest.mark.parametrize(("gift", "role"), [(3, "allowance"), (0, "charge")])
def test_a_discount_that_is_corrected(world: World, gift: int, role: str) -> None:
    """0.01 a month becomes 0.03, or is taken back: an allowance or a charge beside the fee of November; a line where it is alone."""
    tell(world, "anna", "discount", DiscountFact("gift", amount_micros=CENT), "2025-10-01")
    world.bill("2025-11-01")
    if gift:
        tell(world, "anna", "discount", DiscountFact("gift", amount_micros=gift * CENT), "2025-10-01")
    else:
        retract(world, "anna", "discount")
    world.bill("2025-12-01")
    (line,) = [line for line in charged(world.home, SECOND).lines if line.correction is not None]
    assert (line.role, line.amount_micros, line.days) == (role, (1 - gift) * CENT, OCTOBER)
    assert line.correction == Correction(FIRST, dt.date(2025, 11, 1))
    assert differing(world.home) == []


@pytest.mark.slow
def test_discounts_alone_are_lines(world: World) -> None:
    world.end("anna-1", "2025-11-01")
    world.bill("2025-11-01")
    tell(world, "anna", "discount", DiscountFact("loyal", percent_ppm=100_000), "2025-10-01")
    world.bill("2025-12-01")
    found = charged(world.home, SECOND)
    assert [(line.role, line.kind, line.amount_micros) for line in found.lines] == [("line", "discount", -130 * CENT)]
    assert (found.totals.lines_micros, found.totals.allowances_micros) == (-130 * CENT, 0)
    assert differing(world.home) == []


@pytest.mark.slow
def test_a_correction_names_its_month_and_the_document_before(world: World) -> None:
    """Three minutes of October come late, 0.30; the tax of October is 6 % of 13.31, 0.7986, of which 0.78 is billed."""
    world.bill("2025-11-01")
    world.take(Call("1001", "2025-10-09T10:00:00", 180))
    world.bill("2025-12-01")
    found = charged(world.home, SECOND)
    (line,) = [line for line in found.lines if line.correction is not None]
    assert (line.amount_micros, line.days, line.correction and line.correction.number) == (30 * CENT, OCTOBER, FIRST)
    (part,) = [part for row in found.taxes for part in row.parts if part.correction is not None]
    assert (part.taxable_micros, part.tax_micros, part.days) == (30 * CENT, 2 * CENT, OCTOBER)
    assert [(each.number, each.sense) for each in found.preceding] == [(FIRST, "corrected")]
    assert differing(world.home) == []


@pytest.mark.slow
def test_the_last_bill_and_what_changed(world: World) -> None:
    """November has the fee alone, and 0.30 of October: 10.30 after 13.01."""
    world.bill("2025-11-01")
    world.take(Call("1001", "2025-10-09T10:00:00", 180))
    world.bill("2025-12-01")
    assert charged(world.home, FIRST).last_bill is None
    last = charged(world.home, SECOND).last_bill
    assert last is not None
    assert (last.number, last.net_micros, last.total_micros) == (FIRST, 1301 * CENT, 1379 * CENT)
    assert last.changes == (
        BillDifference("National calls, correction for 2025-10-01 to 2025-10-31", "anna-1", "usage", 0, 30 * CENT, "correction"),
        BillDifference("National calls", "anna-1", "usage", 100 * CENT, 0, "gone"),
        BillDifference("Premium calls", "anna-1", "usage", 201 * CENT, 0, "gone"),
    )


@pytest.mark.slow
def test_usage_by_subscription(world: World) -> None:
    """31 minutes in two calls, of which 20 are free, for 3.01."""
    world.bill("2025-11-01")
    assert charged(world.home, FIRST).usage == (UsageTotal("anna-1", "millisecond", 2, 1_860_000, 1_200_000, 301 * CENT),)


@pytest.mark.slow
def test_lines_of_another_account_name_its_user(world: World) -> None:
    """Anna pays for ben: his fee of 10.00 is on her bill."""
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/basic", "1002")
    tell(world, "ben", "payer", PayerFact("anna"), "2025-10-01")
    world.bill("2025-11-01")
    found = charged(world.home, FIRST)
    assert [(line.text, line.user, line.user_name) for line in found.lines if line.user] == [("Basic", "ben", "Customer ben")]
    assert found.totals.net_micros == 2301 * CENT
    assert {line.user for line in found.lines if line.subscription_id == "anna-1"} == {""}


@pytest.mark.slow
def test_credit_that_is_there_pays_a_part(world: World) -> None:
    """5.00 were paid ahead; what is paid later is not on the document."""
    payments.record(world.home, "P-1", "anna", 500 * CENT, dt.date(2025, 10, 20), "bank", world.begun(dt.date(2025, 10, 20)))
    world.bill("2025-11-01")
    before = charged(world.home, FIRST)
    assert before.settled == (Settled("payment", "P-1", 500 * CENT),)
    assert (before.totals.prepaid_micros, before.totals.due_micros) == (500 * CENT, 879 * CENT)
    payments.record(world.home, "P-2", "anna", 879 * CENT, dt.date(2025, 11, 2), "bank", world.begun(dt.date(2025, 11, 2)))
    assert charged(world.home, FIRST) == before


@pytest.mark.slow
def test_a_void_document_is_as_it_was_issued(world: World) -> None:
    world.bill("2025-11-01")
    before = charged(world.home, FIRST)
    void(world, FIRST)
    assert charged(world.home, FIRST) == before
    world.bill("2025-12-01")
    assert [(each.number, each.sense) for each in charged(world.home, SECOND).preceding] == [(FIRST, "replaced")]


@pytest.mark.slow
def test_no_document(world: World) -> None:
    with pytest.raises(NotFoundError, match="no invoice has the number R-9"):
        charged(world.home, "R-9")
    world.bill("2025-11-01")
    world.changed("DELETE FROM postings")
    with pytest.raises(UserError, match="R-0000000001 is not posted yet"):
        charged(world.home, FIRST)


CENTS = st.integers(-(10**15), 10**15)
RATE = st.sampled_from([("S", 190_000), ("S", 70_000), ("Z", 0), ("E", 0)])
LINES = st.lists(st.tuples(st.sampled_from(["line", "allowance", "charge", "third_party"]), CENTS, RATE), max_size=12)


@given(lines=LINES, tax=CENTS, others=CENTS, credit=st.integers(0, 10**15))
def test_any_lines_come_to_the_totals(lines: list[tuple[str, int, tuple[str, int]]], tax: int, others: int, credit: int) -> None:
    """Total = sum: of any lines, with any tax on each row, the totals are those of fractions, and the amount due is what is left."""
    made = [_line(role, cents, rate) for role, cents, rate in lines]
    own = [(cents, rate) for role, cents, rate in lines if role != "third_party"]
    taxes = [Tax(*rate, sum(cents for cents, of in own if of == rate) * CENT, tax * CENT, ()) for rate in {rate for _, rate in own}]
    collected = [ThirdParty("p", "P", "", others * CENT)]
    found = totals_of(made, taxes, collected, [Settled("payment", "P-1", credit * CENT)])
    net = sum((Fraction(cents * CENT) for cents, _ in own), Fraction(0))
    assert found.net_micros == net == found.lines_micros - found.allowances_micros + found.charges_micros
    assert found.total_micros == net + Fraction(tax * CENT * len(taxes))
    assert found.to_pay_micros == found.total_micros + others * CENT - credit * CENT
    assert 0 <= found.prepaid_micros <= max(found.total_micros, 0)


def test_a_tax_table_of_other_lines_is_refused() -> None:
    with pytest.raises(AssertionError):
        totals_of([_line("line", 100, ("S", 190_000))], [Tax("S", 190_000, 99 * CENT, 19 * CENT, ())], [], [])
    two = [_line("line", 100, ("S", 190_000)), _line("line", 50, ("Z", 0))]
    swapped = [Tax("S", 190_000, 50 * CENT, 19 * CENT, ()), Tax("Z", 0, 100 * CENT, 0, ())]
    with pytest.raises(AssertionError):
        totals_of(two, swapped, [], [])


def _line(role: str, cents: int, rate: tuple[str, int]) -> Line:
    return Line(
        line_no=1, role=role, kind="recurring", text="Fee", amount_micros=cents * CENT, category=rate[0], rate_ppm=rate[1], days=OCTOBER,
        charge_code=1, revenue_code=1,
    )  # fmt: skip
