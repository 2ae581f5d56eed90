"""Kinds of dated facts about a party: a customer, or an issuer (a legal entity). One struct a kind; as JSON it is the `detail`.

A fact holds from `from_date` (local, inclusive) to `to_date` (exclusive; none is open). Facts of one kind stand side by side under names of
their own: an address `billing` and an address `service`. Of one kind and name the fact with the latest `from_date` holds on a day, so a
removal is one new fact. BT and BG are business terms and groups of EN 16931; addresses have the parts of a structured address of ISO 20022.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from billing.accounts.parties import spelling
from billing.accounts.parties.fields import LONG_CHARS_MAX, Described, Masking, choice, described, field

CATEGORIES: Final = ("consumer", "small_business", "non_profit", "business", "public")
LANGUAGE_CHARS_MAX: Final = 35
CHANNELS: Final = ("paper", "email", "portal", "e_invoice")
Category = Literal["consumer", "small_business", "non_profit", "business", "public"]
Channel = Literal["paper", "email", "portal", "e_invoice"]
Numbers = Literal["none", "masked", "full"]


class Identity(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`identity`: the names of a party, and its entry in a register."""

    name: Annotated[str, field("Full name, as on documents.", term="BT-27, BT-44", masking=Masking.NAME)]
    category: Annotated[Category | None, choice("consumer, small_business, non_profit, business or public; of a customer alone.")] = None
    trading_name: Annotated[
        str, field("Name by which it is known, where that is another one.", term="BT-28, BT-45", masking=Masking.NAME)
    ] = ""
    given_name: Annotated[str, field("Given names of a person.", masking=Masking.NAME)] = ""
    family_name: Annotated[str, field("Family name of a person.", masking=Masking.NAME)] = ""
    salutation: Annotated[str, field("Form of address in letters, such as `Dear Dr. Example`.", masking=Masking.HIDDEN)] = ""
    register_id: Annotated[
        str, field("Number in the register of companies, such as HRB 12345.", term="BT-30, BT-47", masking=Masking.NUMBER)
    ] = ""
    register_court: Annotated[str, field("Court or authority that keeps the register.")] = ""
    legal_information: Annotated[
        str,
        field(
            "What law wants on documents of a company: form, seat, directors, capital.",
            term="BT-33",
            masking=Masking.HIDDEN,
            most=LONG_CHARS_MAX,
        ),
    ] = ""


