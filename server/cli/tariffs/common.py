"""Lines about a catalogue that several commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.counted import counted

if TYPE_CHECKING:
    from rating.model import Catalogue


def line(catalogue: Catalogue) -> str:
    """One line: the name, how much of what, and where the hash begins."""
    prefixes = sum(len(zone.prefixes) for zone in catalogue.zones)
    sizes = (len(catalogue.plans), "plan"), (len(catalogue.prices), "price"), (len(catalogue.zones), "zone")
    counts = ", ".join([*(counted(*each) for each in sizes), counted(prefixes, "prefix", "prefixes")])
    return f"{catalogue.identity}@{catalogue.version} ({counts}; {catalogue.content_hash.hex()[:12]})"


def summary(catalogue: Catalogue) -> dict[str, object]:
    """The same for `--json`."""
    return {
        "identity": catalogue.identity,
        "version": catalogue.version,
        "content_hash": catalogue.content_hash.hex(),
        "currency": catalogue.currency,
        "timezone": catalogue.timezone,
        "effective_from_us": catalogue.effective_from_us,
        "plans": [f"{catalogue.identity}/{plan.name}" for plan in catalogue.plans],
        "prices": len(catalogue.prices),
        "zones": len(catalogue.zones),
        "prefixes": sum(len(zone.prefixes) for zone in catalogue.zones),
    }
