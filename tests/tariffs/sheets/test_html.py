"""The HTML itself: one file, well formed, in its language, with nothing to fetch or to run."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from tariffs.sheets import html, text
from tests.tariffs.sample import SAMPLE, loaded
from tests.tariffs.sheets.shown import made, shown

if TYPE_CHECKING:
    from pathlib import Path

VOID = {"meta", "col", "br"}


class _Balanced(HTMLParser):
    """Raises where a tag is not closed as it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not [value for name, value in attrs if name in {"src", "href", "onclick"}]
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


@pytest.mark.parametrize(("language", "tag"), [("en", 'lang="en"'), ("zh", 'lang="zh-Hans"')])
def test_it_is_one_well_formed_file(language: str, tag: str) -> None:
    page = html.page(shown("mobile", "smart-l", language).sheet)
    reader = _Balanced()
    reader.feed(page)
    assert reader.opened == []
    assert reader.seen.isdisjoint({"script", "link", "img", "iframe"})
    assert {"h1", "h2", "table", "caption", "th"} <= reader.seen
    assert page.startswith("<!DOCTYPE html>")
    assert tag in page
    assert "url(" not in page


def test_texts_of_the_catalogue_are_escaped(tmp_path: Path) -> None:
    found = loaded(tmp_path, SAMPLE.replace("{en: Basic, zh: 基本}", '{en: "<b>A & B</b>"}'))
    page = html.page(made(found, "basic", "en").sheet)
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in page
    assert "<b>A" not in page


def test_every_text_of_the_text_form_is_in_the_html() -> None:
    sheet = shown("mobile", "smart-l", "en").sheet
    page = html.page(sheet)
    assert all(f". {section.title}</h2>" in page for section in sheet.sections)
    assert sheet.footer in page


def test_columns_of_the_text_form_stand_below_each_other() -> None:
    lines = text.lines(shown("mobile", "smart-l", "zh").sheet)
    head = next(line for line in lines if line.startswith("序号") and "时段" in line)
    rows = [line for line in lines[lines.index(head) + 1 :] if line[:1].isdigit()][:12]
    place = text.width(head[: head.index("价格")])
    for row in rows:
        width, cut = 0, 0
        while width < place:
            width, cut = width + text.width(row[cut]), cut + 1
        assert width == place
        assert row[cut - 2 : cut] == "  "
        assert row[cut] != " "
