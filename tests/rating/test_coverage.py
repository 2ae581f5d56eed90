"""The generated worlds are no easy ones: how often each rule, and each meeting of rules, occurs among 40,000 events.

A floor is about a third of what was counted when it was written, so that a generator that goes stale is noticed.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import pytest

from rating.model import BucketKind, Counting, QuantityUnit, Service
from rating.money import RoundingMode
from rating.status import REFUSALS_FROM, Status
from tests.rating import harness
from tests.rating.generator import generate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.outcome import Outcome

SEEDS = range(8)
EVENTS = 5_000


def kinds(outcome: Outcome) -> Iterator[str]:
    """Everything that happened to an event."""
    yield f"status {outcome.status.name}"
    if outcome.routed:
        yield "ported"
    if outcome.status >= REFUSALS_FROM:
        return
    yield from _found(outcome)
    yield from _measured(outcome)
    yield from _drawn(outcome)
    yield from _charged(outcome)
    if _draws_within(outcome) and len(outcome.pieces) > 1 and outcome.discount_ppm and any(cap.cut_micros for cap in outcome.caps):
        yield "an allowance ends inside the event, with steps or bands, a discount and a cap that cuts"


def _found(outcome: Outcome) -> Iterator[str]:
    event = outcome.event
    yield f"service {Service(event.service).name}"
    found_by = "short code" if outcome.short_code else f"prefix of {len(outcome.prefix)}" if outcome.prefix else "any zone"
    yield f"rule of {found_by}"
    if event.plan != f"{outcome.identity}/{outcome.rule_plan}":
        yield "rule of a fallback"
    if outcome.origin_zone:
        yield "origin zone"
    if outcome.roaming_zone:
        yield "roaming zone"
    yield f"version {outcome.version}"
    yield f"clock {outcome.clock.name}"
    if outcome.clock_timezone not in {"", outcome.timezone}:
        yield "clock of another zone"


def _measured(outcome: Outcome) -> Iterator[str]:
    if outcome.event.quantity == 0:
        yield "zero usage" + (", charged" if outcome.charge_micros else "")
    if outcome.minimum_qty_applied:
        yield "minimum quantity"
    if len({piece.band for piece in outcome.pieces}) > 1:
        yield "split at a band"
    if len({piece.step for piece in outcome.pieces}) > 1:
        yield "more than one step"
    if outcome.counting is not Counting.EVENT and outcome.chargeable_qty and outcome.counter_before:
        yield f"goes on counting {outcome.counting.name}"
    if outcome.counting is Counting.PACKAGE and outcome.event.quantity and outcome.paid_before:
        yield "uses a package" if outcome.chargeable_qty else "fits into a package"


def _drawn(outcome: Outcome) -> Iterator[str]:
    for taken in outcome.taken:
        if taken.taken:
            yield f"draws {taken.kind.name} of {taken.unit.name}"
        if taken.opened_day:
            yield "opens a pass"
        if taken.kind is BucketKind.DAY_PASS and taken.limited and taken.taken and not taken.after:
            yield "uses up a pass"
    if len(outcome.taken) > 1:
        yield "draws more than once"
    if _draws_within(outcome):
        yield "an allowance ends inside the event"
    if _remnant(outcome):
        yield "a remnant stays"
    if outcome.chargeable_qty and outcome.free_qty == outcome.chargeable_qty:
        yield "wholly free" + (", connect fee due" if outcome.connect_fee_micros else "")


def _draws_within(outcome: Outcome) -> bool:
    return 0 < outcome.free_qty < outcome.chargeable_qty


def _remnant(outcome: Outcome) -> bool:
    """Whether an allowance that still has something leaves some of the event to charge: it draws whole increments."""
    quantities = [each for each in outcome.taken if each.kind is BucketKind.ALLOWANCE and each.unit is not QuantityUnit.MICRO]
    return _draws_within(outcome) and any(each.after for each in quantities)


def _charged(outcome: Outcome) -> Iterator[str]:
    rounds = outcome.unrounded_micros != outcome.rounded_micros
    twice = outcome.unrounded_micros * 2 / outcome.rounding_step_micros
    if rounds:
        yield f"rounds {outcome.rounding_mode.name}"
        if twice.denominator == 1 and outcome.rounding_mode in {RoundingMode.HALF_UP, RoundingMode.HALF_EVEN}:
            yield f"tie {outcome.rounding_mode.name}"
    for what, happened in (
        ("minimum charge", outcome.minimum_applied),
        ("maximum charge", outcome.maximum_applied),
        ("content share", outcome.content_share_micros > 0),
        ("discount", outcome.discount_ppm > 0 and outcome.exact_micros > 0),
        ("more than one cap", len(outcome.caps) > 1),
        ("money and a cap", any(each.unit is QuantityUnit.MICRO for each in outcome.taken) and any(c.cut_micros for c in outcome.caps)),
    ):
        if happened:
            yield what
    for cap in outcome.caps:
        if cap.cut_micros:
            yield f"cap cuts the {cap.window.name}"


@pytest.fixture(scope="module")
def counted() -> collections.Counter[str]:
    counts: collections.Counter[str] = collections.Counter()
    for seed in SEEDS:
        for outcome in harness.outcomes(generate(seed, EVENTS))[0]:
            counts.update(set(kinds(outcome)))
    return counts


FLOORS = {
    "a remnant stays": 150,
    "an allowance ends inside the event": 580,
    "an allowance ends inside the event, with steps or bands, a discount and a cap that cuts": 15,
    "cap cuts the DAY": 700,
    "cap cuts the PERIOD": 1_100,
    "clock HOME": 1_000,
    "clock VISITED": 1_100,
    "clock of another zone": 490,
    "content share": 270,
    "discount": 1_500,
    "draws ALLOWANCE of BYTE": 210,
    "draws ALLOWANCE of MESSAGE": 240,
    "draws ALLOWANCE of MICRO": 440,
    "draws ALLOWANCE of MILLISECOND": 410,
    "draws DAY_PASS of BYTE": 140,
    "draws DAY_PASS of MESSAGE": 110,
    "draws DAY_PASS of MILLISECOND": 370,
    "draws more than once": 220,
    "fits into a package": 100,
    "goes on counting GRADUATED": 540,
    "goes on counting PACKAGE": 580,
    "maximum charge": 1_500,
    "minimum charge": 890,
    "minimum quantity": 400,
    "money and a cap": 37,
    "more than one cap": 1_300,
    "more than one step": 2_400,
    "opens a pass": 340,
    "origin zone": 1_400,
    "ported": 680,
    "roaming zone": 1_400,
    "rounds DOWN": 1_100,
    "rounds HALF_EVEN": 1_400,
    "rounds HALF_UP": 1_200,
    "rounds UP": 1_400,
    "rule of a fallback": 460,
    "rule of any zone": 2_900,
    "rule of short code": 120,
    "split at a band": 270,
    "tie HALF_EVEN": 15,
    "tie HALF_UP": 11,
    "uses a package": 290,
    "uses up a pass": 190,
    "wholly free": 810,
    "wholly free, connect fee due": 69,
    "zero usage": 270,
    "zero usage, charged": 10,
    "rule of prefix of 1": 670,
    "rule of prefix of 10": 330,
    "rule of prefix of 11": 320,
    "rule of prefix of 15": 60,
    "version 3": 58,
    "service MMS": 390,
    "service CONTENT": 760,
}


@pytest.mark.parametrize("kind", FLOORS)
def test_occurs(kind: str, counted: collections.Counter[str]) -> None:
    assert counted[kind] >= FLOORS[kind]


def test_every_status_occurs(counted: collections.Counter[str]) -> None:
    assert {status for status in Status if not counted[f"status {status.name}"]} == set()
