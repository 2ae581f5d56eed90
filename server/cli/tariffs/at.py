"""`ratewright tariffs at`: which versions price on a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.errors import NotFoundError
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue


def at(
    date: Annotated[str, Parameter(name="DATE")],
    identity: Annotated[str, Parameter(name="IDENTITY")] = "",
    /,
    *,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show which version of each catalogue is in force on a date, or that none is.

    Parameters
    ----------
    date
        Date such as 2026-10-15, which means its first instant on the clock of each catalogue; or an instant with offset.
    identity
        Only this catalogue.
    home
        Home folder.
    as_json
        Print JSON.

    """
    from billing import catalogue as store
    from billing.store.home import Home
    from server.actions.tariffs.figures import figures, summary
    from server.cli import output
    from server.cli.tariffs.common import line
    from server.cli.tariffs.instants import read, told

    with Home.open(home) as opened:
        timezones = {each.identity: each.timezone for each in store.published(opened)}
        versions = store.in_force(opened)
    names = sorted(timezones)
    if identity and identity not in names:
        raise NotFoundError(
            f'no version of "{identity}" is published', f"published are {', '.join(names)}" if names else "publish one first"
        )
    chosen = [identity] if identity else names
    found = {name: _at(versions, name, read(date, timezones[name], "DATE")) for name in chosen}
    if as_json:
        output.print_json({name: None if each is None else summary(figures(each)) for name, each in found.items()})
        return 0
    for name, each in found.items():
        if each is None:
            print(f"{name}: nothing is in force")
        else:
            print(f"{line(figures(each))}: since {told(each.effective_from_us, each.timezone)}")
    return 0


def _at(versions: Sequence[Catalogue], identity: str, instant_us: int) -> Catalogue | None:
    """The version in force at an instant; None before the first one, and after the end of one that nothing follows."""
    begun = [each for each in versions if each.identity == identity and each.effective_from_us <= instant_us]
    newest = max(begun, key=lambda each: each.effective_from_us, default=None)
    return newest if newest is not None and newest.version > 0 else None
