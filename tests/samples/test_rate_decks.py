"""A carrier's A-Z deck and every prefix that the world has given out: imported, loaded, compiled, and quoted prefix by prefix.

Runs where the samples are: RATEWRIGHT_SAMPLES names their folder, else `../shared/samples` beside the project. What is expected is worked
out from the files with nothing but the csv module: a dict of the longest prefix. How long it takes is measured in benchmarks/.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from rating.model import Service
from rating.outcome import Event
from server.checked_quote import CheckedQuote
from server.cli import app
from server.quote_state import Known
from tariffs.reading.load import load

if TYPE_CHECKING:
    from rating.model import Catalogue

SAMPLES: Final = Path(os.environ.get("RATEWRIGHT_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples")
A_Z: Final = SAMPLES / "rates" / "az_deck_astpp.csv.gz"
WORLD: Final = SAMPLES / "prefixes" / "phonenumbers.csv.gz"
A_Z_MAPPING: Final = Path(__file__).parents[2] / "examples" / "decks" / "a-z.yaml"
WORLD_MAPPING: Final = "columns: {prefix: prefix, destination: country_code, rate: country_code}\ncurrency: USD\nincrements: 1/1\n"
START_US: Final = 1_796_126_400_000_000  # 2026-12-01T12:00Z
MINUTE_US: Final = 60_000_000
QUOTES: Final = 300
CATALOGUE: Final = """\
identity: NAME
version: 1
currency: USD
timezone: UTC
effective_from: 2026-12-01T00:00:00+00:00
tax_classes: [{name: standard, code: 1, rates: [{from: 2020-01-01, percent: "19"}]}]
decks:
  - {name: world, file: world.csv, service: voice, price_ids_from: 10000, per: 60s, charge_code: 1, revenue_code: 401, tax_class: standard}
plans: [{name: trunk, title: {en: Trunk, zh: 中继}, decks: [world]}]
disclosure: {en: Prices by prefix., zh: 按前缀计价。}
"""


def imported(folder: Path, source: Path, mapping: Path) -> Catalogue:
    """The catalogue after `tariffs deck import`."""
    if not source.exists():
        pytest.skip(f"there is no {source}: name the folder of samples in RATEWRIGHT_SAMPLES")
    into = folder / source.name.partition(".")[0].replace("_", "-")
    into.mkdir()
    (into / "trunk.yaml").write_text(CATALOGUE.replace("NAME", into.name), encoding="utf-8")
    words = ["tariffs", "deck", "import", source, "--mapping", mapping, "--full", "--into", into]
    assert app.main([str(word) for word in words]) == 0
    return load(into)


def rows_of(source: Path) -> list[dict[str, str]]:
    with gzip.open(source, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check_quotes(catalogue: Catalogue, rates: dict[str, Decimal]) -> None:
    """A minute to random numbers, many just beside a prefix, costs the rate of the longest prefix of the file; nothing without one."""
    rng = random.Random(20_261_201)
    quotes = CheckedQuote([catalogue])
    shorter = 0
    for prefix in rng.sample(sorted(rates), QUOTES):
        start = rng.choice((prefix, prefix[:-1]))
        number = start + "".join(rng.choice("0123456789") for _ in range(13 - len(start)))
        longest = next((number[:length] for length in range(13, 0, -1) if number[:length] in rates), None)
        event = Event(bytes(16), START_US, MINUTE_US, Service.VOICE, f"{catalogue.identity}/trunk", number)
        assert quotes.rate(event, Known()).charge_micros == (0 if longest is None else rates[longest] * 1_000_000), number
        shorter += longest is not None and len(longest) < len(prefix)
    assert shorter > 5, "numbers of a shorter prefix are among them"


def test_the_a_z_deck(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalogue = imported(tmp_path, A_Z, A_Z_MAPPING)
    rows = rows_of(A_Z)
    assert len(rows) == 36_206
    assert "added 36,205," in capsys.readouterr().out
    assert sum(len(zone.prefixes) for zone in catalogue.zones) == 36_205 == len({row["prefix"] for row in rows})
    assert sum(len(prefix) in (10, 11) for zone in catalogue.zones for prefix in zone.prefixes) == 854
    # a call of 60 s is ten increments of six, or sixty of one: a minute's rate
    check_quotes(catalogue, {row["prefix"]: Decimal(row["cost_per_min"]) for row in rows})


def test_the_prefixes_of_the_world(tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(WORLD_MAPPING)
    catalogue = imported(tmp_path, WORLD, tmp_path / "mapping.yaml")
    rows = rows_of(WORLD)
    assert len(rows) == 316_913
    assert sum(len(zone.prefixes) for zone in catalogue.zones) == 316_867 == len({row["prefix"] for row in rows})
    check_quotes(catalogue, {row["prefix"]: Decimal(row["country_code"]) for row in rows})
