"""How much of an event is charged, and at which step: a row an event, the arithmetic beside it. Amounts are currency units as text."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from rating.model import OTHER_BAND, BandPolicy, BucketKind, Counting, QuantityUnit, Service
from rating.reference.clock import Clock, Days, ZoneClock
from rating.status import Status
from tests.rating.shop import bucket, calendar, call, instant_us, micros, price, rate, rated, use

# increments, rate, seconds of usage -> chargeable seconds, charge
DIARY = [
    ("60/60 at 0.10/60s", "0.000001", 60, "0.10"),  # a started minute is a minute
    ("60/60 at 0.10/60s", "60", 60, "0.10"),
    ("60/60 at 0.10/60s", "60.000001", 120, "0.20"),  # one microsecond into the second minute
    ("60/60 at 0.10/60s", "60.0004", 120, "0.20"),  # the source's microseconds decide: 60.0004 s is in the second minute
    ("60/60 at 0.10/60s", "61", 120, "0.20"),
    ("90/60 at 0.10/60s", "1", 90, "0.15"),  # 90 x 0.10 / 60
    ("90/60 at 0.10/60s", "90", 90, "0.15"),
    ("90/60 at 0.10/60s", "90.001", 150, "0.25"),  # the further increment counts from the end of the first: 90 + 60
    ("90/60 at 0.10/60s", "150", 150, "0.25"),
    ("90/60 at 0.10/60s", "151", 210, "0.35"),
    ("6/6 at 0.012/60s", "6.1", 12, "0.0024"),  # 12 x 0.012 / 60
    ("30/6 at 0.006/60s", "32", 36, "0.0036"),  # 30 + 6
    ("30/6 at 0.006/60s", "57", 60, "0.006"),  # 30 + 5 x 6
    ("30/6 at 0.006/60s", "75", 78, "0.0078"),  # 30 + 8 x 6
    ("1/1 at 0.09/60s", "185.2", 186, "0.279"),  # 186 x 0.09 / 60
    ("60/1 at 0.09/60s", "59.9", 60, "0.09"),
    ("60/1 at 0.09/60s", "60.1", 61, "0.0915"),  # 61 x 0.09 / 60
    ("180/60 at 0.10/60s", "181", 240, "0.40"),  # three minutes at least, then minutes
    ("1/60 at 0.60/60s", "1", 1, "0.01"),
    ("1/60 at 0.60/60s", "2", 61, "0.61"),  # a first increment may be the shorter one: 1 + 60
    ("1/1 at 0.00/60s", "185", 185, "0"),  # a price of nothing
    # Steps: by how much of the event has gone
    ("1/1 at 0.10/60s, from 180s 1 at 0.05/60s", "180", 180, "0.30"),  # 3 min at 0.10
    ("1/1 at 0.10/60s, from 180s 1 at 0.05/60s", "240", 240, "0.35"),  # 3 min at 0.10 + 1 min at 0.05
    ("60/60 at 0.10/60s, from 90s 60 at 0.05/60s", "130", 180, "0.25"),  # the second minute begins before 90 s: 0.10 + 0.10 + 0.05
    ("60/60 at 0.10/60s, from 60s 1 at 0.20/60s", "60.5", 61, "0.103333"),  # 0.10 + 1 x 0.20 / 60
    # 61 and 62 lie in the second minute: 2 x 0.10 + 1 x 0.01 / 60
    ("60/60 at 0.10/60s, from 61s 1 at 0.05/60s, from 62s 1 at 0.01/60s", "121", 121, "0.200167"),
    ("60/60 at 0.10/60s, from 300s 60 at 0.00/60s", "3600", 3600, "0.50"),  # the first five minutes cost, the rest does not
    ("60/60 at 0.00/60s, from 300s 60 at 0.10/60s", "600", 600, "0.50"),  # the first five minutes are free
    # Package blocks: one increment is a block, sold whole
    ("3600/3600 at 1.00/3600s", "1", 3600, "1.00"),
    ("3600/3600 at 1.00/3600s", "3600.5", 7200, "2.00"),
    ("3600/1800 at 1.00/3600s", "3600.5", 5400, "1.50"),  # the next block is half an hour
]


@pytest.mark.parametrize(("words", "seconds", "chargeable_s", "charge"), DIARY)
def test_calls(words: str, seconds: str, chargeable_s: int, charge: str) -> None:
    outcome = rated(price(rate(words)), call(seconds))
    assert (outcome.chargeable_qty, outcome.charge_micros) == (chargeable_s * 1000, micros(charge))
    assert outcome.status is (Status.RATED if micros(charge) else Status.ZERO_RATED)


# minimum seconds, increments, seconds of usage -> chargeable seconds, charge
MINIMUM_QUANTITY = [
    (30, "1/1 at 0.60/60s", "0", 0, "0"),  # no usage is not raised
    (30, "1/1 at 0.60/60s", "0.000001", 30, "0.30"),
    (30, "1/1 at 0.60/60s", "29.5", 30, "0.30"),
    (30, "1/1 at 0.60/60s", "30", 30, "0.30"),
    (30, "1/1 at 0.60/60s", "30.000001", 31, "0.31"),  # above it the increment alone decides
    (30, "20/20 at 0.60/60s", "5", 40, "0.40"),  # 30 s are in the second increment of 20
    (100, "60/6 at 0.60/60s", "61", 102, "1.02"),  # 60 + 7 x 6 covers 100
    (100, "1/1 at 0.60/60s, from 60s 1 at 0.30/60s", "10", 100, "0.80"),  # 60 x 0.01 + 40 x 0.005
]


@pytest.mark.parametrize(("minimum_s", "words", "seconds", "chargeable_s", "charge"), MINIMUM_QUANTITY)
def test_minimum_quantity(minimum_s: int, words: str, seconds: str, chargeable_s: int, charge: str) -> None:
    outcome = rated(price(rate(words), minimum_qty=minimum_s * 1000), call(seconds))
    assert (outcome.chargeable_qty, outcome.charge_micros) == (chargeable_s * 1000, micros(charge))
    assert outcome.minimum_qty_applied == (0 < micros(seconds) < minimum_s * 1_000_000)


# service, rate, quantity -> chargeable, charge
MESSAGES_AND_DATA = [
    (Service.SMS, "1/1 at 0.09/1m", 1, 1, "0.09"),
    (Service.SMS, "1/1 at 0.09/1m", 3, 3, "0.27"),
    (Service.SMS, "1/1 at 0.09/1m, from 2m 1 at 0.05/1m", 3, 3, "0.23"),  # 2 x 0.09 + 0.05
    (Service.SMS, "1/1 at 0.09/1m", 0, 0, "0"),
    (Service.SMS, "5/1 at 0.09/1m", 2, 5, "0.45"),  # five at least
    (Service.DATA, "1/1 at 0.02/1000000B", 1_500_000, 1_500_000, "0.03"),
    (Service.DATA, "10000/10000 at 0.02/1000000B", 1_234_567, 1_240_000, "0.0248"),
    (Service.DATA, "1048576/1048576 at 0.10/1048576B", 1_048_577, 2_097_152, "0.20"),
    (Service.DATA, "104857600/104857600 at 3.00/104857600B", 104_857_601, 209_715_200, "6.00"),  # two blocks of 100 MiB
    (Service.DATA, "1024/1024 at 0.01/1024B, from 2048B 1024 at 0.001/1024B", 4_000, 4_096, "0.022"),  # 2 x 0.01 + 2 x 0.001
]


@pytest.mark.parametrize(("service", "words", "quantity", "chargeable", "charge"), MESSAGES_AND_DATA)
def test_messages_and_data(service: Service, words: str, quantity: int, chargeable: int, charge: str) -> None:
    unit = QuantityUnit.BYTE if service is Service.DATA else QuantityUnit.MESSAGE
    outcome = rated(price(rate(words), unit=unit, band_policy=BandPolicy.START), use(quantity, service))
    assert (outcome.chargeable_qty, outcome.charge_micros) == (chargeable, micros(charge))


def test_pieces_tell_every_increment() -> None:
    outcome = rated(price(rate("90/60 at 0.60/60s, from 200s 10 at 0.30/60s")), call("225"))
    told = [(p.from_qty // 1000, p.to_qty // 1000, p.step, p.increments, p.increment_qty // 1000, p.amount_micros) for p in outcome.pieces]
    assert told == [
        (0, 90, 0, 1, 90, micros("0.90")),
        (90, 210, 0, 2, 60, micros("1.20")),  # the second of them begins at 150, before 200, and runs over it
        (210, 230, 1, 2, 10, micros("0.10")),
    ]


WEEK = calendar(("happy", "1234567", "02:00", "03:00"), ("peak", "12345", "08:00", "20:00"), ("noon", "67", "11:30", "12:30"))


@pytest.mark.parametrize("counting", Counting)
def test_runs_of_increments_are_what_single_increments_are(counting: Counting) -> None:
    """The walk in runs equals the definition, taken one increment at a time: step 7 as it is written."""
    rng = random.Random(f"20261025 {counting}")
    clock = Clock(Days(WEEK), ZoneClock("Europe/Berlin"))
    for _ in range(60):
        start = instant_us("2026-10-24T22:00:00+02:00") + rng.randrange(2 * 86_400) * 1_000_000 + rng.choice((0, 1, 999_999))
        bands = {"happy", "peak", "noon", OTHER_BAND} - {rng.choice(("happy", "peak", "noon", OTHER_BAND))} | {clock.band_at(start)}
        rates = {band: rate(_some_words(rng), band=band) for band in sorted(bands)}
        base, paid = rng.choice(((0, 0), (rng.randrange(200_000), rng.randrange(90_000))))
        counter = bucket(BucketKind.COUNTER, 3, base, paid)
        the_price = price(*rates.values(), calendar="week", counting=counting, counter_id=0 if counting is Counting.EVENT else 3)
        event = use(rng.randrange(1, 12_000_000_000), Service.VOICE, start_us=start)
        outcome = rated(the_price, event, [counter], calendars=(WEEK,))
        base, paid = (0 if counting is Counting.EVENT else base), (paid if counting is Counting.PACKAGE else 0)
        position, exact = 0, Fraction(0)
        first_qty = rates[clock.band_at(start)].first_increment_qty if counting is not Counting.PACKAGE or base == 0 else 0
        while (paid + position) * 1000 < event.quantity:
            instant = start + (paid + position) * 1000
            while clock.band_at(instant) not in rates:
                instant = max(instant - 60_000_000, start)  # back to the last band that had one; none is shorter than a minute
            step = [each for each in rates[clock.band_at(instant)].steps if each.from_qty <= base + position][-1]
            length = first_qty if position == 0 and first_qty else step.increment_qty
            exact += Fraction(length * step.rate_micros, step.per_qty)
            position += length
        assert (outcome.chargeable_qty, outcome.exact_micros) == (position, exact)
        assert (outcome.counter_before, outcome.paid_before) == (base, paid)


def _some_words(rng: random.Random) -> str:
    first, second = rng.choice((1, 7, 60, 90, 5400)), rng.choice((1, 6, 60, 90, 7200))
    return f"{rng.choice((1, 30, 60, 90))}/{first} at 0.10/60s, from {rng.choice((59, 60, 61))}s {second} at 0.{rng.randrange(100):02d}/60s"


def test_the_longest_event_is_told_in_few_pieces() -> None:
    week = calendar(("peak", "12345", "08:00", "20:00"))
    the_price = price(rate("1/1 at 0.60/60s", band="peak"), rate("1/1 at 0.06/60s", band=OTHER_BAND), calendar="week")
    outcome = rated(the_price, call("2678400", "2026-03-02T00:00:00+01:00"), calendars=(week,))  # Monday 2 March, for 31 days
    # It ends on Thursday 2 April at 01:00, clocks having gone forward. 23 working days of 12 hours at 0.60 a minute, the other
    # 31 x 24 - 276 = 468 hours at 0.06.
    assert outcome.charge_micros == 276 * 60 * micros("0.60") + 468 * 60 * micros("0.06")
    assert len(outcome.pieces) < 70
