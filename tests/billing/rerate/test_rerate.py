"""Re-rating: exactly who has the plan in the months, previewed to the cent, approved by somebody else, billed once.

The shop's second version halves national calls of October (0.10 to 0.05 a minute) and corrects the first from the beginning.
Amounts below are cents.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import catalogue, controls, invoicing
from billing.closed_months import Who
from billing.rerate import jobs
from billing.rerate.request import Request, request
from rating.errors import UserError
from tests.billing.runs.world import NATIONAL, START_US, Call, price_of, shop

if TYPE_CHECKING:
    from tests.billing.runs.world import World

CENT = 10_000
DAY = dt.date(2025, 12, 5)


def who(world: World, uid: int = 1) -> Who:
    return Who(f"clerk {uid}", uid, world.tick())


def asked(accounts: tuple[str, ...] | None = None, months: str = "2025-10") -> Request:
    return request("shop/plus", 2, months, accounts)


def correct(world: World) -> None:
    """Publish the second version: national calls at half the price, from the beginning of the first."""
    old = shop()
    prices = tuple(price_of(NATIONAL, "National calls", 10, 50_000) if each.price_id == NATIONAL else each for each in old.prices)
    catalogue.publish(world.home, shop(2, START_US, prices=prices, corrects=1), world.tick())


@pytest.fixture
def billed(world: World) -> World:
    """Two months of four customers, billed twice; then the tariff is corrected. d has the plan `basic`."""
    for index, (account, plan) in enumerate((("a", "shop/plus"), ("b", "shop/plus"), ("c", "shop/plus"), ("d", "shop/basic")), start=1):
        world.account(account)
        world.subscription(f"s{account}", account, plan, f"861380000000{index}")
        world.take(Call(f"861380000000{index}", "2025-10-05T10:00", index * 600), Call(f"861380000000{index}", "2025-11-05T10:00", 600))
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    correct(world)
    return world


def invoiced_cents(world: World) -> dict[str, int]:
    sums: dict[str, int] = {}
    for each in invoicing.list_invoices(world.home):
        sums[each.account_id] = sums.get(each.account_id, 0) + each.total_micros // CENT
    return sums


def test_the_preview_says_who_and_how_much(billed: World) -> None:
    before = invoiced_cents(billed)
    found = jobs.preview(billed.home, asked())
    # October and, since what a period leaves goes on, November: a 10 + 10 minutes, b 20 + 10, c 30 + 10, each 0.05 less
    assert (found.accounts, found.dearer, found.cheaper, found.unchanged) == (3, 0, 3, 0)
    assert {each.account_id: each.net_micros // CENT for each in found.largest} == {"c": -200, "b": -150, "a": -100}
    assert {currency: amount // CENT for currency, amount in found.net_micros.items()} == {"CNY": -450}
    assert {code: amount // CENT for code, amount in found.by_revenue_code.items()} == {"CNY 4010": -450}
    assert [amount // CENT for amount in found.deciles["CNY"]][::5] == [-200, -150, -100]
    assert invoiced_cents(billed) == before, "a preview stores nothing"


def test_only_named_accounts_are_in_it(billed: World) -> None:
    assert [each.account_id for each in jobs.preview(billed.home, asked(("b",))).largest] == ["b"]
    with pytest.raises(UserError, match="no account has the id z"):
        jobs.preview(billed.home, asked(("z",)))


def test_a_job_is_approved_by_another_and_billed_once_to_the_cent(billed: World) -> None:
    job = jobs.plan(billed.home, asked(), who(billed))
    assert jobs.plan(billed.home, asked(), who(billed)).existed
    with pytest.raises(UserError, match="is waiting"):
        jobs.apply(billed.home, job.job_id, DAY, who(billed))
    with pytest.raises(UserError, match="cannot approve it"):
        jobs.decide(billed.home, job.job_id, jobs.APPROVED, "", who(billed))
    jobs.decide(billed.home, job.job_id, jobs.APPROVED, "", who(billed, uid=2))
    before = invoiced_cents(billed)
    done = jobs.apply(billed.home, job.job_id, DAY, who(billed))
    assert done.state == jobs.APPLIED
    changed = {account: amount - before[account] for account, amount in invoiced_cents(billed).items()}
    assert changed == {"a": -106, "b": -159, "c": -212, "d": 0}  # with 6 % tax
    assert jobs.apply(billed.home, job.job_id, DAY, who(billed)).existed
    after = invoiced_cents(billed)
    assert billed.bill("2025-12-01").invoices == 1, "the cycle finds nothing left but with d, whose plan was not asked for"
    assert {account: amount - after[account] for account, amount in invoiced_cents(billed).items()} == {"a": 0, "b": 0, "c": 0, "d": -106}
    assert jobs.preview(billed.home, asked()).net_micros == {}
    assert all(each.ok for each in controls.books(billed.home)), [each for each in controls.books(billed.home) if not each.ok]


def test_what_changed_since_the_approval_has_to_be_approved_again(billed: World) -> None:
    job = jobs.plan(billed.home, asked(), who(billed))
    jobs.decide(billed.home, job.job_id, jobs.APPROVED, "", who(billed, uid=2))
    billed.take(Call("8613800000001", "2025-10-06T10:00", 600))
    before = invoiced_cents(billed)
    with pytest.raises(UserError, match="has changed since it was approved"):
        jobs.apply(billed.home, job.job_id, DAY, who(billed))
    assert invoiced_cents(billed) == before
    again = jobs.plan(billed.home, asked(), who(billed))
    assert (again.existed, again.job_id) == (False, job.job_id + 1)


def test_a_rejected_job_makes_nothing(billed: World) -> None:
    job = jobs.plan(billed.home, asked(), who(billed))
    jobs.decide(billed.home, job.job_id, jobs.REJECTED, "not agreed", who(billed, uid=2))
    with pytest.raises(UserError, match="is rejected"):
        jobs.apply(billed.home, job.job_id, DAY, who(billed))
    assert [each.state for each in jobs.jobs(billed.home)] == [jobs.REJECTED]


@pytest.mark.parametrize(
    ("plan", "version", "months", "message"),
    [
        ("shop/plus", 3, "2025-10", "version 3 of shop is not in force"),
        ("shop/gold", 2, "2025-10", "version 2 has no plan shop/gold"),
        ("plus", 2, "2025-10", "is not a plan"),
        ("shop/plus", 2, "2025-13", "are no months"),
        ("shop/plus", 2, "2025-11..2025-10", "ends before it begins"),
    ],
)
def test_what_cannot_be_meant_is_refused(billed: World, plan: str, version: int, months: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        jobs.preview(billed.home, request(plan, version, months))
