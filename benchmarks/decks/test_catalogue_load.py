"""A catalogue of 300,000 prefixes from its files: read, checked and hashed; and the warnings about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.work.deck import make_deck
from tariffs.reading.load import load
from tariffs.warnings import warn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LARGE_PREFIXES = 300_000
CATALOGUE = """\
identity: large
version: 1
currency: EUR
timezone: Europe/Berlin
effective_from: 2026-01-01T00:00:00+01:00
tax_classes: [{name: standard, code: 1, rates: [{from: 2020-01-01, percent: "19"}]}]
decks:
  - {name: world, file: world.csv, service: voice, price_ids_from: 1000, per: 60s, increments: 60/1, charge_code: 1, revenue_code: 401,
     tax_class: standard}
plans: [{name: trunk, title: {en: Trunk, zh: 中继}, decks: [world]}]
disclosure: {en: Prices by prefix., zh: 按前缀计价。}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("large")
    (made / "catalogue.yaml").write_text(CATALOGUE, encoding="utf-8")
    zones = make_deck(LARGE_PREFIXES, seed=1).zones
    rows = "".join(f"{number},zone {number},{' '.join(zone)},0.{number + 100}\n" for number, zone in enumerate(zones, start=1) if zone)
    (made / "world.csv").write_text("zone_id,zone,prefixes,rate\n" + rows, encoding="utf-8")
    return made


def test_load(folder: Path, timed: Callable[..., float]) -> None:
    catalogue = load(folder)
    assert sum(len(zone.prefixes) for zone in catalogue.zones) >= LARGE_PREFIXES
    assert timed("catalogue load", lambda: load(folder), rounds=3) > 0


def test_warnings(folder: Path, timed: Callable[..., float]) -> None:
    catalogue = load(folder)
    assert warn(catalogue) == warn(catalogue)
    assert timed("catalogue warnings", lambda: warn(catalogue), rounds=3) > 0
