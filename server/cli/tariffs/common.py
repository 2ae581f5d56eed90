"""Lines about a catalogue that several commands print, and who runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.counted import counted

if TYPE_CHECKING:
    from billing.payments.writing import Act
    from billing.store.home import Home
    from server.actions.tariffs.figures import Figures


def line(found: Figures) -> str:
    """One line: the name, how much of what, and where the hash begins."""
    sizes = (len(found.plans), "plan"), (found.prices, "price"), (found.zones, "zone")
    counts = ", ".join([*(counted(*each) for each in sizes), counted(found.prefixes, "prefix", "prefixes")])
    return f"{found.identity}@{found.version} ({counts}; {found.content_hash[:12]})"


def act_of(home: Home) -> Act:
    """The act of the person who runs the command, now by the clock of the home."""
    from billing.payments.writing import Act
    from server import operator
    from server.clock import now_us

    return Act(operator.current(), now_us(home))
