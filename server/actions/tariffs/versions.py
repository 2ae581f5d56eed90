"""Versions of tariffs: drafted and repealed, and the history of each.

A function that writes takes the person and the instant as one act. A trial (`dry_run`) does and refuses everything, and stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from billing import catalogue as store
from billing.catalogue import Decision, Operator, Repeal, State
from billing.catalogue.stored import publications_of
from rating.errors import NotFoundError
from server.actions.tariffs.figures import Figures, figures

if TYPE_CHECKING:
    from billing.catalogue import Draft
    from billing.payments.writing import Act
    from billing.store.home import Home
    from rating.model import Catalogue

_WORDS: Final = {
    "what_if": "tried on a month",
    "notice_waived": "notice waived",
    "what_if_waived": "what-if waived",
    "review_waived": "review waived",
}


class Event(NamedTuple):
    """Something that happened to one content of a version. `commit_seq` orders them, for clocks can be set back."""

    commit_seq: int
    at_us: int
    what: str
    by: str
    content_hash: str
    detail: Mapping[str, Any]


class Drafted(NamedTuple):
    """A saving of a draft. `added` is False where this very content was the draft already."""

    figures: Figures
    author: Operator
    commit_seq: int
    added: bool


class VersionHistory(NamedTuple):
    """One version, oldest event first."""

    figures: Figures
    state: State
    events: list[Event]


class Repealed(NamedTuple):
    """A repeal, how many subscriptions have no plan in force from then on, and the clock of the version."""

    decision: Decision
    left: int
    timezone: str


def drafted(saved: Draft) -> Drafted:
    """A draft in few figures."""
    return Drafted(figures(saved.catalogue), saved.author, saved.commit_seq, saved.added)


def draft(home: Home, catalogue: Catalogue, act: Act, origin: str, *, etag: str = "") -> Draft:
    """Keep a catalogue as the draft of its version. `origin`: where its files came from; `etag`: the hash of the draft that it replaces."""
    return store.save(home, catalogue, act.by, act.now_us, origin, etag=etag, dry_run=act.dry_run)


def timezone_of(home: Home, name: str) -> str:
    """The clock of a published version; UTC where it is not published, which `repeal` refuses."""
    wanted = store.version_name(name)
    clocks = {(each.identity, each.version): each.timezone for each in store.published(home)}
    return clocks.get(wanted, "UTC")


def repeal(home: Home, name: str, act: Act, *, from_us: int, reason: str) -> Repealed:
    """End a published version at an instant."""
    decision = store.repeal(home, name, act.by, act.now_us, from_us=from_us, reason=reason, dry_run=act.dry_run)
    return repealed(home, decision)


def repealed(home: Home, decision: Decision) -> Repealed:
    """A repeal with what follows from it."""
    timezone = timezone_of(home, f"{decision.identity}@{decision.version}")
    return Repealed(decision, without_plan(home, decision), timezone)


def without_plan(home: Home, decision: Decision) -> int:
    """The number of subscriptions that a repeal leaves without a plan in force; also one that was tried, and is not stored."""
    from billing import affected

    tried = Repeal(decision.identity, decision.version, int(decision.detail["from_us"]))
    return affected.without_plan(home, decision.identity, tried.from_us, tried)


def unknown(identity: str) -> NotFoundError:
    """The error for a catalogue without any version."""
    return NotFoundError(f'the home has no version or draft of "{identity}"', "make one: ratewright tariffs draft PATH")


def histories(home: Home, identity: str | None, now_us: int) -> list[VersionHistory]:
    """Every version with its state and what happened to it, of one catalogue or all, in the order of names and numbers."""
    with home.connect() as connection:
        stored = [each for each in publications_of(connection) if identity in {None, each.catalogue.identity}]
    drafts, decisions = store.drafts(home, identity), store.decisions(home, identity)
    published = [each.catalogue for each in stored]
    versions = {(each.identity, each.version): each for each in (*(draft.catalogue for draft in drafts), *published)}
    found = []
    for name, catalogue in sorted(versions.items()):
        of_version = [each for each in decisions if (each.identity, each.version) == name]
        events = [
            Event(each.commit_seq, each.at_us, "drafted", each.author.name, each.catalogue.content_hash.hex(), {"origin": each.origin})
            for each in drafts
            if each.name == name
        ]
        events += [_event(each) for each in of_version]
        if not any(each.what == "published" for each in events):
            events += [
                Event(each.commit_seq, each.at_us, "published", "", each.catalogue.content_hash.hex(), {})
                for each in stored
                if (each.catalogue.identity, each.catalogue.version) == name
            ]
        events.sort(key=lambda each: each.commit_seq)
        others = [each for each in published if each.identity == catalogue.identity]
        state = store.state_of(catalogue, [each for each in decisions if each.identity == catalogue.identity], others, now_us)
        found.append(VersionHistory(figures(catalogue), state, events))
    return found


def _event(decision: Decision) -> Event:
    words = _WORDS.get(decision.kind.value, decision.kind.value)
    return Event(decision.commit_seq, decision.at_us, words, decision.by.name, decision.content_hash.hex(), decision.detail)
