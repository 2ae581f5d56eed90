"""The PDF itself: it is drawn, Chinese shows, the same sheet gives the same bytes, and what is missing is told."""

from __future__ import annotations

import ctypes
import itertools
import sys
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2
import pytest
from pypdfium2 import raw

from rating.errors import UserError
from tariffs.sheets import pdf
from tariffs.sheets.layout import Notes, Table
from tests.tariffs.sheets.shown import catalogue, made, pages_of, pictures_of, shown

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CHINESE_FROM, CHINESE_TO = "\u4e00", "\u9fff"
SCALE = 3  # pixels a point
POINTS_PER_MM = 72 / 25.4
LANGUAGES = ("en", "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_something_on_it(language: str) -> None:
    pictures = pictures_of(shown("mobile", "smart-l", language).pdf)
    assert len(pictures) > 1
    for picture in pictures:
        assert picture.shape[0] > picture.shape[1], "A4 upright"
        dark = (picture.min(axis=2) < 128).mean()
        assert 0.005 < dark < 0.5


def test_chinese_characters_are_drawn_and_differ() -> None:
    """Where a font lacks a character the same box is drawn for each."""
    drawn = shown("china-mobile", "star-39", "zh").pdf
    shapes = [_shape(picture, box) for picture, box in _chinese(drawn, many=150)]
    assert len(shapes) == 150
    assert all(0.05 < shape.mean() < 0.8 for shape in shapes), "no character is empty or a block"
    assert len({shape.tobytes() for shape in shapes}) > 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_font_is_in_the_file(language: str) -> None:
    assert b"NotoSansSC" in shown("mobile", "smart-s", language).pdf


def test_the_same_sheet_gives_the_same_bytes() -> None:
    seen = shown("mobile", "smart-s", "zh")
    assert pdf.render(seen.sheet) == seen.pdf


def test_texts_of_the_catalogue_are_not_read_as_markup(tmp_path: Path) -> None:
    from tests.tariffs.sample import SAMPLE, loaded  # noqa: PLC0415 - for this test alone

    odd = "#panic() $x$ *b* _i_ @a <l> \\\\ [c] `r` // end"
    found = loaded(tmp_path, SAMPLE.replace("{en: Basic, zh: 基本}", f'{{en: "{odd}"}}'))
    seen = made(found, "basic", "en")
    document = pypdfium2.PdfDocument(seen.pdf)
    assert odd.replace("\\\\", "\\") in " ".join(document[0].get_textpage().get_text_range().split())


@pytest.mark.parametrize(("package", "what"), [("typst", "what draws PDF"), ("pylopdf_fonts_zh_cn", "the font for Chinese")])
def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, package: str, what: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=what) as raised:
        pdf.render(shown("mobile", "smart-s", "en").sheet)
    assert raised.value.remedy == 'install the parts for PDF: pip install "ratewright[pdf]"'


def test_a_font_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pylopdf_fonts_zh_cn  # noqa: PLC0415 - what is changed

    monkeypatch.setattr(pylopdf_fonts_zh_cn, "sans_path", lambda: tmp_path / "gone.otf")
    with pytest.raises(UserError, match="Noto Sans SC is not where its package says"):
        pdf.render(shown("mobile", "smart-s", "en").sheet)


def test_long_tables_repeat_their_heads() -> None:
    seen = shown("sip-trunk", "trunk", "en")
    document = pypdfium2.PdfDocument(seen.pdf)
    pages = [document[number].get_textpage().get_text_range() for number in range(len(document))]
    with_prices = [page for page in pages if "per minute A" in page or page.count(" per minute") > 10]
    assert len(with_prices) > 3
    assert all("No. For" in page for page in with_prices)
    assert catalogue("sip-trunk").plans[0].title["en"] in pages[0]


