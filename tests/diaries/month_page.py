"""Reads the diary of twelve accounts: days with commands as they are typed, documents line by line, balances; in the order of the page.

A command stands behind `ana$` or `bob$`, and what is printed follows; `...` stands for any lines. Arithmetic is that of `billing_page`.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, NamedTuple

from tests.diaries.billing_page import cents

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = re.compile(r"^(#{2,4}) ([^\n]*)\n|^```console\n(.*?)^```\n|^((?:\|[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
_DOCUMENT = re.compile(r"(\S+) of (\S+), issued (\S+), due (\S+?)(?:, as (\S+))?")
_COMMAND = re.compile(r"^(ana|bob)\$ (.*)\n", re.MULTILINE)
_TOTAL = "**total**"
_BALANCES = {"What accounts owe": "owed", "closed with": "held"}


class Day(NamedTuple):
    """A day that begins."""

    on: dt.date


class Command(NamedTuple):
    """A command of a person, and what it prints."""

    by: str
    words: str
    prints: str


class Line(NamedTuple):
    """A line of a document as a reader sees it; `used` is how often, how much, how much of it free."""

    text: str
    of: str
    days: str
    used: str
    amount: int


class Document(NamedTuple):
    """A document; `twin` is a void one of the same lines, or empty."""

    number: str
    account: str
    issued_on: str
    due_on: str
    twin: str
    lines: list[Line]
    total: int


class Balances(NamedTuple):
    """Cents by account: `owed` by customers, or `held` by the ledger at the end of the month before the day."""

    kind: str
    of: dict[str, int]


Part = Day | Command | Document | Balances


def read(text: str) -> tuple[list[Part], list[tuple[str, str, int]]]:
    """The parts of a page in its order, and (what, arithmetic, cents) of every row with arithmetic."""
    parts: list[Part] = []
    sums: list[tuple[str, str, int]] = []
    title = ""
    for level, heading, console, table in _PART.findall(text):
        if level:
            title = heading
            parts += [Day(dt.date.fromisoformat(heading))] if level == "###" else []
        elif console:
            parts += _commands(console)
        elif (found := _DOCUMENT.fullmatch(title)) is not None:
            rows = list(_rows(table))
            sums += [(f"{title}: {row[0]}", row[4], cents(row[5])) for row in rows]
            lines = [Line(*row[:4], cents(row[5])) for row in rows if row[0] != _TOTAL]
            (total,) = (cents(row[5]) for row in rows if row[0] == _TOTAL)
            parts.append(Document(*(each or "" for each in found.groups()), lines, total))
        elif (kind := next((kind for words, kind in _BALANCES.items() if title.endswith(words)), "")) != "":
            sums += [(f"{title}: {name}", arithmetic, cents(amount)) for name, arithmetic, amount in _rows(table)]
            parts.append(Balances(kind, {name: cents(amount) for name, _, amount in _rows(table)}))
    return parts, sums


def _commands(console: str) -> Iterator[Command]:
    pieces = _COMMAND.split(console)
    assert pieces[0] == "", console
    for by, words, prints in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        yield Command(by, words, prints)


def _rows(table: str) -> Iterator[list[str]]:
    """The cells of a table, without its head."""
    for row in table.splitlines()[2:]:
        yield [cell.strip() for cell in row.strip().removeprefix("|").removesuffix("|").split("|")]
