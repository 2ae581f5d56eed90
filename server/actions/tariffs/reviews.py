"""The review of a draft by a second person, with what the draft changes and what is doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from billing import catalogue as store
from billing.catalogue.gates import version_before
from billing.catalogue.stored import publications_of
from server.actions.tariffs import checks
from tariffs.changes import Change, changes
from tariffs.warnings import warn

if TYPE_CHECKING:
    from billing.catalogue import Decision
    from billing.payments.writing import Act
    from billing.store.home import Home


class Compared(NamedTuple):
    """A draft against the version that it takes over from, by its number; None for the first one. `warnings`: as `checks.row` has them."""

    before: int | None
    changes: list[Change]
    warnings: list[dict[str, str]]


def review(home: Home, name: str, act: Act, *, accept: bool, note: str, content: str) -> tuple[Decision, Compared]:  # noqa: PLR0913 -- who says what of which draft
    """Approve or reject the newest draft of a version (mobile@2), and compare it with the version before it."""
    decision = store.review(home, name, act.by, act.now_us, accept=accept, note=note, content=content, dry_run=act.dry_run)
    return decision, compared(home, decision)


def compared(home: Home, decision: Decision) -> Compared:
    """The version before the decided content, what changes, and what is doubtful. Later drafts make no difference."""
    saved = (each.catalogue for each in reversed(store.drafts(home, decision.identity)))
    drafted = next(each for each in saved if (each.version, each.content_hash) == (decision.version, decision.content_hash))
    with home.connect() as connection:
        before = version_before(connection, drafted)
        others = [each.catalogue for each in publications_of(connection) if each.catalogue.identity == drafted.identity]
    doubts = [checks.row(each) for each in warn(drafted, before=before, others=others)]
    return Compared(None if before is None else before.version, [] if before is None else changes(before, drafted), doubts)