SHEETS = (
    ("mobile", "smart-l"), ("fixed-line", "office"), ("business", "team"), ("content-services", "reader"), ("iot-pool", "tracker"),
    ("china-mobile", "star-39"), ("wholesale-trunk", "trunk"),
)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "plan"), SHEETS)
def test_no_heading_stands_alone_at_the_foot_of_a_page(name: str, plan: str, language: str) -> None:
    """Nor do a heading with the sentence that leads to a table, and the heads of a table without a row."""
    seen = shown(name, plan, language)
    heads = {f"{number}. {section.title}" for number, section in enumerate(seen.sheet.sections, 1)}
    for section in seen.sheet.sections:
        for block, after in itertools.pairwise((*section.blocks, None)):
            if isinstance(block, Table):
                heads |= {block.title, " ".join(block.heads)}
            elif isinstance(block, Notes) and isinstance(after, Table):
                heads.add(block.lines[-1])
    ends = [_squeezed(_last_line(page, seen.sheet.footer)) for page in pages_of(seen.pdf)]
    assert ends[:-1]
    assert [end for end in ends if end in {_squeezed(head) for head in heads - {""}}] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_is_drawn_once(language: str) -> None:
    """An outline around letters draws them twice, which small ones do not bear."""
    document = pypdfium2.PdfDocument(shown("mobile", "smart-l", language).pdf)
    objects = [
        each for number in range(len(document)) for each in document[number].get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT], max_depth=9)
    ]
    assert len(objects) > 100
    assert {raw.FPDFTextObj_GetTextRenderMode(each.raw) for each in objects} == {raw.FPDF_TEXTRENDERMODE_FILL}


@pytest.mark.parametrize(("name", "plan"), SHEETS)
def test_the_heads_of_tables_stay_inside_their_columns(name: str, plan: str) -> None:
    """The last one, `Counting`, ends before the margin of the page: 18 mm and the inset of a cell, 1.8 mm."""
    document = pypdfium2.PdfDocument(shown(name, plan, "en").pdf)
    seen = []
    for number in range(len(document)):
        page = document[number]
        texts = page.get_textpage()
        search = texts.search("Counting\r\n", match_case=True)
        while (found := search.get_next()) is not None:
            right = max(texts.get_charbox(found[0] + place)[2] for place in range(len("Counting")))
            seen.append(page.get_width() - right - 19.8 * POINTS_PER_MM)
    assert seen
    assert min(seen) > 0


def _last_line(page: str, footer: str) -> str:
    """The last line of a page above its footer."""
    body = page.replace("\r", "").split(footer)[0]
    return body.strip().splitlines()[-1] if body.strip() else ""


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _chinese(drawn: bytes, many: int) -> list[tuple[NDArray[np.uint8], tuple[int, int, int, int]]]:
    """The first Chinese characters: the picture of the page, and left, top, right, bottom in it."""
    found: list[tuple[NDArray[np.uint8], tuple[int, int, int, int]]] = []
    document = pypdfium2.PdfDocument(drawn)
    for number in range(len(document)):
        page = document[number]
        texts = page.get_textpage()
        picture = page.render(scale=SCALE).to_numpy()[:, :, :3]
        for place in range(texts.count_chars()):
            if CHINESE_FROM <= chr(raw.FPDFText_GetUnicode(texts, place)) <= CHINESE_TO and len(found) < many:
                found.append((picture, _box(texts, place, page.get_height())))
    return found


def _box(texts: pypdfium2.PdfTextPage, place: int, height: float) -> tuple[int, int, int, int]:
    edges = [ctypes.c_double() for _ in range(4)]
    assert raw.FPDFText_GetCharBox(texts, place, *edges)
    left, right, bottom, top = (edge.value for edge in edges)
    return round(left * SCALE), round((height - top) * SCALE), round(right * SCALE), round((height - bottom) * SCALE)


def _shape(picture: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Which pixels of a character differ from what is behind it."""
    left, top, right, bottom = box
    cut = picture[top:bottom, left:right].astype(np.int16)
    behind = picture[max(top - 4, 0), max(left - 2, 0)].astype(np.int16)
    return np.asarray(np.abs(cut - behind).max(axis=2) > 90)
