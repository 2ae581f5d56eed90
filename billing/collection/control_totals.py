"""Totals that a file states in its header or trailer, compared with what was read from it.

A header or trailer is a line of the file that is no record; named groups of its pattern hold the number of records (`count`), the sums of
`duration`, `bytes` and `units`, and the file's own number (`sequence`). Records that cannot be read count as records; their quantities
are not known, so sums are only compared where every record could be read. A sum of durations may be off by less than one of the unit in
which it is written. Times are microseconds.

A file whose totals do not agree, or whose number is not that in its name, is not taken: it was cut off, changed or mixed up on its way.
Nor is one that lacks the line it must have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow.compute as pc

from billing.collection import sequences
from billing.collection.folders import base_name
from mediation.sources.model import Unit
from rating.errors import UnusableFileError

if TYPE_CHECKING:
    from mediation.decoded import Decoded
    from mediation.sources.model import ControlTotals, Source

UNIT_US: Final = {
    Unit.MICROSECOND: 1,
    Unit.MILLISECOND: 1_000,
    Unit.TENTH: 100_000,
    Unit.SECOND: 1_000_000,
    Unit.MINUTE: 60_000_000,
}
COMPARED: Final = ("count", "duration", "bytes", "units")
SEQUENCE: Final = "sequence"
_NUMBER: Final = re.compile(r"([0-9]{1,18})(?:[.,]([0-9]{1,6}))?")
_WORDS: Final = {"count": "records", "duration": "microseconds", "bytes": "bytes", "units": "units"}


class Totals(NamedTuple):
    """Totals that a file's lines state, by name of the group, durations in microseconds; and the counted ones."""

    said: dict[str, int]
    counted: dict[str, int]


class ControlTotalsError(UnusableFileError):
    """A file does not hold what it says it holds. `totals` are both sides."""

    def __init__(self, message: str, remedy: str, totals: Totals) -> None:
        super().__init__(message, remedy)
        self.totals = totals


def checked(name: str, decoded: Decoded, source: Source) -> Totals:
    """Both sides, which agree. Raises ControlTotalsError where they do not, or a line that the source promises is not there."""
    totals = Totals(_said(name, decoded, source), _counted(decoded))
    wrong = [each for each in COMPARED if each in totals.said and not _agrees(each, totals, decoded, source)]
    if wrong:
        texts = "; ".join(f"{_WORDS[each]}: {totals.said[each]:,} by the file, {totals.counted[each]:,} counted" for each in wrong)
        raise ControlTotalsError(f"{name} does not hold what it says it holds: {texts}", _FETCH_AGAIN, totals)
    _check_number(name, totals, source)
    return totals


_FETCH_AGAIN: Final = "fetch the file again from the switch and put it into the watched folder; nothing of this one was taken"


def _said(name: str, decoded: Decoded, source: Source) -> dict[str, int]:
    """Every total that header and trailer give."""
    said: dict[str, int] = {}
    for place, rules in (("header", source.header), ("trailer", source.trailer)):
        if rules is not None:
            said |= _of_line(name, place, rules, decoded)
    return said


def _check_number(name: str, totals: Totals, source: Source) -> None:
    """A file's own number is the one in its name, where both are known."""
    rules = source.file_sequence
    of_name = sequences.numbered(base_name(name), rules) if rules is not None else None
    said = totals.said.get(SEQUENCE)
    if of_name is not None and said is not None and of_name.number != said:
        message = f"{name} says that it is number {said:,}, and its name says {of_name.number:,}"
        raise ControlTotalsError(message, "find out which file it is, and give it its own name; nothing of it was taken", totals)


def _of_line(name: str, place: str, rules: ControlTotals, decoded: Decoded) -> dict[str, int]:
    lines = [line for line in decoded.control_lines if line.startswith(rules.starts_with.encode())]
    nothing = Totals({}, _counted(decoded))
    if len(lines) != 1:
        found = f"{len(lines):,} lines begin" if lines else "no line begins"
        raise ControlTotalsError(f"{name} has no single {place}: {found} with {rules.starts_with!r}", _FETCH_AGAIN, nothing)
    text = lines[0].decode("utf-8", "backslashreplace").rstrip("\r\n")
    match = re.fullmatch(rules.pattern, text)
    if match is None:
        remedy = f"correct `{place}` in the source's definition if its lines have another form now"
        raise ControlTotalsError(f"the {place} of {name} is not as its source says: {text[:200]!r}", remedy, nothing)
    said = {}
    for group, value in match.groupdict().items():
        if group not in {*COMPARED, SEQUENCE} or value is None:
            continue
        amount = _amount(value.strip(), group, rules.duration_unit)
        if amount is None:
            raise ControlTotalsError(f"the {group} in the {place} of {name} is not a number: {value[:40]!r}", _FETCH_AGAIN, nothing)
        said[group] = amount
    return said


def _amount(text: str, group: str, unit: Unit) -> int | None:
    """A written total; durations become microseconds, everything else is whole. None for what is no such number."""
    if group == "duration" and unit is Unit.CLOCK:
        return _clock(text)
    match = _NUMBER.fullmatch(text)
    if match is None or (match[2] and group != "duration"):
        return None
    unit_us = UNIT_US.get(unit, 1_000_000) if group == "duration" else 1
    fraction = int((match[2] or "").ljust(6, "0")) * unit_us // 1_000_000
    return int(match[1]) * unit_us + fraction


def _clock(text: str) -> int | None:
    """Microseconds of h:m:s or m:s."""
    parts = text.split(":")
    if not 2 <= len(parts) <= 3 or not all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts):  # noqa: PLR2004 - as the docstring says
        return None
    seconds = 0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return seconds * 1_000_000


def _counted(decoded: Decoded) -> dict[str, int]:
    usage = decoded.usage
    return {
        "count": decoded.rows,
        "duration": _sum(usage, "duration_us"),
        "bytes": _sum(usage, "bytes_up") + _sum(usage, "bytes_down"),
        "units": _sum(usage, "units"),
    }


def _sum(usage: Any, column: str) -> int:  # noqa: ANN401 - a pyarrow table
    return int(pc.sum(usage.column(column)).as_py() or 0)


def _agrees(name: str, totals: Totals, decoded: Decoded, source: Source) -> bool:
    difference = abs(totals.said[name] - totals.counted[name])
    if name == "count":
        return difference == 0
    if decoded.rejects:
        return True
    return difference < _tolerance(name, source)


def _tolerance(name: str, source: Source) -> int:
    """Difference from which on two sums disagree: 1, or one unit of a sum of durations, which is written in whole units."""
    rules = source.trailer if source.trailer is not None and f"?P<{name}>" in source.trailer.pattern else source.header
    if name != "duration" or rules is None:
        return 1
    return UNIT_US.get(rules.duration_unit, 1_000_000)
