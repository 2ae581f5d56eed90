"""Reads a diary: a Markdown page with tables of lines, of events with their arithmetic, and of invoices. Times are those of Shanghai.

An event is `call`, `received` (a call), `message`, `mms`, `data` or `content`; `in 440-10` adds the visited network, `group 20` the rating
group. Arithmetic has numbers and + - * / and brackets; what is refused has the status instead, and what is no business of a bill `-`.
"""

from __future__ import annotations

import ast
import operator
import re
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from rating.model import Service
from rating.money import MICROS_PER_UNIT, parse_micros
from rating.schema import Direction
from tariffs.language import digits, texts
from tests.billing.runs.world import Call, instant_us

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_BILLED = "-"
SERVICES = {"call": Service.VOICE, "received": Service.VOICE, "message": Service.SMS, "mms": Service.MMS, "data": Service.DATA}
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


class Line(NamedTuple):
    """A subscription."""

    name: str
    account: str
    plan: str
    from_date: str
    number: str


class Entry(NamedTuple):
    """An event, and what it costs: an amount in micro-units, a status, or NOT_BILLED."""

    row: str  # as it stands on the page
    call: Call
    start_us: int
    arithmetic: str
    costs: int | str

    def worked_out(self) -> int | str:
        """What the arithmetic comes to, rounded half up to the places of `costs`; what is no arithmetic stays as it is."""
        if isinstance(self.costs, str):
            return self.arithmetic
        places = len(self.row.split("|")[7].strip().partition(".")[2])
        step: int = 10 ** (6 - (places or 6))  # what is written as `0` is exactly nothing
        exact = _value(ast.parse(self.arithmetic, mode="eval").body) * MICROS_PER_UNIT / step
        return int((exact + Fraction(1, 2)) // 1) * step


class Diary(NamedTuple):
    """A page."""

    catalogue: str  # a folder of tariffs/catalogs
    lines: list[Line]
    changes: list[tuple[str, str, str]]  # line, plan, from
    entries: list[Entry]
    invoices: list[tuple[str, str, list[tuple[str, int]]]]  # date, account, lines with cents


def read(path: Path, currency: str) -> Diary:
    """The diary of a page."""
    text = path.read_text(encoding="utf-8")
    sections = dict(_sections(text))
    lines = [Line(*row) for row in _rows(sections["Lines"])]
    numbers = {line.name: line.number for line in lines}
    entries = [_entry(row, numbers, currency) for row in _rows(sections["Diary"])]
    changes = [(row[0], row[1], row[2]) for row in _rows(sections.get("Changes of plan", ""))]
    invoices = []
    for title, body in sections.items():
        found = re.fullmatch(r"Invoice of (\S+) for (\S+)", title)
        if found:
            invoices.append((found[1], found[2], [(row[0], int(Fraction(row[1]) * 100)) for row in _rows(body)]))
    return Diary(path.stem, lines, changes, entries, invoices)


def _sections(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        yield title.strip(), body


def _rows(body: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    rows = [row for row in body.splitlines() if row.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def _entry(cells: list[str], numbers: dict[str, str], currency: str) -> Entry:
    when, line, event, other, amount, arithmetic, costs = cells[:7]
    at = when.replace(" ", "T")
    kind, *circumstances = event.split(", ")
    service = SERVICES.get(kind, Service.CONTENT)
    call = Call(
        numbers[line],
        at,
        texts.quantity(amount).value // 1000 if service is Service.VOICE else 0,
        int(numbers.get(other, other) or 0),
        service=service,
        volume_bytes=texts.quantity(amount).value if service is Service.DATA else None,
        direction=Direction.TERMINATING if kind == "received" else Direction.ORIGINATING,
        plmn=next((digits.plmn(each[3:]) for each in circumstances if each.startswith("in ")), None),
        rating_group=next((int(each[6:]) for each in circumstances if each.startswith("group ")), None),
        amount_micros=parse_micros(amount) if service is Service.CONTENT and amount else None,
        currency=currency if service is Service.CONTENT and amount else None,
        dialled=other if len(other) < 7 and other not in numbers else "",
    )
    cost = parse_micros(costs) if re.match(r"\d", costs) else costs
    return Entry("|" + "|".join(cells) + "|", call, instant_us(at), arithmetic, cost)


def _value(node: ast.expr) -> Fraction:
    """A sum of decimals, exactly."""
    if isinstance(node, ast.BinOp):
        found: Fraction = _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
        return found
    assert isinstance(node, ast.Constant), "arithmetic has numbers, + - * / and brackets"
    return Fraction(str(node.value))
