"""A dry run of `bill retry` says what the retry would bill, who would stay in quarantine, and why it would refuse."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from typing import TYPE_CHECKING

import pytest

from billing import invoicing
from billing.ledger import closed_months
from billing.runs import cycle, quarantine_retry
from billing.runs.quarantine_retry import preview
from billing.runs.states import By
from rating.errors import UserError
from server.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.billing.runs.world import World

    Command = Callable[..., str]

pytestmark = pytest.mark.slow
BEN = By("ben", 1002)
REASON = "a plan is priced in another currency than the account's"


@pytest.fixture
def aside(world: World) -> World:
    """Anna is billed for October; Ella and Fred, 10.00 a month each, have a currency in which their plan is not priced."""
    for name in ("anna", "ella", "fred"):
        world.account(name, currency="CNY" if name == "anna" else "EUR")
        world.subscription(f"{name}-1", name, "shop/basic", name)
    world.bill("2025-11-01")
    return world


@pytest.fixture
def call(aside: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("RATEWRIGHT_HOME", str(aside.home.path))
    monkeypatch.setattr("server.clock.machine_now_us", aside.tick)

    def run(words: str, status: int = 0) -> str:
        assert app.main(["bill", "retry", *shlex.split(words)]) == status
        told = capsys.readouterr()
        return told.out + told.err

    return run


def mend(world: World, account_id: str) -> None:
    world.execute(f"UPDATE accounts SET currency = 'CNY' WHERE account_id = '{account_id}'")  # noqa: S608 -- a name of this file


def test_a_dry_run_bills_what_the_retry_bills_and_stores_nothing(aside: World, call: Command) -> None:
    mend(aside, "ella")
    shown = call("--run 1 --dry-run").splitlines()
    assert shown[1].split() == ["ella", "2025-10-01", "2025-10-31", "10.00", "0.60", "CNY"]
    assert shown[2:] == [f"account fred would be quarantined: {REASON}"]
    found = json.loads(call("--run 1 --dry-run --json"))
    assert (found["account_ids"], found["quarantined"], found["refused"]) == (["ella"], {"fred": REASON}, "")
    assert aside.numbers("ella") == []
    done = quarantine_retry.retry(aside.home, 1, aside.tick(), BEN)
    assert (done.total_micros, done.quarantined) == ({"CNY": 10_600_000}, {"fred": REASON})


def test_it_says_why_the_retry_would_refuse(aside: World, call: Command) -> None:
    mend(aside, "ella")
    closed_months.close(aside.home, "", "2025-11", "month end", closed_months.Who("ada", 1001, aside.tick()))
    with pytest.raises(UserError) as caught:
        quarantine_retry.retry(aside.home, 1, aside.tick(), BEN)
    told = f"a run would refuse: {caught.value.message}; remedy: {caught.value.remedy}"
    assert "bill run --accounts ella,fred --date ..." in told
    assert call("--run 1 --dry-run", 1).splitlines()[-1] == told


def test_without_anybody_in_quarantine_it_is_refused_as_the_retry_is(aside: World) -> None:
    for name in ("ella", "fred"):
        mend(aside, name)
    quarantine_retry.retry(aside.home, 1, aside.tick(), BEN)
    with pytest.raises(UserError) as refused:
        quarantine_retry.retry(aside.home, 1, aside.tick(), BEN)
    with pytest.raises(UserError) as caught:
        preview(aside.home, 1, aside.tick(), BEN)
    assert (caught.value.message, caught.value.remedy) == (refused.value.message, refused.value.remedy)


def test_a_run_that_has_a_date_of_issue_keeps_it_when_it_is_tried_again(aside: World) -> None:
    """A reissue is such a run: its bill date is that of the void invoice, whose month may be closed."""
    order = cycle.Order(by=BEN, accounts=frozenset({"ella"}), issued_on=dt.date(2025, 12, 3))
    aside.begun(dt.date(2025, 12, 3))
    cycle.run(aside.home, dt.date(2025, 11, 1), aside.tick(), order=order)
    mend(aside, "ella")
    quarantine_retry.retry(aside.home, 2, aside.tick(), BEN)
    (number,) = aside.numbers("ella")
    assert invoicing.get_invoice(aside.home, number).summary.issued_on == "2025-12-03"
