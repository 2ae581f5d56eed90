"""`ratewright tariffs history`: what happened to each version of a catalogue, when and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from server.actions.tariffs.versions import Event, VersionHistory


def history(
    identity: Annotated[str, Parameter(name="IDENTITY")],
    /,
    *,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show every version of a catalogue with its state, and what happened to it: drafts, reviews, waivers, publication, repeal.

    Parameters
    ----------
    identity
        The catalogue, such as mobile.
    at
        Home folder, or the service.
    as_json
        Print JSON.

    """
    from server.actions.tariffs import versions
    from server.cli import output
    from server.clock import now_us

    _, found = done_at(
        at,
        lambda home: versions.histories(home, identity, now_us(home)),
        lambda service: service.tariffs.histories(identity),
    )
    if not found:
        raise versions.unknown(identity)
    if as_json:
        output.print_json([_plain(each) for each in found])
        return 0
    for each in found:
        output.print_lines(_lines(each))
    return 0


def _lines(version: VersionHistory) -> list[str]:
    from server.cli.tariffs.instants import told

    catalogue = version.figures
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
    catalogue = version.figures
    return {
        "identity": catalogue.identity,
        "version": catalogue.version,
        "state": version.state.value,
        "effective_from_us": catalogue.effective_from_us,
        "effective_to_us": catalogue.effective_to_us,
        "corrects": catalogue.corrects,
        "content_hash": catalogue.content_hash,
        "events": [each._asdict() for each in version.events],
    }
