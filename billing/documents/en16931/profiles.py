"""Specifications of electronic invoices: their identifiers (BT-24), and the data that each wants beside the norm. Pure.

The rules of XRechnung and of Peppol are not on the registry of packages: what is checked of them is here, and is not all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from billing.documents.semantic.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.semantic.model import Charged
    from billing.documents.semantic.parties import Buyer, Seller

Syntax = Literal["ubl", "cii"]
ProfileName = Literal["en16931", "xrechnung", "peppol"]


class Profile(NamedTuple):
    """A specification. `customization`: BT-24. `process`: BT-23, empty where it wants none."""

    name: ProfileName
    customization: str
    process: str
    syntaxes: tuple[Syntax, ...]


_BILLING: Final = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
_EN: Final = "urn:cen.eu:en16931:2017"
PROFILES: Final[dict[ProfileName, Profile]] = {
    "en16931": Profile("en16931", _EN, "", ("ubl", "cii")),
    "xrechnung": Profile("xrechnung", f"{_EN}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0", _BILLING, ("ubl", "cii")),
    "peppol": Profile("peppol", f"{_EN}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0", _BILLING, ("ubl",)),
}


def missing(profile: Profile, document: Charged) -> Iterator[Finding]:
    """Data that a profile wants of both parties, and that the norm does not."""
    if profile.name == "en16931":
        return
    seller, buyer = document.seller, document.buyer
    issuer, customer = f"ratewright entity set {seller.entity or '-'}", f"ratewright party set {buyer.account_id}"
    references = buyer.references
    if not references.buyer_reference and (profile.name == "xrechnung" or not references.purchase_order):
        remedy = f"{customer} references --from DATE buyer_reference=..."
        yield Finding(
            "buyer_reference", f"account {buyer.account_id}", f"has no buyer reference, which {profile.name} wants (BT-10)", remedy
        )
    for found, term, place, command in (
        (seller.electronic_address, "BT-34", f"issuer {seller.entity or '-'}", issuer),
        (buyer.electronic_address, "BT-49", f"account {buyer.account_id}", customer),
    ):
        if found is None:
            remedy = f"{command} electronic_address --from DATE scheme=... address=..."
            yield Finding("electronic_address", place, f"has no electronic address, which {profile.name} wants ({term})", remedy)
    if profile.name == "xrechnung":
        yield from _xrechnung(seller, buyer, issuer, customer)


def _xrechnung(seller: Seller, buyer: Buyer, issuer: str, customer: str) -> Iterator[Finding]:
    """BR-DE-2 to BR-DE-9."""
    place, contact = f"issuer {seller.entity or '-'}", seller.contact
    if contact is None or not (contact.person and contact.phone and contact.email):
        remedy = f"{issuer} contact billing --from DATE person=... phone=... email=..."
        yield Finding(
            "seller_contact", place, "has no contact with name, phone and e-mail, which xrechnung wants (BR-DE-2, -5 to -7)", remedy
        )
    for address, rule, whose, command in (
        (seller.address, "BR-DE-4", place, issuer),
        (buyer.address, "BR-DE-9", f"account {buyer.account_id}", customer),
    ):
        if address is not None and not address.postal_code:
            remedy = f"{command} address billing --from DATE postal_code=... ..."
            yield Finding("postal_code", whose, f"has no postal code, which xrechnung wants ({rule})", remedy)
