"""Permitted values of a party's fact, in their one spelling: errors that depend on no other fact. Pure.

Numbers that have a check digit are checked by python-stdnum: VAT by country, China's unified social credit code, IBAN, Leitweg-ID; of a BIC
the form. A check tells a slip of the hand; it does not tell that the number was given out.
"""

from __future__ import annotations

import functools
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec
from stdnum import bic, get_cc_module, iban, vatin
from stdnum.cn import uscc
from stdnum.de import leitweg
from stdnum.exceptions import InvalidChecksum, ValidationError

from billing.accounts.details import Wrong
from billing.accounts.parties import electronic_schemes, kinds, spelling
from billing.accounts.parties.fields import DETAIL_BYTES_MAX, described, given
from rating.errors import quoted
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PART: Final = r"[^\s@<>,;:\"()\[\]\\.]"  # a character between the dots of an e-mail address
_EMAIL: Final = re.compile(
    rf"(?=[^@]{{1,64}}@){_PART}+(?:\.{_PART}+)*@(?:(?!-){_PART}{{1,63}}(?<!-)\.)+(?!-)(?![0-9]+$){_PART}{{2,63}}(?<!-)"
)
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_VATEX: Final = re.compile(r"VATEX-[A-Z0-9-]{2,34}")
_LEITWEG_FORM: Final = re.compile(r"[0-9]{2,12}(-[0-9A-Z]{1,30})?-[0-9]{2}")
_CHECK_DIGITS: Final = range(2, 99)  # a remainder by 97 taken from 98 is 2 to 98
_LINES: Final = frozenset({"legal_information", "text", "texts"})  # fields that may have more than one line
# Fields that machines read, by their spelling. Countries and currencies are letters of ASCII, so nothing becomes one of them.
_COMPACT: Final = frozenset({"iban", "bic", "identifier"})
_CODES: Final = frozenset({"number", "email", "scheme", "address", "postal_code", "code", "colour", "logo", "language"})
_CAPITALS: Final = frozenset({"country", "currency", "scheme", "code", "number"})
_SMALL: Final = frozenset({"colour", "logo"})
_JOINERS: Final = re.compile("[\u200c\u200d]")  # they shape the letters beside them, in Persian and Hindi among others
_COMPARE: Final = "compare it with the customer's letter"
REVENUE_CODE_MAX: Final = 2**31 - 1
_LANGUAGES_MAX: Final = 50  # of one text


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
    """The detail with texts, codes and numbers as `spelling` has them."""
    values = {field: _spelled(field, getattr(detail, field)) for field in detail.__struct_fields__}
    is_number = isinstance(detail, kinds.TaxId) and name != "tax_number"
    if is_number or (isinstance(detail, kinds.ElectronicAddress) and values["scheme"] in electronic_schemes.VAT):
        field = detail.__struct_fields__[-1]
        values[field] = spelling.compact(str(values[field]))
    return msgspec.structs.replace(detail, **values)


def wrongs(detail: msgspec.Struct, name: str, *, of_customer: bool) -> Iterator[Wrong]:
    """All errors of a detail that is in its one spelling. `name`: that of the fact. `of_customer`: not of an issuer.

    A field that is empty, too long or no plain text is not looked at further.
    """
    fields = given(detail)
    if not fields:
        yield Wrong("detail", "has no field", "give at least one; end the fact to have none")
        return
    if isinstance(detail, kinds.Identity):
        yield from _category(detail, of_customer=of_customer)
    plain: list[Wrong] = []
    for each in described(type(detail)):
        value = getattr(detail, each.name)
        if each.is_needed and value == "":
            plain.append(Wrong(each.name, "is empty", f"give it: {_lower(each.says)}"))
        plain += _texts(each.name, value, each.most)
    yield from plain
    told = {each.field for each in plain}
    check = _CHECKS.get(type(detail))
    if check is not None:
        yield from (each for each in check(detail, name) if each.field not in told)
    size = 0 if plain else len(msgspec.json.encode(fields))  # half of a surrogate pair has no bytes
    if size > DETAIL_BYTES_MAX:
        yield Wrong("detail", f"has {size:,} bytes as JSON, and at most {DETAIL_BYTES_MAX:,} are stored", "record it as several facts")


