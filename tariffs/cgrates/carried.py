"""Ledger of what could not be carried over, and of what was taken for granted: nothing is dropped without a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Listed(NamedTuple):
    """One thing that was changed or left out: its place, what became of it, and why."""

    file: str
    line: int
    tag: str
    what: str
    why: str


class CarryError(ValueError):
    """A thing that our words cannot say, with the reason."""


class Ledger:
    """Collects what is reported at the end, each thing once."""

    def __init__(self, listed: Iterable[Listed] = ()) -> None:
        self._listed: dict[Listed, None] = dict.fromkeys(listed)
        self._assumed: dict[str, None] = {}

    def add(self, place: tuple[str, int], tag: str, what: str, why: str) -> None:
        """Something was not carried over, or was changed."""
        self._listed.setdefault(Listed(*place, tag, what, why))

    def assume(self, text: str) -> None:
        """Something that the folder does not say was taken for granted."""
        self._assumed.setdefault(text)

    @property
    def listed(self) -> list[Listed]:
        """By file and line."""
        return sorted(self._listed)

    @property
    def assumed(self) -> list[str]:
        """In the order in which they were met."""
        return list(self._assumed)
