"""A tariff sheet as one HTML file: no script, no image, nothing fetched; it prints as it looks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from tariffs.sheets.layout import Facts, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tariffs.sheets.layout import Block, Section, Sheet

LANGUAGE_TAGS: Final = {"en": "en", "zh": "zh-Hans"}
_STYLE: Final = """
:root { --ink: #1c2733; --soft: #5b6b7b; --accent: #0b5d7a; --line: #d8e0e7; --tint: #f3f7f9; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #e9eef2;
  font: 15px/1.6 "Noto Sans SC", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "Segoe UI", system-ui, sans-serif; }
main { max-width: 62rem; margin: 2rem auto; padding: 0 0 2rem; background: #fff; border-radius: 10px; overflow: hidden;
  box-shadow: 0 2px 18px rgb(16 42 67 / 12%); }
header { padding: 2.2rem 2.6rem 1.8rem; color: #fff; background: var(--accent); }
header p { margin: 0; opacity: .88; }
h1 { margin: .1rem 0 .2rem; font-size: 2.2rem; line-height: 1.2; }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin-top: 1.3rem; padding: 0; list-style: none; }
.cards li { flex: 1 1 11rem; padding: .7rem 1rem; border-radius: 8px; background: rgb(255 255 255 / 14%); }
.cards b { display: block; font-size: 1.35rem; line-height: 1.3; }
section { padding: 1.4rem 2.6rem 0; }
h2 { margin: .4rem 0 .7rem; padding-bottom: .25rem; border-bottom: 2px solid var(--accent); color: var(--accent); font-size: 1.25rem; }
p { margin: .5rem 0; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .35rem 1.4rem; margin: .6rem 0; }
dt { color: var(--soft); }
dd { margin: 0; }
.wide { overflow-x: auto; }
table { width: 100%; margin: .7rem 0 1rem; border-collapse: collapse; font-size: .93rem; }
caption { padding: .3rem 0; text-align: left; font-weight: 600; }
th { padding: .4rem .6rem; background: var(--tint); color: var(--soft); font-weight: 600; text-align: left;
  border-bottom: 1px solid var(--line); }
td { padding: .45rem .6rem; vertical-align: top; border-bottom: 1px solid var(--line); }
td span { display: block; }
td.first span + span { color: var(--soft); font-size: .86rem; }
footer { padding: 1.6rem 2.6rem 0; color: var(--soft); font-size: .82rem; }
@media print { body { background: #fff; font-size: 10pt; } main { margin: 0; max-width: none; box-shadow: none; border-radius: 0; }
  header { print-color-adjust: exact; -webkit-print-color-adjust: exact; } tr { break-inside: avoid; } }
@media (max-width: 40rem) { header, section, footer { padding-left: 1.1rem; padding-right: 1.1rem; } dl { grid-template-columns: 1fr; } }
"""


def page(sheet: Sheet) -> str:
    """The whole file."""
    cards = "".join(f"<li><b>{escape(card.figure)}</b>{escape(card.text)}</li>\n" for card in sheet.cards)
    head = f"{escape(sheet.kind)}: {escape(sheet.title)}"
    return (
        f'<!DOCTYPE html>\n<html lang="{LANGUAGE_TAGS[sheet.language]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{head}</title>\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n<header>\n<p>{escape(sheet.kind)}</p>\n<h1>{escape(sheet.title)}</h1>\n<p>{escape(sheet.subtitle)}</p>\n"
        + (f'<ul class="cards">\n{cards}</ul>\n' if cards else "")
        + "</header>\n"
        + "".join(_section(number, section) for number, section in enumerate(sheet.sections, 1))
        + f"<footer>{escape(sheet.footer)}</footer>\n</main>\n</body>\n</html>\n"
    )


def _section(number: int, section: Section) -> str:
    return f"<section>\n<h2>{number}. {escape(section.title)}</h2>\n{''.join(map(_block, section.blocks))}</section>\n"


def _block(block: Block) -> str:
    if isinstance(block, Facts):
        facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>\n" for name, text in block.facts)
        return f"<dl>\n{facts}</dl>\n"
    if isinstance(block, Table):
        return "".join(_table(block))
    return "".join(f"<p>{escape(text)}</p>\n" for text in block.lines)


def _table(table: Table) -> Iterator[str]:
    yield '<div class="wide"><table>\n'
    if table.title:
        yield f"<caption>{escape(table.title)}</caption>\n"
    whole = sum(table.widths)
    yield "".join(f'<col style="width: {100 * share // whole}%">' for share in table.widths)
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table.heads)
    yield f"\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
    for line in table.lines:
        yield f"<tr>{''.join(_cell(cell, position, table) for position, cell in enumerate(line.cells))}</tr>\n"
    yield "</tbody></table></div>\n"


def _cell(cell: tuple[str, ...], position: int, table: Table) -> str:
    kind = ' class="first"' if position == table.lead else ""
    texts = "".join(f"<span>{escape(text)}</span>" for text in cell)
    return f"<td{kind}>{texts}</td>"
