"""Lateness, rates, missing numbers and routes, each of a few rows that can be counted by eye."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pyarrow as pa
import pytest
import sqlalchemy as sa

from billing.intake.taking import Intake
from billing.store.tables import settings
from billing.usage_report.lateness import lateness
from billing.usage_report.missing_numbers import missing_numbers
from billing.usage_report.quality import route_quality
from billing.usage_report.rates import rates
from billing.usage_report.span import Span
from rating.dates import utc_midnight_us
from rating.schema import USAGE_V1
from tests.billing.usage_rows import ABSORBED, MARCH_US, UNANSWERED, Event, batch

if TYPE_CHECKING:
    from billing.store.home import Home
    from mediation.decoded import Decoded

MARCH = Span(dt.date(2026, 3, 1), dt.date(2026, 4, 1))
HOUR_US = 3_600_000_000
SEQ = 1 << 40  # everything


@pytest.mark.parametrize(
    ("late_us", "bucket"),
    [
        (0, "up to 1 h"),
        (HOUR_US, "up to 1 h"),
        (HOUR_US + 1, "6 h"),
        (24 * HOUR_US, "1 day"),
        (72 * HOUR_US + 1, "7 days"),
        (720 * HOUR_US, "30 days"),
        (2160 * HOUR_US + 1, "later"),
    ],
)
def test_lateness(home: Home, late_us: int, bucket: str) -> None:
    Intake(home).take_batch("sw1", batch(Event("a")), MARCH_US + late_us)
    (found,) = lateness(home, SEQ, MARCH)
    assert {name: rows for name, rows in found.rows.items() if rows} == {bucket: 1}
    assert (found.source, found.latest_us) == ("sw1", late_us)


def test_rates_are_held_to_the_three_months_before(home: Home) -> None:
    """December to February: 10 records, 1 of them a duplicate. March: 8 records, 2 duplicates and 1 refused."""
    intake = Intake(home)
    early = Event("e", start_us=utc_midnight_us(dt.date(2025, 11, 30)))
    intake.take_batch("sw1", batch(early, early, early), utc_midnight_us(dt.date(2025, 11, 30)))  # longer ago: no part of the mean
    before = [Event(f"b{index}", start_us=utc_midnight_us(dt.date(2026, 1, 5))) for index in range(9)]
    intake.take_batch("sw1", batch(*before, before[0]), utc_midnight_us(dt.date(2026, 1, 6)))
    now = [Event(f"n{index}") for index in range(5)]
    intake.take_batch("sw1", batch(*now, now[0], now[1], rejects=["?"]), MARCH_US)
    found = {rate.outcome: rate for rate in rates(home, SEQ, MARCH)}
    duplicate, rejected = found["duplicate"], found["rejected"]
    assert (duplicate.rows, duplicate.received, duplicate.rate_ppm, duplicate.mean_before_ppm) == (2, 8, 250_000, 100_000)
    assert (rejected.rows, rejected.rate_ppm, rejected.mean_before_ppm) == (1, 125_000, 0)
    assert (duplicate.conspicuous, rejected.conspicuous, found["conflicting"].conspicuous) == (True, True, False)


def test_a_source_without_a_past_is_not_conspicuous(home: Home) -> None:
    Intake(home).take_batch("sw1", batch(Event("a"), Event("a")), MARCH_US)
    (duplicate,) = [rate for rate in rates(home, SEQ, MARCH, "sw1") if rate.outcome == "duplicate"]
    assert (duplicate.rate_ppm, duplicate.mean_before_ppm, duplicate.conspicuous) == (500_000, None, False)
    assert rates(home, SEQ, MARCH, "sw2") == []


def test_missing_numbers(home: Home) -> None:
    """Of 3 to 12 there are 3, 4, 7 and 12; 99 belongs to April, and what lies beyond the ends of March is nobody's loss."""
    _is_numbered(home)
    events = [Event(f"n-{number}", number=number) for number in (3, 4, 7, 12)]
    april = Event("n-99", number=99, start_us=utc_midnight_us(dt.date(2026, 4, 1)))
    Intake(home).take_batch("sw1", batch(*events, april), utc_midnight_us(dt.date(2026, 4, 2)))
    (found,) = missing_numbers(home, SEQ, MARCH)
    assert (found.first, found.last, found.records, found.missing) == (3, 12, 4, 6)
    assert found.ranges == [(5, 6), (8, 11)]


def test_a_number_of_the_next_day_is_not_missing(home: Home) -> None:
    _is_numbered(home)
    late = MARCH.to_us - 1
    events = [Event("n-1", number=1, start_us=late), Event("n-2", number=2, start_us=late + 2), Event("n-3", number=3, start_us=late)]
    Intake(home).take_batch("sw1", batch(*events), late + HOUR_US)
    (found,) = missing_numbers(home, SEQ, MARCH)
    assert (found.records, found.missing) == (3, 0)


def test_a_source_that_numbers_nothing_misses_nothing(home: Home) -> None:
    Intake(home).take_batch("sw1", batch(Event("a", number=1), Event("b", number=9)), MARCH_US)
    assert missing_numbers(home, SEQ, MARCH) == []


class Leg(NamedTuple):
    """A call on a trunk."""

    trunk: str
    seconds: int
    flags: int = 0
    cause: int = 16


def test_routes(home: Home) -> None:
    legs = [
        Leg("PJSIP/carrier-0000001a", 60),
        Leg("PJSIP/carrier-0000001b", 30),
        Leg("PJSIP/carrier-0000001c", 0, UNANSWERED, 17),
        Leg("PJSIP/carrier-0000001d", 0, UNANSWERED, 17),
        Leg("PJSIP/carrier-0000001e", 0, UNANSWERED, 19),
        Leg("PJSIP/carrier-0000001f", 99, ABSORBED),
        Leg("sofia/gateway/north/4420", 10),
        Leg("sofia/internal/1001@192.0.2.7", 0, UNANSWERED, 34),
        Leg("", 7),
    ]
    Intake(home).take_batch("sw1", _with_trunks(legs), MARCH_US)
    rows = [
        (row.route, row.attempts, row.answered, row.answer_ratio_ppm, row.mean_duration_us, row.causes)
        for row in route_quality(home, SEQ, MARCH)
    ]
    assert rows == [
        ("", 1, 1, 1_000_000, 7_000_000, {}),
        ("PJSIP/carrier", 5, 2, 400_000, 45_000_000, {17: 2, 19: 1}),
        ("sofia/gateway/north", 1, 1, 1_000_000, 10_000_000, {}),
        ("sofia/internal", 1, 0, 0, 0, {34: 1}),
    ]


def test_data_is_no_call(home: Home) -> None:
    Intake(home).take_batch("sw1", batch(Event("a", service=4, volume_bytes=10)), MARCH_US)
    assert route_quality(home, SEQ, MARCH) == []


def _is_numbered(home: Home) -> None:
    value = msgspec.json.encode({"numbered": True}).decode()
    with home.begin() as connection:
        connection.execute(sa.insert(settings), [{"name": "once:sw1", "value": value}])


def _with_trunks(legs: list[Leg]) -> Decoded:
    made = batch(*(Event(str(place), leg.seconds, leg.flags) for place, leg in enumerate(legs)))
    usage = made.usage
    for name, values in (("trunk_out", [leg.trunk or None for leg in legs]), ("cause", [leg.cause for leg in legs])):
        field = USAGE_V1.field(name)
        usage = usage.set_column(usage.schema.get_field_index(name), field, pa.array(values, field.type))
    return made._replace(usage=usage)
