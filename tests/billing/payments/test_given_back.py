"""Open amounts after money went back, as the command tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.cli.payment.back import opened_again
from tests.billing.payments.desk import UNIT

if TYPE_CHECKING:
    from tests.billing.payments.desk import Desk

pytestmark = pytest.mark.slow


def test_other_credit_takes_the_place_of_a_payment_that_bounced(desk: Desk) -> None:
    """R-1 of 50.00 is paid by p1; of p2, 30.00 wait as credit, and settle R-1 once p1 is gone."""
    desk.invoice("R-1", 50)
    desk.pay("p1", 50)
    desk.pay("p2", 30)
    done = desk.back("b1", "reversal", "p1")
    assert (done.reopened, list(done.resettled)) == ([("R-1", 50 * UNIT)], [("R-1", 30 * UNIT)])
    assert list(opened_again(done)) == [
        "20.00 CNY of invoice R-1 is open again",
        "30.00 CNY of invoice R-1 is settled by other credit of the account instead",
        "credit of the account that is not used up: 30.00 CNY before, 0.00 CNY now",
    ]


def test_without_other_credit_all_of_it_is_open_again(desk: Desk) -> None:
    desk.invoice("R-1", 50)
    desk.pay("p1", 50)
    done = desk.back("b1", "reversal", "p1")
    assert list(opened_again(done)) == ["50.00 CNY of invoice R-1 is open again"]
