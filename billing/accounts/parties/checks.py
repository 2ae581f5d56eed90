"""Permitted values of a party's fact, in their one spelling: errors that depend on no other fact. Pure.

Numbers that have a check digit are checked by python-stdnum: VAT by country, China's unified social credit code, IBAN, BIC, Leitweg-ID.
A check tells a slip of the hand; it does not tell that the number was given out.
"""

from __future__ import annotations

import functools
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import msgspec
from stdnum import bic, iban, vatin
from stdnum.cn import uscc
from stdnum.de import leitweg
from stdnum.exceptions import InvalidChecksum, InvalidComponent, ValidationError

from billing.accounts.details import Wrong
from billing.accounts.parties import kinds
from billing.accounts.parties.fields import LONG_CHARS_MAX, described
from rating.errors import quoted
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_EMAIL: Final = re.compile(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]+\.[^\s@<>,;\".]{2,}")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_SCHEME: Final = re.compile(r"[0-9]{4}|EM|AN|AQ|AS|AU")
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_VATEX: Final = re.compile(r"VATEX-[A-Z0-9-]{2,34}")
_BETWEEN: Final = re.compile(r"[\s().-]+")  # what people write between digits
_LINES: Final = frozenset({"legal_information", "text", "texts"})  # fields that may have more than one line
_LEITWEG: Final = "0204"
REVENUE_CODE_MAX: Final = 2**31 - 1
_LANGUAGES_MAX: Final = 50  # of one text
_LANGUAGE_CHARS_MAX: Final = 35


def named(kind: str, name: str) -> Wrong | None:
    """The error of the name of a fact; None where it has the right one."""
    if kind not in kinds.NAMED:
        return Wrong("name", f"{kind} has no name", "leave the name away: there is one of it at a time") if name else None
    if kind == "tax_id" and name not in kinds.TAX_SCHEMES:
        return Wrong("name", f"{name!r} is not a scheme of tax ids", f"use one of {', '.join(kinds.TAX_SCHEMES)}")
    if _NAME.fullmatch(name) is None:
        example = {"address": "billing", "bank_account": "main", "note": "visit"}.get(kind, "billing")
        return Wrong("name", f"{name!r} cannot be used as a name", f"use small letters, digits, - . and _, such as {example}")
    return None


def in_one_spelling(detail: msgspec.Struct, name: str) -> msgspec.Struct:
    """The detail without blanks around its texts, and with numbers as machines read them: no blanks within, capitals where they count."""
    values = {field: _plain(field, getattr(detail, field)) for field in detail.__struct_fields__}
    if isinstance(detail, kinds.TaxId):
        number = str(values["number"]).upper()
        values["number"] = number if name == "tax_number" else _BETWEEN.sub("", number)
    return msgspec.structs.replace(detail, **values)


def wrongs(detail: msgspec.Struct, name: str, *, of_customer: bool) -> Iterator[Wrong]:
    """All errors of a detail that is in its one spelling. `name`: that of the fact. `of_customer`: not of an issuer."""
    if isinstance(detail, kinds.Identity):
        yield from _category(detail, of_customer=of_customer)
    for each in described(type(detail)):
        value = getattr(detail, each.name)
        if each.is_needed and value == "":
            yield Wrong(each.name, "is empty", f"give it: {_lower(each.says)}")
        yield from _texts(each.name, value)
    check = _CHECKS.get(type(detail))
    if check is not None:
        yield from check(detail, name)


