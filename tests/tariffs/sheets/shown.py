"""Sheets of catalogues as their readers get them: as text, HTML and PDF, once for all tests."""

from __future__ import annotations

import datetime as dt
import functools
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pypdfium2
import pytest

from rating.model import Catalogue, Plan
from tariffs.reading.load import load
from tariffs.sheets import content, html, pdf, text
from tariffs.sheets.layout import Sheet
from tests.tariffs.sheets import reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


CATALOGS = Path(__file__).parents[3] / "tariffs" / "catalogs"
AS_OF = dt.date(2026, 11, 25)
PDFTOTEXT = shutil.which("pdftotext")
FORMS = (
    "text",
    "html",
    "pdf",
    pytest.param("pdftotext", marks=pytest.mark.skipif(PDFTOTEXT is None, reason="the program pdftotext (poppler-utils) is not here")),
)


class Shown(NamedTuple):
    """A sheet, and what was printed of it."""

    catalogue: Catalogue
    plan: Plan
    sheet: Sheet
    pdf: bytes


@functools.cache
def catalogue(name: str) -> Catalogue:
    """One of the example catalogues."""
    return load(CATALOGS / name)


@functools.cache
def shown(name: str, plan_name: str, language: str) -> Shown:
    """The sheet of a plan of an example catalogue."""
    return made(catalogue(name), plan_name, language)


def made(found: Catalogue, plan_name: str, language: str) -> Shown:
    """The sheet of a plan of any catalogue."""
    plan = next(each for each in found.plans if each.name == plan_name)
    sheet = content.sheet(found, plan, language, as_of=AS_OF)
    return Shown(found, plan, sheet, pdf.render(sheet))


def read(seen: Shown, form: str, folder: Path) -> reading.Found:
    """What a reader sees in one form of the sheet."""
    language = seen.sheet.language
    if form == "text":
        return reading.in_text(text.lines(seen.sheet), language)
    if form == "html":
        return reading.in_html(html.page(seen.sheet), language)
    pages = _by_pdftotext(seen.pdf, folder) if form == "pdftotext" else pages_of(seen.pdf)
    return reading.in_pdf(pages, language, seen.sheet.footer)


def pages_of(drawn: bytes) -> list[str]:
    """The text of each page of a PDF."""
    document = pypdfium2.PdfDocument(drawn)
    return [document[number].get_textpage().get_text_range() for number in range(len(document))]


def pictures_of(drawn: bytes) -> list[NDArray[np.uint8]]:
    """Each page as pixels, (height, width, 3)."""
    document = pypdfium2.PdfDocument(drawn)
    return [document[number].render(scale=1).to_numpy()[:, :, :3] for number in range(len(document))]


def _by_pdftotext(drawn: bytes, folder: Path) -> list[str]:
    path = folder / "sheet.pdf"
    path.write_bytes(drawn)
    assert PDFTOTEXT is not None, "asked for by a form that is there with the program only"
    run = subprocess.run([PDFTOTEXT, "-raw", "-enc", "UTF-8", path, "-"], check=True, capture_output=True)
    return run.stdout.decode().split("\f")
