"""A page as PDF: the template `document.typ` beside this file, drawn by Typst, tagged and archivable (PDF/A-2a, PDF/UA-1).

The same page gives the same bytes: its date is that of the document, and no font of the system is used. What a page says is data of the
template, never markup. Raises UserError, naming what to install, where Typst or the font is missing.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from billing.documents.rendering import fonts, qr
from rating.errors import UserError

if TYPE_CHECKING:
    from types import ModuleType

    from billing.documents.rendering.layout import Page

REMEDY: Final = 'install the parts for PDF: pip install "ratewright[pdf]"'
STANDARDS: Final = ("a-2a", "ua-1")
_TEMPLATE: Final = Path(__file__).with_name("document.typ")


def render(page: Page) -> bytes:
    """The PDF file."""
    given = msgspec.to_builtins(page)
    if page.pay.code is not None:
        given["pay"]["code"]["svg"] = qr.svg(page.pay.code.rows)
    inputs = {"page": msgspec.json.encode({**given, "fonts": fonts.FAMILIES}).decode()}
    drawn = _compiler().compile(sys_inputs=inputs, pdf_standards=list(STANDARDS))
    assert isinstance(drawn, bytes), "a PDF is one file"
    return drawn


def font_file() -> Path:
    """The font for Latin, Greek, Cyrillic and Chinese. Raises UserError where its package is there and the font is not."""
    font = Path(_package("pylopdf_fonts_zh_cn", "the font for Chinese").sans_path())
    if not font.is_file():
        raise UserError(
            f"the font {fonts.FAMILIES[0]} is not where its package says",
            'install it again: pip install --force-reinstall "pylopdf-fonts-zh-cn"',
        )
    return font


def _compiler() -> Any:  # noqa: ANN401 -- Typst has no types for it
    return _compiler_with(_package("typst", "what draws PDF"), font_file())


@functools.cache
def _compiler_with(typst: ModuleType, font: Path) -> Any:  # noqa: ANN401 -- as above
    """One compiler for all documents: it keeps the fonts that it has read."""
    return typst.Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=[font.parent], ignore_system_fonts=True)


def _package(name: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(f"{what} is missing: package {name.replace('_', '-')}", REMEDY) from error
