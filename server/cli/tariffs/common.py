"""Lines about a catalogue that several commands print, and who runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.counted import counted

if TYPE_CHECKING:
    from billing.payments.writing import Act
    from billing.store.home import Home
    from rating.model import Catalogue


def line(catalogue: Catalogue) -> str:
    """One line: the name, how much of what, and where the hash begins."""
    prefixes = sum(len(zone.prefixes) for zone in catalogue.zones)
    sizes = (len(catalogue.plans), "plan"), (len(catalogue.prices), "price"), (len(catalogue.zones), "zone")
    counts = ", ".join([*(counted(*each) for each in sizes), counted(prefixes, "prefix", "prefixes")])
    return f"{catalogue.identity}@{catalogue.version} ({counts}; {catalogue.content_hash.hex()[:12]})"


def summary(catalogue: Catalogue) -> dict[str, object]:
    """The same for `--json`."""
    from server.actions.tariffs import versions

    return versions.summary(catalogue)


def act_of(home: Home) -> Act:
    """The act of the person who runs the command, now by the clock of the home."""
    from billing.payments.writing import Act
    from server import operator
    from server.clock import now_us

    return Act(operator.current(), now_us(home))
