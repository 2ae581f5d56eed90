"""A process that imports two rate decks, compiles them and quotes a call on each: `python -m benchmarks.decks.deck_import FOLDER`.

FOLDER holds `SOURCE.csv` (or `.csv.gz`), a mapping `SOURCE.yaml` and a catalogue's folder `SOURCE/` for each. Printed are the prefixes that
were imported, and what both calls cost in micro-units, as kernel and twin both say.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rating.model import Service
from rating.outcome import Event
from server.checked_quote import CheckedQuote
from server.cli import app
from server.quote_state import Known
from tariffs.reading.load import load

START_US = 1_796_126_400_000_000  # 2026-12-01T12:00Z
DURATION_US = 185_200_000
NUMBER = "493012345678"


def main(folder: Path) -> None:
    """Import, compile, quote."""
    catalogues = []
    for mapping in sorted(folder.glob("*.yaml")):
        [source] = folder.glob(f"{mapping.stem}.csv*")
        into = mapping.with_suffix("")
        words = ["tariffs", "deck", "import", source, "--mapping", mapping, "--full", "--into", into]
        assert app.main([str(word) for word in words]) == 0
        catalogues.append(load(into))
    quotes = CheckedQuote(catalogues)
    charges = []
    for catalogue in catalogues:
        number = NUMBER
        event = Event(bytes(16), START_US, DURATION_US, Service.VOICE, f"{catalogue.identity}/trunk", number)
        charges.append(quotes.rate(event, Known()).charge_micros)
    print(sum(len(zone.prefixes) for each in catalogues for zone in each.zones), *charges)  # noqa: T201 - what the parent reads


if __name__ == "__main__":
    main(Path(sys.argv[1]))
