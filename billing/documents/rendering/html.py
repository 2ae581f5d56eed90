"""A page as one HTML file: no script, nothing fetched, the QR code drawn within. Texts of others keep their direction."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Final

from billing.documents.rendering import qr
from billing.documents.rendering.layout import Facts, Table
from billing.documents.rendering.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.documents.rendering.layout import Block, Code, Column, Fact, Logo, Page, Pay, Row, Section

_STYLE: Final = """
:root { --ink: #1c2733; --soft: #4c5b6a; --line: #d8e0e7; --tint: #f3f7f9; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #e9eef2;
  font: 15px/1.5 "Noto Sans SC", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "Segoe UI", system-ui, sans-serif; }
main { max-width: 56rem; margin: 1.5rem auto; padding: 2.2rem 2.6rem; background: #fff; border-radius: 8px; }
p { margin: .3rem 0; overflow-wrap: anywhere; }
.practice { padding: .6rem 1rem; color: #b00020; border: 2px solid #b00020; }
.logo { display: block; max-height: 4rem; max-width: 16rem; }
.sender { color: var(--soft); font-size: .85rem; }
.top { display: flex; flex-wrap: wrap; gap: 1.5rem 3rem; justify-content: space-between; margin: 1.4rem 0; }
.top > * { flex: 1 1 18rem; min-width: 0; }
.recipient p { margin: 0; }
h1 { margin: 1rem 0 .6rem; color: var(--accent); font-size: 1.7rem; font-weight: 600; overflow-wrap: anywhere; }
h2 { margin: 1.6rem 0 .5rem; padding-bottom: .2rem; border-bottom: 2px solid var(--accent); color: var(--accent); font-size: 1.1rem; }
.owed { padding: 1rem 1.4rem; border-radius: 8px; background: var(--tint); border-left: 6px solid var(--accent); }
.owed b { display: block; font-size: 1.9rem; line-height: 1.3; white-space: nowrap; }
.ways { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.ways > div { flex: 1 1 20rem; min-width: 0; }
figure { margin: 0; text-align: center; font-size: .82rem; color: var(--soft); }
figure svg { width: 9.5rem; height: 9.5rem; display: block; margin: 0 auto .2rem; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .2rem 1.2rem; margin: .4rem 0; }
dl.amounts { grid-template-columns: 1fr max-content; max-width: 28rem; margin-left: auto; }
dl.amounts dd { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.strong { font-weight: 600; color: var(--ink); }
.wide { overflow-x: auto; }
table { width: 100%; margin: .4rem 0 1rem; border-collapse: collapse; font-size: .92rem; }
th { padding: .35rem .5rem; background: var(--tint); color: var(--soft); font-weight: 600; text-align: left; vertical-align: bottom; }
td { padding: .4rem .5rem; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td span { display: block; }
td span + span { color: var(--soft); font-size: .87rem; }
.right { text-align: right; }
td.right { white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.group th { padding-top: .9rem; background: none; color: var(--accent); border-bottom: 1px solid var(--line); }
tr.sum td { font-weight: 600; border-top: 1px solid var(--soft); }
footer { margin-top: 2rem; padding-top: .6rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .8rem; }
@media print { body { background: #fff; font-size: 10pt; } main { margin: 0; padding: 0; max-width: none; } tr { break-inside: avoid; }
  section.apart { break-before: page; } .owed { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
@media (max-width: 40rem) { main { padding: 1rem; } dl { grid-template-columns: 1fr; } }
"""


def render(page: Page) -> str:
    """The whole file."""
    tag = words_of(page.language).tag  # type: ignore[arg-type]  # a page has one of the languages
    return (
        f'<!DOCTYPE html>\n<html lang="{tag}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="date" content="{page.issued_on.isoformat()}">\n<title>{escape(page.title)}</title>\n'
        f"<style>:root {{ --accent: {escape(page.colour)}; }}{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + (f'<p class="practice">{escape(page.practice)}</p>\n' if page.practice else "")
        + (_logo(page.logo) if page.logo is not None else "")
        + f'<header class="sender">{_lines(page.sender)}</header>\n'
        f'<div class="top"><div class="recipient"><p class="sender">{escape(page.recipient_label)}</p>{_lines(page.recipient)}</div>\n'
        f"{_facts(page.facts)}</div>\n<h1>{_text(page.title)}</h1>\n"
        + (f"<p>{_text(page.greeting)}</p>\n" if page.greeting else "")
        + f'<div class="owed">{escape(page.headline.label)}<b>{escape(page.headline.figure)}</b>{escape(page.headline.text)}</div>\n'
        + _facts(page.sums.facts, amounts=True)
        + _pay(page.pay)
        + "".join(map(_section, page.sections))
        + f"<footer>{_lines(page.footer)}</footer>\n</main>\n</body>\n</html>\n"
    )


def _logo(logo: Logo) -> str:
    """The picture within the file. The name of the issuer is below it, so it has no words of its own."""
    return f'<img class="logo" alt="" src="data:{logo.media_type};base64,{base64.b64encode(logo.content).decode()}">\n'


def _text(text: str) -> str:
    """A text of others, which keeps its own direction."""
    return escape(text) if text.isascii() else f"<bdi>{escape(text)}</bdi>"


def _lines(texts: Sequence[str]) -> str:
    return "".join(f"<p>{_text(text)}</p>" for text in texts)


def _pay(pay: Pay) -> str:
    code = _code(pay.code) if pay.code is not None else ""
    ways = f'<div class="ways"><div>{_lines(pay.notes)}\n{_facts(pay.facts)}</div>\n{code}</div>'
    return f"<section>\n<h2>{escape(pay.title)}</h2>\n{ways}\n</section>\n"


def _code(code: Code) -> str:
    drawn = qr.svg(code.rows, f' role="img" aria-label="{escape(code.spoken)}"')
    return f"<figure>{drawn}<figcaption>{escape(code.caption)}</figcaption></figure>"


def _section(section: Section) -> str:
    kind = ' class="apart"' if section.apart else ""
    title = f"<h2>{_text(section.title)}</h2>\n" if section.title else ""
    return f"<section{kind}>\n{title}{''.join(map(_block, section.blocks))}</section>\n"


def _block(block: Block) -> str:
    if isinstance(block, Facts):
        return _facts(block.facts, amounts=block.amounts)
    if isinstance(block, Table):
        return "".join(_table(block))
    return _lines(block.lines) + "\n"


def _facts(facts: Sequence[Fact], *, amounts: bool = False) -> str:
    found = "".join(_fact(fact) for fact in facts)
    kind = ' class="amounts"' if amounts else ""
    return f"<dl{kind}>\n{found}</dl>\n" if found else ""


def _fact(fact: Fact) -> str:
    kind = ' class="strong"' if fact.strong else ""
    return f"<dt{kind}>{escape(fact.name)}</dt><dd{kind}>{_text(fact.text)}</dd>\n"


def _table(table: Table) -> Iterator[str]:
    whole = sum(column.share for column in table.columns)
    widths = "".join(f'<col style="width: {100 * column.share // whole}%">' for column in table.columns)
    heads = "".join(f'<th scope="col"{_side(column)}>{escape(column.head)}</th>' for column in table.columns)
    yield f'<div class="wide"><table>\n<colgroup>{widths}</colgroup>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n'
    yield from (_row(row, table.columns) for row in table.rows)
    yield "</tbody></table></div>\n"


def _row(row: Row, columns: Sequence[Column]) -> str:
    if row.form == "group":
        return f'<tr class="group"><th scope="colgroup" colspan="{len(columns)}">{_spans(row.cells[0])}</th></tr>\n'
    cells = "".join(f"<td{_side(column)}>{_spans(cell)}</td>" for cell, column in zip(row.cells, columns, strict=True))
    kind = ' class="sum"' if row.form == "sum" else ""
    return f"<tr{kind}>{cells}</tr>\n"


def _spans(cell: Sequence[str]) -> str:
    return "".join(f"<span>{_text(text)}</span>" for text in cell)


def _side(column: Column) -> str:
    return ' class="right"' if column.right else ""
