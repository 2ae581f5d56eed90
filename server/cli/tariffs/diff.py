"""`ratewright tariffs diff A B`: what changed between two versions of a catalogue, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from rating.model import Catalogue


def diff(
    old: Annotated[str, Parameter(name="A")],
    new: Annotated[str, Parameter(name="B")],
    /,
    *,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    home: HomeFolder = DEFAULT_HOME,
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
    home
        Home folder.
    as_json
        Print JSON.

    """
    from server.cli import catalogue_names, output
    from tariffs import changes

    before, after = catalogue_names.find(old, home), catalogue_names.find(new, home)
    found = changes.changes(before, after)
    if as_json:
        output.print_json({"old": _header(before), "new": _header(after), "changes": [change._asdict() for change in found]})
        return 0
    print(f"{_name(before)} -> {_name(after)}")
    output.print_lines(changes.lines(found, shown=None if every else changes.SHOWN))
    return 0


def _header(catalogue: Catalogue) -> dict[str, object]:
    return {"identity": catalogue.identity, "version": catalogue.version, "content_hash": catalogue.content_hash.hex()}


def _name(catalogue: Catalogue) -> str:
    from tariffs.changes.words import instant

    return f"{catalogue.identity}@{catalogue.version} (from {instant(catalogue.effective_from_us, catalogue.timezone)})"
