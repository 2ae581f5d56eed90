"""A public table of subscribers' minutes and charges: our charges, rounded half up to the cent, are its charges.

Minutes are charged at 0.17 by day, 0.085 in the evening, 0.045 at night and 0.27 abroad, each row's minutes as one event. Day, evening and
international charges match on every row. Of the night charges nine do not:
the table has some ties rounded down.
Runs where the samples are: RATEWRIGHT_SAMPLES names their folder, else `../shared/samples` beside the project.
"""

from __future__ import annotations

import csv
import datetime as dt
import os
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from rating.model import (
    ANY_BAND,
    ANY_ZONE,
    Band,
    BandPolicy,
    Calendar,
    Catalogue,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    Service,
    Step,
    TaxClass,
    UsageRule,
    Zone,
)
from rating.money import RoundingMode
from rating.outcome import Event
from tests.vectors.verdicts import by_kernel, by_twin

SAMPLES: Final = Path(os.environ.get("RATEWRIGHT_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples")
TABLE: Final = SAMPLES / "churn" / "churn-bigml-20.csv"
MINUTE_MS: Final = 60_000
CENT_MICROS: Final = 10_000
TENTH_OF_A_MINUTE_MS: Final = 6_000  # minutes are told to one decimal
AT_HOME: Final = "49123"
ABROAD: Final = "33"  # begins numbers abroad


class Leg(NamedTuple):
    """One kind of minutes in the table: its name there, our band, when an event of it begins, and its rate in micro-units a minute."""

    name: str
    band: str
    hour: int
    destination: str
    rate_micros: int


LEGS: Final = (
    Leg("day", "day", 12, AT_HOME, 170_000),
    Leg("eve", "evening", 20, AT_HOME, 85_000),
    Leg("night", "night", 2, AT_HOME, 45_000),
    Leg("intl", ANY_BAND, 12, ABROAD, 270_000),
)
OWN_ROWS: Final = [  # minutes and charge; the tie goes up: 2.5 x 0.17 = 0.425
    ("day", "2.5", "0.43"),
    ("day", "2.4", "0.41"),  # 0.408
    ("eve", "0.1", "0.01"),  # 0.0085
    ("eve", "17", "1.45"),  # 1.445
    ("night", "0.1", "0.00"),  # 0.0045
    ("night", "1", "0.05"),  # 0.045
    ("intl", "0.5", "0.14"),  # 0.135
    ("intl", "0", "0.00"),
]


def _rate(leg: Leg) -> Rate:
    return Rate(leg.band, (Step(0, leg.rate_micros, MINUTE_MS, TENTH_OF_A_MINUTE_MS),), TENTH_OF_A_MINUTE_MS)


def _price(number: int, name: str, legs: tuple[Leg, ...], calendar: str | None) -> Price:
    return Price(
        price_id=number,
        name=name,
        charge_code=number,
        revenue_code=1,
        tax_class="none",
        unit=QuantityUnit.MILLISECOND,
        rates=tuple(map(_rate, legs)),
        calendar=calendar,
        band_policy=BandPolicy.START,
        rounding_mode=RoundingMode.HALF_UP,
        rounding_step_micros=CENT_MICROS,
    )


def _catalogue() -> Catalogue:
    times = (("day", 8, 18), ("evening", 18, 23), ("night", 0, 8), ("night", 23, 24))
    bands = tuple(Band(name, (), start * 3600, end * 3600) for name, start, end in times)
    home, abroad = _price(1, "home", LEGS[:3], "times"), _price(2, "abroad", LEGS[3:], None)
    rules = (UsageRule(Service.VOICE, "abroad", "abroad"), UsageRule(Service.VOICE, ANY_ZONE, "home"))
    return Catalogue(
        identity="churn",
        version=1,
        currency="USD",
        minor_digits=2,
        timezone="UTC",
        effective_from_us=_start_us(0),
        zones=(Zone(1, "abroad", (ABROAD,)),),
        calendars=(Calendar("times", bands),),
        prices=(home, abroad),
        plans=(Plan("standard", rules, {}),),
        tax_classes=(TaxClass("none", 1, ()),),
        disclosure={},
    )


def _start_us(hour: int) -> int:
    return int(dt.datetime(2024, 3, 4, hour, tzinfo=dt.UTC).timestamp()) * 1_000_000


def _charges(leg: Leg, minutes: list[str]) -> list[Decimal]:
    """What both engines charge for each of `minutes`; they must agree."""
    quantities = [int(Decimal(text) * MINUTE_MS * 1000) for text in minutes]
    events = [
        Event(place.to_bytes(16), _start_us(leg.hour), quantity, Service.VOICE, "churn/standard", leg.destination)
        for place, quantity in enumerate(quantities)
    ]
    twin = [outcome.charge_micros for outcome in by_twin([_catalogue()], events)]
    assert [answer.charge_micros for answer in by_kernel([_catalogue()], events)] == twin
    return [Decimal(micros).scaleb(-6) for micros in twin]


def _table(leg: Leg) -> tuple[list[str], list[Decimal]]:
    """Minutes and charges of every row."""
    if not TABLE.is_file():
        pytest.skip(f"there is no {TABLE}: name the folder of samples in RATEWRIGHT_SAMPLES")
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row[f"Total {leg.name} minutes"] for row in rows], [Decimal(row[f"Total {leg.name} charge"]) for row in rows]


@pytest.mark.parametrize("leg", LEGS, ids=lambda leg: leg.name)
def test_rows_of_our_own(leg: Leg) -> None:
    rows = [(minutes, Decimal(charge)) for name, minutes, charge in OWN_ROWS if name == leg.name]
    assert _charges(leg, [minutes for minutes, _ in rows]) == [charge for _, charge in rows]


@pytest.mark.parametrize("leg", [LEGS[0], LEGS[1], LEGS[3]], ids=lambda leg: leg.name)
def test_every_row_of_the_table(leg: Leg) -> None:
    minutes, charges = _table(leg)
    ours = _charges(leg, minutes)
    assert [(text, got, wanted) for text, got, wanted in zip(minutes, ours, charges, strict=True) if got != wanted] == []
    assert len(charges) > 600


def test_the_table_rounds_some_ties_of_the_night_down() -> None:
    """Nine of its 667: 189.0 minutes are 8.505, which it has as 8.50. Ours go up, as everywhere; all other rows match."""
    minutes, charges = _table(LEGS[2])
    ours = _charges(LEGS[2], minutes)
    differing = [(text, got, wanted) for text, got, wanted in zip(minutes, ours, charges, strict=True) if got != wanted]
    for text, got, wanted in differing:
        exact = Decimal(text) * Decimal("0.045")
        assert (got, wanted) == (exact + Decimal("0.005"), exact - Decimal("0.005"))
    assert len(differing) == 9
