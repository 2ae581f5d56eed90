"""The words of a closing on a bill date: the period that ends then is the last one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts import agreements
from billing.accounts.recording import Asked
from billing.catalogue import Operator

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


def test_a_closing_on_a_bill_date_names_the_period_before(world: World) -> None:
    world.account("anna", opened_on="2025-10-05")
    asked = Asked(Operator("ana", 1001), world.tick(), dry_run=True)
    assert agreements.close(world.home, asked, "anna", dt.date(2025, 11, 1), "moves").said == (
        "anna is closed: 2025-11-01 is the first day without it; its final bill is that of the period to 2025-10-31",
        "the first bill run of 2025-11-01 or later makes it: `ratewright bill due` lists it when that day has begun",
    )
