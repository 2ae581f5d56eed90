"""Rate one generated world with kernel and twin, and say where they differ.

Both answers are columns of integers: a row an event, and a row a bucket for what is in it afterwards.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rating.engine import Buckets, Rated, RatingInput, rate
from rating.ported import PortedNumbers
from rating.reference import Reference
from rating.tables import no_circumstances
from tariffs.compiling.compiler import compile_catalogues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.outcome import Bucket, Event, Outcome
    from rating.tables import Tables
    from tests.rating.generator import Case

FIELDS = ("status", "charge_micros", "gross_micros", "chargeable_qty", "free_qty", "price_id", "zone_id", "version")
NUMBER_DIGITS_MAX = 15
SLOWLY_WRITTEN = 20  # differences told in words


class Seen(NamedTuple):
    """What both sides must agree on, for one event. `identity` and `version` say which catalogue priced it."""

    status: int
    charge_micros: int
    gross_micros: int
    chargeable_qty: int
    free_qty: int
    price_id: int
    zone_id: int
    identity: str
    version: int


class Answer(NamedTuple):
    """What one side says of a whole case."""

    events: NDArray[np.int64]  # (events, FIELDS); version is a place among the case's catalogues, -1 none
    buckets: NDArray[np.int64]  # (buckets, 2): amount and mark


def columns(case: Case, tables: Tables) -> RatingInput:
    """The events of a case as the kernel wants them."""
    events = case.events
    destinations = [event.destination for event in events]
    holders = [-1 if holder is None else holder for holder in case.holders]
    units = [case.units[holder] if case.units and holder >= 0 else 0 for holder in holders]
    return RatingInput(
        start_us=np.array([event.start_us for event in events], np.int64),
        quantity=np.array([event.quantity for event in events], np.int64),
        service=np.array([event.service for event in events], np.int8),
        plan=np.array([-1 if event.plan is None else tables.plan_index.get(event.plan, -2) for event in events], np.int32),
        number=np.array([_number(text) for text in destinations], np.uint64),
        number_digits=np.array([-1 if text is None else min(len(text), NUMBER_DIGITS_MAX + 1) for text in destinations], np.int8),
        holder=np.array(holders, np.int32),
        rating_unit=np.array(units, np.int64),
        event_key=np.frombuffer(b"".join(event.event_key for event in events), dtype=">u8").astype(np.uint64).reshape(-1, 2),
        circumstances=_circumstances(events, tables),
    )


def buckets(case: Case, tables: Tables) -> Buckets:
    """The state of a case as the kernel wants it: buckets in the order of their keys."""
    rows = [case.buckets[key] for key in range(len(case.buckets))]
    held = [case.held.get(holder, ()) for holder in range(max(len(case.held), len(case.units)))]
    return Buckets.of(
        slot=np.array([tables.slots[row.kind, row.identity, row.definition_id] for row in rows], np.int32),
        amount=np.array([row.amount for row in rows], np.int64),
        mark=np.array([row.mark for row in rows], np.int64),
        from_us=np.array([row.from_us for row in rows], np.int64),
        to_us=np.array([row.to_us for row in rows], np.int64),
        priority=np.array([row.priority for row in rows], np.int32),
        holder_from=np.cumsum([0, *(len(keys) for keys in held)], dtype=np.int64),
        held=np.array([key for keys in held for key in keys], np.int32),
    )


def by_kernel(case: Case, tables: Tables | None = None, *, threads: int = 1) -> Answer:
    """Rate with the compiled tables."""
    tables = tables or compile_catalogues(case.catalogues)
    rated = rate(tables, columns(case, tables), buckets(case, tables), threads=threads, ported=ported(case))
    return answer(rated, case, tables)


def ported(case: Case) -> PortedNumbers | None:
    """The table of ported numbers, if the case has one."""
    return PortedNumbers.of(case.ported) if case.ported else None


def answer(rated: Rated, case: Case, tables: Tables) -> Answer:
    """The kernel's columns as an answer."""
    places = _places(case)
    place = np.array([*(places[each.identity, each.version] for each in tables.versions), -1], np.int64)
    columns_given = [getattr(rated, name).astype(np.int64) for name in FIELDS[:-1]]
    return Answer(np.column_stack([*columns_given, place[rated.version]]), np.column_stack([rated.amount_after, rated.mark_after]))


