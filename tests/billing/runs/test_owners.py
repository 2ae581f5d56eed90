"""Owners of events: the owner of a number at an instant, and the accounts with which an account has its shared allowances."""

from __future__ import annotations

import dataclasses
import datetime as dt
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from billing.guiding import Spans
from billing.intake import sealing
from billing.runs.contracts.agreements import NOTHING, Relation
from billing.runs.usage.event_owners import Owning
from billing.runs.usage.pools import Pools
from rating.dates import NEVER
from rating.model import Plan
from tests.billing.runs.proposed import Proposed, life, span
from tests.billing.runs.world import instant_us

PLANS = [Plan("basic", (), {})]
LIVES = [(1, life(("2025-10-01", "basic"))), (2, life(("2025-10-01", "basic")))]
NUMBER = "8613800000001"


# instant -> owner. The number is the first one's up to noon of 10 October, nobody's for an hour, then the second one's
@pytest.mark.parametrize(
    ("at", "owner"),
    [
        ("2025-10-10T11:59:59.999999", 0),
        ("2025-10-10T12:00:00", -1),
        ("2025-10-10T12:59:59.999999", -1),
        ("2025-10-10T13:00:00", 1),
        ("2025-10-31T23:59:59.999999", 1),
    ],
)
def test_a_number_has_a_new_owner_from_an_instant_on(at: str, owner: int) -> None:
    proposed = Proposed.of(PLANS, LIVES, accounts=2)
    from_us, to_us = (instant_us("2025-10-01"), instant_us("2025-10-10T13:00:00")), (instant_us("2025-10-10T12:00:00"), NEVER)
    columns = [np.array(each, np.int64) for each in ((0, 2), from_us, to_us, (1, 2))]  # subscriptions have the keys 1 and 2
    guide = SimpleNamespace(spans=Spans(pa.array([NUMBER]), *columns))
    owning = Owning(guide, proposed.contracts, proposed.scope)  # type: ignore[arg-type] -- the facts of a guide, without its home
    owning.place_in_groups(np.array([0, sealing.SHARDS], np.int64))
    found = owning.owners(0, pa.chunked_array([pa.array([NUMBER]).dictionary_encode()]), np.array([instant_us(at)]))
    assert (found.subscription.tolist(), found.account.tolist()) == ([owner], [owner])


# days of account 2 in the pool of account 1 -> the roots of its October and November, as places: 0 is account 1
@pytest.mark.parametrize(
    ("start", "end", "roots"),
    [
        ("2025-10-01", None, [0, 0]),
        ("2025-10-01", "2025-10-02", [0, 1]),  # one that leaves in mid-period shares to its end
        ("2025-10-01", "2025-11-01", [0, 1]),
        ("2025-10-02", None, [1, 0]),  # one that comes in mid-period shares from the next period on
        ("2025-10-02", "2025-11-01", [1, 1]),
    ],
)
def test_a_period_is_of_the_pool_in_which_it_begins(start: str, end: str | None, roots: list[int]) -> None:
    agreed = dataclasses.replace(NOTHING, pools={1: (Relation(span(start, end), 0),)})
    proposed = Proposed.of(PLANS, LIVES, accounts=2, agreed=agreed, bill_date=dt.date(2025, 12, 1))
    pools = Pools(proposed.contracts.facts, proposed.scope)
    assert pools.root(np.array([1, 1]), np.array([0, 1])).tolist() == roots
