"""Instants at which local dates begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.dates import day_after, midnight_us

if TYPE_CHECKING:
    import datetime as dt


class Midnights:
    """Instants at which local dates begin, remembered, since a run needs the same few over and over."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, dt.date], int] = {}

    def instant_us(self, zone: str, day: dt.date) -> int:
        """First instant of `day` in `zone`. Where the clock skips midnight, the instant of the change."""
        known = self._known.get((zone, day))
        if known is None:
            known = midnight_us(day, zone)
            self._known[zone, day] = known
        return known

    def day_us(self, zone: str, day: dt.date) -> tuple[int, int]:
        """First instant of `day` in `zone`, and of the day after."""
        return self.instant_us(zone, day), self.instant_us(zone, day_after(day))
