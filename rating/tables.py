"""The dense tables the kernel reads, and nothing that makes them (that is `tariffs.compiler`).

Rows are numpy records, so that what one event needs of a price lies in one cache line. All arithmetic is int64. A price has one common
denominator: with D = lcm of its `per_qty`, a length times a step's `weight` is an amount in micro-units times D, exactly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rating.model import Price
from rating.money import RoundingMode

TIME_MIN_US: Final = 946_684_800_000_000  # 2000-01-01T00:00Z
TIME_MAX_US: Final = 3_155_760_000_000_000  # 2070-01-01T00:00Z
HOUR_US: Final = 3_600_000_000
NUMBER_DIGITS_MAX: Final = 15
SERVICES: Final = 6  # services are 1 .. 5; 0 is never sold

NO_RULE: Final = -1  # in a cell: nothing matches
NOT_SOLD: Final = -2  # in a cell: refused on purpose
LEAF_EXACT: Final = 65_535  # in a leaf: the prefix is longer than nine digits, ask the intervals

ROUNDING_CODES: Final = {mode: code for code, mode in enumerate(RoundingMode)}

PRICE_ROW: Final = np.dtype(
    [
        ("denominator", np.int64),  # D
        ("minimum", np.int64),  # minimum charge x D
        ("maximum", np.int64),  # maximum charge x D, or the largest number
        ("step_micros", np.int64),  # rounding step
        ("quantity_max", np.int64),  # in input units
        ("price_id", np.int32),
        ("rate_base", np.int32),  # first of its rate rows, one a band
        ("calendar", np.int32),  # -1: one band
        ("rounding_mode", np.int8),
        ("voice", np.bool_),  # quantity comes in microseconds, price units are milliseconds
        ("split", np.bool_),
        ("charge_zero_usage", np.bool_),
    ],
    align=True,
)
RATE_ROW: Final = np.dtype(
    [("first_increment", np.int64), ("connect", np.int64), ("step_from", np.int32), ("step_to", np.int32)], align=True
)  # connect fee x D; range of step rows
STEP_ROW: Final = np.dtype([("from_qty", np.int64), ("weight", np.int64), ("increment", np.int64)], align=True)
CELL_ROW: Final = np.dtype([("price", np.int32), ("zone_id", np.int32), ("allowance", np.bool_)], align=True)
PLAN_VERSION_ROW: Final = np.dtype([("from_us", np.int64), ("version", np.int32), ("present", np.bool_)], align=True)
SHELF_ROW: Final = np.dtype([("cell_base", np.int32), ("prefix_table", np.int32)], align=True)  # one a plan version and service; -1 none
PREFIX_TABLE_ROW: Final = np.dtype(
    [("first_base", np.int64), ("interval_from", np.int64), ("interval_to", np.int64), ("digits_max", np.int64)], align=True
)
INTERVAL_ROW: Final = np.dtype([("low", np.int64), ("prefix", np.int32)], align=True)  # numbers from `low` up to the next row's
PREFIX_ROW: Final = np.dtype([("parent", np.int32), ("digits", np.int16), ("zone", np.uint16)], align=True)
CALENDAR_ROW: Final = np.dtype([("boundary_from", np.int64), ("hour_from", np.int64)], align=True)


class VersionName(NamedTuple):
    """Which published version a charge was priced by."""

    identity: str
    version: int
    content_hash: bytes
    currency: str
    minor_digits: int


@dataclasses.dataclass(frozen=True, eq=False)
class Tables:
    """Every published version of every catalogue, flattened. Zones are numbered 1 .. n inside a shelf; 0 is `any destination`."""

    plan_index: Mapping[str, int]  # `identity/plan` -> index
    versions: Sequence[VersionName]
    prices: Sequence[Price]

    plan_from: NDArray[np.int32]  # by plan: first of its plan-version rows; one more than plans
    plan_versions: NDArray[np.void]
    shelves: NDArray[np.void]  # by plan-version row x SERVICES + service
    cells: NDArray[np.void]  # by cell_base + zone
    price_rows: NDArray[np.void]
    rate_rows: NDArray[np.void]
    step_rows: NDArray[np.void]

    prefix_tables: NDArray[np.void]
    first: NDArray[np.uint32]  # by first_base + the first six digits: leaf base << 1 | multiplier of the next three
    leaves: NDArray[np.uint16]  # zone, 0 none, or LEAF_EXACT
    intervals: NDArray[np.void]
    prefixes: NDArray[np.void]

    calendars: NDArray[np.void]
    boundaries: NDArray[np.int64]  # instants at which the band changes, closed by one beyond the end of time
    bands: NDArray[np.int32]  # band from that instant on
    hours: NDArray[np.int32]  # by hour_from + hours since TIME_MIN_US: position of the boundary in force when the hour begins

    price_ids: NDArray[np.int32]  # by price row
    charge_code: NDArray[np.int32]
    revenue_code: NDArray[np.int16]
    tax_code: NDArray[np.int16]
    quantity_unit: NDArray[np.int8]
