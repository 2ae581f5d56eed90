"""A version of a catalogue in few figures, as commands and calls show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rating.model import Catalogue


class Figures(NamedTuple):
    """A version in few figures. `plans`: their full names."""

    identity: str
    version: int
    content_hash: str
    currency: str
    timezone: str
    effective_from_us: int
    plans: tuple[str, ...]
    prices: int
    zones: int
    prefixes: int
    effective_to_us: int | None
    corrects: int | None


def figures(catalogue: Catalogue) -> Figures:
    """A catalogue in few figures."""
    return Figures(
        identity=catalogue.identity,
        version=catalogue.version,
        content_hash=catalogue.content_hash.hex(),
        currency=catalogue.currency,
        timezone=catalogue.timezone,
        effective_from_us=catalogue.effective_from_us,
        plans=tuple(f"{catalogue.identity}/{plan.name}" for plan in catalogue.plans),
        prices=len(catalogue.prices),
        zones=len(catalogue.zones),
        prefixes=sum(len(zone.prefixes) for zone in catalogue.zones),
        effective_to_us=catalogue.effective_to_us,
        corrects=catalogue.corrects,
    )


def summary(found: Figures) -> dict[str, object]:
    """The figures that are shown of a version, by name."""
    return {name: value for name, value in found._asdict().items() if name not in {"effective_to_us", "corrects"}}
