"""Findings about a document: data that is missing of both parties, and amounts that the norm cannot say. Pure.

Everything is listed at once, each with its place and remedy. `code` names a finding for machines, and never changes its meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.documents.semantic.categories import NEEDS_REASON
from billing.documents.semantic.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing.documents.semantic.model import Tax
    from billing.documents.semantic.parties import Buyer, Seller
    from billing.documents.semantic.taxes import Group

FROM: Final = "--from DATE"


def of_seller(seller: Seller, currency: str) -> Iterator[Finding]:
    """Data of an issuer that each of its documents of a currency needs."""
    place = f"issuer {seller.entity}" if seller.entity else "the issuer without a name"
    command = f"ratewright entity set {seller.entity or '-'}"
    if not seller.name:
        yield Finding("seller_name", place, "has no name", f"{command} identity {FROM} name=...")
    if seller.address is None:
        yield Finding("seller_address", place, "has no address", f"{command} address billing {FROM} street=... city=... country=...")
    elif not seller.address.postal_code:
        yield Finding("seller_postal_code", place, "has no postal code", f"{command} address billing {FROM} postal_code=... ...")
    if not (seller.vat_id or seller.tax_number or seller.uscc):
        yield Finding("seller_tax_id", place, "has no tax id", f"{command} tax_id vat {FROM} number=...")
    if not seller.bank_accounts:
        remedy = f"{command} bank_account main {FROM} holder=... iban=..."
        yield Finding("seller_bank_account", place, f"has no bank account that takes {currency}", remedy)
    if seller.contact is None:
        yield Finding("seller_contact", place, "has no contact for questions", f"{command} contact billing {FROM} email=... phone=...")


def of_buyer(buyer: Buyer) -> Iterator[Finding]:
    """Data of a customer that its documents need."""
    place, command = f"account {buyer.account_id}", f"ratewright party set {buyer.account_id}"
    if not buyer.name:
        yield Finding("buyer_name", place, "has no name", f"{command} identity {FROM} name=... category=...")
    if buyer.category is None:
        yield Finding(
            "buyer_category", place, "is not known as a consumer or a business", f"{command} identity {FROM} name=... category=consumer"
        )
    if buyer.address is None:
        yield Finding("buyer_address", place, "has no address", f"{command} address billing {FROM} street=... city=... country=...")
    if buyer.category == "public" and not buyer.references.buyer_reference:
        yield Finding(
            "buyer_reference", place, "is a public body without a buyer reference", f"{command} references {FROM} buyer_reference=..."
        )
    takes_e_invoices = buyer.delivery is not None and buyer.delivery.channel == "e_invoice"
    if takes_e_invoices and buyer.electronic_address is None:
        yield Finding(
            "buyer_electronic_address",
            place,
            "takes electronic invoices at no address",
            f"{command} electronic_address {FROM} scheme=... address=...",
        )


def of_taxes(place: str, taxes: Iterable[Tax], groups: Iterable[Group], seller: Seller, buyer: Buyer) -> Iterator[Finding]:
    """Reasons that are missing where no tax is due, and rates that are not known. `place`: the document."""
    unsaid = {group.reasoned.fact for group in groups if group.reasoned.category in NEEDS_REASON and not group.reasoned.reason}
    for fact in sorted(unsaid):
        yield exemption_text(place, fact, seller)
    for tax in taxes:
        if tax.category == "AE" and not buyer.vat_id:
            yield without_vat_id(place, buyer)
        if tax.category == "S" and not tax.rate_ppm:
            yield Finding(
                "tax_rate",
                place,
                f"has a tax of {tax.parts[0].text} whose rate is not in the tariff",
                "publish the rate in a version of it",
            )
    for group in groups:
        if len(group.rates) > 1 and group.tax_micros:
            yield Finding(
                "two_rates", place, f"has one tax of two rates: {group.text}", "give the class one rate in all catalogues of the customer"
            )


def exemption_text(place: str, fact: str, seller: Seller) -> Finding:
    """No words for the reason why there is no tax. `fact`: the name of the issuer's fact that would say it."""
    return Finding(
        "exemption_text",
        place,
        f"no fact of the issuer says why {fact.replace('_', ' ')} has no tax",
        f"ratewright entity set {seller.entity or '-'} exemption {fact} {FROM} texts.en=...",
    )


def without_vat_id(place: str, buyer: Buyer) -> Finding:
    """The number of VAT of a customer in reverse charge."""
    return Finding(
        "buyer_vat_id",
        place,
        "is in reverse charge, and its customer has no number of VAT",
        f"ratewright party set {buyer.account_id} tax_id vat {FROM} number=...",
    )
