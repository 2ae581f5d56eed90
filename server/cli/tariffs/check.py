"""`ratewright tariffs check`: every mistake of catalogues as files, then what is doubtful; nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.done import done_by, refuse_served
from server.cli.homes import BY_ITSELF, AsJson, ServicePlace

if TYPE_CHECKING:
    from server.actions.tariffs.checks import Stored, Told

Strict = Annotated[bool, Parameter(name="--strict", negative="", help="Exit with status 1 where there is any warning.")]
Against = Annotated[Path | None, Parameter(name="--against", help="Home folder with whose published versions to compare.")]


def check(
    paths: Annotated[list[Path], Parameter(name="PATH")],
    /,
    *,
    strict: Strict = False,
    against: Against = None,
    by: ServicePlace = BY_ITSELF,
    as_json: AsJson = False,
) -> int:
    """Check tariff files or folders: show every mistake; where there is none, show what is doubtful. Nothing is stored.

    With --server one catalogue is checked against the published versions of the service.

    Warnings have a code each; docs/checking-tariffs.md explains them.

    Parameters
    ----------
    paths
        Files (.yaml), or folders whose files are one catalogue each folder.
    strict
        Exit with status 1 where there is any warning.
    against
        Home folder; prices are compared with those of the published version before.
    by
        The service.
    as_json
        Print JSON.

    """
    from server.actions.tariffs import checks
    from server.actions.tariffs.figures import summary
    from server.cli import output
    from server.cli.tariffs import warning_lines
    from server.cli.tariffs.common import line

    if against is not None:
        refuse_served(by.server, "--against", "leave it out: the published versions of the service are compared")
    if len(paths) > 1:
        refuse_served(by.server, "more than one catalogue", "check them one by one, or without --server")
    loaded = checks.load_all(paths)

    def check_here() -> list[Told]:
        return [each.told() for each in checks.check(loaded, checks.NOTHING_STORED if against is None else _stored(against))]

    found = done_by(by, check_here, lambda service: [service.tariffs.check(each) for each in loaded])
    if as_json:
        output.print_json([{**summary(each.figures), "warnings": each.warnings} for each in found])
    else:
        for each in found:
            verdict = _verdict(len(each.warnings), strict=strict)
            output.print_lines([f"{line(each.figures)}: {verdict}", *warning_lines.lines(each.warnings)])
    return 1 if strict and any(each.warnings for each in found) else 0


def _stored(home: Path) -> Stored:
    from billing.store.home import Home
    from server.actions.tariffs import checks

    with Home.open(home) as opened:
        return checks.stored(opened)


def _verdict(count: int, *, strict: bool) -> str:
    if not count:
        return "good"
    warnings = counted(count, "warning")
    return f"not good: {warnings}, and --strict" if strict else f"good, {warnings}"
