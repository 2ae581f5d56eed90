"""The example catalogues: good as they are, and what a few events cost."""

from __future__ import annotations

import random
import runpy
from pathlib import Path

import pytest

from rating.model import BucketKind, Service
from rating.outcome import Bucket, Event
from rating.reference import Reference
from rating.schema import Direction
from rating.status import Status
from tariffs.reading.load import load
from tests.rating import generator, harness
from tests.rating.shop import instant_us, micros

CATALOGS = Path(__file__).parents[2] / "tariffs" / "catalogs"
SMART_S, SMART_M, SMART_L, TRUNK = "mobile/smart-s", "mobile/smart-m", "mobile/smart-l", "sip-trunk/trunk"


@pytest.fixture(scope="module")
def twin() -> Reference:
    return Reference([load(path) for path in sorted(CATALOGS.iterdir()) if path.is_dir()])


def test_the_second_version_keeps_ids_and_changes_two_prices() -> None:
    old, new = load(CATALOGS / "mobile"), load(CATALOGS / "mobile-2026-10-15")
    assert (old.identity, old.version, new.identity, new.version) == ("mobile", 1, "mobile", 2)
    pairs = list(zip(old.prices, new.prices, strict=True))
    assert [(a.price_id, a.charge_code) for a, _ in pairs] == [(b.price_id, b.charge_code) for _, b in pairs]
    assert [a.name for a, b in pairs if a != b] == ["voice-domestic", "voice-europe"]


def test_the_deck_is_what_its_script_writes(tmp_path: Path) -> None:
    folder = CATALOGS / "sip-trunk"
    script = tmp_path / "make_deck.py"
    script.write_bytes((folder / "make_deck.py").read_bytes())
    runpy.run_path(str(script), run_name="__main__")
    assert (tmp_path / "deck.csv").read_bytes() == (folder / "deck.csv").read_bytes()


def test_there_are_some_hundred_prefixes_and_some_have_ten_and_eleven_digits() -> None:
    lengths = [len(prefix) for zone in load(CATALOGS / "sip-trunk").zones for prefix in zone.prefixes]
    assert len(lengths) > 300
    assert {1, 2, 3, 4, 10, 11} <= set(lengths)


VOICE, SMS, DATA = Service.VOICE, Service.SMS, Service.DATA
# plan, service, destination, start, quantity -> status, charge
EVENTS = [
    (SMART_S, VOICE, "4930123", "2026-10-14T12:00:00+02:00", 61_000_000, Status.RATED, "0.1415"),  # 0.05 + 61 s at 0.09 a minute
    (SMART_S, VOICE, "4930123", "2026-10-15T12:00:00+02:00", 61_000_000, Status.RATED, "0.1618"),  # version 2: 0.05 + 61 s at 0.11
    (SMART_S, VOICE, "4930123", "2026-10-14T23:59:59+02:00", 60_000_000, Status.RATED, "0.03"),  # begins under version 1, night
    (SMART_S, VOICE, "33142", "2026-10-14T12:00:00+02:00", 61_000_000, Status.RATED, "0.38"),  # two minutes at 0.19
    (
        SMART_S,
        VOICE,
        "4990055",
        "2026-10-14T12:00:00+02:00",
        1_000_000,
        Status.RATED,
        "1.00",
    ),  # premium: 30 s at 1.99 is 0.995, minimum 1.00
    (SMART_S, VOICE, "861095598012", "2026-10-14T12:00:00+02:00", 61_000_000, Status.RATED, "2.19"),  # ten digits; 66 s at 1.99, up
    (SMART_S, VOICE, "8610955", "2026-10-14T12:00:00+02:00", 60_000_000, Status.RATED, "0.94"),  # its parent: 0.15 + 0.79
    (SMART_S, VOICE, "88165", "2026-10-14T12:00:00+02:00", 60_000_000, Status.NOT_SOLD, "0"),
    (SMART_S, VOICE, "999", "2026-10-14T12:00:00+02:00", 60_000_000, Status.NO_ZONE, "0"),
    (SMART_S, SMS, "4917", "2026-10-14T12:00:00+02:00", 2, Status.RATED, "0.18"),
    (SMART_S, SMS, "3360", "2026-10-14T12:00:00+02:00", 1, Status.RATED, "0.19"),
    (SMART_S, DATA, "", "2026-10-14T12:00:00+02:00", 120_000_000, Status.RATED, "2.10"),  # 100 MB at 0.02 + 20 MB at 0.005
    (SMART_M, VOICE, "4930123", "2026-10-25T02:59:30+02:00", 60_000_000, Status.RATED, "0.01"),  # the clock goes back: happy hour twice
    (SMART_M, VOICE, "4930123", "2026-03-29T01:59:00+01:00", 120_000_000, Status.RATED, "0.06"),  # it goes forward: no happy hour
    (TRUNK, VOICE, "4930123", "2026-10-14T12:00:00+02:00", 60_000_000, Status.RATED, "0.0031"),  # a city of the deck
    (TRUNK, VOICE, "43900101012", "2026-10-14T12:00:00+02:00", 1_000_000, Status.RATED, "0.3502"),  # an 11-digit block: 0.05 + 0.3002
    (TRUNK, VOICE, "4390010", "2026-10-14T12:00:00+02:00", 60_000_000, Status.RATED, "0.0081"),  # and its parent
    (TRUNK, VOICE, "49321", "2026-10-14T12:00:00+02:00", 1_000_000, Status.RATED, "0.003"),  # minimum
    (TRUNK, VOICE, "491801", "2026-10-14T17:59:00+02:00", 3_600_000_000, Status.RATED, "2.34"),  # start policy: an hour at 0.039
    (TRUNK, VOICE, "4919912", "2026-10-14T12:00:00+02:00", 3_660_000_000, Status.RATED, "2.11"),  # 10 x 0.06 + 50 x 0.03 + 0.01
    (TRUNK, VOICE, "49800", "2026-10-14T12:00:00+02:00", 60_000_000, Status.ZERO_RATED, "0"),
]


