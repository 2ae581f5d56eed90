"""Settled + open = document, and settled + left + gone back = payment: held where a payment is stored. Lists show what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import payments
from billing.allocations import settling, spread
from billing.payments import books
from tests.billing import behind
from tests.billing.payments.desk import day, units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.allocations.spread import Credit, OpenItem, Settlement
    from billing.payments.recording import Recorded
    from tests.billing.payments.desk import Desk

pytestmark = pytest.mark.slow


@pytest.fixture
def owing(desk: Desk) -> Desk:
    """Anna owes 10.00 for R-1."""
    desk.invoice("R-1", 10)
    return desk


def pay(desk: Desk, amount: float, payment_id: str = "p1") -> Recorded:
    return payments.record(desk.home, payment_id, "anna", units(amount), day("02-10"), "", desk.act.now_us)


def failing(desk: Desk) -> set[str]:
    """The books about money that do not balance. This desk has an invoice that nothing posted."""
    with desk.home.connect() as connection:
        return {each.name for each in books.money_books(connection, set()) if each.left != each.right}


def test_a_payment_that_settles_more_than_the_document(owing: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(credits_: Sequence[Credit], items: Sequence[OpenItem], *_: object) -> list[Settlement]:
        return [spread.Settlement(each.kind, each.credit_id, items[0].invoice_key, each.left_micros) for each in credits_]

    with monkeypatch.context() as patch:
        patch.setattr(settling, "allocate", greedy)
        with pytest.raises(AssertionError, match="12000000 micro-units settle R-1, and its total is 10000000"):
            pay(owing, 12)
    assert payments.list_payments(owing.home) == [], "nothing of it is stored"
    assert pay(owing, 12).credit_micros == units(2)


def test_a_settlement_that_takes_back_more_than_there_was(owing: Desk) -> None:
    pay(owing, 4)
    part = spread.Settlement(spread.PAYMENT, "p1", 1, -units(5))
    with pytest.raises(AssertionError, match="-1000000 micro-units settle R-1"), owing.home.begin() as connection:
        settling.write(connection, [part], 99)


def test_a_payment_of_which_more_is_left_than_came(owing: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """10.00 of 12.00 settle the invoice, and all of it would settle the next one."""
    with monkeypatch.context() as patch:
        patch.setattr(settling, "_spend", lambda *_args: None)
        with pytest.raises(AssertionError, match="payment p1 of 12000000 settles 10000000, 12000000 is left of it, and 0 went back"):
            pay(owing, 12)
    assert payments.list_payments(owing.home) == []


def test_a_payment_that_is_damaged_is_a_finding_and_keeps_no_other_from_being_shown(owing: Desk) -> None:
    """Of 12.00 are 2.00 left, then 1.00 goes back. A cent that is left over is no one's."""
    pay(owing, 12)
    owing.back("b1", "refund", "p1", 1)
    assert [(each.credit_micros, each.gone_micros) for each in payments.list_payments(owing.home)] == [(units(1), units(1))]
    before = failing(owing)
    assert behind.change(owing.home, "UPDATE credits_left SET left_micros = left_micros + 10000") == 1
    told = "payment p1 of 12000000 settles 10000000, 1010000 is left of it, and 1000000 went back"
    for limit in (None, 5):
        listed = payments.list_payments(owing.home, limit=limit)
        assert [(each.payment_id, each.credit_micros) for each in listed] == [("p1", 1_010_000)]
    assert failing(owing) - before == {"credit: left over = computed again"}
    with pytest.raises(AssertionError, match=told):
        pay(owing, 12)
