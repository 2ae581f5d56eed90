"""A rendered document as its reader sees it: texts and amounts, without the code and the words that made it."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

import pypdfium2

from billing.documents.rendering.page import NOTHING
from billing.documents.rendering.rendering import render

if TYPE_CHECKING:
    from billing.documents.rendering.page import Beside
    from billing.documents.rendering.rendering import Form
    from billing.documents.rendering.words import Language
    from billing.documents.semantic.model import Charged, CreditNote, Invoice

_HIDDEN: Final = frozenset({"style", "title", "script"})
_BLOCKS: Final = frozenset({"td", "th", "p", "dd", "dt", "tr", "span", "b", "h1", "h2"})  # the style sheet gives each a line of its own
# an amount has two decimal places at least, and is no part of a longer number, a rate or a quantity
_AMOUNTS: Final = {
    "en": r"(?<![\w.,:-])[+-]?\d{1,3}(?:,\d{3})*\.\d{2,6}(?![\d.,:…]|\s?(?:%|GB|GiB|MB|min))",
    "de": r"(?<![\w.,:-])[+-]?\d{1,3}(?:\.\d{3})*,\d{2,6}(?![\d.,:…]|\s?(?:%|GB|GiB|MB|min))",
}


class _Texts(HTMLParser):
    """The visible texts of a file, and each attribute that names a place to fetch from."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: Counter[str] = Counter()
        self.places: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.places += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action", "data", "style"}]
        self._hidden += tag in _HIDDEN
        if tag in _BLOCKS:
            self.texts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN
        if tag in _BLOCKS:
            self.texts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)


def read_html(content: bytes) -> _Texts:
    """The parts of a file."""
    found = _Texts()
    found.feed(content.decode())
    found.close()
    return found


def pages_of(content: bytes) -> list[str]:
    """The text of each page of a PDF."""
    document = pypdfium2.PdfDocument(content)
    return [document[number].get_textpage().get_text_range().replace("\r", "") for number in range(len(document))]


def text_of(document: Invoice | CreditNote, form: Form, language: Language, beside: Beside = NOTHING) -> str:
    """The visible text of a document in a form."""
    content = render(document, form, language, beside).content
    if form == "pdf":
        return "\n".join(pages_of(content))
    return "".join(read_html(content).texts) if form == "html" else content.decode()


def amounts_in(text: str, language: str) -> Counter[Decimal]:
    """All amounts of a text, each as often as it is there."""
    writing = "de" if language == "de" else "en"
    found = re.findall(_AMOUNTS[writing], text.replace("\u00a0", " "))
    plain = (each.replace(",", "") if writing == "en" else each.replace(".", "").replace(",", ".") for each in found)
    return Counter(Decimal(each) for each in plain)


def amounts_of(document: Charged) -> Counter[Decimal]:
    """The amounts that a page of a document has, by an own account of it."""
    totals = document.totals
    to_pay = totals.due_micros + totals.third_parties_micros - totals.third_parties_prepaid_micros
    sums = [totals.net_micros, totals.total_micros, abs(to_pay), abs(to_pay)]  # the headline has the last one again
    sums += [to_pay] if to_pay > 0 and document.payment.accounts else []  # and so has the way to pay
    sums += [row.tax_micros for row in document.taxes if row.tax_micros or row.rate_ppm]
    sums += [-each for each in (totals.prepaid_micros, totals.third_parties_prepaid_micros) if each]
    sums += [totals.third_parties_micros] if document.third_parties else []
    sums += [each.amount_micros for each in document.settled] + [each.amount_micros for each in document.usage]
    for row in document.taxes:
        sums += [row.taxable_micros, row.tax_micros]
        if len(row.parts) > 1:
            sums += [amount for part in row.parts for amount in (part.taxable_micros, part.tax_micros)]
    sums += [totals.net_micros, totals.tax_micros] if len(document.taxes) > 1 else []
    groups: dict[tuple[str, str], list[int]] = {}
    for line in document.lines:
        of = "correction" if line.correction and line.role == "line" else line.subscription_id if line.role == "line" else ""
        groups.setdefault((line.role, of), []).append(line.amount_micros)
        sums += [] if line.with_tax_micros is None else [line.with_tax_micros]
        if line.usage is not None:
            sums += [each.fees_micros for each in line.usage.passes]
            is_told = line.usage.exact_micros != line.amount_micros and line.with_tax_micros is None
            sums += [line.usage.exact_micros] if is_told else []
    sums += [micros for group in groups.values() for micros in group]
    sums += [sum(group) for group in groups.values() if len(group) > 1]
    sums += [micros for each in document.allowances if each.unit == "micro" for micros in (each.granted, each.used, each.left)]
    if document.last_bill is not None:
        changes = document.last_bill.changes
        sums += [micros for each in changes for micros in (each.before_micros, each.now_micros, each.now_micros - each.before_micros)]
        now = sum(line.amount_micros for line in document.lines)
        sums += [document.last_bill.net_micros, now, now - document.last_bill.net_micros] if changes else []
    return Counter(Decimal(each) / 1_000_000 for each in sums)
