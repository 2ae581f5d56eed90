"""The kinds of value that the entries of a tariff file share: how each is read from text, and its placeholder where it cannot be read.

A field marked with `Text` is written as text and held as what the text means. `tariffs.language.entries` and `tariffs.language.plans` say
which fields there are.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from rating.model import (
    AtPlanChange,
    BandPolicy,
    CapWindow,
    CommitmentCounts,
    Counting,
    Draw,
    FeeOccasion,
    FeeTiming,
    LateUsage,
    LimitAction,
    QuantityUnit,
    Service,
    VolumeScope,
    WallClock,
    WhilePaused,
)
from rating.money import RoundingMode
from tariffs.language import digits, forms, texts
from tariffs.language.texts import Increments, Quantity, Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

UNREAD: Final = Quantity(1, None)  # stands in for a quantity that could not be read: fits every unit
UNREAD_INSTANT: Final = 3_155_673_600_000_000  # stands in for an instant: the last day that is rated, so that no date is too late for it
UNREAD_TIME: Final = -1  # stands in for a time of day: a band that has one covers nothing
NO_DAYS: Final = (0,)  # stands in for the days of a band that could not be read
UNREAD_DATE: Final = dt.date(2000, 1, 1)
SERVICES: Final = {service.name.lower(): service for service in Service}
DIRECTIONS: Final = {"originating": 1, "terminating": 2}  # rating.schema.Direction, which would import pyarrow
DAYS: Final = {name: day for day, name in enumerate(texts.DAY_NAMES, 1)}
_OF_ADD_ONS: Final = (FeeOccasion.ADDED, FeeOccasion.REMOVED)  # made of `activation` and `end`, never written
OCCASIONS: Final = {each.value: each for each in FeeOccasion if each not in _OF_ADD_ONS}


class Sharing(enum.Enum):
    """The sharing of an allowance by the lines of a rating unit, and how often it is granted."""

    NO = enum.auto()
    UNSAID = enum.auto()  # `true`, which says that it is shared and not how often it is granted: it is POOLED
    POOLED = enum.auto()
    ONE = enum.auto()


SHARING: Final = {False: Sharing.NO, True: Sharing.UNSAID, "pooled": Sharing.POOLED, "one": Sharing.ONE}
LINE_KINDS: Final = {kind: kind for kind in ("recurring", "one_off", "usage", "volume")}  # kinds of bill line that a discount may be off
UNITS: Final = {"seconds": QuantityUnit.MILLISECOND, "bytes": QuantityUnit.BYTE, "messages": QuantityUnit.MESSAGE}


def _one_of(words: Mapping[str, object], what: str, placeholder: object) -> Text:
    """A choice of words."""
    return Text(texts.choice(words, what), placeholder, forms.choice(what.removeprefix("a ").removeprefix("an "), words))


def _named(placeholder: StrEnum, what: str) -> Text:
    """A choice of the words of an enumeration."""
    return _one_of({each.value: each for each in type(placeholder)}, what, placeholder)


Amount = Annotated[int, Text(texts.amount, 0, forms.AMOUNT)]
Percent = Annotated[int, Text(texts.percent, 0, forms.PERCENT)]
Measure = Annotated[Quantity, Text(texts.quantity, UNREAD, forms.QUANTITY)]
Grant = Annotated[Quantity, Text(texts.grant, UNREAD, forms.GRANT)]
Pair = Annotated[Increments, Text(texts.increments, Increments(UNREAD, UNREAD), forms.INCREMENTS)]
Date = Annotated[dt.date, Text(texts.date, UNREAD_DATE, forms.DATE)]
Instant = Annotated[int, Text(texts.instant, UNREAD_INSTANT, forms.INSTANT)]
BandStart = Annotated[int, Text(texts.band_start, UNREAD_TIME, forms.BAND_START)]
BandEnd = Annotated[int, Text(texts.band_end, UNREAD_TIME, forms.BAND_END)]
Days = Annotated[tuple[int, ...], Text(texts.days, (), forms.DAYS)]
DayName = Annotated[int, _one_of(DAYS, "a day of the week", 1)]
Month = Annotated[int, Text(texts.month, 1, forms.MONTH)]
Prefix = Annotated[str, Text(digits.prefix, "", forms.PREFIX)]
ShortCode = Annotated[str, Text(digits.short_code, "", forms.SHORT_CODE)]
Network = Annotated[int, Text(digits.plmn, 0, forms.NETWORK)]
Unit = Annotated[QuantityUnit, _one_of(UNITS, "what a price counts", QuantityUnit.MESSAGE)]
ServiceName = Annotated[Service, _one_of(SERVICES, "a service", Service.VOICE)]
DirectionName = Annotated[int, _one_of(DIRECTIONS, "a direction", 1)]
Mode = Annotated[RoundingMode, _named(RoundingMode.HALF_EVEN, "a rounding mode")]
Policy = Annotated[BandPolicy, _named(BandPolicy.START, "a band policy")]
Clock = Annotated[WallClock, _named(WallClock.TARIFF, "a clock")]
CountingName = Annotated[Counting, _named(Counting.EVENT, "a way of counting")]
Timing = Annotated[FeeTiming, _named(FeeTiming.ARREARS, "a timing")]
Late = Annotated[LateUsage, _named(LateUsage.ORIGIN_PERIOD, "a way to treat late usage")]
DrawName = Annotated[Draw, _named(Draw.EXACT, "a way to draw")]
PlanChange = Annotated[AtPlanChange, _named(AtPlanChange.PRORATE, "what a plan change does")]
SharedBy = Annotated[Sharing, Text(texts.choice(SHARING, "a way to share"), Sharing.NO, forms.flag_or("way to share", SHARING))]
Window = Annotated[CapWindow, _named(CapWindow.PERIOD, "a window")]
Occasion = Annotated[FeeOccasion, _one_of(OCCASIONS, "an occasion", FeeOccasion.ACTIVATION)]
Counts = Annotated[CommitmentCounts, _named(CommitmentCounts.USAGE, "what counts toward a commitment")]
Paused = Annotated[WhilePaused, _named(WhilePaused.FREE, "what becomes of a fee while paused")]
Scope = Annotated[VolumeScope, _named(VolumeScope.SUBSCRIPTION, "whose quantity is added up")]
LineKind = Annotated[str, _one_of(LINE_KINDS, "a kind of line", "usage")]
Action = Annotated[LimitAction, _named(LimitAction.NOTIFY, "what a limit does")]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The base of every entry."""
