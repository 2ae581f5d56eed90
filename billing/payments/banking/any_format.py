"""A bank file of any format into the store: the format by the content unless it is given, and the mapping as that format wants it.

A CSV file needs a mapping of its columns; of a statement a mapping is optional, and holds patterns for free text (`match`) alone.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from billing.payments import importing
from billing.payments import mapping as mappings
from billing.payments.banking.importing import import_statements
from billing.payments.statements import reading
from billing.payments.statements.reading import Format
from rating.errors import UserError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.payments.importing import Imported
    from billing.payments.writing import Act
    from billing.store.home import Home


class How(NamedTuple):
    """The way to read a bank file. `form`: empty for the one that its content shows. `mapping`: YAML, None without one."""

    form: str = ""
    mapping: bytes | None = None
    mapping_name: PurePath | None = None


def import_any(  # noqa: PLR0913 -- a file, how it is read, and who imports it
    home: Home, path: Path, how: How, act: Act, progress: Callable[[int, int], None] | None = None, *, content: bytes | None = None
) -> Imported:
    """Import a bank file. Raises UserError for a format that is none, a mapping that is missing, and every mistake of the file."""
    source = reading.source(path, content)
    form = found(path, how, content)
    name = how.mapping_name or path
    if form is Format.CSV:
        return importing.import_file(home, path, csv_mapping(path, how), act, progress, content=content)
    match = None if how.mapping is None else mappings.parse_match(how.mapping, name)
    return import_statements(home, source, form, match, act, progress)


def found(path: Path, how: How, content: bytes | None = None) -> Format:
    """The format of a file: as it was given, else as its content shows."""
    return format_of(how.form) if how.form else reading.recognised(reading.source(path, content))


def format_of(text: str) -> Format:
    """A format by its name. Raises UserError."""
    try:
        return Format(text)
    except ValueError:
        raise UserError(f"{quoted(text)} is not a format of bank files", f"give one of {', '.join(Format)}", exit_status=2) from None


def csv_mapping(path: Path, how: How) -> mappings.Mapping:
    """The mapping of a CSV file. Raises UserError where there is none."""
    if how.mapping is None:
        raise UserError(
            f"{path} is neither camt nor MT940, and CSV needs a mapping",
            "say with --mapping how this bank writes its files, or force another format with --format",
            exit_status=2,
        )
    return mappings.parse_mapping(how.mapping, how.mapping_name or path)
