"""Rate one generated world with kernel and twin, and say where they differ."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rating.engine import Rated, RatingInput, rate
from rating.reference import Outcome, Reference
from tariffs.compiler import compile_catalogues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rating.tables import Tables
    from tests.rating.generator import Case


class Seen(NamedTuple):
    """What both sides must agree on, for one event."""

    status: int
    charge_micros: int
    chargeable_qty: int
    free_qty: int
    price_id: int
    zone_id: int
    identity: str
    version: int


def columns(case: Case, tables: Tables) -> RatingInput:
    """The events of a case as the kernel wants them."""
    events = case.events
    plan = [-1 if event.plan is None else tables.plan_index.get(event.plan, -2) for event in events]
    digits = [-1 if event.destination is None else min(len(event.destination), 16) for event in events]
    numbers = [int(event.destination) if event.destination and len(event.destination) <= 15 else 0 for event in events]
    keys = np.frombuffer(b"".join(event.event_key for event in events), dtype=">u8").astype(np.uint64).reshape(-1, 2)
    buckets = [-1 if bucket is None else bucket for bucket in case.buckets]
    return RatingInput(
        start_us=np.array([event.start_us for event in events], np.int64),
        quantity=np.array([event.quantity for event in events], np.int64),
        service=np.array([event.service for event in events], np.int8),
        plan=np.array(plan, np.int32),
        number=np.array(numbers, np.uint64),
        number_digits=np.array(digits, np.int8),
        allowance=np.array(buckets, np.int32),
        rating_unit=np.array([max(bucket, 0) // 3 for bucket in buckets], np.int64),
        event_key=keys,
    )


def balances(case: Case) -> NDArray[np.int64]:
    """Opening quantities by bucket."""
    return np.array([case.openings[bucket] for bucket in range(len(case.openings))], np.int64)


def by_kernel(case: Case, threads: int = 1) -> tuple[list[Seen], NDArray[np.int64]]:
    """Rate with the compiled tables."""
    tables = compile_catalogues(case.catalogues)
    rated = rate(tables, columns(case, tables), balances(case), threads=threads)
    return seen_by_kernel(rated, tables), rated.allowance_left


def seen_by_kernel(rated: Rated, tables: Tables) -> list[Seen]:
    """Rows of the kernel's columns."""
    names = [("", 0), *((version.identity, version.version) for version in tables.versions)]
    rows = zip(
        rated.status.tolist(),
        rated.charge_micros.tolist(),
        rated.chargeable_qty.tolist(),
        rated.free_qty.tolist(),
        rated.price_id.tolist(),
        rated.zone_id.tolist(),
        (rated.version + 1).tolist(),
        strict=True,
    )
    return [Seen(*row[:6], *names[row[6]]) for row in rows]


def by_twin(case: Case) -> tuple[list[Seen], NDArray[np.int64]]:
    """Rate by interpreting the model."""
    ordered = Reference(case.catalogues).rate_in_order(case.events, case.buckets, case.openings)
    left = np.array([ordered.left[bucket] for bucket in range(len(case.openings))], np.int64)
    return [seen_by_twin(outcome) for outcome in ordered.outcomes], left


def seen_by_twin(outcome: Outcome) -> Seen:
    """The same figures of one outcome."""
    return Seen(
        int(outcome.status),
        outcome.charge_micros,
        outcome.chargeable_qty,
        outcome.free_qty,
        outcome.price_id,
        outcome.zone_id,
        outcome.identity,
        outcome.version,
    )


def differences(case: Case, kernel: Sequence[Seen], twin: Sequence[Seen]) -> list[str]:
    """One text a disagreement."""
    rows = zip(case.events, kernel, twin, strict=True)
    return [f"event {event}\n  kernel {one}\n  twin   {two}" for event, one, two in rows if one != two]


def permuted(batch: RatingInput, order: NDArray[np.int64]) -> RatingInput:
    """The same events in another order of arrival."""
    return RatingInput(**{field.name: np.ascontiguousarray(getattr(batch, field.name)[order]) for field in dataclasses.fields(batch)})
