"""The files themselves: tagged PDF of the same bytes, HTML that fetches nothing, text as it was agreed."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pypdfium2
import pytest
from pypdfium2 import raw

from billing.documents.rendering import pdf
from billing.documents.rendering.layout import Logo
from billing.documents.rendering.page import Beside, page_of
from billing.documents.rendering.rendering import render
from billing.documents.rendering.text import WIDTH, width_of
from billing.documents.rendering.words import LANGUAGES
from rating.errors import UserError
from tests.billing.documents.rendering import samples
from tests.billing.documents.rendering.reading import pages_of, read_html

if TYPE_CHECKING:
    from billing.documents.rendering.words import Language

GOLDEN = Path(__file__).parent / "golden"
WHOLE = Beside(samples.itemised("masked"))
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 1"><path d="M0 0h9v1z"/></svg>'
# To change a text on purpose: delete its file in golden/, run this test, read the new file.
TEXTS = {"invoice": (samples.invoice(), WHOLE), "credit_note": (samples.credit_note(), Beside(is_practice=True))}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TEXTS)
def test_the_text_is_as_agreed(name: str, language: Language) -> None:
    document, beside = TEXTS[name]
    made = render(document, "text", language, beside).content
    file = GOLDEN / f"{name}_{language}.txt"
    if not file.exists():
        file.write_bytes(made)
        pytest.fail(f"{file.name} was not there, and is written")
    assert made.decode() == file.read_text(encoding="utf-8")
    assert max(map(width_of, made.decode().splitlines())) <= WIDTH


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_document_gives_the_same_bytes(language: Language) -> None:
    first = render(samples.invoice(), "pdf", language, WHOLE).content
    pdf._compiler_with.cache_clear()  # noqa: SLF001 - another process has another compiler
    assert render(samples.invoice(), "pdf", language, WHOLE).content == first


def test_another_process_makes_the_same_bytes() -> None:
    """Another seed of hashes, another order of sets."""
    code = (
        "import sys; from tests.billing.documents.rendering import samples; from billing.documents.rendering.rendering import render;"
        "sys.stdout.buffer.write(render(samples.invoice(), 'pdf', 'zh').content)"
    )
    root = Path(__file__).parents[4]
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=root, env={"PYTHONHASHSEED": "7"}).stdout
    assert made == render(samples.invoice(), "pdf", "zh").content


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pdf_is_tagged_and_has_language_title_and_date(language: Language) -> None:
    content = render(samples.invoice(), "pdf", language).content
    document = pypdfium2.PdfDocument(content)
    title = page_of(samples.invoice(), language).page.title
    about = document.get_metadata_dict()
    assert (about["Title"], about["Author"]) == (title, "Nordnetz Telekom GmbH")
    assert about["CreationDate"].startswith("D:20251101")
    assert raw.FPDFCatalog_IsTagged(document.raw)
    assert f"/Lang({language}".encode() in content.replace(b"/Lang (", b"/Lang(")
    assert b"<pdfuaid:part>1</pdfuaid:part>" in content
    assert b"<pdfaid:part>2</pdfaid:part>" in content
    tags = _tags(document)
    assert {"H1", "H2", "Table", "TH", "TD", "Figure", "P"} <= set(tags)
    assert tags.count("Figure") == 1


def test_a_picture_has_words_for_those_who_do_not_see_it() -> None:
    assert "EUR\u00a023.61 to Nordnetz" in page_of(samples.invoice(), "en").page.pay.code.spoken  # type: ignore[union-attr]  # there is a code


@pytest.mark.parametrize(("package", "what"), [("typst", "what draws PDF"), ("pylopdf_fonts_zh_cn", "the font for Chinese")])
def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, package: str, what: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=what) as raised:
        render(samples.invoice(), "pdf", "en")
    assert raised.value.remedy == 'install the parts for PDF: pip install "ratewright[pdf]"'
    assert render(samples.invoice(), "html", "en").content


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_has_no_script_and_fetches_nothing(language: Language) -> None:
    content = render(samples.invoice(), "html", language, WHOLE._replace(logo=Logo("image/png", PNG))).content
    found = read_html(content)
    assert not {"script", "link", "iframe", "form", "object", "base"} & set(found.tags)
    assert {place.split(":")[0] for place in found.places if not place.startswith("width:")} == {"data"}
    style = content.decode().split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert content.decode().count("http") == 1, "the namespace of the code alone"
    assert content.startswith(f'<!DOCTYPE html>\n<html lang="{"zh-Hans" if language == "zh" else language}">'.encode())
    assert found.tags["th"] > 10
    assert found.tags["svg"] == 1


@pytest.mark.parametrize("logo", [Logo("image/png", PNG), Logo("image/svg+xml", SVG)], ids=["png", "svg"])
def test_a_logo_is_drawn(logo: Logo) -> None:
    with_logo, without = (render(samples.invoice(), "pdf", "en", Beside(logo=each)).content for each in (logo, None))
    assert _tags(pypdfium2.PdfDocument(with_logo)).count("Figure") == 2
    assert with_logo != without
    assert f"data:{logo.media_type};base64," in render(samples.invoice(), "html", "en", Beside(logo=logo)).content.decode()


def test_a_document_of_a_practice_home_says_so_first() -> None:
    beside = Beside(is_practice=True)
    assert pages_of(render(samples.invoice(), "pdf", "de", beside).content)[0].startswith("ÜBUNG: ")
    assert render(samples.invoice(), "text", "zh", beside).content.decode().startswith("练习")
    assert "PRACTICE: " in "".join(read_html(render(samples.invoice(), "html", "en", beside).content).texts[:40])


def test_the_appendix_begins_a_page_and_hides_digits_as_chosen() -> None:
    made = (render(samples.invoice(), "pdf", "en", Beside(samples.itemised(each))).content for each in ("masked", "full"))
    masked, full = (pages_of(each)[-1] for each in made)
    assert masked.startswith("Itemised usage")
    assert "+491701234xxx" in masked
    assert "+491701234567" not in masked
    assert "+491701234567" in full


def test_long_tables_repeat_their_heads_and_groups() -> None:
    lines = tuple(samples.line(number, f"Line {number}", 1) for number in range(1, 120))
    pages = pages_of(render(samples.small(119, lines=lines), "pdf", "en").content)
    with_lines = [page for page in pages if page.count("Line ") > 5]
    assert len(with_lines) >= 3
    assert all("No. Charge" in page and "Subscription anna-1" in page for page in with_lines)


def test_the_colour_and_the_locale_of_the_issuer() -> None:
    document = samples.invoice(seller=samples.STYLED)
    assert "--accent: #884400" in render(document, "html", "en").content.decode()
    assert "October 1, 2025" in render(document, "text", "en").content.decode()
    assert "23.61\u00a0€" in render(document, "text", "de").content.decode()


def _tags(document: pypdfium2.PdfDocument) -> list[str]:
    """Names of all elements of the structure of a document."""
    found: list[str] = []

    def walk(element: Any) -> None:  # noqa: ANN401 - an element of pdfium
        found.append(_name(element))
        for number in range(raw.FPDF_StructElement_CountChildren(element)):
            child = raw.FPDF_StructElement_GetChildAtIndex(element, number)
            if child:
                walk(child)

    for page in document:
        tree = raw.FPDF_StructTree_GetForPage(page.raw)
        for number in range(raw.FPDF_StructTree_CountChildren(tree)):
            walk(raw.FPDF_StructTree_GetChildAtIndex(tree, number))
        raw.FPDF_StructTree_Close(tree)
    return found


def _name(element: Any) -> str:  # noqa: ANN401 - as above
    size = raw.FPDF_StructElement_GetType(element, None, 0)
    buffer = ctypes.create_string_buffer(size)
    raw.FPDF_StructElement_GetType(element, buffer, size)
    return buffer.raw.decode("utf-16-le").rstrip("\0")
