"""The example catalogues: good as they are, and what a few events cost."""

from __future__ import annotations

import random
import runpy
from pathlib import Path

import pytest

from rating.model import Service
from rating.reference import Event, Reference
from rating.status import Status
from tariffs.load import load
from tests.rating import generator, harness
from tests.rating.shop import instant_us, micros

CATALOGS = Path(__file__).parents[2] / "tariffs" / "catalogs"
SMART_S, SMART_M, TRUNK = "mobile/smart-s", "mobile/smart-m", "sip-trunk/trunk"


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
    outcome = twin.rate(Event(bytes(16), instant_us(start), quantity, service, plan, destination), 0)
    assert (outcome.status, outcome.charge_micros) == (status, micros(charge))


def test_kernel_and_twin_agree_on_the_examples() -> None:
    rng = random.Random(15)
    catalogues = [load(path) for path in sorted(CATALOGS.iterdir()) if path.is_dir()]
    prefixes = sorted({prefix for catalogue in catalogues for zone in catalogue.zones for prefix in zone.prefixes})
    plans = [f"{catalogue.identity}/{plan.name}" for catalogue in catalogues for plan in catalogue.plans]
    openings = {bucket: rng.randrange(7_000_000) for bucket in range(50)}
    events = [_event(rng, rng.choice(plans), rng.choice(prefixes)) for _ in range(3000)]
    buckets = [rng.randrange(50) if event.service == VOICE else None for event in events]
    case = generator.Case(catalogues, events, buckets, openings)
    assert harness.by_kernel(case)[0] == harness.by_twin(case)[0]


def _event(rng: random.Random, plan: str, prefix: str) -> Event:
    service = rng.choice([VOICE, VOICE, SMS, Service.MMS, DATA, Service.CONTENT])
    quantity = {VOICE: rng.randrange(7_000_000_000), DATA: rng.randrange(500_000_000)}.get(service, rng.randrange(4))
    start_us = instant_us(rng.choice(["2026-03-29T00:30:00Z", "2026-10-14T20:00:00Z", "2026-10-25T00:30:00Z"])) + rng.randrange(10**10)
    return Event(rng.randbytes(16), start_us, quantity, service, plan, prefix + str(rng.randrange(1000)))
