"""A tariff file, or a folder of them, as a checked catalogue.

`load` reads YAML and the CSV files it names, and raises `ProblemsError` with every mistake at once: file, place in the document with
its line, remedy. What it returns is complete, checked, and carries its content hash. Nothing is stored.
The YAML files of a folder are read in the order of their names as one document: lists are joined, any other field stands once. Hidden
files, other files and inner folders are passed over.
"""

from __future__ import annotations

import contextlib
import gc
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import Problem, ProblemsError, UserError
from tariffs import build, canonical, check, csvfiles, document
from tariffs.decode import decode
from tariffs.document import Finding, Parsed, Place
from tariffs.language import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rating.model import Catalogue
    from tariffs.csvfiles import Files

SUFFIXES: Final = (".yaml", ".yml")


def load(path: Path) -> Catalogue:
    """The catalogue of the file or folder `path`. Raises UserError or ProblemsError."""
    with _uncollected():
        return _load(path)


def _load(path: Path) -> Catalogue:
    files = _yaml_files(path)
    joined = _Joined([_File(file, _parse(file)) for file in files])
    findings = list(joined.findings)
    entries = decode(joined.fields, Document, (), findings)
    if joined.broken:  # what is missing may stand in the part that could not be read
        raise ProblemsError([joined.problem(f) for f in findings if len(f.place) != 1 or f.place[0] in joined.fields])
    csv = csvfiles.read(entries, joined.folder, findings)
    joined.note_decks(entries, csv)
    catalogue = build.build(entries, csv, findings)
    noted = {place for finding in findings for place in (finding.place, _what_it_fills(finding.place))}  # not judged by placeholders
    findings += [finding for finding in check.check(catalogue) if finding.place not in noted]
    if findings:
        raise ProblemsError([joined.problem(finding) for finding in _each_once(findings)])
    return canonical.sealed(catalogue)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cycles: a large tariff is millions of objects that all live on, and most of the time would go into it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _yaml_files(path: Path) -> list[Path]:
    """The files to read for `path`."""
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder", "name a tariff file (.yaml) or a folder of them")
    if path.is_file():
        return [path]
    try:
        files = sorted(file for file in path.iterdir() if _is_tariff(file) and file.is_file())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", "name a tariff file (.yaml) or a folder of them") from None
    if not files:
        inner = sorted(file.parent.name for file in path.glob("*/*") if _is_tariff(file))
        remedy = f"name one of its folders, such as {path / inner[0]}" if inner else "name a folder that holds .yaml files"
        raise UserError(f"{path}: the folder holds no tariff file", remedy)
    return files


def _is_tariff(file: Path) -> bool:
    """Whether a folder's file belongs to the catalogue: what editors and systems leave behind is hidden."""
    return file.suffix in SUFFIXES and not file.name.startswith(".")


def _parse(file: Path) -> Parsed:
    try:
        return document.parse(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}", "check its permissions") from None


class _File(NamedTuple):
    """A file and what stands in it."""

    path: Path
    parsed: Parsed


class _Joined:
    """The fields of all files as one document, and the way back from a place in it to file and line."""

    def __init__(self, files: list[_File]) -> None:
        self.folder = files[0].path.parent
        self.fields: dict[str, object] = {}
        self.findings: list[Finding] = []
        self.broken = any(file.parsed.findings and not file.parsed.fields for file in files)
        self._first = files[0]
        self._origins: dict[Place, tuple[_File, Place]] = {}  # first one or two parts of a joined place -> where they stand
        for file in files:
            self._add(file)

    def problem(self, finding: Finding) -> Problem:
        """`finding` with its file, and its place as the person wrote it: the nearest entry that really stands there."""
        file, place = self._origin(finding.place)
        if place not in file.parsed.lines and place[2:4] == ("rates", 0):
            place = (*place[:2], *place[4:])  # the short form has its only rate in the price itself
        while place and place not in file.parsed.lines:
            place = place[:-1]
        line = file.parsed.lines.get(place)
        text = document.place_text(place)
        return Problem(str(file.path), f"{text} (line {line})" if line is not None else text, finding.message, finding.remedy)

    def note_decks(self, entries: Document, files: Files) -> None:
        """Zones and prices that decks add come after the written ones; their place is the line that names the deck's file."""
        counts = {"zones": len(entries.zones), "prices": len(entries.prices)}
        for deck_place, rows in files.decks.items():
            origin = self._origin((*deck_place, "file"))
            for section, count in counts.items():
                self._origins.update(((section, count + i), origin) for i in range(len(rows)))
                counts[section] = count + len(rows)

    def _add(self, file: _File) -> None:
        for finding in file.parsed.findings:
            marker: Place = ("", str(file.path), len(self.findings))
            self._origins[marker] = (file, finding.place)
            self.findings.append(finding._replace(place=marker))
        for name, value in file.parsed.fields.items():
            old = self.fields.get(name)
            if isinstance(value, list) and isinstance(old, list | None):
                items = old or []
                self._origins.update(((name, len(items) + i), (file, (name, i))) for i in range(len(value)))
                self._origins.setdefault((name,), (file, (name,)))
                self.fields[name] = [*items, *value]
            elif name in self.fields:
                remedy = f"keep it in one of the files of the folder; {self._origins[(name,)][0].path.name} has it too"
                marker = ("", str(file.path), len(self.findings))
                self._origins[marker] = (file, (name,))
                self.findings.append(Finding(marker, f"field `{name}` stands in two files", remedy))
            else:
                self._origins[(name,)] = (file, (name,))
                self.fields[name] = value

    def _origin(self, place: Place) -> tuple[_File, Place]:
        if place in self._origins:
            return self._origins[place]
        for length in (2, 1):
            if place[:length] in self._origins:
                file, start = self._origins[place[:length]]
                return file, (*start, *place[length:])
        return self._first, place


def _what_it_fills(place: Place) -> Place:
    """The field that a file fills, such as `prefixes` of `prefixes_file`; any other place itself."""
    return (*place[:-1], str(place[-1]).removesuffix("_file")) if place and str(place[-1]).endswith("_file") else place


def _each_once(findings: Iterable[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))
