"""The check of catalogues as files: every mistake, then what is doubtful. Nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating.errors import Problem, ProblemsError
from rating.model import Catalogue
from server.actions.tariffs.figures import Figures, figures
from tariffs.documents.document import place_text
from tariffs.reading.load import Located, load_located
from tariffs.succession import check_succession
from tariffs.tax_codes import check_tax_codes
from tariffs.warnings import Warning, warn  # noqa: A004 -- see there

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from billing.store.home import Home
    from tariffs.documents.document import Finding


class Stored(NamedTuple):
    """The versions of a home."""

    published: list[Catalogue]
    withdrawn: frozenset[tuple[str, int]]  # identity and version of those that were repealed before they took effect


NOTHING_STORED = Stored([], frozenset())


class Told(NamedTuple):
    """A catalogue in few figures, and its warnings as `row` has them."""

    figures: Figures
    warnings: list[dict[str, str]]


class Checked(NamedTuple):
    """A catalogue without mistakes, and its warnings."""

    located: Located
    warnings: list[Warning]

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue."""
        return self.located.catalogue

    def told(self) -> Told:
        """The same as it is shown."""
        return Told(figures(self.catalogue), self.rows())

    def rows(self) -> list[dict[str, str]]:
        """Its warnings with their places in the files."""
        return [row(each, self.located.locate) for each in self.warnings]


def load_all(paths: Sequence[Path]) -> list[Located]:
    """The catalogues of all paths, or every mistake of all of them at once."""
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


def stored(home: Home) -> Stored:
    """The versions of a home, with which others are compared."""
    from billing.catalogue.in_force import withdrawn_of
    from billing.catalogue.stored import publications_of, repeals_of

    with home.connect() as connection:
        published = [each.catalogue for each in publications_of(connection)]
        repeals = repeals_of(connection)
    identities = {each.identity for each in published}
    return Stored(published, frozenset((name, number) for name in identities for number in withdrawn_of(name, published, repeals)))


def check(found: Sequence[Located], store: Stored = NOTHING_STORED) -> list[Checked]:
    """Warnings of catalogues that were read. Raises ProblemsError with all breaks of numbers among them and with the versions of a home."""
    _refuse_breaks(found, store)
    live = [each for each in store.published if (each.identity, each.version) not in store.withdrawn]
    return [Checked(each, _warnings(each, [*live, *(other.catalogue for other in found)])) for each in found]


def row(warning: Warning, locate: Callable[[Finding], Problem] | None = None) -> dict[str, str]:
    """A warning with its place; without `locate` (a catalogue from the store) that in the catalogue."""
    finding = warning.finding
    if locate is None:
        return {"code": warning.code, "file": "", "path": place_text(finding.place), "message": finding.message, "remedy": finding.remedy}
    return {"code": warning.code, **locate(finding)._asdict()}


def _refuse_breaks(found: Sequence[Located], store: Stored) -> None:
    """Raise every break of numbers with other versions and catalogues, among those given and in the home folder."""
    others = [*store.published, *(each.catalogue for each in found)]
    problems: list[Problem] = []
    for each in found:
        withdrawn = [number for identity, number in store.withdrawn if identity == each.catalogue.identity]
        findings = [*check_succession(each.catalogue, others, withdrawn), *check_tax_codes(each.catalogue, others)]
        problems += [each.locate(finding) for finding in findings]
    if problems:
        raise ProblemsError(problems)


def _warnings(located: Located, others: Iterable[Catalogue]) -> list[Warning]:
    """Warnings about a catalogue and its files, against the version that it follows."""
    catalogue, others = located.catalogue, list(others)
    earlier = [
        each
        for each in others
        if each.identity == catalogue.identity
        and each.version != catalogue.version
        and each.effective_from_us <= catalogue.effective_from_us
    ]
    before = max(earlier, key=lambda each: (each.effective_from_us, each.version), default=None)
    return [*warn(catalogue, before=before, others=others), *located.notes]
