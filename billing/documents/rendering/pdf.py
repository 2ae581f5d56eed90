"""A page as PDF: the template `document.typ` beside this file, drawn by Typst, tagged and archivable (PDF/A-2a, PDF/UA-1).

The same page gives the same bytes: its date is that of the document, and no font of the system is used. What a page says is data of the
template, never markup. Raises UserError, naming what to install, where Typst or the font is missing.
"""

from __future__ import annotations

import base64
import functools
import importlib
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from billing.documents.rendering import fonts, qr
from rating.errors import UserError

if TYPE_CHECKING:
    from types import ModuleType

    from billing.documents.rendering.layout import Logo, Page

REMEDY: Final = 'install the parts for PDF: pip install "ratewright[pdf]"'
STANDARDS: Final = ("a-2a", "ua-1")
_PNG: Final = "image/png"
_SIZE_AT: Final = 16  # the place of width and height in a PNG
_TEMPLATE: Final = Path(__file__).with_name("document.typ")


def render(page: Page) -> bytes:
    """The PDF file."""
    given = msgspec.to_builtins(msgspec.structs.replace(page, logo=None))
    if page.logo is not None:
        given["logo"] = _as_svg(page.logo)
    if page.pay.code is not None:
        given["pay"]["code"]["svg"] = qr.svg(page.pay.code.rows)
    inputs = {"page": msgspec.json.encode({**given, "fonts": fonts.FAMILIES}).decode()}
    drawn = _compiler().compile(sys_inputs=inputs, pdf_standards=list(STANDARDS))
    assert isinstance(drawn, bytes), "a PDF is one file"
    return drawn


def _as_svg(logo: Logo) -> str:
    """A logo as SVG, which JSON can hold: a PNG is embedded in it."""
    if logo.media_type != _PNG:
        return logo.content.decode("utf-8-sig")
    width, height = struct.unpack_from(">II", logo.content, _SIZE_AT)
    data = base64.b64encode(logo.content).decode()
    picture = f'<image width="{width}" height="{height}" href="data:{_PNG};base64,{data}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">{picture}</svg>'


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