class Address(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`address`, such as `billing` or `service`: a structured postal address."""

    city: Annotated[str, field("City or town.", term="BT-37, BT-52")]
    country: Annotated[str, field("Country, two letters of ISO 3166-1.", term="BT-40, BT-55", most=2)]
    street: Annotated[str, field("Street, without the number.", term="BT-35, BT-50", masking=Masking.HIDDEN)] = ""
    building: Annotated[str, field("Number of the house.", masking=Masking.HIDDEN)] = ""
    extra: Annotated[str, field("Floor, room, care of.", term="BT-36, BT-51", masking=Masking.HIDDEN)] = ""
    post_box: Annotated[str, field("Post-office box, in the place of a street.", masking=Masking.HIDDEN)] = ""
    postal_code: Annotated[str, field("Postal code.", term="BT-38, BT-53", masking=Masking.HIDDEN, most=16)] = ""
    district: Annotated[str, field("District of the city.")] = ""
    region: Annotated[str, field("State or province.", term="BT-39, BT-54")] = ""


class Contact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`contact`, such as `billing` or `technical`: a person or a desk."""

    person: Annotated[str, field("Name of the person or the desk.", term="BT-41, BT-56", masking=Masking.NAME)] = ""
    email: Annotated[str, field("E-mail address.", term="BT-43, BT-58", masking=Masking.HIDDEN, most=254)] = ""
    phone: Annotated[str, field("Telephone number with + and country.", term="BT-42, BT-57", masking=Masking.NUMBER, most=32)] = ""
    language: Annotated[str, field("Language of letters, such as zh or en; empty: that of the account.", most=LANGUAGE_CHARS_MAX)] = ""


class TaxId(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`tax_id`, named by its scheme, vat, uscc (China) or tax_number: a number for taxes. Form and check digit are checked."""

    number: Annotated[
        str, field("The number; one of VAT begins with its country.", term="BT-31, BT-32, BT-48", masking=Masking.NUMBER, most=40)
    ]


class ElectronicAddress(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`electronic_address`: the place that takes electronic invoices."""

    scheme: Annotated[str, field("Scheme of the list EAS, such as 0204 (Leitweg-ID), 9930 (VAT, Germany) or EM (e-mail).", most=4)]
    address: Annotated[str, field("The address.", term="BT-34, BT-49", masking=Masking.HIDDEN)]


class References(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`references`: what the buyer wants to read on each invoice."""

    buyer_reference: Annotated[str, field("Buyer reference, such as a Leitweg-ID.", term="BT-10", masking=Masking.HIDDEN)] = ""
    purchase_order: Annotated[str, field("Purchase order.", term="BT-13", masking=Masking.HIDDEN)] = ""
    contract: Annotated[str, field("Contract.", term="BT-12", masking=Masking.HIDDEN)] = ""
    project: Annotated[str, field("Project.", term="BT-11", masking=Masking.HIDDEN)] = ""
    accounting: Annotated[str, field("Account in the books of the buyer.", term="BT-19", masking=Masking.HIDDEN)] = ""


class BankAccount(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`bank_account`, such as `main`: of a customer the account for refunds, of an issuer one to pay into."""

    holder: Annotated[str, field("Name of the holder.", term="BT-85", masking=Masking.NAME, most=70)]
    iban: Annotated[str, field("IBAN.", term="BT-84", masking=Masking.NUMBER, most=34)] = ""
    number: Annotated[str, field("Number of the account, where there is no IBAN.", term="BT-84", masking=Masking.NUMBER, most=34)] = ""
    bank: Annotated[str, field("Name of the bank.", masking=Masking.HIDDEN)] = ""
    bic: Annotated[str, field("BIC.", term="BT-86", most=11)] = ""
    currency: Annotated[str, field("Currency that it takes, ISO 4217; empty: any.", most=3)] = ""


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`delivery`: the way of documents to the customer."""

    channel: Annotated[Channel, choice("paper, email, portal or e_invoice.")]
    itemised: Annotated[Numbers, choice("Itemised usage as an appendix: none, with masked or with full numbers. It is free of charge.")] = (
        "none"
    )
    in_plain_words: Annotated[bool, choice("Whether each line has an explanation in plain words.")] = False


class Consent(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`consent`, named by its purpose, such as `marketing` or `e_invoice`: given or withdrawn."""

    given: Annotated[bool, choice("true: given; false: withdrawn, or refused.")]
    proof: Annotated[str, field("The place of its proof, such as a form and its date.", masking=Masking.HIDDEN)] = ""


class Note(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`note`, named by its subject: words for colleagues, on no document."""

    text: Annotated[str, field("The note.", masking=Masking.HIDDEN, most=LONG_CHARS_MAX)]


class Creditor(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`creditor`: the identifier with which an issuer collects direct debits."""

    identifier: Annotated[str, field("Creditor identifier of SEPA.", term="BT-90", most=35)]


class Exemption(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`exemption`, named by its tax class, or `reverse_charge` or `outside`: why an invoice has no tax, as it says it."""

    texts: Annotated[dict[str, str], choice("The words of the invoice by language.", term="BT-120", most=LONG_CHARS_MAX)]
    code: Annotated[str, field("Code of the list VATEX, such as VATEX-EU-AE.", term="BT-121", most=40)] = ""


class LegalText(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`legal_text`, named by its place, such as `footer` or `dunning`: words that documents have."""

    texts: Annotated[dict[str, str], choice("The words by language.", most=LONG_CHARS_MAX)]


class Style(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`style`: the look of documents."""

    logo: Annotated[str, field("Content hash of the picture: SHA-256 as 64 hexadecimal digits.", most=64)] = ""
    colour: Annotated[str, field("Colour of headings, such as #004488.", most=7)] = ""
    locales: Annotated[dict[str, str], choice("Locale of numbers and dates by language, such as de=de-AT.", most=LANGUAGE_CHARS_MAX)] = {}


class ThirdParty(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`third_party`, such as `film_portal`: another provider whose charges the issuer collects. They are outside its net, tax and total."""

    provider: Annotated[str, field("Name of the provider, as documents show it.")]
    revenue_code: Annotated[int, choice("Revenue code of its charges in the tariff, whose tax class has no tax.")]
    contact: Annotated[str, field("Its address or hotline, for questions and objections.")] = ""


class Damaged(msgspec.Struct, frozen=True):
    """The detail of a stored fact that cannot be read: `damaged` says why, in no words of the fact."""

    damaged: str


DAMAGED: Final = "damaged"  # its field
UNNAMED: Final = ""  # the name of facts of a kind that has one fact at a time
CUSTOMER_KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "identity": Identity,
    "address": Address,
    "contact": Contact,
    "tax_id": TaxId,
    "electronic_address": ElectronicAddress,
    "references": References,
    "bank_account": BankAccount,
    "delivery": Delivery,
    "consent": Consent,
    "note": Note,
}
ISSUER_KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "identity": Identity,
    "address": Address,
    "contact": Contact,
    "tax_id": TaxId,
    "electronic_address": ElectronicAddress,
    "bank_account": BankAccount,
    "creditor": Creditor,
    "exemption": Exemption,
    "legal_text": LegalText,
    "style": Style,
    "third_party": ThirdParty,
    "note": Note,
}
NAMED: Final = frozenset({"address", "contact", "tax_id", "bank_account", "consent", "note", "exemption", "legal_text", "third_party"})
TAX_SCHEMES: Final = ("vat", "uscc", "tax_number")
# Names of facts that name nobody. One that people chose otherwise may hold the customer's name.
USUAL_NAMES: Final = frozenset({UNNAMED, "billing", "service", "technical", "main", "marketing", "e_invoice", *TAX_SCHEMES})


def words_of(kind: type[msgspec.Struct]) -> str:
    """The meaning of a kind in a sentence."""
    says = " ".join((kind.__doc__ or "").split()).partition(": ")[2]
    return says[:1].upper() + says[1:]


def names_of(kind: type[msgspec.Struct]) -> str:
    """The names that facts of a kind have, in words, such as `such as billing or service`; empty for a kind without names."""
    return " ".join((kind.__doc__ or "").split()).partition(": ")[0].partition(", ")[2].replace("`", "")


def fields_of(kind: type[msgspec.Struct], *, of_customer: bool) -> list[Described]:
    """The fields of a kind, of customers or of issuers. A customer needs a category, and an issuer has none."""
    found = described(kind)
    if kind is not Identity:
        return found
    if of_customer:
        return [each._replace(is_needed=each.is_needed or each.name == "category") for each in found]
    return [each for each in found if each.name != "category"]


def found_as(detail: msgspec.Struct) -> str | None:
    """The text by which a search finds a fact, in small letters; None for a fact that is not searched. `search_texts` finds it."""
    match detail:
        case Contact():
            text = detail.email
        case TaxId():
            text = spelling.compact(detail.number)
        case ElectronicAddress():
            text = detail.address
        case BankAccount():
            text = detail.iban or spelling.compact(detail.number)
        case _:
            text = ""
    return text.lower() or None


def search_texts(text: str) -> list[str]:
    """The texts that `found_as` may have for what is looked for: as an address is spelled, and as a number is."""
    return sorted({spelling.code(text).lower(), spelling.compact(text).lower()} - {""})
