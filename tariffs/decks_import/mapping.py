"""Mapping of the columns of a rate deck, as data: a small YAML file beside the deck.

    columns: {prefix: Code, destination: Destination, rate: Rate, increments: Billing, effective_from: Effective}
    rate_per: 60s
    currency: USD
    date_format: DD/MM/YYYY

A column is named as in the header, or by its number from 1. docs/rate-decks.md has every field.
"""

from __future__ import annotations

import enum
import stat
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from rating.errors import Problem, ProblemsError, UserError
from rating.model import QuantityUnit
from tariffs.decks_import import cells
from tariffs.documents import document, limits, parsing
from tariffs.documents.decode import decode
from tariffs.documents.document import Finding, Parsed, Place
from tariffs.language.texts import Quantity, Text, TextError, choice
from tariffs.language.words import Entry, Measure, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMN_NUMBER_MAX: Final = 1_000


class Action(enum.StrEnum):
    """The action that a row gives for its prefixes."""

    NEW = "new"
    INCREASE = "increase"
    DECREASE = "decrease"
    DELETE = "delete"
    BLOCK = "block"


_ENCODINGS: Final = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "latin-1": "latin-1", "windows-1252": "cp1252", "gb18030": "gb18030"}
_DELIMITERS: Final = {",": ",", ";": ";", "|": "|", "tab": "\t"}
_DECIMALS: Final = {".": ".", ",": ","}
_THOUSANDS: Final = {"": "", ",": ",", ".": ".", " ": " ", "'": "'"}


def _column(raw: object) -> str | int:
    if isinstance(raw, str) and raw.strip():
        return raw.strip()
    if isinstance(raw, int) and not isinstance(raw, bool) and 1 <= raw <= COLUMN_NUMBER_MAX:
        return raw
    raise TextError(f'"{raw}" is not a column', "write its name as in the header, or its number from 1")


Column = Annotated["str | int", Text(_column, 1)]
Encoding = Annotated[str, Text(choice(_ENCODINGS, "an encoding"), "utf-8-sig")]
Delimiter = Annotated[str, Text(choice(_DELIMITERS, "a delimiter"), ",")]
Decimal = Annotated[str, Text(choice(_DECIMALS, "a decimal mark"), ".")]
DateFormat = Annotated[str, Text(cells.date_format, "YYYY-MM-DD")]
Thousands = Annotated[str, Text(choice(_THOUSANDS, "a mark between thousands"), "")]


class ColumnsEntry(Entry, frozen=True, kw_only=True):
    """The column of each value. `increments`: such as 60/1 or 6; or the two lengths in columns of their own."""

    prefix: Column
    destination: Column
    rate: Column
    country: Column | None = None  # digits that stand before every prefix of the row
    connect_fee: Column | None = None
    increments: Column | None = None
    first_increment: Column | None = None
    further_increment: Column | None = None
    minimum: Column | None = None  # the shortest length that is charged
    included: Column | None = None  # free seconds at the start: only 0 can be taken over
    effective_from: Column | None = None
    action: Column | None = None
    currency: Column | None = None


class AmountsEntry(Entry, frozen=True, kw_only=True):
    """The notation of amounts."""

    decimal: Decimal = "."
    thousands: Thousands = ""


class ActionsEntry(Entry, frozen=True, kw_only=True):
    """The words that the action column has for each action; capitals do not matter."""

    new: tuple[str, ...] = ()
    increase: tuple[str, ...] = ()
    decrease: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    block: tuple[str, ...] = ()

    def words(self) -> dict[str, Action | None]:
        """Action by word, in small letters. A word of several actions (such as "change") only says that the row counts."""
        found: dict[str, Action | None] = {}
        for action in Action:
            for word in getattr(self, action.value):
                key = word.strip().casefold()
                found[key] = action if found.get(key, action) is action else None
        return found


class DeckMapping(Entry, frozen=True, kw_only=True):
    """The way to read a deck."""

    columns: ColumnsEntry
    header: bool = True
    skip_rows: int = 0  # lines before the header
    delimiter: Delimiter = ","
    encoding: Encoding = "utf-8-sig"
    date_format: DateFormat = "YYYY-MM-DD"
    rate_per: Measure = Quantity(60_000, QuantityUnit.MILLISECOND)
    increments: Pair | None = None  # of rows that say nothing
    amounts: AmountsEntry = msgspec.field(default_factory=AmountsEntry)
    currency: str | None = None
    actions: ActionsEntry = msgspec.field(default_factory=ActionsEntry)


def read(path: Path) -> DeckMapping:
    """The mapping of the file `path`. Raises UserError or ProblemsError with every mistake."""
    parsed = _parse(path)
    findings = list(parsed.findings)
    mapping = decode(parsed.fields, DeckMapping, (), findings) if parsed.fields else None
    if mapping is not None and not findings:
        findings += _contradictions(mapping)
    if findings or mapping is None:
        raise ProblemsError([problem(path, parsed, finding) for finding in dict.fromkeys(findings)])
    return mapping


def problem(path: Path, parsed: Parsed, finding: Finding) -> Problem:
    """`finding` with its file, and the line of the nearest entry that is there."""
    place: Place = finding.place
    while place and place not in parsed.lines:
        place = place[:-1]
    line = parsed.lines.get(place)
    text = document.place_text(place)
    return Problem(str(path), text if line is None else f"{text} (line {line})", finding.message, finding.remedy)


def _parse(path: Path) -> Parsed:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path}: is not an ordinary file", "name a mapping file (.yaml); see docs/rate-decks.md")
        if path.stat().st_size > limits.YAML_BYTES_MAX:
            raise UserError(f"{path}: larger than {limits.YAML_BYTES_MAX // limits.MIB} MiB", "name a mapping; it has a few lines")
        return parsing.parse(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file", "name a mapping file (.yaml); see docs/rate-decks.md") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", "name a mapping file (.yaml); see docs/rate-decks.md") from None


def _contradictions(mapping: DeckMapping) -> Iterator[Finding]:
    columns = mapping.columns
    if not mapping.header:
        for field in msgspec.structs.fields(ColumnsEntry):
            if isinstance(getattr(columns, field.name), str):
                yield Finding(("columns", field.name), "a column by its name, and the file has no header", "write the number of the column")
    if columns.increments is not None and (columns.first_increment is not None or columns.further_increment is not None):
        yield Finding(("columns", "increments"), "both `increments` and single increment columns", "keep one way")
    yield from _action_contradictions(mapping)
    if mapping.amounts.decimal == mapping.amounts.thousands:
        yield Finding(("amounts",), "one mark for decimals and thousands", "leave `thousands` out")
    if mapping.rate_per.value <= 0:
        yield Finding(("rate_per",), "rates for nothing", "write such as `rate_per: 60s`")
    if mapping.increments is not None and min(length.value for length in mapping.increments) <= 0:
        yield Finding(("increments",), "increments are above zero", "write such as `increments: 60/1`")
    if mapping.skip_rows < 0:
        yield Finding(("skip_rows",), f"{mapping.skip_rows} rows", "write 0 or more")


def _action_contradictions(mapping: DeckMapping) -> Iterator[Finding]:
    """Both the column and its words, or neither."""
    has_column, has_words = mapping.columns.action is not None, bool(mapping.actions.words())
    if has_column and not has_words:
        yield Finding(("columns", "action"), "a column of actions, and no words for them", "add `actions`, such as {delete: [D], new: [N]}")
    if has_words and not has_column:
        yield Finding(("actions",), "words for actions, and no column of them", "add `action` to `columns`")
