"""The issuer and the customer of a document, as they were on its date. Texts are empty, and parts None, where no fact says them.

Parts that are facts about parties (addresses, contacts, bank accounts) have the structs of these facts: `billing.accounts.parties.kinds`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from billing.accounts.parties.kinds import Address, BankAccount, Category, Contact, Delivery, ElectronicAddress, References, Style
from billing.documents.semantic.terms import beside, bt


class Seller(msgspec.Struct, frozen=True, omit_defaults=True):
    """BG-4: the issuer, a legal entity."""

    entity: Annotated[str, beside("Its name among legal entities of the home; empty: the one without a name.")]
    name: Annotated[str, bt("BT-27", "Full name.")] = ""
    trading_name: Annotated[str, bt("BT-28", "Name by which it is known.")] = ""
    register_id: Annotated[str, bt("BT-30", "Number in the register of companies.")] = ""
    register_court: Annotated[str, beside("Court or authority that keeps the register.")] = ""
    vat_id: Annotated[str, bt("BT-31", "Number of VAT, with its country.")] = ""
    tax_number: Annotated[str, bt("BT-32", "Number at the tax office of its place.")] = ""
    uscc: Annotated[str, beside("Unified social credit code of China.")] = ""
    legal_information: Annotated[str, bt("BT-33", "What law wants on documents of a company.")] = ""
    electronic_address: Annotated[ElectronicAddress | None, bt("BT-34", "The place that takes electronic messages.")] = None
    address: Annotated[Address | None, bt("BG-5", "Postal address.")] = None
    contact: Annotated[Contact | None, bt("BG-6", "A person or desk for questions about the document.")] = None
    bank_accounts: Annotated[tuple[BankAccount, ...], bt("BG-17", "Accounts to pay into, of the document's currency.")] = ()
    creditor_id: Annotated[str, bt("BT-90", "Identifier with which it collects direct debits.")] = ""
    style: Annotated[Style | None, beside("Look of its documents: content hash of the logo, colour, locale of numbers by language.")] = None


class Buyer(msgspec.Struct, frozen=True, omit_defaults=True):
    """BG-7: the customer, who pays."""

    account_id: Annotated[str, bt("BT-46", "The account.")]
    name: Annotated[str, bt("BT-44", "Full name; the name of the account where no fact says another.")] = ""
    category: Annotated[Category | None, beside("Consumer, small business, non-profit, business or public.")] = None
    trading_name: Annotated[str, bt("BT-45", "Name by which it is known.")] = ""
    salutation: Annotated[str, beside("Form of address in letters.")] = ""
    register_id: Annotated[str, bt("BT-47", "Number in the register of companies.")] = ""
    vat_id: Annotated[str, bt("BT-48", "Number of VAT, with its country.")] = ""
    tax_number: Annotated[str, beside("Number at the tax office of its place.")] = ""
    uscc: Annotated[str, beside("Unified social credit code of China.")] = ""
    electronic_address: Annotated[ElectronicAddress | None, bt("BT-49", "The place that takes electronic invoices.")] = None
    address: Annotated[Address | None, bt("BG-8", "Postal address of bills.")] = None
    service_address: Annotated[Address | None, bt("BG-15", "The address to which services are supplied, where that is another one.")] = None
    contact: Annotated[Contact | None, bt("BG-9", "A person or desk that bills go to.")] = None
    references: Annotated[References, bt("BT-10 to BT-13, BT-19", "What the buyer wants to read on each invoice.")] = References()
    bank_account: Annotated[BankAccount | None, bt("BT-91", "The account for refunds and direct debits.")] = None
    delivery: Annotated[Delivery | None, beside("Way of documents, itemised usage, explanations in plain words.")] = None
