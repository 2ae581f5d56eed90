"""Rows of the kernel's tables by the names of their columns, as the compiler gathers them before they become arrays.

`rating.tables` says what each column means. A row without further columns is that of a rule without a price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from rating.dates import FAR_US
from rating.model import BucketKind, QuantityUnit, WallClock
from rating.tables import (
    CARD_ROW,
    DEFINITION_ROW,
    DISCOUNT_ROW,
    HOME_CLOCK,
    NO_MAXIMUM,
    NO_RULE,
    PER_EVENT,
    ROUND_DOWN,
    RULE_ROW,
    TARIFF_CLOCK,
    TERMS_ROW,
    VISITED_CLOCK,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from numpy.typing import NDArray


class RuleRow(NamedTuple):
    """A row of RULE_ROW."""

    quantity_max: int = 0
    price: int = NO_RULE
    cards: int = 0
    calendar: int = -1
    version: int = 0
    zone_id: int = 0
    next: int = 0
    condition: int = -1
    serves: int = -1
    discount_from: int = 0
    discount_to: int = 0
    clock: int = TARIFF_CLOCK
    plain: bool = False
    quick: bool = False
    voice: bool = False
    split: bool = False
    draws: bool = False
    settles: bool = False
    discounted: bool = False
    stepped: bool = False
    charge_zero_usage: bool = False
    counting: int = PER_EVENT
    counter_slot: int = -1


class CardRow(NamedTuple):
    """A row of CARD_ROW."""

    weight: int
    weight_2: int
    change: int
    common: int
    first: int
    increment: int
    increment_2: int
    connect: int
    minimum: int
    maximum: int
    step_micros: int
    rounding: int
    padding: int = 0


class TermsRow(NamedTuple):
    """A row of TERMS_ROW."""

    connect: int
    minimum: int
    maximum: int
    divisor: int
    first: int
    step_micros: int
    quick_to: int
    step_from: int
    step_to: int
    minimum_qty: int
    content_weight: int
    rounding_mode: int
    active: bool


class DefinitionRow(NamedTuple):
    """A row of DEFINITION_ROW."""

    amount: int
    fee: int
    kind: BucketKind
    unit: QuantityUnit
    clock: int = TARIFF_CLOCK
    whole: bool = False
    connect_when_free: bool = False
    limited: bool = False
    daily: bool = False


class DiscountRow(NamedTuple):
    """A row of DISCOUNT_ROW."""

    ppm: int
    from_us: int
    to_us: int
    friends_only: bool


# Codes of the clocks in RULE_ROW and DEFINITION_ROW.
CLOCKS: Final = {WallClock.TARIFF: TARIFF_CLOCK, WallClock.HOME: HOME_CLOCK, WallClock.VISITED: VISITED_CLOCK}

# What the kernel gives to a line that it has refused: a rule that holds always, and a card without any rate.
NOTHINGS_RULE: Final = RuleRow(quantity_max=FAR_US, plain=True, quick=True)
NOTHINGS_CARD: Final = CardRow(
    weight=0, weight_2=0, change=FAR_US, common=1, first=1, increment=1, increment_2=1, connect=0, minimum=0, maximum=NO_MAXIMUM,
    step_micros=1, rounding=ROUND_DOWN,
)  # fmt: skip
NOTHINGS_TERMS: Final = TermsRow(
    connect=0, minimum=0, maximum=FAR_US, divisor=1, first=1, step_micros=1, quick_to=FAR_US, step_from=0, step_to=0, minimum_qty=0,
    content_weight=0, rounding_mode=0, active=True,
)  # fmt: skip


def records(rows: Iterable[tuple[Any, ...]], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """An array of rows, whose columns are in the order of `dtype`."""
    return np.array(list(rows), dtype=dtype)


for _row, _dtype in (
    (RuleRow, RULE_ROW),
    (CardRow, CARD_ROW),
    (TermsRow, TERMS_ROW),
    (DefinitionRow, DEFINITION_ROW),
    (DiscountRow, DISCOUNT_ROW),
):
    assert _row._fields == _dtype.names, "rows become arrays column by column"