@functools.cache
def countries() -> Mapping[str, str]:
    """Countries of ISO 3166-1 by their two letters, as the time zone data lists them."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {code: name.strip() for code, name in pairs}


def _plain(name: str, value: object) -> object:
    if isinstance(value, dict):
        return dict(sorted((str(key).strip(), str(text).strip()) for key, text in value.items()))
    if not isinstance(value, str):
        return value
    text = value.strip()
    if name in {"iban", "bic", "identifier"}:
        return _BETWEEN.sub("", text).upper()
    if name == "phone":
        return _BETWEEN.sub("", text)
    return {"country": text.upper(), "currency": text.upper(), "colour": text.lower(), "logo": text.lower()}.get(name, text)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].removesuffix(".")


def _texts(name: str, value: object) -> Iterator[Wrong]:
    """Errors of texts: control characters, and languages that are none."""
    if isinstance(value, dict):
        if len(value) > _LANGUAGES_MAX:
            yield Wrong(name, f"has {len(value):,} languages", f"give at most {_LANGUAGES_MAX}")
            return
        for language, text in value.items():
            if not _is_language(language):
                yield Wrong(name, f"{quoted(language)} is not a language", "use a language tag such as zh or en")
            if not text or len(text) > LONG_CHARS_MAX:
                yield Wrong(name, f"the text of {language} has {len(text)} characters", f"give 1 to {LONG_CHARS_MAX}")
            yield from _texts(name, text)
    elif isinstance(value, str):
        lines = value.split("\n") if name in _LINES else [value]
        if not all(line.isprintable() for line in lines):
            yield Wrong(name, "holds control characters", "write plain text")


def _is_language(text: str) -> bool:
    return len(text) <= _LANGUAGE_CHARS_MAX and _LANGUAGE.fullmatch(text) is not None


def _category(detail: kinds.Identity, *, of_customer: bool) -> Iterator[Wrong]:
    """Documents of consumers and of businesses have other contents, so a customer is one of them."""
    if of_customer and detail.category is None:
        yield Wrong("category", "is missing", f"give one of {', '.join(kinds.CATEGORIES)}")
    if not of_customer and detail.category is not None:
        yield Wrong("category", "is of customers alone", "leave it away")


def _identity(detail: kinds.Identity, _name: str) -> Iterator[Wrong]:
    if detail.register_court and not detail.register_id:
        yield Wrong("register_id", "is empty, and a register is named", "give the number in that register")


def _address(detail: kinds.Address, _name: str) -> Iterator[Wrong]:
    yield from _country(detail.country)
    if detail.street and detail.post_box:
        yield Wrong("post_box", "is given beside a street", "give one of them: a letter goes to one place")
    if detail.building and not detail.street:
        yield Wrong("building", "has no street", "give the street, or write the place into extra")


def _country(code: str, field: str = "country") -> Iterator[Wrong]:
    if code and code not in countries():
        yield Wrong(field, f"{code!r} is not a country of ISO 3166-1", "use its two capital letters, such as DE or CN")


def _contact(detail: kinds.Contact, _name: str) -> Iterator[Wrong]:
    if not (detail.person or detail.email or detail.phone):
        yield Wrong("person", "is empty, as are email and phone", "give a person, an e-mail address or a telephone number")
    if detail.email and _EMAIL.fullmatch(detail.email) is None:
        yield Wrong("email", f"{detail.email!r} is not an e-mail address", "write it as name@example.com")
    if detail.phone and _PHONE.fullmatch(detail.phone) is None:
        yield Wrong("phone", f"{detail.phone!r} is not a telephone number", "write it with + and country, such as +49 30 901820")
    if detail.language and not _is_language(detail.language):
        yield Wrong("language", f"{detail.language!r} is not a language", "use a language tag such as zh or en")


def _tax_id(detail: kinds.TaxId, name: str) -> Iterator[Wrong]:
    if name == "vat":
        yield from _vat(detail.number)
    elif name == "uscc" and not uscc.is_valid(detail.number):
        yield Wrong(
            "number", f"{detail.number!r} is not a unified social credit code", "give its 18 characters; the last one is a check digit"
        )


def _vat(number: str) -> Iterator[Wrong]:
    begins = number[:2]
    if ({"EL": "GR", "XI": "GB"}.get(begins, begins)) not in countries() or re.fullmatch(r"[0-9A-Z+*]{2,38}", number[2:]) is None:
        yield Wrong("number", f"{number!r} does not begin with a country", "write the country first, such as DE136695976")
        return
    wrong = Wrong("number", f"{number!r} is not a number of VAT of {begins}", "give it with its country, such as DE136695976")
    try:
        if vatin.validate(number) != number:
            yield wrong
    except InvalidComponent:
        return  # no check is known for the numbers of that country
    except InvalidChecksum:
        yield Wrong("number", f"the check digit of {number} is wrong", "compare it with the customer's letter")
    except ValidationError:
        yield wrong


def _electronic_address(detail: kinds.ElectronicAddress, _name: str) -> Iterator[Wrong]:
    if _SCHEME.fullmatch(detail.scheme) is None:
        yield Wrong(
            "scheme", f"{detail.scheme!r} is not a scheme of the list EAS", "use four digits such as 0204, or EM for an e-mail address"
        )
    if detail.scheme == "EM" and _EMAIL.fullmatch(detail.address) is None:
        yield Wrong("address", f"{detail.address!r} is not an e-mail address", "write it as name@example.com")
    if detail.scheme == _LEITWEG and not leitweg.is_valid(detail.address):
        yield Wrong(
            "address",
            f"{detail.address!r} is not a Leitweg-ID",
            "write it as the buyer gave it, such as 991-03730-19; two check digits end it",
        )


def _references(detail: kinds.References, _name: str) -> Iterator[Wrong]:
    if detail == kinds.References():
        yield Wrong("detail", "names no reference", "give at least one; end the fact to have none")


def _bank_account(detail: kinds.BankAccount, _name: str) -> Iterator[Wrong]:
    if bool(detail.iban) == bool(detail.number):
        yield Wrong("iban", "an account has an IBAN or a number, one of them", "give iban, or number where its country has no IBAN")
    if detail.iban and not iban.is_valid(detail.iban):
        yield Wrong(
            "iban", f"{detail.iban} is not an IBAN: its check digits or its form are wrong", "compare it with the customer's letter"
        )
    if detail.bic and (not bic.is_valid(detail.bic) or detail.bic[4:6] not in countries()):
        yield Wrong("bic", f"{detail.bic} is not a BIC", "give its 8 or 11 characters, such as DEUTDEFF")
    if detail.currency and detail.currency not in MINOR_DIGITS:
        yield Wrong("currency", f"{detail.currency!r} is not a currency of ISO 4217", "use its three capital letters, such as EUR")


def _creditor(detail: kinds.Creditor, _name: str) -> Iterator[Wrong]:
    """The check digits are those of an IBAN, counted without the three characters of the business code."""
    number = detail.identifier
    form = re.fullmatch(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{3}[0-9A-Z]{1,28}", number)
    if form is None or _remainder(number[7:] + number[:4]) != 1:
        yield Wrong("identifier", f"{number!r} is not a creditor identifier", "write it as the bank gave it, such as DE98ZZZ09999999999")


def _remainder(text: str) -> int:
    """The remainder by 97 of digits, where letters count from A as 10."""
    return int("".join(str(int(letter, 36)) for letter in text)) % 97


def _exemption(detail: kinds.Exemption, _name: str) -> Iterator[Wrong]:
    if not detail.texts:
        yield Wrong("texts", "has no words", "give them by language, such as texts.en=...")
    if detail.code and _VATEX.fullmatch(detail.code) is None:
        yield Wrong("code", f"{detail.code!r} is not a code of the list VATEX", "write it as VATEX-EU-AE")


def _legal_text(detail: kinds.LegalText, _name: str) -> Iterator[Wrong]:
    if not detail.texts:
        yield Wrong("texts", "has no words", "give them by language, such as texts.en=...")


def _style(detail: kinds.Style, _name: str) -> Iterator[Wrong]:
    if detail.colour and _COLOUR.fullmatch(detail.colour) is None:
        yield Wrong("colour", f"{detail.colour!r} is not a colour", "write it as #004488")
    if detail.logo and _DIGEST.fullmatch(detail.logo) is None:
        yield Wrong("logo", f"{detail.logo!r} is not a content hash", "give the 64 hexadecimal digits of SHA-256")
    for language, locale in detail.locales.items():
        if not _is_language(locale):
            yield Wrong("locales", f"{quoted(locale)} is not a locale of {language}", "use a language tag such as de-AT")


def _third_party(detail: kinds.ThirdParty, _name: str) -> Iterator[Wrong]:
    if not 0 < detail.revenue_code <= REVENUE_CODE_MAX:
        yield Wrong(
            "revenue_code", f"{detail.revenue_code} is not a revenue code", "give the one of its charges in the tariff, such as 4700"
        )


_CHECKS: Final[dict[type[msgspec.Struct], Callable[..., Iterator[Wrong]]]] = {
    kinds.Identity: _identity,
    kinds.Address: _address,
    kinds.Contact: _contact,
    kinds.TaxId: _tax_id,
    kinds.ElectronicAddress: _electronic_address,
    kinds.References: _references,
    kinds.BankAccount: _bank_account,
    kinds.Creditor: _creditor,
    kinds.Exemption: _exemption,
    kinds.LegalText: _legal_text,
    kinds.Style: _style,
    kinds.ThirdParty: _third_party,
}
