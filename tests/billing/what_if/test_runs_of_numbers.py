"""Owners by runs of events of a number: the same as event by event, and in order of rating unit, time and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from billing.guiding import NOBODY, Guide
from billing.intake import view
from billing.intake.taking import Intake
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.columns import key_halves, one_chunk
from billing.runs.contracts.contracts import Contracts
from billing.runs.usage import pricing
from billing.what_if import Month, month, worlds
from billing.what_if.runs_of_numbers import group, holding_of
from tests.billing.what_if.operator_month import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.billing.runs.world import World

OCTOBER = Month(2025, 10)


@pytest.mark.slow
@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("seed", [3, 4])
def test_owners_and_order(a_month: Callable[..., World], seed: int, *, sealed: bool) -> None:
    world = a_month(plain(), seed)
    if sealed:
        Intake(world.home).seal(world.tick())
    midnights = facts.Midnights()
    with world.home.connect() as connection:
        seq = world.home.head_seq(connection)
        known = facts.load(connection, seq)
    contracts = Contracts(known, price_list.load(world.home, seq), midnights)
    scope = month.scope_of(known, OCTOBER, midnights)
    assert scope.window is not None
    guide, made = Guide(world.home, seq), worlds.world(contracts, scope, OCTOBER)
    usage = view.usage(world.home, pricing.columns(made.asked), seq, *scope.window)
    plain_owned = pricing.owned(usage, guide, contracts, scope, contracts.prices_incoming)
    found = group(usage, guide, scope, made, contracts.prices_incoming)

    key = one_chunk(usage["event_key"]).take(found.places)
    columns = (found.start_us, found.spread(found.runs.subscription), found.spread(holding_of(found.runs, made)))
    by_key = dict(zip(key.to_pylist(), zip(*(each.tolist() for each in columns), strict=True), strict=True))
    owner = plain_owned.owner
    expected = zip(plain_owned.start_us.tolist(), owner.subscription.tolist(), owner.holding.tolist(), strict=True)
    assert by_key == dict(zip(plain_owned.event_key.to_pylist(), expected, strict=True))
    assert {name: count for name, count in found.left_out.items() if count} == {
        name: count for name, count in plain_owned.left_out.items() if count and name != "not_due"
    }
    halves = key_halves(key)
    order = np.lexsort((halves[:, 1], halves[:, 0], found.start_us, found.spread(found.unit)))
    assert (order == np.arange(len(order))).all()


def test_who_has_a_number_throughout(world: World) -> None:
    world.account("A")
    for name in ("S1", "S2"):
        world.subscription(name, "A", "shop/basic", f"+{name}")
    one, two = (world.key("subscriptions", "subscription_key", "subscription_id", name) for name in ("S1", "S2"))
    rows = [("whole", 0, None, one), ("begins", 150, None, one), ("ends", 0, 150, two), ("moved", 0, 150, one), ("moved", 150, None, two)]
    rows.append(("until then", 0, 200, two))
    for served_id, from_us, to_us, key in rows:
        closing = "null" if to_us is None else to_us
        world.execute(
            f"insert into guiding_facts (served_id, from_us, to_us, subscription_key, commit_seq) values ('{served_id}', {from_us}, {closing}, {key}, 1)"  # noqa: S608, E501 -- our own values
        )
    with world.home.connect() as connection:
        guide = Guide(world.home, world.home.head_seq(connection))
    ids = ["whole", "begins", "ends", "moved", "until then", "stranger"]
    owner, steady = guide.throughout(pa.array(ids), 100, 200)
    assert steady.tolist() == [True, False, False, False, True, True]
    assert owner.tolist() == [one, NOBODY, NOBODY, NOBODY, two, NOBODY]
