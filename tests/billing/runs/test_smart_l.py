"""A month on the catalogue's largest plan: every rule and grant of smart-l, from a switch's rows to the invoice and the books.

One line without minutes left, so that a charge tells which rule was found. Amounts in tenths of a cent; a minute at home costs 0.07 at
peak, 0.05 at other times, 0.01 on a holiday.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billing import catalogue
from billing.controls import books
from billing.intake.taking import Intake
from billing.verification.rerate_sample import rerate
from mediation.sources.model import Format, Numbering, Source
from mediation.stream import STREAM_V1, to_usage
from rating.model import Service
from rating.schema import Direction
from tariffs.reading.load import load
from tests.billing.runs.world import Call, World, instant_us

if TYPE_CHECKING:
    from collections.abc import Mapping

CATALOGUE = Path(__file__).parents[3] / "tariffs" / "catalogs" / "mobile"
BERLIN = "Europe/Berlin"
ANNA, BEN, STRANGER = "491511000001", "491511000002", "491511999999"
USA, FRANCE = 310_260, 208_001
MONDAY = "2026-10-05T10:"


def streamed(number: str, at: str, other: str, *, seconds: int | None = None, volume: int | None = None) -> dict[str, Any]:
    """A row as a switch sends it: voice where it has seconds, data where it has a volume, else a message."""
    service = Service.VOICE if seconds is not None else Service.DATA if volume is not None else Service.SMS
    quantity = {"duration_us": None if seconds is None else seconds * 1_000_000, "volume_bytes": volume}
    return {
        "record_id": f"{number} {at} {other}",
        "service": int(service),
        "served": number,
        "other": other,
        "start_us": instant_us(at, BERLIN),
        "units": 1 if service is Service.SMS else None,
        **quantity,
    }


# a row, and what it costs in tenths of a cent
STREAMED = [
    (streamed(ANNA, MONDAY + "00:00", "112", seconds=60), 0),  # emergency
    (streamed(ANNA, MONDAY + "01:00", "110", seconds=60), 0),
    (streamed(ANNA, MONDAY + "02:00", BEN, seconds=600), 20),  # in our network
    (streamed(ANNA, MONDAY + "03:00", STRANGER, seconds=120), 140),
    (streamed(ANNA, "2026-10-03T10:00:00", STRANGER, seconds=120), 20),  # a holiday
    (streamed(ANNA, "2026-10-25T02:59:30", STRANGER, seconds=60), 50),  # the night of 25 hours
    (streamed(ANNA, MONDAY + "04:00", "33140000000", seconds=60), 190),  # by smart-m: Europe
    (streamed(ANNA, MONDAY + "05:00", "8821655501123", seconds=60), None),  # by smart-m: not sold
    (streamed(ANNA, MONDAY + "06:00", STRANGER), 90),  # a message
    (streamed(ANNA, MONDAY + "07:00", "853", seconds=60), None),  # an extension, no number in Macau
    (streamed(ANNA, "2026-10-06T10:00:00", "", volume=5_000_000_000), 0),  # the month's data
    (streamed(ANNA, "2026-10-06T11:00:00", "", volume=10_000), 1490),  # a day of it
    (streamed(ANNA, "2026-10-06T12:00:00", "", volume=400_000_000), 0),  # 500 MB are free in it
    (streamed(ANNA, "2026-10-06T23:59:59", "", volume=100_000_000), 0.2),  # the 10 kilobytes above that
]


def roaming(at: str, plmn: int | None, other: str = STRANGER, *, received: bool = True) -> Call:
    """A call of 90 seconds at an hour of 7 October; its clock is that of Shanghai, six hours ahead."""
    direction = Direction.TERMINATING if received else Direction.ORIGINATING
    return Call(ANNA, f"2026-10-07T{at}:00:00", 90, int(other), direction=direction, plmn=plmn)


# what a roaming partner tells, and what it costs in tenths of a cent; None where it does not bill at all
ROAMED = [
    (roaming("15", FRANCE), 0),
    (roaming("16", USA), 980),
    (roaming("17", USA, BEN, received=False), 105),  # begun there: not in our network, at peak
    (roaming("18", None), None),  # received at home: whatever the rules about calls that are begun say
    (roaming("19", None, BEN), None),
    (roaming("20", USA, "33140000000"), None),  # no rule names what comes from there
]


@pytest.fixture
def berlin(world: World) -> World:
    published = load(CATALOGUE)
    catalogue.publish(world.home, published, world.tick())
    world.account("anna", timezone=BERLIN, currency="EUR", opened_on="2026-10-01")
    for subscription, number in (("anna-1", ANNA), ("ben-1", BEN)):
        world.subscription(subscription, "anna", "mobile/smart-l", number, from_date="2026-10-01")
    return world


def take_stream(world: World, rows: list[dict[str, Any]], by: dt.date = dt.date(2026, 11, 1)) -> None:
    source = Source("gateway", Format.FREESWITCH, (), numbering=Numbering(country_code="49", trunk_prefix="0"))
    batch = pa.RecordBatch.from_pylist(rows, schema=STREAM_V1)
    Intake(world.home).take_batch("gateway", to_usage(batch, source, hash_key=world.home.hash_key), world.begun(by))


def charges(world: World) -> Mapping[int, object]:
    """By start, in tenths of a cent; None where refused."""
    (file,) = world.home.charges_folder.glob("run=1/*.parquet")
    rows = pq.read_table(file, columns=["start_us", "charge_micros"], partitioning=None)
    rows = rows.set_column(0, "start_us", rows["start_us"].cast(pa.int64()))
    return {row["start_us"]: None if row["charge_micros"] is None else row["charge_micros"] * 1000 for row in rows.to_pylist()}


def exactly(cost: float | None) -> Decimal | None:
    """A cost of the tables as the charge files have it."""
    return None if cost is None else Decimal(str(cost))


def test_a_month_of_it(berlin: World) -> None:
    use_up = streamed(ANNA, "2026-10-01T00:00:00", STRANGER, seconds=300 * 60)
    take_stream(berlin, [use_up, *(row for row, _ in STREAMED)])
    berlin.take(*(call for call, _ in ROAMED))
    report = berlin.bill("2026-11-01")
    found = charges(berlin)
    assert [found[row["start_us"]] for row, _ in STREAMED] == [exactly(cost) for _, cost in STREAMED]
    assert [found.get(instant_us(call.at)) for call, _ in ROAMED] == [exactly(cost) for _, cost in ROAMED]
    assert report.left_out["not_billable"] == sum(cost is None for _, cost in ROAMED)
    assert [book for book in books(berlin.home) if not book.ok] == []
    sample = rerate(berlin.home, None, 10**6, 1)
    assert (sample.events, sample.disagreements) == (len(STREAMED) + 1 + 3, 0), sample.examples


def test_a_month_that_reaches_the_limit_of_data_costs(berlin: World) -> None:
    """After 5 GB and, on each day, 500 MB for 1.49: 0.02 a megabyte up to 100 MB of an event, then 0.005. No more than 29.90 in all."""
    use = [streamed(ANNA, f"2026-10-{day:02d}T12:00:00", "", volume=6_000_000_000) for day in range(1, 11)]
    take_stream(berlin, use)
    assert berlin.bill("2026-11-01").events == {"RATED": 2, "ZERO_RATED": 8}  # the cap let 3.99 and 25.91 pass
    assert sum(cost for cost in charges(berlin).values() if isinstance(cost, Decimal)) == 29_900
    assert rerate(berlin.home, None, 10**6, 1).disagreements == 0
    of_november = streamed(ANNA, "2026-11-02T12:00:00", "", volume=5_000_000_000)  # of October nothing was left
    take_stream(berlin, [of_november], dt.date(2026, 11, 3))
    assert berlin.bill("2026-12-01").events == {"ZERO_RATED": 1}
