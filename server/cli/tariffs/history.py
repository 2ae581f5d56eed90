"""`ratewright tariffs history`: what happened to each version of a catalogue, when and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from billing.catalogue import State
from rating.errors import NotFoundError
from rating.model import Catalogue
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.catalogue import Decision
    from billing.store.home import Home

_WORDS = {
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


class VersionHistory(NamedTuple):
    """One version, oldest event first."""

    catalogue: Catalogue
    state: State
    events: list[Event]


def history(
    identity: Annotated[str, Parameter(name="IDENTITY")],
    /,
    *,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show every version of a catalogue with its state, and what happened to it: drafts, reviews, waivers, publication, repeal.

    Parameters
    ----------
    identity
        The catalogue, such as mobile.
    home
        Home folder.
    as_json
        Print JSON.

    """
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        found = _versions(opened, identity)
    if not found:
        raise NotFoundError(f'the home folder has no version or draft of "{identity}"', "make one: ratewright tariffs draft PATH")
    if as_json:
        output.print_json([_plain(each) for each in found])
        return 0
    for each in found:
        output.print_lines(_lines(each))
    return 0


def _versions(home: Home, identity: str) -> list[VersionHistory]:
    from billing import catalogue as store
    from billing.catalogue.stored import publications_of
    from server.clock import now_us

    with home.connect() as connection:
        stored = [each for each in publications_of(connection) if each.catalogue.identity == identity]
    drafts, decisions, instant_us = store.drafts(home, identity), store.decisions(home, identity), now_us(home)
    published = [each.catalogue for each in stored]
    versions = {each.catalogue.version: each.catalogue for each in drafts} | {each.version: each for each in published}
    found = []
    for number, catalogue in sorted(versions.items()):
        events = [
            Event(each.commit_seq, each.at_us, "drafted", each.author.name, each.catalogue.content_hash.hex(), {"origin": each.origin})
            for each in drafts
            if each.catalogue.version == number
        ]
        events += [_event(each) for each in decisions if each.version == number]
        if not any(each.what == "published" for each in events):
            events += [
                Event(each.commit_seq, each.at_us, "published", "", each.catalogue.content_hash.hex(), {})
                for each in stored
                if each.catalogue.version == number
            ]
        events.sort(key=lambda each: each.commit_seq)
        found.append(VersionHistory(catalogue, store.state_of(catalogue, decisions, published, instant_us), events))
    return found


def _event(decision: Decision) -> Event:
    words = _WORDS.get(decision.kind.value, decision.kind.value)
    return Event(decision.commit_seq, decision.at_us, words, decision.by.name, decision.content_hash.hex(), decision.detail)


def _lines(version: VersionHistory) -> list[str]:
    from server.cli.tariffs.instants import told

    catalogue = version.catalogue
    corrects = f", corrects {catalogue.corrects}" if catalogue.corrects is not None else ""
    from_text = told(catalogue.effective_from_us, catalogue.timezone)
    head = f"{catalogue.identity}@{catalogue.version}: {version.state.value}; takes effect {from_text}{corrects}"
    return [head, *(_line(each, catalogue.timezone) for each in version.events)]


def _line(event: Event, timezone: str) -> str:
    from server.cli.tariffs.instants import told

    by = f" by {event.by}" if event.by else ""
    said = [str(event.detail[key]) for key in ("month", "reason", "note", "origin") if event.detail.get(key)]
    if "from_us" in event.detail:
        said.insert(0, f"from {told(event.detail['from_us'], timezone)}")
    return f"  {told(event.at_us, timezone)}  {event.what}{by} ({event.content_hash[:12]}){': ' + ', '.join(said) if said else ''}"


def _plain(version: VersionHistory) -> dict[str, object]:
    catalogue = version.catalogue
    return {
        "identity": catalogue.identity,
        "version": catalogue.version,
        "state": version.state.value,
        "effective_from_us": catalogue.effective_from_us,
        "effective_to_us": catalogue.effective_to_us,
        "corrects": catalogue.corrects,
        "content_hash": catalogue.content_hash.hex(),
        "events": [each._asdict() for each in version.events],
    }
