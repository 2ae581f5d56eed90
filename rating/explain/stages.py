"""The order of composition: the steps by which an event becomes a charge, in the order in which they are taken.

It is defined here once, with the names and the order of "One event, exactly" in docs/rating-rules.md. The readable explanation numbers the
stages that meant something for its event; the JSON one holds the whole list and one object a stage, null where it was not reached or
had nothing to do.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from rating.model import Counting, QuantityUnit
from rating.status import REFUSALS_FROM, Status

if TYPE_CHECKING:
    from rating.outcome import Outcome

INPUT_PER_MILLISECOND: Final = 1_000  # voice arrives in microseconds


class Stage(enum.StrEnum):
    """One step of the composition."""

    TARIFF = "tariff"  # the version in force when the event starts, and its subscriber's plan
    NUMBER = "number"  # the number that a ported destination stands for
    RULE = "rule"
    BOUNDS = "bounds"  # only ever refuses
    QUANTITY = "quantity"
    COUNTER = "counter"
    INCREMENTS = "increments"
    FREE_HEAD = "free_head"
    EXACT_CHARGE = "exact_charge"  # with connect fee, content share, minimum and maximum
    DISCOUNT = "discount"
    ROUNDING = "rounding"
    PASS_FEES = "pass_fees"  # noqa: S105 -- fees of day passes, no password
    MONEY_ALLOWANCES = "money_allowances"
    CAPS = "caps"
    CHARGE = "charge"


COMPOSITION: Final = tuple(Stage)
REFUSED_IN: Final = {  # every other refusal is one of the tariff stage
    Status.NO_ZONE: Stage.RULE,
    Status.NOT_SOLD: Stage.RULE,
    Status.QUANTITY_TOO_LARGE: Stage.BOUNDS,
    Status.CONTENT_AMOUNT_MISSING: Stage.BOUNDS,
}


def stages_of(outcome: Outcome) -> tuple[Stage, ...]:
    """The stages that took place for this event, in order. For a refused one, those before it was refused."""
    took_place = _known(outcome)
    if outcome.status < REFUSALS_FROM:
        took_place |= _priced(outcome)
    return tuple(stage for stage in COMPOSITION if stage in took_place)


def refused_in(outcome: Outcome) -> Stage | None:
    """The stage that refused the event; None for a priced one."""
    return REFUSED_IN.get(outcome.status, Stage.TARIFF) if outcome.status >= REFUSALS_FROM else None


def counted_qty(outcome: Outcome) -> int:
    """The event's quantity in units of the price: voice in milliseconds, rounded up; before any minimum quantity."""
    if outcome.unit is QuantityUnit.MILLISECOND:
        return -(-outcome.event.quantity // INPUT_PER_MILLISECOND)
    return outcome.event.quantity


def _known(outcome: Outcome) -> set[Stage]:
    conditions = {Stage.TARIFF: bool(outcome.identity), Stage.NUMBER: bool(outcome.routed), Stage.RULE: outcome.rule_index >= 0}
    return {stage for stage, holds in conditions.items() if holds}


def _priced(outcome: Outcome) -> set[Stage]:
    free = [each for each in outcome.taken if each.unit is not QuantityUnit.MICRO]
    finer = outcome.unit is QuantityUnit.MILLISECOND and outcome.event.quantity % INPUT_PER_MILLISECOND
    conditions = {
        Stage.QUANTITY: bool(outcome.event.quantity == 0 or outcome.minimum_qty_applied or finer),
        Stage.COUNTER: outcome.counting is not Counting.EVENT and outcome.event.quantity > 0,
        Stage.INCREMENTS: bool(outcome.pieces),
        Stage.FREE_HEAD: bool(free),
        Stage.DISCOUNT: outcome.discount_ppm > 0,
        Stage.PASS_FEES: any(each.opened_day for each in free),
        Stage.MONEY_ALLOWANCES: len(free) < len(outcome.taken),
        Stage.CAPS: bool(outcome.caps),
    }
    return {Stage.EXACT_CHARGE, Stage.ROUNDING, Stage.CHARGE} | {stage for stage, holds in conditions.items() if holds}
