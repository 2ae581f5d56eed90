"""What must not change an answer of the kernel: order of arrival, batches, shards, threads, compilation, unknown circumstances."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import pytest

from rating import engine
from rating.engine import Buckets, Rated, RatingInput, rate
from rating.outcome import Event
from rating.ported import PortedNumbers
from rating.tables import Tables
from tariffs.compiling.compiler import compile_catalogues
from tests.rating import harness
from tests.rating.generator import Case, generate

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVENTS = 10_000
ROOT = Path(__file__).parents[2]
COLUMNS = ("status", "charge_micros", "gross_micros", "chargeable_qty", "free_qty", "price", "price_id", "zone_id", "version")


class World(NamedTuple):
    """A case as the kernel takes it."""

    tables: Tables
    batch: RatingInput
    state: Buckets
    ported: PortedNumbers | None


@functools.cache
def world(seed: int, events: int = EVENTS) -> World:
    case = generate(seed, events)
    tables = compile_catalogues(case.catalogues)
    return World(tables, harness.columns(case, tables), harness.buckets(case, tables), harness.ported(case))


def rated(given: World, batch: RatingInput | None = None, state: Buckets | None = None, threads: int = 1) -> Rated:
    return rate(given.tables, batch or given.batch, state or given.state, threads=threads, ported=given.ported)


def as_bytes(answer: Rated) -> dict[str, bytes]:
    return {name: getattr(answer, name).tobytes() for name in (*COLUMNS, "amount_after", "mark_after")}


def back_in_order(answer: Rated, order: NDArray[np.int64]) -> dict[str, bytes]:
    """The bytes of an answer to events that were given in another order."""
    return as_bytes(answer) | {name: getattr(answer, name)[np.argsort(order)].tobytes() for name in COLUMNS}


@pytest.mark.parametrize("seed", [31, 32])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_do_not_change_a_byte(seed: int, threads: int) -> None:
    assert as_bytes(rated(world(seed), threads=threads)) == as_bytes(rated(world(seed)))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", range(41, 45))
def test_order_of_arrival_does_not_change_a_byte(seed: int, threads: int) -> None:
    given = world(seed)
    order = np.random.default_rng(seed).permutation(EVENTS)
    answer = rated(given, harness.permuted(given.batch, order), threads=threads)
    assert back_in_order(answer, order) == as_bytes(rated(given))


@pytest.mark.parametrize(("size", "events"), [(1, 300), (7, 2_000), (1_000, EVENTS)])
def test_batches_in_event_order_add_up_to_one(size: int, events: int) -> None:
    given = world(51, events)
    batch = given.batch
    order = np.lexsort((batch.event_key[:, 1], batch.event_key[:, 0], batch.start_us))
    whole = as_bytes(rated(given, harness.permuted(batch, order)))
    state, parts = given.state, []
    for start in range(0, events, size):
        part = rated(given, harness.permuted(batch, order[start : start + size]), state)
        state = dataclasses.replace(state, state=part.buckets_after)
        parts.append(part)
    together = {name: b"".join(getattr(part, name).tobytes() for part in parts) for name in COLUMNS}
    after = {"amount_after": parts[-1].amount_after.tobytes(), "mark_after": parts[-1].mark_after.tobytes()}
    assert together | after == whole


@pytest.mark.parametrize("shards", [2, 16])
def test_shards_by_rating_unit_add_up_to_one(shards: int) -> None:
    given = world(61)
    whole = rated(given)
    before = after = given.state.state
    for shard in range(shards):
        rows = np.flatnonzero(given.batch.rating_unit % shards == shard)
        part = rated(given, harness.permuted(given.batch, rows))
        for name in COLUMNS:
            assert getattr(part, name).tobytes() == getattr(whole, name)[rows].tobytes(), name
        after = np.where(part.buckets_after != before, part.buckets_after, after)
    assert after.tolist() == whole.buckets_after.tolist()


def test_an_engine_that_takes_events_as_they_arrive_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    given = world(41)
    order = np.random.default_rng(41).permutation(EVENTS)
    right = as_bytes(rated(given))
    monkeypatch.setattr(engine, "event_order", lambda batch, _: (np.empty(0, np.int64), [0, len(batch.start_us)]))
    assert back_in_order(rated(given, harness.permuted(given.batch, order)), order) != right


@pytest.mark.parametrize("cut", ["between units", "anywhere"])
def test_parts_of_one_unit_in_two_threads_are_noticed(cut: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads may come in any order, here the last one first: that changes nothing, unless a rating unit was cut in two."""
    given = world(31)
    batch = given.batch
    order = np.lexsort((batch.event_key[:, 1], batch.event_key[:, 0], batch.start_us, batch.rating_unit))
    grouped = harness.permuted(batch, order)
    right = as_bytes(rated(given, grouped))
    monkeypatch.setattr(engine, "_deal", lambda work, edges, _: [work(*span) for span in reversed([*itertools.pairwise(edges)])])
    if cut == "anywhere":
        monkeypatch.setattr(engine.order, "unit_edges", lambda wanted, _: wanted)
    assert (as_bytes(rated(given, grouped, threads=7)) == right) == (cut == "between units")


def test_the_input_is_not_changed() -> None:
    given = world(31)
    columns = [*vars(given.batch).values(), *vars(given.state).values()]
    before = [column.tobytes() for column in columns]
    rated(given, threads=2)
    assert [column.tobytes() for column in columns] == before


