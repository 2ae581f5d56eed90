"""The dense tables the kernel reads, and nothing that makes them (that is `tariffs.compiling.compiler`).

Rows are numpy records, so that what one event needs of a price lies together. All arithmetic is int64. A price has one common denominator:
with D = lcm of its `per_qty` (and of its content share's), a length times a step's `weight` is an amount in micro-units times D, exactly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rating.model import BucketKind, Price
from rating.money import RoundingMode

TIME_MIN_US: Final = 946_684_800_000_000  # 2000-01-01T00:00Z
TIME_MAX_US: Final = 3_155_760_000_000_000  # 2070-01-01T00:00Z
NUMBER_DIGITS_MAX: Final = 15
SHORT_DIGITS_MAX: Final = 8  # short codes have no more digits than this, and leaves decide numbers of more
SERVICES: Final = 6  # services are 1 .. 5; 0 is never sold, and its row means "no rule"

NO_MAXIMUM: Final = 2**32 - 1  # on a card
NO_RULE: Final = -1  # in a rule row: nothing matches
NOT_SOLD: Final = -2  # in a rule row: refused on purpose
LEAF_EXACT: Final = 65_535  # in a leaf: the prefix is longer than nine digits, ask the intervals

ROUNDING_CODES: Final = {mode: code for code, mode in enumerate(RoundingMode)}
ROUND_DOWN, ROUND_UP, ROUND_HALF_UP, ROUND_HALF_EVEN = range(4)  # of a card; half-even only where a tie can be (an even divisor)
TARIFF_CLOCK, HOME_CLOCK, VISITED_CLOCK = range(3)
PER_EVENT, GRADUATED, PACKAGE = range(3)  # codes of rating.model.Counting
OF_QUANTITY, OF_COUNTERS, OF_MONEY, OF_CAPS = range(4)  # what a bucket is asked for, in the order in which a holder's buckets stand
SLOT_BITS: Final = 24  # a slot is that, and below it a number
SLOT_MASK: Final = (1 << SLOT_BITS) - 1
ROAMING_ANY, ROAMING_HOME = -1, 0  # in a condition; roaming zones are numbered from 1 in each version

CIRCUMSTANCE: Final = np.dtype(
    [
        ("origin", np.uint64),  # digits of the calling number as an integer
        ("content_micros", np.int64),  # the content provider's amount; below zero: none
        ("visited", np.int32),  # MCC x 1000 + MNC; 0: the home network
        ("rating_group", np.int32),  # 0: none
        ("customer_group", np.int32),  # 0: none
        ("home_clock", np.int16),  # index in Tables.timezones; -1: not known
        ("origin_digits", np.int8),  # how many digits the origin has; 0: none
        ("direction", np.int8),  # rating.schema.Direction; 0: not known
        ("on_net", np.int8),  # -1: not known
        ("friend", np.bool_),
    ],
    align=True,
)

RULE_ROW: Final = np.dtype(
    [
        ("quantity_max", np.int64),  # in input units
        ("price", np.int32),  # row of a price, NO_RULE or NOT_SOLD
        ("cards", np.int32),  # first of the price's cards, one a band
        ("calendar", np.int32),  # timeline; the first of one a time zone where `clock` is not the tariff's; -1: one band
        ("version", np.int32),
        ("zone_id", np.int32),
        ("next", np.int32),  # the rule to ask if this one does not hold; the last of a chain says NO_RULE
        ("condition", np.int32),  # -1: none
        ("serves", np.int32),  # where Tables.definition_of tells which buckets may serve it; -1: none
        ("discount_from", np.int32),
        ("discount_to", np.int32),
        ("clock", np.int8),
        ("plain", np.bool_),  # has a price, no condition, and a rate in every band: holds always
        ("quick", np.bool_),  # nothing about it needs the general path
        ("voice", np.bool_),  # quantity comes in microseconds, price units are milliseconds
        ("split", np.bool_),
        ("draws", np.bool_),  # a holder's counters, allowances and day passes may have a say
        ("settles", np.bool_),  # and its money and caps, and the fees of its passes
        ("discounted", np.bool_),
        ("stepped", np.bool_),  # has more than two steps
        ("charge_zero_usage", np.bool_),
        ("counting", np.int8),
        ("counter_slot", np.int32),  # -1: none
    ],
    align=True,
)
CARD_ROW: Final = np.dtype(
    [
        ("weight", np.int64),  # rate of the first step x D / per
        ("weight_2", np.int64),  # of the second
        ("change", np.int64),  # position at which the second step begins to count: the first end of an increment at or after its `from`
        ("common", np.uint32),  # D
        ("first", np.uint32),  # first increment
        ("increment", np.uint32),  # further increments of the first step
        ("increment_2", np.uint32),  # and of the second
        ("connect", np.uint32),  # micro-units
        ("minimum", np.uint32),  # micro-units
        ("maximum", np.uint32),  # micro-units; NO_MAXIMUM: none
        ("step_micros", np.uint32),  # rounding step
        ("rounding", np.int32),  # ROUND_DOWN .. ROUND_HALF_EVEN
        ("padding", np.int32),
    ],
    align=True,
)  # what a quick charge of one band needs: 64 bytes, a cache line
TERMS_ROW: Final = np.dtype(
    [
        ("connect", np.int64),  # x D
        ("minimum", np.int64),  # x D
        ("maximum", np.int64),  # x D, or the largest number
        ("divisor", np.int64),  # D x rounding step
        ("first", np.int64),
        ("step_micros", np.int64),
        ("quick_to", np.int64),  # usage up to here is charged by the two steps of the card
        ("step_from", np.int32),
        ("step_to", np.int32),
        ("minimum_qty", np.int64),
        ("content_weight", np.int64),  # content share x D / 10^6
        ("rounding_mode", np.int8),
        ("active", np.bool_),  # False: the price has no rate in this band
    ],
    align=True,
)  # what the general path needs of a band: a row a card
STEP_ROW: Final = np.dtype([("from_qty", np.int64), ("weight", np.int64), ("increment", np.int64)], align=True)
CONDITION_ROW: Final = np.dtype(
    [
        ("origin", np.int32),  # class of the version's origin deck; -1: any
        ("roaming", np.int32),  # ROAMING_ANY, ROAMING_HOME or the number of a roaming zone
        ("rating_group", np.int32),  # -1: any
        ("customer_group", np.int32),  # -1: any
        ("direction", np.int8),  # -1: any
        ("on_net", np.int8),  # -1: any
    ],
    align=True,
)
DEFINITION_ROW: Final = np.dtype(
    [
        ("amount", np.int64),  # of a day pass: what is free in a day; of a cap: the limit
        ("fee", np.int64),
        ("kind", np.int8),  # rating.model.BucketKind
        ("unit", np.int8),  # rating.model.QuantityUnit
        ("clock", np.int8),  # of a day pass
        ("whole", np.bool_),  # draws whole increments
        ("connect_when_free", np.bool_),
        ("limited", np.bool_),  # of a day pass
        ("daily", np.bool_),  # of a cap: counts anew each day
    ],
    align=True,
)
DISCOUNT_ROW: Final = np.dtype([("ppm", np.int64), ("from_us", np.int64), ("to_us", np.int64), ("friends_only", np.bool_)], align=True)
PLAN_VERSION_ROW: Final = np.dtype([("from_us", np.int64), ("version", np.int32), ("present", np.bool_)], align=True)
VERSION_ROW: Final = np.dtype(
    [("origin_deck", np.int32), ("plmn_from", np.int32), ("plmn_to", np.int32), ("clock", np.int16)], align=True
)  # deck of origin zones, -1 none; its visited networks; index of its time zone
PLMN_ROW: Final = np.dtype([("plmn", np.int32), ("zone", np.int32), ("clock", np.int16)], align=True)  # sorted by plmn in each version
PLAN_SERVICE_ROW: Final = np.dtype([("rules", np.int32), ("deck", np.int32)], align=True)  # one a plan version and service
LATEST_ROW: Final = np.dtype(
    [("from_us", np.int64), ("first_base", np.int64), ("rules", np.int32), ("deck", np.int32)], align=True
)  # of the last version of a plan and service, with its deck's `first_base`; from_us: beyond all time where the plan has been withdrawn
DECK_ROW: Final = np.dtype(
    [
        ("first_base", np.int64),
        ("block_base", np.int64),
        ("singles", np.int64),  # leaf at which the first block of a thousand begins
        ("interval_from", np.int64),
        ("interval_to", np.int64),
        ("code_from", np.int64),
        ("code_to", np.int64),
    ],
    align=True,
)
INTERVAL_ROW: Final = np.dtype([("low", np.int64), ("prefix", np.int32)], align=True)  # numbers from `low` up to the next row's
PREFIX_ROW: Final = np.dtype([("parent", np.int32), ("digits", np.int16), ("zone", np.uint16)], align=True)
CODE_ROW: Final = np.dtype([("key", np.int64), ("zone", np.uint16)], align=True)  # key: digits x 10^8 + value
BUCKET_ROW: Final = np.dtype(
    [("amount", np.int64), ("mark", np.int64), ("slot", np.int32), ("span", np.int32)], align=True
)  # see BucketKind
SPAN_ROW: Final = np.dtype(
    [("from_us", np.int64), ("to_us", np.int64)], align=True
)  # a bucket serves events that start in [from_us, to_us)
TIMELINE_ROW: Final = np.dtype([("boundary_from", np.int64), ("stretch_from", np.int64), ("shift", np.int64)], align=True)


class VersionName(NamedTuple):
    """The published version that priced a charge."""

    identity: str
    version: int
    content_hash: bytes
    currency: str
    minor_digits: int


@dataclasses.dataclass(frozen=True, eq=False)
class Tables:
    """Every published version of every catalogue, flattened. Zones are numbered 1 .. n inside a deck; 0 is `any destination`."""

    plan_index: Mapping[str, int]  # `identity/plan` -> index
    versions: Sequence[VersionName]
    prices: Sequence[Price]
    timezones: tuple[str, ...]  # every zone that some clock may run on
    slots: Mapping[tuple[BucketKind, str, int], int]  # (kind, identity, id of the definition) -> what a bucket is called here (`SLOT_BITS`)
    runs_max: int  # no walk through an event has more runs of equal increments

    plan_from: NDArray[np.int32]  # by plan: first of its plan-version rows; one more than plans
    plan_versions: NDArray[np.void]
    version_rows: NDArray[np.void]
    plmns: NDArray[np.void]
    latest: NDArray[np.void]  # by plan x SERVICES + service; at least one plan's
    plan_services: NDArray[np.void]  # by plan-version row x SERVICES + service
    rules: NDArray[np.void]  # by `rules` of PLAN_SERVICE_ROW + zone: the first rule to ask; then those that `next` leads to; row 0: no plan
    conditions: NDArray[np.void]
    cards: NDArray[np.void]  # row 0 charges nothing
    terms: NDArray[np.void]
    step_rows: NDArray[np.void]
    definition_of: NDArray[np.int32]  # at `serves`: first slot, number of slots, then for each slot its definition or -1
    definitions: NDArray[np.void]
    discounts: NDArray[np.void]  # of a rule: the largest first

    decks: NDArray[np.void]
    first: NDArray[np.uint32]  # by first_base + the first six digits: leaf base << 1 | multiplier of the next three
    leaves: NDArray[np.uint16]  # zone, 0 none, or LEAF_EXACT
    blocks: NDArray[np.int32]  # by block of a thousand leaves: the interval in force where it begins; one more than blocks in each deck
    intervals: NDArray[np.void]
    prefixes: NDArray[np.void]
    codes: NDArray[np.void]

    timelines: NDArray[np.void]
    days_base: int  # timeline of local days of the first time zone; -1: nothing counts days
    boundaries: NDArray[np.int64]  # instants at which the band changes, closed by one beyond the end of time
    bands: NDArray[np.int32]  # band from that instant on
    stretches: NDArray[np.int32]  # by stretch_from + (instant - TIME_MIN_US >> shift): position of the boundary in force when it begins

    price_ids: NDArray[np.int32]  # by price row
    charge_code: NDArray[np.int32]
    revenue_code: NDArray[np.int16]
    tax_code: NDArray[np.int16]
    quantity_unit: NDArray[np.int8]


def no_circumstances(rows: int) -> NDArray[np.void]:
    """`rows` rows of CIRCUMSTANCE that say nothing."""
    made = np.zeros(rows, CIRCUMSTANCE)
    made["content_micros"] = -1
    made["home_clock"] = -1
    made["on_net"] = -1
    return made
