"""`ratewright tariffs check`: every mistake of catalogues as files, then what is doubtful; nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.homes import AsJson  # noqa: TC001 -- the same

if TYPE_CHECKING:
    from server.actions.tariffs.checks import Stored

Strict = Annotated[bool, Parameter(name="--strict", negative="", help="Exit with status 1 where there is any warning.")]
Against = Annotated[Path | None, Parameter(name="--against", help="Home folder with whose published versions to compare.")]


def check(
    paths: Annotated[list[Path], Parameter(name="PATH")],
    /,
    *,
    strict: Strict = False,
    against: Against = None,
    as_json: AsJson = False,
) -> int:
    """Check tariff files or folders: show every mistake; where there is none, show what is doubtful. Nothing is stored.

    Warnings have a code each; docs/checking-tariffs.md explains them.

    Parameters
    ----------
    paths
        Files (.yaml), or folders whose files are one catalogue each folder.
    strict
        Exit with status 1 where there is any warning.
    against
        Home folder; prices are compared with those of the published version before.
    as_json
        Print JSON.

    """
    from server.actions.tariffs import checks
    from server.cli import output
    from server.cli.tariffs import warning_lines
    from server.cli.tariffs.common import line, summary

    loaded = checks.load_all(paths)
    found = checks.check(loaded, checks.NOTHING_STORED if against is None else _stored(against))
    if as_json:
        output.print_json([{**summary(each.catalogue), "warnings": each.rows()} for each in found])
    else:
        for each in found:
            verdict = _verdict(len(each.warnings), strict=strict)
            output.print_lines([f"{line(each.catalogue)}: {verdict}", *warning_lines.lines(each.warnings, each.located.locate)])
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
