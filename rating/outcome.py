"""Input and output of the plain twin: an event, the buckets it may draw on, and every figure on the way to its charge.

Units: `Event.quantity` in input units (voice microseconds, data bytes, else messages); every quantity of an `Outcome` in the price's unit
(voice milliseconds); amounts in micro-units, exact ones as Fraction.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import msgspec

from rating.model import BandPolicy, BucketKind, CapWindow, Counting, QuantityUnit, WallClock
from rating.money import RoundingMode
from rating.status import Status

COUNTER_MAX: Final = 2**61  # a counter stays here, beyond every step
_ZERO: Final = Fraction(0)


class Event(msgspec.Struct, frozen=True):
    """One usage event as it reaches rating, its subscription resolved. A field that is not known has its default."""

    event_key: bytes  # 16 bytes; orders events of equal start
    start_us: int
    quantity: int  # voice: microseconds; data: bytes; else messages
    service: int  # a `Service`; any other number has no rule
    plan: str | None  # `identity/plan`; None: nobody owns the served number
    destination: str | None = ""  # digits of an E.164 number or short code; "": none; None: malformed
    origin: str = ""  # digits of the calling number; "" (or anything that is no number): none
    direction: int = 0  # rating.schema.Direction; 0: not known
    on_net: bool | None = None  # whether the other side is a subscriber of this network
    friend: bool = False  # whether the other side is one of the subscriber's chosen numbers
    visited: int = 0  # PLMN of the network visited, MCC x 1000 + MNC; 0: the home network
    rating_group: int = 0  # 0: none
    customer_group: int = 0  # 0: none
    home_timezone: str = ""  # IANA name of the subscriber's wall clock; "": the tariff's
    content_micros: int = -1  # the content provider's amount, in the catalogue's currency; below zero: none


class Bucket(msgspec.Struct, frozen=True):
    """The bucket of one holder (a subscription's plan in a period, or a rating unit) for one definition: its amount and its mark."""

    kind: BucketKind
    identity: str  # of the catalogue
    definition_id: int  # allowance_id, pass_id, cap_id or counter_id
    amount: int  # see BucketKind
    mark: int = 0  # see BucketKind
    from_us: int = 0  # allowances and passes serve events that start in [from_us, to_us)
    to_us: int = 2**62
    priority: int = 0  # of the definition when the bucket was made; lowest number first


class Piece(msgspec.Struct, frozen=True):
    """Consecutive increments of one band, step and length. `free_qty` of it, from its head, came out of allowances and passes."""

    from_qty: int
    to_qty: int
    band: str
    step: int  # index into the rate's steps
    increment_qty: int
    increments: int
    rate_micros: int
    per_qty: int
    free_qty: int
    amount_micros: Fraction  # exact: (to - from - free) x rate / per


class Taken(msgspec.Struct, frozen=True):
    """The part of an event that one allowance or day pass gave. Only buckets that gave something, or were opened, are listed."""

    kind: BucketKind
    definition_id: int
    name: str
    unit: QuantityUnit  # MICRO: paid money after rounding
    before: int  # what was left; for a pass of the day: before this event, after it was opened
    taken: int
    after: int  # before - taken; a pass without limit has 0 before and after
    limited: bool = True  # False: a day pass without limit
    opened_day: int = 0  # a pass that this event opened: the local day's number
    fee_micros: int = 0  # of the pass that this event opened
    shared: str = ""  # of an allowance that the rating unit has together: "pooled", or "one" where it is granted once


class Capped(msgspec.Struct, frozen=True):
    """The effect of one charge cap on an event. Every cap that serves the event and has a bucket is listed."""

    cap_id: int
    name: str
    window: CapWindow
    limit_micros: int
    spent_before_micros: int  # in the window of this event
    cut_micros: int
    spent_after_micros: int


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of one event. A refused one holds what was known when it was refused. In order of composition."""

    event: Event
    status: Status
    charge_micros: int = 0
    gross_micros: int = 0  # rounded, before discount, money and caps, pass fees included
    chargeable_qty: int = 0
    free_qty: int = 0
    # Which tariff, which rule
    identity: str = ""
    version: int = 0
    content_hash: bytes = b""
    currency: str = ""
    timezone: str = "UTC"  # the catalogue's
    routed: str = ""  # the number that a ported destination stands for; "" not ported
    rule_plan: str = ""  # name (without identity) of the plan whose rule was found: the event's own, or a fallback
    rule_index: int = -1  # in that plan's rules
    zone_id: int = 0
    zone: str = ""
    prefix: str = ""  # the prefix, or the short code, that the rule was found by
    short_code: bool = False
    zone_title: dict[str, str] = {}  # language -> what customers read of the zone; empty where it has none
    origin_zone: str = ""  # found for the origin, whether or not a rule asks for it
    origin_zone_title: dict[str, str] = {}
    roaming_zone: str = ""
    roaming_zone_title: dict[str, str] = {}
    price_id: int = 0
    price: str = ""
    price_title: dict[str, str] = {}  # language -> what bills call it
    unit: QuantityUnit | None = None
    clock: WallClock = WallClock.TARIFF
    clock_timezone: str = ""  # the zone whose wall clock chose the bands
    band_policy: BandPolicy = BandPolicy.SPLIT
    # Counter
    counting: Counting = Counting.EVENT
    counter_id: int = 0
    counter_before: int = 0
    counter_after: int = 0
    paid_before: int = 0
    paid_after: int = 0
    # Amounts
    minimum_qty: int = 0
    minimum_qty_applied: bool = False
    pieces: tuple[Piece, ...] = ()
    taken: tuple[Taken, ...] = ()  # in draw order: quantities and passes, then money
    connect_fee_micros: int = 0  # as charged: 0 when nothing is left to charge
    content_ppm: int = 0
    content_share_micros: Fraction = _ZERO  # as charged
    exact_micros: Fraction = _ZERO  # pieces, connect fee and content share, before minimum and maximum
    minimum_micros: int = 0
    minimum_applied: bool = False
    maximum_micros: int | None = None
    maximum_applied: bool = False
    bounded_micros: Fraction = _ZERO  # after minimum and maximum
    discount_id: int = 0
    discount: str = ""  # name of the discount that applied
    discount_ppm: int = 0
    unrounded_micros: Fraction = _ZERO  # after discount, before rounding
    rounding_mode: RoundingMode = RoundingMode.HALF_EVEN
    rounding_step_micros: int = 1
    rounded_micros: int = 0  # after rounding, before pass fees, money and caps
    pass_fees_micros: int = 0
    caps: tuple[Capped, ...] = ()
    buckets: tuple[Bucket, ...] = ()  # after the event, in the order given
