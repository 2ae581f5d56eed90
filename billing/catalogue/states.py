"""The state of a version, worked out from what is stored and never stored itself.

    draft -> reviewed -> published -> in force -> superseded | repealed | ended

A rejected draft is a draft: it is with its author again.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from billing.catalogue.decisions import Kind
from billing.catalogue.in_force import end_of, is_withdrawn, live_of
from billing.catalogue.stored import Repeal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.catalogue.decisions import Decision
    from rating.model import Catalogue


class State(enum.StrEnum):
    """State of a version."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    PUBLISHED = "published"  # takes effect later
    IN_FORCE = "in force"
    SUPERSEDED = "superseded"  # another version took over, or corrected it
    REPEALED = "repealed"
    ENDED = "ended"  # by its own effective_to


def state_of(version: Catalogue, decisions: Sequence[Decision], others: Sequence[Catalogue], now_us: int) -> State:
    """The state at an instant. `others` are all published versions of the catalogue, `version` among them if it is."""
    if not any((each.version, each.content_hash) == (version.version, version.content_hash) for each in others):
        return State.REVIEWED if is_reviewed(version, decisions) else State.DRAFT
    return _published_state(version, decisions, others, now_us)


def _published_state(version: Catalogue, decisions: Sequence[Decision], others: Sequence[Catalogue], now_us: int) -> State:
    """The state of a version that is published."""
    repeals = [Repeal(each.identity, each.version, each.detail["from_us"]) for each in decisions if each.kind is Kind.REPEALED]
    if is_withdrawn(version, others, repeals):
        return State.REPEALED
    if any(each.corrects == version.version for each in others):
        return State.SUPERSEDED
    if now_us < version.effective_from_us:
        return State.PUBLISHED
    end_us = end_of(version, others, repeals)
    until_us = now_us if end_us is None else min(now_us, end_us)
    if any(version.effective_from_us < each.effective_from_us <= until_us for each in live_of(others, repeals)):
        return State.SUPERSEDED
    if end_us is None or now_us < end_us:
        return State.IN_FORCE
    return State.REPEALED if end_us == end_of(version, others, repeals, repealed_only=True) else State.ENDED


def is_reviewed(version: Catalogue, decisions: Sequence[Decision]) -> bool:
    """Return whether the last decision about exactly this content is an approval."""
    words = [each.kind for each in decisions if each.content_hash == version.content_hash and each.kind in {Kind.REVIEWED, Kind.REJECTED}]
    return bool(words) and words[-1] is Kind.REVIEWED
