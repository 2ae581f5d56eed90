"""Texts of others in rendered documents: names that look like code, very long ones, other scripts, characters that cannot be shown."""

from __future__ import annotations

import ctypes
import unicodedata
from typing import TYPE_CHECKING

import msgspec
import pypdfium2
import pytest
from pypdfium2 import raw

from billing.documents.rendering import fonts, pdf
from billing.documents.rendering.clean import BOX, REPLACED, Cleaner
from billing.documents.rendering.rendering import FORMS, render
from billing.documents.semantic.model import Note
from tests.billing.documents.rendering import samples
from tests.billing.documents.rendering.reading import pages_of, read_html, text_of

if TYPE_CHECKING:
    from billing.documents.rendering.rendering import Form
    from billing.documents.semantic.model import Invoice

MARGIN = 20 * 72 / 25.4  # points
CODE = (
    '#read("/etc/passwd")',
    "#panic() $x$ *b* _i_ @a <l> \\\\ [c] `r` // end",
    "<script>alert(1)</script> &amp; <b>",
    "{{ 7 * 7 }} {name} %s",
    '"quotes" and \\u0041',
)


def named(name: str) -> Invoice:
    """A bill of a customer and of a line with this name, by an issuer that says it."""
    buyer = msgspec.structs.replace(samples.BUYER, name=name)
    return samples.small(100, buyer=buyer, lines=(samples.line(1, name, 100),), notes=(Note("footer", name),))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CODE)
def test_a_name_that_looks_like_code_is_a_name(name: str, form: Form) -> None:
    text = " ".join(text_of(named(name), form, "en").split())
    assert text.count(" ".join(name.split())) == 3
    assert "root:" not in text


def test_no_tag_of_a_name_is_a_tag() -> None:
    plain, hostile = (read_html(render(named(name), "html", "en").content) for name in ("Anna", "<script>x</script><img src=x>"))
    assert plain.tags == hostile.tags
    assert hostile.places == plain.places


@pytest.mark.parametrize("form", FORMS)
def test_control_characters_get_a_mark_and_are_told(form: Form) -> None:
    made = render(named("An\x07na\u202e 99.99\x00"), form, "en")
    text = "\n".join(pages_of(made.content)) if form == "pdf" else made.content.decode()
    assert f"An{REPLACED}na{REPLACED} 99.99{REPLACED}" in text
    assert "\u202e" not in text
    assert "\x07" not in text
    assert f"{REPLACED} is in the place of a character that is not shown." in text
    (finding,) = made.findings
    assert (finding.code, finding.place) == ("control_characters", "document R-0000000042")
    assert finding.message.endswith("U+0007, U+202E, U+0000")


def test_line_ends_are_blanks_in_a_name_and_stay_in_a_note() -> None:
    clean = Cleaner("document R-1")
    assert clean.one(" a\r\n b\tc\u2028d ") == "a b c d"
    assert clean.lines("a\r\n\nb\n") == ("a", "b")
    assert list(clean.findings()) == []


@pytest.mark.parametrize("name", ["สมชาย ใจดี", "😀 Anna", "मोहन"])
def test_a_script_without_a_font_gets_boxes_in_a_pdf_and_is_told(name: str) -> None:
    made = render(named(name), "pdf", "en")
    (finding,) = made.findings
    assert finding.code == "no_font"
    assert finding.remedy.startswith("give the customer HTML or text")
    text = "\n".join(pages_of(made.content))
    boxes = "".join(BOX if ord(mark) > 127 else mark for mark in unicodedata.normalize("NFC", name))
    assert boxes in text
    assert f"{BOX} is in the place of a character that this document cannot show." in text
    for form in ("html", "text"):
        other = render(named(name), form, "en")
        assert name in other.content.decode()
        assert other.findings == ()


@pytest.mark.parametrize("name", ["שלום עליכם", "محمد بن علي", "محمد 123 ABC"])
@pytest.mark.parametrize("form", FORMS)
def test_a_name_from_right_to_left_is_shown(name: str, form: Form) -> None:
    made = render(named(name), form, "en")
    assert made.findings == ()
    if form == "text":
        assert f"\u2068{name}\u2069" in made.content.decode()
    elif form == "html":
        assert f"<bdi>{name}</bdi>" in made.content.decode()
    else:
        letters = {mark for mark in name if mark.isalpha()}
        shown = unicodedata.normalize("NFKC", "\n".join(pages_of(made.content)))
        assert letters <= set(shown)


def test_each_character_that_a_pdf_is_said_to_show_is_drawn() -> None:
    """PDF/UA forbids a character without a picture: Typst would refuse the document."""
    listed = "".join(f"{chr(code)} " for first, last in fonts.WITHIN_TYPST for code in range(first, last + 1))
    own = "".join(f"{chr(code)} " for code in (*range(0x21, 0x7F), *range(0xC0, 0x250), *range(0x391, 0x3CA), *range(0x410, 0x450)))
    known = fonts.shown_by(pdf.font_file())
    shown = "".join(mark for mark in listed + own if ord(mark) in known)
    assert len(shown) > 1000
    assert render(named(shown), "pdf", "en").findings == ()
    assert {ord(mark) for mark in "中文、€あйλ"} <= known
    assert not {0x0E01, 0x1F600} & known


@pytest.mark.parametrize("name", ["Anna " * 400, "A" * 2000, "名" * 2000, "A-" * 1000], ids=["words", "one word", "Chinese", "hyphens"])
def test_a_name_of_2000_characters_stays_on_the_page(name: str) -> None:
    drawn = render(named(name), "pdf", "en").content
    shown = "".join("".join(pages_of(drawn)).split()).replace("\u200b", "").replace("\ufffe", "")
    assert shown.count("".join(name.split())[:30]) >= 3
    assert _right_edge(drawn) <= 595.28 - MARGIN + 1
    assert "To pay by 15 November 2025 EUR 1.00" in " ".join(pages_of(drawn)[0].split()), "what is owed is on the first page"
    html = text_of(named(name), "html", "en")
    assert html.count(name.strip()) == 3
    lines = text_of(named(name), "text", "en").splitlines()
    assert "".join(name.split()) in "".join("".join(lines).split())


@pytest.mark.parametrize("language", ["en", "de", "zh"])
def test_nothing_is_beyond_the_margins(language: str) -> None:
    drawn = render(samples.invoice(), "pdf", language).content  # type: ignore[arg-type]  # one of the languages
    assert _right_edge(drawn) <= 595.28 - MARGIN + 1


def _right_edge(drawn: bytes) -> float:
    """The right end of the last character on all pages, in points."""
    document = pypdfium2.PdfDocument(drawn)
    found = 0.0
    for number in range(len(document)):
        texts = document[number].get_textpage()
        for place in range(texts.count_chars()):
            edges = [ctypes.c_double() for _ in range(4)]
            if chr(raw.FPDFText_GetUnicode(texts, place)).isspace() or not raw.FPDFText_GetCharBox(texts, place, *edges):
                continue
            found = max(found, edges[1].value)
    return found
