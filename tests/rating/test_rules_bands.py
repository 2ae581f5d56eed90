"""Which band prices which part of an event: by the wall clock, on the days that a band is for. Amounts are currency units as text."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from rating.model import ANY_ZONE, OTHER_BAND, Band, BandPolicy, Calendar, DaySwap, QuantityUnit, RoamingZone, Service, WallClock
from rating.status import Status
from tests.rating.shop import calendar, call, micros, plan, price, rate, rated, rule, second, use

if TYPE_CHECKING:
    from rating.outcome import Outcome

PEAK = calendar(("peak", "12345", "08:00", "20:00"))
PEAK_PRICE = price(rate("60/60 at 0.20/60s", band="peak", connect="0.03"), rate("60/60 at 0.10/60s", band=OTHER_BAND), calendar="week")

# start, seconds -> charge of split, charge of start
SPLIT_OR_START = [
    ("2026-03-02T19:58:00+01:00", "120", "0.43", "0.43"),  # Monday, all at peak: 0.03 + 2 x 0.20
    ("2026-03-02T19:58:00+01:00", "240", "0.63", "0.83"),  # 2 x 0.20 + 2 x 0.10; or all four at 0.20
    ("2026-03-02T19:59:30+01:00", "90", "0.33", "0.43"),  # the minute begun at 19:59:30 is peak to its end, the one of 20:00:30 is not
    ("2026-03-02T19:59:59.999999+01:00", "61", "0.33", "0.43"),
    ("2026-03-02T20:00:00+01:00", "60", "0.10", "0.10"),  # an end is exclusive
    ("2026-03-02T07:59:00+01:00", "120", "0.30", "0.20"),  # 0.10 + 0.20, no connect fee: that of the band at start
    ("2026-03-06T19:59:00+01:00", "120", "0.33", "0.43"),  # Friday
    ("2026-03-07T12:00:00+01:00", "60", "0.10", "0.10"),  # Saturday
    ("2026-03-02T06:59:00Z", "120", "0.30", "0.20"),  # the tariff's wall clock decides, not the offset written
]


@pytest.mark.parametrize(("at", "seconds", "split", "start"), SPLIT_OR_START)
def test_split_at_each_boundary_or_all_at_the_start(at: str, seconds: str, split: str, start: str) -> None:
    for policy, charge in ((BandPolicy.SPLIT, split), (BandPolicy.START, start)):
        the_price = price(*PEAK_PRICE.rates, calendar="week", band_policy=policy)
        assert rated(the_price, call(seconds, at), calendars=(PEAK,)).charge_micros == micros(charge), policy


def test_messages_and_data_keep_the_band_in_which_they_begin() -> None:
    for unit, service in ((QuantityUnit.MESSAGE, Service.SMS), (QuantityUnit.BYTE, Service.DATA)):
        the_price = price(rate("1/1 at 0.20/1m", band="peak"), rate("1/1 at 0.10/1m", band=OTHER_BAND), calendar="week", unit=unit)
        last_peak = use(2, service, "2026-03-02T19:59:59.999999+01:00")  # as long as they are, they take no time
        assert rated(the_price, last_peak, calendars=(PEAK,)).charge_micros == micros("0.40")


# steps count from the start of the event, not from that of the band. Peak from 08:00: 0.60 a minute, from two minutes on 0.30; else 0.06
STEPS_IN_BANDS = [
    ("2026-03-02T07:59:00+01:00", "60", "0.06"),
    ("2026-03-02T07:59:00+01:00", "120", "0.66"),  # minute 2 is peak and in the first step: 0.06 + 0.60
    ("2026-03-02T07:59:00+01:00", "180", "0.96"),  # minute 3 is past two minutes: 0.06 + 0.60 + 0.30
    ("2026-03-02T07:57:00+01:00", "240", "0.48"),  # the first peak minute is minute 4: 3 x 0.06 + 0.30
]


@pytest.mark.parametrize(("at", "seconds", "charge"), STEPS_IN_BANDS)
def test_steps_inside_bands(at: str, seconds: str, charge: str) -> None:
    peak = rate("1/1 at 0.60/60s, from 120s 1 at 0.30/60s", band="peak")
    the_price = price(peak, rate("1/1 at 0.06/60s", band=OTHER_BAND), calendar="week")
    assert rated(the_price, call(seconds, at), calendars=(PEAK,)).charge_micros == micros(charge)


# start, seconds -> chargeable seconds of peak (90/30) and of other (60/10). The band at start gives the first increment
FIRST_OF_THE_START_BAND = [
    ("2026-03-02T19:59:00+01:00", "100", 90, 10),  # 90 from 19:59:00, then one of 10 begun at 20:00:30
    ("2026-03-02T07:59:30+01:00", "100", 60, 60),  # 60 of other, to 08:00:30, then two of 30 in peak
    ("2026-03-02T07:58:30+01:00", "85", 0, 90),  # 60, and 10s begun at 07:59:30, :40 and :50 cover 90: peak is not reached
]


@pytest.mark.parametrize(("at", "seconds", "peak_s", "other_s"), FIRST_OF_THE_START_BAND)
def test_the_band_at_the_start_gives_the_first_increment(at: str, seconds: str, peak_s: int, other_s: int) -> None:
    the_price = price(rate("90/30 at 0.01/60s", band="peak"), rate("60/10 at 0.01/60s", band=OTHER_BAND), calendar="week")
    told = _seconds_by_band(rated(the_price, call(seconds, at), calendars=(PEAK,)))
    assert (told.get("peak", 0), told.get(OTHER_BAND, 0)) == (peak_s, other_s)


DAY = ("00:00", "24:00")
YEAR = Calendar(
    "week",
    (
        Band("weekend", (6, 7), 0, 86_400),
        Band("evening", (), second("20:00"), second("24:00")),
        Band("late", (), second("21:00"), second("22:00")),  # as heavy as evening: the later start wins
        Band("shadowed", (), second("21:00"), second("22:00")),  # the same in everything: the first of the calendar wins
        Band("holiday", (), 0, 86_400, weight=10, holidays=True),
        Band("christmas", (), second("18:00"), second("24:00"), weight=20, months=(12,), month_days=(24,)),
        Band("jubilee", (), second("12:00"), second("13:00"), weight=20, dates=(dt.date(2026, 3, 3), dt.date(2026, 3, 5))),
        Band("summer", (), second("10:00"), second("11:00"), weight=5, months=(7, 8), years=(2026, 2028)),
        Band("first monday", (1,), second("06:00"), second("07:00"), weight=5, month_days=(1, 2, 3, 4, 5, 6, 7)),
    ),
    holidays=(dt.date(2026, 5, 1), dt.date(2026, 12, 25)),
)

# instant (Berlin's wall clock) -> band
BANDS = [
    ("2026-03-03T11:59:59.999999", OTHER_BAND),  # a Tuesday
    ("2026-03-03T12:00", "jubilee"),  # a date
    ("2026-03-03T13:00", OTHER_BAND),
    ("2026-03-04T12:00", OTHER_BAND),  # not that date
    ("2026-03-05T12:59:59.999999", "jubilee"),  # the other date
    ("2027-03-05T12:30", OTHER_BAND),  # another year
    ("2026-03-07T12:00", "weekend"),
    ("2026-03-07T20:00", "evening"),  # equal weight: the band that starts later wins
    ("2026-03-07T21:30", "late"),
    ("2026-03-07T22:00", "evening"),
    ("2026-03-08T23:59:59.999999", "evening"),
    ("2026-03-09T00:00", OTHER_BAND),
    ("2026-05-01T12:00", "holiday"),  # a Friday
    ("2026-05-01T21:30", "holiday"),  # the heavier wins, however late the other starts
    ("2027-05-01T12:00", "weekend"),  # the list of holidays is by date: in 2027 it is a Saturday like any other
    ("2026-12-24T17:59", OTHER_BAND),
    ("2026-12-24T18:00", "christmas"),  # a day of the year
    ("2029-12-24T21:30", "christmas"),  # of every year
    ("2026-11-24T18:00", OTHER_BAND),  # month and day of the month together
    ("2026-12-25T18:00", "holiday"),
    ("2026-07-31T10:30", "summer"),
    ("2027-07-31T10:30", "weekend"),  # a Saturday of a year that is not listed
    ("2028-08-01T10:30", "summer"),
    ("2026-09-01T10:30", OTHER_BAND),
    ("2026-03-02T06:30", "first monday"),  # weekday and day of the month together
    ("2026-03-09T06:30", OTHER_BAND),  # the second Monday
    ("2026-03-03T06:30", OTHER_BAND),  # the 3rd, but a Tuesday
]


@pytest.mark.parametrize(("wall", "band"), BANDS)
def test_days_weights_and_the_latest_start(wall: str, band: str) -> None:
    names = {each.name for each in YEAR.bands} | {OTHER_BAND}
    the_price = price(*(rate("1/1 at 0.01/60s", band=name) for name in sorted(names)), calendar="week")
    offset = "+02:00" if "-04" < wall[4:7] < "-11" else "+01:00"
    outcome = rated(the_price, call("0.001", wall + offset), calendars=(YEAR,))
    assert [piece.band for piece in outcome.pieces] == [band]


# A Saturday and a Sunday are worked for a Friday and a Tuesday off, a Wednesday counts as a Sunday: only `days` looks at that.
SWAPPED = Calendar(
    "week",
    (
        Band("working", (1, 2, 3, 4), second("08:00"), second("20:00")),
        Band("friday", (5,), second("08:00"), second("20:00")),
        Band("weekend", (6, 7), 0, 86_400),
        Band("fourteenth", (), second("20:00"), second("21:00"), weight=1, month_days=(14,)),
        Band("that date", (), second("21:00"), second("22:00"), weight=1, dates=(dt.date(2026, 2, 14),)),
        Band("holiday", (), 0, 86_400, weight=5, holidays=True),
    ),
    holidays=(dt.date(2026, 2, 20), dt.date(2026, 9, 20)),
    day_swaps=(
        DaySwap(dt.date(2026, 2, 14), 5),
        DaySwap(dt.date(2026, 3, 8), 2),
        DaySwap(dt.date(2026, 3, 11), 7),
        DaySwap(dt.date(2026, 9, 20), 2),
    ),
)

# instant (Berlin's wall clock) -> band
SWAPS = [
    ("2026-02-13T12:00", "friday"),  # the Friday before: itself
    ("2026-02-13T23:59:59.999999", OTHER_BAND),
    ("2026-02-14T00:00", OTHER_BAND),  # a Saturday that counts as a Friday, from midnight
    ("2026-02-14T08:00", "friday"),
    ("2026-02-14T20:30", "fourteenth"),  # the day of the month is what it is
    ("2026-02-14T21:30", "that date"),  # and so is the date
    ("2026-02-14T23:59:59.999999", OTHER_BAND),  # no weekend to its end
    ("2026-02-15T00:00", "weekend"),  # the Sunday after it
    ("2026-02-20T12:00", "holiday"),  # the Friday off
    ("2026-02-21T12:00", "weekend"),  # another Saturday
    ("2027-02-14T12:00", "weekend"),  # the date in another year
    ("2026-03-08T12:00", "working"),  # a Sunday as a Tuesday
    ("2026-03-11T12:00", "weekend"),  # a Wednesday as a Sunday
    ("2026-03-12T12:00", "working"),
    ("2026-09-20T12:00", "holiday"),  # a swap makes no difference to holidays
]


@pytest.mark.parametrize(("wall", "band"), SWAPS)
def test_a_date_that_counts_as_another_day_of_the_week(wall: str, band: str) -> None:
    names = {each.name for each in SWAPPED.bands} | {OTHER_BAND}
    the_price = price(*(rate("1/1 at 0.01/60s", band=name) for name in sorted(names)), calendar="week")
    offset = "+02:00" if wall[5:7] == "09" else "+01:00"
    outcome = rated(the_price, call("0.001", wall + offset), calendars=(SWAPPED,))
    assert [piece.band for piece in outcome.pieces] == [band]


def test_a_swapped_day_begins_at_midnight_in_the_middle_of_a_call() -> None:
    the_price = price(rate("1/1 at 0.60/60s", band="weekend"), rate("1/1 at 0.06/60s", band=OTHER_BAND), calendar="week")
    week = Calendar("week", (Band("weekend", (6, 7), 0, 86_400),), day_swaps=(DaySwap(dt.date(2026, 2, 14), 5),))
    outcome = rated(the_price, call("90000", "2026-02-13T23:30:00+01:00"), calendars=(week,))  # 25 hours
    assert _seconds_by_band(outcome) == {OTHER_BAND: 1_800 + 86_400, "weekend": 1_800}


def test_a_swapped_day_is_that_of_the_clock_that_is_asked() -> None:
    week = Calendar("week", (Band("weekend", (6, 7), 0, 86_400),), day_swaps=(DaySwap(dt.date(2026, 2, 14), 5),))
    weekend, otherwise = rate("60/60 at 0.10/60s", band="weekend"), rate("60/60 at 0.20/60s", band=OTHER_BAND)
    the_price = price(weekend, otherwise, calendar="week", clock=WallClock.VISITED)
    event = call("600", "2026-02-14T15:55:00+01:00", visited=440_010)  # 23:55 in Tokyo: five minutes of the day that is worked
    outcome = rated(the_price, event, calendars=(week,), roaming_zones=ROAMING)
    assert outcome.charge_micros == 5 * micros("0.20") + 5 * micros("0.10")


def test_a_holiday_begins_at_midnight_in_the_middle_of_a_call() -> None:
    the_price = price(rate("1/1 at 0.60/60s", band="holiday"), rate("1/1 at 0.06/60s", band=OTHER_BAND), calendar="week")
    holidays = Calendar("week", (Band("holiday", (), 0, 86_400, holidays=True),), (dt.date(2026, 5, 1),))
    outcome = rated(the_price, call("90000", "2026-04-30T23:30:00+02:00"), calendars=(holidays,))  # 25 hours
    assert _seconds_by_band(outcome) == {OTHER_BAND: 3_600, "holiday": 86_400}  # half an hour before it and half an hour after


NIGHT = calendar(("happy", "1234567", "02:00", "03:00"))
HAPPY = price(rate("1/1 at 0.60/60s", band="happy"), rate("1/1 at 0.06/60s", band=OTHER_BAND), calendar="week")

# Zone, start, minutes of the call -> minutes in the band from 02:00 to 03:00 and elsewhere
CLOCK_CHANGES = [
    # Berlin puts its clocks back on 2026-10-25 at 03:00+02:00 and forward on 2026-03-29 at 02:00+01:00
    ("Europe/Berlin", "2026-10-24T02:30:00+02:00", 60, 30),  # an ordinary night
    ("Europe/Berlin", "2026-10-25T01:30:00+02:00", 240, 120),  # the band lasts two hours
    ("Europe/Berlin", "2026-10-25T02:30:00+02:00", 60, 60),  # from the first half past two to the second
    ("Europe/Berlin", "2026-10-25T02:59:00+02:00", 2, 2),  # into the second 02:00
    ("Europe/Berlin", "2026-10-25T02:59:00+01:00", 2, 1),
    ("Europe/Berlin", "2026-03-29T01:59:00+01:00", 10, 0),  # 02:00 does not exist: the band is not there
    ("Europe/Berlin", "2026-03-29T00:00:00+01:00", 23 * 60, 0),  # the whole day, of 23 hours
    ("Europe/Berlin", "2026-10-25T00:00:00+02:00", 25 * 60, 120),  # the whole day, of 25 hours
    ("Europe/Berlin", "2026-03-28T00:00:00+01:00", (24 + 23 + 24) * 60, 120),  # three days: 60 + 0 + 60
    ("Europe/Berlin", "2026-10-24T00:00:00+02:00", (24 + 25 + 24) * 60, 240),  # three days: 60 + 120 + 60
    ("Europe/Berlin", "2026-10-23T00:00:00+02:00", (7 * 24 + 1) * 60, 480),  # a week: 6 x 60 + 120
    # New York, at 02:00-05:00 and 02:00-04:00
    ("America/New_York", "2026-03-08T01:00:00-05:00", 180, 0),
    ("America/New_York", "2026-11-01T01:00:00-04:00", 180, 60),  # the hour from 1 is the one that comes twice: 01, 01, 02
    # Half hours: Kolkata is 5:30 ahead, Kathmandu 5:45
    ("Asia/Kolkata", "2026-03-02T20:00:00Z", 60, 30),  # 01:30 to 02:30
    ("Asia/Kathmandu", "2026-03-02T20:00:00Z", 60, 45),  # 01:45 to 02:45
    ("America/St_Johns", "2026-03-02T05:00:00Z", 60, 30),  # 01:30 to 02:30
    # Lord Howe Island changes by half an hour: back on 2026-04-05 at 02:00+11:00 to 01:30, forward on 2026-10-04 at 02:00+10:30 to 02:30
    ("Australia/Lord_Howe", "2026-04-05T01:00:00+11:00", 120, 30),  # 01:00, 01:30, 01:30, 02:00
    ("Australia/Lord_Howe", "2026-10-04T01:00:00+10:30", 120, 30),  # 60 minutes to 02:00, then 02:30 to 03:00
    # Samoa went from Thursday 2011-12-29 24:00-10:00 to Saturday 2011-12-31 00:00+14:00
    ("Pacific/Apia", "2011-12-29T00:00:00-10:00", 48 * 60, 120),  # two days on the clock, Thursday and Saturday
    ("Pacific/Apia", "2011-12-29T23:00:00-10:00", 240, 60),  # 23:00 to 03:00 of the day after the next
]


@pytest.mark.parametrize(("zone", "at", "minutes", "happy"), CLOCK_CHANGES)
def test_a_band_is_where_the_wall_clock_is(zone: str, at: str, minutes: int, happy: int) -> None:
    outcome = rated(HAPPY, call(str(minutes * 60), at), calendars=(NIGHT,), timezone=zone, effective_from_us=0)
    told = _seconds_by_band(outcome)
    assert (told.get("happy", 0), told.get(OTHER_BAND, 0)) == (happy * 60, (minutes - happy) * 60)
    assert outcome.charge_micros == happy * micros("0.60") + (minutes - happy) * micros("0.06")


def test_a_skipped_friday_has_no_band() -> None:
    fridays = calendar(("happy", "5", *DAY))
    skipped = call(str(48 * 3600), "2011-12-29T00:00:00-10:00")
    outcome = rated(HAPPY, skipped, calendars=(fridays,), timezone="Pacific/Apia", effective_from_us=0)
    assert _seconds_by_band(outcome) == {OTHER_BAND: 48 * 3600}


ROAMING = (RoamingZone(1, "japan", (440_010,), "Asia/Tokyo"), RoamingZone(2, "ship", (901_012,)))

# whose clock, what is known of the event -> band (peak is 08:00 to 20:00), the zone asked. The call is at 20:30 in Berlin:
# 19:30 in London, 04:30 in Tokyo, 14:30 in New York
CLOCKS = [
    (WallClock.TARIFF, {"home_timezone": "Europe/London", "visited": 440_010}, OTHER_BAND, "Europe/Berlin"),
    (WallClock.HOME, {"home_timezone": "Europe/London", "visited": 440_010}, "peak", "Europe/London"),
    (WallClock.HOME, {}, OTHER_BAND, "Europe/Berlin"),  # not known: the tariff's
    (WallClock.HOME, {"home_timezone": "America/New_York"}, OTHER_BAND, "Europe/Berlin"),  # no catalogue names it: not known
    (WallClock.HOME, {"home_timezone": "Asia/Tokyo"}, OTHER_BAND, "Asia/Tokyo"),  # named by a roaming zone: known
    (WallClock.VISITED, {"home_timezone": "Europe/London", "visited": 440_010}, OTHER_BAND, "Asia/Tokyo"),
    (WallClock.VISITED, {"visited": 901_012}, OTHER_BAND, "Europe/Berlin"),  # a roaming zone without a clock
    (WallClock.VISITED, {"visited": 310_010}, OTHER_BAND, "Europe/Berlin"),  # a network of no roaming zone
    (WallClock.VISITED, {}, OTHER_BAND, "Europe/Berlin"),  # at home
]


@pytest.mark.parametrize(("clock", "known", "band", "timezone"), CLOCKS)
def test_whose_wall_clock(clock: WallClock, known: dict[str, object], band: str, timezone: str) -> None:
    the_price = price(*PEAK_PRICE.rates, calendar="week", clock=clock)
    event = call("60", "2026-03-02T20:30:00+01:00", **known)
    outcome = rated(the_price, event, calendars=(PEAK,), roaming_zones=ROAMING, home_timezones=("Europe/London",))
    assert ([piece.band for piece in outcome.pieces], outcome.clock_timezone) == ([band], timezone)


def test_a_call_crosses_midnight_where_it_is_made() -> None:
    weekend = calendar(("weekend", "67", *DAY))
    the_price = price(
        rate("60/60 at 0.10/60s", band="weekend"), rate("60/60 at 0.20/60s", band=OTHER_BAND), calendar="week", clock=WallClock.VISITED
    )
    event = call("600", "2026-03-06T15:55:00+01:00", visited=440_010)  # Friday 23:55 in Tokyo
    outcome = rated(the_price, event, calendars=(weekend,), roaming_zones=ROAMING)
    assert outcome.charge_micros == 5 * micros("0.20") + 5 * micros("0.10")


# Sold in peak (08:00 to 20:00) and in the evening (20:00 to 22:00), not at night. start, seconds -> charge, status
ACTIVE = [
    ("2026-03-02T21:58:00+01:00", "240", "0.40", Status.RATED),  # runs on into the night at the rate it had: 4 x 0.10
    ("2026-03-02T19:59:00+01:00", "180", "0.40", Status.RATED),  # 0.20 + 2 x 0.10
    (
        "2026-03-02T19:59:00+01:00",
        "7320",
        "12.30",
        Status.RATED,
    ),  # 0.20, 120 x 0.10, and the minute from 22:00 at 0.10: the rate it had last
    ("2026-03-02T21:59:00+01:00", "36120", "60.30", Status.RATED),  # 601 minutes at 0.10 until 08:00, then one at 0.20
    ("2026-03-02T22:00:00+01:00", "60", "0", Status.NO_ZONE),
    ("2026-03-02T07:59:59+01:00", "3600", "0", Status.NO_ZONE),  # what it would run on into does not matter
]


@pytest.mark.parametrize(("at", "seconds", "charge", "status"), ACTIVE)
def test_a_price_is_for_the_bands_that_it_has_a_rate_for(at: str, seconds: str, charge: str, status: Status) -> None:
    week = calendar(("peak", "1234567", "08:00", "20:00"), ("evening", "1234567", "20:00", "22:00"))
    the_price = price(rate("60/60 at 0.20/60s", band="peak"), rate("60/60 at 0.10/60s", band="evening"), calendar="week")
    outcome = rated(the_price, call(seconds, at), calendars=(week,), plans=(plan(rule(ANY_ZONE)),))
    assert (outcome.charge_micros, outcome.status) == (micros(charge), status)


def test_a_band_without_a_rate_has_that_of_the_band_before_it_even_if_no_increment_began_there() -> None:
    week = calendar(("peak", "1234567", "08:00", "20:00"), ("evening", "1234567", "20:00", "22:00"))
    the_price = price(rate("10800/10800 at 0.20/60s", band="peak"), rate("60/60 at 0.10/60s", band="evening"), calendar="week")
    outcome = rated(the_price, call("10830", "2026-03-02T19:30:00+01:00"), calendars=(week,))  # 30 s longer than to 22:30
    assert outcome.charge_micros == 180 * micros("0.20") + micros("0.10")


def _seconds_by_band(outcome: Outcome) -> dict[str, int]:
    seconds: dict[str, int] = {}
    for piece in outcome.pieces:
        assert (piece.to_qty - piece.from_qty) % 1000 == 0
        seconds[piece.band] = seconds.get(piece.band, 0) + (piece.to_qty - piece.from_qty) // 1000
    return seconds