def test_no_circumstances_are_unknown_circumstances() -> None:
    case = generate(71, EVENTS)
    events = [_without_circumstances(event) for event in case.events]
    case = case._replace(events=events)
    tables = compile_catalogues(case.catalogues)
    batch = harness.columns(case, tables)
    state, ported = harness.buckets(case, tables), harness.ported(case)
    known, unknown = (rate(tables, each, state, ported=ported) for each in (batch, dataclasses.replace(batch, circumstances=None)))
    assert as_bytes(known) == as_bytes(unknown)
    assert harness.differences(case, harness.answer(unknown, case, tables), harness.by_twin(case)) == []


def _without_circumstances(event: Event) -> Event:
    return Event(event.event_key, event.start_us, event.quantity, event.service, event.plan, event.destination)


@pytest.mark.parametrize("seed", [81, 82])
def test_without_holders_no_bucket_acts(seed: int) -> None:
    case = generate(seed, EVENTS)
    alone = case._replace(holders=[None] * EVENTS)
    assert harness.differences(alone, harness.by_kernel(alone), harness.by_twin(alone)) == []


PROGRAM = """
from tests.rating import harness
from tests.rating.generator import generate
for seed in {seeds}:
    case = generate(seed, {events})
    told = harness.differences(case, harness.by_kernel(case, threads=2), harness.by_twin(case))
    assert not told, (seed, told[0])
    print(seed)
"""
# Rows of prices that are not there: a kernel that is told to check its bounds must stop at the first.
OUT_OF_BOUNDS = """
import dataclasses
from tests.rating import harness
from tests.rating.generator import generate
from tariffs.compiling.compiler import compile_catalogues
case = generate(95, 500)
tables = compile_catalogues(case.catalogues)
harness.by_kernel(case, dataclasses.replace(tables, terms=tables.terms[:1].copy()))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("switch", "seeds", "events"), [("NUMBA_DISABLE_JIT", range(90, 93), 1_500), ("NUMBA_BOUNDSCHECK", range(95, 99), 5_000)]
)
def test_kernel_equals_twin_without_jit_and_with_bounds_checks(switch: str, seeds: range, events: int) -> None:
    done = _run(PROGRAM.format(seeds=list(seeds), events=events), switch)
    assert (done.returncode, done.stdout.split()) == (0, [str(seed) for seed in seeds]), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("switch", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_both_notice_a_step_out_of_an_array(switch: str) -> None:
    done = _run(OUT_OF_BOUNDS, switch)
    assert done.returncode != 0
    assert "IndexError" in done.stderr


def _run(program: str, switch: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, switch: "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True, check=False)


def test_an_answer_written_over_is_as_good_as_a_fresh_one() -> None:
    given, other = world(31), world(41)
    over = rated(other)
    fresh = as_bytes(rated(given))
    assert as_bytes(over) != fresh
    reused = rate(given.tables, given.batch, given.state, ported=given.ported, reuse=over)
    assert as_bytes(reused) == fresh
    assert reused.charge_micros is over.charge_micros
    with pytest.raises(ValueError, match="cannot be written over"):
        rate(given.tables, harness.permuted(given.batch, np.arange(5)), given.state, reuse=over)


@pytest.mark.parametrize("column", ["state", "spans", "holder_from", "held"])
def test_buckets_of_other_types_are_refused(column: str) -> None:
    given = world(31)
    wrong = dataclasses.replace(given.state, **{column: np.zeros(len(getattr(given.state, column)), np.int16)})
    with pytest.raises(ValueError, match=r"Buckets\.of"):
        rated(given, state=wrong)


def test_empty_batch() -> None:
    given = world(71, 10)
    answer = rated(given, harness.permuted(given.batch, np.arange(0)), threads=2)
    assert [len(getattr(answer, name)) for name in COLUMNS] == [0] * len(COLUMNS)
    assert answer.buckets_after.tolist() == given.state.state.tolist()


def test_no_state_at_all() -> None:
    case: Case = generate(71, 1_000)._replace(holders=[None] * 1_000, held={}, buckets={}, units=())
    tables = compile_catalogues(case.catalogues)
    answer = rate(tables, harness.columns(case, tables), Buckets.none(), ported=harness.ported(case))
    assert len(answer.amount_after) == 0
    assert harness.differences(case, harness.answer(answer, case, tables), harness.by_twin(case)) == []


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("start_us", np.zeros(10, np.int32)),
        ("quantity", np.zeros(9, np.int64)),
        ("holder", np.full(10, 99, np.int32)),
        ("plan", np.full(10, 99, np.int32)),
    ],
)
def test_wrong_columns_are_refused(column: str, wrong: NDArray[np.int64]) -> None:
    given = world(71, 10)
    with pytest.raises(ValueError, match=column):
        rated(given, dataclasses.replace(given.batch, **{column: wrong}))


def test_no_thread_and_a_bucket_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="0 threads"):
        rated(world(71, 10), threads=0)
    case = generate(71, 1_000)
    empty = {key: msgspec.structs.replace(bucket, amount=-1) for key, bucket in case.buckets.items()}
    with pytest.raises(ValueError, match="less than nothing"):
        harness.buckets(case._replace(buckets=empty), compile_catalogues(case.catalogues))
