"""`ratewright tariffs show`: a published catalogue with its versions, plans, prices and fees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.errors import UserError
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue


def show(
    name: Annotated[str, Parameter(name="IDENTITY[@VERSION]")],
    /,
    *,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show a published catalogue: its versions, plans, prices and fees.

    Parameters
    ----------
    name
        Catalogue such as mobile, which shows the newest version, or one version such as mobile@1.
    home
        Home folder.
    as_json
        Print the whole catalogue as JSON: its canonical form, in which a field that has its default value is left out.

    """
    import msgspec

    from billing import catalogue as store
    from billing.store.home import Home
    from server.cli import output
    from server.cli.pages import tariff_sheet

    with Home.open(home) as opened:
        published = store.published(opened)
    chosen = _choose(published, name)
    if as_json:
        output.print_json({**msgspec.to_builtins(chosen), "content_hash": chosen.content_hash.hex()})
        return 0
    versions = [each for each in published if each.identity == chosen.identity]
    output.print_lines(tariff_sheet.lines(chosen, versions))
    return 0


def _choose(published: Sequence[Catalogue], name: str) -> Catalogue:
    """The version that `name` means."""
    identity, _, version = name.partition("@")
    found = [each for each in published if each.identity == identity and (not version or str(each.version) == version)]
    if not found:
        known = ", ".join(f"{each.identity}@{each.version}" for each in published)
        raise UserError(f'"{name}" is not published', f"published are {known}" if known else "publish it: ratewright tariffs publish PATH")
    return max(found, key=lambda each: (each.effective_from_us, each.version))
