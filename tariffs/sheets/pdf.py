"""A tariff sheet as PDF: the template `sheet.typ` beside this file, drawn by Typst with a font that shows Chinese.

The same sheet gives the same bytes: no date, no system font. Raises UserError, naming what to install, where Typst or the font is missing.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from rating.errors import UserError

if TYPE_CHECKING:
    from types import ModuleType

    from tariffs.sheets.layout import Sheet

FONT: Final = "Noto Sans SC"
REMEDY: Final = 'install the parts for PDF: pip install "ratewright[pdf]"'
_TEMPLATE: Final = Path(__file__).with_name("sheet.typ")


def render(sheet: Sheet) -> bytes:
    """The PDF file."""
    typst = _package("typst", "what draws PDF")
    font_folder = _font_folder()
    given = {name: value for name, value in msgspec.to_builtins(sheet).items() if name not in {"cells", "examples"}}
    inputs = {"sheet": msgspec.json.encode({**given, "font": FONT}).decode()}
    drawn = typst.compile(_TEMPLATE, root=_TEMPLATE.parent, font_paths=[font_folder], ignore_system_fonts=True, sys_inputs=inputs)
    assert isinstance(drawn, bytes), "a PDF is one file"
    return drawn


def _font_folder() -> Path:
    """The folder of the font. Raises UserError where its package is there and the font is not."""
    font = Path(_package("pylopdf_fonts_zh_cn", "the font for Chinese").sans_path())
    if not font.is_file():
        raise UserError(
            f"the font {FONT} is not where its package says", 'install it again: pip install --force-reinstall "pylopdf-fonts-zh-cn"'
        )
    return font.parent


def _package(name: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(f"{what} is missing: package {name.replace('_', '-')}", REMEDY) from error
