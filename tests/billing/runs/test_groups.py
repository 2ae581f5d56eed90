"""Usage priced in groups of shards comes to what one big table comes to.

Whatever the groups, the threads, the order of arrival and the form in which usage is stored.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pytest

from billing import catalogue
from billing.charges.grants import AllowanceKey
from billing.charges.rollover import SHARED, Left
from billing.guiding import Guide
from billing.intake import view
from billing.intake.taking import Intake
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.currencies import Currencies
from billing.runs.contracts.rule_inputs import asked
from billing.runs.selection import scope
from billing.runs.usage import pricing
from billing.runs.usage.charge_sums import gathered, sum_up
from billing.runs.usage.rating_passes import Turns
from billing.runs.usage.shard_groups import price_in_groups
from billing.store import tables
from rating.dates import day_number
from rating.model import Service, UsageRule
from rating.schema import Direction, UsageFlag
from rating.status import Status
from tests.billing.runs.test_promises import CAP, FREE, ROLLS, VOICE, a_plan, selling
from tests.billing.runs.world import MINUTE_MS, Call, World

if TYPE_CHECKING:
    from pathlib import Path

    from billing.runs.usage.charge_sums import PricedSums
    from billing.runs.usage.pricing import Priced

pytestmark = pytest.mark.slow

SEED = 11
BILL_DATE = dt.date(2026, 1, 1)
MONTHS = ("2025-10", "2025-11", "2025-12")
FAMILY = a_plan("family", msgspec.structs.replace(FREE, shared=True))
SAVER = a_plan("saver", ROLLS)
CLAN = a_plan("clan", msgspec.structs.replace(ROLLS, shared=True))
CAPPED = a_plan("capped", caps=(CAP,))
ABROAD = a_plan("abroad", rules=(*VOICE, UsageRule(Service.VOICE, "national", "National calls", direction=Direction.TERMINATING)))
PLANS = (FAMILY, SAVER, CLAN, CAPPED, ABROAD)
NUMBERS_EACH = (1, 3, 1, 2, 1)  # accounts have one number, or several
ACCOUNTS = 30


class Figures(NamedTuple):
    """Everything that must not depend on the groups. `charges`: by event key."""

    lines: bytes
    too_large: list[int]
    left: list[Left]
    left_out: dict[str, int]
    statuses: dict[Status, int]
    charges_by_currency: dict[str, Any]
    rows: int
    charges: dict[bytes, tuple[int, ...]]


class Priceable(NamedTuple):
    """What a run for BILL_DATE would price."""

    world: World
    seq: int
    contracts: Contracts
    scope: scope.Scope
    guide: Guide

    @classmethod
    def of(cls, world: World, bill_date: dt.date = BILL_DATE) -> Priceable:
        """As things stand."""
        midnights = facts.Midnights()
        with world.home.connect() as connection:
            seq = world.home.head_seq(connection)
            contracts = Contracts(facts.load(connection, seq), price_list.load(world.home, seq), midnights)
            covered = scope.covered_through(connection, contracts.facts)
            decided = scope.decide(contracts.facts, covered, bill_date, midnights)
        return cls(world, seq, contracts, decided, Guide(world.home, seq))

    def in_groups(self, group_rows: int, threads: int = 1, *, stored: tuple[Left, ...] = ()) -> Figures:
        """All usage in groups of about so many rows."""
        kept: dict[int, Priced] = {}
        sums = price_in_groups(
            self.world.home,
            self.seq,
            self.guide,
            self.contracts,
            self.scope,
            stored,
            threads=threads,
            sink=kept.__setitem__,
            group_rows=group_rows,
        )
        assert sorted(kept) == list(range(len(kept)))
        return figures(sums, [kept[number] for number in sorted(kept)])

    def whole(self, stored: tuple[Left, ...] = ()) -> Priced:
        """All usage in one table."""
        columns = pricing.columns(asked(self.contracts.price_list.catalogues))
        assert self.scope.window is not None
        usage = view.usage(self.world.home, columns, self.seq, *self.scope.window)
        owned = pricing.owned(usage, self.guide, self.contracts, self.scope, self.contracts.prices_incoming)
        turns = Turns(self.contracts, self.scope)
        return pricing.price_owned(owned, self.guide, self.contracts, self.scope, lambda events: turns.rate(events, stored))


def figures(sums: PricedSums, priced: list[Priced]) -> Figures:
    return Figures(
        sums.lines.tobytes(),
        sums.too_large,
        sums.left,
        sums.left_out,
        sums.status_counts,
        sums.charges_by_currency,
        sums.rows,
        dict(itertools.chain.from_iterable(map(charges, priced))),
    )


def charges(priced: Priced) -> zip[tuple[bytes, tuple[int, ...]]]:
    rated = priced.rated
    columns = (priced.subscription, priced.account, priced.period_from, priced.period_to, rated.status, rated.charge_micros)
    more = (rated.gross_micros, rated.chargeable_qty, rated.free_qty, rated.price_id, rated.zone_id, rated.version)
    rows = zip(*(column.tolist() for column in (*columns, *more)), strict=True)
    return zip(priced.event_key.to_pylist(), rows, strict=True)


def customers(world: World) -> list[str]:
    """Accounts of every plan; their numbers."""
    catalogue.publish(world.home, selling(*PLANS), world.tick())
    numbers = []
    for account in range(ACCOUNTS):
        plan = PLANS[account % len(PLANS)].name if account % 7 else "basic"
        world.account(f"a{account:02}", bill_day=1 + account % 3)
        for number in range(NUMBERS_EACH[account % len(NUMBERS_EACH)]):
            numbers.append(f"8613{account:04}{number:05}")
            world.subscription(f"s{numbers[-1]}", f"a{account:02}", f"shop/{plan}", numbers[-1])
    return numbers


def some_calls(numbers: list[str], count: int) -> list[Call]:
    random_ = random.Random(SEED)
    print(f"seed {SEED}")  # noqa: T201 -- shown when the test fails
    strangers = ["8699900000001", "8699900000002"]
    calls = []
    for number in range(count):
        day, hour, minute = random_.randint(1, 28), random_.randint(0, 23), random_.randint(0, 59)
        at = f"{random_.choice(MONTHS)}-{day:02}T{hour:02}:{minute:02}:{random_.choice(['00', '30'])}"
        direction = Direction.TERMINATING if random_.random() < 0.1 else Direction.ORIGINATING
        flags = int(UsageFlag.UNANSWERED) if random_.random() < 0.05 else 0
        other = random_.choice([8613900000001, 8690123456789, 4930123456])
        served = random_.choice(numbers if random_.random() < 0.97 else strangers)
        calls.append(Call(served, at, random_.randint(1, 1200), other, f"call {number}", flags, direction=direction))
    return calls


def take_all(world: World, calls: list[Call]) -> None:
    """Two thirds of the calls sealed, in two goes, the others in the journal."""
    third = len(calls) // 3
    world.take(*calls[:third])
    Intake(world.home).seal(world.tick())
    world.take(*calls[third : third + 50])
    world.take(*calls[third + 50 : 2 * third])
    Intake(world.home).seal(world.tick())
    world.take(*calls[2 * third :])


@pytest.fixture
def filled(world: World) -> Priceable:
    world.lived(_filled)
    return Priceable.of(world)


def _filled(world: World) -> None:
    take_all(world, some_calls(customers(world), 900))


def test_groups_threads_and_one_table_say_the_same(filled: Priceable) -> None:
    whole = filled.in_groups(10**9)
    assert whole.rows > 600
    assert {Status.RATED, Status.ZERO_RATED} <= set(whole.statuses)
    assert whole.left_out["not_billable"] > 0
    assert {each.account_key for each in whole.left} != {0}, "some allowances roll over"
    for group_rows, threads in [(300, 1), (300, 2), (1, 1), (1, 2)]:
        assert filled.in_groups(group_rows, threads) == whole, (group_rows, threads)
    plain = filled.whole()
    assert dict(charges(plain)) == whole.charges
    assert plain.left_out == {name: whole.left_out[name] for name in plain.left_out}
    assert sorted(plain.left) == whole.left


def test_lines_are_the_sums_of_charges(filled: Priceable) -> None:
    """Added up once more, one by one."""
    sums: dict[tuple[int, ...], list[int]] = {}
    kept: list[Priced] = []
    found = price_in_groups(
        filled.world.home,
        filled.seq,
        filled.guide,
        filled.contracts,
        filled.scope,
        sink=lambda _, priced: kept.append(priced),
        group_rows=200,
    )
    known = filled.contracts.facts
    for subscription, account, period_from, period_to, status, charge, _, quantity, free, price_id, *_ in (
        row for priced in kept for _, row in charges(priced)
    ):
        if status <= int(Status.ZERO_RATED):
            key = (int(known.account_keys[account]), period_from, period_to, int(known.subscription_keys[subscription]), price_id)
            before = sums.setdefault(key, [0, 0, 0, 0])
            sums[key] = [old + new for old, new in zip(before, (1, charge, quantity, free), strict=True)]
    names = (
        "account_key",
        "period_from",
        "period_to",
        "subscription_key",
        "price_id",
        "events",
        "exact_micros",
        "quantity",
        "free_quantity",
    )
    rows = [tuple(int(line[name]) for name in names) for line in found.lines]
    assert rows == sorted(rows)
    assert {row[:5]: list(row[5:]) for row in rows} == sums
    assert found.charges_by_currency["CNY"] == (sum(each[0] for each in sums.values()), sum(each[1] for each in sums.values()))


def test_the_order_of_arrival_changes_nothing(filled: Priceable, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    calls = some_calls(customers(other), 900)
    random.Random(SEED + 1).shuffle(calls)
    take_all(other, calls)
    assert Priceable.of(other).in_groups(100, threads=2) == filled.in_groups(10**9)
    other.home.close()


def test_what_earlier_runs_left_goes_to_the_groups_of_its_accounts(filled: Priceable) -> None:
    """Ten minutes that every saver, and every clan together, has left from before October."""
    begin, serves_to = dt.date(2025, 10, 1), dt.date(2025, 11, 1)
    stored = []
    known = filled.contracts.facts
    for index, subscription in enumerate(known.subscriptions):
        plan, account = subscription.plans[0][1], known.accounts[subscription.account]
        key = AllowanceKey("shop", FREE.allowance_id)
        if plan == "shop/saver":
            stored.append(Left(account.account_key, int(known.subscription_keys[index]), plan, key, begin, serves_to, 10 * MINUTE_MS))
        if plan == "shop/clan":
            stored.append(Left(account.account_key, SHARED, "", key, begin, serves_to, 10 * MINUTE_MS))
    whole = filled.in_groups(10**9, stored=tuple(stored))
    assert whole.left != filled.in_groups(10**9).left, "more is left of what October grants"
    assert filled.in_groups(1, 2, stored=tuple(stored)) == whole
    assert dict(charges(filled.whole(tuple(stored)))) == whole.charges


def test_a_sum_beyond_the_limit_of_money_is_found_and_its_account_left_out(filled: Priceable) -> None:
    """The charges of one account as if they were dear: two of them are too much together, each is not."""
    priced = filled.whole()
    dear = int(np.bincount(priced.account[priced.account >= 0]).argmax())
    charge = np.where((priced.account == dear) & (priced.rated.status == int(Status.RATED)), 9 * 10**17, priced.rated.charge_micros)
    changed = dataclasses.replace(priced, rated=dataclasses.replace(priced.rated, charge_micros=charge))
    currencies = Currencies(filled.contracts)
    sums = gathered([sum_up(changed, filled.contracts, currencies)])
    key = int(filled.contracts.facts.account_keys[dear])
    assert sums.too_large == [key]
    plain = gathered([sum_up(priced, filled.contracts, currencies)])
    assert sums.lines.tobytes() == plain.lines[plain.lines["account_key"] != key].tobytes()
    of_dear = changed.rated.charge_micros[(changed.account == dear) & (changed.rated.status <= int(Status.ZERO_RATED))]
    assert sums.too_large_by_currency["CNY"] == (len(of_dear), sum(of_dear.tolist()))
    assert sums.charges_by_currency["CNY"].amount_micros > 2**63, "and no sum wraps"


def test_a_reopened_window_is_read_for_its_accounts_alone(filled: Priceable) -> None:
    """Accounts touched are computed from October on, the others for December alone: what they used before is settled."""
    world, known = filled.world, filled.contracts.facts
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "run", world.tick())
        run = {"bill_date": "2025-12-03", "pinned_seq": seq, "state": "posted", "started_us": 0, "commit_seq": seq, "kind": "cycle"}
        connection.execute(tables.bill_runs.insert().values(**run))
    touched = np.full(len(known.account_keys), day_number(dt.date(9999, 12, 31)), np.int64)
    touched[[3, 4, 8]] = day_number(dt.date(2025, 10, 15))
    with world.home.connect() as connection:
        covered = scope.covered_through(connection, known)
    decided = scope.decide(known, covered, dt.date(2026, 1, 3), facts.Midnights(), touched=touched)
    assert decided.reopened is not None
    some = filled._replace(scope=decided)
    whole = some.in_groups(10**9)
    assert some.in_groups(1, 2) == whole
    assert dict(charges(some.whole())) == whole.charges
    assert whole.left_out["settled"] > 100
    assert_all_told(some, whole)


def test_a_run_of_few_accounts_does_not_read_the_usage_of_the_others(filled: Priceable) -> None:
    known = filled.contracts.facts
    with filled.world.home.connect() as connection:
        decided = scope.decide(known, scope.covered_through(connection, known), BILL_DATE, facts.Midnights(), {"a03", "a09"})
    some = filled._replace(scope=decided)
    whole = some.in_groups(10**9)
    assert some.in_groups(1, 2) == whole
    assert dict(charges(some.whole())) == whole.charges
    assert whole.left_out["settled"] > 500
    assert_all_told(some, whole)


def assert_all_told(asked_: Priceable, found: Figures) -> None:
    """Every event of the windows was priced, refused, or left out for a reason."""
    assert asked_.scope.window is not None
    rows = view.usage(asked_.world.home, ("flags",), asked_.seq, *asked_.scope.window).num_rows
    assert rows == found.rows + sum(found.left_out.values())