def outcomes(case: Case) -> tuple[list[Outcome], Answer]:
    """Rate by interpreting the model: every outcome, and the answer in it."""
    ordered = Reference(case.catalogues, case.ported).rate_in_order(case.events, case.holders, case.held, case.buckets)
    return ordered.outcomes, answer_of(ordered.outcomes, [ordered.buckets[key] for key in range(len(case.buckets))], case)


def answer_of(outcomes: Sequence[Outcome], after: Sequence[Bucket], case: Case) -> Answer:
    """The answer in the twin's outcomes and in what it left in the buckets, in the order of their keys."""
    places = _places(case)
    rows = [
        (
            one.status,
            one.charge_micros,
            one.gross_micros,
            one.chargeable_qty,
            one.free_qty,
            one.price_id,
            one.zone_id,
            places[one.identity, one.version] if one.identity else -1,
        )
        for one in outcomes
    ]
    left = np.array([(bucket.amount, bucket.mark) for bucket in after], np.int64).reshape(-1, 2)
    return Answer(np.array(rows, np.int64).reshape(-1, len(FIELDS)), left)


def by_twin(case: Case) -> Answer:
    """Rate by interpreting the model."""
    return outcomes(case)[1]


def differences(case: Case, kernel: Answer, twin: Answer) -> list[str]:
    """One text a disagreement; the first ones, since one is enough."""
    wrong = np.flatnonzero((kernel.events != twin.events).any(axis=1))[:SLOWLY_WRITTEN].tolist()
    told = [_told(f"event {row} {case.events[row]}", FIELDS, kernel.events[row], twin.events[row]) for row in wrong]
    wrong = np.flatnonzero((kernel.buckets != twin.buckets).any(axis=1))[:SLOWLY_WRITTEN].tolist()
    return told + [_told(f"bucket {key} {case.buckets[key]}", ("amount", "mark"), kernel.buckets[key], twin.buckets[key]) for key in wrong]


def seen(given: Answer, case: Case) -> list[Seen]:
    """An answer's rows with their names."""
    names = [*((each.identity, each.version) for each in case.catalogues), ("", 0)]
    return [Seen(*row[:-1], *names[row[-1]]) for row in given.events.tolist()]


def permuted(batch: RatingInput, order: NDArray[np.int64]) -> RatingInput:
    """The same events in another order of arrival, or some of them."""
    given = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
    return RatingInput(**{name: None if column is None else np.ascontiguousarray(column[order]) for name, column in given.items()})


def _places(case: Case) -> dict[tuple[str, int], int]:
    """Where a version stands among the catalogues of the case."""
    return {(each.identity, each.version): place for place, each in enumerate(case.catalogues)}


def _number(text: str | None) -> int:
    return int(text) if text and len(text) <= NUMBER_DIGITS_MAX else 0


def _circumstances(events: Sequence[Event], tables: Tables) -> NDArray[np.void]:
    rows = no_circumstances(len(events))
    origins = [event.origin if len(event.origin) <= NUMBER_DIGITS_MAX else "" for event in events]
    clocks = {name: place for place, name in enumerate(tables.timezones)}
    rows["origin"] = [_number(text) for text in origins]
    rows["origin_digits"] = [len(text) for text in origins]
    rows["content_micros"] = [max(event.content_micros, -1) for event in events]
    rows["visited"] = [event.visited for event in events]
    rows["rating_group"] = [event.rating_group for event in events]
    rows["customer_group"] = [event.customer_group for event in events]
    rows["home_clock"] = [clocks.get(event.home_timezone, -1) for event in events]
    rows["direction"] = [event.direction for event in events]
    rows["on_net"] = [-1 if event.on_net is None else event.on_net for event in events]
    rows["friend"] = [event.friend for event in events]
    return rows


def _told(what: str, names: Sequence[str], kernel: NDArray[np.int64], twin: NDArray[np.int64]) -> str:
    pairs = zip(names, kernel.tolist(), twin.tolist(), strict=True)
    return "\n".join([what, *(f"  {name}: kernel {one}, twin {two}" for name, one, two in pairs if one != two)])
