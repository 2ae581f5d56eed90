"""A document as a page, ready for any form: what is owed, by when and how to pay first, then what changed, then all that it is made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.documents.rendering import charges, details, itemised, parties, payment
from billing.documents.rendering.clean import BOX, REPLACED, Cleaner
from billing.documents.rendering.frame import Frame
from billing.documents.rendering.itemised import Itemised
from billing.documents.rendering.layout import Logo, Notes, Page, Section
from billing.documents.rendering.locales import locale_of
from billing.documents.rendering.words import LANGUAGES, words_of
from billing.documents.semantic.model import CreditNote, Finding, Invoice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from billing.documents.rendering.words import Language

COLOUR: Final = "#0b5d7a"
_IS_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}")


class Beside(NamedTuple):
    """Things beside the document of a page: records of usage, as an appendix; the logo that the style names; the mark of practice."""

    usage: Itemised | None = None
    logo: Logo | None = None
    is_practice: bool = False


NOTHING: Final = Beside()


class Made(NamedTuple):
    """A page, and findings about it."""

    page: Page
    findings: tuple[Finding, ...]


def language_of(document: Invoice | CreditNote) -> Language:
    """The language of a document, in English where we have no words in its own."""
    name = document.language.partition("-")[0]
    return next((each for each in LANGUAGES if each == name), "en")


def page_of(document: Invoice | CreditNote, language: Language, beside: Beside = NOTHING, font: Collection[int] | None = None) -> Made:
    """The page of an invoice or a credit note. `font`: codes of characters that can be shown; None: all."""
    words = words_of(language)
    place = f"document {document.number}"
    style = document.seller.style
    found = locale_of(language, style.locales if style is not None else {})
    frame = Frame(document, language, words, found.locale, Cleaner(place, font))
    title = words.heads.title.format(kind=_kind(document, frame), number=frame.clean.one(document.number))
    about = parties.about(frame)
    sections = [*([Section("", (Notes(about),))] if about else []), *_sections(frame, beside.usage)]
    page = Page(
        title=title,
        practice=words.heads.practice if beside.is_practice else "",
        logo=beside.logo,
        language=language,
        issued_on=document.issued_on,
        author=frame.clean.one(document.seller.name),
        sender=parties.sender(frame),
        recipient=parties.recipient(frame),
        recipient_label=words.heads.bill_to,
        facts=parties.facts(frame),
        greeting=parties.greeting(frame),
        headline=payment.headline(frame),
        sums=payment.sums(frame),
        pay=payment.pay(frame, is_practice=beside.is_practice),
        sections=tuple(sections),
        footer=parties.foot(frame),
        pages=words.heads.page,
        colour=style.colour if style is not None and _IS_COLOUR.fullmatch(style.colour) else COLOUR,
    )
    return Made(_with_marks_told(page, frame), (*_locale_finding(found.wanted, place, document.seller.entity), *frame.clean.findings()))


def _kind(document: Invoice | CreditNote, frame: Frame) -> str:
    words = frame.words.heads
    if isinstance(document, CreditNote):
        return words.credit_note
    return words.credit_invoice if document.totals.total_micros < 0 else words.invoice


def _sections(frame: Frame, usage: Itemised | None) -> Iterator[Section]:
    document = frame.document
    if document.last_bill is not None:
        yield charges.changes_section(document.last_bill, frame)
    if document.lines:
        yield charges.lines_section(frame)
    below = (details.tax_section, details.settled_section, details.allowances_section, details.usage_section, details.notes_section)
    yield from (section for make in below if (section := make(frame)) is not None)
    if usage is not None:
        yield itemised.section_of(usage, frame)


def _with_marks_told(page: Page, frame: Frame) -> Page:
    """The page, with a sentence about each mark that stands for characters of others."""
    words, codes = frame.words.heads, {each.code for each in frame.clean.findings()}
    told = [words.replaced] * ("control_characters" in codes) + [words.boxes] * ("no_font" in codes)
    assert BOX in words.boxes
    assert REPLACED in words.replaced
    return Page(**{name: getattr(page, name) for name in page.__struct_fields__} | {"footer": (*page.footer, *told)})


def _locale_finding(wanted: str, place: str, entity: str) -> Iterator[Finding]:
    if wanted:
        yield Finding(
            "locale",
            place,
            f"numbers and dates are wanted as in {wanted}, which is not known here: they are as in its language",
            f"ratewright entity set {entity or '-'} style --from DATE locales...=...",
        )
