"""Permitted contents of a party's fact: a table of details with their errors, and the one spelling of the others."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from billing.accounts.parties import checks, kinds, recording
from billing.accounts.parties.fields import Masking, described
from billing.accounts.parties.kinds import CUSTOMER_KINDS, ISSUER_KINDS
from billing.accounts.parties.stored import NewFact, Subject
from rating.errors import ProblemsError
from tests.billing.accounts.operator_home import day

CUSTOMER, ISSUER = Subject(1), Subject(None)

# who, kind, name | fields | the field that is wrong, and what is said
WRONG = """
customer identity - | name= category=business | name: is empty
customer identity - | name=N | category: is missing
customer identity - | name=N category=duke | category: 'duke' cannot be used
customer identity - | category=business | name: is missing
customer identity x | name=N category=public | name: identity has no name
customer identity - | name=N category=public register_court=Berlin | register_id: is empty, and a register is named
customer address Billing | city=B country=DE | name: 'Billing' cannot be used as a name
customer address billing | city=B country=XX | country: 'XX' is not a country of ISO 3166-1
customer address billing | city=B country=DEU | country: has 3 characters, 2 at most
customer address billing | city=B country=DE street=S post_box=1 | post_box: is given beside a street
customer address billing | city=B country=DE building=7 | building: has no street
customer address billing | city=B country=DE zip=1 | zip: there is no such field
customer contact billing | language=en | person: is empty, as are email and phone
customer contact billing | email=a@b | email: 'a@b' is not an e-mail address
customer contact billing | email=a@b.de,c@d.de | email: 'a@b.de,c@d.de' is not an e-mail address
customer contact billing | phone=030-901820 | phone: '030901820' is not a telephone number
customer tax_id ust | number=DE136695976 | name: 'ust' is not a scheme of tax ids
customer tax_id vat | number=DE136695977 | number: the check digit of DE136695977 is wrong
customer tax_id vat | number=136695976 | number: '136695976' does not begin with a country
customer tax_id vat | number=ATU1358562 | number: 'ATU1358562' is not a number of VAT of AT
customer tax_id uscc | number=91110000600037341M | number: '91110000600037341M' is not a unified social credit code
customer electronic_address - | scheme=204 address=x | scheme: '204' is not a scheme of the list EAS
customer electronic_address - | scheme=EM address=x | address: 'x' is not an e-mail address
customer electronic_address - | scheme=0204 address=991-03730-18 | address: '991-03730-18' is not a Leitweg-ID
customer references - | buyer_reference= | detail: has no field
issuer style - | colour= | detail: has no field
customer bank_account main | holder=H | iban: an account has an IBAN or a number, one of them
customer bank_account main | holder=H iban=DE89370400440532013000 number=1 | iban: an account has an IBAN or a number, one of them
customer bank_account main | holder=H iban=DE89370400440532013001 | iban: 'DE89370400440532013001' is not an IBAN
customer bank_account main | holder=H iban=DE89370400440532013000 bic=DEUT | bic: 'DEUT' is not a BIC
customer bank_account main | holder=H number=1 currency=EURO | currency: has 4 characters, 3 at most
customer bank_account main | holder=H number=1 currency=EUX | currency: 'EUX' is not a currency of ISO 4217
customer delivery - | channel=pigeon | channel: 'pigeon' cannot be used
customer consent marketing | given=perhaps | given: 'perhaps' cannot be used
issuer identity - | name=N category=business | category: there is no such field
issuer style - | locales.de=deutsch! | locales: 'deutsch!' is not a locale of de
issuer creditor - | identifier=DE97ZZZ09999999999 | identifier: 'DE97ZZZ09999999999' is not a creditor identifier
issuer style - | colour=blue | colour: 'blue' is not a colour
issuer style - | logo=x | logo: 'x' is not a content hash
issuer exemption standard | code=VATEX-EU-AE texts={} | texts: has no words
issuer exemption standard | texts.en=Exempt code=AE | code: 'AE' is not a code of the list VATEX
issuer legal_text footer | texts.English=Exempt | texts: 'English' is not a language
issuer legal_text footer | texts.en-US=A texts.en-us=B | texts: 'en-us' is given twice
issuer creditor - | identifier=XX11ZZZ09999999999 | identifier: 'XX11ZZZ09999999999' is not a creditor identifier
issuer creditor - | identifier=DE01ZZZ09999999999 | identifier: 'DE01ZZZ09999999999' is not a creditor identifier
customer bank_account main | holder=H iban=DE00370400440000000048 | iban: 'DE00370400440000000048' is not an IBAN
customer bank_account main | holder=H number=1 currency=ßA | currency: 'ßA' is not a currency of ISO 4217
customer address billing | city=B country=ß | country: 'ß' is not a country of ISO 3166-1
customer address billing | city=B country=\ufb01 | country: '\ufb01' is not a country of ISO 3166-1
customer contact billing | email=a..b@x.de | email: 'a..b@x.de' is not an e-mail address
customer contact billing | email=a@x..de | email: 'a@x..de' is not an e-mail address
customer contact billing | email=.a@x.de | email: '.a@x.de' is not an e-mail address
customer contact billing | email=a@-x.de | email: 'a@-x.de' is not an e-mail address
customer contact billing | phone=+49_(0)30_901820 | phone: '+49(0)30901820' has (0), which E.164 does not know
customer tax_id vat | number=BE403019261 | number: 'BE403019261' is BE0403019261 in full
customer tax_id vat | number=GB73027 | number: 'GB73027' is not a number of VAT of GB
customer tax_id vat | number=IT37498783768 | number: 'IT37498783768' is not a number of VAT of IT
customer electronic_address - | scheme=9999 address=x | scheme: '9999' is not a scheme of the list EAS
customer electronic_address - | scheme=9930 address=DE136695977 | address: the check digit of DE136695977 is wrong
customer electronic_address - | scheme=9930 address=ATU13585627 | address: 'ATU13585627' is not a number of VAT of DE
customer electronic_address - | scheme=EM address=a..b@x.de | address: 'a..b@x.de' is not an e-mail address
customer electronic_address - | scheme=0204 address=991_03730_19 | address: '991 03730 19' is not a Leitweg-ID
customer delivery - | channel=paper in_plain_words=maybe | in_plain_words: 'maybe' cannot be used
"""


@pytest.mark.parametrize("line", WRONG.strip().splitlines())
def test_what_is_wrong_is_said(line: str) -> None:
    party, fields, said = (part.strip() for part in line.split(" | "))
    who, kind, name = party.split()
    subject = CUSTOMER if who == "customer" else ISSUER
    given = {key: text.replace("_", " ") if isinstance(text, str) else text for key, text in values(fields).items()}
    assert [each[: len(said)] for each in errors(kind, "" if name == "-" else name, given, subject)] == [said]


# kind, name | fields | fields in their one spelling
RIGHT = """
tax_id vat | number=de136695976 | number=DE136695976
tax_id vat | number=DE_136.695_976 | number=DE136695976
tax_id vat | number=CHE107787577IVA | number=CHE107787577IVA
tax_id vat | number=EL094259216 | number=EL094259216
tax_id uscc | number=91110000600037341l | number=91110000600037341L
tax_id tax_number | number=21/815/08150 | number=21/815/08150
bank_account main | holder=H iban=de89_3704_0044_0532_0130_00 bic=deutdeff | holder=H iban=DE89370400440532013000 bic=DEUTDEFF
contact billing | phone=+49_(30)_901-820 | phone=+4930901820
address billing | city=B country=de | city=B country=DE
electronic_address - | scheme=0204 address=991-03730-19 | scheme=0204 address=991-03730-19
electronic_address - | scheme=0204 address=\uff19\uff19\uff11\u201303730\u201419 | scheme=0204 address=991-03730-19
electronic_address - | scheme=em address=a@x.de | scheme=EM address=a@x.de
electronic_address - | scheme=9930 address=de_136.695.976 | scheme=9930 address=DE136695976
bank_account main | holder=H iban=DE89\u20133704\u20130044\u20130532\u20130130\u201300 | holder=H iban=DE89370400440532013000
bank_account main | holder=H iban=DE\uff18\uff19370400440532013000 | holder=H iban=DE89370400440532013000
bank_account main | holder=H iban=MT84_MALT_0110_0001_2345_MTLC_AST0_01S | holder=H iban=MT84MALT011000012345MTLCAST001S
bank_account main | holder=H number=1 bic=DEUT_DE_FF_500 | holder=H number=1 bic=DEUTDEFF500
bank_account main | holder=H iban=XK051212012345678906 bic=PCBKXKPR | holder=H iban=XK051212012345678906 bic=PCBKXKPR
bank_account main | holder=H number=\uff11\uff12__34\u201356 | holder=H number=12_34-56
address billing | city=Prishtina country=xk | city=Prishtina country=XK
tax_id uscc | number=9111\u20130000\u20136000\u201337341l | number=91110000600037341L
tax_id tax_number | number=12__345_6\u20137ß | number=12_345_6-7ß
delivery - | channel=paper in_plain_words=yes | channel=paper in_plain_words=true
consent marketing | given=no | given=false
"""


@pytest.mark.parametrize("line", RIGHT.strip().splitlines())
def test_what_is_right_has_one_spelling(line: str) -> None:
    party, given, wanted = (part.strip() for part in line.split(" | "))
    kind, name = party.split()
    fact = checked(CUSTOMER, kind, "" if name == "-" else name, {key: text.replace("_", " ") for key, text in values(given).items()})
    right = {key: text.replace("_", " ") for key, text in values(wanted).items()}
    assert fact.detail == msgspec.convert(right, CUSTOMER_KINDS[kind], strict=False)
    assert checks.in_one_spelling(fact.detail, fact.name) == fact.detail


def test_a_creditor_of_an_issuer() -> None:
    assert checked(ISSUER, "creditor", "", {"identifier": "de98 zzz 09999999999"}).detail == kinds.Creditor("DE98ZZZ09999999999")


def test_a_text_may_have_lines_and_no_control_characters() -> None:
    texts = {"de": "Sitz: Bonn\nHRB 12345", "en": "Seat: Bonn"}
    assert checked(ISSUER, "legal_text", "footer", {"texts": texts}).detail == kinds.LegalText(texts)
    assert errors("identity", "", {"name": "A\x1b[2J", "category": "public"}) == ["name: holds control characters"]
    assert errors("address", "billing", {"city": "B\nC", "country": "DE"}) == ["city: holds control characters"]


def test_a_name_of_two_thousand_characters_is_refused() -> None:
    assert errors("identity", "", {"name": "x" * 2_000, "category": "public"}) == ["name: has 2,000 characters, 200 at most"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("A\u00a0\u3000B", "A  B"),
        ("so\u00adft", "soft"),
        ("\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645"),
    ],
)
def test_blanks_of_all_kinds_are_one_and_joiners_stay(given: str, wanted: str) -> None:
    assert checked(CUSTOMER, "identity", "", {"name": given, "category": "public"}).detail.name == wanted  # type: ignore[attr-defined]  # an identity has a name


def test_lines_end_with_a_line_feed() -> None:
    assert checked(CUSTOMER, "note", "visit", {"text": "a\r\nb\rc"}).detail == kinds.Note("a\nb\nc")


def test_lengths_are_those_of_the_one_spelling() -> None:
    """A sharp s has two capitals, and a ligature has three letters: neither makes more than was checked."""
    assert checked(CUSTOMER, "tax_id", "tax_number", {"number": "ß" * 40}).detail == kinds.TaxId("ß" * 40)
    assert errors("tax_id", "tax_number", {"number": "\ufb03" * 14}) == ["number: has 42 characters, 40 at most"]


def test_a_fact_is_64_kib_at_most() -> None:
    texts = {
        f"a{letter}": "漢" * 2_000 for letter in "bcdefghijklm"
    }  # 12 times 6,000 + 8 bytes, without the last comma, and 12 around them
    assert errors("legal_text", "footer", {"texts": texts}, ISSUER) == ["detail: has 72,107 bytes as JSON, and at most 65,536 are stored"]
    del texts["ab"], texts["ac"]
    assert checked(ISSUER, "legal_text", "footer", {"texts": texts}).detail == kinds.LegalText(texts)


@pytest.mark.parametrize("mark", ["\0", "\ud800", "\x1b", "\u202e"])
def test_texts_that_no_document_can_have_are_refused(mark: str) -> None:
    """A NUL character, half a surrogate pair, an escape, a sign that turns the direction."""
    assert errors("identity", "", {"name": f"A{mark}", "category": "public"}) == ["name: holds control characters"]
    assert errors("consent", f"a{mark}", {"given": "true"})[0].startswith("name: ")
    assert len(errors("address", "billing", {"city": "B", "country": "DE", f"x{mark}": "1"})) == 1


def test_a_text_in_very_many_languages_is_refused() -> None:
    texts = {f"a{first}{second}": "x" for first in "bcdefghij" for second in "abcdefghijklmnopqrstuvwxyz"}
    assert errors("legal_text", "footer", {"texts": texts}, ISSUER) == ["texts: has 234 languages"]
    assert errors("legal_text", "footer", {"texts": {"en" + "-abcdefgh" * 4: "x"}}, ISSUER)[0].endswith("is not a language")
    assert errors("legal_text", "footer", {"texts": "x"}, ISSUER) == ["texts: 'x' cannot be used"]
    assert errors("legal_text", "footer", {"texts": {"en": "x" * 1_000_000}}, ISSUER) == [
        "texts: has 1,000,000 characters, 2,000 at most",
    ]


def test_every_field_has_words_and_what_identifies_somebody_is_masked() -> None:
    whole = {
        each.name
        for struct in (*CUSTOMER_KINDS.values(), *ISSUER_KINDS.values())
        for each in described(struct)
        if each.masking is Masking.WHOLE
    }
    assert all(each.says for struct in CUSTOMER_KINDS.values() for each in described(struct))
    assert whole.isdisjoint(
        {"name", "street", "email", "phone", "number", "iban", "person", "holder", "given_name", "family_name", "address"}
    )
    assert len(checks.countries()) > 240  # ISO 3166-1 has 249
    assert checks.countries()["CN"] == "China"


def values(text: str) -> dict[str, Any]:
    """Fields as a command gives them: `field=value`, `texts.en=...`."""
    found: dict[str, Any] = {}
    for pair in text.split():
        name, _, value = pair.partition("=")
        first, _, rest = name.partition(".")
        if rest:
            found.setdefault(first, {})[rest] = value
        else:
            found[first] = {} if value == "{}" else value
    return found


def checked(subject: Subject, kind: str, name: str, fields: dict[str, Any]) -> NewFact:
    """The fact from 2026-01-01 on, as it would be recorded."""
    detail = recording.detail_of(subject, kind, fields)
    return recording.checked(subject, NewFact(kind, name, day("2026-01-01"), None, detail))


def errors(kind: str, name: str, fields: dict[str, Any], subject: Subject = CUSTOMER) -> list[str]:
    """Fields with what is wrong with them."""
    with pytest.raises(ProblemsError) as found:
        checked(subject, kind, name, fields)
    assert all(each.remedy for each in found.value.problems)
    return [f"{each.path}: {each.message}" for each in found.value.problems]
