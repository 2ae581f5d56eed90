"""`ratewright tariffs check|publish|show`: catalogues of tariffs as files and in the home folder."""

from __future__ import annotations

import time
from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from rating.errors import Problem, ProblemsError, UserError
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue
    from tariffs.gaps import Gap

GAPS_SHOWN = 20

app = cyclopts.App(name="tariffs", help="Check, publish and show catalogues of tariffs.")


@app.command
def check(paths: Annotated[list[Path], Parameter(name="PATH")], /, *, as_json: AsJson = False) -> int:
    """Check tariff files or folders, show every mistake, and what is left without a price; nothing is stored.

    Parameters
    ----------
    paths
        Files (.yaml), or folders whose files are one catalogue each folder.
    as_json
        Print JSON.

    """
    from server.cli import output
    from tariffs.gaps import gaps
    from tariffs.succession import refuse_break

    catalogues = _load_all(paths)
    for path, catalogue in zip(paths, catalogues, strict=True):
        refuse_break(catalogue, catalogues, str(path))
    if as_json:
        output.print_json([{**_summary(catalogue), "gaps": [gap._asdict() for gap in gaps(catalogue)]} for catalogue in catalogues])
        return 0
    for catalogue in catalogues:
        print(f"{_line(catalogue)}: good")
        _tell_gaps(catalogue, gaps(catalogue))
    return 0


@app.command
def publish(path: Annotated[Path, Parameter(name="PATH")], /, *, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Check a catalogue and publish it: from its effective date on it prices, and it can never change.

    Parameters
    ----------
    path
        File or folder of the catalogue.
    home
        Home folder; made when it does not exist.
    as_json
        Print JSON.

    """
    from server.cli import output
    from tariffs.load import load

    catalogue = load(path)

    from billing import catalogue as store
    from billing.store.home import Home

    with Home.open(home, create=True) as opened:
        publication = store.publish(opened, catalogue, time.time_ns() // 1000, origin=str(path))
    if as_json:
        output.print_json({**_summary(catalogue), "commit_seq": publication.commit_seq, "added": publication.added})
        return 0
    print(f"{_line(catalogue)}: {'published' if publication.added else 'was published before, nothing to do'}")
    return 0


@app.command
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
        Such as mobile, which shows the newest version, or mobile@1.
    home
        Home folder.
    as_json
        Print the whole catalogue as JSON.

    """
    import msgspec

    from billing import catalogue as store
    from billing.store.home import Home
    from server.cli import output, tariff_sheet

    with Home.open(home) as opened:
        published = store.published(opened)
    chosen = _choose(published, name)
    if as_json:
        output.print_json({**msgspec.to_builtins(chosen), "content_hash": chosen.content_hash.hex()})
        return 0
    versions = [each for each in published if each.identity == chosen.identity]
    print("\n".join(tariff_sheet.lines(chosen, versions)))
    return 0


def _load_all(paths: Sequence[Path]) -> list[Catalogue]:
    """The catalogues of all paths, or every mistake of all of them at once."""
    from tariffs.load import load

    catalogues: list[Catalogue] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            catalogues.append(load(path))
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise ProblemsError(problems)
    return catalogues


def _choose(published: Sequence[Catalogue], name: str) -> Catalogue:
    """The version that `name` means."""
    identity, _, version = name.partition("@")
    found = [each for each in published if each.identity == identity and (not version or str(each.version) == version)]
    if not found:
        known = ", ".join(f"{each.identity}@{each.version}" for each in published)
        raise UserError(f'"{name}" is not published', f"published are {known}" if known else "publish it: ratewright tariffs publish PATH")
    return max(found, key=lambda each: (each.effective_from_us, each.version))


def _tell_gaps(catalogue: Catalogue, found: Sequence[Gap]) -> None:
    for gap in found[:GAPS_SHOWN]:
        where = f"to {'anywhere' if not gap.number else f'{gap.zone} (such as {gap.number})'}"
        print(f"  note: plan {catalogue.identity}/{gap.plan}, {gap.service} {where}: {gap.what}")
        print(f"    remedy: {gap.remedy}")
    if len(found) > GAPS_SHOWN:
        print(f"  and {len(found) - GAPS_SHOWN} more notes; --json has them all")


def _line(catalogue: Catalogue) -> str:
    prefixes = sum(len(zone.prefixes) for zone in catalogue.zones)
    counts = f"{len(catalogue.plans)} plans, {len(catalogue.prices)} prices, {len(catalogue.zones)} zones, {prefixes} prefixes"
    return f"{catalogue.identity}@{catalogue.version} ({counts}; {catalogue.content_hash.hex()[:12]})"


def _summary(catalogue: Catalogue) -> dict[str, object]:
    return {
        "identity": catalogue.identity,
        "version": catalogue.version,
        "content_hash": catalogue.content_hash.hex(),
        "currency": catalogue.currency,
        "timezone": catalogue.timezone,
        "effective_from_us": catalogue.effective_from_us,
        "plans": [f"{catalogue.identity}/{plan.name}" for plan in catalogue.plans],
        "prices": len(catalogue.prices),
        "zones": len(catalogue.zones),
        "prefixes": sum(len(zone.prefixes) for zone in catalogue.zones),
    }
