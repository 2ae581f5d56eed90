"""An account that closes on the first day that is billed here has no final bill, and its closing says so."""

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


def test_an_account_without_a_day_promises_no_bill(world: World) -> None:
    world.account("anna", opened_on="2025-10-05")
    asked = Asked(Operator("ana", 1001), world.tick(), dry_run=True)
    said = agreements.close(world.home, asked, "anna", dt.date(2025, 10, 5), "mistake").said
    assert said == ("anna is closed: 2025-10-05 is the first day without it; no day of it is billed here",)
    said = agreements.close(world.home, asked, "anna", dt.date(2025, 11, 1), "mistake").said
    assert said[0] == "anna is closed: 2025-11-01 is the first day without it; its final bill is that of the period to 2025-10-31"
