"""The kinds of value that the entries of a tariff file share: how each is read from text, and what stands in where it cannot be read.

A field marked with `Text` is written as text and held as what the text means. `tariffs.language` and `tariffs.plan_language` say which
fields there are.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import msgspec

from rating.model import AtPlanChange, BandPolicy, CapWindow, Counting, Draw, FeeTiming, LateUsage, QuantityUnit, Service, WallClock
from rating.money import RoundingMode
from tariffs import digits, texts
from tariffs.texts import Increments, Quantity, Text

UNREAD: Final = Quantity(1, None)  # stands in for a quantity that could not be read: fits every unit
UNREAD_INSTANT: Final = 3_155_673_600_000_000  # stands in for an instant: the last day that is rated, so that no date is too late for it
UNREAD_TIME: Final = -1  # stands in for a time of day: a band that has one covers nothing
NO_DAYS: Final = (0,)  # stands in for the days of a band that could not be read
UNREAD_DATE: Final = dt.date(2000, 1, 1)
SERVICES: Final = {service.name.lower(): service for service in Service}
DIRECTIONS: Final = {"originating": 1, "terminating": 2}  # rating.schema.Direction, which would import pyarrow
UNITS: Final = {"seconds": QuantityUnit.MILLISECOND, "bytes": QuantityUnit.BYTE, "messages": QuantityUnit.MESSAGE}

Amount = Annotated[int, Text(texts.amount, 0)]
Percent = Annotated[int, Text(texts.percent, 0)]
Measure = Annotated[Quantity, Text(texts.quantity, UNREAD)]
Grant = Annotated[Quantity, Text(texts.grant, UNREAD)]
Pair = Annotated[Increments, Text(texts.increments, Increments(UNREAD, UNREAD))]
Date = Annotated[dt.date, Text(texts.date, UNREAD_DATE)]
Instant = Annotated[int, Text(texts.instant, UNREAD_INSTANT)]
BandStart = Annotated[int, Text(texts.band_start, UNREAD_TIME)]
BandEnd = Annotated[int, Text(texts.band_end, UNREAD_TIME)]
Days = Annotated[tuple[int, ...], Text(texts.days, ())]
Month = Annotated[int, Text(texts.month, 1)]
Prefix = Annotated[str, Text(digits.prefix, "")]
ShortCode = Annotated[str, Text(digits.short_code, "")]
Network = Annotated[int, Text(digits.plmn, 0)]
Unit = Annotated[QuantityUnit, Text(texts.choice(UNITS, "what a price counts"), QuantityUnit.MESSAGE)]
ServiceName = Annotated[Service, Text(texts.choice(SERVICES, "a service"), Service.VOICE)]
DirectionName = Annotated[int, Text(texts.choice(DIRECTIONS, "a direction"), 1)]
Mode = Annotated[RoundingMode, Text(texts.choice({m.value: m for m in RoundingMode}, "a rounding mode"), RoundingMode.HALF_EVEN)]
Policy = Annotated[BandPolicy, Text(texts.choice({p.value: p for p in BandPolicy}, "a band policy"), BandPolicy.START)]
Clock = Annotated[WallClock, Text(texts.choice({c.value: c for c in WallClock}, "a clock"), WallClock.TARIFF)]
CountingName = Annotated[Counting, Text(texts.choice({c.value: c for c in Counting}, "a way of counting"), Counting.EVENT)]
Timing = Annotated[FeeTiming, Text(texts.choice({t.value: t for t in FeeTiming}, "a timing"), FeeTiming.ARREARS)]
Late = Annotated[LateUsage, Text(texts.choice({u.value: u for u in LateUsage}, "a way to treat late usage"), LateUsage.ORIGIN_PERIOD)]
DrawName = Annotated[Draw, Text(texts.choice({d.value: d for d in Draw}, "a way to draw"), Draw.EXACT)]
PlanChange = Annotated[
    AtPlanChange, Text(texts.choice({a.value: a for a in AtPlanChange}, "what a plan change does"), AtPlanChange.PRORATE)
]
Window = Annotated[CapWindow, Text(texts.choice({w.value: w for w in CapWindow}, "a window"), CapWindow.PERIOD)]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every entry has in common."""
