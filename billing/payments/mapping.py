"""Layout of a bank's CSV files: a YAML mapping, checked whole, all its mistakes at once.

name: city-bank
account: "DE02 1203 0000 0000 2020 51"   # whose file it is; stands before the bank's ids, so that two banks cannot collide
entity: north                             # the legal entity whose bank account it is; left out for the one without a name
delimiter: ";"
header_lines: 1                           # lines before the first booking; the last of them names the columns
columns: {id: Transaction, date: Booked, amount: Amount, currency: Currency, payer: Name, reference: [Purpose, Note]}
date: "%d.%m.%Y"
decimal: ","
thousands: "."
totals: {place: trailer, begins: SUM, count: 2, amount: 3}
match: {invoice: "R-[0-9]{10}", account: "A[0-9]{6}"}
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from billing.payments import patterns
from rating import definition_file, field_values
from rating.errors import Problem, ProblemsError, UserError
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path, PurePath

_REMEDY: Final = "docs/payments.md describes a mapping, examples/payments holds one"
_EXAMPLE_DAY: Final = dt.date(2031, 12, 25)


class TotalsPlace(enum.StrEnum):
    """Place of the line that states the number of lines and their sum."""

    HEADER = "header"
    TRAILER = "trailer"


class Outgoing(enum.StrEnum):
    """Treatment of a line with a negative amount."""

    REFUSE = "refuse"  # the whole file is refused
    IGNORE = "ignore"  # it is counted, and nothing else


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the columns (or their numbers from 1, as text, where no line names them)."""

    date: str
    amount: str
    id: str = ""  # the bank's own id of the booking; without it a hash of the line stands for it
    currency: str = ""
    payer: str = ""
    reference: tuple[str, ...] = ()
    sign: str = ""  # a column that says credit or debit