@functools.cache
def countries() -> Mapping[str, str]:
    """Countries of ISO 3166-1 by their two letters, as the time zone data lists them; and Kosovo, as IBAN, BIC and EU write it."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {code: name.strip() for code, name in pairs} | {"XK": "Kosovo"}


def _spelled(name: str, value: object) -> object:
    if isinstance(value, dict):
        spelled = sorted((spelling.text(str(key)), spelling.text(str(each))) for key, each in value.items())
        return dict(spelled) if len(dict(spelled)) == len(value) else value  # a key that is given twice stays, as an error
    if not isinstance(value, str):
        return value
    if name == "phone":
        return spelling.phone(value)
    if name in _COMPACT:
        return spelling.compact(value)
    found = spelling.code(value) if name in _CODES else spelling.text(value)
    if name in _SMALL:
        return found.lower()
    return spelling.capitals(found) if name in _CAPITALS else found


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].removesuffix(".")


def _texts(name: str, value: object, most: int) -> Iterator[Wrong]:
    """Errors of texts: their lengths, control characters, and languages that are none."""
    if isinstance(value, dict):
        yield from _by_language(name, value, most)
    elif isinstance(value, str):
        if 0 < most < len(value):
            yield Wrong(name, f"has {len(value):,} characters, {most:,} at most", f"shorten it to {most:,}")
        shown = value if name in _CODES else _JOINERS.sub("", value)
        if not all(line.isprintable() for line in (shown.split("\n") if name in _LINES else [shown])):
            remedy = "write plain text" if name in _LINES else "write plain text of one line"
            yield Wrong(name, "holds control characters", remedy)


def _by_language(name: str, value: Mapping[str, str], most: int) -> Iterator[Wrong]:
    if len(value) > _LANGUAGES_MAX:
        yield Wrong(name, f"has {len(value):,} languages", f"give at most {_LANGUAGES_MAX}")
        return
    seen = set()
    for language, text in value.items():
        tag = language.strip().lower()
        if tag in seen:
            yield Wrong(name, f"{quoted(tag)} is given twice", "give it once")
        elif not _is_language(language):
            yield Wrong(name, f"{quoted(language)} is not a language", "use a language tag such as zh or en")
        seen.add(tag)
        if not text:
            yield Wrong(name, f"the text of {quoted(language)} is empty", "give it, or leave the language away")
        yield from _texts(name, text, most)


def _is_language(text: str) -> bool:
    return len(text) <= kinds.LANGUAGE_CHARS_MAX and _LANGUAGE.fullmatch(text) is not None


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
        yield Wrong(field, f"{quoted(code)} is not a country of ISO 3166-1", "use its two capital letters, such as DE or CN")


def _contact(detail: kinds.Contact, _name: str) -> Iterator[Wrong]:
    if not (detail.person or detail.email or detail.phone):
        yield Wrong("person", "is empty, as are email and phone", "give a person, an e-mail address or a telephone number")
    if detail.email and not _is_email(detail.email):
        yield Wrong("email", f"{quoted(detail.email)} is not an e-mail address", "write it as name@example.com")
    if "(0)" in detail.phone:
        remedy = "leave (0) away; where the 0 is dialled from abroad, as in Italy, write it without brackets"
        yield Wrong("phone", f"{quoted(detail.phone)} has (0), which E.164 does not know", remedy)
    elif detail.phone and _PHONE.fullmatch(detail.phone) is None:
        yield Wrong("phone", f"{quoted(detail.phone)} is not a telephone number", "write it with + and country, such as +49 30 901820")
    if detail.language and not _is_language(detail.language):
        yield Wrong("language", f"{quoted(detail.language)} is not a language", "use a language tag such as zh or en")


def _is_email(text: str) -> bool:
    return text.isprintable() and _EMAIL.fullmatch(text) is not None


def _is_right(module: Any, number: str) -> bool:  # noqa: ANN401 -- a module of stdnum
    """True for a number that is right as it is written: stdnum takes others for it, with dashes and digits of every kind."""
    return number.isascii() and module.is_valid(number) and module.compact(number) == number


def _tax_id(detail: kinds.TaxId, name: str) -> Iterator[Wrong]:
    if name == "vat":
        yield from _vat(detail.number, "number")
    elif name == "uscc" and not _is_right(uscc, detail.number):
        message = f"{quoted(detail.number)} is not a unified social credit code"
        yield Wrong("number", message, "give its 18 characters; the last one is a check digit")


def _vat(number: str, field: str) -> Iterator[Wrong]:
    country = _country_of_vat(number)
    if country not in countries() or re.fullmatch(r"[0-9A-Z+*]{2,38}", number[2:]) is None:
        yield Wrong(field, f"{quoted(number)} does not begin with a country", "write the country first, such as DE136695976")
        return
    if get_cc_module(country.lower(), "vat") is None:
        return  # no check is known for the numbers of that country
    try:
        right = vatin.validate(number)
    except InvalidChecksum:
        yield Wrong(field, f"the check digit of {number} is wrong", _COMPARE)
    except ValidationError:
        yield Wrong(field, f"{quoted(number)} is not a number of VAT of {number[:2]}", _COMPARE)
    else:
        if right != number:
            yield Wrong(field, f"{quoted(number)} is {right} in full", f"write {right}")


def _country_of_vat(number: str) -> str:
    """The country of a number of VAT, which for Greece and Northern Ireland begins with other letters."""
    return {"EL": "GR", "XI": "GB"}.get(number[:2], number[:2])


def _electronic_address(detail: kinds.ElectronicAddress, _name: str) -> Iterator[Wrong]:
    scheme, address = detail.scheme, detail.address
    if scheme not in electronic_schemes.SCHEMES:
        remedy = "use four digits such as 0204, or EM for an e-mail address"
        yield Wrong("scheme", f"{quoted(scheme)} is not a scheme of the list EAS", remedy)
    if scheme == electronic_schemes.EMAIL and not _is_email(address):
        yield Wrong("address", f"{quoted(address)} is not an e-mail address", "write it as name@example.com")
    if scheme == electronic_schemes.LEITWEG and not (_LEITWEG_FORM.fullmatch(address) and leitweg.is_valid(address)):
        remedy = "write it as the buyer gave it, such as 991-03730-19; two check digits end it"
        yield Wrong("address", f"{quoted(address)} is not a Leitweg-ID", remedy)
    country = electronic_schemes.VAT.get(scheme)
    if country is not None and _country_of_vat(address) != country:
        yield Wrong("address", f"{quoted(address)} is not a number of VAT of {country}", f"scheme {scheme} has numbers of {country}")
    elif country is not None:
        yield from _vat(address, "address")


def _bank_account(detail: kinds.BankAccount, _name: str) -> Iterator[Wrong]:
    if bool(detail.iban) == bool(detail.number):
        yield Wrong("iban", "an account has an IBAN or a number, one of them", "give iban, or number where its country has no IBAN")
    if detail.iban and not (_is_right(iban, detail.iban) and int(detail.iban[2:4]) in _CHECK_DIGITS):
        yield Wrong("iban", f"{quoted(detail.iban)} is not an IBAN: its check digits or its form are wrong", _COMPARE)
    if detail.bic and not (_is_right(bic, detail.bic) and detail.bic[4:6] in countries()):
        yield Wrong("bic", f"{quoted(detail.bic)} is not a BIC", "give its 8 or 11 characters, such as DEUTDEFF")
    if detail.currency and detail.currency not in MINOR_DIGITS:
        yield Wrong("currency", f"{quoted(detail.currency)} is not a currency of ISO 4217", "use its three capital letters, such as EUR")


def _creditor(detail: kinds.Creditor, _name: str) -> Iterator[Wrong]:
    """The check digits are those of an IBAN, counted without the three characters of the business code."""
    number = detail.identifier
    form = re.fullmatch(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{3}[0-9A-Z]{1,28}", number)
    is_right = form is not None and number[:2] in countries() and int(number[2:4]) in _CHECK_DIGITS
    if not is_right or _remainder(number[7:] + number[:4]) != 1:
        yield Wrong(
            "identifier", f"{quoted(number)} is not a creditor identifier", "write it as the bank gave it, such as DE98ZZZ09999999999"
        )


def _remainder(text: str) -> int:
    """The remainder by 97 of digits, where letters count from A as 10."""
    return int("".join(str(int(letter, 36)) for letter in text)) % 97


def _exemption(detail: kinds.Exemption, _name: str) -> Iterator[Wrong]:
    if not detail.texts:
        yield Wrong("texts", "has no words", "give them by language, such as texts.en=...")
    if detail.code and _VATEX.fullmatch(detail.code) is None:
        yield Wrong("code", f"{quoted(detail.code)} is not a code of the list VATEX", "write it as VATEX-EU-AE")


def _legal_text(detail: kinds.LegalText, _name: str) -> Iterator[Wrong]:
    if not detail.texts:
        yield Wrong("texts", "has no words", "give them by language, such as texts.en=...")


def _style(detail: kinds.Style, _name: str) -> Iterator[Wrong]:
    if detail.colour and _COLOUR.fullmatch(detail.colour) is None:
        yield Wrong("colour", f"{quoted(detail.colour)} is not a colour", "write it as #004488")
    if detail.logo and _DIGEST.fullmatch(detail.logo) is None:
        yield Wrong("logo", f"{quoted(detail.logo)} is not a content hash", "give the 64 hexadecimal digits of SHA-256")
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
    kinds.BankAccount: _bank_account,
    kinds.Creditor: _creditor,
    kinds.Exemption: _exemption,
    kinds.LegalText: _legal_text,
    kinds.Style: _style,
    kinds.ThirdParty: _third_party,
}
