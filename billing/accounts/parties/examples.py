"""Examples of facts about parties, one a kind: as a command takes them, and as pages and help show them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.accounts.parties.kinds import CUSTOMER_KINDS, ISSUER_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTACT: Final = ("email=billing@example.com", "phone=+4930901820", "language=de")
_BANK: Final = ("iban=DE89370400440532013000", "bic=COBADEFF", "bank=Commerzbank")
_BERLIN: Final = ("street=Invalidenstr.", "building=117", "postal_code=10115", "city=Berlin", "country=DE")
# kind: the name of the fact and its fields
CUSTOMER_EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "identity": ("name=Muster GmbH", "category=business", "register_court=Amtsgericht Berlin", "register_id=HRB 12345"),
    "address": ("billing", *_BERLIN),
    "contact": ("billing", "person=Eva Muster", *_CONTACT),
    "tax_id": ("vat", "number=DE136695976"),
    "electronic_address": ("scheme=0204", "address=991-03730-19"),
    "references": ("buyer_reference=991-03730-19", "purchase_order=PO-2026-7"),
    "bank_account": ("main", "holder=Muster GmbH", *_BANK),
    "delivery": ("channel=email", "itemised=masked", "in_plain_words=true"),
    "consent": ("marketing", "given=false", "proof=form of 2026-01-05"),
    "note": ("visit", "text=Asks for a call before each change of plan."),
}
ISSUER_EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "identity": ("name=North Telecom GmbH", "register_court=Amtsgericht Bonn", "register_id=HRB 6794", "legal_information=Seat: Bonn"),
    "address": ("main", "street=Am Markt", "building=1", "postal_code=53111", "city=Bonn", "country=DE"),
    "contact": ("billing", "person=Customer desk", *_CONTACT),
    "tax_id": ("vat", "number=DE136695976"),
    "electronic_address": ("scheme=EM", "address=invoices@example.com"),
    "bank_account": ("main", "holder=North Telecom GmbH", *_BANK, "currency=EUR"),
    "creditor": ("identifier=DE98ZZZ09999999999",),
    "exemption": ("reverse_charge", "texts.en=Reverse charge", "texts.de=Steuerschuldnerschaft", "code=VATEX-EU-AE"),
    "legal_text": ("footer", "texts.en=Objections within eight weeks.", "texts.de=Einwendungen innerhalb von acht Wochen."),
    "style": ("colour=#004488", "locales.de=de-AT"),
    "third_party": ("film_portal", "provider=Film Portal AG", "revenue_code=4700", "contact=film-portal.example, +4930901820"),
    "note": ("audit", "text=Figures go to the auditor each March."),
}
assert (CUSTOMER_EXAMPLES.keys(), ISSUER_EXAMPLES.keys()) == (CUSTOMER_KINDS.keys(), ISSUER_KINDS.keys())


def words(kind: str, *, of_customer: bool) -> list[str]:
    """The words of the command that records the example of a kind."""
    group, party, fields = ("party", "A1", CUSTOMER_EXAMPLES[kind]) if of_customer else ("entity", "north", ISSUER_EXAMPLES[kind])
    name = [each for each in fields[:1] if "=" not in each]
    return ["ratewright", group, "set", party, kind, *name, "--from", "2026-01-01", *fields[len(name) :]]
