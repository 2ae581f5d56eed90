"""The kernel equals the twin, bit for bit: 200,000 generated events, edges favoured; and the comparison can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rating.engine import RatingInput, rate
from rating.status import Status
from tariffs.compiler import compile_catalogues
from tests.rating import harness
from tests.rating.generator import generate

SEEDS = range(1, 21)
EVENTS = 10_000
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", SEEDS)
def test_kernel_equals_twin(seed: int) -> None:
    case = generate(seed, EVENTS)
    twin, twin_left = harness.by_twin(case)
    tables = compile_catalogues(case.catalogues)
    for threads in (1, 2, 7):
        rated = rate(tables, harness.columns(case, tables), harness.balances(case), threads=threads)
        kernel = harness.seen_by_kernel(rated, tables)
        assert harness.differences(case, kernel, twin) == [], f"seed {seed}, {threads} threads"
        assert rated.allowance_left.tolist() == twin_left.tolist(), f"seed {seed}, {threads} threads"
    assert {Status.RATED, Status.ZERO_RATED} <= {row.status for row in twin}
    assert any(0 < row.free_qty < row.chargeable_qty for row in twin), "an allowance must end inside an event"


def test_every_status_is_generated() -> None:
    seen = {row.status for seed in (1, 2, 3) for row in harness.by_kernel(generate(seed, EVENTS))[0]}
    assert seen == {int(status) for status in Status}


@pytest.mark.parametrize("field", ["weight", "increment", "from_qty"])
def test_a_wrong_constant_is_noticed(field: str) -> None:
    case = generate(1, EVENTS)
    tables = compile_catalogues(case.catalogues)
    tables.step_rows[field] += 1
    rated = rate(tables, harness.columns(case, tables), harness.balances(case))
    twin, _left = harness.by_twin(case)
    assert harness.differences(case, harness.seen_by_kernel(rated, tables), twin) != []


def _columns_of(seed: int, events: int):  # noqa: ANN202 - three values, used on the next line of each test
    case = generate(seed, events)
    tables = compile_catalogues(case.catalogues)
    return tables, harness.columns(case, tables), harness.balances(case)


def _bytes(rated, order=None) -> list[bytes]:  # noqa: ANN001
    names = ["status", "charge_micros", "chargeable_qty", "free_qty", "price", "price_id", "zone_id", "version"]
    columns = [getattr(rated, name) for name in names]
    if order is not None:
        back = np.argsort(order)
        columns = [column[back] for column in columns]
    return [*(column.tobytes() for column in columns), rated.allowance_left.tobytes()]


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_do_not_change_a_byte(threads: int) -> None:
    tables, batch, left = _columns_of(31, EVENTS)
    assert _bytes(rate(tables, batch, left, threads=threads)) == _bytes(rate(tables, batch, left))


@pytest.mark.parametrize("seed", range(4))
def test_order_of_arrival_does_not_change_a_byte(seed: int) -> None:
    tables, batch, left = _columns_of(41, EVENTS)
    # Two events with one key and one start are one event to the order: leave such pairs out of what is permuted.
    keys = np.column_stack([batch.event_key, batch.start_us.view(np.uint64)])
    unique = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    batch = harness.permuted(batch, unique)
    order = np.random.default_rng(seed).permutation(len(unique))
    assert _bytes(rate(tables, harness.permuted(batch, order), left), order) == _bytes(rate(tables, batch, left))


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_batches_in_event_order_add_up_to_one(size: int) -> None:
    events = 300 if size == 1 else 5_000
    tables, batch, left = _columns_of(51, events)
    order = np.lexsort((batch.event_key[:, 1], batch.event_key[:, 0], batch.start_us))
    batch = harness.permuted(batch, order)
    whole = rate(tables, batch, left)
    parts = []
    for start in range(0, events, size):
        part = rate(tables, harness.permuted(batch, np.arange(start, min(start + size, events))), left)
        left = part.allowance_left
        parts.append(part)
    assert np.concatenate([part.charge_micros for part in parts]).tolist() == whole.charge_micros.tolist()
    assert np.concatenate([part.free_qty for part in parts]).tolist() == whole.free_qty.tolist()
    assert left.tolist() == whole.allowance_left.tolist()


@pytest.mark.parametrize("switch", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
@pytest.mark.parametrize("seeds", [SEEDS[start : start + 5] for start in range(0, len(SEEDS), 5)], ids=str)
def test_kernel_equals_twin_without_jit_and_with_bounds_checks(switch: str, seeds: range) -> None:
    program = (
        "from tests.rating import harness; from tests.rating.generator import generate\n"
        f"for seed in {list(seeds)}:\n"
        f"    case = generate(seed, {EVENTS})\n"
        "    kernel, left = harness.by_kernel(case); twin, twin_left = harness.by_twin(case)\n"
        "    assert left.tolist() == twin_left.tolist(), seed\n"
        "    print(len(kernel), len(harness.differences(case, kernel, twin)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, switch: "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{EVENTS} 0\n" * len(seeds)), done.stderr


def test_empty_batch() -> None:
    tables, batch, left = _columns_of(71, 10)
    rated = rate(tables, harness.permuted(batch, np.arange(0)), left, threads=2)
    assert len(rated.status) == 0
    assert rated.allowance_left.tolist() == left.tolist()


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("start_us", np.zeros(10, np.int32)),
        ("quantity", np.zeros(9, np.int64)),
        ("allowance", np.full(10, 99, np.int32)),
        ("plan", np.full(10, 99, np.int32)),
    ],
)
def test_wrong_columns_are_refused(column: str, wrong: np.ndarray) -> None:
    tables, batch, left = _columns_of(71, 10)
    columns = {name: getattr(batch, name) for name in RatingInput.__dataclass_fields__}
    with pytest.raises(ValueError, match=column):
        rate(tables, RatingInput(**{**columns, column: wrong}), left)


def test_no_thread_and_a_bucket_below_zero_are_refused() -> None:
    tables, batch, left = _columns_of(71, 10)
    with pytest.raises(ValueError, match="0 threads"):
        rate(tables, batch, left, threads=0)
    with pytest.raises(ValueError, match="less than nothing"):
        rate(tables, batch, left - 2**60)
