"""An invoice or a credit note in one form and language, with findings about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from billing.documents.rendering.page import NOTHING, Beside, page_of
from billing.documents.semantic.model import Finding

if TYPE_CHECKING:
    from billing.documents.rendering.words import Language
    from billing.documents.semantic.model import CreditNote, Invoice

Form = Literal["pdf", "html", "text"]
FORMS: Final[tuple[Form, ...]] = ("pdf", "html", "text")


class Rendered(NamedTuple):
    """A document as a file, and what could not be shown in it as it is."""

    content: bytes
    findings: tuple[Finding, ...]


def render(document: Invoice | CreditNote, form: Form, language: Language, beside: Beside = NOTHING) -> Rendered:
    """A document as a file.

    Raises UserError, naming what to install, where a PDF is wanted and what it needs is missing.
    """
    if form == "pdf":
        from billing.documents.rendering import fonts, pdf  # noqa: PLC0415 -- the font is read for a PDF alone

        made = page_of(document, language, beside, fonts.shown_by(pdf.font_file()))
        return Rendered(pdf.render(made.page), made.findings)
    from billing.documents.rendering import html, text  # noqa: PLC0415 -- one of them is used

    made = page_of(document, language, beside)
    return Rendered((html if form == "html" else text).render(made.page).encode(), made.findings)
