"""What a made-up day holds, counted while it is made and nowhere else: the figures that books are held to."""

from __future__ import annotations

import collections
from typing import NamedTuple


class Sums(NamedTuple):
    """Rows and what they hold."""

    rows: int = 0
    duration_us: int = 0
    volume_bytes: int = 0
    units: int = 0

    def plus(self, other: Sums) -> Sums:
        """Both together."""
        return Sums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Truth:
    """Sums by source and outcome."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], Sums] = collections.defaultdict(Sums)

    def add(self, source: str, outcome: str, sums: Sums) -> None:
        """Count rows of a source."""
        self.sums[source, outcome] = self.sums[source, outcome].plus(sums)

    def of(self, source: str) -> dict[str, Sums]:
        """Sums of one source by outcome."""
        return {outcome: sums for (name, outcome), sums in sorted(self.sums.items()) if name == source}

    @property
    def sources(self) -> list[str]:
        """Names of all sources."""
        return sorted({source for source, _ in self.sums})
