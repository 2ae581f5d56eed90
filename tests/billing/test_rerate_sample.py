"""The twin agrees with a run on whole buckets, and finds a charge that was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billing.runs.charge_files import micros_of, money
from billing.verification.rerate_sample import rerate, upper_bound
from rating.errors import UserError
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    from tests.billing.runs.world import World


@pytest.fixture
def billed(world: World) -> World:
    """Four accounts, two plans, a change of plan, two zones, a stranger, numbers without a zone."""
    plans = ("shop/basic", "shop/plus")
    for place in range(4):
        world.account(f"a{place}", bill_day=1 + 9 * place, opened_on="2025-09-20")
        world.subscription(f"s{place}", f"a{place}", plans[place % 2], f"{place}", from_date="2025-09-20")
    world.plan("s0", "shop/plus", "2025-10-11")
    random = np.random.default_rng(3)
    numbers = (8613900000001, 8690000000001, 44123)
    calls = [
        Call(
            f"{random.integers(5)}", f"2025-10-{1 + n % 30:02d}T{n % 24:02d}:{n % 60:02d}:00", int(random.integers(0, 900)), numbers[n % 3]
        )
        for n in range(400)
    ]
    world.take(*calls)
    world.bill("2025-11-01")
    return world


def test_a_run_is_confirmed(billed: World) -> None:
    report = rerate(billed.home, None, 10_000, seed=1)
    assert (report.events, report.disagreements, report.examples) == (report.population, 0, ())
    assert report.events > 150


def test_the_seed_draws_whole_buckets(billed: World) -> None:
    reports = [rerate(billed.home, 1, 30, seed=seed) for seed in (1, 1, 2)]
    assert reports[0] == reports[1]
    assert all(30 <= report.events < report.population for report in reports)
    assert {report.disagreements for report in reports} == {0}


def test_a_changed_charge_is_found(billed: World) -> None:
    file = next(billed.home.charges_folder.glob("run=1/*.parquet"))
    table = pq.read_table(file, partitioning=None)
    micros = micros_of(table["charge_micros"]).combine_chunks()
    rated = np.flatnonzero(micros.fill_null(0).to_numpy() > 0)[0]
    changed = micros.fill_null(0).to_numpy().copy()
    changed[rated] += 1
    place = table.column_names.index("charge_micros")
    forged = table.set_column(
        place, table.schema.field(place), pa.chunked_array([money(changed, micros.is_null().to_numpy(zero_copy_only=False))])
    )
    pq.write_table(forged, file, store_decimal_as_integer=True)
    report = rerate(billed.home, None, 10_000, seed=1)
    assert report.disagreements == 1
    assert "charge_micros" in report.examples[0]


def test_no_run_yet(world: World) -> None:
    with pytest.raises(UserError, match="there is no bill run yet"):
        rerate(world.home, None, 10, seed=1)


@pytest.mark.parametrize(
    ("disagreements", "events", "at_least", "at_most"),
    [
        (0, 30_000, 0.9e-4, 1e-4),
        (0, 1, 0.949, 0.951),
        (1, 100, 0.0465, 0.0467),
        (5, 100, 0.1020, 0.1030),
        (3, 3, 1.0, 1.0),
        (0, 0, 1.0, 1.0),
    ],
)
def test_upper_bound(disagreements: int, events: int, at_least: float, at_most: float) -> None:
    assert at_least <= upper_bound(disagreements, events) <= at_most
