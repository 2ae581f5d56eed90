"""Parts of a tariff sheet in any format: sections of facts, tables and sentences, and the cells behind its prices.

Texts are ready for the reader, in one language. Every price on the sheet is a `Cell` too: it says what has to be asked of rating to get
that price again. Units: amounts in micro-units, quantities as `rating.outcome.Event` has them.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from rating.outcome import Bucket, Event

_CHINESE: Final = r"\u3000-\u303f\u4e00-\u9fff\uff00-\uffef"
_GAP: Final = re.compile(rf"(?<=[{_CHINESE}]) (?=[{_CHINESE}])")
_Part = TypeVar("_Part")


class Facts(msgspec.Struct, frozen=True, tag_field="kind", tag="facts"):
    """Pairs of a label and its text."""

    facts: tuple[tuple[str, str], ...]


class Notes(msgspec.Struct, frozen=True, tag_field="kind", tag="notes"):
    """Sentences, a paragraph each."""

    lines: tuple[str, ...]


class Line(msgspec.Struct, frozen=True):
    """A row of a table. A cell is a list of texts; each stays on a line of its own where there is room."""

    cells: tuple[tuple[str, ...], ...]


class Table(msgspec.Struct, frozen=True, tag_field="kind", tag="table"):
    """A table with a heading. `widths` are shares of the page, by column; in column `lead` what follows the first text is less weighty.

    A table of `prose` has cells of whole sentences: where there is no page to wrap them on, they are one below the other.
    """

    title: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    widths: tuple[int, ...]
    lead: int = -1  # none
    prose: bool = False


Block = Facts | Notes | Table


class Section(msgspec.Struct, frozen=True):
    """A part of the sheet under one heading."""

    title: str
    blocks: tuple[Block, ...]


class Card(msgspec.Struct, frozen=True):
    """One figure that a customer looks for first."""

    figure: str
    text: str


class Cell(msgspec.Struct, frozen=True):
    """A price of the sheet: line `number` of its price tables."""

    number: int
    service: int
    zone: str
    rule_plan: str  # whose rule it is: the plan of the sheet, or one that it falls back to
    rule_index: int
    conditions: tuple[tuple[str, int | str | bool], ...]
    band: str  # of the price's calendar; "" where the rule has no price
    price_id: int  # 0: not sold
    clauses: tuple[str, ...]  # the visible text of the price
    method: str  # letter of the way of counting, told below the tables; "" where nothing is counted
    quote: Event  # what to ask of rating; the quantity is that of the worked example
    until_us: int  # the band surely lasts up to here from the start of the quote


class Example(msgspec.Struct, frozen=True):
    """A worked example: what is used, and what rating charges for it."""

    number: int  # of its cell
    event: Event
    buckets: tuple[Bucket, ...]  # what there was to draw on
    charge_micros: int
    text: tuple[str, ...]


class Sheet(msgspec.Struct, frozen=True):
    """The sheet of one plan in one version of its catalogue."""

    language: str
    kind: str  # what such a document is called
    title: str  # the plan's
    subtitle: str
    cards: tuple[Card, ...]
    sections: tuple[Section, ...]
    footer: str
    page: str  # "page {} of {}" in the language
    cells: tuple[Cell, ...]
    examples: tuple[Example, ...]


def without_gaps(part: _Part) -> _Part:
    """The same without spaces between two Chinese characters, where a unit of a figure meets the next word."""
    if isinstance(part, str):
        return _GAP.sub("", part)  # type: ignore[return-value]  # a str is one
    if isinstance(part, tuple):
        return tuple(without_gaps(each) for each in part)  # type: ignore[return-value]  # of the same kinds
    if isinstance(part, msgspec.Struct) and not isinstance(part, Event | Bucket):
        return msgspec.structs.replace(part, **{name: without_gaps(getattr(part, name)) for name in part.__struct_fields__})
    return part
