"""The words of an explanation. A language is one of these; `rating.explain.texts` fills the fields in braces."""

from __future__ import annotations

from typing import Final, NamedTuple

from rating.explain.stages import Stage
from rating.model import CapWindow
from rating.money import RoundingMode
from rating.status import Status

OUTGOING: Final = 1  # rating.schema.Direction, which would import pyarrow
INCOMING: Final = 2


class Words(NamedTuple):
    """Every sentence of one language. A `call_` word is of voice, the `other_` one of everything else."""

    language: str  # the tag of the titles that go with these words
    # The event
    event: str
    service: dict[int, str]
    call_from: str
    call_to: str
    other_from: str
    other_to: str
    malformed: str
    # The frame
    stage: dict[Stage, str]
    titled: str  # number, title and the one thing that a stage has to tell
    title_only: str  # when it has several, below
    note: str  # behind a title
    comma: str
    semicolon: str
    refused: str
    status: dict[Status, str]
    # Tariff, number, rule
    tariff: str
    routed: str
    rule: str
    own_plan: str
    fallback_plan: str
    any_zone: str
    by_prefix: str
    by_short_code: str
    price: str
    no_price: str
    conditions: str
    call_direction: dict[int, str]
    other_direction: dict[int, str]
    origin_zone: str
    on_net: dict[bool | None, str]
    roaming_zone: str
    visited: str
    rating_group: str
    customer_group: str
    friend: str
    # Quantity, counter, increments
    no_usage: str
    no_usage_charged: str
    minimum_qty: str
    counter: str
    paid_used: str
    paid_left: str
    clock: str
    band_at_start: str
    bands: dict[str, str]  # those that tariffs do not name themselves
    piece: str
    partly_free: str
    all_free: str
    # Free head
    allowance: str
    shared: dict[str, str]  # by `Taken.shared`
    day_pass: str
    opened_pass: str
    drawn: str
    drawn_without_limit: str
    # Money
    increments: str
    connect_fee: str
    content_share: str
    minimum: str
    maximum: str
    discount: str
    rounding: str
    rounding_modes: dict[RoundingMode, str]
    money: str
    cap: str
    window: dict[CapWindow, str]
    charge: str
    reduced_charge: str
    currency: dict[str, str]  # in place of the ISO code
    currency_amount: str
    approximately: str
    # Quantities
    seconds: str
    bytes: str
    message: str
    messages: str
    one_message: str  # behind "per"
    purchase: str  # content is counted in these
    purchases: str
    one_purchase: str
