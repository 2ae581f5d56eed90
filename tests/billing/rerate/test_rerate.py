"""Re-rating: exactly who has the plan in the months and these months alone, previewed to the cent, approved by somebody else, billed once.

The shop's second version halves national calls of October (0.10 to 0.05 a minute) and corrects the first from the beginning.
Amounts below are cents.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue, controls, invoicing
from billing.documents import voiding
from billing.ledger.closed_months import Who
from billing.rerate import jobs
from billing.rerate.request import Request, request
from billing.store import bulk
from rating.errors import UserError
from rating.model import FeeTiming, RecurringFee, TaxClass, TaxRate
from tests.billing.documents.clerk import cents as owed_cents
from tests.billing.documents.clerk import void
from tests.billing.runs.world import NATIONAL, START_US, Call, instant_us, price_of, shop

if TYPE_CHECKING:
    from tests.billing.runs.world import World

CENT = 10_000
DAY = dt.date(2025, 12, 5)


def who(world: World, uid: int = 1) -> Who:
    return Who(f"clerk {uid}", uid, world.tick())


def asked(accounts: tuple[str, ...] | None = None, months: str = "2025-10") -> Request:
    return request("shop/plus", 2, months, accounts)


def apply(world: World, wanted: Request, on: str = f"{DAY}") -> jobs.Job:
    """Plan, approve and apply."""
    job = jobs.plan(world.home, wanted, who(world))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", who(world, uid=2))
    return jobs.apply(world.home, job.job_id, dt.date.fromisoformat(on), who(world))


def cents(job: jobs.Job) -> int:
    """What a job comes to without tax."""
    return job.figures.net_micros.get("CNY", 0) // CENT


def cycle_cents(world: World) -> dict[str, int]:
    """What the run of December, made again, bills each account."""
    before = invoiced_cents(world)
    world.bill("2025-12-01")
    return {account: amount - before[account] for account, amount in invoiced_cents(world).items()}


def balanced(world: World) -> bool:
    return all(each.ok for each in controls.books(world.home))


def correct(world: World) -> None:
    """Publish the second version: national calls at half the price, from the beginning of the first."""
    old = shop()
    prices = tuple(price_of(NATIONAL, "National calls", 10, 50_000) if each.price_id == NATIONAL else each for each in old.prices)
    catalogue.publish(world.home, shop(2, START_US, prices=prices, corrects=1), world.tick())


@pytest.fixture
def billed(world: World) -> World:
    """Two months of four customers, billed twice; then the tariff is corrected. d has the plan `basic`."""
    world.lived(_billed_and_corrected)
    return world


def _billed_and_corrected(world: World) -> None:
    for index, (account, plan) in enumerate((("a", "shop/plus"), ("b", "shop/plus"), ("c", "shop/plus"), ("d", "shop/basic")), start=1):
        world.account(account)
        world.subscription(f"s{account}", account, plan, f"861380000000{index}")
        world.take(Call(f"861380000000{index}", "2025-10-05T10:00", index * 600), Call(f"861380000000{index}", "2025-11-05T10:00", 600))
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    world.now_us = instant_us(f"{DAY}T12:00:00")
    correct(world)


def invoiced_cents(world: World) -> dict[str, int]:
    sums: dict[str, int] = {}
    for each in invoicing.list_invoices(world.home):
        sums[each.account_id] = sums.get(each.account_id, 0) + each.total_micros // CENT
    return sums


def test_the_preview_says_who_and_how_much(billed: World) -> None:
    before = invoiced_cents(billed)
    found = jobs.preview(billed.home, asked())
    # October alone, though November was billed at the old price too: a 10 minutes, b 20, c 30, each 0.05 less
    assert (found.accounts, found.dearer, found.cheaper, found.unchanged) == (3, 0, 3, 0)
    assert {each.account_id: each.net_micros // CENT for each in found.largest} == {"c": -150, "b": -100, "a": -50}
    assert {currency: amount // CENT for currency, amount in found.net_micros.items()} == {"CNY": -300}
    assert {code: amount // CENT for code, amount in found.by_revenue_code.items()} == {"CNY 4010": -300}
    assert [amount // CENT for amount in found.deciles["CNY"]][::5] == [-150, -100, -50]
    assert invoiced_cents(billed) == before, "a preview stores nothing"


def test_only_named_accounts_are_in_it(billed: World) -> None:
    assert [each.account_id for each in jobs.preview(billed.home, asked(("b",))).largest] == ["b"]
    with pytest.raises(UserError, match="no account has the id z"):
        jobs.preview(billed.home, asked(("z",)))


# today is 5 December; October was billed on 1 November
@pytest.mark.parametrize(
    ("on", "refusal"),
    [
        ("2025-10-31", "R-0000000003, which it corrects, was issued on 2025-11-01"),
        ("2001-01-05", "R-0000000003, which it corrects, was issued on 2025-11-01"),
        ("2025-12-06", "today is 2025-12-05"),
        ("2045-06-01", "today is 2025-12-05"),
        ("2025-11-01", None),
        ("2025-12-05", None),
    ],
)
def test_documents_are_dated_between_what_they_correct_and_today(billed: World, on: str, refusal: str | None) -> None:
    job = jobs.plan(billed.home, asked(), who(billed))
    jobs.decide(billed.home, job.job_id, jobs.APPROVED, "", who(billed, uid=2))
    day, before = dt.date.fromisoformat(on), invoiced_cents(billed)
    if refusal is None:
        jobs.apply(billed.home, job.job_id, day, who(billed))
        assert {each.issued_on for each in invoicing.list_invoices(billed.home) if each.document_type != "invoice"} == {on}
        return
    with pytest.raises(UserError, match=f"a re-rating cannot be dated {on}: {refusal}"):
        jobs.apply(billed.home, job.job_id, day, who(billed))
    assert (invoiced_cents(billed), jobs.jobs(billed.home)[0].state) == (before, jobs.APPROVED)


# Today is 20 November; October and, in advance, November were billed on 1 November. The levy of 2.00 is new and of a tax class of its own
@pytest.mark.parametrize(
    ("timing", "months", "on", "first"),
    [
        (FeeTiming.ARREARS, "2025-10", "2025-09-15", "2025-11-01"),
        (FeeTiming.ARREARS, "2025-10", "2025-10-31", "2025-11-01"),
        (FeeTiming.ARREARS, "2025-10", "2025-11-01", None),
        (FeeTiming.ADVANCE, "2025-10..2025-11", "2025-10-31", "2025-11-01"),
        (FeeTiming.ADVANCE, "2025-10..2025-11", "2025-11-01", None),  # though November goes on
    ],
)
def test_what_corrects_nothing_is_not_dated_before_its_bill(  # noqa: PLR0913, PLR0917 -- columns of the table
    world: World, monkeypatch: pytest.MonkeyPatch, timing: FeeTiming, months: str, on: str, first: str | None
) -> None:
    monkeypatch.setattr(bulk, "KEYS_AT_ONCE", 1)  # so that what was billed is really looked for among runs since its period began
    world.account("a")
    world.subscription("sa", "a", "shop/plus", "8613800000001")
    world.bill("2025-11-01")
    world.now_us = instant_us("2025-11-20T12:00:00")
    basic, plus = shop().plans
    levy = RecurringFee(250, "Levy", 250, 5000, "levy", 2_000_000, timing)
    plans = (basic, msgspec.structs.replace(plus, recurring=(*plus.recurring, levy)))
    classes = (*shop().tax_classes, TaxClass("levy", 2, (TaxRate(dt.date(2020, 1, 1), 0),)))
    catalogue.publish(world.home, shop(2, START_US, plans=plans, tax_classes=classes, corrects=1), world.tick())
    if first is None:
        apply(world, asked(months=months), on)
        assert jobs.preview(world.home, asked(months=months)).net_micros == {}, "billed once"
        return
    with pytest.raises(UserError, match=f"a re-rating cannot be dated {on}: .* no bill before {first}"):
        apply(world, asked(months=months), on)


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
    assert changed == {"a": -53, "b": -106, "c": -159, "d": 0}  # with 6 % tax
    made = [each for each in invoicing.list_invoices(billed.home) if each.number.startswith("C-")]
    assert {(each.period_from, each.period_to) for each in made} == {("2025-10-01", "2025-11-01")}
    assert jobs.apply(billed.home, job.job_id, DAY, who(billed)).existed
    assert jobs.preview(billed.home, asked()).net_micros == {}
    # the cycle finds what was not asked for: 10 minutes of November of each, and d, who has another plan and 20 minutes free
    assert cycle_cents(billed) == {"a": -53, "b": -53, "c": -53, "d": -106}
    assert jobs.preview(billed.home, asked(months="2025-10..2025-11")).net_micros == {}
    assert balanced(billed)


def test_two_months_leave_nothing_to_the_cycle_but_another_plan(billed: World) -> None:
    assert cents(apply(billed, asked(months="2025-11"))) == -150
    assert cents(apply(billed, asked(months="2025-10..2025-11"))) == -300, "November was done by itself"
    assert cycle_cents(billed) == {"a": 0, "b": 0, "c": 0, "d": -106}
    assert balanced(billed)


def test_what_came_in_since_the_last_run_is_the_cycle_s(billed: World) -> None:
    """A call of 10 minutes of October comes late, at the new price: 0.50, with the other 10 minutes 0.05 a minute less."""
    job = jobs.plan(billed.home, asked(("a",)), who(billed))
    jobs.decide(billed.home, job.job_id, jobs.APPROVED, "", who(billed, uid=2))
    billed.take(Call("8613800000001", "2025-10-06T10:00", 600))
    assert cents(jobs.plan(billed.home, asked(("a",)), who(billed))) == -50, "late usage changes nothing of it"
    assert jobs.apply(billed.home, job.job_id, DAY, who(billed)).state == jobs.APPLIED
    assert cycle_cents(billed)["a"] == 53 - 53, "the late call, and November"
    assert balanced(billed)


def test_other_subscriptions_of_the_account_are_no_part_of_it(billed: World) -> None:
    """Account e has plus with 10 minutes, and basic with 40, of which 20 are free. The tax on both is one line, and is parted."""
    billed.account("e")
    for name, plan, number, seconds in (("e1", "shop/plus", "8613800000008", 600), ("e2", "shop/basic", "8613800000009", 2400)):
        billed.subscription(name, "e", plan, number)
        billed.take(Call(number, "2025-10-05T10:00", seconds))
    billed.bill("2025-12-01")  # at 0.05 a minute; the third version says 0.02
    old = shop()
    prices = tuple(price_of(NATIONAL, "National calls", 10, 20_000) if each.price_id == NATIONAL else each for each in old.prices)
    catalogue.publish(billed.home, shop(3, START_US, prices=prices, corrects=2), billed.tick())
    wanted = request("shop/plus", 3, "2025-10", ("e",))
    found = jobs.preview(billed.home, wanted)
    # 10 minutes 0.03 cheaper: 0.30, and 6 % of it, 0.018: 0.02
    assert (found.net_micros, found.tax_micros) == ({"CNY": -30 * CENT}, {"CNY": -2 * CENT})
    assert cents(apply(billed, wanted)) == -30
    assert cycle_cents(billed)["e"] == -63, "20 minutes of basic: 0.60. Tax: 44.50 becomes 43.60, 2.67 becomes 2.62; 0.02 of it was done"
    assert balanced(billed)


def test_an_account_that_was_billed_again_is_rated_as_its_last_run_knew_it(billed: World) -> None:
    """The invoice of a for November is void and reissued, with a late call of 10 minutes; b is as the run of the cycle left it."""
    listed = invoicing.list_invoices(billed.home)
    (number,) = [each.number for each in listed if (each.account_id, each.period_from) == ("a", "2025-11-01")]
    void(billed, number, "2025-12-02")
    assert jobs.preview(billed.home, asked(("a", "b"))).left_alone == ("a",), "the next run computes it anyway"
    billed.take(Call("8613800000001", "2025-11-06T10:00", 600))
    voiding.reissue(billed.home, number, who(billed))
    found = jobs.preview(billed.home, asked(("a", "b"), months="2025-10..2025-11"))
    assert found.left_alone == ()
    # the reissue billed a at the new price; b 20 and 10 minutes 0.05 less
    assert {each.account_id: each.net_micros // CENT for each in found.largest} == {"b": -150}


def test_what_changed_since_the_approval_has_to_be_approved_again(billed: World) -> None:
    job = jobs.plan(billed.home, asked(), who(billed))
    jobs.decide(billed.home, job.job_id, jobs.APPROVED, "", who(billed, uid=2))
    billed.bill("2025-12-01")  # bills all that is left, October too
    before = invoiced_cents(billed)
    with pytest.raises(UserError, match="has changed since it was approved"):
        jobs.apply(billed.home, job.job_id, DAY, who(billed))
    assert invoiced_cents(billed) == before
    again = jobs.plan(billed.home, asked(), who(billed))
    assert (again.existed, again.job_id, again.figures.net_micros) == (False, job.job_id + 1, {})


@pytest.mark.parametrize("currency", ["CNY", "AED"])
def test_another_catalogue_changes_nothing_of_a_job(billed: World, currency: str) -> None:
    """Its name and its currency sort before those of the shop."""
    job = jobs.plan(billed.home, asked(), who(billed))
    jobs.decide(billed.home, job.job_id, jobs.APPROVED, "", who(billed, uid=2))
    catalogue.publish(billed.home, msgspec.structs.replace(shop(), identity="acme", currency=currency), billed.tick())
    assert jobs.plan(billed.home, asked(), who(billed)).existed
    assert jobs.apply(billed.home, job.job_id, DAY, who(billed)).state == jobs.APPLIED
    assert balanced(billed)


def test_a_rejected_job_makes_nothing(billed: World) -> None:
    job = jobs.plan(billed.home, asked(), who(billed))
    jobs.decide(billed.home, job.job_id, jobs.REJECTED, "not agreed", who(billed, uid=2))
    with pytest.raises(UserError, match="is rejected"):
        jobs.apply(billed.home, job.job_id, DAY, who(billed))
    assert [each.state for each in jobs.jobs(billed.home)] == [jobs.REJECTED]
    again = jobs.plan(billed.home, asked(), who(billed))
    assert (again.existed, again.job_id, again.state) == (False, job.job_id + 1, jobs.WAITING), "it can be planned again"
    assert jobs.plan(billed.home, asked(), who(billed)).job_id == again.job_id
    jobs.decide(billed.home, again.job_id, jobs.APPROVED, "", who(billed, uid=2))
    assert jobs.apply(billed.home, again.job_id, DAY, who(billed)).state == jobs.APPLIED


def test_what_was_voided_can_be_made_again(billed: World) -> None:
    before = owed_cents(billed, "a")
    done = apply(billed, asked(("a",)))
    (number,) = [each.number for each in invoicing.list_invoices(billed.home) if each.number.startswith("C-")]
    again = jobs.plan(billed.home, asked(("a",)), who(billed))
    assert (again.job_id, again.figures.net_micros) == (done.job_id + 1, {}), "nothing is left to rate again"
    void(billed, number, "2025-12-06")
    second = apply(billed, asked(("a",)))
    assert (second.job_id, cents(second)) == (done.job_id + 2, -50)
    assert owed_cents(billed, "a") == before - 53, "once"
    assert balanced(billed)


@pytest.mark.parametrize(
    ("plan", "version", "months", "message"),
    [
        ("shop/plus", 3, "2025-10", "version 3 of shop is not in force"),
        ("shop/gold", 2, "2025-10", "version 2 has no plan shop/gold"),
        ("plus", 2, "2025-10", "is not a plan"),
        ("shop/plus", 2, "2025-13", "is not a month"),
        ("shop/plus", 2, "2025-11..2025-10", "ends before it begins"),
    ],
)
def test_what_cannot_be_meant_is_refused(billed: World, plan: str, version: int, months: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        jobs.preview(billed.home, request(plan, version, months))