@pytest.mark.parametrize("row", EVENTS)
def test_events(twin: Reference, row: tuple[str, Service, str, str, int, Status, str]) -> None:
    plan, service, destination, start, quantity, status, charge = row
    outcome = twin.rate(Event(bytes(16), instant_us(start), quantity, service, plan, destination))
    assert (outcome.status, outcome.charge_micros) == (status, micros(charge))


TERMINATING, EU, USA = Direction.TERMINATING, 208_001, 310_410
# What smart-l knows of, besides zones: destination, start, seconds, what is known of the call -> charge
LARGE = [
    ("112", "2026-11-02T12:00:00+01:00", 600, {}, "0"),  # emergency: free, and no minutes are drawn
    ("112", "2026-11-02T12:00:00+01:00", 600, {"visited": USA}, "0"),
    ("4930123", "2026-11-02T12:00:00+01:00", 61, {}, "0.0712"),  # Monday peak: 61 s at 0.07 a minute
    ("4930123", "2026-11-02T07:00:00+01:00", 61, {}, "0.0508"),  # before it: 61 s at 0.05
    ("4930123", "2026-12-25T12:00:00+01:00", 61, {}, "0.0102"),  # a Friday, but Christmas: 61 s at 0.01
    ("4930123", "2026-12-24T23:59:00+01:00", 120, {}, "0.06"),  # into Christmas: a minute at 0.05, a minute at 0.01
    ("4930123", "2026-11-02T12:00:00+01:00", 61, {"on_net": True}, "0.02"),  # flat
    ("4930123", "2026-11-02T12:00:00+01:00", 61, {"on_net": True, "visited": USA}, "0.0712"),  # only at home
    ("4930123", "2026-11-02T12:00:00+01:00", 61, {"on_net": True, "friend": True}, "0.015"),  # a quarter off
    ("4930123", "2026-11-02T12:00:00+01:00", 61, {"friend": True}, "0.0534"),  # 0.071166.. less a quarter is 0.053375
    ("4930123", "2026-11-02T12:00:00+01:00", 61, {"direction": TERMINATING, "visited": USA}, "0.98"),  # two minutes at 0.49
    ("4930123", "2026-11-02T12:00:00+01:00", 61, {"direction": TERMINATING, "visited": EU}, "0"),
    ("33142", "2026-11-02T12:00:00+01:00", 61, {}, "0.30"),  # smart-m has the rule: two minutes at 0.15, version 2
    ("33142", "2026-11-02T12:00:00+01:00", 61, {"friend": True}, "0.225"),
    ("4990055", "2026-11-02T12:00:00+01:00", 1, {}, "1.00"),  # premium numbers inside the country's prefix are no calls in Germany
    ("49180", "2026-11-02T12:00:00+01:00", 61, {"on_net": True}, "0.28"),  # nor are service numbers: two minutes at 0.14
    ("4313930", "2026-11-02T12:00:00+01:00", 1, {"friend": True}, "1.00"),  # premium abroad: no friends there
]


