"""Two rate decks from their carriers' files to a first quote: import, load, compile, and a call on each, in one process from its start.

The decks are an A-Z deck of 36,206 rows and every prefix that the world has given out, 316,913 rows, where the samples are
(RATEWRIGHT_SAMPLES, else `../shared/samples` beside the project); otherwise made-up ones of the same size, and the test says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.work.deck import make_deck

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
SAMPLES = Path(os.environ.get("RATEWRIGHT_SAMPLES") or ROOT.parent / "shared" / "samples")
DECKS = {"a-z": SAMPLES / "rates" / "az_deck_astpp.csv.gz", "world": SAMPLES / "prefixes" / "phonenumbers.csv.gz"}
ROWS = {"a-z": 36_206, "world": 316_913}
STARTS = 3
MAPPINGS = {
    "a-z": (ROOT / "examples" / "decks" / "a-z.yaml").read_text(encoding="utf-8"),
    "world": "columns: {prefix: prefix, destination: country_code, rate: country_code}\nincrements: 60/60\n",  # it has no rates of its own
}
MADE_UP = "columns: {prefix: prefix, destination: destination, rate: rate}\nincrements: 60/60\n"
CATALOGUE = """\
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources, mappings, and catalogues without their decks."""
    made = tmp_path_factory.mktemp("decks")
    for name, source in DECKS.items():
        (made / name).mkdir()
        (made / name / "trunk.yaml").write_text(CATALOGUE.replace("NAME", name), encoding="utf-8")
        if source.exists():
            (made / f"{name}.csv.gz").symlink_to(source)
            (made / f"{name}.yaml").write_text(MAPPINGS[name], encoding="utf-8")
        else:
            (made / f"{name}.csv").write_text(_made_up(ROWS[name]), encoding="utf-8")
            (made / f"{name}.yaml").write_text(MADE_UP, encoding="utf-8")
    return made


def test_deck_import(folder: Path, figures: dict[str, float]) -> None:
    spent = []
    for _ in range(STARTS):
        for name in DECKS:
            (folder / name / "world.csv").unlink(missing_ok=True)
        began = time.perf_counter()
        prefixes, *charges = _run(["-m", "benchmarks.decks.deck_import", str(folder)]).splitlines()[-1].split()
        spent.append(time.perf_counter() - began)
        assert int(prefixes) > 350_000
        assert all(int(charge) > 0 for charge in charges)
    figures["deck import"] = sorted(spent)[len(spent) // 2]


def _made_up(rows: int) -> str:
    """A deck of that many rows: the rate goes with the zone."""
    found = make_deck(rows - 4_000, seed=1).zone_of  # the two decks of long prefixes are 4,000
    return "prefix,destination,rate\n" + "".join(f"{prefix},zone {zone},{zone + 1}\n" for prefix, zone in found.items())


def _run(words: Sequence[str]) -> str:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - ourselves
    assert done.returncode == 0, done.stderr
    return done.stdout
