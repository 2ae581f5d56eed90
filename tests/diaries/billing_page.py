"""Reads the diary of fourteen months: accounts, and a section a month with acts, lines of documents, what accounts owe and books hold.

Arithmetic has numbers and + - x / and ( ); [ ] is rounded to the cent, halves away from zero, { } up to the cent. Everything else must come
to whole cents.
"""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|[-+x/()\[\]{}])")
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_TOTAL = "**total**"


class Act(NamedTuple):
    """Something that happens: what, of which subscription, account or document, and its words: `plan diary/pro, from 2028-04-14`."""

    on: dt.date
    name: str
    of: str
    told: dict[str, str]


class Line(NamedTuple):
    """A line of a document as it can be compared. `subscription` is empty where it is of none."""

    document: str
    account: str
    name: str
    subscription: str
    period_from: str
    period_to: str
    cents: int


class Month(NamedTuple):
    """A section. `sums` are (what, arithmetic, cents) of every row with arithmetic; `corrects` the document that a line names last."""

    title: str
    acts: list[Act]
    lines: list[Line]
    corrects: dict[Line, str]
    totals: dict[str, int]
    owed: dict[str, int]
    held: dict[str, int]
    sums: list[tuple[str, str, int]]


class Page(NamedTuple):
    """The diary. `accounts` are (id, first day, bill day)."""

    accounts: list[tuple[str, str, int]]
    months: list[Month]


def read(text: str) -> Page:
    """The diary of a page."""
    sections = list(_parts(text, "## "))
    accounts = [(row[0], row[2], int(row[3])) for row in _rows(dict(sections)["Accounts"])]
    return Page(accounts, [_month(title, body) for title, body in sections if title not in {"Accounts", "Prices"}])


def worked_out(arithmetic: str) -> int:
    """What arithmetic comes to, in cents. Raises ValueError where it is none, or comes to less than a cent."""
    tokens = _tokens(arithmetic)
    found = _sum(tokens) * 100
    if tokens or found.denominator != 1:
        raise ValueError(f"{arithmetic}: {tokens or found}")
    return int(found)


def cents(text: str) -> int:
    """Cents of an amount with two places."""
    whole = Fraction(text) * 100
    assert whole.denominator == 1, text
    return int(whole)


def _month(title: str, body: str) -> Month:
    parts = dict(_parts(body, "### "))
    acts = [Act(dt.date.fromisoformat(row[0]), row[1], row[2], _words(row[3])) for row in _rows(parts["What happens"])]
    month = Month(title, acts, [], {}, {}, {}, {}, [])
    for document, account, name, of, start, end, arithmetic, amount, note in _rows(parts["Documents"]):
        month.sums.append((f"{document} {name} {of} {start}", arithmetic, cents(amount)))
        if name == _TOTAL:
            month.totals[document] = cents(amount)
            continue
        month.lines.append(Line(document, account, name, of, start, end, cents(amount)))
        if note:
            month.corrects[month.lines[-1]] = note.split()[-1]
    for account, arithmetic, amount in _rows(parts["What accounts owe"]):
        month.sums.append((f"{account} owes", arithmetic, cents(amount)))
        month.owed[account] = cents(amount)
    for account, arithmetic, amount, _ in _rows(parts["What the books hold"]):
        month.sums.append((account, arithmetic, cents(amount)))
        month.held[account] = cents(amount)
    return month


def _words(told: str) -> dict[str, str]:
    """`plan diary/pro, from 2028-04-14` as {"plan": "diary/pro", "from": "2028-04-14"}."""
    pieces = (piece.partition(" ") for piece in told.split(", ") if piece)
    return {word: value for word, _, value in pieces}


def _parts(text: str, head: str) -> Iterator[tuple[str, str]]:
    for part in re.split(f"^{head}", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        yield title.strip(), body


def _rows(body: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    rows = [row for row in body.splitlines() if row.startswith("|")]
    return [[cell.strip() for cell in row.strip().removeprefix("|").removesuffix("|").split("|")] for row in rows[2:]]


def _tokens(arithmetic: str) -> list[str]:
    found, place = [], 0
    while place < len(arithmetic.rstrip()):
        token = _TOKEN.match(arithmetic, place)
        if token is None:
            raise ValueError(f"{arithmetic}: what is at {place}?")
        found.append(token[1])
        place = token.end()
    return found


def _sum(tokens: list[str]) -> Fraction:
    value = Fraction(0)
    sign = tokens.pop(0) if tokens[:1] in (["-"], ["+"]) else "+"
    while True:
        term = _product(tokens)
        value += term if sign == "+" else -term
        if tokens[:1] not in (["-"], ["+"]):
            return value
        sign = tokens.pop(0)


def _product(tokens: list[str]) -> Fraction:
    value = _factor(tokens)
    while tokens[:1] in (["x"], ["/"]):
        value = value * _factor(tokens) if tokens.pop(0) == "x" else value / _factor(tokens)
    return value


def _factor(tokens: list[str]) -> Fraction:
    first = tokens.pop(0) if tokens else "nothing"
    if first not in _CLOSED_BY:
        return Fraction(first)
    value = _sum(tokens)
    if (tokens.pop(0) if tokens else "") != _CLOSED_BY[first]:
        raise ValueError(f"{first} is not closed")
    return {"(": lambda exact: exact, "[": _to_the_cent, "{": _up_to_the_cent}[first](value)


def _to_the_cent(exact: Fraction) -> Fraction:
    whole = (abs(exact) * 100 + Fraction(1, 2)) // 1
    return Fraction(whole if exact >= 0 else -whole, 100)


def _up_to_the_cent(exact: Fraction) -> Fraction:
    return Fraction(-((-exact * 100) // 1), 100)
