"""The reference of the language: every example on the page is good, and every field stands on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tariffs.language import Document
from tariffs.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs" / "tariffs.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
FILES = {
    "deck.csv": "zone_id,zone,prefixes,rate\n50,france,33,0.0049\n",
    "holidays.csv": "date\n2026-05-01\n",
    "prefixes.csv": "prefix\n44\n",
}


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_every_example_is_good(tmp_path: Path, block: int) -> None:
    """The first is a whole catalogue; the others are added to it."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    for number in sorted({0, block}):
        (tmp_path / f"{number}.yaml").write_text(BLOCKS[number], encoding="utf-8")
    assert "smart-m" in [plan.name for plan in load(tmp_path).plans]


def test_every_field_stands_on_the_page() -> None:
    words = set(re.findall(r"[a-z_]+", DOCS.read_text(encoding="utf-8")))
    missing = {name for name in _fields(Document) if name not in words}
    assert missing == set()


def test_every_field_of_the_examples_is_one() -> None:
    """And the reader of fields below sees those deep inside."""
    assert {"on_net", "maximum", "month_days", "first_increment", "content_percent", "at_plan_change"} <= set(_fields(Document))


def _fields(kind: Any) -> Iterator[str]:  # noqa: ANN401 - a type expression
    """Names of the fields of an entry and of all entries inside it, as they are written."""
    for field in msgspec.structs.fields(kind):
        yield field.encode_name
        yield from _inner(field.type)


def _inner(annotation: Any) -> Iterator[str]:  # noqa: ANN401 - a type expression
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield from _fields(annotation)
    for argument in getattr(annotation, "__args__", ()):
        yield from _inner(argument)
