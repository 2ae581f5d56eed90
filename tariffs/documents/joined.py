"""The YAML files of a folder as one document, and the way back from a place in it to file and line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import Problem
from tariffs.documents import document
from tariffs.documents.document import Finding, Parsed, Place

if TYPE_CHECKING:
    from rating.model import Catalogue
    from tariffs.documents.csvfiles import Files
    from tariffs.language.entries import Document


_SHOWN_MAX: Final = 1_000  # characters of a text: a mistake may quote what stands in the file


class File(NamedTuple):
    """A file and its contents."""

    path: Path
    parsed: Parsed


class Joined:
    """The fields of all files as one document, and the way back from a place in it to file and line."""

    def __init__(self, files: list[File]) -> None:
        self.folder = files[0].path.parent
        self.fields: dict[str, object] = {}
        self.findings: list[Finding] = []
        self.broken = any(file.parsed.findings and not file.parsed.fields for file in files)
        self._first = files[0]
        self._origins: dict[Place, tuple[File, Place]] = {}  # first one or two parts of a joined place -> where they stand
        for file in files:
            self._add(file)

    def problem(self, finding: Finding) -> Problem:
        """`finding` with its file, and its place as the person wrote it: the nearest entry that is really there."""
        file, place = self._origin(finding.place)
        if place not in file.parsed.lines and place[2:4] == ("rates", 0):
            place = (*place[:2], *place[4:])  # the short form has its only rate in the price itself
        while place and place not in file.parsed.lines:
            place = place[:-1]
        line = file.parsed.lines.get(place)
        text = _cut(document.place_text(place))
        return Problem(str(file.path), f"{text} (line {line})" if line is not None else text, _cut(finding.message), _cut(finding.remedy))

    def note_add_ons(self, entries: Document, catalogue: Catalogue) -> None:
        """Plans made of a plan and add-ons come after the written ones; their place is the field that names the add-ons."""
        written = {entry.name: index for index, entry in enumerate(entries.plans)}
        for index in range(len(entries.plans), len(catalogue.plans)):
            base = catalogue.plans[index].base
            if base in written:
                self._origins["plans", index] = self._origin(("plans", written[base], "add_ons"))

    def note_decks(self, entries: Document, files: Files) -> None:
        """Zones and prices that decks add come after the written ones; their place is the line that names the deck's file."""
        counts = {"zones": len(entries.zones), "prices": len(entries.prices)}
        for deck_place, rows in files.decks.items():
            origin = self._origin((*deck_place, "file"))
            made = {"zones": len(rows), "prices": sum(not row.blocked for row in rows)}  # a blocked row has no price
            for section, count in made.items():
                self._origins.update(((section, counts[section] + i), origin) for i in range(count))
                counts[section] += count

    def _add(self, file: File) -> None:
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
                self.findings.append(Finding(marker, f"field `{name}` is in two files", remedy))
            else:
                self._origins[(name,)] = (file, (name,))
                self.fields[name] = value

    def _origin(self, place: Place) -> tuple[File, Place]:
        if place in self._origins:
            return self._origins[place]
        for length in (2, 1):
            if place[:length] in self._origins:
                file, start = self._origins[place[:length]]
                return file, (*start, *place[length:])
        return self._first, place


def _cut(text: str) -> str:
    """A long text without its middle: the fault is named at the end."""
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX // 2]} ... {text[-_SHOWN_MAX // 2 :]}"
