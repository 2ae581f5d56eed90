"""`ratewright tariffs diff A B`: what changed between two versions of a catalogue, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_by, refuse_served
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from server.actions.tariffs.figures import Figures
    from tariffs.changes import Change


def diff(
    old: Annotated[str, Parameter(name="A")],
    new: Annotated[str, Parameter(name="B")],
    /,
    *,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show what changed from A to B, old and new side by side, and whether customers may pay more.

    Parameters
    ----------
    old
        The earlier version: a file or folder, or IDENTITY@VERSION of the home folder, published or a draft.
    new
        The later one, named likewise.
    every
        Show all changes of a large rate deck, not only those that matter most.
    at
        Home folder, or the service.
    as_json
        Print JSON.

    """
    from server.actions.tariffs.figures import figures
    from server.cli import catalogue_names, output
    from tariffs import changes

    for text in (old, new):
        if catalogue_names.is_path(text):
            refuse_served(at.server, f"{text}, a file or folder,", f"draft it first: ratewright tariffs draft {text}")

    def diff_here() -> tuple[Figures, Figures, list[Change]]:
        found = catalogue_names.find(old, at.home), catalogue_names.find(new, at.home)
        return figures(found[0]), figures(found[1]), changes.changes(*found)

    before, after, found = done_by(at, diff_here, lambda service: service.tariffs.diff(old, new))
    if as_json:
        output.print_json({"old": _header(before), "new": _header(after), "changes": [change._asdict() for change in found]})
        return 0
    print(f"{_name(before)} -> {_name(after)}")
    output.print_lines(changes.lines(found, shown=None if every else changes.SHOWN))
    return 0


def _header(catalogue: Figures) -> dict[str, object]:
    return {"identity": catalogue.identity, "version": catalogue.version, "content_hash": catalogue.content_hash}


def _name(catalogue: Figures) -> str:
    from tariffs.changes.words import instant

    return f"{catalogue.identity}@{catalogue.version} (from {instant(catalogue.effective_from_us, catalogue.timezone)})"
