"""Commands of re-ratings, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.server.grpc.bill_runs.test_operations import dearer

if TYPE_CHECKING:
    from tests.server.cli.remote.persons import Persons

pytestmark = pytest.mark.slow
PLAN = ("bill", "rerate", "--plan", "shop/basic", "--version", "2", "--periods", "2025-10")


@pytest.fixture
def raised(billed: Persons) -> Persons:
    """October is billed, and a version of basic that is 2.00 dearer has been published since."""
    for world in (billed.twin, billed.guarded.world):
        world.catch_up()
        dearer(world, 2, publish=True)
    return billed


def test_plan_approve_apply(raised: Persons) -> None:
    """Two accounts pay 2.00 more each: 4.00 and 0.24 of tax."""
    tried = raised(*PLAN, "--dry-run")
    assert "nothing was stored" in tried
    assert json.loads(raised(*PLAN, "--dry-run", "--json"))["net_micros"] == {"CNY": 4_000_000}
    assert json.loads(raised("bill", "rerate-list", "--json")) == []
    assert "re-rating 1: waiting; another person approves it: ratewright bill rerate-approve 1" in raised(*PLAN)
    assert "re-rating 1 is there already" in raised(*PLAN)
    planned = json.loads(raised(*PLAN, "--json"))
    assert (planned["existed"], planned["figures"]["largest"][0]["net_micros"]) == (True, 2_000_000)
    assert "boss has planned re-rating 1, and cannot approve it" in raised.behind("bill", "rerate-approve", "1", status=1)
    with raised.acting("the-approver"):
        assert raised("bill", "rerate-approve", "1", "--note", "seen") == "re-rating 1 is approved by the-approver\n"
    assert "approved" in raised("bill", "rerate-list")
    raised("bill", "rerate-list", "--json")
    on = ("bill", "rerate-apply", "1", "--date", "2025-11-02")
    assert raised(*on) == "re-rating 1 is billed, net 4.00 CNY; runs: 2\n"
    assert raised(*on) == "re-rating 1 was applied before; nothing changed\n"
    applied = json.loads(raised(*on, "--json"))
    assert [each["kind"] for each in applied["steps"]] == ["planned", "approved", "applied"]


def test_reject_and_refusals(raised: Persons) -> None:
    named = json.loads(raised(*PLAN, "--accounts", "anna", "--json"))
    assert named["request"]["accounts"] == ["anna"]
    assert raised("bill", "rerate-reject", "1", "--note", "wrong month") == "re-rating 1 is rejected by boss\n"
    assert json.loads(raised("bill", "rerate-list", "--json"))[0]["steps"][1]["note"] == "wrong month"
    assert "there is no re-rating 9" in raised("bill", "rerate-apply", "9", "--date", "2025-11-02", status=1)
    assert "is rejected" in raised("bill", "rerate-apply", "1", "--date", "2025-11-02", status=1)
    assert "--accounts names no account" in raised.there(*PLAN, "--accounts", ",", status=2)
    large = raised.there("bill", "rerate", "--plan", "shop/basic", "--version", str(2**31), "--periods", "2025-10", status=2)
    assert "--version 2147483648 is out of range" in large
    assert "is not a month" in raised("bill", "rerate", "--plan", "shop/basic", "--version", "2", "--periods", "October", status=2)


def test_four_eyes_over_both_ways(raised: Persons) -> None:
    """Planned by a service, approved in its home; planned in the home, approved by the service."""
    raised.there(*PLAN, "--accounts", "anna")
    with raised.acting("chief"):
        assert raised.behind("bill", "rerate-approve", "1") == "re-rating 1 is approved by chief\n"
        raised.behind(*PLAN, "--accounts", "berta")
        assert "chief has planned re-rating 2" in raised.behind("bill", "rerate-approve", "2", status=1)
    with raised.acting("the-approver"):
        assert raised.there("bill", "rerate-approve", "2") == "re-rating 2 is approved by the-approver\n"
