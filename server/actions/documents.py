"""An invoice or a credit note as a file: its data, and what the customer and the issuer want beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from billing.documents.rendering import rendering
from billing.documents.rendering.itemised import Itemised, LateUsage, UsageRecord
from billing.documents.rendering.layout import Logo
from billing.documents.rendering.page import Beside, language_of
from billing.documents.rendering.words import Language
from billing.documents.semantic.model import Finding
from rating.model import QuantityUnit

if TYPE_CHECKING:
    from billing.accounts.parties.kinds import Numbers
    from billing.documents.rendering.rendering import Form
    from billing.documents.semantic.model import CreditNote, Invoice, Unit
    from billing.documents.usage_list import UsageList
    from billing.store.home import Home

_UNITS: Final[dict[int, Unit]] = {QuantityUnit.MILLISECOND: "millisecond", QuantityUnit.MESSAGE: "message", QuantityUnit.BYTE: "byte"}


class Written(NamedTuple):
    """A document as a file. `findings`: data that it lacks, and what could not be shown as it is."""

    number: str
    language: Language
    content: bytes
    findings: tuple[Finding, ...]


def written(home: Home, number: str, form: Form, language: Language | None = None, numbers: Numbers | None = None) -> Written:
    """An invoice or a credit note as a file.

    `language`: None is that of the document, English where we have no words in it. `numbers`: itemised usage, None as the customer chose.
    """
    from billing.documents.semantic.invoices import charged

    document = charged(home, number)
    delivery = document.buyer.delivery
    chosen = numbers or (delivery.itemised if delivery is not None else "none")
    beside = Beside(_usage(home, number, chosen), _logo(home, document), is_practice=home.is_practice)
    spoken = language or language_of(document)
    made = rendering.render(document, form, spoken, beside)
    return Written(number, spoken, made.content, (*document.findings, *made.findings))


def itemised_of(found: UsageList, numbers: Literal["masked", "full"]) -> Itemised:
    """A list of usage as the appendix of a document."""
    from zoneinfo import ZoneInfo

    from rating.dates import utc_time

    zone = ZoneInfo(found.timezone)
    shown_units = {each.line_no: each.unit for each in found.lines}
    records = tuple(
        UsageRecord(
            line_no=each.line_no,
            subscription_id=each.subscription_id,
            text=each.text,
            at=utc_time(each.start_us).astimezone(zone).replace(tzinfo=None),
            other=each.other,
            quantity=each.quantity,
            free_quantity=each.free_quantity,
            unit=_UNITS[each.quantity_unit],
            shown_unit=shown_units[each.line_no],
            charge_micros=each.charge_micros,
        )
        for each in found.records
    )
    return Itemised(records, numbers, tuple(LateUsage(each.line_no, each.text, each.records) for each in found.late_lines))


def _usage(home: Home, number: str, numbers: Numbers) -> Itemised | None:
    if numbers == "none":
        return None
    from billing.documents.usage_list import usage_list

    return itemised_of(usage_list(home, number), numbers)


def _logo(home: Home, document: Invoice | CreditNote) -> Logo | None:
    from billing.accounts.parties import logos

    style = document.seller.style
    if style is None or not style.logo:
        return None
    with home.connect() as connection:
        found = logos.find(connection, style.logo)
    return None if found is None else Logo(found.media_type, found.content)
