"""Parts of a page in any form: blocks of facts, tables and sentences under headings. Texts are ready for the reader, in one language.

The structs are what the template of the PDF reads as JSON. All texts of others in them have been through `clean`.
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Fact(msgspec.Struct, frozen=True):
    """A label and its text."""

    name: str
    text: str
    strong: bool = False


class Facts(msgspec.Struct, frozen=True, tag_field="kind", tag="facts"):
    """Labels with their texts. `amounts`: the texts are amounts, which stand below each other at the right."""

    facts: tuple[Fact, ...]
    amounts: bool = False


class Notes(msgspec.Struct, frozen=True, tag_field="kind", tag="notes"):
    """Sentences, a paragraph each."""

    lines: tuple[str, ...]


class Column(msgspec.Struct, frozen=True):
    """A column of a table. `share`: its part of the width; `right`: its cells are figures."""

    head: str
    share: int
    right: bool = False


class Row(msgspec.Struct, frozen=True):
    """A row. A cell is a list of lines; its first line is the weightiest.

    `form`: line; group, whose first cell is the heading of the rows below it; or sum.
    """

    cells: tuple[tuple[str, ...], ...]
    form: str = "line"


class Table(msgspec.Struct, frozen=True, tag_field="kind", tag="table"):
    """A table."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


Block = Facts | Notes | Table


class Section(msgspec.Struct, frozen=True):
    """A part of the page under one heading. `apart`: it begins a page of its own."""

    title: str
    blocks: tuple[Block, ...]
    apart: bool = False


class Code(msgspec.Struct, frozen=True):
    """A QR code: rows of dark (1) and light (0) modules, what it is for those who do not see it, and the words below it."""

    rows: tuple[str, ...]
    spoken: str
    caption: str


class Pay(msgspec.Struct, frozen=True):
    """The way to pay."""

    title: str
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]
    code: Code | None = None


class Logo(msgspec.Struct, frozen=True):
    """The picture of the issuer, PNG or SVG, as it is stored."""

    media_type: str
    content: bytes


class Headline(msgspec.Struct, frozen=True):
    """The one thing to know: an amount, and what is to be done about it."""

    label: str
    figure: str
    text: str


class Page(msgspec.Struct, frozen=True):
    """A document whole. `pages`: the words around the number of a page, with {} for it and for how many there are."""

    title: str
    practice: str
    logo: Logo | None
    language: str
    issued_on: dt.date
    author: str
    sender: tuple[str, ...]
    recipient: tuple[str, ...]
    recipient_label: str
    facts: tuple[Fact, ...]
    greeting: str
    headline: Headline
    sums: Facts
    pay: Pay
    sections: tuple[Section, ...]
    footer: tuple[str, ...]
    pages: str
    colour: str