@pytest.mark.parametrize("row", LARGE)
def test_smart_l(twin: Reference, row: tuple[str, str, int, dict[str, object], str]) -> None:
    destination, start, seconds, known, charge = row
    event = Event(bytes(16), instant_us(start), seconds * 1_000_000, VOICE, SMART_L, destination, **known)  # type: ignore[arg-type]  # a row of the table
    assert twin.rate(event).charge_micros == micros(charge)


def test_data_beyond_the_allowance_opens_a_day_and_ends_at_the_cap(twin: Reference) -> None:
    """600 MB: 50 are left of the month, 500 of the day that this opens for 1.49; the last 50 are beyond 100 MB, at 0.005 each."""
    start = instant_us("2026-11-02T12:00:00+01:00")
    event = Event(bytes(16), start, 600_000_000, Service.DATA, SMART_L, "")
    held = (
        Bucket(BucketKind.ALLOWANCE, "mobile", 803, 50_000_000),
        Bucket(BucketKind.DAY_PASS, "mobile", 811, 0, priority=10),
        Bucket(BucketKind.CAP, "mobile", 821, micros("27.90")),
    )
    outcome = twin.rate(event, held)
    assert (outcome.free_qty, outcome.pass_fees_micros, outcome.rounded_micros) == (550_000_000, micros("1.49"), micros("0.25"))
    assert (outcome.charge_micros, outcome.buckets[2].amount) == (micros("1.74"), micros("29.64"))
    capped = twin.rate(event, (*held[:2], Bucket(BucketKind.CAP, "mobile", 821, micros("29"))))
    assert capped.charge_micros == micros("0.90")


def test_kernel_and_twin_agree_on_the_examples() -> None:
    rng = random.Random(15)
    catalogues = [load(path) for path in sorted(CATALOGS.iterdir()) if path.is_dir()]
    zones = [zone for catalogue in catalogues for zone in catalogue.zones]
    numbers = sorted({number for zone in zones for number in (*zone.prefixes, *zone.short_codes)})
    plans = [f"{catalogue.identity}/{plan.name}" for catalogue in catalogues for plan in catalogue.plans]
    events = [_event(rng, rng.choice(plans), rng.choice(numbers)) for _ in range(3000)]
    holders = [rng.choice([None, *range(50)]) for _ in events]
    definitions = [(BucketKind.ALLOWANCE, 801), (BucketKind.ALLOWANCE, 803), (BucketKind.DAY_PASS, 811), (BucketKind.CAP, 821)]
    made = [Bucket(kind, "mobile", number, rng.randrange(30_000_000)) for _ in range(50) for kind, number in definitions]
    held = {holder: list(range(holder * 4, holder * 4 + 4)) for holder in range(50)}
    case = generator.Case(catalogues, events, holders, held, dict(enumerate(made)), list(range(50)))
    assert harness.differences(case, harness.by_kernel(case), harness.by_twin(case)) == []


def _event(rng: random.Random, plan: str, number: str) -> Event:
    service = rng.choice([VOICE, VOICE, SMS, Service.MMS, DATA, Service.CONTENT])
    quantity = {VOICE: rng.randrange(7_000_000_000), DATA: rng.randrange(500_000_000)}.get(service, rng.randrange(4))
    days = ["2026-03-29T00:30:00Z", "2026-10-14T20:00:00Z", "2026-10-25T00:30:00Z", "2026-12-24T22:00:00Z"]
    return Event(
        rng.randbytes(16),
        instant_us(rng.choice(days)) + rng.randrange(10**10),
        quantity,
        service,
        plan,
        number + rng.choice(["", str(rng.randrange(1000))]),
        direction=rng.choice([0, 1, 2]),
        on_net=rng.choice([None, False, True]),
        friend=rng.random() < 0.3,
        visited=rng.choice([0, 0, EU, USA]),
    )
