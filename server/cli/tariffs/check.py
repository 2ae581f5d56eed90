"""`ratewright tariffs check`: every mistake of catalogues as files, then what is doubtful; nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from cyclopts import Parameter

from rating.counted import counted
from rating.errors import Problem, ProblemsError
from rating.model import Catalogue
from server.cli.homes import AsJson  # noqa: TC001 -- the same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tariffs.reading.load import Located
    from tariffs.warnings import Warning  # noqa: A004 -- see there

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
    from server.cli import output
    from server.cli.tariffs import warning_lines
    from server.cli.tariffs.common import line, summary

    found = _load_all(paths)
    store = _Store([], frozenset()) if against is None else _published(against)
    _refuse_breaks(found, store)
    live = [each for each in store.published if (each.identity, each.version) not in store.withdrawn]
    warnings = [_warnings(each, [*live, *(other.catalogue for other in found)]) for each in found]
    if as_json:
        rows = [[warning_lines.row(warning, each.locate) for warning in of] for each, of in zip(found, warnings, strict=True)]
        output.print_json([{**summary(each.catalogue), "warnings": of} for each, of in zip(found, rows, strict=True)])
    else:
        for each, of in zip(found, warnings, strict=True):
            output.print_lines([f"{line(each.catalogue)}: {_verdict(len(of), strict=strict)}", *warning_lines.lines(of, each.locate)])
    return 1 if strict and any(warnings) else 0


def _load_all(paths: Sequence[Path]) -> list[Located]:
    """The catalogues of all paths, or every mistake of all of them at once."""
    from tariffs.reading.load import load_located

    found: list[Located] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found.append(load_located(path))
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise ProblemsError(problems)
    return found


class _Store(NamedTuple):
    """The versions of a home folder."""

    published: list[Catalogue]
    withdrawn: frozenset[tuple[str, int]]  # identity and version of those that were repealed before they took effect


def _published(home: Path) -> _Store:
    from billing.catalogue.in_force import withdrawn_of
    from billing.catalogue.stored import publications_of, repeals_of
    from billing.store.home import Home

    with Home.open(home) as opened, opened.connect() as connection:
        published = [each.catalogue for each in publications_of(connection)]
        repeals = repeals_of(connection)
    identities = {each.identity for each in published}
    return _Store(published, frozenset((name, number) for name in identities for number in withdrawn_of(name, published, repeals)))


def _refuse_breaks(found: Sequence[Located], store: _Store) -> None:
    """Raise every break of numbers with other versions and catalogues, among those given and in the home folder."""
    from tariffs.succession import check_succession
    from tariffs.tax_codes import check_tax_codes

    others = [*store.published, *(each.catalogue for each in found)]
    problems: list[Problem] = []
    for each in found:
        withdrawn = [number for identity, number in store.withdrawn if identity == each.catalogue.identity]
        findings = [*check_succession(each.catalogue, others, withdrawn), *check_tax_codes(each.catalogue, others)]
        problems += [each.locate(finding) for finding in findings]
    if problems:
        raise ProblemsError(problems)


def _warnings(located: Located, others: Sequence[Catalogue]) -> list[Warning]:
    """Warnings about a catalogue and its files, against the version that it follows."""
    from tariffs.warnings import warn

    catalogue = located.catalogue
    earlier = [
        each
        for each in others
        if each.identity == catalogue.identity
        and each.version != catalogue.version
        and each.effective_from_us <= catalogue.effective_from_us
    ]
    before = max(earlier, key=lambda each: (each.effective_from_us, each.version), default=None)
    return [*warn(catalogue, before=before, others=others), *located.notes]


def _verdict(count: int, *, strict: bool) -> str:
    if not count:
        return "good"
    warnings = counted(count, "warning")
    return f"not good: {warnings}, and --strict" if strict else f"good, {warnings}"
