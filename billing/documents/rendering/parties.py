"""The parts of a page about both parties: sender, recipient, the facts beside them, and the foot of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents.rendering.frame import joined
from billing.documents.rendering.layout import Fact
from billing.documents.semantic.model import CreditNote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.accounts.parties.kinds import Address, Contact
    from billing.documents.rendering.frame import Frame


def sender(frame: Frame) -> tuple[str, ...]:
    """The issuer with its address."""
    seller, clean = frame.document.seller, frame.clean
    names = [seller.trading_name or seller.name]
    return tuple(each for each in (*map(clean.one, names), *address(frame, seller.address)) if each)


def recipient(frame: Frame) -> tuple[str, ...]:
    """The customer with the address of bills."""
    buyer, clean = frame.document.buyer, frame.clean
    person = buyer.contact.person if buyer.contact is not None else ""
    names = (buyer.name or buyer.account_id, person if person != buyer.name else "")
    return tuple(each for each in (*map(clean.one, names), *address(frame, buyer.address)) if each)


def address(frame: Frame, found: Address | None) -> tuple[str, ...]:
    """The lines of an address, its country where the parties are in two; in Chinese from the province to the house."""
    if found is None:
        return ()
    one = frame.clean.one
    if found.country == "CN" and frame.language == "zh":
        region, city = one(found.region), one(found.city)
        place = _chinese(region, "" if region.startswith(city) else city, one(found.district))
        street = _chinese(one(found.street), one(found.building), one(found.extra)) or one(found.post_box)
        return tuple(each for each in (joined((one(found.postal_code), place), " "), street) if each)
    street = joined((one(found.street), one(found.building)), " ") or one(found.post_box)
    city = joined((one(found.postal_code), one(found.city)), " ")
    country = one(found.country) if _is_abroad(frame) else ""
    lines = (one(found.extra), street, one(found.district), city, one(found.region), country)
    return tuple(each for each in lines if each)


def facts(frame: Frame) -> tuple[Fact, ...]:
    """Number, dates, references and earlier documents."""
    return tuple(Fact(name, text) for name, text in _facts(frame) if text)


def greeting(frame: Frame) -> str:
    """The form of address, as the customer wants it."""
    return frame.clean.one(frame.document.buyer.salutation)


def questions(frame: Frame) -> str:
    """The contact for questions; empty where none is known."""
    found = frame.document.seller.contact
    return _contact(frame, found) if found is not None else ""


def foot(frame: Frame) -> tuple[str, ...]:
    """The facts about the issuer that stand on each page."""
    seller, words, clean = frame.document.seller, frame.words.heads, frame.clean
    place = joined(address(frame, seller.address), frame.words.units.comma)
    register = joined((clean.one(seller.register_court), clean.one(seller.register_id)), " ")
    named = ((words.register, register), (words.vat_id, clean.one(seller.vat_id)), (words.tax_number, clean.one(seller.tax_number)))
    ids = [f"{name} {text}" for name, text in (*named, (words.uscc, clean.one(seller.uscc))) if text]
    lines = (joined((clean.one(seller.name), place), frame.words.units.comma), joined(ids, " · "), *clean.lines(seller.legal_information))
    return tuple(each for each in lines if each)


def _facts(frame: Frame) -> Iterator[tuple[str, str]]:
    document, words, clean, locale = frame.document, frame.words.heads, frame.clean, frame.locale
    buyer = document.buyer
    yield words.number, clean.one(document.number)
    yield words.issued_on, locale.date(document.issued_on)
    yield words.period, frame.span(document.period)
    if document.totals.to_pay_micros > 0:
        yield words.due_on, locale.date(document.due_on)
    yield words.customer, clean.one(buyer.account_id)
    yield words.vat_id, clean.one(buyer.vat_id)
    yield words.tax_number, clean.one(buyer.tax_number)
    yield words.uscc, clean.one(buyer.uscc)
    references = buyer.references
    yield words.buyer_reference, clean.one(references.buyer_reference)
    yield words.purchase_order, clean.one(references.purchase_order)
    yield words.contract, clean.one(references.contract)
    yield words.project, clean.one(references.project)
    yield words.accounting, clean.one(references.accounting)
    yield words.service_address, joined(address(frame, buyer.service_address), frame.words.units.comma)
    yield words.questions, questions(frame)
    if isinstance(document, CreditNote):
        yield words.reason, clean.one(document.reason)


def about(frame: Frame) -> tuple[str, ...]:
    """Sentences about earlier documents, and about the effect of a credit note."""
    document, words = frame.document, frame.words.heads
    found = [
        words.about[each.sense].format(number=frame.clean.one(each.number), date=frame.locale.date(each.issued_on))
        for each in document.preceding
    ]
    if isinstance(document, CreditNote) and document.effect:
        found.append(words.effect[document.effect])
    return tuple(found)


def _chinese(*parts: str) -> str:
    """Parts of an address without blanks between them, as in Chinese; with blanks where one is in Latin letters."""
    return joined(parts, " " if any(each.isascii() and each for each in parts) else "")


def _is_abroad(frame: Frame) -> bool:
    """True unless both parties are known to be in one country."""
    seller, buyer = frame.document.seller.address, frame.document.buyer.address
    return seller is None or buyer is None or seller.country != buyer.country


def _contact(frame: Frame, found: Contact) -> str:
    return joined(map(frame.clean.one, (found.person, found.phone, found.email)), frame.words.units.comma)
