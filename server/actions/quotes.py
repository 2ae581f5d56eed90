"""One event priced as a user asks for it: how the charge comes about, and what a bill charges beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating import explain
from rating.errors import NotFoundError
from tariffs import beside_quotes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue
    from rating.outcome import Outcome


class Quoted(NamedTuple):
    """A quote as it is shown: in words, and as an object for JSON. `beside`: sentences on what a bill charges beyond the event."""

    text: str
    beside: list[str]
    document: dict[str, object]


def require_plan(catalogues: Sequence[Catalogue], name: str) -> None:
    """Refuse a plan that no catalogue has: a typing mistake, more likely than a question."""
    names = sorted({f"{catalogue.identity}/{plan.name}" for catalogue in catalogues for plan in catalogue.plans})
    if name not in names:
        raise NotFoundError(f'unknown plan "{name}"', f"known: {', '.join(names)}" if names else "publish a catalogue first")


def shown(outcome: Outcome, catalogues: Sequence[Catalogue], language: str) -> Quoted:
    """An outcome as it is shown."""
    return Quoted(explain.as_text(outcome, language), _beside(outcome, catalogues, language), explain.as_json(outcome))


def _beside(outcome: Outcome, catalogues: Sequence[Catalogue], language: str) -> list[str]:
    told: list[str] = []
    for catalogue in catalogues:
        if (catalogue.identity, catalogue.version) == (outcome.identity, outcome.version) and outcome.price:
            plans = [plan for plan in catalogue.plans if f"{catalogue.identity}/{plan.name}" == outcome.event.plan]
            told += [text for plan in plans for text in beside_quotes.sentences(catalogue, plan, outcome.price, language)]
    return told
