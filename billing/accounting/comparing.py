"""The result of a check, and a comparison of two collections that needs no memory for millions of rows while they are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


class Checked(msgspec.Struct, frozen=True):
    """The result of one check. `first_difference` is empty where all is right."""

    name: str
    compared: int
    first_difference: str = ""

    @property
    def ok(self) -> bool:
        """Return whether there is no difference."""
        return not self.first_difference


def joined(key: tuple[Any, ...]) -> str:
    """A key in words, as it is."""
    return " ".join(map(str, key))


class What(NamedTuple):
    """A kind of row: a word for one, the number of first fields that identify it, its source, and the text of such a key."""

    noun: str
    identity: int
    source: str
    shown: Callable[[tuple[Any, ...]], str] = joined


def compared(name: str, what: What, wanted: Callable[[], Iterable[Any]], stands: Callable[[], Iterable[Any]]) -> Checked:
    """Named tuples that must be there, and those that are: the first one, by identity, that is missing, too many or other in a field.

    Both are read once, and once more where they differ.
    """
    rows, same = equal(wanted(), stands())
    if same:
        return Checked(name, rows)
    should, is_there = ({row[: what.identity]: row for row in side()} for side in (wanted, stands))
    for number, key in enumerate(sorted(should.keys() | is_there.keys()), start=1):
        told = difference(should.get(key), is_there.get(key), what.source)
        if told:
            return Checked(name, number, f"{what.noun} {what.shown(key)}: {told}")
    return Checked(name, rows, f"a {what.noun} is there twice")


def equal(wanted: Iterable[tuple[Any, ...]], stands: Iterable[tuple[Any, ...]]) -> tuple[int, bool]:
    """The number of wanted rows, and whether the same ones are there, in any order. Each is read once, and none is kept."""
    rows, total = _sum(wanted)
    return rows, (rows, total) == _sum(stands)


def difference(wanted: Any, stands: Any, source: str) -> str:  # noqa: ANN401 -- named tuples of one kind, or None
    """The differences between a row as it should be and as it is, in words; empty where there are none."""
    if wanted is None:
        return f"is there, and no {source} asks for it"
    if stands is None:
        return "is missing"
    fields = zip(wanted._fields, stands, wanted, strict=True)
    return ", ".join(f"{name} is {one!r}, not {two!r}" for name, one, two in fields if one != two)


def _sum(rows: Iterable[tuple[Any, ...]]) -> tuple[int, int]:
    """The number of rows, and a sum that represents all of them in any order."""
    count = total = 0
    for row in rows:
        count += 1
        total += hash(row)
    return count, total
