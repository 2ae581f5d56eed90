"""Files whose header line names their columns: the names, and the window moved behind the header.

Names are matched in any case where a format knows them. A file without the columns that are needed is refused as a whole: it is
another file than the source says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from mediation.records.csv_blocks import marks_of
from mediation.records.scan import WIDTH_MAX, room, scan
from mediation.sources.model import Layout, Source
from rating.errors import UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mediation.bytes.memory_window import ByteWindow

_ANY_WIDTH: Final = (1 << (WIDTH_MAX + 1)) - 2
_LISTED_MAX: Final = 3


class Header(NamedTuple):
    """The source with the columns that a file's header names, and the lines of totals before them."""

    source: Source
    control_lines: tuple[bytes, ...]


def named(  # noqa: PLR0913 - what to read, and how
    window: ByteWindow, source: Source, needed: Iterable[str], *, lines: int, names_in: int = 0, also_known: Iterable[str] = ()
) -> Header | None:
    """The first `lines` of a file; line `names_in` of them has the names. None if the file holds nothing.

    A line of totals before them (`header` of the definition) is none of the `lines`. `needed` and `also_known` columns are spelled as
    they are here; the header may have them in any case.
    """
    totals = _totals(window, source)
    header = room(lines, WIDTH_MAX)
    marks = marks_of(source.dialect)
    count, position = scan(window.data, window.begin, window.end, header, _ANY_WIDTH, is_last=window.is_last, marks=marks)
    if count == 0:
        return None
    width = int(header.width[names_in]) if names_in < count else 0
    if width > WIDTH_MAX:
        raise UnusableFileError(f"the header of {window.name} names {width} columns", f"at most {WIDTH_MAX} can be read")
    limits = [(int(header.field_begin[place, names_in]), int(header.field_end[place, names_in])) for place in range(width)]
    names = [_text(window.data[begin:end].tobytes()) for begin, end in limits]
    window.begin = position
    columns = _checked(window.name, names, list(needed), list(also_known))
    return Header(msgspec.structs.replace(source, layouts=(Layout(columns),), header_lines=0), totals)


def _totals(window: ByteWindow, source: Source) -> tuple[bytes, ...]:
    """The line of totals at the beginning, if there is one; the window is moved behind it."""
    if source.header is None:
        return ()
    row = room(1, WIDTH_MAX)
    marks = marks_of(source.dialect)
    count, position = scan(window.data, window.begin, window.end, row, _ANY_WIDTH, is_last=window.is_last, marks=marks)
    line = window.data[row.begin[0] : row.end[0]].tobytes()
    if count == 0 or not line.startswith(source.header.starts_with.encode()):
        return ()
    window.begin = position
    return (line,)


def _checked(file: str, names: list[str], needed: list[str], also_known: list[str]) -> tuple[str, ...]:
    """The names as the source spells them; it is an error if one of `needed` is missing or is there twice."""
    spelled = {name.lower(): name for name in (*also_known, *needed)}
    found = tuple(spelled.get(name.lower(), name) for name in names)
    missing = [name for name in dict.fromkeys(needed) if name not in found]
    if missing:
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") or "nothing that can be read"  # noqa: PLR2004 - enough to tell the file
        raise UnusableFileError(
            f"the header of {file} has no column {_listed(missing)}; it begins: {shown}",
            "check that this is a file of the source; if its columns have other names, give them in the source's definition",
        )
    twice = [name for name in spelled.values() if found.count(name) > 1]
    if twice:
        raise UnusableFileError(
            f"the header of {file} has the column {twice[0]} more than once", "name each column once, or give `columns` in the definition"
        )
    return found


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _listed(names: list[str]) -> str:
    more = f", and {len(names) - _LISTED_MAX} more" if len(names) > _LISTED_MAX else ""
    return ", ".join(names[:_LISTED_MAX]) + more
