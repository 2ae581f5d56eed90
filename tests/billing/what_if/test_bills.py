"""What-ifs and comparisons are what a bill of the month comes to, before rounding and tax: with tiers, discounts and commitments.

Random accounts of any bill day live in one home. The truth is the lines of other homes, in which they have bill day 1 and had the plan that
is asked about all along.
"""

from __future__ import annotations

import collections
import datetime as dt
import itertools
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from billing.accounts.kinds import CategoryFact, DiscountFact, PoolFact
from billing.runs import computing
from billing.store import tables
from billing.what_if import Month, all_plans, what_if
from rating.model import (
    ANY_ZONE,
    Allowance,
    Commitment,
    CommitmentCounts,
    FeeOccasion,
    InvoiceDiscount,
    Plan,
    QuantityUnit,
    Service,
    UsageRule,
    VolumeScope,
    VolumeStep,
    VolumeTier,
)
from tests.billing.runs.world import MINUTE_MS, START_US, Call, World, price_of, shop
from tests.billing.what_if.operator_month import once

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from rating.model import Catalogue

OCTOBER = Month(2025, 10)
NUMBERS = (8613900000001, 8613900000002, 8690100)
RULES = (UsageRule(Service.VOICE, "national", "National calls"), UsageRule(Service.VOICE, "premium", "Premium calls"))
MINUTES = Allowance(10, "family minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, 30 * MINUTE_MS, (ANY_ZONE,), shared=True)
ACCOUNTS = 8
PLANS = ("basic", "metered", "family", "least", "mixed", "even")


class Life(NamedTuple):
    """A subscription: its plans from dates on."""

    account: int
    number: str
    plans: tuple[tuple[str, str], ...]
    to_date: str | None


class Story(NamedTuple):
    """Who has what, and the calls; `told` are discounts by account, and the agreed root of a pool."""

    bill_days: tuple[int, ...]
    zones: tuple[str, ...]
    opened: tuple[str, ...]
    lives: tuple[Life, ...]
    calls: tuple[Call, ...]
    discounts: dict[int, DiscountFact]
    pools: dict[int, int]


def tariff(seed: int, version: int = 1, effective_from_us: int = START_US) -> Catalogue:
    """Plans of every kind of term, of random amounts."""
    rng = random.Random(seed)
    base = shop(version=version, effective_from_us=effective_from_us)
    basic = base.plans[0].recurring
    prices = (price_of(100, "National calls", 10, rng.randrange(80_001, 200_000)), price_of(101, "Premium calls", 11, 2_005_000))
    flat = rng.randrange(50_000, 90_000)
    steps = (VolumeStep(0, flat, MINUTE_MS, 1_230_000), VolumeStep(rng.randrange(10, 60) * MINUTE_MS, flat // 2, MINUTE_MS))
    own = VolumeTier(300, "Own tiers", 30, 3000, "standard", ("National calls",), steps)
    joint = VolumeTier(301, "Joint tiers", 31, 3001, "standard", ("National calls", "Premium calls"), steps, VolumeScope.ACCOUNT)
    least = Commitment(400, "Least", 40, 4000, "standard", rng.randrange(5, 60) * 1_010_101)
    both = Commitment(401, "Least of all", 41, 4001, "standard", 45_670_000, CommitmentCounts.USAGE_AND_FEES, prorate=False)
    percent = InvoiceDiscount(500, "Welcome", 50, 5000, rng.randrange(10_000, 300_000), months=rng.choice((None, 1, 2)))
    fixed = InvoiceDiscount(501, "Voucher", 51, 5000, 0, 7_770_000)
    off_least = InvoiceDiscount(502, "Rebate", 52, 5000, 100_000, kinds=("commitment", "volume"))
    off_usage = InvoiceDiscount(503, "Off usage", 53, 5000, rng.randrange(10_000, 300_000), kinds=("usage",))
    set_up = once(210, "Set-up", 7_000_000, FeeOccasion.ACTIVATION)
    shared, rent = (MINUTES,), base.plans[1].recurring
    plans = (
        Plan("basic", RULES, {"en": "Basic"}, base.plans[0].allowances, basic, one_offs=(set_up,)),
        Plan("metered", RULES, {"en": "Metered"}, recurring=basic, volume_tiers=(own,), commitments=(least,)),
        Plan("family", RULES, {"en": "Family"}, shared, rent, volume_tiers=(joint,), invoice_discounts=(percent, fixed)),
        Plan("least", RULES, {"en": "Least"}, commitments=(both,), invoice_discounts=(off_least, fixed)),
        Plan("mixed", RULES, {"en": "Mixed"}, recurring=basic, commitments=(least,), invoice_discounts=(percent, fixed, off_usage)),
        Plan("even", RULES, {"en": "Even"}, recurring=basic, commitments=(both,), invoice_discounts=(percent, fixed)),
    )
    return msgspec.structs.replace(base, plans=plans, prices=prices)


def story(seed: int, *, pools: bool = False) -> Story:
    rng = random.Random(seed)
    names = PLANS
    lives = []
    for index in range(ACCOUNTS * 2):
        begins = rng.choice(("2025-09-05", "2025-10-01", "2025-10-12"))
        plans = [(begins, rng.choice(names))]
        if rng.random() < 0.4:
            plans.append(("2025-10-18", rng.choice(names)))
        lives.append(Life(index // 2, f"86138{index:08}", tuple(plans), "2025-10-28" if rng.random() < 0.2 else None))
    calls = tuple(
        Call(
            rng.choice(lives).number,
            f"2025-{rng.choice(('09-20', '09-30', *(f'10-{day:02}' for day in range(1, 32)), '11-01'))}T{rng.randrange(24):02}:30",
            rng.randrange(1, 500),
            number=rng.choice(NUMBERS),
            key=f"{place}",
        )
        for place in range(200)
    )
    agreed = {
        1: DiscountFact("loyal", percent_ppm=123_000, charge_code=9, revenue_code=9),
        4: DiscountFact("gift", amount_micros=3_330_000),
    }
    return Story(
        tuple(rng.choice((1, 9, 31)) if not pools else 1 for _ in range(ACCOUNTS)),
        tuple(rng.choice(("Asia/Shanghai", "Europe/Berlin")) if not pools else "Asia/Shanghai" for _ in range(ACCOUNTS)),
        tuple(rng.choice(("2025-09-01", "2025-10-01")) for _ in range(ACCOUNTS)),
        tuple(lives),
        calls,
        agreed,
        {2: 3, 5: 3} if pools else {},
    )


def home(folder: Path, published: Catalogue, told: Story, *, by_month: bool = False, plan: str = "") -> World:
    """The story in a home. `by_month`: every bill day is the first. `plan`: that every subscription had all along."""
    world = World(folder, catalogues=[published])
    for index in range(ACCOUNTS):
        day = 1 if by_month else told.bill_days[index]
        world.account(f"A{index}", opened_on=told.opened[index], timezone=told.zones[index], bill_day=day)
    for place, life in enumerate(told.lives):
        (first, name), *more = life.plans
        world.subscription(f"S{place}", f"A{life.account}", f"shop/{plan or name}", life.number, from_date=first, to_date=life.to_date)
        for day, other in () if plan else more:
            world.plan(f"S{place}", f"shop/{other}", day)
    facts: list[tuple[str, int, Any]] = [("discount", account, each) for account, each in told.discounts.items()]
    facts += [("pool", account, PoolFact(f"A{root}")) for account, root in told.pools.items()]
    for kind, account, detail in facts:
        values = {"kind": kind, "from_date": "2025-09-01", "detail": msgspec.json.encode(detail).decode(), "account_key": account + 1}
        with world.home.begin() as connection:
            seq = world.home.next_commit_seq(connection, "fact", world.tick())
            connection.execute(tables.account_facts.insert().values(**values, commit_seq=seq))
    world.take(*told.calls)
    return world


def of_the_month(world: World) -> dict[str, int]:
    """What the lines of October come to by account, before rounding and tax, when all of it is billed on 1 November."""
    found: list[np.ndarray[Any, Any]] = []
    settle = computing.settle

    def spying(proposed: Any, *rest: Any, **options: Any) -> Any:  # noqa: ANN401 -- whatever settle takes
        found.append(proposed)
        return settle(proposed, *rest, **options)

    with pytest.MonkeyPatch.context() as patched, world.home.connect() as connection:
        patched.setattr(computing, "settle", spying)
        computed = computing.compute(world.home, dt.date(2025, 11, 1), world.home.head_seq(connection), threads=1)
    names = {
        int(key): each.account_id
        for key, each in zip(computed.contracts.facts.account_keys, computed.contracts.facts.accounts, strict=True)
    }
    sums: dict[str, int] = collections.Counter()
    first, after = ((day - dt.date(1970, 1, 1)).days for day in (OCTOBER.first, OCTOBER.after))
    for line in found[0]:
        if first <= line["period_from"] < line["period_to"] <= after:
            sums[names[int(line["account_key"])]] += int(line["exact_micros"])
    world.home.close()
    return sums


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_comparison_is_the_bill_of_who_had_each_plan_all_along(tmp_path: Path, seed: int) -> None:
    published, told = tariff(seed), story(seed)
    real = home(tmp_path / "real", published, told)
    truth = {plan: of_the_month(home(tmp_path / (plan or "now"), published, told, by_month=True, plan=plan)) for plan in ("", *PLANS)}
    for index in range(ACCOUNTS):
        account = f"A{index}"
        found = all_plans.compare(real.home, account, OCTOBER)
        assert found.now.total_micros == truth[""][account]
        totals = {each.plan: each.total_micros for each in found.offers}
        assert totals == {f"shop/{plan}": sums[account] for plan, sums in truth.items() if plan}
        assert [each.plan for each in found.offers] == sorted(totals, key=lambda plan: (totals[plan], plan))
    real.home.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 8))
@pytest.mark.parametrize("pools", [False, True])
def test_a_what_if_is_the_bills_of_the_month_under_either_tariff(tmp_path: Path, seed: int, *, pools: bool) -> None:
    told = story(seed, pools=pools)
    real = home(tmp_path / "real", tariff(seed), told)
    report = what_if(real.home, tariff(seed + 100, version=2), OCTOBER, clock_s=itertools.count().__next__)
    real.home.close()
    now, then = (of_the_month(home(tmp_path / str(each), tariff(each), told, by_month=True)) for each in (seed, seed + 100))
    (part,) = report.currencies
    assert (part.now_micros, part.then_micros) == (sum(now.values()), sum(then.values()))
    assert {each.account_id: (each.now_micros, each.then_micros) for each in part.most_affected} == {
        account: (now[account], then[account]) for account in now if now[account] != then[account]
    }
    assert {each.kind for each in part.terms} == {"volume", "discount", "commitment"}
    whole = [sum(getattr(each, side) for each in (*part.revenue, *part.fees, *part.terms)) for side in ("now_micros", "then_micros")]
    assert whole == [part.now_micros, part.then_micros]


@pytest.mark.slow
def test_a_plan_with_a_least_amount_is_not_called_the_cheapest(tmp_path: Path) -> None:
    """4.99 a month, and at least 20.00 in all: with no call at all 20.00 are billed."""
    base = shop()
    fee = msgspec.structs.replace(base.plans[0].recurring[0], amount_micros=4_990_000)
    least = Commitment(400, "Least", 40, 4000, "standard", 20_000_000, CommitmentCounts.USAGE_AND_FEES)
    cheap = Plan("cheap", RULES, {"en": "Cheap"}, recurring=(fee,), commitments=(least,))
    world = World(tmp_path / "home", catalogues=[msgspec.structs.replace(base, plans=(*base.plans, cheap))])
    world.account("A", opened_on="2025-10-01")
    world.subscription("S", "A", "shop/basic", "8613")
    found = all_plans.compare(world.home, "A", OCTOBER)
    world.home.close()
    assert [(each.plan, each.total_micros, each.commitment_micros) for each in found.offers] == [
        ("shop/basic", 10_000_000, 0),
        ("shop/cheap", 20_000_000, 15_010_000),
        ("shop/plus", 33_000_000, 0),
    ]


@pytest.mark.slow
def test_an_account_for_tests_pays_nothing_on_either_side(tmp_path: Path) -> None:
    world = World(tmp_path / "home")
    for place, account in enumerate(("A", "B")):
        world.account(account, opened_on="2025-10-01")
        world.subscription(f"S{account}", account, "shop/basic", f"861{place}")
    fact = {"kind": "category", "from_date": "2025-10-01", "detail": msgspec.json.encode(CategoryFact("test")).decode()}
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        connection.execute(tables.account_facts.insert().values(**fact, account_key=2, commit_seq=seq))
    world.take(Call("8610", "2025-10-05T10:00", 60 * 21), Call("8611", "2025-10-05T10:00", 60 * 21))
    report = what_if(world.home, shop(version=2), OCTOBER, clock_s=itertools.count().__next__)
    world.home.close()
    (part,) = report.currencies
    assert (part.now_micros, part.then_micros, part.payers.customers) == (10_100_000, 10_100_000, 1)
    assert "tests" in report.not_included
