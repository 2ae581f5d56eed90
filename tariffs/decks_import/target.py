"""The deck that a catalogue's folder names: its terms, its file, and what the rest of the catalogue has taken.

Only what an import needs is read, since the folder is not complete before its deck is there; the whole is checked as ever afterwards.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import Problem, ProblemsError, UserError
from tariffs.decks_import.ledger import Deck, Defaults
from tariffs.decks_import.mapping import problem
from tariffs.documents import deck_files, limits, parsing
from tariffs.documents.csv_reader import CsvReader
from tariffs.documents.csvfiles import local_day
from tariffs.documents.decode import decode
from tariffs.documents.document import Finding, Parsed, Place
from tariffs.language.entries import DeckEntry
from tariffs.language.texts import TextError, instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tariffs.language.texts import Quantity

SUFFIXES: Final = (".yaml", ".yml")
_ENTRY: Final = (
    "add it to a file there, such as `decks: [{name: world, file: world.csv, service: voice, price_ids_from: 10000, per: 60s, "
    "charge_code: 110, revenue_code: 420, tax_class: standard}]`"
)


class Target(NamedTuple):
    """A deck of a catalogue in files."""

    name: str
    file: Path
    deck: Deck  # what its file holds now; no rows where there is none yet
    currency: str | None
    on: dt.date | None  # the local day on which the catalogue takes effect
    taken: frozenset[int]  # zone ids of everything else in the catalogue


def find(path: Path, name: str | None) -> Target:
    """The deck `name` (None: the only one) of the catalogue at `path`, a file or folder. Raises UserError or ProblemsError."""
    parsed = {file: _parse(file) for file in _files(path)}
    fields = _Fields(parsed)
    entry = _chosen(fields.decks(), name, path)
    folder = path if path.is_dir() else path.parent
    file = folder / entry.file
    if not file.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{file}: lies outside the catalogue's folder", "name a file inside it in the deck's `file`")
    taken = fields.zone_ids()
    for other in fields.decks():
        if other.name != entry.name and (folder / other.file).is_file():
            taken |= {row.zone_id for row in rows_of(folder, other.file)}
    rows = rows_of(folder, entry.file) if file.exists() else ()
    return Target(entry.name, file, Deck(rows, defaults_of(entry)), fields.text("currency"), fields.day(), frozenset(taken))


def rows_of(folder: Path, name: str) -> tuple[deck_files.DeckRow, ...]:
    """All rows of a canonical deck. Raises ProblemsError with every mistake in it."""
    findings: list[Finding] = []
    rows = deck_files.read_rows(CsvReader((), name, findings), folder)
    if findings:
        raise ProblemsError([Problem(str(folder / name), "document", finding.message, finding.remedy) for finding in findings])
    return rows


def defaults_of(entry: DeckEntry) -> Defaults:
    """The values for what the rows of a deck leave empty."""
    assert entry.per is not None, "asked for where entries are read"
    defaults = Defaults(entry.per, connect_fee_micros=entry.connect_fee)
    if entry.increments is not None:
        return defaults._replace(increments=entry.increments.of(defaults.unit))
    further: Quantity | None = entry.increment or entry.first_increment
    if further is None:
        return defaults
    return defaults._replace(increments=((entry.first_increment or further).value, further.value))


class _Fields:
    """Fields of the files of a catalogue, as far as they matter here."""

    def __init__(self, parsed: dict[Path, Parsed]) -> None:
        self._parsed = parsed
        problems = [problem(file, each, finding) for file, each in parsed.items() for finding in each.findings]
        if problems:
            raise ProblemsError(problems)

    def decks(self) -> list[DeckEntry]:
        """All decks. Raises ProblemsError with what is wrong in them."""
        found: list[DeckEntry] = []
        problems: list[Problem] = []
        for file, parsed in self._parsed.items():
            entries = parsed.fields.get("decks")
            for index, raw in enumerate(entries if isinstance(entries, list) else []):
                findings: list[Finding] = []
                place: Place = ("decks", index)
                entry = decode(raw, DeckEntry, place, findings)
                if not findings and (entry.per is None or entry.per.value <= 0):
                    findings.append(Finding((*place, "per"), "a deck needs a `per`", "add what its rates are for, such as `per: 60s`"))
                problems += [problem(file, parsed, finding) for finding in findings]
                found.append(entry)
        if problems:
            raise ProblemsError(problems)
        return found

    def zone_ids(self) -> set[int]:
        """Ids of the zones that are written out."""
        zones = [zone for parsed in self._parsed.values() for zone in _list(parsed.fields.get("zones"))]
        return {zone["id"] for zone in zones if isinstance(zone, dict) and isinstance(zone.get("id"), int)}

    def text(self, name: str) -> str | None:
        """A field at the top; None where it is not there, or is no text."""
        for parsed in self._parsed.values():
            value = parsed.fields.get(name)
            if isinstance(value, str):
                return value
        return None

    def day(self) -> dt.date | None:
        """The local day on which the catalogue takes effect."""
        try:
            return local_day(instant(self.text("effective_from")), self.text("timezone") or "UTC")
        except TextError:
            return None


def _chosen(decks: Sequence[DeckEntry], name: str | None, path: Path) -> DeckEntry:
    found = [entry for entry in decks if name in (None, entry.name)]
    if len(found) == 1:
        return found[0]
    if not decks:
        raise UserError(f"{path}: no deck is named there", _ENTRY)
    what = "several decks are named there" if name is None else f"there is no deck `{name}`"
    raise UserError(f"{path}: {what}", f"name one with --deck: {', '.join(entry.name for entry in decks)}")


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path}: there is no such folder", "name the folder of a catalogue")
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and not file.name.startswith(".") and file.is_file())
    if not files:
        raise UserError(f"{path}: the folder holds no tariff file", "write the catalogue first; see docs/tariffs.md")
    return files[: limits.FILES_MAX]


def _parse(file: Path) -> Parsed:
    try:
        if file.stat().st_size > limits.YAML_BYTES_MAX:
            raise UserError(f"{file}: larger than {limits.YAML_BYTES_MAX // limits.MIB} MiB", "split it")
        return parsing.parse(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}", "check its permissions") from None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
