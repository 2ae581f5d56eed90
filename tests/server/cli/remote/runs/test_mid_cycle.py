"""Interim bills and ends of months, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from rating.model import BillThreshold, CapWindow, LimitAction, Service, SpendLimit
from tests.billing.runs.world import START_US, Call, World, shop
from tests.server.cli.remote.persons import Persons, two_homes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
LIMIT = SpendLimit(1, "four", 4_000_000, CapWindow.PERIOD, LimitAction.NOTIFY, (Service.VOICE,), ("national",))
THRESHOLDS = ("bill", "thresholds", "--date", "2025-10-05")


def spender(world: World) -> None:
    """Carl's 60 minutes cost 6.00: above his threshold of 5.00, and above a limit of 4.00 that notifies him."""
    basic, plus = shop().plans
    limited = {"bill_thresholds": (BillThreshold(1, "five", 5_000_000),), "spend_limits": (LIMIT,)}
    plans = (basic, msgspec.structs.replace(plus, **limited))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    world.account("carl")
    world.subscription("carl-1", "carl", "shop/plus", "1003")
    world.take(Call("1003", "2025-10-03T10:00:00", 3_600))


@pytest.fixture
def spending(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """Two homes with Carl."""
    with two_homes(tmp_path, capsys, monkeypatch, spender) as made:
        yield made


def test_thresholds(spending: Persons) -> None:
    tried = spending(*THRESHOLDS, "--dry-run")
    assert "1 interim bill would be made" in tried
    assert "four" in tried
    told = json.loads(spending(*THRESHOLDS, "--dry-run", "--json"))
    assert [each["unbilled_micros"] for each in told["reached"]] == [6_000_000]
    assert [(each["limit_micros"], each["spent_micros"], each["action"]) for each in told["limits"]] == [(4_000_000, 6_000_000, "notify")]
    assert "1 interim bill made by run 1" in spending(*THRESHOLDS)
    assert spending(*THRESHOLDS) == "no threshold is reached by 2025-10-05 that has not been billed\n"
    assert json.loads(spending(*THRESHOLDS, "--json"))["run_id"] == 0
    with spending.acting("the-auditor"):
        assert "needs the role admin or operator" in spending.there(*THRESHOLDS, status=1)


def test_a_threshold_of_an_account_that_is_held(spending: Persons) -> None:
    spending.in_both_homes("accounts", "hold", "carl", "--from", "2025-10-01", "--reason", "asked")
    assert "are held: five of carl-1" in spending(*THRESHOLDS)
    assert [each["threshold"] for each in json.loads(spending(*THRESHOLDS, "--json"))["held"]] == ["five"]


def test_a_threshold_that_a_later_bill_has_passed_by(spending: Persons) -> None:
    """The bill of November has its usage."""
    spending.in_both_homes("bill", "run", "--date", "2025-11-01")
    assert "reached by 2025-10-05, but not billed: five of carl-1" in spending(*THRESHOLDS)
    assert {each["limit"] for each in json.loads(spending(*THRESHOLDS, "--json"))["passed_by"]} == {"five", "four"}


def test_month_end(billed: Persons) -> None:
    """Bills of 1 November have 20.00 of fees and 0.90 of usage of October."""
    end = ("ledger", "month-end", "--month", "2025-10")
    shown = billed(*end)
    assert shown.endswith("2025-10: nothing was stored\n")
    assert [line.split()[-1] for line in shown.splitlines()[1:-1]] == ["0.90", "20.00"]
    assert json.loads(billed(*end, "--json"))["closed"] is False
    later = json.loads(billed("ledger", "month-end", "--month", "2025-11", "--json"))
    assert later["obstacles"]
    assert "in the way: " in billed("ledger", "month-end", "--month", "2025-11")
    assert "is not a month" in billed("ledger", "month-end", "--month", "October", status=2)
    assert "nobody" in billed(*end, "--entity", "nobody", status=1)
    with billed.acting("the-operator"):
        assert "needs the role admin or finance" in billed.there(*end, status=1)


def test_close_a_month(billed: Persons) -> None:
    """On 13 November October can be closed, and November cannot. Bills of 1 November have 20.00 of fees and 0.90 of usage of October."""
    november = ("ledger", "close", "--month", "2025-11")
    assert "in the way: " in billed(*november, "--dry-run")
    obstacle, _, remedy = billed.here(*november, status=1).splitlines()
    assert "2025-11 is not over: it is 2025-11-13" in obstacle
    assert billed.there(*november, status=1) == f"error: {obstacle}\n{remedy}\n"  # without the number of mistakes
    october = ("ledger", "close", "--month", "2025-10", "--reason", "all is billed")
    posted = [line.split()[-1] for line in billed(*october).splitlines()[1:-1]]
    assert posted == ["0.90", "20.00"]
    assert billed(*october) == "2025-10 is closed\n"
    assert json.loads(billed(*october, "--json"))["closed"] is True
