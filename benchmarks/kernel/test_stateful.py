"""Rating with memory: an allowance and tiers for every account, then everything a plan can have.

Checked before timing: the plain case against running totals in numpy, every record; in any order the same; everything on against the plain
twin, every record of the first accounts, and that draws, caps, discounts and splits did occur as often as the figure is meant to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from benchmarks.work import jobs, plain, tariff, workload
from benchmarks.work.jobs import Job
from benchmarks.work.workload import Records

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.work.deck import Deck
    from benchmarks.work.plain import Lookup
    from rating.model import Catalogue

TWIN_ACCOUNTS = 400
CROSSING = 0.4  # three in four of these calls begin an increment after the edge as well: 30 % of all calls are split


class Plain(NamedTuple):
    """The stateful job in both orders, with equal results."""

    grouped: Job
    arrival: Job


@pytest.fixture(scope="module")
def plain_jobs(deck: Deck, records: Records, lookup: Callable[..., Lookup]) -> Plain:
    catalogue, accounts = tariff.stateful(deck), jobs.accounts_in(records)
    order = records.grouped_order()
    in_groups = records.take(order)
    made = Plain(jobs.job(catalogue, in_groups, accounts), jobs.job(catalogue, records, accounts))
    grouped, arrival = jobs.rated(made.grouped), jobs.rated(made.arrival)
    for column in ("charge_micros", "chargeable_qty", "free_qty", "status", "match"):
        assert np.array_equal(getattr(grouped, column), getattr(arrival, column)[order]), column
    assert np.array_equal(grouped.buckets_after, arrival.buckets_after)
    assert np.array_equal(arrival.charge_micros, jobs.rated(made.arrival, threads=2).charge_micros)
    serves = np.isin([zone.name for zone in catalogue.zones], tariff.half_of_zones(deck))
    theirs = plain.rate_stateful(lookup(catalogue), in_groups, catalogue.plans[0].allowances[0].quantity, serves)
    assert np.array_equal(grouped.charge_micros, theirs.charge_micros)
    assert np.array_equal(grouped.chargeable_qty, theirs.chargeable_ms)
    assert np.array_equal(grouped.free_qty, theirs.free_ms)
    outcomes = jobs.twin(catalogue, in_groups, TWIN_ACCOUNTS)
    assert jobs.differences(grouped, in_groups, outcomes, TWIN_ACCOUNTS) == 0
    return made


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("order", ["grouped", "arrival"])
def test_stateful(timed: Callable[..., float], plain_jobs: Plain, records: Records, order: str, threads: int) -> None:
    name = f"stateful, {order}{' order' if order == 'arrival' else ''}{', 2 threads' if threads > 1 else ''}"
    each = getattr(plain_jobs, order)
    answer = jobs.rated(each, threads)
    assert timed(name, lambda: jobs.rated(each, threads, answer), records=len(records.start_us)) > 0


@pytest.mark.parametrize(("name", "catalogue_of"), [("plain", tariff.stateful), ("everything", tariff.everything)])
def test_state_of_an_account(deck: Deck, figures: dict[str, float], name: str, catalogue_of: Callable[[Deck], Catalogue]) -> None:
    """What one more account takes, with all its buckets."""
    catalogue = catalogue_of(deck)
    tables = jobs.compiled(catalogue)
    one, two = (jobs.opening_buckets(tables, catalogue, accounts).nbytes for accounts in (1_000, 2_000))
    figures[f"state, {name}"] = (two - one) / 1_000
    assert two > one


class Everything(NamedTuple):
    """The job with everything on, grouped, and the records it is made of."""

    job: Job
    records: Records


@pytest.fixture(scope="module")
def everything(deck: Deck, records: Records, lookup: Callable[..., Lookup]) -> Everything:
    catalogue, count = tariff.everything(deck), len(records.start_us)
    crossing = workload.draw_records(deck, count, seed=4, crossing=CROSSING)
    crossing = crossing.take(crossing.grouped_order())
    accounts = jobs.accounts_in(crossing)
    job = jobs.job(catalogue, crossing, accounts)
    ours = jobs.rated(job)
    outcomes = jobs.twin(catalogue, crossing, TWIN_ACCOUNTS)
    assert jobs.differences(ours, crossing, outcomes, TWIN_ACCOUNTS) == 0

    split = plain.split_calls(lookup(catalogue), crossing) / count
    assert 0.28 < split < 0.32
    assert 0.45 < (ours.free_qty > 0).mean() < 0.75
    assert (ours.charge_micros < ours.gross_micros).mean() > 0.4
    left = ours.amount_after.reshape(accounts, -1)
    opened = jobs.openings(catalogue)
    for place, opening in enumerate(opened[:3]):
        assert (left[:, place] < opening.amount).mean() > 0.5, "each of three allowances is drawn from by most accounts"
    share = _shares_of_the_twin(outcomes)
    assert 0.25 < share["split"] < 0.35
    assert 0.45 < share["drawn"] < 0.9
    assert 0.08 < share["capped"] < 0.35
    assert 0.5 < share["discounted"] < 0.8
    return Everything(job, crossing)


def test_everything(timed: Callable[..., float], everything: Everything) -> None:
    answer = jobs.rated(everything.job)
    assert timed("everything, grouped", lambda: jobs.rated(everything.job, 1, answer), records=len(everything.records.start_us)) > 0


def _shares_of_the_twin(outcomes: list[jobs.Outcome]) -> dict[str, float]:
    return {
        "split": sum(len({piece.band for piece in each.pieces}) > 1 for each in outcomes) / len(outcomes),
        "drawn": sum(bool(each.taken) for each in outcomes) / len(outcomes),
        "capped": sum(any(cap.cut_micros for cap in each.caps) for each in outcomes) / len(outcomes),
        "discounted": sum(each.discount_id > 0 for each in outcomes) / len(outcomes),
    }
