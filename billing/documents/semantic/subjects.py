"""Facts about the issuer and the customer on a day, as the parts of a document that they fill. Pure.

A text by language is taken in the language of the document, else without its region, else in English, else the first there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.accounts.parties import kinds
from billing.documents.semantic.model import Note
from billing.documents.semantic.parties import Buyer, Seller

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from billing.accounts.parties.view import Party

BILLING: Final = "billing"  # names of addresses and contacts
SERVICE: Final = "service"
_MAIN: Final = "main"  # the bank account that comes first
ONE_KIND: Final = frozenset({"invoice", "credit_note", "fee_note", "statement", "dunning", "deposit", "tariff_change"})
_IDENTITY: Final = kinds.Identity(name="")


def seller_of(entity: str, listed_name: str, party: Party, currency: str) -> Seller:
    """The issuer. `listed_name`: its name among legal entities, which counts where no fact says another."""
    identity = party.only(kinds.Identity) or _IDENTITY
    creditor = party.only(kinds.Creditor)
    return Seller(
        entity=entity,
        name=identity.name or listed_name,
        trading_name=identity.trading_name,
        register_id=identity.register_id,
        register_court=identity.register_court,
        vat_id=_tax_id(party, "vat"),
        tax_number=_tax_id(party, "tax_number"),
        uscc=_tax_id(party, "uscc"),
        legal_information=identity.legal_information,
        electronic_address=party.only(kinds.ElectronicAddress),
        address=party.one_of(kinds.Address, BILLING),
        contact=party.one_of(kinds.Contact, BILLING, SERVICE),
        bank_accounts=_accounts_to_pay_into(party.named(kinds.BankAccount), currency),
        creditor_id=creditor.identifier if creditor is not None else "",
        style=party.only(kinds.Style),
    )


def buyer_of(account_id: str, account_name: str, party: Party) -> Buyer:
    """The customer. `account_name`: that of the account, which counts where no fact says another."""
    identity = party.only(kinds.Identity) or _IDENTITY
    address, service = party.one_of(kinds.Address, BILLING), party.named(kinds.Address).get(SERVICE)
    return Buyer(
        account_id=account_id,
        name=identity.name or account_name,
        category=identity.category,
        trading_name=identity.trading_name,
        salutation=identity.salutation,
        register_id=identity.register_id,
        vat_id=_tax_id(party, "vat"),
        tax_number=_tax_id(party, "tax_number"),
        uscc=_tax_id(party, "uscc"),
        electronic_address=party.only(kinds.ElectronicAddress),
        address=address,
        service_address=service if service != address else None,
        contact=party.named(kinds.Contact).get(BILLING),
        references=party.only(kinds.References) or kinds.References(),
        bank_account=party.one_of(kinds.BankAccount, _MAIN),
        delivery=party.only(kinds.Delivery),
    )


def notes_of(issuer: Party, document: str, language: str) -> tuple[Note, ...]:
    """Legal texts for a kind of document: those named by it, and those that are named by no kind."""
    found = ((name, text) for name, text in issuer.named(kinds.LegalText).items() if name == document or name not in ONE_KIND)
    return tuple(Note(name, in_language(text.texts, language)) for name, text in found)


def in_language(texts: Mapping[str, str], language: str) -> str:
    """A text by language in one of them; empty where there is none at all."""
    wanted = (language, language.partition("-")[0], "en")
    return next((texts[each] for each in wanted if each in texts), next(iter(texts.values()), ""))


def _tax_id(party: Party, scheme: str) -> str:
    found = party.named(kinds.TaxId).get(scheme)
    return found.number if found is not None else ""


def _accounts_to_pay_into(accounts: Mapping[str, kinds.BankAccount], currency: str) -> tuple[kinds.BankAccount, ...]:
    """Those that take a currency, `main` first."""
    names: Iterable[str] = sorted(accounts, key=lambda name: (name != _MAIN, name))
    return tuple(accounts[name] for name in names if accounts[name].currency in {"", currency})