class Totals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The line that counts the others. Columns are numbers from 1; 0: it does not say."""

    place: TotalsPlace
    begins: str  # what its first column begins with
    count: int = 0
    amount: int = 0  # sum of all amounts with their signs


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Patterns that find invoice numbers and ids of accounts in a reference. A group named `number`, if any, is what counts."""

    invoice: str = ""
    account: str = ""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See the head of this module."""

    name: str
    columns: Columns
    date: str
    match: Match
    account: str = ""
    entity: str = ""  # the legal entity whose bank account it is; empty for the one without a name
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header_lines: int = 1
    decimal: str = "."
    thousands: str = ""
    currency: str = ""  # of every line, where no column says it
    credit_words: tuple[str, ...] = ()  # of the column `sign`
    debit_words: tuple[str, ...] = ()
    outgoing: Outgoing = Outgoing.REFUSE
    totals: Totals | None = None


Entry = TypeVar("Entry", bound=msgspec.Struct)
_Mistake = tuple[str, str, str]  # place, message, remedy
_ENTRIES: Final = (Columns, Match)
# What stands for a required field that cannot be read.
_EMPTY: Final[dict[object, object]] = {str: "", int: 0, TotalsPlace: TotalsPlace.TRAILER, Columns: Columns("", ""), Match: Match()}
# Of mistakes that are about several fields: the others.
_LOOKED_AT_WITH: Final = {
    "columns": ("header_lines",),
    "columns.sign": ("credit_words", "debit_words"),
    "currency": ("columns.currency",),
    "match": ("match.invoice", "match.account"),
    "thousands": ("decimal",),
    "totals": ("totals.count", "totals.amount"),
    "totals.place": ("header_lines",),
}


def read_mapping(path: Path) -> Mapping:
    """The mapping in a YAML file. Raises ProblemsError with all that is wrong with it."""
    return parse_mapping(read_content(path), path)


def parse_mapping(content: bytes, path: PurePath) -> Mapping:
    """The mapping in YAML that was read or sent; `path` is its name. Raises ProblemsError with all that is wrong with it."""
    found = decoded(content, path)
    if not isinstance(found, dict):
        raise ProblemsError([Problem(str(path), "mapping", "is not a set of fields", _REMEDY)])
    wrong: list[_Mistake] = []
    mapping = _read(found, Mapping, "", wrong)
    unread = [place for place, _, _ in wrong]
    wrong += [each for each in _wrong(mapping) if not _stands_on(each[0], unread)]
    if wrong:
        raise ProblemsError([Problem(str(path), place, message, remedy) for place, message, remedy in wrong])
    return mapping


def read_content(path: Path) -> bytes:
    """The bytes of a mapping. Raises UserError for a file that cannot be read."""
    try:
        return definition_file.read(path)
    except FileNotFoundError as error:
        raise UserError(f"mapping {path} does not exist", "name the YAML file with --mapping", exit_status=2) from error
    except OSError as error:
        raise UserError(f"mapping {path} cannot be read: {error.strerror}", "name a YAML file with --mapping", exit_status=2) from error


def decoded(content: bytes, path: PurePath) -> object:
    """The YAML of a mapping, before the format of its file is known; `path` is its name. Raises ProblemsError for what is no YAML."""
    try:
        return definition_file.decode(content)
    except msgspec.DecodeError as error:
        raise ProblemsError([Problem(str(path), "mapping", f"is not YAML: {error}", _REMEDY)]) from error


def parse_match(content: bytes, path: PurePath) -> Match:
    """Patterns for statements (camt, MT940) in YAML of `match` alone; `path` is its name. Raises ProblemsError."""
    found = decoded(content, path)
    wrong: list[_Mistake] = []
    if not isinstance(found, dict) or set(found) != {"match"}:
        remedy = "of a statement a mapping has `match` alone: docs/bank-files.md describes it"
        raise ProblemsError([Problem(str(path), "mapping", "is not a set with the field match alone", remedy)])
    match = _read(found["match"], Match, "match.", wrong)
    wrong += [] if wrong else _wrong_match(match)
    if wrong:
        raise ProblemsError([Problem(str(path), place, message, remedy) for place, message, remedy in wrong])
    return match


def _read(found: object, kind: type[Entry], place: str, wrong: list[_Mistake]) -> Entry:
    """An entry of what YAML holds.

    A field that cannot be read is reported and has its default or an empty value, so that the rest is checked.
    """
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, object] = {name: _EMPTY[field.type] for name, field in fields.items() if field.required}
    if not isinstance(found, dict):
        wrong.append((place.rstrip("."), "is not a set of fields", f"write {', '.join(fields)} as `name: value`"))
        return kind(**values)
    wrong += [(f"{place}{name}", "is not a field of a mapping", f"known here: {', '.join(fields)}") for name in found if name not in fields]
    for name, field in fields.items():
        inner = field.type if field.type in _ENTRIES else Totals if name == "totals" else None
        if name not in found:
            wrong += [(f"{place}{name}", "is missing", _REMEDY)] if field.required else []
        elif inner is not None and found[name] is not None:
            values[name] = _read(found[name], inner, f"{place}{name}.", wrong)
        else:
            misfits = list(field_values.misfits(found[name], field.type, f"{place}{name}"))
            wrong += misfits
            if not misfits:
                values[name] = msgspec.convert(found[name], field.type)
    return kind(**values)


def _stands_on(place: str, unread: Sequence[str]) -> bool:
    """Return whether the place, or one that it is checked with, could not be read: then nothing more is reported about it."""
    seen = (place, *_LOOKED_AT_WITH.get(place, ()))
    return any(each == other or each.startswith(f"{other}.") for each in seen for other in unread)


def _wrong(mapping: Mapping) -> list[_Mistake]:
    """Mistakes of fields that do not go together or mean nothing."""
    characters = {name: getattr(mapping, name) for name in ("delimiter", "quote", "decimal")}
    wrong = [(name, f"{text!r} is not one character", "give one") for name, text in characters.items() if len(text) != 1]
    if len(mapping.thousands) > 1 or mapping.thousands == mapping.decimal:
        wrong.append(("thousands", f"{mapping.thousands!r} cannot separate digits", "give another character than decimal, or none"))
    if not mapping.name.strip():
        wrong.append(("name", "is empty", "call the mapping by the bank's name"))
    wrong += [
        (name, f"{getattr(mapping, name)!r} is not a text of one line", "it begins the ids of the bank's bookings: give letters and digits")
        for name in ("name", "account")
        if not getattr(mapping, name).isprintable()
    ]
    if mapping.header_lines < 0:
        wrong.append(("header_lines", f"{mapping.header_lines} is below 0", "count the lines before the first booking"))
    return wrong + _wrong_date(mapping) + _wrong_currency(mapping) + _wrong_columns(mapping) + _wrong_patterns(mapping)


def _wrong_date(mapping: Mapping) -> list[_Mistake]:
    directives = set(re.findall(r"%-?([A-Za-z])", mapping.date))
    same = bool("d" in directives and directives & {"m", "b", "B"} and directives & {"Y", "y"})
    try:
        same = same and dt.datetime.strptime(_EXAMPLE_DAY.strftime(mapping.date), mapping.date).date() == _EXAMPLE_DAY  # noqa: DTZ007 -- a date
    except ValueError:
        same = False
    return [] if same else [("date", f"{mapping.date!r} does not hold day, month and year", "write it such as %d.%m.%Y")]


def _wrong_currency(mapping: Mapping) -> list[_Mistake]:
    if mapping.currency and mapping.currency not in MINOR_DIGITS:
        return [("currency", f"{mapping.currency!r} is not a currency of ISO 4217", "give its code, such as EUR")]
    if bool(mapping.currency) == bool(mapping.columns.currency):
        return [("currency", "is given twice or not at all", "give currency, or columns.currency")]
    return []


def _wrong_columns(mapping: Mapping) -> list[_Mistake]:
    wrong = []
    columns, totals = mapping.columns, mapping.totals
    if mapping.header_lines == 0:
        names = [*(getattr(columns, name) for name in ("date", "amount", "id", "currency", "payer", "sign")), *columns.reference]
        wrong += [
            ("columns", f"{name!r} is not a number of a column", "number the columns from 1 where no line names them")
            for name in names
            if name and not (name.isascii() and name.isdigit() and int(name) > 0)
        ]
    if bool(columns.sign) != bool(mapping.credit_words or mapping.debit_words):
        wrong.append(("columns.sign", "goes with credit_words and debit_words", "give all of them or none"))
    if totals is not None and (totals.count < 0 or totals.amount < 0 or not (totals.count or totals.amount)):
        wrong.append(("totals", "says neither count nor amount", "give the number of the column of one of them, from 1"))
    if totals is not None and not totals.begins:
        wrong.append(("totals.begins", "is empty", "give what the first column of that line begins with"))
    if totals is not None and totals.place is TotalsPlace.HEADER and mapping.header_lines < 1:
        wrong.append(("totals.place", "header, and there are no header_lines", "count the line among header_lines"))
    return wrong


def _wrong_patterns(mapping: Mapping) -> list[_Mistake]:
    return _wrong_match(mapping.match)


def _wrong_match(match: Match) -> list[_Mistake]:
    wrong = []
    for name in ("invoice", "account"):
        pattern = getattr(match, name)
        found = patterns.trouble(pattern) if pattern else None
        if found is not None:
            wrong.append((f"match.{name}", *found))
    if not (match.invoice or match.account):
        wrong.append(("match", "finds nothing", "give a pattern for invoice, for account or for both"))
    return wrong
