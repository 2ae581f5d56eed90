"""The field tables of `docs/tariffs.md`, made of the structs that read tariff files and of `field_texts`.

Between `<!-- fields: PriceEntry -->` and `<!-- end of fields -->` is the table of that entry. `python -m
tariffs.reference.field_tables --write docs/tariffs.md` makes them new; `--check` says by its exit status whether they are.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tariffs.documents.decode import Kind, fields_of
from tariffs.language import entries, plans
from tariffs.reference.field_texts import meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD: Final = ("| field | holds | meaning | without it |", "|---|---|---|---|")
_TABLE: Final = re.compile(r"(<!-- fields: (\w+) -->\n).*?(<!-- end of fields -->)", re.DOTALL)
_LEAVES: Final[dict[object, str]] = {int: "whole number", str: "text", bool: "`true` or `false`", dict: "texts by language"}
_WORDS_MAX: Final = 5  # of a choice, listed in a cell


def table(kind: type[msgspec.Struct]) -> list[str]:
    """The lines of the table of an entry: what must be written, then what may be; fields of its own before those that it shares."""
    rows = []
    fields = fields_of(kind)
    order = sorted(fields, key=lambda written: (not fields[written].required, _declared(kind, fields[written].name)))
    for written, field in ((name, fields[name]) for name in order):
        text, without = meaning(kind, written)
        last = "**must be written**" if field.required else without
        rows.append(f"| `{written}` | {_held(field.kind)} | {text} | {last} |")
    return [*_HEAD, *rows]


def with_tables(page: str) -> str:
    """The page with every table made new. KeyError for an entry that there is not."""
    kinds = {name: each for module in (entries, plans) for name, each in vars(module).items() if isinstance(each, type)}
    return _TABLE.sub(lambda match: match[1] + "\n".join(table(kinds[match[2]])) + "\n" + match[3], page)


def main(words: Sequence[str]) -> int:
    """`--check PAGE` or `--write PAGE`; 0 where the page is as it should be."""
    if len(words) != 2 or words[0] not in {"--check", "--write"}:  # noqa: PLR2004 - what to do, and the page
        sys.stderr.write("usage: python -m tariffs.reference.field_tables --check|--write docs/tariffs.md\n")
        return 2
    path = Path(words[1])
    page = path.read_text(encoding="utf-8")
    right = with_tables(page)
    if words[0] == "--write":
        path.write_text(right, encoding="utf-8")
        return 0
    if page != right:
        sys.stderr.write(f"{path}: field tables are old; make them new: python -m tariffs.reference.field_tables --write {path}\n")
    return int(page != right)


def _declared(kind: type[msgspec.Struct], name: str) -> int:
    """Return how far up the field is declared: 0 by the entry itself."""
    ancestry = kind.__mro__[: kind.__mro__.index(msgspec.Struct)]
    return max(place for place, each in enumerate(ancestry) if name in {field.name for field in msgspec.structs.fields(each)})


def _held(kind: Kind) -> str:
    """The kind of value that a field holds, in words."""
    if kind.text is not None:
        form = kind.text.form
        words = ("true", "false", *form.words) if form.flags else form.words
        return ", ".join(f"`{word}`" for word in words) if 0 < len(words) <= _WORDS_MAX else form.title
    if kind.item is not None:
        return f"list: {_held(kind.item)}"
    if kind.entry is not None:
        return f"[{_title(kind.entry)}](#{_title(kind.entry).replace(' ', '-')})"
    assert kind.leaf is not None, "a field holds one of four things"
    return _LEAVES[kind.leaf.kind]


def _title(kind: type[msgspec.Struct]) -> str:
    """`tax rate` of TaxRateEntry: the heading of its table."""
    return " ".join(re.findall(r"[A-Z][a-z]*", kind.__name__.removesuffix("Entry"))).lower()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
